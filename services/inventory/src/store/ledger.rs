//! The statements that read the ledger, the newest first.

use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, MovementId};
use contracts::orders::OrderId;
use jiff::Timestamp;
use store::{Db, FromRow, Result, Row, params, statements};

use crate::movement::{MovementKind, MovementView};

statements! {
    OF_ORDER = "SELECT id, variant_id, location_id, kind, on_hand_change, reserved_change,
            order_id, shipment_id, stocktake_id, transfer_id, reason, note, at
        FROM inventory_movement
        WHERE order_id = $1 AND variant_id = COALESCE($2, variant_id) AND location_id = COALESCE($3, location_id)
        AND kind = COALESCE(CAST($4 AS TEXT), kind) AND at >= $5 AND at < $6 AND (at, id) < ($7, $8)
        ORDER BY at DESC, id DESC LIMIT $9";
    OF_VARIANT = "SELECT id, variant_id, location_id, kind, on_hand_change, reserved_change,
            order_id, shipment_id, stocktake_id, transfer_id, reason, note, at
        FROM inventory_movement
        WHERE variant_id = $1 AND location_id = COALESCE($2, location_id)
        AND kind = COALESCE(CAST($3 AS TEXT), kind) AND at >= $4 AND at < $5 AND (at, id) < ($6, $7)
        ORDER BY at DESC, id DESC LIMIT $8";
    AT_LOCATION = "SELECT id, variant_id, location_id, kind, on_hand_change, reserved_change,
            order_id, shipment_id, stocktake_id, transfer_id, reason, note, at
        FROM inventory_movement
        WHERE location_id = $1
        AND kind = COALESCE(CAST($2 AS TEXT), kind) AND at >= $3 AND at < $4 AND (at, id) < ($5, $6)
        ORDER BY at DESC, id DESC LIMIT $7";
    MOVED_LEVEL = "SELECT variant_id, location_id FROM inventory_movement WHERE id = $1";
}

impl FromRow for MovementView {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            variant: row.take()?,
            location: row.take()?,
            kind: row.take()?,
            on_hand_change: row.take()?,
            reserved_change: row.take()?,
            order: row.take()?,
            shipment: row.take()?,
            stocktake: row.take()?,
            transfer: row.take()?,
            reason: row.take()?,
            note: row.take()?,
            at: row.take()?,
        })
    }
}

/// Whose movements, each list by its index.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    Order(OrderId, Option<VariantId>, Option<LocationId>),
    Variant(VariantId, Option<LocationId>),
    Location(LocationId),
}

/// Of these movements, which.
#[derive(Debug, Clone, Copy)]
pub struct Which {
    pub kind: Option<MovementKind>,
    /// At or after it.
    pub from: Timestamp,
    /// Before it.
    pub to: Timestamp,
    /// Older than this place in the list.
    pub before: (Timestamp, MovementId),
    pub limit: i64,
}

pub async fn movements(db: &Db, of: Of, which: Which) -> Result<Vec<MovementView>> {
    let Which { kind, from, to, before: (at, id), limit } = which;
    match of {
        Of::Order(order, variant, location) => {
            db.all(&OF_ORDER, params![order, variant, location, kind, from, to, at, id, limit]).await
        }
        Of::Variant(variant, location) => {
            db.all(&OF_VARIANT, params![variant, location, kind, from, to, at, id, limit]).await
        }
        Of::Location(location) => db.all(&AT_LOCATION, params![location, kind, from, to, at, id, limit]).await,
    }
}

/// The level that a movement changed.
pub async fn moved_level(db: &Db, movement: MovementId) -> Result<(VariantId, LocationId)> {
    db.one(&MOVED_LEVEL, params![movement]).await
}
