//! The noun *shipment*: what leaves a location for one order, in one or more parcels.

use contracts::carts::LineId;
use contracts::catalog::VariantId;
use contracts::inventory::LocationId;
use contracts::orders::OrderId;
use contracts::shipping::{PickupPoint, ShipmentId, ShippingMethodId};
use contracts::{Address, ExternalRef, Metadata};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::parcel::ParcelView;

/// pending -> dispatched -> delivered or lost; lost -> delivered, where it turns up; pending -> cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShipmentState {
    /// To be packed.
    Pending,
    /// Left the house, or waits at its pickup point.
    Dispatched,
    /// Arrived, or was fetched.
    Delivered,
    /// Will not arrive.
    Lost,
    /// Cancelled before it left.
    Cancelled,
}

impl ShipmentState {
    pub const ALL: [Self; 5] = [Self::Pending, Self::Dispatched, Self::Delivered, Self::Lost, Self::Cancelled];
}

/// A shipment as it stands.
#[derive(Debug, Clone)]
pub struct Shipment {
    pub id: ShipmentId,
    pub order: OrderId,
    pub location: LocationId,
    pub method: Option<ShippingMethodId>,
    pub method_name: Option<String>,
    pub pickup: Option<PickupPoint>,
    pub state: ShipmentState,
    pub metadata: Metadata,
    pub external_ref: Option<ExternalRef>,
    pub version: i64,
    pub created_at: Timestamp,
    pub dispatched_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub lost_at: Option<Timestamp>,
}

/// How the goods of an order go out, as the order was confirmed.
#[derive(Debug, Clone, Default)]
pub struct Way {
    pub method: Option<ShippingMethodId>,
    pub name: Option<String>,
    pub pickup: Option<PickupPoint>,
}

/// A line of a shipment: `quantity` units, of which `cancelled` don't leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedLine {
    pub line: LineId,
    pub variant: VariantId,
    pub quantity: i64,
    pub cancelled: i64,
}

impl PackedLine {
    /// Units that are sent, or will be.
    pub fn left(&self) -> i64 {
        self.quantity - self.cancelled
    }
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
    /// As the buyer chose it; null where nothing was chosen.
    pub method: Option<ShippingMethodId>,
    /// What it was called then.
    pub method_name: Option<String>,
    /// Where the buyer fetches it; null: it is sent.
    pub pickup: Option<PickupPoint>,
    pub state: ShipmentState,
    /// Where it goes; null where it is fetched, and while `orders` can't be asked.
    pub ship_to: Option<Address>,
    pub lines: Vec<ShipmentLineView>,
    pub parcels: Vec<ParcelView>,
    pub metadata: Metadata,
    pub external_ref: Option<ExternalRef>,
    pub version: i64,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub dispatched_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub delivered_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub lost_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShipmentLineView {
    pub line: LineId,
    pub variant: VariantId,
    /// As it was sold; null while `orders` can't be asked.
    pub title: Option<String>,
    pub sku: Option<String>,
    /// Units that are sent, or will be.
    pub quantity: i64,
    /// Units that were cancelled before they left.
    pub cancelled: i64,
}

/// What is laid into the parcel: data for printing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PackingSlip {
    pub shipment: ShipmentId,
    pub order: OrderId,
    pub order_number: String,
    pub location: LocationId,
    pub method_name: Option<String>,
    /// Null where the buyer fetches it.
    pub ship_to: Option<Address>,
    pub pickup: Option<PickupPoint>,
    pub lines: Vec<PackingSlipLine>,
    /// Of all lines together, as far as the goods' weights are known.
    pub weight_g: i64,
    pub parcels: Vec<ParcelView>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PackingSlipLine {
    pub line: LineId,
    pub variant: VariantId,
    pub sku: String,
    pub title: String,
    pub options: Vec<PackingSlipOption>,
    pub quantity: i64,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PackingSlipOption {
    #[schema(example = "Size")]
    pub name: String,
    #[schema(example = "M")]
    pub value: String,
}
