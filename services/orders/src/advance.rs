//! Advances an order by what happened elsewhere: the one path of every reaction, and of every step.

use ::store::Tx;
use contracts::orders::OrderStatus;
use jiff::{SignedDuration, Timestamp};
use platform::config::Capture;
use platform::{Ctx, Outcome, Problem, fault};

use crate::access::Asker;
use crate::change::{Change, Later, Said};
use crate::order::Order;
use crate::saga::Happening;
use crate::{jobs, store};

/// Loads the order for itself alone, decides, and writes what was decided.
pub async fn advance(ctx: &Ctx, tx: &mut Tx, event: Happening<'_>) -> Result<Outcome, Problem> {
    let Some(mut order) = store::lock(tx, event.order(), Asker::Shop.owner(event.order())).await? else {
        return Ok(Outcome::Later("the order is not known here"));
    };
    if let Happening::PaymentActionRequired(event) = event {
        order.unpaid_until = order.unpaid_until.max(unpaid_until(ctx, &event.method, tx.now()));
    }
    match order.hear(event, capture_of(ctx, &order, event)) {
        Err(Later(why)) => Ok(Outcome::Later(why)),
        Ok(change) => {
            write(tx, &order, change).await?;
            Ok(Outcome::Done)
        }
    }
}

/// Writes a step: the order, its units, its history, its events, and the end of its timer.
pub async fn write(tx: &mut Tx, before: &Order, mut change: Change) -> Result<Order, Problem> {
    if !store::update(tx, before, &change).await? {
        return Err(Problem::unavailable(format!("{} was changed by another transaction", before.id)));
    }
    if before.lines != change.after.lines {
        store::update_lines(tx, before.id, &change.after.lines).await?;
    }
    if before.status == OrderStatus::Payable && fault::planted("bug.orders.jumps") {
        let confirmed = change.entries.iter_mut().filter(|entry| entry.status == OrderStatus::Confirmed);
        confirmed.for_each(|entry| entry.status = OrderStatus::Completed);
    }
    store::append_history(tx, before.id, before.version, &change.entries).await?;
    if before.is_unpaid() && !change.after.is_unpaid() {
        jobs::cancel_expire(tx, before.id).await?;
    }
    change.says.iter().for_each(|said| say(tx, said));
    Ok(Order { updated_at: tx.now(), ..change.after })
}

fn say(tx: &mut Tx, said: &Said) {
    match said {
        Said::Payable(event) => tx.say(event),
        // As one who publishes after the commit, and dies before.
        Said::Confirmed(_) if fault::planted("bug.orders.says_past_the_outbox") => {}
        Said::Confirmed(event) => tx.say(event),
        Said::CaptureDue(event) => tx.say(event),
        Said::RefundDue(event) => tx.say(event),
        Said::CancelRequested(event) => tx.say(event),
        Said::LinesCancelled(event) => tx.say(event),
        Said::Cancelled(event) => tx.say(event),
        Said::Completed(event) => tx.say(event),
    }
}

/// When the goods leave, unless each of the ways to pay by which money came takes it at once. One that the shop no
/// longer knows does not.
fn capture_of(ctx: &Ctx, order: &Order, event: Happening<'_>) -> Capture {
    let new = if let Happening::PaymentAuthorized(event) = event { Some(&event.method) } else { None };
    let is_early =
        |method: &String| ctx.config.payments.get(method).is_some_and(|method| method.capture == Capture::Confirmation);
    if order.paid_by.iter().chain(new).all(is_early) { Capture::Confirmation } else { Capture::Dispatch }
}

/// How long a buyer has who begins to pay in this way now.
pub fn unpaid_until(ctx: &Ctx, method: &str, now: Timestamp) -> Timestamp {
    let minutes = ctx.config.payments.get(method).map_or(0, |method| method.unpaid_minutes_max);
    now.saturating_add(SignedDuration::from_mins(minutes)).unwrap_or(Timestamp::MAX)
}
