//! Stocktakes in bulk, for the importer.

use std::collections::BTreeMap;

use ::store::Tx;
use contracts::catalog::VariantId;
use contracts::inventory::LocationId;
use platform::{Ctx, Problem};

use crate::book::book;
use crate::error::Error;
use crate::movement::Movement;
use crate::store;

/// Rows per transaction.
const CHUNK: usize = 500;

/// Sets what is on hand of each variant at the location of this name, which is made where there is
/// none. Returns how many levels were made or changed: nothing the second time. A count below what is
/// reserved is kept as a shortfall. A variant that comes twice has its last count.
///
/// `ctx` may be any service's: the levels are inventory's all the same.
///
/// Errors: a field problem where a count is negative; then nothing is changed.
pub async fn import_levels(ctx: &Ctx, location: &str, levels: Vec<(VariantId, i64)>) -> Result<u64, Error> {
    if let Some((variant, count)) = levels.iter().find(|(_, count)| *count < 0) {
        return Err(Problem::field("/levels", format!("counts {count} of {variant}: a count is 0 or more")).into());
    }
    let ctx = ctx.of("inventory");
    let location = location_named(&ctx, location).await?;
    let counts: Vec<(VariantId, i64)> = BTreeMap::from_iter(levels).into_iter().collect();
    let mut changed = 0;
    for chunk in counts.chunks(CHUNK) {
        let variants: Vec<VariantId> = chunk.iter().map(|(variant, _)| *variant).collect();
        let before = store::on_hand(&ctx.db, location, &variants).await?;
        let differing = differing(chunk, before);
        if !differing.is_empty() {
            let input = (location, differing);
            changed += ctx.db.write(input, |tx, (location, counts)| Box::pin(count(tx, *location, counts))).await?;
        }
    }
    Ok(changed)
}

async fn count(tx: &mut Tx, location: LocationId, counts: &[(VariantId, i64)]) -> Result<u64, Error> {
    let variants: Vec<VariantId> = counts.iter().map(|(variant, _)| *variant).collect();
    store::lock_variants(tx, &variants).await?;
    let before = store::on_hand_locked(tx, location, &variants).await?;
    let differing = differing(counts, before.iter().copied());
    let new: Vec<VariantId> =
        variants.iter().copied().filter(|variant| before.iter().all(|(known, _)| known != variant)).collect();
    if !new.is_empty() {
        store::add_levels(tx, &new, location).await?;
    }
    let before: BTreeMap<VariantId, i64> = before.into_iter().collect();
    let movements: Vec<Movement> = differing
        .iter()
        .map(|(variant, count)| (*variant, count - before.get(variant).copied().unwrap_or(0)))
        .filter(|(_, change)| *change != 0)
        .map(|(variant, change)| Movement::counted(variant, location, change))
        .collect();
    if !book(tx, &movements).await? {
        return Err(Problem::internal("a level changed under its lock").into());
    }
    Ok(differing.len() as u64)
}

/// The counts that say something new.
fn differing(counts: &[(VariantId, i64)], before: impl IntoIterator<Item = (VariantId, i64)>) -> Vec<(VariantId, i64)> {
    let before: BTreeMap<VariantId, i64> = before.into_iter().collect();
    counts.iter().copied().filter(|(variant, count)| before.get(variant) != Some(count)).collect()
}

async fn location_named(ctx: &Ctx, name: &str) -> Result<LocationId, Error> {
    if let Some(known) = store::location_named(&ctx.db, name).await? {
        return Ok(known);
    }
    let input = (ctx.ids.next::<LocationId>(), name.to_owned());
    ctx.db.write(input, |tx, (id, name)| Box::pin(store::insert_location(tx, *id, name))).await?;
    // Another importer may have been faster.
    let made = store::location_named(&ctx.db, name).await?;
    made.ok_or_else(|| Problem::internal(format!("the location {name} was made and is gone")).into())
}
