//! The noun *shipment*: what leaves a location for one order.

use contracts::Address;
use contracts::carts::LineId;
use contracts::catalog::VariantId;
use contracts::inventory::LocationId;
use contracts::orders::OrderId;
use contracts::shipping::{ShipmentId, ShippedLine};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// pending -> dispatched -> delivered, or pending -> cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShipmentState {
    /// To be packed.
    Pending,
    /// Left the house.
    Dispatched,
    /// Arrived.
    Delivered,
    /// Its order was cancelled before it left.
    Cancelled,
}

impl ShipmentState {
    pub const ALL: [Self; 4] = [Self::Pending, Self::Dispatched, Self::Delivered, Self::Cancelled];
}

/// A shipment as it stands.
#[derive(Debug, Clone)]
pub struct Shipment {
    pub id: ShipmentId,
    pub order: OrderId,
    pub location: LocationId,
    pub state: ShipmentState,
    pub carrier: Option<String>,
    pub tracking_number: Option<String>,
    pub version: i64,
    pub created_at: Timestamp,
    pub dispatched_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
}

/// A shipment, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShipmentView {
    pub id: ShipmentId,
    pub order: OrderId,
    /// The order's number for people; null while `orders` can't be asked.
    pub order_number: Option<String>,
    /// Where the goods lie.
    pub location: LocationId,
    pub state: ShipmentState,
    /// Where the parcel goes; null while `orders` can't be asked.
    pub ship_to: Option<Address>,
    pub lines: Vec<ShipmentLineView>,
    pub carrier: Option<String>,
    pub tracking_number: Option<String>,
    pub version: i64,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub dispatched_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub delivered_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShipmentLineView {
    pub line: LineId,
    pub variant: VariantId,
    pub quantity: i64,
}

impl From<ShippedLine> for ShipmentLineView {
    fn from(line: ShippedLine) -> Self {
        Self { line: line.line, variant: line.variant, quantity: line.quantity }
    }
}
