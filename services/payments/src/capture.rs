//! A part of the authorised money is due.

use ::store::{Result, Tx};
use contracts::Id;
use contracts::orders::OrderCaptureDue;
use contracts::payments::{OperationId, PaymentCaptured, PaymentFailed, PaymentOperation};
use platform::Outcome;

use crate::jobs::Operate;
use crate::ledger::{Change, LedgerKind};
use crate::operation::{NewOperation, OperationState};
use crate::store;

const MORE_THAN_AUTHORIZED: &str = "more_than_authorized";

/// Starts a capture, once for each cause. It waits for the authorisation; a cancelled order is not
/// captured; what is more than there is fails at once, and a person must look.
pub async fn capture(tx: &mut Tx, due: &OrderCaptureDue) -> Result<Outcome> {
    let Some(found) = store::to_capture(tx, due.order).await? else {
        return Ok(Outcome::Later("the payment is not open yet"));
    };
    if found.order_cancelled {
        return Ok(Outcome::Done);
    }
    if found.authorized.is_none() {
        return Ok(Outcome::Later("the payment is not authorised yet"));
    }
    let id = tx.ids().next::<OperationId>();
    let (payment, amount) = (found.payment, due.amount.amount);
    let refusal = (found.currency != Some(due.amount.currency) || amount < 0).then_some("not_the_payments_money");
    let state = match (refusal, amount) {
        (Some(_), _) => OperationState::Failed,
        (None, 0) => OperationState::Done,
        (None, _) => OperationState::Pending,
    };
    let (kind, cause, amount_minor) = (PaymentOperation::Capture, due.capture, amount.max(0));
    let new = NewOperation { id, payment, kind, cause, amount_minor, state, reason: refusal };
    if !store::insert_operation(tx, &new).await? {
        return Ok(Outcome::Done);
    }
    match state {
        OperationState::Failed => say_failed(tx, due, &new, "not_the_payments_money"),
        OperationState::Done => {
            store::enter(tx, payment, LedgerKind::Captured, id.uuid(), 0).await?;
            tx.say(&PaymentCaptured { order: due.order, payment, capture: cause, amount: due.amount });
        }
        OperationState::Pending => {
            let change = Change { capturing: amount, ..Change::default() };
            if store::book(tx, payment, change).await?.is_some() {
                tx.start(&Operate { operation: id });
            } else {
                store::end_operation(tx, id, OperationState::Failed, Some(MORE_THAN_AUTHORIZED)).await?;
                say_failed(tx, due, &new, MORE_THAN_AUTHORIZED);
            }
        }
    }
    Ok(Outcome::Done)
}

fn say_failed(tx: &mut Tx, due: &OrderCaptureDue, new: &NewOperation, reason: &str) {
    tx.say(&PaymentFailed { order: due.order, payment: new.payment, operation: new.kind, reason: reason.to_owned() });
}
