//! A part of the authorised money is due.

use ::store::Tx;
use contracts::orders::OrderCaptureDue;
use contracts::payments::{PaymentFailed, PaymentOperation};
use platform::{Ctx, Outcome};

use crate::account::{Account, AccountChange};
use crate::jobs::Release;
use crate::ledger::{NotBooked, spread};
use crate::move_money::{self, Cause};
use crate::operation::{CauseKind, Operation, OperationState};
use crate::payment::Payment;
use crate::store;

/// Begins a capture, once for each cause, from the order's payments in their order. It waits until all of the
/// order is authorised; a cancelled order is not captured; what is more than there is fails at once, and a
/// person must look. After the last capture, what stays authorised is let go.
pub async fn capture(ctx: &Ctx, tx: &mut Tx, due: &OrderCaptureDue) -> Result<Outcome, NotBooked> {
    let Some(account) = store::lock(tx, due.order).await? else {
        return Ok(Outcome::Later("the order's account is not open yet"));
    };
    if account.order_cancelled {
        return Ok(Outcome::Done);
    }
    let payments = store::payments_in(tx, due.order).await?;
    let authorized: i64 = payments.iter().map(|payment| payment.sums.authorized).sum();
    if authorized < account.total {
        return Ok(Outcome::Later("not all of the order is authorised yet"));
    }
    if store::operations::is_known(tx, due.capture, PaymentOperation::Capture).await? {
        return Ok(Outcome::Done);
    }
    let cause = Cause { kind: PaymentOperation::Capture, cause_kind: CauseKind::CaptureDue, cause: due.capture };
    let amount = due.amount.amount;
    let rooms = payments.iter().map(|payment| (payment, payment.sums.uncaptured()));
    let is_ours = account.currency == Some(due.amount.currency) && amount >= 0;
    match spread(amount, rooms).filter(|_| is_ours) {
        Some(parts) => move_money::begin(ctx, tx, cause, &parts).await?,
        None => refuse(tx, due, cause, &payments, is_ours).await?,
    }
    let change = AccountChange { capture_due: amount.max(0), ..AccountChange::default() };
    store::change(tx, due.order, change).await?;
    if due.last {
        end(tx, &account, amount).await?;
    }
    Ok(Outcome::Done)
}

/// No more will be asked for. Where it was not all of the total, the rest is let go, as soon as it is sure that no
/// capture is on its way any more.
async fn end(tx: &mut Tx, account: &Account, amount: i64) -> Result<(), NotBooked> {
    store::end_captures(tx, account.order).await?;
    if account.capture_due + amount < account.total {
        tx.start(&Release { order: account.order });
    }
    Ok(())
}

async fn refuse(
    tx: &mut Tx,
    due: &OrderCaptureDue,
    Cause { kind, cause_kind, cause }: Cause,
    payments: &[Payment],
    is_ours: bool,
) -> Result<(), NotBooked> {
    let reason = if is_ours { "more_than_authorized" } else { "not_the_payments_money" };
    let first = payments.first().ok_or_else(|| NotBooked::Unsound(format!("{} has no payment", due.order)))?;
    let id = tx.ids().next();
    let failed = Operation {
        id,
        payment: first.id,
        order: due.order,
        method: first.method.clone(),
        kind,
        cause_kind,
        cause,
        amount: first.money(due.amount.amount.max(0)),
        state: OperationState::Failed,
        key: id,
        reference: first.reference.clone(),
    };
    store::operations::insert(tx, &[failed], Some(reason)).await?;
    tx.say(&PaymentFailed { order: due.order, payment: first.id, operation: kind, reason: reason.to_owned() });
    Ok(())
}
