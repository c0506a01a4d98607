//! `orders`: orders, their state machine and history.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::carts::{CartId, LineId};
use crate::catalog::VariantId;
use crate::inventory::LocationId;
use crate::shipping::ShippingMethodId;
use crate::{Address, Locale, MarketId, Money, calls, events, ids};

ids! {
    /// An order.
    OrderId = "ord";
}

/// The saga: the only transition table of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Accepted; its holds are being taken.
    Placed,
    /// Everything is held; waiting for the payment.
    Payable,
    /// Paid for (authorised): will be shipped.
    Confirmed,
    /// Shipped, captured and delivered.
    Completed,
    Cancelled,
}

impl OrderStatus {
    pub const ALL: [Self; 5] = [Self::Placed, Self::Payable, Self::Confirmed, Self::Completed, Self::Cancelled];
}

/// Why an order was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    OutOfStock,
    /// The payment did not come before the order's timer.
    Unpaid,
    Buyer,
    Staff,
}

/// A line as the other services need it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderedLine {
    pub line: LineId,
    pub variant: VariantId,
    pub quantity: i64,
    pub requires_shipping: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderPlaced {
    pub order: OrderId,
    pub cart: CartId,
    /// The version of the cart that was ordered.
    pub cart_version: i64,
    pub market: MarketId,
    pub lines: Vec<OrderedLine>,
    pub placed_at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderPayable {
    pub order: OrderId,
    /// How the buyer means to pay: a method of `payments`.
    pub method: String,
    pub total: Money,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderConfirmed {
    pub order: OrderId,
    pub market: MarketId,
    /// Where the goods are held.
    pub location: LocationId,
    /// `None`: nothing to ship.
    pub shipping_method: Option<ShippingMethodId>,
    pub lines: Vec<OrderedLine>,
    pub total: Money,
}

/// Take this part of the authorised money now.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderCaptureDue {
    pub order: OrderId,
    /// Names this capture: the shipment's id, or the order's where nothing ships. One capture each.
    pub capture: Uuid,
    pub amount: Money,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderCancelled {
    pub order: OrderId,
    pub cart: CartId,
    pub cart_version: i64,
    pub reason: CancelReason,
    /// The cart is the buyer's again: nothing was paid.
    pub reopens_cart: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderCompleted {
    pub order: OrderId,
}

events! { "orders" =>
    /// A buyer ordered a cart. The order exists; nothing is held or paid yet.
    "order.placed" fact OrderPlaced { subject: order, heard_by: ["inventory", "carts"] }
    /// Every hold is in: the order waits for its payment.
    "order.payable" fact OrderPayable { subject: order, heard_by: ["payments"] }
    /// The money is authorised: the order will be shipped.
    "order.confirmed" fact OrderConfirmed { subject: order, heard_by: ["shipping", "notifications"] }
    /// A part of the authorised money is to be captured.
    "order.capture_due" fact OrderCaptureDue { subject: order, heard_by: ["payments"] }
    /// The order ended without being fulfilled: holds, money and cart go back.
    "order.cancelled" fact OrderCancelled { subject: order, heard_by: ["inventory", "carts", "payments", "shipping", "notifications"] }
    /// Shipped, captured and delivered.
    "order.completed" fact OrderCompleted { subject: order, heard_by: [] }
}

/// How does the buyer pay this order? Asked by `payments` in its job, so that no event carries a token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetPaymentInstruction {
    pub order: OrderId,
    /// SHA-256 of the buyer's token when a buyer asks (then not theirs = not found); `None` from a job.
    pub buyer_sha256: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentInstruction {
    pub order: OrderId,
    pub status: OrderStatus,
    pub total: Money,
    pub method: String,
    /// The gateway's name for the buyer's card; gone once the order is confirmed or cancelled.
    pub token: Option<String>,
}

/// Whom does a mail about this order go to, and what does it say? Asked by `notifications` in its job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetOrderContact {
    pub order: OrderId,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderContact {
    pub order: OrderId,
    pub number: String,
    pub email: String,
    pub locale: Locale,
    pub name: String,
    pub lines: Vec<ContactLine>,
    pub total: Money,
    pub cancel_reason: Option<CancelReason>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ContactLine {
    pub title: String,
    pub quantity: i64,
    pub total: Money,
}

/// Where do these orders' parcels go (at most 100)? Asked by `shipping` when staff look at shipments.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetShipTo {
    pub orders: Vec<OrderId>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShipTo {
    pub order: OrderId,
    pub number: String,
    pub address: Address,
}

/// For `souk audit`: orders by id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderFacts {
    pub after: Option<OrderId>,
    pub limit: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderFact {
    pub order: OrderId,
    pub status: OrderStatus,
    pub total: Money,
    /// Sum of the amount rows that are not included.
    pub amounts_total: i64,
    /// Sum of line totals and shipping.
    pub parts_total: i64,
    pub captured: i64,
    /// Units ordered that need shipping, and units shipped.
    pub to_ship: i64,
    pub shipped: i64,
    /// Units ordered, shipped or not.
    pub ordered: i64,
    /// Statuses in the order they were entered, by the history.
    pub history: Vec<OrderStatus>,
    /// The history's sequence numbers have no gap and no double.
    pub history_whole: bool,
    pub updated_at: Timestamp,
}

calls! {
    "orders.get_payment_instruction" GetPaymentInstruction -> PaymentInstruction;
    "orders.get_contact" GetOrderContact -> OrderContact;
    "orders.get_ship_to" GetShipTo -> Vec<ShipTo>;
    "orders.facts" OrderFacts -> Vec<OrderFact>;
}
