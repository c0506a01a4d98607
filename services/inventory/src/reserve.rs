//! Holds a placed order's stock.

use ::store::Tx;
use contracts::inventory::{StockHold, StockRejected, StockReserved};
use contracts::orders::{OrderId, OrderPlaced};
use platform::{Ctx, Outcome, Problem};

use crate::allocation::{Allocation, Asked, Hold};
use crate::book::book;
use crate::movement::Movement;
use crate::store;

/// Holds every line, at one location or at several, or nothing: says stock.reserved or stock.rejected, once per
/// order. An order that is known already, by an earlier delivery or by its cancellation, is left as it is.
pub async fn reserve(ctx: &Ctx, tx: &mut Tx, placed: &OrderPlaced) -> Result<Outcome, Problem> {
    if !store::orders::open_order(tx, placed.order).await? {
        return Ok(Outcome::Done);
    }
    // A market that was taken out of the settings meanwhile prefers no location.
    let preferred = ctx.market(&placed.market).map_or(&[][..], |market| &market.locations);
    let asked = Asked::of(&placed.lines);
    let levels = store::lock_levels(tx, asked.variants(), preferred).await?;
    match asked.allocate(&levels) {
        Allocation::Hold(holds) => hold(tx, placed.order, &holds).await,
        Allocation::Reject(shortages) => {
            store::orders::reject_order(tx, placed.order).await?;
            tx.say(&StockRejected { order: placed.order, shortages });
            Ok(Outcome::Done)
        }
    }
}

async fn hold(tx: &mut Tx, order: OrderId, holds: &[Hold]) -> Result<Outcome, Problem> {
    let movement = |hold: &Hold| Movement::reserved(order, hold.variant, hold.location, hold.quantity);
    let movements: Vec<Movement> = holds.iter().map(movement).collect();
    if !book(tx, &movements).await? {
        return Ok(Outcome::Later("the stock changed while it was being held"));
    }
    if !holds.is_empty() {
        store::orders::hold(tx, order, holds).await?;
    }
    let held = |hold: &Hold| StockHold { variant: hold.variant, location: hold.location, quantity: hold.quantity };
    tx.say(&StockReserved { order, holds: holds.iter().map(held).collect() });
    Ok(Outcome::Done)
}
