//! `inventory`: locations, stock levels, reservations and the movement ledger.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::VariantId;
use crate::orders::OrderId;
use crate::{calls, events, ids};

ids! {
    /// A place that holds stock.
    LocationId = "loc";
    /// One order's hold on one variant at one location.
    ReservationId = "resv";
    /// A line of the movement ledger.
    MovementId = "mov";
    /// A count of what lies at a location.
    StocktakeId = "stk";
    /// Goods on their way between two locations.
    TransferId = "trf";
}

/// What a buyer is told about stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    In,
    /// At or below the low-stock threshold.
    Low,
    Out,
}

/// What happens when more is asked for than is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockPolicy {
    /// Refused.
    Deny,
    /// Sold all the same; the level goes below zero.
    Backorder,
    /// Not counted: always there.
    Untracked,
}

/// A line that could not be reserved.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Shortage {
    pub variant: VariantId,
    pub requested: i64,
    pub available: i64,
}

/// What an order holds of a variant at a location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockHold {
    pub variant: VariantId,
    pub location: LocationId,
    pub quantity: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StockReserved {
    pub order: OrderId,
    /// By variant and location; an order may be held at several.
    pub holds: Vec<StockHold>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StockRejected {
    pub order: OrderId,
    pub shortages: Vec<Shortage>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StockReleased {
    pub order: OrderId,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StockAvailabilityChanged {
    pub variant: VariantId,
    pub availability: Availability,
    /// Counts the flips of this variant.
    pub version: i64,
}

events! { "inventory" =>
    /// Every line of the order is held, where it can at one location.
    "stock.reserved" fact StockReserved { subject: order, heard_by: ["orders"] }
    /// At least one line could not be held; nothing is.
    "stock.rejected" fact StockRejected { subject: order, heard_by: ["orders"] }
    /// An order's holds ended without leaving the house.
    "stock.released" fact StockReleased { subject: order, heard_by: [] }
    /// A variant went between in stock, low and out. Not said for every sale.
    "stock.availability_changed" state StockAvailabilityChanged { subject: variant, version: version, heard_by: ["catalog", "notifications"] }
}

/// For `souk audit`: levels beside the sums of their ledger and holds, by variant and location.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InventoryLevelFacts {
    pub after: Option<(VariantId, LocationId)>,
    pub limit: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LevelFact {
    pub variant: VariantId,
    pub location: LocationId,
    pub policy: StockPolicy,
    pub on_hand: i64,
    pub reserved: i64,
    pub shortfall: i64,
    /// Sum of the ledger's changes to on_hand.
    pub ledger_on_hand: i64,
    /// Sum of the ledger's changes to reserved.
    pub ledger_reserved: i64,
    /// Sum of the reservations still held.
    pub held: i64,
    pub updated_at: jiff::Timestamp,
}

/// For `souk audit`: what inventory knows of each of these orders (at most 500).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InventoryOrderFacts {
    pub orders: Vec<OrderId>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InventoryOrderFact {
    pub order: OrderId,
    /// Units held and not yet ended.
    pub held: i64,
    pub released: i64,
    pub shipped: i64,
    /// Reservations of this order that ended more than once, by the ledger.
    pub ended_twice: i64,
}

calls! {
    "inventory.level_facts" InventoryLevelFacts -> Vec<LevelFact>;
    "inventory.order_facts" InventoryOrderFacts -> Vec<InventoryOrderFact>;
}
