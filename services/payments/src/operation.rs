//! An operation: a capture, void or refund asked of a gateway.

use contracts::Money;
use contracts::orders::OrderId;
use contracts::payments::{OperationId, PaymentId, PaymentOperation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ledger::Change;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    Pending,
    Done,
    Failed,
}

::store::name_values!(OperationState);

/// An operation with what its gateway must know.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Also the gateway's key.
    pub id: OperationId,
    pub payment: PaymentId,
    pub order: OrderId,
    pub method: String,
    pub kind: PaymentOperation,
    /// The shipment or the order that it is for.
    pub cause: Uuid,
    pub amount: Money,
    pub state: OperationState,
    /// The gateway's name for the charge.
    pub reference: String,
}

/// An operation that is to be started.
#[derive(Debug, Clone)]
pub struct NewOperation {
    pub id: OperationId,
    pub payment: PaymentId,
    pub kind: PaymentOperation,
    pub cause: Uuid,
    pub amount_minor: i64,
    pub state: OperationState,
    pub reason: Option<&'static str>,
}

impl Operation {
    /// What the books change by when the gateway has done it, or has refused it for good.
    pub fn change(&self, is_done: bool) -> Change {
        let amount = self.amount.amount;
        let moved = if is_done { amount } else { 0 };
        match self.kind {
            PaymentOperation::Capture => Change { capturing: -amount, captured: moved, ..Change::default() },
            PaymentOperation::Void => Change { voided: moved, ..Change::default() },
            PaymentOperation::Refund => Change { refunded: moved, ..Change::default() },
            PaymentOperation::Authorize => Change { authorized: moved, ..Change::default() },
        }
    }
}
