//! Revokes a staff key.

use ::store::Tx;
use contracts::customers::{ApiKeyId, StaffKeyRevoked};
use platform::{Ctx, Staff};

use crate::Error;
use crate::staff::StaffKeyView;
use crate::store::staff as store;

/// Ends a key, at once in this process and by `staff_key.revoked` in every other; they remember a key
/// for a minute at most. A key that was revoked before stays as it is, and nothing is said again.
///
/// Errors: [`Error::KeyNotFound`].
pub async fn revoke_key(ctx: &Ctx, by: Staff<()>, key: ApiKeyId) -> Result<StaffKeyView, Error> {
    let view = ctx.db.write((by, key), |tx, (by, key)| Box::pin(revoke(tx, by, *key))).await?;
    ctx.forget_key(key);
    Ok(view)
}

async fn revoke(tx: &mut Tx, by: &Staff<()>, key: ApiKeyId) -> Result<StaffKeyView, Error> {
    if let Some(staff) = store::revoke_key(tx, key).await? {
        by.records(tx, "customers.revoke_key", key, &["revoked_at"]);
        tx.say(&StaffKeyRevoked { key, staff });
    }
    store::key(tx, key).await?.ok_or(Error::KeyNotFound)
}
