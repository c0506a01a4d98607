//! An order became payable: its account is opened, with the payment that the order itself asks for.

use ::store::{Result, Tx};
use contracts::Id;
use contracts::orders::OrderPayable;
use contracts::payments::{AttemptId, PaymentAuthorized, PaymentId};

use crate::attempt::Outcome;
use crate::jobs::Authorize;
use crate::ledger::LedgerKind;
use crate::store::{self, NewPaymentRow};

/// Does nothing where the order has an account, or was cancelled before this came. What costs nothing
/// is authorised at once, without a gateway.
pub async fn open(tx: &mut Tx, event: &OrderPayable) -> Result<()> {
    let OrderPayable { order, method, total } = event;
    if !store::open(tx, *order, *total).await? {
        return Ok(());
    }
    let (payment, attempt) = (tx.ids().next::<PaymentId>(), tx.ids().next::<AttemptId>());
    let (order, amount) = (*order, total.amount);
    let first = NewPaymentRow { id: payment, order, number: 1, method, amount, attempt, token: None };
    store::insert_payment(tx, &first).await?;
    if amount > 0 {
        tx.start(&Authorize { attempt });
        return Ok(());
    }
    store::end_attempt(tx, attempt, &Outcome::Authorized { reference: None }, 0).await?;
    store::enter(tx, payment, LedgerKind::Authorized, attempt.uuid(), 0).await?;
    tx.say(&PaymentAuthorized { order, payment, attempt, amount: *total, method: method.clone() });
    Ok(())
}
