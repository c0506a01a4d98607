//! Books out what a completed order had without a shipment: a download, a ticket.

use ::store::Tx;
use contracts::orders::OrderId;
use platform::{Outcome, Problem};

use crate::book::book;
use crate::movement::Movement;
use crate::reservation::hand_over as handed_over;
use crate::store;

/// What no shipment takes left the house when its order was completed, so nothing stays reserved. What ships is
/// left to its shipments, which may still be on their way here.
pub async fn hand_over(tx: &mut Tx, order: OrderId) -> Result<Outcome, Problem> {
    if !store::orders::lock_order(tx, order).await? {
        return Ok(Outcome::Later("its order has not come yet"));
    }
    let endings = handed_over(&store::orders::reservations(tx, order).await?);
    if endings.is_empty() {
        return Ok(Outcome::Done);
    }
    store::orders::end(tx, &endings).await?;
    store::lock_levels(tx, endings.iter().map(|ending| ending.variant), &[]).await?;
    let movements: Vec<Movement> = endings.iter().map(|ending| Movement::handed_over(order, ending)).collect();
    if !book(tx, &movements).await? {
        return Err(Problem::internal(format!("{order} holds stock at a level that does not exist")));
    }
    Ok(Outcome::Done)
}
