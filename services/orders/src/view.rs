//! What the API shows of an order.

use contracts::carts::{CartId, LineId};
use contracts::catalog::VariantId;
use contracts::customers::{CustomerId, StaffId};
use contracts::orders::{CancelReason, OrderId, OrderNoteId, OrderStatus};
use contracts::payments::NextAction;
use contracts::pricing::{AmountRow, QuotedShipping, TraceStep};
use contracts::shipping::PickupPoint;
use contracts::{Address, Locale, MarketId, Metadata, Money, TaxClass};
use jiff::Timestamp;
use platform::auth::sha256_hex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cancellation::CancelRequest;
use crate::order::{Order, OrderShipment, PaymentOutcome};
use crate::sale::Line;
use crate::states::{FulfilmentState, PaymentState};

/// An order as its buyer and the staff see it.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderView {
    pub id: OrderId,
    /// For people.
    #[schema(example = "S-7K3M9Q")]
    pub number: String,
    pub status: OrderStatus,
    pub payment_state: PaymentState,
    pub fulfilment_state: FulfilmentState,
    /// How the newest try to pay went; null while none has an outcome.
    pub payment_outcome: Option<PaymentOutcome>,
    /// What the buyer must do now to pay; null: nothing, or it is not known right now.
    pub next_action: Option<NextAction>,
    pub cancel_reason: Option<CancelReason>,
    /// The newest wish to cancel the confirmed order, or lines of it: being decided, or refused. Null: none,
    /// or it was granted.
    pub cancel_request: Option<CancelRequest>,
    pub cart: CartId,
    /// Null: a guest's.
    pub customer: Option<CustomerId>,
    pub market: MarketId,
    pub locale: Locale,
    pub email: String,
    /// Null: nothing to ship, or the buyer fetches it.
    pub shipping_address: Option<Address>,
    /// Null: as the shipping address.
    pub billing_address: Option<Address>,
    /// Where the buyer fetches the goods.
    pub pickup: Option<PickupPoint>,
    pub shipping: Option<QuotedShipping>,
    /// The buyer owes the tax: none is in the total.
    pub reverse_charge: bool,
    /// The way to pay that was chosen when it was ordered.
    pub payment_method: String,
    /// The ways to pay by which money came since.
    pub paid_by: Vec<String>,
    pub lines: Vec<OrderLineView>,
    /// Typed signed rows; those not `included` sum to `total`.
    pub amounts: Vec<AmountRow>,
    /// Of what was ordered.
    pub total: Money,
    /// Of what was not cancelled: what the buyer pays in the end.
    pub due: Money,
    /// Held by the gateways now or taken, less what was voided.
    pub authorized: Money,
    pub captured: Money,
    pub refunded: Money,
    /// Why each amount is what it is.
    pub trace: Vec<TraceStep>,
    /// What left the house.
    pub shipments: Vec<OrderShipment>,
    pub metadata: Metadata,
    /// Oldest first; the newest 100.
    pub history: Vec<HistoryEntry>,
    /// What staff wrote down for each other, oldest first, the newest 100. Only staff have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub notes: Option<Vec<OrderNote>>,
    /// Rises with each entry of the history.
    pub version: i64,
    pub placed_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A line as it was sold, and how far its units have come.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderLineView {
    pub id: LineId,
    pub variant: VariantId,
    pub product_title: String,
    pub variant_title: Option<String>,
    pub sku: String,
    pub options: Vec<OrderLineOption>,
    pub image: Option<String>,
    pub quantity: i64,
    pub cancelled: i64,
    pub shipped: i64,
    /// Units whose money went back.
    pub refunded: i64,
    pub unit_price: Money,
    pub subtotal: Money,
    /// Without tax.
    pub net: Money,
    pub tax: Money,
    /// What the buyer pays for the line, tax and all.
    pub total: Money,
    pub tax_class: TaxClass,
    #[schema(example = "0.2")]
    pub tax_rate: String,
    pub tax_name: String,
    pub weight_g: i64,
    pub requires_shipping: bool,
    pub metadata: Metadata,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderLineOption {
    #[schema(example = "Size")]
    pub name: String,
    #[schema(example = "M")]
    pub value: String,
}

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntry {
    /// Counts an order's entries from 1, without gaps.
    pub sequence: i64,
    pub at: Timestamp,
    /// What caused it.
    #[schema(example = "payment.authorized")]
    pub event: String,
    /// The service it came from, `buyer`, `staff`, or `system` where the order decided by itself.
    #[schema(example = "payments")]
    pub source: String,
    /// Who, where it was staff. Only staff have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub staff: Option<StaffId>,
    /// The order's status after it.
    pub status: OrderStatus,
    /// More of it, for people: an amount, a shipment, why it was cancelled.
    pub detail: Option<String>,
}

/// What staff wrote down about an order, for staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderNote {
    pub id: OrderNoteId,
    pub staff: StaffId,
    pub text: String,
    pub written_at: Timestamp,
}

/// An order in a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderListItem {
    pub id: OrderId,
    pub number: String,
    pub status: OrderStatus,
    pub payment_state: PaymentState,
    pub fulfilment_state: FulfilmentState,
    pub market: MarketId,
    /// Null: a guest's.
    pub customer: Option<CustomerId>,
    /// Of what was ordered.
    pub total: Money,
    /// Of what was not cancelled.
    pub due: Money,
    pub placed_at: Timestamp,
}

impl HistoryEntry {
    /// Without what only staff may see.
    pub fn for_buyer(self) -> Self {
        Self { staff: None, ..self }
    }
}

impl OrderView {
    /// As staff see it, without a next action and notes.
    pub fn of(order: Order, history: Vec<HistoryEntry>) -> Self {
        let money = |minor| Money::new(minor, order.sale.currency());
        Self {
            id: order.id,
            status: order.status,
            payment_state: order.payment_state(),
            fulfilment_state: order.fulfilment_state(),
            payment_outcome: order.last_try.map(|last| last.outcome),
            next_action: None,
            cancel_reason: order.cancel_reason,
            cancel_request: order.cancel_request,
            due: money(order.due_minor),
            authorized: money(order.money.held()),
            captured: money(order.money.captured),
            refunded: money(order.money.refunded),
            lines: order.lines.iter().map(|line| OrderLineView::of(line, money)).collect(),
            number: order.number,
            cart: order.sale.cart,
            customer: order.sale.buyer.customer(),
            market: order.sale.market,
            locale: order.sale.locale,
            email: order.sale.email,
            shipping_address: order.sale.shipping_address,
            billing_address: order.sale.billing_address,
            pickup: order.sale.pickup,
            shipping: order.sale.shipping,
            reverse_charge: order.sale.reverse_charge,
            payment_method: order.sale.payment_method,
            paid_by: order.paid_by,
            amounts: order.sale.amounts,
            total: order.sale.total,
            trace: order.sale.trace,
            shipments: order.shipments,
            metadata: order.sale.metadata,
            history,
            notes: None,
            version: order.version,
            placed_at: order.sale.placed_at,
            updated_at: order.updated_at,
        }
    }

    /// Without what only staff may see.
    pub fn for_buyer(self) -> Self {
        let history = self.history.into_iter().map(HistoryEntry::for_buyer).collect();
        Self { history, notes: None, ..self }
    }

    /// Its version, the next action, which payments changes by itself, and the newest note that is shown: the answer
    /// changes with each.
    pub fn tag(&self) -> String {
        let action = self.next_action.as_ref().map(|action| serde_json::json!(action).to_string());
        let action = action.map_or("0".to_owned(), |action| sha256_hex(action.as_bytes()).split_off(48));
        let tag = format!("{}.{action}", self.version);
        match self.notes.as_ref().and_then(|notes| notes.last()) {
            Some(newest) => format!("{tag}.{}", newest.id),
            None => tag,
        }
    }
}

impl OrderLineView {
    fn of(line: &Line, money: impl Fn(i64) -> Money) -> Self {
        let line = line.clone();
        Self {
            id: line.id,
            variant: line.variant,
            product_title: line.product_title,
            variant_title: line.variant_title,
            sku: line.sku,
            options: line.options.into_iter().map(|(name, value)| OrderLineOption { name, value }).collect(),
            image: line.image,
            quantity: line.quantity,
            cancelled: line.cancelled,
            shipped: line.shipped,
            refunded: line.refunded,
            unit_price: money(line.unit_price_minor),
            subtotal: money(line.subtotal_minor),
            net: money(line.net_minor),
            tax: money(line.tax_minor),
            total: money(line.total_minor),
            tax_class: line.tax_class,
            tax_rate: line.tax_rate,
            tax_name: line.tax_name,
            weight_g: line.weight_g,
            requires_shipping: line.requires_shipping,
            metadata: line.metadata,
        }
    }
}
