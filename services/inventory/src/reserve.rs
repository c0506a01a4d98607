//! Holds a placed order's stock.

use ::store::Tx;
use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, StockRejected, StockReserved};
use contracts::orders::{OrderId, OrderPlaced};
use platform::{Outcome, Problem};

use crate::book::book;
use crate::movement::Movement;
use crate::reservation::{Allocation, Asked};
use crate::store;

/// Holds every line at one location, or nothing: says stock.reserved or stock.rejected, once per order.
/// An order that is known already, by an earlier delivery or by its cancellation, is left as it is.
pub async fn reserve(tx: &mut Tx, placed: &OrderPlaced) -> Result<Outcome, Problem> {
    if !store::open_order(tx, placed.order).await? {
        return Ok(Outcome::Done);
    }
    let asked = Asked::of(&placed.lines);
    let levels = store::lock_levels(tx, asked.variants()).await?;
    let first = if levels.is_empty() { store::first_location(tx).await? } else { None };
    match asked.allocate(&levels, first) {
        Allocation::Hold { location, quantities } => hold(tx, placed.order, location, &quantities).await,
        Allocation::Reject(shortages) => {
            store::reject_order(tx, placed.order).await?;
            tx.say(&StockRejected { order: placed.order, shortages });
            Ok(Outcome::Done)
        }
    }
}

async fn hold(
    tx: &mut Tx,
    order: OrderId,
    location: LocationId,
    quantities: &[(VariantId, i64)],
) -> Result<Outcome, Problem> {
    let movement = |(variant, quantity): &(VariantId, i64)| Movement::reserved(order, *variant, location, *quantity);
    let movements: Vec<Movement> = quantities.iter().map(movement).collect();
    if !book(tx, &movements).await? {
        return Ok(Outcome::Later("the stock changed while it was being held"));
    }
    if !quantities.is_empty() {
        store::hold(tx, order, location, quantities).await?;
    }
    tx.say(&StockReserved { order, location });
    Ok(Outcome::Done)
}
