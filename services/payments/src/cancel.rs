//! The order was cancelled: its money goes back, whenever and in whatever state it comes to light.

use ::store::{Result, Tx};
use contracts::Id;
use contracts::orders::OrderId;
use contracts::payments::PaymentOperation;
use platform::fault;

use crate::jobs::{Operate, Settle, SettleCause};
use crate::ledger::Balance;
use crate::operation::{NewOperation, OperationState};
use crate::store;

/// Remembers it, also for a payment that is not there yet; gives back what is authorised or captured,
/// and takes back the charge that waits for its buyer. An attempt that is still being made gives its
/// money back when it ends.
pub async fn cancel(tx: &mut Tx, order: OrderId) -> Result<()> {
    let balance = store::cancel(tx, order).await?;
    if balance.authorized > 0 {
        return give_back(tx, &balance).await;
    }
    if balance.tries > 0
        && let Some(attempt) = store::awaiting_buyer(tx, balance.payment).await?
    {
        tx.start(&Settle { attempt, cause: SettleCause::OrderCancelled });
    }
    Ok(())
}

/// Starts what a cancelled order's payment owes, each once; nothing where the order lives.
pub async fn give_back(tx: &mut Tx, balance: &Balance) -> Result<()> {
    if fault::planted("bug.payments.keeps_money_of_cancelled") {
        return Ok(());
    }
    let (void, refund) = balance.owed();
    start(tx, balance, PaymentOperation::Void, void).await?;
    start(tx, balance, PaymentOperation::Refund, refund).await
}

async fn start(tx: &mut Tx, balance: &Balance, kind: PaymentOperation, amount_minor: i64) -> Result<()> {
    if amount_minor == 0 {
        return Ok(());
    }
    let (id, cause, state) = (tx.ids().next(), balance.order.uuid(), OperationState::Pending);
    let new = NewOperation { id, payment: balance.payment, kind, cause, amount_minor, state, reason: None };
    if store::insert_operation(tx, &new).await? {
        tx.start(&Operate { operation: id });
    }
    Ok(())
}
