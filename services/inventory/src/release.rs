//! Ends a cancelled order's holds.

use ::store::Tx;
use contracts::inventory::StockReleased;
use contracts::orders::OrderId;
use platform::{Outcome, Problem, fault};

use crate::book::book;
use crate::movement::Movement;
use crate::store;

/// Releases what the order still holds and says stock.released, if it holds anything. What left the
/// house stays gone. Before the order was placed, this leaves a tombstone: the placing then holds nothing.
pub async fn release(tx: &mut Tx, order: OrderId) -> Result<Outcome, Problem> {
    store::cancel_order(tx, order).await?;
    let held = store::release(tx, order).await?;
    if held.is_empty() {
        return Ok(Outcome::Done);
    }
    store::lock_levels(tx, held.iter().map(|(variant, ..)| *variant)).await?;
    let movement = |(variant, location, quantity): &_| Movement::released(order, *variant, *location, *quantity);
    let movements: Vec<Movement> = held.iter().map(movement).collect();
    if !book(tx, &movements).await? {
        return Err(Problem::internal(format!("{order} holds stock at a level that does not exist")));
    }
    if fault::planted("bug.inventory.releases_twice") {
        let ids = tx.ids().clone();
        let again: Vec<_> = movements.iter().map(|movement| (ids.next(), movement)).collect();
        store::record(tx, &again).await?;
    }
    tx.say(&StockReleased { order });
    Ok(Outcome::Done)
}
