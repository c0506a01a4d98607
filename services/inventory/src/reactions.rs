//! What inventory does when it hears something.

use contracts::orders::{OrderCancelled, OrderPlaced};
use contracts::shipping::ShipmentDispatched;
use platform::{Ctx, Outcome, Problem};
use store::Tx;

use crate::release::release;
use crate::reserve::reserve;
use crate::ship_out::ship_out;

pub async fn on_order_placed(_: &Ctx, tx: &mut Tx, event: &OrderPlaced) -> Result<Outcome, Problem> {
    reserve(tx, event).await
}

pub async fn on_order_cancelled(_: &Ctx, tx: &mut Tx, event: &OrderCancelled) -> Result<Outcome, Problem> {
    release(tx, event.order).await
}

pub async fn on_shipment_dispatched(_: &Ctx, tx: &mut Tx, event: &ShipmentDispatched) -> Result<Outcome, Problem> {
    ship_out(tx, event).await
}
