//! What payments does when something happened to an order.

use ::store::Tx;
use contracts::orders::{OrderCancelled, OrderCaptureDue, OrderPayable};
use platform::{Ctx, Outcome, Problem};

use crate::{cancel, capture, open};

pub async fn on_payable(_: &Ctx, tx: &mut Tx, event: &OrderPayable) -> Result<Outcome, Problem> {
    open::open(tx, event).await?;
    Ok(Outcome::Done)
}

pub async fn on_capture_due(_: &Ctx, tx: &mut Tx, event: &OrderCaptureDue) -> Result<Outcome, Problem> {
    Ok(capture::capture(tx, event).await?)
}

pub async fn on_cancelled(_: &Ctx, tx: &mut Tx, event: &OrderCancelled) -> Result<Outcome, Problem> {
    cancel::cancel(tx, event.order).await?;
    Ok(Outcome::Done)
}
