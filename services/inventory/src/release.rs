//! Ends holds that will not leave the house: of a cancelled order, of cancelled lines.

use ::store::Tx;
use contracts::inventory::StockReleased;
use contracts::orders::{OrderId, OrderLinesCancelled};
use platform::{Outcome, Problem, fault};

use crate::book::book;
use crate::movement::Movement;
use crate::reservation::{Ending, release_all, release_parts};
use crate::store;

/// Releases what the order still holds and says stock.released, if it holds anything. What left the
/// house stays gone. Before the order was placed, this leaves a tombstone: the placing then holds nothing.
pub async fn release_order(tx: &mut Tx, order: OrderId) -> Result<Outcome, Problem> {
    store::orders::cancel_order(tx, order).await?;
    let endings = release_all(&store::orders::reservations(tx, order).await?);
    if endings.is_empty() {
        return Ok(Outcome::Done);
    }
    let movements = end(tx, order, &endings).await?;
    if fault::planted("bug.inventory.releases_twice") {
        let ids = tx.ids().clone();
        let again: Vec<_> = movements.iter().map(|movement| (ids.next(), movement)).collect();
        store::record(tx, &again).await?;
    }
    tx.say(&StockReleased { order });
    Ok(Outcome::Done)
}

/// Releases the units of cancelled lines, where they lie. What a completed order had booked out of them, because
/// it heard of its completion first, comes back.
pub async fn release_lines(tx: &mut Tx, cancelled: &OrderLinesCancelled) -> Result<Outcome, Problem> {
    if !store::orders::lock_order(tx, cancelled.order).await? {
        return Ok(Outcome::Later("its order has not come yet"));
    }
    let endings = release_parts(&store::orders::reservations(tx, cancelled.order).await?, &cancelled.parts);
    if !endings.is_empty() {
        end(tx, cancelled.order, &endings).await?;
    }
    Ok(Outcome::Done)
}

async fn end(tx: &mut Tx, order: OrderId, endings: &[Ending]) -> Result<Vec<Movement>, Problem> {
    store::orders::end(tx, endings).await?;
    store::lock_levels(tx, endings.iter().map(|ending| ending.variant), &[]).await?;
    let movements: Vec<Movement> = endings.iter().map(|ending| Movement::released(order, ending)).collect();
    if !book(tx, &movements).await? {
        return Err(Problem::internal(format!("{order} holds stock at a level that does not exist")));
    }
    Ok(movements)
}
