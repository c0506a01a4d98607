//! The statements of orders and what they hold.

use contracts::orders::OrderId;
use contracts::shipping::ShipmentId;
use store::{FromRow, Result, Row, Tx, params, rows, statements};

use crate::allocation::Hold;
use crate::reservation::{Ending, Reservation};

statements! {
    OPEN = "INSERT INTO inventory_order (order_id, state) VALUES ($1, 'reserved') ON CONFLICT (order_id) DO NOTHING";
    REJECT = "UPDATE inventory_order SET state = 'rejected' WHERE order_id = $1 AND state = 'reserved'";
    CANCEL = "INSERT INTO inventory_order (order_id, state) VALUES ($1, 'cancelled')
        ON CONFLICT (order_id) DO UPDATE SET state = 'cancelled'";
    LOCK = "SELECT order_id FROM inventory_order WHERE order_id = $1 @for_update";
    LOCK_SHIPPED = "SELECT EXISTS (
            SELECT 1 FROM inventory_movement AS m WHERE m.order_id = o.order_id AND m.shipment_id = $2)
        FROM inventory_order AS o WHERE o.order_id = $1 @for_update";
    HOLD = "INSERT INTO inventory_reservation (id, order_id, variant_id, location_id, ships, quantity, shipped, released)
        SELECT id, $1, variant_id, location_id, ships, quantity, 0, 0
        FROM @rows($2: id @id, variant_id @id, location_id @id, ships @bool, quantity @int) AS held";
    // bounded: one order's variants, at most 100 lines at location::LOCATIONS_MAX locations
    RESERVATIONS = "SELECT id, variant_id, location_id, ships, quantity, shipped, released
        FROM inventory_reservation WHERE order_id = $1 ORDER BY variant_id, location_id";
    END = "UPDATE inventory_reservation SET shipped = shipped + shipped_change, released = released + released_change
        FROM @rows($1: reservation @id, shipped_change @int, released_change @int) AS ended
        WHERE id = reservation";
}

impl FromRow for Reservation {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, variant, location, ships) = (row.take()?, row.take()?, row.take()?, row.take()?);
        let (quantity, shipped) = (row.take()?, row.take()?);
        Ok(Self { id, variant, location, ships, quantity, shipped, released: row.take()? })
    }
}

/// `false`: the order is known already, perhaps cancelled.
pub async fn open_order(tx: &mut Tx, order: OrderId) -> Result<bool> {
    Ok(tx.exec(&OPEN, params![order]).await? == 1)
}

pub async fn reject_order(tx: &mut Tx, order: OrderId) -> Result<()> {
    tx.exec(&REJECT, params![order]).await.map(drop)
}

/// Locks the order's row, which is made where there is none.
pub async fn cancel_order(tx: &mut Tx, order: OrderId) -> Result<()> {
    tx.exec(&CANCEL, params![order]).await.map(drop)
}

/// `false`: the order is not known yet.
pub async fn lock_order(tx: &mut Tx, order: OrderId) -> Result<bool> {
    let found: Option<(OrderId,)> = tx.opt(&LOCK, params![order]).await?;
    Ok(found.is_some())
}

/// Whether this shipment of the order left already; `None`: the order is not known yet.
pub async fn lock_order_shipped(tx: &mut Tx, order: OrderId, shipment: ShipmentId) -> Result<Option<bool>> {
    Ok(tx.opt(&LOCK_SHIPPED, params![order, shipment]).await?.map(|(left,)| left))
}

pub async fn hold(tx: &mut Tx, order: OrderId, holds: &[Hold]) -> Result<()> {
    let ids = tx.ids().clone();
    let line = |hold: &Hold| params![ids.uuid(), hold.variant, hold.location, hold.ships, hold.quantity];
    tx.exec(&HOLD, params![order, rows(holds.iter().map(line))]).await.map(drop)
}

/// What the order held and holds. Its row is locked already.
pub async fn reservations(tx: &mut Tx, order: OrderId) -> Result<Vec<Reservation>> {
    tx.all(&RESERVATIONS, params![order]).await
}

pub async fn end(tx: &mut Tx, endings: &[Ending]) -> Result<()> {
    let line = |end: &Ending| params![end.reservation, end.shipped - end.back, end.released + end.back];
    tx.exec(&END, params![rows(endings.iter().map(line))]).await.map(drop)
}
