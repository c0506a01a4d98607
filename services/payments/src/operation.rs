//! An operation: a capture, void or refund asked of a gateway.

use contracts::Money;
use contracts::orders::OrderId;
use contracts::payments::{OperationId, PaymentId, PaymentOperation};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::account::AccountChange;
use crate::ledger::Sums;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// The gateway is being asked; or staff have to see the money coming in.
    Pending,
    Done,
    /// The gateway refused it for good. Captures and voids can be retried.
    Failed,
    /// The order ended before the money came.
    Withdrawn,
}

/// What an operation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// A capture: goods left, or the order was confirmed.
    CaptureDue,
    /// A void: all was captured that will be.
    Released,
    /// A void: the order was cancelled.
    OrderCancelled,
    /// A void: the gateway authorised an attempt after it had ended.
    CameLate,
    /// A refund.
    Refund,
}

::store::name_values!(OperationState, CauseKind);

/// An operation with what its gateway must know.
#[derive(Debug, Clone)]
pub struct Operation {
    pub id: OperationId,
    pub payment: PaymentId,
    pub order: OrderId,
    pub method: String,
    pub kind: PaymentOperation,
    pub cause_kind: CauseKind,
    /// The shipment, order, refund or attempt that it is for.
    pub cause: Uuid,
    pub amount: Money,
    pub state: OperationState,
    /// By which the gateway knows this try of it.
    pub key: OperationId,
    /// The gateway's name for the charge; `None` where nobody but us knows of it.
    pub reference: Option<String>,
}

/// An operation, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OperationView {
    pub id: OperationId,
    pub kind: PaymentOperation,
    pub cause: CauseKind,
    pub amount: Money,
    pub state: OperationState,
    /// How often it was begun; a retry by staff counts.
    pub tries: i64,
    /// Why the gateway refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Operation {
    /// What is set aside on the payment while it goes on.
    pub fn begins(&self) -> Sums {
        let amount = self.amount.amount;
        match self.kind {
            PaymentOperation::Capture => Sums { capturing: amount, ..Sums::default() },
            PaymentOperation::Void => Sums { voiding: amount, ..Sums::default() },
            PaymentOperation::Refund => Sums { refunding: amount, ..Sums::default() },
            PaymentOperation::Authorize => Sums::default(),
        }
    }

    /// What the payment changes by when the gateway has done it, or has refused it for good.
    pub fn ends(&self, is_done: bool) -> Sums {
        let amount = self.amount.amount;
        let moved = if is_done { amount } else { 0 };
        match self.kind {
            PaymentOperation::Capture => Sums { capturing: -amount, captured: moved, ..Sums::default() },
            PaymentOperation::Void => Sums { voiding: -amount, voided: moved, ..Sums::default() },
            PaymentOperation::Refund => Sums { refunding: -amount, refunded: moved, ..Sums::default() },
            PaymentOperation::Authorize => Sums::default(),
        }
    }

    /// What the order's account changes by then; `None`: nothing.
    pub fn ends_for_account(&self, is_done: bool) -> Option<AccountChange> {
        let Sums { captured, refunding, refunded, .. } = self.ends(is_done);
        let change = AccountChange { captured, refunding, refunded, ..AccountChange::default() };
        (change != AccountChange::default()).then_some(change)
    }
}
