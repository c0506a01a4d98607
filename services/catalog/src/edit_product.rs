//! Changes what a product says, or takes it out of the shop and back.

use ::store::Tx;
use contracts::catalog::{ProductId, ProductUpdated};
use platform::{Ctx, Problem, Staff};

use crate::product::EditProduct;
use crate::{Error, store};

/// Nobody's change is lost: the edit is made on `version` or refused.
///
/// Errors: `ProductNotFound`, `ProductChanged`.
pub async fn edit_product(
    ctx: &Ctx,
    staff: Staff<()>,
    product: ProductId,
    version: i64,
    edit: EditProduct,
) -> Result<(), Error> {
    if edit.fields().is_empty() {
        return Err(Problem::field("", "names no field to change").into());
    }
    let input = (staff, product, version, edit);
    ctx.db
        .write(input, |tx, (staff, product, version, edit)| Box::pin(change(tx, staff, *product, *version, edit)))
        .await
}

async fn change(
    tx: &mut Tx,
    staff: &Staff<()>,
    product: ProductId,
    version: i64,
    edit: &EditProduct,
) -> Result<(), Error> {
    let Some((version, status, slug)) = store::edit(tx, product, version, edit).await? else {
        return Err(match store::version(tx, product).await? {
            Some(version) => Error::ProductChanged { version },
            None => Error::ProductNotFound { product: product.to_string() },
        });
    };
    tx.say(&ProductUpdated { product, version, status, slug });
    staff.records(tx, "catalog.edit_product", product, &edit.fields());
    Ok(())
}
