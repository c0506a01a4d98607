//! What shipping does when it hears something.

use ::store::Tx;
use contracts::orders::{OrderCancelRequested, OrderCancelled, OrderConfirmed};
use platform::{Ctx, Outcome, Problem};

use crate::cancel_shipments::cancel_shipments;
use crate::create_shipments::create_shipments;
use crate::hold_back::hold_back;

pub async fn on_order_confirmed(_: &Ctx, tx: &mut Tx, event: &OrderConfirmed) -> Result<Outcome, Problem> {
    create_shipments(tx, event).await
}

pub async fn on_order_cancel_requested(_: &Ctx, tx: &mut Tx, event: &OrderCancelRequested) -> Result<Outcome, Problem> {
    hold_back(tx, event).await
}

pub async fn on_order_cancelled(_: &Ctx, tx: &mut Tx, event: &OrderCancelled) -> Result<Outcome, Problem> {
    cancel_shipments(tx, event.order).await
}
