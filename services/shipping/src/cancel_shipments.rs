//! Keeps a cancelled order's goods in the house.

use ::store::Tx;
use contracts::orders::OrderId;
use platform::{Outcome, Problem};

use crate::store::shipments as store;

/// Cancels what has not left yet. Before the order was confirmed, this leaves a tombstone: the
/// confirmation then makes no shipment. What has left stays dispatched.
pub async fn cancel_shipments(tx: &mut Tx, order: OrderId) -> Result<Outcome, Problem> {
    store::cancel_order(tx, order).await?;
    store::cancel_pending(tx, order).await?;
    Ok(Outcome::Done)
}
