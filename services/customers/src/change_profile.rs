//! Changes a customer's own profile.

use ::store::Tx;
use contracts::customers::{CustomerId, CustomerUpdated};
use platform::Ctx;

use crate::customer::{ChangeProfile, CustomerView};
use crate::{Error, store};

/// Writes the change on the version that was read.
///
/// Errors: [`Error::ProfileChanged`], a problem at `/market`.
pub async fn change_profile(
    ctx: &Ctx,
    customer: CustomerId,
    version: i64,
    change: ChangeProfile,
) -> Result<CustomerView, Error> {
    if let Some(market) = &change.market {
        ctx.market(market)?;
    }
    let before = show(ctx, customer).await?;
    if before.version != version {
        return Err(Error::ProfileChanged { version: before.version });
    }
    ctx.db.write(change.applied_to(before), |tx, after| Box::pin(update(tx, after))).await
}

async fn update(tx: &mut Tx, after: &CustomerView) -> Result<CustomerView, Error> {
    let version = store::accounts::update(tx, after).await?;
    let version = version.ok_or(Error::ProfileChanged { version: after.version + 1 })?;
    tx.say(&CustomerUpdated { customer: after.id, version });
    Ok(CustomerView { version, updated_at: tx.now(), ..after.clone() })
}

/// Errors: [`Error::NotFound`].
pub async fn show(ctx: &Ctx, customer: CustomerId) -> Result<CustomerView, Error> {
    store::accounts::customer(&ctx.db, customer).await?.ok_or(Error::NotFound)
}
