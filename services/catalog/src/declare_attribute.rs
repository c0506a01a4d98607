//! Declares an attribute before products use it.

use ::store::Tx;
use contracts::catalog::AttributeId;
use platform::{Ctx, Staff};

use crate::attribute::NewAttribute;
use crate::{Error, store};

/// Errors: `AttributeTaken`.
pub async fn declare_attribute(ctx: &Ctx, staff: Staff<()>, attribute: NewAttribute) -> Result<(), Error> {
    ctx.db.write((staff, attribute), |tx, (staff, attribute)| Box::pin(declare(tx, staff, attribute))).await
}

async fn declare(tx: &mut Tx, staff: &Staff<()>, attribute: &NewAttribute) -> Result<(), Error> {
    let id: AttributeId = tx.ids().next();
    if !store::attributes::insert(tx, id, attribute).await? {
        return Err(Error::AttributeTaken { key: attribute.key.clone() });
    }
    staff.records(tx, "catalog.declare_attribute", id, &["key", "label", "type", "unit", "filterable"]);
    Ok(())
}
