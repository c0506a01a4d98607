//! An order became payable: its payment is opened, and its first attempt made.

use ::store::{Result, Tx};
use contracts::Id;
use contracts::orders::OrderPayable;
use contracts::payments::{AttemptId, PaymentAuthorized, PaymentId};

use crate::attempt::AttemptState;
use crate::jobs::Authorize;
use crate::ledger::LedgerKind;
use crate::store;

/// Does nothing where the order has a payment, or was cancelled before this came. What costs nothing
/// is authorised at once, without a gateway.
pub async fn open(tx: &mut Tx, event: &OrderPayable) -> Result<()> {
    let OrderPayable { order, method, total } = event;
    let (payment, attempt) = (tx.ids().next::<PaymentId>(), tx.ids().next::<AttemptId>());
    if !store::open(tx, payment, *order, method, *total).await? {
        return Ok(());
    }
    if total.amount > 0 {
        store::insert_attempt(tx, attempt, payment, 1, AttemptState::Pending, None).await?;
        tx.start(&Authorize { attempt });
        return Ok(());
    }
    store::insert_attempt(tx, attempt, payment, 1, AttemptState::Authorized, None).await?;
    store::enter(tx, payment, LedgerKind::Authorized, attempt.uuid(), 0).await?;
    tx.say(&PaymentAuthorized { order: *order, payment, attempt, amount: *total });
    Ok(())
}
