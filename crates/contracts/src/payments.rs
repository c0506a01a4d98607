//! `payments`: payments, attempts, captures, refunds, the append-only ledger and the gateways.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::carts::LineId;
use crate::orders::OrderId;
use crate::{Money, calls, events, ids};

ids! {
    /// A payment of an order.
    PaymentId = "pay";
    /// One try to authorise a payment at a gateway.
    AttemptId = "att";
    /// A capture, void or refund asked of a gateway.
    OperationId = "op";
    /// Money that goes back to a buyer.
    RefundId = "ref";
    /// Money that staff saw coming in, by transfer or in cash.
    ReceiptId = "rcpt";
    /// A line of the ledger.
    LedgerEntryId = "led";
}

/// What the buyer must do before the payment goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NextAction {
    /// Send the buyer's browser there; they come back when they are done.
    Redirect { url: String },
    /// Transfer the amount to the shop's account, with this reference; the instructions say where to.
    Transfer { reference: String, instructions: String, amount: Money },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentOperation {
    Authorize,
    Capture,
    Void,
    Refund,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PaymentAuthorized {
    pub order: OrderId,
    pub payment: PaymentId,
    pub attempt: AttemptId,
    pub amount: Money,
    /// The way to pay by which the money came.
    pub method: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PaymentCaptured {
    pub order: OrderId,
    pub payment: PaymentId,
    /// As `order.capture_due` named it.
    pub capture: Uuid,
    pub amount: Money,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PaymentDeclined {
    pub order: OrderId,
    pub payment: PaymentId,
    pub attempt: AttemptId,
    /// The gateway's reason, such as `card_declined`.
    pub reason: String,
    pub tries_left: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PaymentActionRequired {
    pub order: OrderId,
    pub payment: PaymentId,
    pub attempt: AttemptId,
    /// The way to pay that the buyer goes on with: its setting says how long they have.
    pub method: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PaymentVoided {
    pub order: OrderId,
    pub payment: PaymentId,
    pub amount: Money,
}

/// Said once for a refund, when all of it has gone back that will.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PaymentRefunded {
    pub order: OrderId,
    pub refund: RefundId,
    pub amount: Money,
    /// The units that it is for, where it was not made by amount.
    pub lines: Vec<RefundedLine>,
    /// The shipping charge is in it.
    pub shipping: bool,
}

/// So many units of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundedLine {
    pub line: LineId,
    pub quantity: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PaymentFailed {
    pub order: OrderId,
    pub payment: PaymentId,
    pub operation: PaymentOperation,
    pub reason: String,
}

events! { "payments" =>
    /// The gateway holds the money for this order.
    "payment.authorized" fact PaymentAuthorized { subject: order, heard_by: ["orders"] }
    /// The gateway took the money, whole or in part.
    "payment.captured" fact PaymentCaptured { subject: order, heard_by: ["orders", "notifications"] }
    /// The gateway said no; the order stays payable until its timer or its last try.
    "payment.declined" fact PaymentDeclined { subject: order, heard_by: ["orders", "notifications"] }
    /// The buyer must confirm at their bank; a call tells where.
    "payment.action_required" fact PaymentActionRequired { subject: order, heard_by: ["orders", "notifications"] }
    /// An authorisation was given back before any money moved.
    "payment.voided" fact PaymentVoided { subject: order, heard_by: ["orders"] }
    /// Captured money went back to the buyer.
    "payment.refunded" fact PaymentRefunded { subject: order, heard_by: ["orders", "notifications"] }
    /// The gateway refused for good what we asked; a person must look.
    "payment.failed" fact PaymentFailed { subject: order, heard_by: ["orders", "notifications"] }
}

/// What must the buyer of this order do now? `None`: nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetNextAction {
    pub order: OrderId,
}

/// For `souk audit`: payments by id, with the gateway's own word beside ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentFacts {
    pub after: Option<PaymentId>,
    pub limit: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentFact {
    pub payment: PaymentId,
    pub order: OrderId,
    /// What the payment is for.
    pub amount: Money,
    /// Sums of our ledger.
    pub authorized: i64,
    pub captured: i64,
    pub voided: i64,
    pub refunded: i64,
    /// What the gateway says of this payment's attempts; `None` where it can't be asked.
    pub gateway: Option<GatewayFact>,
    /// Attempts or operations without an outcome yet.
    pub open: i64,
    /// Captures, voids and refunds that the gateway refused for good and nobody mended.
    pub failed: i64,
    pub order_cancelled: bool,
    pub updated_at: jiff::Timestamp,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GatewayFact {
    /// Charges at the gateway that were authorised, whatever became of them later.
    pub charges: i64,
    /// Of these, the ones whose money was neither voided nor wholly refunded.
    pub charges_kept: i64,
    pub authorized: i64,
    pub captured: i64,
    pub voided: i64,
    pub refunded: i64,
}

/// For `souk audit`: payments of these orders (at most 500).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentsOfOrders {
    pub orders: Vec<OrderId>,
}

/// For `souk audit`: what went back for units of these orders' lines (at most 500 orders), or is about to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefundedUnits {
    pub orders: Vec<OrderId>,
}

/// Of a line that something went back for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefundedUnitsFact {
    pub order: OrderId,
    pub line: LineId,
    pub quantity: i64,
    pub amount: i64,
}

calls! {
    "payments.get_next_action" GetNextAction -> Option<NextAction>;
    "payments.facts" PaymentFacts -> Vec<PaymentFact>;
    "payments.of_orders" PaymentsOfOrders -> Vec<PaymentFact>;
    "payments.refunded_units" RefundedUnits -> Vec<RefundedUnitsFact>;
}
