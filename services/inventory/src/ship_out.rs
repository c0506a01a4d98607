//! Takes a dispatched shipment off the shelf.

use std::collections::BTreeMap;

use ::store::Tx;
use contracts::catalog::VariantId;
use contracts::shipping::ShipmentDispatched;
use platform::{Outcome, Problem};

use crate::book::book;
use crate::movement::Movement;
use crate::reservation::summed;
use crate::store;

/// What left the house is on hand no longer, and the order's hold on it has ended. Once per shipment.
///
/// A parcel that left while its order was being cancelled is gone all the same: then there is no hold
/// to end, and the level ends where it would have in the other order of events.
pub async fn ship_out(tx: &mut Tx, dispatched: &ShipmentDispatched) -> Result<Outcome, Problem> {
    let ShipmentDispatched { shipment, order, location, lines } = dispatched;
    match store::lock_order(tx, *order, *shipment).await? {
        None => return Ok(Outcome::Later("its order has not come yet")),
        Some(true) => return Ok(Outcome::Done),
        Some(false) => {}
    }
    let left = summed(lines);
    let levels = store::lock_levels(tx, left.keys().copied()).await?;
    let held: BTreeMap<VariantId, i64> = store::held(tx, *order, *location).await?.into_iter().collect();
    let counted = levels.iter().filter(|level| level.location == *location);
    let movements: Vec<Movement> = counted
        .map(|level| {
            let quantity = left[&level.variant];
            let held = held.get(&level.variant).copied().unwrap_or(0).min(quantity);
            Movement::shipped((*order, *shipment), level.variant, *location, quantity, held)
        })
        .collect();
    if !book(tx, &movements).await? {
        return Err(Problem::internal(format!("{shipment} left a level that does not exist")));
    }
    let ended: Vec<(VariantId, i64)> =
        movements.iter().map(|m| (m.variant, -m.reserved_change)).filter(|(_, held)| *held > 0).collect();
    if !ended.is_empty() {
        store::ship(tx, *order, *location, &ended).await?;
    }
    Ok(Outcome::Done)
}
