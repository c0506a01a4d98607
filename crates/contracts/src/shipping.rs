//! `shipping`: zones, methods, rates and shipments.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::carts::LineId;
use crate::catalog::VariantId;
use crate::inventory::LocationId;
use crate::orders::{CancelRequestId, OrderId};
use crate::{Address, Currency, MarketId, Money, TaxClass, calls, events, ids};

ids! {
    /// A set of countries, regions or postcodes that share shipping methods.
    ShippingZoneId = "shz";
    /// A way to send a parcel, with its price.
    ShippingMethodId = "shm";
    /// What leaves a location for one order.
    ShipmentId = "shp";
    /// One box of a shipment.
    ParcelId = "pcl";
}

/// How can this basket be sent there, and for how much? Cheapest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetShippingOptions {
    pub market: MarketId,
    pub currency: Currency,
    /// ISO 3166-1 alpha-2; `None` while the buyer has not said: then only where they can fetch it.
    pub country: Option<String>,
    pub region: Option<String>,
    /// As people write it; `None`: zones of postcodes don't serve it.
    pub postcode: Option<String>,
    /// Of everything that is sent.
    pub weight_g: i64,
    /// Of the items as the buyer sees their prices.
    pub items_total: Money,
}

/// Where a buyer fetches the goods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PickupPoint {
    #[garde(length(chars, min = 1, max = 200))]
    #[schema(example = "Shop Neubaugasse", min_length = 1, max_length = 200)]
    pub name: String,
    /// The place's own.
    #[garde(dive)]
    pub address: Address,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShippingOption {
    pub method: ShippingMethodId,
    #[schema(example = "Standard, 2 to 4 days")]
    pub name: String,
    pub price: Money,
    pub tax_class: TaxClass,
    /// Null: it is sent.
    pub pickup: Option<PickupPoint>,
}

/// What does a mail about this shipment say? Asked by `notifications` in its job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetShipmentContact {
    pub shipment: ShipmentId,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShipmentContact {
    pub shipment: ShipmentId,
    pub order: OrderId,
    pub method: Option<String>,
    pub pickup: Option<PickupPoint>,
    pub lines: Vec<ShippedLine>,
    pub parcels: Vec<ParcelContact>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ParcelContact {
    pub carrier: Option<String>,
    pub tracking_number: Option<String>,
    pub tracking_url: Option<String>,
}

calls! {
    "shipping.get_options" GetShippingOptions -> Vec<ShippingOption>;
    "shipping.get_shipment_contact" GetShipmentContact -> ShipmentContact;
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
    pub location: LocationId,
    pub lines: Vec<ShippedLine>,
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

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShipmentLost {
    pub shipment: ShipmentId,
    pub order: OrderId,
}

/// Units of a line that are taken out of what waits to be sent, and where they lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CancelledPart {
    pub line: LineId,
    pub variant: VariantId,
    pub quantity: i64,
    /// `None`: nothing of it ships.
    pub location: Option<LocationId>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShipmentCancelAccepted {
    pub order: OrderId,
    pub request: CancelRequestId,
    pub parts: Vec<CancelledPart>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShipmentCancelRefused {
    pub order: OrderId,
    pub request: CancelRequestId,
}

events! { "shipping" =>
    /// A confirmed order's goods wait to be packed.
    "shipment.created" fact ShipmentCreated { subject: order, heard_by: ["orders"] }
    /// The parcel left the house.
    "shipment.dispatched" fact ShipmentDispatched { subject: order, heard_by: ["orders", "inventory", "notifications"] }
    /// The parcel arrived, or was fetched.
    "shipment.delivered" fact ShipmentDelivered { subject: order, heard_by: ["orders", "notifications"] }
    /// The parcel will not arrive; a person decides on a refund.
    "shipment.lost" fact ShipmentLost { subject: order, heard_by: ["orders", "notifications"] }
    /// What an order asked to hold back had not left, and will not.
    "shipment.cancel_accepted" fact ShipmentCancelAccepted { subject: order, heard_by: ["orders"] }
    /// At least a part of what an order asked to hold back has left; nothing was held back.
    "shipment.cancel_refused" fact ShipmentCancelRefused { subject: order, heard_by: ["orders"] }
}
