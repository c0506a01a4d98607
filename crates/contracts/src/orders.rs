//! `orders`: orders, their state machine and history.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::carts::{CartId, LineId};
use crate::catalog::VariantId;
use crate::customers::{Buyer, CustomerId};
use crate::inventory::StockHold;
use crate::shipping::{CancelledPart, PickupPoint, ShippingMethodId};
use crate::{Address, Locale, MarketId, Money, calls, events, ids};

ids! {
    /// An order.
    OrderId = "ord";
    /// One wish to cancel a confirmed order or lines of it; shipping answers it.
    CancelRequestId = "creq";
    /// A link that a guest asked for, to see an order.
    OrderLinkId = "olink";
    /// A note of staff on an order.
    OrderNoteId = "note";
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
    /// Where the goods are held, as `stock.reserved` said.
    pub holds: Vec<StockHold>,
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
    /// No more will be asked: what stays authorised after it goes back.
    pub last: bool,
}

/// Give back this part of the captured money.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderRefundDue {
    pub order: OrderId,
    /// Names this refund: the cancel request's id. One refund each.
    pub refund: Uuid,
    /// What these units and the shipping carry. Less goes back where staff refunded some of it before.
    pub amount: Money,
    #[serde(default)]
    pub lines: Vec<UnitsDue>,
    /// Of the amount, the shipping charge: nothing of the order ships any more, and nothing did.
    #[serde(default)]
    pub shipping: Option<Money>,
}

/// Cancelled units of a line whose money is to go back: `from..from + quantity` of its `of` units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnitsDue {
    pub line: LineId,
    pub from: i64,
    pub quantity: i64,
    /// Units ordered, and what they cost together.
    pub of: i64,
    pub total: Money,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderCancelRequested {
    pub order: OrderId,
    pub request: CancelRequestId,
    pub lines: Vec<LineUnits>,
}

/// So many units of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineUnits {
    pub line: LineId,
    pub variant: VariantId,
    pub quantity: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderLinesCancelled {
    pub order: OrderId,
    pub request: CancelRequestId,
    pub parts: Vec<CancelledPart>,
    /// What the buyer need not pay any more.
    pub amount: Money,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderLinkRequested {
    pub order: OrderId,
    pub link: OrderLinkId,
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
    "order.placed" fact OrderPlaced { subject: order, heard_by: ["inventory", "carts", "notifications"] }
    /// Every hold is in: the order waits for its payment.
    "order.payable" fact OrderPayable { subject: order, heard_by: ["payments"] }
    /// The money is authorised: the order will be shipped.
    "order.confirmed" fact OrderConfirmed { subject: order, heard_by: ["shipping", "notifications"] }
    /// A part of the authorised money is to be captured.
    "order.capture_due" fact OrderCaptureDue { subject: order, heard_by: ["payments"] }
    /// A part of the captured money is to go back.
    "order.refund_due" fact OrderRefundDue { subject: order, heard_by: ["payments"] }
    /// The buyer or staff want a confirmed order, or lines of it, not to be sent.
    "order.cancel_requested" fact OrderCancelRequested { subject: order, heard_by: ["shipping"] }
    /// Units of a confirmed order will not be sent; the order goes on without them.
    "order.lines_cancelled" fact OrderLinesCancelled { subject: order, heard_by: ["inventory", "notifications"] }
    /// A guest asked by number and e-mail to see an order.
    "order.link_requested" fact OrderLinkRequested { subject: order, heard_by: ["notifications"] }
    /// The order ended without being fulfilled: holds, money and cart go back.
    "order.cancelled" fact OrderCancelled { subject: order, heard_by: ["inventory", "carts", "payments", "shipping", "notifications"] }
    /// Shipped, captured and delivered.
    "order.completed" fact OrderCompleted { subject: order, heard_by: ["inventory", "carts", "notifications"] }
}

/// How does the buyer pay this order? Asked by `payments` in its job, so that no event carries a token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetPaymentInstruction {
    pub order: OrderId,
    /// When a buyer asks (then not theirs = not found); `None` from a job.
    pub buyer: Option<Buyer>,
}

/// The same, asked by whoever holds a link to the order: it pays as its buyer does.
#[derive(Clone, Serialize, Deserialize)]
pub struct GetPaymentInstructionByLink {
    pub order: OrderId,
    /// As the guest sent it. Another order's: not found; one that has ended: `orders.link_ended`.
    pub token: String,
}

impl std::fmt::Debug for GetPaymentInstructionByLink {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GetPaymentInstructionByLink").field("order", &self.order).finish_non_exhaustive()
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct PaymentInstruction {
    pub order: OrderId,
    pub status: OrderStatus,
    pub total: Money,
    pub method: String,
    /// How much of the total the buyer means to pay so; `None`: all.
    pub amount: Option<Money>,
    /// The gateway's name for the buyer's card; gone once the order is confirmed or cancelled.
    pub token: Option<String>,
    /// For a bank transfer's reference.
    pub number: String,
}

impl std::fmt::Debug for PaymentInstruction {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PaymentInstruction").field("order", &self.order).finish_non_exhaustive()
    }
}

/// Whom does a mail about this order go to, and what does it say? Asked by `notifications` in its job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetOrderContact {
    pub order: OrderId,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct OrderContact {
    pub order: OrderId,
    pub number: String,
    pub email: String,
    pub locale: Locale,
    pub customer: Option<CustomerId>,
    pub name: String,
    pub market: MarketId,
    pub lines: Vec<ContactLine>,
    pub amounts: Vec<crate::pricing::AmountRow>,
    pub total: Money,
    pub refunded: Money,
    pub method: String,
    pub pickup: Option<PickupPoint>,
    pub shipping_address: Option<Address>,
    pub cancel_reason: Option<CancelReason>,
    /// For guests: opens the order without the token of the cart.
    pub link: Option<OrderLink>,
}

impl std::fmt::Debug for OrderContact {
    /// Without what is personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrderContact").field("order", &self.order).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ContactLine {
    pub line: LineId,
    pub title: String,
    /// Units that were ordered, and of these the cancelled ones.
    pub quantity: i64,
    pub cancelled: i64,
    /// Of all `quantity` units.
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
    pub status: OrderStatus,
    /// `None`: the buyer fetches it.
    pub address: Option<Address>,
    pub pickup: Option<PickupPoint>,
    pub lines: Vec<ShipToLine>,
}

/// A line as the packing slip shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShipToLine {
    pub line: LineId,
    pub title: String,
    pub sku: String,
    pub options: Vec<(String, String)>,
    pub weight_g: i64,
}

/// What could go back to the buyer of this order? Asked by `payments` before staff refund; how much of it
/// went back already, payments knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetRefundable {
    pub order: OrderId,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refundable {
    pub order: OrderId,
    pub status: OrderStatus,
    pub total: Money,
    pub lines: Vec<RefundableLine>,
    /// Nothing, where all that would ship was cancelled.
    pub shipping_total: Money,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefundableLine {
    pub line: LineId,
    pub variant: VariantId,
    pub quantity: i64,
    /// The last units of the line: those before them, `0..quantity - cancelled`, can be refunded.
    pub cancelled: i64,
    /// Of all `quantity` units; a part of them by `Money::units`.
    pub total: Money,
}

/// Where does this link lead? Asked by `notifications` in its job; `None`: expired.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetOrderLink {
    pub link: OrderLinkId,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct OrderLink {
    pub order: OrderId,
    /// What the guest sends as `Order-Token`.
    pub token: String,
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for OrderLink {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrderLink")
            .field("order", &self.order)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
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
    pub cart: CartId,
    pub buyer: Buyer,
    pub status: OrderStatus,
    /// Units of each variant, as ordered.
    pub units: Vec<(VariantId, i64)>,
    /// Until when its timer lets it be unpaid.
    pub unpaid_until: Timestamp,
    pub total: Money,
    /// Sum of the amount rows that are not included.
    pub amounts_total: i64,
    /// Sum of line totals and shipping.
    pub parts_total: i64,
    /// Total less what was cancelled.
    pub due: i64,
    pub captured: i64,
    pub refunded: i64,
    /// Units ordered that need shipping, and units shipped.
    pub to_ship: i64,
    pub shipped: i64,
    /// Units ordered, shipped or not, and of these the cancelled ones.
    pub ordered: i64,
    pub cancelled: i64,
    /// Statuses in the order they were entered, by the history.
    pub history: Vec<OrderStatus>,
    /// The history's sequence numbers have no gap and no double.
    pub history_whole: bool,
    pub updated_at: Timestamp,
}

calls! {
    "orders.get_payment_instruction" GetPaymentInstruction -> PaymentInstruction;
    "orders.get_payment_instruction_by_link" GetPaymentInstructionByLink -> PaymentInstruction;
    "orders.get_contact" GetOrderContact -> OrderContact;
    "orders.get_refundable" GetRefundable -> Refundable;
    "orders.get_link" GetOrderLink -> Option<OrderLink>;
    "orders.get_ship_to" GetShipTo -> Vec<ShipTo>;
    "orders.facts" OrderFacts -> Vec<OrderFact>;
}
