//! Shows orders.

use std::time::Duration;

use contracts::customers::CustomerId;
use contracts::orders::{OrderId, OrderStatus};
use contracts::payments::{GetNextAction, NextAction};
use platform::http::{List, Page};
use platform::{Ctx, Problem};

use crate::access::Asker;
use crate::error::Error;
use crate::order::{Order, is_settled};
use crate::store::{self, lists};
use crate::view::{HistoryEntry, OrderListItem, OrderView};
use crate::waiters::Waiters;

/// As the buyer sees it. Not theirs: `NotFound`.
pub async fn for_buyer(ctx: &Ctx, id: OrderId, asker: &Asker) -> Result<OrderView, Error> {
    let (order, history) = find(ctx, id, asker).await?;
    Ok(shown(ctx, order, history).await.for_buyer())
}

/// With its notes.
pub async fn for_staff(ctx: &Ctx, id: OrderId) -> Result<OrderView, Error> {
    let found = ctx.db.read(id, |tx, id| {
        Box::pin(async move {
            let order = store::find(tx, *id, Asker::Shop.owner(*id)).await?.ok_or(Error::NotFound)?;
            Ok::<_, Error>((order, store::history(tx, *id).await?, store::notes(tx, *id).await?))
        })
    });
    let (order, history, notes) = found.await?;
    Ok(OrderView { notes: Some(notes), ..shown(ctx, order, history).await })
}

/// As [`for_buyer`], when nothing more happens without the buyer or the shop, or when `wait` is over.
pub async fn when_settled(
    ctx: &Ctx,
    waiters: &Waiters,
    id: OrderId,
    asker: &Asker,
    wait: Duration,
) -> Result<OrderView, Error> {
    let look = || async {
        let (status, _, is_tried) = store::status(&ctx.db, id, asker.owner(id)).await?.ok_or(Error::NotFound)?;
        Ok::<_, Error>(is_settled(status, is_tried).then_some(()))
    };
    waiters.until(id, wait, look).await?;
    for_buyer(ctx, id, asker).await
}

/// A customer's own, newest first.
pub async fn own(ctx: &Ctx, customer: CustomerId, page: &Page) -> Result<List<OrderListItem>, Problem> {
    let limit = page.limit()?;
    let items = lists::of_customer(&ctx.db, customer, page.after()?, limit + 1).await?;
    Ok(List::of(items, limit, |item| (item.placed_at, item.id)))
}

/// What staff search for, newest first.
pub async fn search(ctx: &Ctx, filter: &lists::Filter, page: &Page) -> Result<List<OrderListItem>, Problem> {
    let limit = page.limit()?;
    let items = lists::search(&ctx.db, filter, page.after()?, limit + 1).await?;
    Ok(List::of(items, limit, |item| (item.placed_at, item.id)))
}

/// The order and its history, on one view of the database.
pub async fn find(ctx: &Ctx, id: OrderId, asker: &Asker) -> Result<(Order, Vec<HistoryEntry>), Error> {
    let found = ctx.db.read((id, asker.clone()), |tx, (id, asker)| {
        Box::pin(async move {
            let order = store::find(tx, *id, asker.owner(*id)).await?.ok_or(Error::NotFound)?;
            let history = store::history(tx, *id).await?;
            Ok((order, history))
        })
    });
    found.await
}

async fn shown(ctx: &Ctx, order: Order, history: Vec<HistoryEntry>) -> OrderView {
    let next_action = next_action(ctx, &order).await;
    OrderView { next_action, ..OrderView::of(order, history) }
}

/// Asked of payments while the buyer can pay. An order is shown without it rather than not at all.
async fn next_action(ctx: &Ctx, order: &Order) -> Option<NextAction> {
    if order.status != OrderStatus::Payable {
        return None;
    }
    match ctx.call(GetNextAction { order: order.id }).await {
        Ok(action) => action,
        Err(problem) => {
            tracing::warn!(order = %order.id, %problem, "the next action is not known");
            None
        }
    }
}
