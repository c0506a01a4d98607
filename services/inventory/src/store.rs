//! Every statement of inventory.
//!
//! Locks are taken in one order everywhere: the order's row, then variants with their levels by variant.

use contracts::catalog::VariantId;
use contracts::inventory::{
    Availability, InventoryOrderFact, LevelFact, LocationId, MovementId, StockAvailabilityChanged, StockPolicy,
};
use contracts::orders::OrderId;
use contracts::shipping::ShipmentId;
use store::{Db, FromRow, Migration, Result, Row, Tx, Value, migrations, name_values, params, rows, statements};

use crate::level::{Level, LevelView};
use crate::location::LocationView;
use crate::movement::{Movement, MovementKind, MovementView};

pub const MIGRATIONS: &[Migration] = migrations!["0001_inventory" (release 1)];

name_values!(MovementKind);

statements! {
    INSERT_LOCATION = "INSERT INTO inventory_location (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
    LOCATION = "SELECT id, name, created_at FROM inventory_location WHERE id = $1";
    LOCATION_NAMED = "SELECT id FROM inventory_location WHERE name = $1";
    // UUIDv7: the lowest id is the oldest location.
    FIRST_LOCATION = "SELECT id FROM inventory_location ORDER BY id LIMIT 1";
    LOCATIONS = "SELECT id, name, created_at FROM inventory_location WHERE id > $1 ORDER BY id LIMIT $2";

    /// Locks the variants, new ones too, before their levels are made or changed.
    LOCK_VARIANTS = "INSERT INTO inventory_variant (variant_id, availability, version)
        SELECT variant_id, 'out', 0 FROM @rows($1: variant_id @id) AS mine WHERE true ORDER BY variant_id
        ON CONFLICT (variant_id) DO UPDATE SET version = inventory_variant.version";
    // bounded: the levels of one order's variants, at most 100 lines
    LOCK_LEVELS = "SELECT l.variant_id, l.location_id, l.policy, l.on_hand, l.reserved
        FROM inventory_variant AS v JOIN inventory_level AS l ON l.variant_id = v.variant_id
        WHERE v.variant_id IN (SELECT variant_id FROM @rows($1: variant_id @id) AS asked)
        ORDER BY l.variant_id, l.location_id @for_update";
    /// Only known variants: one without a row waits for a stocktake or an adjustment.
    FLIP = "UPDATE inventory_variant SET availability = becomes, version = version + 1
        FROM (
            SELECT l.variant_id AS flipped, CASE MAX(CASE
                WHEN l.policy <> 'deny' OR l.on_hand - l.reserved > l.low_threshold THEN 2
                WHEN l.on_hand > l.reserved THEN 1
                ELSE 0 END) WHEN 2 THEN 'in' WHEN 1 THEN 'low' ELSE 'out' END AS becomes
            FROM inventory_level AS l
            WHERE l.variant_id IN (SELECT variant_id FROM @rows($1: variant_id @id) AS changed)
            GROUP BY l.variant_id) AS now
        WHERE variant_id = flipped AND availability <> becomes
        RETURNING variant_id, availability, version";

    /// Makes the level, or gives it another policy or threshold; what is not given stays.
    SET_LEVEL = "INSERT INTO inventory_level (variant_id, location_id, policy, on_hand, reserved, shortfall, low_threshold, updated_at)
        VALUES ($1, $2, COALESCE(CAST($3 AS TEXT), 'deny'), 0, 0, 0, COALESCE(CAST($4 AS BIGINT), 0), $5)
        ON CONFLICT (variant_id, location_id) DO UPDATE SET
            policy = COALESCE(CAST($3 AS TEXT), inventory_level.policy),
            low_threshold = COALESCE(CAST($4 AS BIGINT), inventory_level.low_threshold),
            shortfall = CASE WHEN COALESCE(CAST($3 AS TEXT), inventory_level.policy) = 'deny' AND inventory_level.reserved > inventory_level.on_hand
                THEN inventory_level.reserved - inventory_level.on_hand ELSE 0 END,
            updated_at = excluded.updated_at";
    ADD_LEVELS = "INSERT INTO inventory_level (variant_id, location_id, policy, on_hand, reserved, shortfall, low_threshold, updated_at)
        SELECT variant_id, $2, 'deny', 0, 0, 0, 0, $3 FROM @rows($1: variant_id @id) AS mine WHERE true
        ON CONFLICT (variant_id, location_id) DO NOTHING";
    /// A row that does not change breaks a rule: more is held than is there, or taken away than lies there.
    MOVE = "UPDATE inventory_level SET
            on_hand = on_hand + on_hand_change,
            reserved = reserved + reserved_change,
            shortfall = CASE WHEN policy = 'deny' AND reserved + reserved_change > on_hand + on_hand_change
                THEN reserved + reserved_change - on_hand - on_hand_change ELSE 0 END,
            updated_at = $2
        FROM @rows($1: id @id, variant @id, location @id, kind @text, on_hand_change @int, reserved_change @int) AS moved
        WHERE variant_id = variant AND location_id = location
        AND (kind <> 'reserved' OR policy <> 'deny' OR on_hand - reserved >= reserved_change)
        AND (kind <> 'adjusted' OR on_hand + on_hand_change >= 0)";
    RECORD = "INSERT INTO inventory_movement
            (id, variant_id, location_id, kind, on_hand_change, reserved_change, order_id, shipment_id, reason, at)
        SELECT id, variant_id, location_id, kind, on_hand_change, reserved_change, order_id, shipment_id, reason, $2
        FROM @rows($1: id @id, variant_id @id, location_id @id, kind @text, on_hand_change @int, reserved_change @int, order_id @id, shipment_id @id, reason @text) AS moved";
    // bounded: by the variants asked for, at most 500
    ON_HAND = "SELECT variant_id, on_hand FROM inventory_level
        WHERE location_id = $1 AND variant_id IN (SELECT variant_id FROM @rows($2: variant_id @id) AS asked)";
    LEVEL = "SELECT variant_id, location_id, policy, on_hand, reserved, shortfall, low_threshold, updated_at
        FROM inventory_level WHERE variant_id = $1 AND location_id = $2";
    LEVELS = "SELECT variant_id, location_id, policy, on_hand, reserved, shortfall, low_threshold, updated_at
        FROM inventory_level WHERE variant_id = $1 AND location_id > $2 ORDER BY location_id LIMIT $3";
    MOVED_LEVEL = "SELECT variant_id, location_id FROM inventory_movement WHERE id = $1";
    MOVEMENTS = "SELECT id, variant_id, location_id, kind, on_hand_change, reserved_change, order_id, shipment_id, reason, at
        FROM inventory_movement WHERE variant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";

    OPEN_ORDER = "INSERT INTO inventory_order (order_id, state) VALUES ($1, 'reserved') ON CONFLICT (order_id) DO NOTHING";
    REJECT_ORDER = "UPDATE inventory_order SET state = 'rejected' WHERE order_id = $1 AND state = 'reserved'";
    CANCEL_ORDER = "INSERT INTO inventory_order (order_id, state) VALUES ($1, 'cancelled')
        ON CONFLICT (order_id) DO UPDATE SET state = 'cancelled'";
    LOCK_ORDER = "SELECT EXISTS (
            SELECT 1 FROM inventory_movement AS m WHERE m.order_id = o.order_id AND m.shipment_id = $2)
        FROM inventory_order AS o WHERE o.order_id = $1 @for_update";
    HOLD = "INSERT INTO inventory_reservation (id, order_id, variant_id, location_id, quantity, shipped, state)
        SELECT id, $1, variant_id, $2, quantity, 0, 'held' FROM @rows($3: id @id, variant_id @id, quantity @int) AS held";
    RELEASE = "UPDATE inventory_reservation SET state = 'released' WHERE order_id = $1 AND state = 'held'
        RETURNING variant_id, location_id, quantity - shipped";
    // bounded: at most one row a line
    HELD = "SELECT variant_id, quantity - shipped FROM inventory_reservation
        WHERE order_id = $1 AND location_id = $2 AND state = 'held'";
    SHIP = "UPDATE inventory_reservation SET
            shipped = shipped + left_house,
            state = CASE WHEN shipped + left_house = quantity THEN 'shipped' ELSE 'held' END
        FROM @rows($3: variant @id, left_house @int) AS parcel
        WHERE order_id = $1 AND location_id = $2 AND variant_id = variant AND state = 'held'";

    LEVEL_FACTS = "SELECT l.variant_id, l.location_id, l.policy, l.on_hand, l.reserved, l.shortfall,
            CAST(COALESCE(m.on_hand, 0) AS BIGINT), CAST(COALESCE(m.reserved, 0) AS BIGINT), CAST(COALESCE((
                SELECT SUM(r.quantity - r.shipped) FROM inventory_reservation AS r
                WHERE r.variant_id = l.variant_id AND r.location_id = l.location_id AND r.state = 'held'), 0) AS BIGINT),
            l.updated_at
        FROM (
            SELECT variant_id, location_id, policy, on_hand, reserved, shortfall, updated_at FROM inventory_level
            WHERE (variant_id, location_id) > ($1, $2) ORDER BY variant_id, location_id LIMIT $3) AS l
        LEFT JOIN (
            SELECT variant_id, location_id, SUM(on_hand_change) AS on_hand, SUM(reserved_change) AS reserved FROM inventory_movement
            WHERE variant_id IN (
                SELECT variant_id FROM inventory_level WHERE (variant_id, location_id) > ($1, $2)
                ORDER BY variant_id, location_id LIMIT $3)
            GROUP BY variant_id, location_id) AS m ON m.variant_id = l.variant_id AND m.location_id = l.location_id
        ORDER BY l.variant_id, l.location_id -- bounded: by the limit of its levels";
    /// `ended_twice` counts reservations of which the ledger ended more than it began.
    ORDER_FACTS = "SELECT o.order_id,
            CAST(COALESCE((SELECT SUM(quantity - shipped) FROM inventory_reservation AS r
                WHERE r.order_id = o.order_id AND r.state = 'held'), 0) AS BIGINT),
            CAST(COALESCE((SELECT SUM(quantity - shipped) FROM inventory_reservation AS r
                WHERE r.order_id = o.order_id AND r.state = 'released'), 0) AS BIGINT),
            CAST(COALESCE((SELECT SUM(-on_hand_change) FROM inventory_movement AS m
                WHERE m.order_id = o.order_id AND m.kind = 'shipped'), 0) AS BIGINT),
            (SELECT COUNT(*) FROM (
                SELECT m.variant_id FROM inventory_movement AS m WHERE m.order_id = o.order_id
                GROUP BY m.variant_id, m.location_id HAVING SUM(m.reserved_change) < 0) AS overdrawn)
        FROM inventory_order AS o WHERE o.order_id IN (SELECT order_id FROM @rows($1: order_id @id) AS asked)";
}

impl FromRow for LocationView {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { id: row.take()?, name: row.take()?, created_at: row.take()? })
    }
}

impl FromRow for Level {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (variant, location, policy) = (row.take()?, row.take()?, row.take()?);
        Ok(Self { variant, location, policy, on_hand: row.take()?, reserved: row.take()? })
    }
}

impl FromRow for LevelView {
    fn from_row(row: &mut Row) -> Result<Self> {
        let Level { variant, location, policy, on_hand, reserved } = Level::from_row(row)?;
        let (available, shortfall, low_threshold) = (on_hand - reserved, row.take()?, row.take()?);
        Ok(Self {
            variant,
            location,
            policy,
            on_hand,
            reserved,
            available,
            shortfall,
            low_threshold,
            updated_at: row.take()?,
        })
    }
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
            reason: row.take()?,
            at: row.take()?,
        })
    }
}

struct Fact<T>(T);

impl FromRow for Fact<LevelFact> {
    fn from_row(row: &mut Row) -> Result<Self> {
        let Level { variant, location, policy, on_hand, reserved } = Level::from_row(row)?;
        let (shortfall, ledger_on_hand, ledger_reserved) = (row.take()?, row.take()?, row.take()?);
        let (held, updated_at) = (row.take()?, row.take()?);
        Ok(Self(LevelFact {
            variant,
            location,
            policy,
            on_hand,
            reserved,
            shortfall,
            ledger_on_hand,
            ledger_reserved,
            held,
            updated_at,
        }))
    }
}

impl FromRow for Fact<InventoryOrderFact> {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (order, held, released) = (row.take()?, row.take()?, row.take()?);
        Ok(Self(InventoryOrderFact { order, held, released, shipped: row.take()?, ended_twice: row.take()? }))
    }
}

fn ids<I: store::ToValue>(ids: impl IntoIterator<Item = I>) -> Value {
    rows(ids.into_iter().map(|id| params![id]))
}

/// `false`: the name is taken.
pub async fn insert_location(tx: &mut Tx, id: LocationId, name: &str) -> Result<bool> {
    let now = tx.now();
    Ok(tx.exec(&INSERT_LOCATION, params![id, name, now]).await? == 1)
}

pub async fn location(db: &Db, id: LocationId) -> Result<Option<LocationView>> {
    db.opt(&LOCATION, params![id]).await
}

pub async fn location_named(db: &Db, name: &str) -> Result<Option<LocationId>> {
    Ok(db.opt(&LOCATION_NAMED, params![name]).await?.map(|(id,)| id))
}

pub async fn first_location(tx: &mut Tx) -> Result<Option<LocationId>> {
    Ok(tx.opt(&FIRST_LOCATION, params![]).await?.map(|(id,)| id))
}

pub async fn locations(db: &Db, after: LocationId, limit: i64) -> Result<Vec<LocationView>> {
    db.all(&LOCATIONS, params![after, limit]).await
}

pub async fn lock_variants(tx: &mut Tx, variants: &[VariantId]) -> Result<()> {
    tx.exec(&LOCK_VARIANTS, params![ids(variants)]).await.map(drop)
}

/// The levels of these variants at every location; nobody else changes them until this transaction ends.
pub async fn lock_levels(tx: &mut Tx, variants: impl IntoIterator<Item = VariantId>) -> Result<Vec<Level>> {
    tx.all(&LOCK_LEVELS, params![ids(variants)]).await
}

pub async fn set_level(
    tx: &mut Tx,
    (variant, location): (VariantId, LocationId),
    policy: Option<StockPolicy>,
    low_threshold: Option<i64>,
) -> Result<()> {
    let now = tx.now();
    tx.exec(&SET_LEVEL, params![variant, location, policy, low_threshold, now]).await.map(drop)
}

/// Makes the levels that are missing, empty.
pub async fn add_levels(tx: &mut Tx, variants: &[VariantId], location: LocationId) -> Result<()> {
    let now = tx.now();
    tx.exec(&ADD_LEVELS, params![ids(variants), location, now]).await.map(drop)
}

/// Changes the levels; how many it changed. Fewer than asked: one would break a rule.
pub async fn move_levels(tx: &mut Tx, ledger: &[(MovementId, &Movement)]) -> Result<u64> {
    let (now, table) = (tx.now(), movement_rows(ledger));
    tx.exec(&MOVE, params![table, now]).await
}

pub async fn record(tx: &mut Tx, ledger: &[(MovementId, &Movement)]) -> Result<()> {
    let (now, table) = (tx.now(), movement_rows(ledger));
    tx.exec(&RECORD, params![table, now]).await.map(drop)
}

fn movement_rows(ledger: &[(MovementId, &Movement)]) -> Value {
    rows(ledger.iter().map(|(id, m)| {
        params![id, m.variant, m.location, m.kind, m.on_hand_change, m.reserved_change, m.order, m.shipment, m.reason]
    }))
}

/// Brings the availability of these variants up to date; those that flipped.
pub async fn flip(tx: &mut Tx, variants: impl IntoIterator<Item = VariantId>) -> Result<Vec<StockAvailabilityChanged>> {
    let flipped: Vec<(VariantId, Availability, i64)> = tx.all(&FLIP, params![ids(variants)]).await?;
    let event = |(variant, availability, version)| StockAvailabilityChanged { variant, availability, version };
    Ok(flipped.into_iter().map(event).collect())
}

pub async fn on_hand(db: &Db, location: LocationId, variants: &[VariantId]) -> Result<Vec<(VariantId, i64)>> {
    db.all(&ON_HAND, params![location, ids(variants)]).await
}

pub async fn on_hand_locked(
    tx: &mut Tx,
    location: LocationId,
    variants: &[VariantId],
) -> Result<Vec<(VariantId, i64)>> {
    tx.all(&ON_HAND, params![location, ids(variants)]).await
}

pub async fn level(db: &Db, variant: VariantId, location: LocationId) -> Result<LevelView> {
    db.one(&LEVEL, params![variant, location]).await
}

pub async fn levels(db: &Db, variant: VariantId, after: LocationId, limit: i64) -> Result<Vec<LevelView>> {
    db.all(&LEVELS, params![variant, after, limit]).await
}

pub async fn moved_level(db: &Db, movement: MovementId) -> Result<(VariantId, LocationId)> {
    db.one(&MOVED_LEVEL, params![movement]).await
}

pub async fn movements(db: &Db, variant: VariantId, before: MovementId, limit: i64) -> Result<Vec<MovementView>> {
    db.all(&MOVEMENTS, params![variant, before, limit]).await
}

/// `false`: the order is known already, perhaps cancelled.
pub async fn open_order(tx: &mut Tx, order: OrderId) -> Result<bool> {
    Ok(tx.exec(&OPEN_ORDER, params![order]).await? == 1)
}

pub async fn reject_order(tx: &mut Tx, order: OrderId) -> Result<()> {
    tx.exec(&REJECT_ORDER, params![order]).await.map(drop)
}

pub async fn cancel_order(tx: &mut Tx, order: OrderId) -> Result<()> {
    tx.exec(&CANCEL_ORDER, params![order]).await.map(drop)
}

/// Whether this shipment of the order left already; `None`: the order is not known yet.
pub async fn lock_order(tx: &mut Tx, order: OrderId, shipment: ShipmentId) -> Result<Option<bool>> {
    Ok(tx.opt(&LOCK_ORDER, params![order, shipment]).await?.map(|(left,)| left))
}

pub async fn hold(tx: &mut Tx, order: OrderId, location: LocationId, quantities: &[(VariantId, i64)]) -> Result<()> {
    let ids = tx.ids().clone();
    let table = rows(quantities.iter().map(|(variant, quantity)| params![ids.uuid(), variant, quantity]));
    tx.exec(&HOLD, params![order, location, table]).await.map(drop)
}

/// Ends the order's holds; what each still held.
pub async fn release(tx: &mut Tx, order: OrderId) -> Result<Vec<(VariantId, LocationId, i64)>> {
    tx.all(&RELEASE, params![order]).await
}

pub async fn held(tx: &mut Tx, order: OrderId, location: LocationId) -> Result<Vec<(VariantId, i64)>> {
    tx.all(&HELD, params![order, location]).await
}

pub async fn ship(tx: &mut Tx, order: OrderId, location: LocationId, parcel: &[(VariantId, i64)]) -> Result<()> {
    let table = rows(parcel.iter().map(|(variant, quantity)| params![variant, quantity]));
    tx.exec(&SHIP, params![order, location, table]).await.map(drop)
}

pub async fn level_facts(db: &Db, (variant, location): (VariantId, LocationId), limit: i64) -> Result<Vec<LevelFact>> {
    let facts: Vec<Fact<LevelFact>> = db.all(&LEVEL_FACTS, params![variant, location, limit]).await?;
    Ok(facts.into_iter().map(|Fact(fact)| fact).collect())
}

pub async fn order_facts(db: &Db, orders: &[OrderId]) -> Result<Vec<InventoryOrderFact>> {
    let facts: Vec<Fact<InventoryOrderFact>> = db.all(&ORDER_FACTS, params![ids(orders)]).await?;
    Ok(facts.into_iter().map(|Fact(fact)| fact).collect())
}
