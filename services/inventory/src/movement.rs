//! The noun *movement*: one line of the append-only ledger. A level is the sum of its movements.

use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, MovementId};
use contracts::orders::OrderId;
use contracts::shipping::ShipmentId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why stock or what is held of it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Goods came in.
    Received,
    /// Somebody counted, or took something away.
    Adjusted,
    /// An order holds it.
    Reserved,
    /// An order holds it no longer; it stays in the house.
    Released,
    /// It left the house.
    Shipped,
}

/// A change of one level. One booking has at most one per variant and location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    pub variant: VariantId,
    pub location: LocationId,
    pub kind: MovementKind,
    pub on_hand_change: i64,
    pub reserved_change: i64,
    pub order: Option<OrderId>,
    pub shipment: Option<ShipmentId>,
    /// Staff's words; the system's own movements have none.
    pub reason: Option<String>,
}

impl Movement {
    pub fn reserved(order: OrderId, variant: VariantId, location: LocationId, quantity: i64) -> Self {
        Self { reserved_change: quantity, ..Self::of(MovementKind::Reserved, variant, location).by(order) }
    }

    pub fn released(order: OrderId, variant: VariantId, location: LocationId, quantity: i64) -> Self {
        Self { reserved_change: -quantity, ..Self::of(MovementKind::Released, variant, location).by(order) }
    }

    /// `quantity` left the house; `held` of it was reserved for the order until now.
    pub fn shipped(
        (order, shipment): (OrderId, ShipmentId),
        variant: VariantId,
        location: LocationId,
        quantity: i64,
        held: i64,
    ) -> Self {
        let movement = Self::of(MovementKind::Shipped, variant, location).by(order);
        Self { on_hand_change: -quantity, reserved_change: -held, shipment: Some(shipment), ..movement }
    }

    pub fn adjusted(variant: VariantId, location: LocationId, change: i64, reason: &str) -> Self {
        let kind = if change > 0 { MovementKind::Received } else { MovementKind::Adjusted };
        Self { on_hand_change: change, reason: Some(reason.to_owned()), ..Self::of(kind, variant, location) }
    }

    /// What a count found more or less than was thought.
    pub fn counted(variant: VariantId, location: LocationId, change: i64) -> Self {
        let kind = MovementKind::Adjusted;
        Self { on_hand_change: change, reason: Some("stocktake".to_owned()), ..Self::of(kind, variant, location) }
    }

    fn of(kind: MovementKind, variant: VariantId, location: LocationId) -> Self {
        Self {
            variant,
            location,
            kind,
            on_hand_change: 0,
            reserved_change: 0,
            order: None,
            shipment: None,
            reason: None,
        }
    }

    fn by(self, order: OrderId) -> Self {
        Self { order: Some(order), ..self }
    }
}

/// A line of the ledger, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MovementView {
    pub id: MovementId,
    pub variant: VariantId,
    pub location: LocationId,
    pub kind: MovementKind,
    pub on_hand_change: i64,
    pub reserved_change: i64,
    pub order: Option<OrderId>,
    pub shipment: Option<ShipmentId>,
    pub reason: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}
