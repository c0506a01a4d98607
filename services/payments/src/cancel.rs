//! The order was cancelled: its money goes back, whenever and in whatever state it comes to light.

use ::store::Tx;
use contracts::Id;
use contracts::orders::OrderId;
use contracts::payments::PaymentOperation;
use platform::{Ctx, fault};

use crate::attempt::{Attempt, AttemptState, Outcome};
use crate::jobs::Withdraw;
use crate::ledger::{NotBooked, Sums};
use crate::move_money::{self, Cause};
use crate::operation::CauseKind;
use crate::payment::Payment;
use crate::refund::{Refund, RefundCause};
use crate::{gateway, gather, refunding, settle, store};

/// Remembers it, also for an account that is not there yet; gives back what is authorised or captured,
/// and takes back the charges that wait for their buyer. An attempt that is still being made gives its
/// money back when it ends.
pub async fn cancel(ctx: &Ctx, tx: &mut Tx, order: OrderId) -> Result<(), NotBooked> {
    let account = store::cancel(tx, order).await?;
    if account.tries == 0 {
        return Ok(());
    }
    if account.refund_due > 0 {
        store::refunds::withdraw_all(tx, order).await?;
    }
    let payments = store::payments_in(tx, order).await?;
    gather::ask(ctx, tx, &payments).await?;
    for payment in payments.iter().filter(|payment| payment.state == AttemptState::ActionRequired) {
        if gateway::is_manual(ctx, &payment.method) {
            await_no_more(ctx, tx, payment).await?;
        } else {
            tx.start(&Withdraw { attempt: payment.attempt });
        }
    }
    give_back(ctx, tx, order).await
}

/// A transfer is awaited no more. What came in of it counts as authorised, so that the books say it goes back.
async fn await_no_more(ctx: &Ctx, tx: &mut Tx, payment: &Payment) -> Result<(), NotBooked> {
    let received = payment.sums.received;
    if received == 0 {
        return settle::write(ctx, tx, &payment.newest(), &Outcome::Abandoned, 0).await;
    }
    store::shrink(tx, payment.attempt, received).await?;
    let came_in = Attempt { amount: payment.money(received), ..payment.newest() };
    settle::write(ctx, tx, &came_in, &Outcome::Authorized { reference: None }, 0).await
}

/// Voids what a cancelled order's payments hold, and refunds what they took, each once. A payment whose
/// capture is under way waits for its end, which calls this again.
pub async fn give_back(ctx: &Ctx, tx: &mut Tx, order: OrderId) -> Result<(), NotBooked> {
    if fault::planted("bug.payments.keeps_money_of_cancelled") {
        return Ok(());
    }
    let mut payments = store::payments_in(tx, order).await?;
    for payment in &mut payments {
        if payment.sums.capturing > 0 && gateway::is_manual(ctx, &payment.method) {
            let withdrawn = move_money::withdraw_captures(tx, payment).await?;
            payment.sums += Sums { capturing: -withdrawn, ..Sums::default() };
        }
    }
    let idle = || payments.iter().filter(|payment| payment.sums.capturing == 0);
    let held: Vec<_> =
        idle().map(|payment| (payment, payment.sums.uncaptured())).filter(|(_, held)| *held > 0).collect();
    let taken: i64 = idle().map(|payment| payment.sums.refundable()).sum();
    let cause = Cause { kind: PaymentOperation::Void, cause_kind: CauseKind::OrderCancelled, cause: order.uuid() };
    move_money::begin(ctx, tx, cause, &held).await?;
    if taken == 0 {
        return Ok(());
    }
    let refund = Refund::ours(tx.ids().next(), order, RefundCause::OrderCancelled, taken, Vec::new());
    Ok(refunding::begin(ctx, tx, &refund, idle()).await?)
}
