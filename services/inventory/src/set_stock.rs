//! How a variant is sold when it runs out, and from when on it is low.

use ::store::Tx;
use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, StockPolicy};
use platform::{Ctx, Problem, Staff};

use crate::book::flip;
use crate::error::Error;
use crate::known::is_known;
use crate::level::{LevelView, VariantStockView};
use crate::store;

/// From now on, at every location. A variant that is sold beyond what is there gets an empty level at the first
/// active location, where it has none: orders have to be held somewhere.
///
/// Errors: `VariantNotFound`, `NoLocation`.
pub async fn set_policy(
    ctx: &Ctx,
    staff: Staff<()>,
    variant: VariantId,
    policy: StockPolicy,
) -> Result<VariantStockView, Error> {
    if !is_known(ctx, variant).await? {
        return Err(Error::VariantNotFound);
    }
    let input = (staff, variant, policy);
    ctx.db.write(input, |tx, (staff, variant, policy)| Box::pin(change_policy(tx, staff, *variant, *policy))).await?;
    show_variant(ctx, variant).await
}

async fn change_policy(tx: &mut Tx, staff: &Staff<()>, variant: VariantId, policy: StockPolicy) -> Result<(), Error> {
    store::lock_variants(tx, &[variant]).await?;
    store::set_policy(tx, &[variant], policy).await?;
    if policy != StockPolicy::Deny {
        if !store::locations::is_any_active(tx).await? {
            return Err(Error::NoLocation);
        }
        store::add_first_level(tx, variant).await?;
    }
    flip(tx, [variant]).await?;
    staff.records(tx, "inventory.set_policy", variant, &["policy"]);
    Ok(())
}

/// Makes the level where there is none.
///
/// Errors: `VariantNotFound`, `LocationNotFound`.
pub async fn set_threshold(
    ctx: &Ctx,
    staff: Staff<()>,
    (variant, location): (VariantId, LocationId),
    low_threshold: i64,
) -> Result<LevelView, Error> {
    if store::locations::location(&ctx.db, location).await?.is_none() {
        return Err(Error::LocationNotFound);
    }
    if !is_known(ctx, variant).await? {
        return Err(Error::VariantNotFound);
    }
    let input = (staff, variant, location, low_threshold);
    ctx.db
        .write(input, |tx, (staff, variant, location, low)| {
            Box::pin(change_threshold(tx, staff, *variant, *location, *low))
        })
        .await?;
    Ok(store::level(&ctx.db, variant, location).await?)
}

async fn change_threshold(
    tx: &mut Tx,
    staff: &Staff<()>,
    variant: VariantId,
    location: LocationId,
    low_threshold: i64,
) -> Result<(), Problem> {
    store::lock_variants(tx, &[variant]).await?;
    store::add_levels(tx, [(variant, location)]).await?;
    store::set_thresholds(tx, [((variant, location), low_threshold)]).await?;
    flip(tx, [variant]).await?;
    staff.records(tx, "inventory.set_threshold", variant, &["low_threshold"]);
    Ok(())
}

/// Errors: `VariantNotFound`: nothing of it was ever counted.
pub async fn show_variant(ctx: &Ctx, variant: VariantId) -> Result<VariantStockView, Error> {
    store::variant_stock(&ctx.db, variant).await?.ok_or(Error::VariantNotFound)
}
