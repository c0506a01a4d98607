//! Forgets carts that nobody comes back to.

use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Problem};

use crate::create_cart::COUNTED_OVER;
use crate::store;

/// Of one transaction; each cart brings its lines.
const CARTS_MAX: i64 = 100;
const ADDRESSES_MAX: i64 = 500;

/// Deletes open carts that were left alone for `carts.open_days_max`, and as old ones whose order has ended; and
/// forgets which addresses opened carts an hour ago.
pub async fn prune(ctx: Ctx) -> Result<(), Problem> {
    let kept = SignedDuration::from_hours(24 * ctx.config.carts.open_days_max);
    let before = ctx.clock.now().saturating_sub(kept).unwrap_or(Timestamp::MIN);
    loop {
        let pruned = ctx.db.write(before, |tx, before| Box::pin(store::prune(tx, *before, CARTS_MAX))).await?;
        if i64::try_from(pruned).unwrap_or(0) < CARTS_MAX {
            break;
        }
    }
    let before = ctx.clock.now().saturating_sub(COUNTED_OVER).unwrap_or(Timestamp::MIN);
    let chunk = || ctx.db.write(before, |tx, before| Box::pin(store::forget_opened(tx, *before, ADDRESSES_MAX)));
    while i64::try_from(chunk().await?).unwrap_or(0) == ADDRESSES_MAX {}
    Ok(())
}
