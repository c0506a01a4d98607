//! Answers orders whether goods can still be kept in the house.

use ::store::Tx;
use contracts::orders::OrderCancelRequested;
use contracts::shipping::{ShipmentCancelAccepted, ShipmentCancelRefused};
use platform::{Outcome, Problem};

use crate::packing;
use crate::store::shipments as store;

/// Takes all asked units out of what waits to be sent, and says shipment.cancel_accepted; or none of them,
/// and says shipment.cancel_refused. The order's row is locked, so a dispatch at the same time comes before
/// or after. Before the order was confirmed here nobody can tell: later.
pub async fn hold_back(tx: &mut Tx, asked: &OrderCancelRequested) -> Result<Outcome, Problem> {
    let OrderCancelRequested { order, request, lines } = asked;
    let Some(is_cancelled) = store::lock_order(tx, *order).await? else {
        return Ok(Outcome::Later("the order is not confirmed here yet"));
    };
    // A tombstone has no lines to tell what ships.
    let held = if is_cancelled { None } else { packing::hold_back(&store::packed_of(tx, *order).await?, lines) };
    match held {
        Some(held) => {
            store::take_out(tx, &held.taken).await?;
            tx.say(&ShipmentCancelAccepted { order: *order, request: *request, parts: held.parts });
        }
        None => tx.say(&ShipmentCancelRefused { order: *order, request: *request }),
    }
    Ok(Outcome::Done)
}
