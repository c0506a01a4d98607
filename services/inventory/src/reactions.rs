//! What inventory does when it hears something.

use contracts::orders::{OrderCancelled, OrderCompleted, OrderLinesCancelled, OrderPlaced};
use contracts::shipping::ShipmentDispatched;
use platform::{Ctx, Outcome, Problem};
use store::Tx;

use crate::hand_over::hand_over;
use crate::release::{release_lines, release_order};
use crate::reserve::reserve;
use crate::ship_out::ship_out;

pub async fn on_order_placed(ctx: &Ctx, tx: &mut Tx, event: &OrderPlaced) -> Result<Outcome, Problem> {
    reserve(ctx, tx, event).await
}

pub async fn on_order_lines_cancelled(_: &Ctx, tx: &mut Tx, event: &OrderLinesCancelled) -> Result<Outcome, Problem> {
    release_lines(tx, event).await
}

pub async fn on_order_cancelled(_: &Ctx, tx: &mut Tx, event: &OrderCancelled) -> Result<Outcome, Problem> {
    release_order(tx, event.order).await
}

pub async fn on_order_completed(_: &Ctx, tx: &mut Tx, event: &OrderCompleted) -> Result<Outcome, Problem> {
    hand_over(tx, event.order).await
}

pub async fn on_shipment_dispatched(_: &Ctx, tx: &mut Tx, event: &ShipmentDispatched) -> Result<Outcome, Problem> {
    ship_out(tx, event).await
}
