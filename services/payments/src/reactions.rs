//! What payments does when something happened to an order.

use ::store::Tx;
use contracts::orders::{OrderCancelled, OrderCaptureDue, OrderPayable, OrderRefundDue};
use platform::{Ctx, Outcome, Problem};

use crate::{cancel, capture, open, refund_due};

pub async fn on_payable(_: &Ctx, tx: &mut Tx, event: &OrderPayable) -> Result<Outcome, Problem> {
    open::open(tx, event).await?;
    Ok(Outcome::Done)
}

pub async fn on_capture_due(ctx: &Ctx, tx: &mut Tx, event: &OrderCaptureDue) -> Result<Outcome, Problem> {
    Ok(capture::capture(ctx, tx, event).await?)
}

pub async fn on_refund_due(ctx: &Ctx, tx: &mut Tx, event: &OrderRefundDue) -> Result<Outcome, Problem> {
    Ok(refund_due::refund_due(ctx, tx, event).await?)
}

pub async fn on_cancelled(ctx: &Ctx, tx: &mut Tx, event: &OrderCancelled) -> Result<Outcome, Problem> {
    cancel::cancel(ctx, tx, event.order).await?;
    Ok(Outcome::Done)
}
