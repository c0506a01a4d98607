//! Cancels an order or lines of it: by its buyer, by staff, or because nobody paid. Holds, money and cart go
//! back by the event that says so. What is confirmed, shipping is asked about first.

use std::time::Duration;

use ::store::Tx;
use contracts::orders::OrderId;
use jiff::Timestamp;
use platform::{Ctx, Ended, JobRun, Problem, Staff};

use crate::access::Asker;
use crate::cancellation::{CancelState, Canceller, Cancelling, NotCancellable, Wish};
use crate::error::Error;
use crate::order::Order;
use crate::view::OrderView;
use crate::waiters::Waiters;
use crate::{advance, read, saga, store};

/// How far a cancellation has come.
pub enum Cancelled {
    /// The order is as it was wished.
    Done(OrderView),
    /// Shipping decides; the order shows its `cancel_request`.
    Requested(OrderView),
}

impl Cancelled {
    /// Without what only staff may see.
    pub fn for_buyer(self) -> Self {
        match self {
            Self::Done(view) => Self::Done(view.for_buyer()),
            Self::Requested(view) => Self::Requested(view.for_buyer()),
        }
    }
}

/// Errors: `NotFound` also for what is somebody else's, and what `refused` lists.
pub async fn by_buyer(ctx: &Ctx, id: OrderId, asker: Asker, wish: Wish) -> Result<Cancelled, Error> {
    let input = (id, asker, wish);
    ctx.db
        .write(input, |tx, (id, asker, wish)| {
            Box::pin(async move { Ok(cancel(tx, *id, asker, wish.clone()).await?.0) })
        })
        .await
}

pub async fn by_staff(ctx: &Ctx, id: OrderId, staff: Staff<()>, wish: Wish) -> Result<Cancelled, Error> {
    ctx.db
        .write((id, staff, wish), |tx, (id, staff, wish)| {
            Box::pin(async move {
                let (cancelled, is_new) = cancel(tx, *id, &Asker::Shop, wish.clone()).await?;
                if is_new {
                    staff.records(tx, "orders.cancel_order", id, &["status", "lines"]);
                }
                Ok(cancelled)
            })
        })
        .await
}

/// Waits until shipping has decided, at most so long. Errors: `CancelRefused` where it said no.
pub async fn when_decided(
    ctx: &Ctx,
    waiters: &Waiters,
    id: OrderId,
    asker: &Asker,
    wait: Duration,
) -> Result<Cancelled, Error> {
    let look = || async {
        let found = read::find(ctx, id, asker).await?;
        let state = found.0.cancel_request.as_ref().map(|request| request.state);
        Ok::<_, Error>((state != Some(CancelState::Requested)).then_some((state, found)))
    };
    match waiters.until(id, wait, look).await? {
        Some((Some(_), _)) => Err(Error::CancelRefused),
        Some((None, (order, history))) => Ok(Cancelled::Done(OrderView::of(order, history))),
        None => {
            let (order, history) = read::find(ctx, id, asker).await?;
            Ok(Cancelled::Requested(OrderView::of(order, history)))
        }
    }
}

/// The work of the timer: cancels what is still unpaid. `Err`: the order may be unpaid until then.
pub async fn unpaid(tx: &mut Tx, run: &JobRun, id: OrderId) -> Result<Result<Ended, Timestamp>, Problem> {
    let order = store::lock(tx, id, Asker::Shop.owner(id)).await?.filter(Order::is_unpaid);
    if let Some(until) = order.as_ref().map(|order| order.unpaid_until).filter(|until| *until > tx.now()) {
        return Ok(Err(until));
    }
    let ended = run.finish(tx).await?;
    if let Some(order) = order {
        let wish = Wish { by: Canceller::Timer, lines: None, why: None };
        if let Ok(Cancelling::Done(change)) = order.cancel(wish, tx.ids().next()) {
            advance::write(tx, &order, change).await?;
        }
    }
    Ok(Ok(ended))
}

/// The second part says whether it changed the order: a wish that comes again does not.
async fn cancel(tx: &mut Tx, id: OrderId, asker: &Asker, wish: Wish) -> Result<(Cancelled, bool), Error> {
    let order = store::lock(tx, id, asker.owner(id)).await?.ok_or(Error::NotFound)?;
    let (change, is_asked) = match order.cancel(wish, tx.ids().next()).map_err(refused)? {
        Cancelling::Done(change) => (Some(change), false),
        Cancelling::Asked(change) => (Some(change), true),
        Cancelling::Already => (None, false),
        Cancelling::Pending => (None, true),
    };
    let is_new = change.is_some();
    let after = match change {
        Some(change) => advance::write(tx, &order, change).await?,
        None => order,
    };
    let history = store::history(tx, id).await?;
    let view = OrderView::of(after, history);
    Ok((if is_asked { Cancelled::Requested(view) } else { Cancelled::Done(view) }, is_new))
}

fn refused(why: NotCancellable) -> Error {
    match why {
        NotCancellable::TooLate(status) => Error::NotCancellable { status: saga::name(status) },
        NotCancellable::WholeOnly => Error::NotByLine,
        NotCancellable::UnknownLine(at) => {
            Problem::field(format!("/lines/{at}/line"), "is no line of this order").into()
        }
        NotCancellable::TooMany(left) => {
            let line = |(line, left)| serde_json::json!({ "line": line, "left": left });
            let left: Vec<_> = left.into_iter().map(line).collect();
            Problem::from(Error::UnitsGone).with_context(serde_json::json!({ "left": left })).into()
        }
        NotCancellable::AnotherPending => Error::CancelPending,
    }
}
