//! Deletes a category that holds nothing.

use ::store::Tx;
use contracts::catalog::{CategoryChanged, CategoryId};
use platform::{Ctx, Staff};

use crate::Error;
use crate::store::categories;

/// Errors: `CategoryNotFound`, `CategoryChanged`, `CategoryNotEmpty`.
pub async fn delete_category(ctx: &Ctx, staff: Staff<()>, category: CategoryId, version: i64) -> Result<(), Error> {
    let input = (staff, category, version);
    ctx.db.write(input, |tx, (staff, category, version)| Box::pin(delete(tx, staff, *category, *version))).await
}

async fn delete(tx: &mut Tx, staff: &Staff<()>, id: CategoryId, version: i64) -> Result<(), Error> {
    categories::lock_tree(tx).await?;
    match categories::take(tx, id).await? {
        None => return Err(Error::CategoryNotFound { category: id.to_string() }),
        Some(now) if now != version => return Err(Error::CategoryChanged { version: now }),
        Some(_) => {}
    }
    if categories::is_used(tx, id).await? {
        return Err(Error::CategoryNotEmpty);
    }
    categories::delete(tx, id).await?;
    tx.say(&CategoryChanged { category: id });
    staff.records(tx, "catalog.delete_category", id, &["title"]);
    Ok(())
}
