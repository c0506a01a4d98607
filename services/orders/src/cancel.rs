//! Cancels an order: by its buyer, by staff, or because nobody paid. Holds, money and cart go back by
//! the event that says so.

use ::store::Tx;
use contracts::orders::{CancelReason, OrderId};
use platform::auth::Buyer;
use platform::{Ctx, Ended, JobRun, Problem, Staff};

use crate::advance;
use crate::error::Error;
use crate::order::{Canceller, NotCancellable, Order};
use crate::view::OrderView;
use crate::{saga, store};

/// Errors: `NotFound` also for what is somebody else's, `NotCancellable`.
pub async fn by_buyer(ctx: &Ctx, id: OrderId, buyer: Buyer) -> Result<OrderView, Error> {
    let view = ctx.db.write((id, buyer), |tx, (id, buyer)| {
        Box::pin(async move {
            let by = Canceller { reason: CancelReason::Buyer, source: "buyer", note: None };
            cancel(tx, *id, Some(&buyer.token_sha256), by).await
        })
    });
    Ok(view.await?.for_buyer())
}

/// `note` is for the history, for staff to read.
pub async fn by_staff(ctx: &Ctx, id: OrderId, staff: Staff<()>, note: Option<String>) -> Result<OrderView, Error> {
    let input = (id, staff, note);
    ctx.db
        .write(input, |tx, (id, staff, note)| {
            Box::pin(async move {
                let by = Canceller { reason: CancelReason::Staff, source: "staff", note: note.clone() };
                let view = cancel(tx, *id, None, by).await?;
                staff.records(tx, "orders.cancel_order", id, &["status"]);
                Ok(view)
            })
        })
        .await
}

/// The work of the timer: cancels what is still unpaid.
pub async fn unpaid(tx: &mut Tx, run: &JobRun, id: OrderId) -> Result<Ended, Problem> {
    let ended = run.finish(tx).await?;
    let order = store::lock(tx, id, None).await?;
    if let Some(order) = order.filter(Order::is_unpaid) {
        let by = Canceller { reason: CancelReason::Unpaid, source: "orders", note: None };
        let change = order.cancel(by).map_err(|_| Problem::internal("an unpaid order can't be cancelled"))?;
        advance::write(tx, &order, change).await?;
    }
    Ok(ended)
}

async fn cancel(tx: &mut Tx, id: OrderId, buyer_sha256: Option<&str>, by: Canceller) -> Result<OrderView, Error> {
    let order = store::lock(tx, id, buyer_sha256).await?.ok_or(Error::NotFound)?;
    let change =
        order.cancel(by).map_err(|NotCancellable(status)| Error::NotCancellable { status: saga::name(status) })?;
    let after = advance::write(tx, &order, change).await?;
    let history = store::history(tx, id).await?;
    Ok(OrderView::of(after, history))
}
