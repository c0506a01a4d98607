//! What shipping does when it hears something.

use ::store::Tx;
use contracts::orders::{OrderCancelled, OrderConfirmed};
use platform::{Ctx, Outcome, Problem};

use crate::cancel_shipment::cancel_shipment;
use crate::create_shipment::create_shipment;

pub async fn on_order_confirmed(_: &Ctx, tx: &mut Tx, event: &OrderConfirmed) -> Result<Outcome, Problem> {
    create_shipment(tx, event).await
}

pub async fn on_order_cancelled(_: &Ctx, tx: &mut Tx, event: &OrderCancelled) -> Result<Outcome, Problem> {
    cancel_shipment(tx, event.order).await
}
