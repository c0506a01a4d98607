//! Takes a dispatched shipment off the shelf.

use ::store::Tx;
use contracts::shipping::ShipmentDispatched;
use platform::{Outcome, Problem};

use crate::book::book;
use crate::movement::Movement;
use crate::reservation::{ship, summed};
use crate::store;

/// What left the house is on hand no longer, and the order's hold on it has ended. Once per shipment.
///
/// A parcel that left while its order was being cancelled is gone all the same: then there is no hold
/// to end, and the level ends where it would have in the other order of events.
pub async fn ship_out(tx: &mut Tx, dispatched: &ShipmentDispatched) -> Result<Outcome, Problem> {
    let ShipmentDispatched { shipment, order, location, lines } = dispatched;
    match store::orders::lock_order_shipped(tx, *order, *shipment).await? {
        None => return Ok(Outcome::Later("its order has not come yet")),
        Some(true) => return Ok(Outcome::Done),
        Some(false) => {}
    }
    let left = summed(lines);
    let levels = store::lock_levels(tx, left.keys().copied(), &[]).await?;
    let endings = ship(&store::orders::reservations(tx, *order).await?, *location, &left);
    let counted = levels.iter().filter(|level| level.location == *location);
    let movements: Vec<Movement> = counted
        .map(|level| {
            let held = endings.iter().find(|ending| ending.variant == level.variant).map_or(0, |ending| ending.shipped);
            Movement::shipped((*order, *shipment), level.variant, *location, left[&level.variant], held)
        })
        .collect();
    if !book(tx, &movements).await? {
        return Err(Problem::internal(format!("{shipment} left a level that does not exist")));
    }
    if !endings.is_empty() {
        store::orders::end(tx, &endings).await?;
    }
    Ok(Outcome::Done)
}
