//! Changes what people read of an attribute, and whether lists are filtered by it.

use ::store::Tx;
use platform::{Ctx, Problem, Staff};

use crate::attribute::EditAttribute;
use crate::{Error, store};

/// Nobody's change is lost: the edit is made on `version` or refused.
///
/// Errors: `AttributeNotFound`, `AttributeChanged`.
pub async fn edit_attribute(
    ctx: &Ctx,
    staff: Staff<()>,
    key: String,
    version: i64,
    edit: EditAttribute,
) -> Result<(), Error> {
    if edit.fields().is_empty() {
        return Err(Problem::field("", "names no field to change").into());
    }
    let input = (staff, key, version, edit);
    ctx.db.write(input, |tx, (staff, key, version, edit)| Box::pin(change(tx, staff, key, *version, edit))).await
}

async fn change(tx: &mut Tx, staff: &Staff<()>, key: &str, version: i64, edit: &EditAttribute) -> Result<(), Error> {
    let Some(id) = store::attributes::edit(tx, key, version, edit).await? else {
        return Err(match store::attributes::version(tx, key).await? {
            Some(version) => Error::AttributeChanged { version },
            None => Error::AttributeNotFound { key: key.to_owned() },
        });
    };
    staff.records(tx, "catalog.edit_attribute", id, &edit.fields());
    Ok(())
}
