//! Statements about shipments, their lines and parcels.

use contracts::inventory::LocationId;
use contracts::orders::OrderId;
use contracts::shipping::{ParcelId, PickupPoint, ShipmentId, ShippedLine, ShippingMethodId};
use contracts::{ExternalRef, Metadata};
use store::{Db, FromRow, Json, Result, Row, Tx, Value, name_values, params, rows, statements};

use super::ids;
use crate::edit_shipment::EditShipment;
use crate::packing::{OrderPacked, Taken};
use crate::parcel::{NewParcel, Parcel};
use crate::shipment::{PackedLine, Shipment, ShipmentState, Way};

name_values!(ShipmentState);

statements! {
    OPEN_ORDER = "INSERT INTO shipping_order (order_id, cancelled) VALUES ($1, $2) ON CONFLICT (order_id) DO NOTHING";
    CANCEL_ORDER = "INSERT INTO shipping_order (order_id, cancelled) VALUES ($1, $2)
        ON CONFLICT (order_id) DO UPDATE SET cancelled = excluded.cancelled";
    LOCK_ORDER = "SELECT cancelled FROM shipping_order WHERE order_id = $1 @for_update";
    LOCK_ORDER_OF = "SELECT order_id FROM shipping_order
        WHERE order_id = (SELECT order_id FROM shipping_shipment WHERE id = $1) @for_update";
    WAY = "SELECT name, pickup FROM shipping_method WHERE id = $1";
    INSERT_SHIPMENTS = "INSERT INTO shipping_shipment (id, order_id, location_id, method_id, method_name, pickup, state,
            metadata, version, created_at)
        SELECT id, $1, location_id, $2, $3, $4, 'pending', $5, 1, $6 FROM @rows($7: id @id, location_id @id) AS r";
    // The rest of a shipment whose part leaves.
    INSERT_REST = "INSERT INTO shipping_shipment (id, order_id, location_id, method_id, method_name, pickup, state,
            metadata, version, created_at)
        SELECT $2, order_id, location_id, method_id, method_name, pickup, 'pending', metadata, 1, $3
        FROM shipping_shipment WHERE id = $1";
    INSERT_LINES = "INSERT INTO shipping_shipment_line (shipment_id, line_id, variant_id, quantity, cancelled)
        SELECT shipment_id, line_id, variant_id, quantity, 0
        FROM @rows($1: shipment_id @id, line_id @id, variant_id @id, quantity @int) AS r";
    // Of lines of which nothing stays.
    DELETE_MOVED = "DELETE FROM shipping_shipment_line WHERE shipment_id = $1 AND cancelled = 0
        AND line_id IN (SELECT line_id FROM @rows($2: line_id @id, quantity @int) AS moved
            WHERE moved.line_id = shipping_shipment_line.line_id AND moved.quantity = shipping_shipment_line.quantity)";
    REDUCE_MOVED = "UPDATE shipping_shipment_line SET quantity = shipping_shipment_line.quantity - moved.quantity
        FROM @rows($2: line_id @id, quantity @int) AS moved
        WHERE shipping_shipment_line.shipment_id = $1 AND shipping_shipment_line.line_id = moved.line_id";
    TAKE_OUT = "UPDATE shipping_shipment_line SET cancelled = shipping_shipment_line.cancelled + taken.quantity
        FROM @rows($1: shipment_id @id, line_id @id, quantity @int) AS taken
        WHERE shipping_shipment_line.shipment_id = taken.shipment_id AND shipping_shipment_line.line_id = taken.line_id";
    // A shipment of which nothing is left ends.
    EMPTIED = "UPDATE shipping_shipment SET version = version + 1,
            state = CASE WHEN EXISTS (SELECT 1 FROM shipping_shipment_line AS l
                WHERE l.shipment_id = shipping_shipment.id AND l.cancelled < l.quantity) THEN state ELSE 'cancelled' END
        WHERE state = 'pending' AND id IN (SELECT id FROM @rows($1: id @id) AS touched)";
    CANCEL_LINES = "UPDATE shipping_shipment_line SET cancelled = quantity
        WHERE shipment_id IN (SELECT id FROM shipping_shipment WHERE order_id = $1 AND state = 'pending')";
    CANCEL_PENDING = "UPDATE shipping_shipment SET state = 'cancelled', version = version + 1
        WHERE order_id = $1 AND state = 'pending'";
    DISPATCH = "UPDATE shipping_shipment SET state = 'dispatched', dispatched_at = $2, version = version + 1
        WHERE id = $1 AND state = 'pending' RETURNING location_id";
    // A parcel that was given up may turn up.
    DELIVER = "UPDATE shipping_shipment SET state = 'delivered', delivered_at = $2, lost_at = NULL, version = version + 1
        WHERE id = $1 AND state IN ('dispatched', 'lost') RETURNING order_id";
    LOSE = "UPDATE shipping_shipment SET state = 'lost', lost_at = $2, version = version + 1
        WHERE id = $1 AND state = 'dispatched' RETURNING order_id";
    STATE = "SELECT state, version FROM shipping_shipment WHERE id = $1";
    EDIT = "UPDATE shipping_shipment SET metadata = COALESCE($3, metadata),
            external_source = CASE WHEN $4 THEN $5 ELSE external_source END,
            external_id = CASE WHEN $4 THEN $6 ELSE external_id END, version = version + 1
        WHERE id = $1 AND version = $2 RETURNING state";
    INSERT_PARCELS = "INSERT INTO shipping_parcel (id, shipment_id, carrier, tracking_number, weight_g)
        SELECT id, $1, carrier, tracking_number, weight_g
        FROM @rows($2: id @id, carrier @text, tracking_number @text, weight_g @int) AS r";
    DELETE_PARCELS = "DELETE FROM shipping_parcel WHERE shipment_id = $1";
    SHIPMENT = "SELECT id, order_id, location_id, method_id, method_name, pickup, state, metadata, external_source, external_id,
            version, created_at, dispatched_at, delivered_at, lost_at
        FROM shipping_shipment WHERE id = $1";
    SHIPMENTS = "SELECT id, order_id, location_id, method_id, method_name, pickup, state, metadata, external_source, external_id,
            version, created_at, dispatched_at, delivered_at, lost_at
        FROM shipping_shipment WHERE id < $1 ORDER BY id DESC LIMIT $2";
    SHIPMENTS_IN = "SELECT id, order_id, location_id, method_id, method_name, pickup, state, metadata, external_source, external_id,
            version, created_at, dispatched_at, delivered_at, lost_at
        FROM shipping_shipment WHERE state = $3 AND id < $1 ORDER BY id DESC LIMIT $2";
    SHIPMENTS_AT = "SELECT id, order_id, location_id, method_id, method_name, pickup, state, metadata, external_source, external_id,
            version, created_at, dispatched_at, delivered_at, lost_at
        FROM shipping_shipment WHERE location_id = $3
        AND state IN (SELECT state FROM @rows($4: state @text) AS asked) AND id < $1 ORDER BY id DESC LIMIT $2";
    SHIPMENTS_OF = "SELECT id, order_id, location_id, method_id, method_name, pickup, state, metadata, external_source, external_id,
            version, created_at, dispatched_at, delivered_at, lost_at
        FROM shipping_shipment WHERE order_id = $3 AND id < $1
        AND state IN (SELECT state FROM @rows($4: state @text) AS asked)
        AND location_id = COALESCE(CAST($5 AS @id), location_id) ORDER BY id DESC LIMIT $2";
    // bounded: an order's lines in each shipment of the page
    LINES = "SELECT shipment_id, line_id, variant_id, quantity, cancelled FROM shipping_shipment_line
        WHERE shipment_id IN (SELECT id FROM @rows($1: id @id) AS asked) ORDER BY shipment_id, line_id";
    // bounded: one order's units
    LINES_OF_ORDER = "SELECT s.id, s.location_id, s.state, l.line_id, l.variant_id, l.quantity, l.cancelled
        FROM shipping_shipment AS s JOIN shipping_shipment_line AS l ON l.shipment_id = s.id
        WHERE s.order_id = $1 ORDER BY s.id, l.line_id";
    // bounded: at most PARCELS_MAX a shipment of the page
    PARCELS = "SELECT shipment_id, id, carrier, tracking_number, weight_g FROM shipping_parcel
        WHERE shipment_id IN (SELECT id FROM @rows($1: id @id) AS asked) ORDER BY shipment_id, id";
}

impl FromRow for Shipment {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            order: row.take()?,
            location: row.take()?,
            method: row.take()?,
            method_name: row.take()?,
            pickup: row.take::<Option<Json<PickupPoint>>>()?.map(|Json(pickup)| pickup),
            state: row.take()?,
            metadata: row.take::<Json<Metadata>>()?.0,
            external_ref: match (row.take()?, row.take()?) {
                (Some(source), Some(id)) => Some(ExternalRef { source, id }),
                _ => None,
            },
            version: row.take()?,
            created_at: row.take()?,
            dispatched_at: row.take()?,
            delivered_at: row.take()?,
            lost_at: row.take()?,
        })
    }
}

impl FromRow for PackedLine {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { line: row.take()?, variant: row.take()?, quantity: row.take()?, cancelled: row.take()? })
    }
}

impl FromRow for OrderPacked {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (shipment, location, state) = (row.take()?, row.take()?, row.take()?);
        Ok(Self { shipment, location, state, line: PackedLine::from_row(row)? })
    }
}

struct LineOf(ShipmentId, PackedLine);

impl FromRow for LineOf {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self(row.take()?, PackedLine::from_row(row)?))
    }
}

struct ParcelOf(ShipmentId, Parcel);

impl FromRow for ParcelOf {
    fn from_row(row: &mut Row) -> Result<Self> {
        let shipment = row.take()?;
        let (id, carrier) = (row.take()?, row.take()?);
        Ok(Self(shipment, Parcel { id, carrier, tracking_number: row.take()?, weight_g: row.take()? }))
    }
}

/// `false`: the order is known already, perhaps cancelled.
pub async fn open_order(tx: &mut Tx, order: OrderId) -> Result<bool> {
    Ok(tx.exec(&OPEN_ORDER, params![order, false]).await? == 1)
}

pub async fn cancel_order(tx: &mut Tx, order: OrderId) -> Result<()> {
    tx.exec(&CANCEL_ORDER, params![order, true]).await.map(drop)
}

/// Lets this transaction alone decide about the order's shipments; `None` where it was not heard of.
/// What it holds is whether it was cancelled.
pub async fn lock_order(tx: &mut Tx, order: OrderId) -> Result<Option<bool>> {
    Ok(tx.opt(&LOCK_ORDER, params![order]).await?.map(|(cancelled,)| cancelled))
}

/// As [`lock_order`] for the order of a shipment; `None` where there is no such shipment.
pub async fn lock_order_of(tx: &mut Tx, shipment: ShipmentId) -> Result<Option<OrderId>> {
    Ok(tx.opt(&LOCK_ORDER_OF, params![shipment]).await?.map(|(order,)| order))
}

/// What the method is called now, and where it is fetched; nothing of one that is not known.
pub async fn way(tx: &mut Tx, method: ShippingMethodId) -> Result<Way> {
    let found: Option<(String, Option<Json<PickupPoint>>)> = tx.opt(&WAY, params![method]).await?;
    let (name, pickup) = found.map_or((None, None), |(name, pickup)| (Some(name), pickup.map(|Json(pickup)| pickup)));
    Ok(Way { method: Some(method), name, pickup })
}

/// Pending shipments of an order, each with its location and lines.
pub async fn insert_shipments(
    tx: &mut Tx,
    order: OrderId,
    way: &Way,
    shipments: &[(ShipmentId, LocationId, Vec<ShippedLine>)],
) -> Result<()> {
    let now = tx.now();
    let table = rows(shipments.iter().map(|(id, location, _)| params![id, location]));
    let (pickup, metadata) = (way.pickup.as_ref().map(Json), Json(Metadata::default()));
    tx.exec(&INSERT_SHIPMENTS, params![order, way.method, way.name, pickup, metadata, now, table]).await?;
    let lines = shipments.iter().flat_map(|(id, _, lines)| lines.iter().map(|line| line_row(*id, line)));
    tx.exec(&INSERT_LINES, params![rows(lines)]).await.map(drop)
}

fn line_row(shipment: ShipmentId, line: &ShippedLine) -> Vec<Value> {
    params![shipment, line.line, line.variant, line.quantity]
}

/// Moves units of a pending shipment into a new one beside it.
pub async fn move_rest(tx: &mut Tx, from: ShipmentId, to: ShipmentId, rest: &[ShippedLine]) -> Result<()> {
    let now = tx.now();
    tx.exec(&INSERT_REST, params![from, to, now]).await?;
    tx.exec(&INSERT_LINES, params![rows(rest.iter().map(|line| line_row(to, line)))]).await?;
    let moved = rows(rest.iter().map(|line| params![line.line, line.quantity]));
    tx.exec(&DELETE_MOVED, params![from, moved]).await?;
    tx.exec(&REDUCE_MOVED, params![from, moved]).await.map(drop)
}

/// Takes units out of pending shipments; one of which nothing is left is cancelled. Call [`lock_order`] first.
pub async fn take_out(tx: &mut Tx, taken: &[Taken]) -> Result<()> {
    let table = rows(taken.iter().map(|taken| params![taken.shipment, taken.line, taken.quantity]));
    tx.exec(&TAKE_OUT, params![table]).await?;
    let touched: Vec<ShipmentId> = taken.iter().map(|taken| taken.shipment).collect();
    tx.exec(&EMPTIED, params![ids(&touched)]).await.map(drop)
}

pub async fn cancel_pending(tx: &mut Tx, order: OrderId) -> Result<()> {
    tx.exec(&CANCEL_LINES, params![order]).await?;
    tx.exec(&CANCEL_PENDING, params![order]).await.map(drop)
}

/// Where it left from; `None`: it is not pending.
pub async fn dispatch(tx: &mut Tx, id: ShipmentId) -> Result<Option<LocationId>> {
    let now = tx.now();
    Ok(tx.opt(&DISPATCH, params![id, now]).await?.map(|(location,)| location))
}

/// `None`: it is neither on its way nor given up.
pub async fn deliver(tx: &mut Tx, id: ShipmentId) -> Result<Option<OrderId>> {
    let now = tx.now();
    Ok(tx.opt(&DELIVER, params![id, now]).await?.map(|(order,)| order))
}

/// `None`: it is not dispatched.
pub async fn lose(tx: &mut Tx, id: ShipmentId) -> Result<Option<OrderId>> {
    let now = tx.now();
    Ok(tx.opt(&LOSE, params![id, now]).await?.map(|(order,)| order))
}

/// With the version.
pub async fn state(tx: &mut Tx, id: ShipmentId) -> Result<Option<(ShipmentState, i64)>> {
    tx.opt(&STATE, params![id]).await
}

/// The state; `None`: no such shipment, or another version. A taken reference is a `Constraint`.
pub async fn edit(tx: &mut Tx, id: ShipmentId, version: i64, edit: &EditShipment) -> Result<Option<ShipmentState>> {
    let reference = edit.external_ref.as_ref();
    let (is_said, reference) = (reference.is_some(), reference.and_then(Option::as_ref));
    let (source, external_id) = (reference.map(|known| &known.source), reference.map(|known| &known.id));
    let params = params![id, version, edit.metadata.as_ref().map(Json), is_said, source, external_id];
    Ok(tx.opt(&EDIT, params).await?.map(|(state,)| state))
}

pub async fn insert_parcels(tx: &mut Tx, shipment: ShipmentId, parcels: &[NewParcel]) -> Result<()> {
    if parcels.is_empty() {
        return Ok(());
    }
    let ids = tx.ids().clone();
    let table = rows(
        parcels
            .iter()
            .map(|parcel| params![ids.next::<ParcelId>(), parcel.carrier, parcel.tracking_number, parcel.weight_g]),
    );
    tx.exec(&INSERT_PARCELS, params![shipment, table]).await.map(drop)
}

pub async fn replace_parcels(tx: &mut Tx, shipment: ShipmentId, parcels: &[NewParcel]) -> Result<()> {
    tx.exec(&DELETE_PARCELS, params![shipment]).await?;
    insert_parcels(tx, shipment, parcels).await
}

pub async fn packed(tx: &mut Tx, shipment: ShipmentId) -> Result<Vec<PackedLine>> {
    let lines: Vec<LineOf> = tx.all(&LINES, params![ids(&[shipment])]).await?;
    Ok(lines.into_iter().map(|LineOf(_, line)| line).collect())
}

/// As they were sent, or corrected since.
pub async fn parcels_in(tx: &mut Tx, shipment: ShipmentId) -> Result<Vec<NewParcel>> {
    let parcels: Vec<ParcelOf> = tx.all(&PARCELS, params![ids(&[shipment])]).await?;
    Ok(parcels.into_iter().map(|ParcelOf(_, parcel)| parcel.into()).collect())
}

/// What is in all shipments of the order, the oldest shipment first.
pub async fn packed_of(tx: &mut Tx, order: OrderId) -> Result<Vec<OrderPacked>> {
    tx.all(&LINES_OF_ORDER, params![order]).await
}

pub async fn shipment(db: &Db, id: ShipmentId) -> Result<Option<Shipment>> {
    db.opt(&SHIPMENT, params![id]).await
}

/// Which shipments; all that is said counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Which {
    pub order: Option<OrderId>,
    pub state: Option<ShipmentState>,
    pub location: Option<LocationId>,
}

/// The newest first.
pub async fn shipments(db: &Db, which: Which, before: ShipmentId, limit: i64) -> Result<Vec<Shipment>> {
    let states = || {
        let asked = ShipmentState::ALL.into_iter().filter(|one| which.state.is_none_or(|state| state == *one));
        rows(asked.map(|state| params![state]))
    };
    match which {
        Which { order: Some(order), location, .. } => {
            db.all(&SHIPMENTS_OF, params![before, limit, order, states(), location]).await
        }
        Which { location: Some(location), .. } => {
            db.all(&SHIPMENTS_AT, params![before, limit, location, states()]).await
        }
        Which { state: Some(state), .. } => db.all(&SHIPMENTS_IN, params![before, limit, state]).await,
        Which { .. } => db.all(&SHIPMENTS, params![before, limit]).await,
    }
}

pub async fn lines(db: &Db, shipments: &[ShipmentId]) -> Result<Vec<(ShipmentId, PackedLine)>> {
    let lines: Vec<LineOf> = db.all(&LINES, params![ids(shipments)]).await?;
    Ok(lines.into_iter().map(|LineOf(shipment, line)| (shipment, line)).collect())
}

pub async fn parcels(db: &Db, shipments: &[ShipmentId]) -> Result<Vec<(ShipmentId, Parcel)>> {
    let parcels: Vec<ParcelOf> = db.all(&PARCELS, params![ids(shipments)]).await?;
    Ok(parcels.into_iter().map(|ParcelOf(shipment, parcel)| (shipment, parcel)).collect())
}
