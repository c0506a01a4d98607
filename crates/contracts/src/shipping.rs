//! `shipping`: zones, methods, rates and shipments.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::carts::LineId;
use crate::catalog::VariantId;
use crate::inventory::LocationId;
use crate::orders::OrderId;
use crate::{Currency, MarketId, Money, TaxClass, calls, events, ids};

ids! {
    /// A set of countries that share shipping methods.
    ShippingZoneId = "shz";
    /// A way to send a parcel, with its price.
    ShippingMethodId = "shm";
    /// What leaves a location for one order.
    ShipmentId = "shp";
}

/// How can this basket be sent there, and for how much? Cheapest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetShippingOptions {
    pub market: MarketId,
    pub currency: Currency,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShippingOption {
    pub method: ShippingMethodId,
    #[schema(example = "Standard, 2 to 4 days")]
    pub name: String,
    pub price: Money,
    pub tax_class: TaxClass,
}

calls! {
    "shipping.get_options" GetShippingOptions -> Vec<ShippingOption>;
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShippedLine {
    pub line: LineId,
    pub variant: VariantId,
    pub quantity: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShipmentCreated {
    pub shipment: ShipmentId,
    pub order: OrderId,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShipmentDispatched {
    pub shipment: ShipmentId,
    pub order: OrderId,
    pub location: LocationId,
    pub lines: Vec<ShippedLine>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShipmentDelivered {
    pub shipment: ShipmentId,
    pub order: OrderId,
}

events! { "shipping" =>
    /// A confirmed order's goods wait to be packed.
    "shipment.created" fact ShipmentCreated { subject: order, heard_by: ["orders"] }
    /// The parcel left the house.
    "shipment.dispatched" fact ShipmentDispatched { subject: order, heard_by: ["orders", "inventory", "notifications"] }
    /// The parcel arrived.
    "shipment.delivered" fact ShipmentDelivered { subject: order, heard_by: ["orders"] }
}
