//! What the API shows of an order.

use contracts::carts::{CartId, LineId};
use contracts::catalog::VariantId;
use contracts::orders::{CancelReason, OrderId, OrderStatus};
use contracts::payments::NextAction;
use contracts::pricing::{AmountRow, QuotedShipping, TraceStep};
use contracts::{Address, Locale, MarketId, Metadata, Money, TaxClass};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    pub cart: CartId,
    pub market: MarketId,
    pub locale: Locale,
    pub email: String,
    pub shipping_address: Option<Address>,
    pub shipping: Option<QuotedShipping>,
    pub payment_method: String,
    pub lines: Vec<OrderLineView>,
    /// Typed signed rows; those not `included` sum to `total`.
    pub amounts: Vec<AmountRow>,
    pub total: Money,
    pub captured: Money,
    pub refunded: Money,
    /// Why each amount is what it is.
    pub trace: Vec<TraceStep>,
    /// What left the house.
    pub shipments: Vec<OrderShipment>,
    pub metadata: Metadata,
    /// Oldest first; the newest 100.
    pub history: Vec<HistoryEntry>,
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
    /// Option name and value, such as `["Size", "M"]`.
    pub options: Vec<(String, String)>,
    pub image: Option<String>,
    pub quantity: i64,
    pub cancelled: i64,
    pub shipped: i64,
    pub unit_price: Money,
    pub subtotal: Money,
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

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntry {
    pub at: Timestamp,
    /// What caused it.
    #[schema(example = "payment.authorized")]
    pub event: String,
    /// The service it came from, or `buyer` or `staff`.
    #[schema(example = "payments")]
    pub source: String,
    /// The order's status after it.
    pub status: OrderStatus,
    /// Shown to staff only.
    pub note: Option<String>,
}

/// An order in a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderListItem {
    pub id: OrderId,
    pub number: String,
    pub status: OrderStatus,
    pub payment_state: PaymentState,
    pub fulfilment_state: FulfilmentState,
    pub total: Money,
    pub placed_at: Timestamp,
}

impl OrderView {
    /// As staff see it, without a next action.
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
            captured: money(order.money.captured),
            refunded: money(order.money.refunded),
            lines: order.lines.iter().map(|line| OrderLineView::of(line, money)).collect(),
            number: order.number,
            cart: order.sale.cart,
            market: order.sale.market,
            locale: order.sale.locale,
            email: order.sale.email,
            shipping_address: order.sale.shipping_address,
            shipping: order.sale.shipping,
            payment_method: order.sale.payment_method,
            amounts: order.sale.amounts,
            total: order.sale.total,
            trace: order.sale.trace,
            shipments: order.shipments,
            metadata: order.sale.metadata,
            history,
            version: order.version,
            placed_at: order.sale.placed_at,
            updated_at: order.updated_at,
        }
    }

    /// Without what is written for staff.
    pub fn for_buyer(mut self) -> Self {
        self.history.iter_mut().for_each(|entry| entry.note = None);
        self
    }

    /// Its version, and whether the next action is known: the answer changes with both.
    pub fn tag(&self) -> String {
        format!("{}.{}", self.version, u8::from(self.next_action.is_some()))
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
            options: line.options,
            image: line.image,
            quantity: line.quantity,
            cancelled: line.cancelled,
            shipped: line.shipped,
            unit_price: money(line.unit_price_minor),
            subtotal: money(line.subtotal_minor),
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
