//! The noun *movement*: one line of the append-only ledger. A level is the sum of its movements.

use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, MovementId, StocktakeId, TransferId};
use contracts::orders::OrderId;
use contracts::shipping::ShipmentId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::reservation::Ending;

/// Why stock or what is held of it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Goods came in.
    Received,
    /// Somebody took something off the shelf or put it there, and said why.
    Adjusted,
    /// A stocktake found more or less than was thought.
    Counted,
    /// An order holds it.
    Reserved,
    /// An order holds it no longer; it stays in the house.
    Released,
    /// It left the house.
    Shipped,
    /// It went to another location.
    TransferredOut,
    /// It came from another location.
    TransferredIn,
}

/// Why somebody changed what is on hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdjustReason {
    /// Goods came from a supplier.
    Received,
    Damaged,
    Lost,
    Found,
    /// A booking was wrong; in either direction.
    Correction,
    /// A buyer sent it back.
    Returned,
}

impl AdjustReason {
    /// Whether a change in this direction can have this reason.
    pub fn fits(self, change: i64) -> bool {
        match self {
            Self::Received | Self::Found | Self::Returned => change > 0,
            Self::Damaged | Self::Lost => change < 0,
            Self::Correction => change != 0,
        }
    }
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
    pub stocktake: Option<StocktakeId>,
    pub transfer: Option<TransferId>,
    /// Staff's; the system's own movements have none.
    pub reason: Option<AdjustReason>,
    pub note: Option<String>,
}

impl Movement {
    pub fn reserved(order: OrderId, variant: VariantId, location: LocationId, quantity: i64) -> Self {
        Self { reserved_change: quantity, ..Self::of(MovementKind::Reserved, variant, location).by(order) }
    }

    /// Units of a hold end without leaving the house; what a completed order had booked out comes back.
    pub fn released(order: OrderId, ending: &Ending) -> Self {
        let movement = Self::of(MovementKind::Released, ending.variant, ending.location).by(order);
        Self { on_hand_change: ending.back, reserved_change: -ending.released, ..movement }
    }

    /// Units of a hold leave the house without a shipment.
    pub fn handed_over(order: OrderId, ending: &Ending) -> Self {
        let movement = Self::of(MovementKind::Shipped, ending.variant, ending.location).by(order);
        Self { on_hand_change: -ending.shipped, reserved_change: -ending.shipped, ..movement }
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

    pub fn adjusted(
        variant: VariantId,
        location: LocationId,
        change: i64,
        reason: AdjustReason,
        note: Option<String>,
    ) -> Self {
        let kind = match reason {
            AdjustReason::Received => MovementKind::Received,
            _ => MovementKind::Adjusted,
        };
        Self { on_hand_change: change, reason: Some(reason), note, ..Self::of(kind, variant, location) }
    }

    /// What a count found more or less than was thought.
    pub fn counted(variant: VariantId, location: LocationId, change: i64) -> Self {
        Self { on_hand_change: change, ..Self::of(MovementKind::Counted, variant, location) }
    }

    pub fn in_stocktake(self, stocktake: StocktakeId) -> Self {
        Self { stocktake: Some(stocktake), ..self }
    }

    pub fn transferred_out(transfer: TransferId, variant: VariantId, location: LocationId, quantity: i64) -> Self {
        let movement = Self::of(MovementKind::TransferredOut, variant, location);
        Self { on_hand_change: -quantity, transfer: Some(transfer), ..movement }
    }

    pub fn transferred_in(transfer: TransferId, variant: VariantId, location: LocationId, quantity: i64) -> Self {
        let movement = Self::of(MovementKind::TransferredIn, variant, location);
        Self { on_hand_change: quantity, transfer: Some(transfer), ..movement }
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
            stocktake: None,
            transfer: None,
            reason: None,
            note: None,
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
    pub stocktake: Option<StocktakeId>,
    pub transfer: Option<TransferId>,
    pub reason: Option<AdjustReason>,
    pub note: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}
