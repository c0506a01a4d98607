//! The order cancelled units that were captured, or are about to be: what they cost goes back.

use std::collections::BTreeMap;

use ::store::Tx;
use contracts::Id;
use contracts::orders::OrderRefundDue;
use contracts::payments::{PaymentOperation, RefundId};
use platform::{Ctx, Outcome, fault};

use crate::account::{Account, AccountChange};
use crate::ledger::{NotBooked, Sums};
use crate::move_money::{self, Cause};
use crate::operation::CauseKind;
use crate::payment::Payment;
use crate::refund::{Refund, RefundCause, Share, not_back_yet};
use crate::{gateway, refunding, store};

/// Gives back, once for each id, what staff did not refund of these units before. What waits to come in by hand is
/// awaited no more; of what a gateway is still asked for, the refund is noted, and begins when that is captured. Of a
/// cancelled order everything goes back in any case.
pub async fn refund_due(ctx: &Ctx, tx: &mut Tx, due: &OrderRefundDue) -> Result<Outcome, NotBooked> {
    let Some(account) = store::lock(tx, due.order).await? else {
        return Ok(Outcome::Later("the order's account is not open yet"));
    };
    let (id, amount) = (RefundId::from_uuid(due.refund), due.amount.amount);
    if account.order_cancelled || amount <= 0 || store::refunds::cause(tx, id).await?.is_some() {
        return Ok(Outcome::Done);
    }
    if account.capture_due < account.refund_due + amount {
        return Ok(Outcome::Later("a capture that it follows has not come yet"));
    }
    let change = AccountChange { refund_due: amount, ..AccountChange::default() };
    store::change(tx, due.order, change).await?;
    let (shares, shipping, owed) = not_back(tx, &account, due).await?;
    let owed = owed - await_less(ctx, tx, due, owed).await?;
    if owed > 0 {
        let lines = of_amount(shares, owed);
        let refund = Refund { shipping, ..Refund::ours(id, due.order, RefundCause::LinesCancelled, owed, lines) };
        store::refunds::insert(tx, &refund, 0).await?;
        refunding::begin_waiting(ctx, tx, due.order).await?;
    }
    Ok(Outcome::Done)
}

/// The units that have to go back still, whether the shipping charge has, and the amount of both.
async fn not_back(
    tx: &mut Tx,
    account: &Account,
    due: &OrderRefundDue,
) -> Result<(Vec<Share>, bool, i64), ::store::Error> {
    let mut refunded = store::refunds::cancel_units(tx, due.order, &due.lines).await?;
    if fault::planted("bug.payments.refunds_units_twice") {
        refunded = BTreeMap::new();
    }
    let (shares, before) = not_back_yet(&due.lines, &refunded);
    let shipping = due.shipping.map_or(0, |shipping| shipping.amount);
    if shipping == 0 || account.shipping_refunded {
        return Ok((shares, false, due.amount.amount - before - shipping));
    }
    store::take_shipping(tx, due.order).await?;
    Ok((shares, true, due.amount.amount - before))
}

/// Money that staff have not seen coming in yet need not come: the newest captures that wait for it shrink by it,
/// and its authorisation is let go. Returns by how much.
async fn await_less(ctx: &Ctx, tx: &mut Tx, due: &OrderRefundDue, owed: i64) -> Result<i64, NotBooked> {
    let payments = store::payments_in(tx, due.order).await?;
    let mut freed = 0;
    for payment in payments.into_iter().rev().filter(|payment| gateway::is_manual(ctx, &payment.method)) {
        let awaited = payment.sums.capturing + payment.sums.captured - payment.sums.received;
        let less = (owed - freed).min(awaited.min(payment.sums.capturing)).max(0);
        if less == 0 {
            continue;
        }
        let payment = shrink_captures(tx, payment, less).await?;
        let cause = Cause { kind: PaymentOperation::Void, cause_kind: CauseKind::Released, cause: due.refund };
        move_money::begin(ctx, tx, cause, &[(&payment, less)]).await?;
        move_money::capture_what_came(tx, payment).await?;
        freed += less;
    }
    Ok(freed)
}

async fn shrink_captures(tx: &mut Tx, mut payment: Payment, less: i64) -> Result<Payment, ::store::Error> {
    let mut left = less;
    for capture in store::operations::pending_captures(tx, payment.id).await?.into_iter().rev() {
        let cut = left.min(capture.amount.amount);
        if cut > 0 {
            store::operations::shrink(tx, capture.id, cut).await?;
        }
        left -= cut;
    }
    let change = Sums { capturing: -less, ..Sums::default() };
    store::book(tx, &[(payment.id, change)]).await?;
    payment.sums += change;
    Ok(payment)
}

/// The units that an amount goes back for, with their parts of it.
fn of_amount(shares: Vec<Share>, amount: i64) -> Vec<Share> {
    let mut left = amount;
    let mut part = |share: Share| {
        let amount = share.amount.min(left);
        left -= amount;
        Share { amount, ..share }
    };
    shares.into_iter().map(&mut part).filter(|share| share.amount > 0).collect()
}
