//! Begins and ends operations: sets their amounts aside, has the gateway asked, and books what it did.
//! The account is locked by whoever calls.

use ::store::Tx;
use contracts::Id;
use contracts::payments::{PaymentCaptured, PaymentFailed, PaymentOperation, PaymentRefunded, PaymentVoided, RefundId};
use platform::{Ctx, fault};
use uuid::Uuid;

use crate::account::Account;
use crate::gateway;
use crate::jobs::Operate;
use crate::ledger::{NotBooked, Sums};
use crate::operation::{CauseKind, Operation, OperationState};
use crate::payment::Payment;
use crate::refund::RefundState;
use crate::{receipt, store};

/// What operations of one kind are for.
#[derive(Debug, Clone, Copy)]
pub struct Cause {
    pub kind: PaymentOperation,
    pub cause_kind: CauseKind,
    pub cause: Uuid,
}

/// A part of an operation's amount, and the charge it is about: its way to pay, and the gateway's name for it.
pub struct OnCharge<'a> {
    pub payment: &'a Payment,
    pub amount: i64,
    pub method: String,
    pub reference: Option<String>,
}

impl<'a> OnCharge<'a> {
    fn newest(payment: &'a Payment, amount: i64) -> Self {
        Self { payment, amount, method: payment.method.clone(), reference: payment.reference.clone() }
    }
}

/// Begins an operation for each part, on the payment's newest charge; a payment has one per cause and kind.
pub async fn begin(ctx: &Ctx, tx: &mut Tx, cause: Cause, parts: &[(&Payment, i64)]) -> Result<(), NotBooked> {
    let parts: Vec<_> = parts.iter().map(|(payment, amount)| OnCharge::newest(payment, *amount)).collect();
    begin_on(ctx, tx, cause, parts).await
}

/// The same on charges that are named.
pub async fn begin_on(
    ctx: &Ctx,
    tx: &mut Tx,
    Cause { kind, cause_kind, cause }: Cause,
    parts: Vec<OnCharge<'_>>,
) -> Result<(), NotBooked> {
    if parts.is_empty() {
        return Ok(());
    }
    let new = |OnCharge { payment, amount, method, reference }: &OnCharge<'_>| {
        let id = tx.ids().next();
        Operation {
            id,
            payment: payment.id,
            order: payment.order,
            method: method.clone(),
            kind,
            cause_kind,
            cause,
            amount: payment.money(*amount),
            state: OperationState::Pending,
            key: id,
            reference: reference.clone(),
        }
    };
    let operations: Vec<Operation> = parts.iter().map(new).collect();
    let inserted = store::operations::insert(tx, &operations, None).await?;
    let begun: Vec<(&Operation, &Payment)> = operations
        .iter()
        .zip(&parts)
        .filter(|(operation, _)| inserted.contains(&operation.id))
        .map(|(operation, part)| (operation, part.payment))
        .collect();
    let sums: Vec<_> = begun.iter().map(|(operation, payment)| (payment.id, operation.begins())).collect();
    store::book(tx, &sums).await?;
    for (operation, payment) in begun {
        if !gateway::is_manual(ctx, &operation.method) {
            tx.start(&Operate { operation: operation.id });
        } else if kind != PaymentOperation::Capture || is_paid(payment, operation) {
            end(tx, operation, None).await?;
        }
    }
    Ok(())
}

/// A capture by hand waits until what came in pays for it, and for those before it.
fn is_paid(payment: &Payment, capture: &Operation) -> bool {
    payment.sums.capturing == 0 && receipt::covers(payment, capture.amount.amount)
}

/// Books what was done, or that it was refused for good, and says so. `Before`: it has its outcome already.
pub async fn end(tx: &mut Tx, operation: &Operation, refusal: Option<&str>) -> Result<(), NotBooked> {
    let is_done = refusal.is_none();
    let state = if is_done { OperationState::Done } else { OperationState::Failed };
    if !store::operations::end(tx, operation.id, state, refusal).await? {
        return Err(NotBooked::Before);
    }
    store::book(tx, &[(operation.payment, operation.ends(is_done))]).await?;
    if let Some(change) = operation.ends_for_account(is_done)
        && !store::change(tx, operation.order, change).await?
    {
        return Err(NotBooked::Unsound(format!(
            "{} does not fit into the account of {}",
            operation.id, operation.order
        )));
    }
    let Operation { id, payment, order, kind, cause_kind, cause, amount, .. } = *operation;
    match refusal {
        None => store::enter(tx, payment, kind.into(), id.uuid(), booked_minor(operation)).await?,
        Some(reason) => {
            tx.say(&PaymentFailed { order, payment, operation: kind, reason: reason.to_owned() });
        }
    }
    match kind {
        PaymentOperation::Capture if is_done => tx.say(&PaymentCaptured { order, payment, capture: cause, amount }),
        PaymentOperation::Void if is_done => {
            store::mark_voided(tx, payment).await?;
            // What came late was never said to be authorised.
            if cause_kind != CauseKind::CameLate {
                tx.say(&PaymentVoided { order, payment, amount });
            }
        }
        PaymentOperation::Refund => end_refund(tx, operation, is_done).await?,
        // An authorisation is no operation: attempts say it, when they end.
        PaymentOperation::Capture | PaymentOperation::Void | PaymentOperation::Authorize => {}
    }
    Ok(())
}

/// When the last of a refund's operations has ended, it is said, or its units are there again.
async fn end_refund(tx: &mut Tx, operation: &Operation, is_done: bool) -> Result<(), NotBooked> {
    let (refund, order) = (RefundId::from_uuid(operation.cause), operation.order);
    let moved = if is_done { operation.amount.amount } else { 0 };
    let standing = store::refunds::end_one(tx, refund, moved).await?;
    match standing.state {
        // An operation was begun, so the refund was.
        RefundState::Waiting | RefundState::Withdrawn | RefundState::Pending => {}
        RefundState::Done | RefundState::Partial => {
            let lines = store::refunds::units_of(tx, refund).await?;
            let amount = contracts::Money { amount: standing.refunded, ..operation.amount };
            tx.say(&PaymentRefunded { order, refund, amount, lines, shipping: standing.shipping });
        }
        RefundState::Failed => {
            store::refunds::free_units(tx, order, refund).await?;
            if standing.shipping {
                store::free_shipping(tx, order).await?;
            }
        }
    }
    Ok(())
}

/// Captures that wait for money to come in by hand are done as far as it came.
pub async fn capture_what_came(tx: &mut Tx, mut payment: Payment) -> Result<(), NotBooked> {
    for capture in store::operations::pending_captures(tx, payment.id).await? {
        if !receipt::covers(&payment, capture.amount.amount) {
            break;
        }
        end(tx, &capture, None).await?;
        payment.sums += capture.ends(true);
    }
    Ok(())
}

/// Takes back the captures of a cancelled order that wait for money to come in by hand; returns what they were.
pub async fn withdraw_captures(tx: &mut Tx, payment: &Payment) -> Result<i64, ::store::Error> {
    let mut withdrawn = 0;
    for capture in store::operations::pending_captures(tx, payment.id).await? {
        store::operations::end(tx, capture.id, OperationState::Withdrawn, Some("order_cancelled")).await?;
        withdrawn += capture.amount.amount;
    }
    store::book(tx, &[(payment.id, Sums { capturing: -withdrawn, ..Sums::default() })]).await?;
    Ok(withdrawn)
}

fn booked_minor(operation: &Operation) -> i64 {
    let is_doubled = operation.kind == PaymentOperation::Capture && fault::planted("bug.payments.books_twice");
    if is_doubled { operation.amount.amount * 2 } else { operation.amount.amount }
}

/// The account of an operation or attempt that exists.
pub async fn lock(tx: &mut Tx, order: contracts::orders::OrderId) -> Result<Account, NotBooked> {
    store::lock(tx, order).await?.ok_or_else(|| NotBooked::Unsound(format!("{order} has no account")))
}
