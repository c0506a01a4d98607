//! Every statement of inventory: here levels and their ledger; the rest by noun below.
//!
//! Locks are taken in one order everywhere: the order's or the transfer's row, then variants with their levels
//! by variant.

pub mod facts;
pub mod import;
pub mod ledger;
pub mod locations;
pub mod orders;
pub mod stocktakes;
pub mod transfers;

use contracts::catalog::VariantId;
use contracts::inventory::{Availability, LocationId, MovementId, StockAvailabilityChanged, StockPolicy};
use store::{Db, FromRow, Migration, Result, Row, Tx, Value, migrations, name_values, params, rows, statements};

use crate::level::{AvailabilityView, Level, LevelView, VariantStockView};
use crate::movement::{AdjustReason, Movement, MovementKind};

pub const MIGRATIONS: &[Migration] = migrations!["0001_inventory" (release 1)];

name_values!(MovementKind, AdjustReason);

statements! {
    /// Locks the variants, new ones too, before their levels are made or changed.
    LOCK_VARIANTS = "INSERT INTO inventory_variant (variant_id, policy, availability, version)
        SELECT variant_id, 'deny', 'out', 0 FROM @rows($1: variant_id @id) AS mine WHERE true ORDER BY variant_id
        ON CONFLICT (variant_id) DO UPDATE SET version = inventory_variant.version";
    /// With the rank of each level's location: those of `$2` first, in their order, then by priority; none where it
    /// is not active. Locations themselves are not locked.
    // bounded: the levels of one order's variants, at most 100 lines at location::LOCATIONS_MAX locations
    LOCK_LEVELS = "SELECT l.variant_id, l.location_id, l.policy, l.on_hand, l.reserved, (
            SELECT COALESCE((SELECT m.place FROM @rows($2: name @text, place @int) AS m WHERE m.name = p.name), 1000 + p.priority)
            FROM inventory_location AS p WHERE p.id = l.location_id AND p.active)
        FROM inventory_variant AS v JOIN inventory_level AS l ON l.variant_id = v.variant_id
        WHERE v.variant_id IN (SELECT variant_id FROM @rows($1: variant_id @id) AS asked)
        ORDER BY l.variant_id, l.location_id @for_update";
    /// Only known variants: one without a row waits for a stocktake or an adjustment.
    FLIP = "UPDATE inventory_variant SET availability = becomes, version = version + 1
        FROM (
            SELECT l.variant_id AS flipped, CASE MAX(CASE
                WHEN NOT p.active THEN 0
                WHEN l.policy <> 'deny' OR l.on_hand - l.reserved > l.low_threshold THEN 2
                WHEN l.on_hand > l.reserved THEN 1
                ELSE 0 END) WHEN 2 THEN 'in' WHEN 1 THEN 'low' ELSE 'out' END AS becomes
            FROM inventory_level AS l JOIN inventory_location AS p ON p.id = l.location_id
            WHERE l.variant_id IN (SELECT variant_id FROM @rows($1: variant_id @id) AS changed)
            GROUP BY l.variant_id) AS now
        WHERE variant_id = flipped AND availability <> becomes
        RETURNING variant_id, availability, version";

    ADD_LEVELS = "INSERT INTO inventory_level (variant_id, location_id, policy, on_hand, reserved, shortfall, low_threshold, updated_at)
        SELECT v.variant_id, mine.location_id, v.policy, 0, 0, 0, 0, $2
        FROM @rows($1: variant_id @id, location_id @id) AS mine JOIN inventory_variant AS v ON v.variant_id = mine.variant_id
        WHERE true ON CONFLICT (variant_id, location_id) DO NOTHING";
    /// At the first active location, where the variant has a level at none.
    ADD_FIRST_LEVEL = "INSERT INTO inventory_level (variant_id, location_id, policy, on_hand, reserved, shortfall, low_threshold, updated_at)
        SELECT v.variant_id, p.id, v.policy, 0, 0, 0, 0, $2
        FROM inventory_variant AS v JOIN inventory_location AS p ON p.active
        WHERE v.variant_id = $1 AND NOT EXISTS (
            SELECT 1 FROM inventory_level AS l JOIN inventory_location AS a ON a.id = l.location_id AND a.active
            WHERE l.variant_id = v.variant_id)
        ORDER BY p.priority, p.id LIMIT 1";
    /// Its levels follow by their foreign key.
    SET_POLICY = "UPDATE inventory_variant SET policy = $2
        WHERE variant_id IN (SELECT variant_id FROM @rows($1: variant_id @id) AS mine)";
    /// What is promised and not there is a shortfall where more than is there is denied, and nothing elsewhere.
    SET_SHORTFALLS = "UPDATE inventory_level SET updated_at = $3,
            shortfall = CASE WHEN CAST($2 AS TEXT) = 'deny' AND reserved > on_hand THEN reserved - on_hand ELSE 0 END
        WHERE variant_id IN (SELECT variant_id FROM @rows($1: variant_id @id) AS mine)";
    SET_THRESHOLDS = "UPDATE inventory_level SET low_threshold = low, updated_at = $2
        FROM @rows($1: variant @id, location @id, low @int) AS said
        WHERE variant_id = variant AND location_id = location AND low_threshold <> low";
    /// A row that does not change breaks a rule: more is held than is there, or taken away than lies there.
    MOVE = "UPDATE inventory_level SET
            on_hand = on_hand + on_hand_change,
            reserved = reserved + reserved_change,
            shortfall = CASE WHEN policy = 'deny' AND reserved + reserved_change > on_hand + on_hand_change
                THEN reserved + reserved_change - on_hand - on_hand_change ELSE 0 END,
            updated_at = $2
        FROM @rows($1: variant @id, location @id, kind @text, on_hand_change @int, reserved_change @int) AS moved
        WHERE variant_id = variant AND location_id = location
        AND (kind <> 'reserved' OR policy <> 'deny' OR on_hand - reserved >= reserved_change)
        AND (kind NOT IN ('adjusted', 'transferred_out') OR on_hand + on_hand_change >= 0)
        AND (kind <> 'transferred_out' OR policy <> 'deny' OR on_hand + on_hand_change >= reserved)";
    RECORD = "INSERT INTO inventory_movement
            (id, variant_id, location_id, kind, on_hand_change, reserved_change, order_id, shipment_id, stocktake_id, transfer_id, reason, note, at)
        SELECT id, variant_id, location_id, kind, on_hand_change, reserved_change, order_id, shipment_id, stocktake_id, transfer_id, reason, note, $2
        FROM @rows($1: id @id, variant_id @id, location_id @id, kind @text, on_hand_change @int, reserved_change @int, order_id @id, shipment_id @id, stocktake_id @id, transfer_id @id, reason @text, note @text) AS moved";

    LEVEL = "SELECT variant_id, location_id, policy, on_hand, reserved, shortfall, low_threshold, updated_at
        FROM inventory_level WHERE variant_id = $1 AND location_id = $2";
    LEVELS_OF_VARIANT = "SELECT variant_id, location_id, policy, on_hand, reserved, shortfall, low_threshold, updated_at
        FROM inventory_level WHERE variant_id = $1 AND location_id > $2 AND location_id = COALESCE($3, location_id)
        ORDER BY location_id LIMIT $4";
    LEVELS_AT_LOCATION = "SELECT variant_id, location_id, policy, on_hand, reserved, shortfall, low_threshold, updated_at
        FROM inventory_level WHERE location_id = $1 AND variant_id > $2 ORDER BY variant_id LIMIT $3";
    LOW_LEVELS = "SELECT variant_id, location_id, policy, on_hand, reserved, shortfall, low_threshold, updated_at
        FROM inventory_level
        WHERE policy <> 'untracked' AND on_hand - reserved <= low_threshold
        AND (variant_id, location_id) > ($1, $2) AND location_id = COALESCE($3, location_id)
        ORDER BY variant_id, location_id LIMIT $4";
    VARIANTS_AT_LOCATION = "SELECT variant_id FROM inventory_level WHERE location_id = $1 AND variant_id > $2
        ORDER BY variant_id LIMIT $3";
    VARIANT_STOCK = "SELECT v.variant_id, v.policy, v.availability,
            CAST(COALESCE(SUM(l.on_hand), 0) AS BIGINT), CAST(COALESCE(SUM(l.reserved), 0) AS BIGINT)
        FROM inventory_variant AS v LEFT JOIN inventory_level AS l ON l.variant_id = v.variant_id
        WHERE v.variant_id = $1 GROUP BY v.variant_id, v.policy, v.availability";
    AVAILABILITY = "SELECT variant_id, availability, version FROM inventory_variant WHERE variant_id = $1";
}

impl FromRow for Level {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (variant, location, policy) = (row.take()?, row.take()?, row.take()?);
        Ok(Self { variant, location, policy, on_hand: row.take()?, reserved: row.take()?, rank: row.take()? })
    }
}

impl FromRow for LevelView {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (variant, location, policy) = (row.take()?, row.take()?, row.take()?);
        let (on_hand, reserved): (i64, i64) = (row.take()?, row.take()?);
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

impl FromRow for VariantStockView {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (variant, policy, availability) = (row.take()?, row.take()?, row.take()?);
        let (on_hand, reserved): (i64, i64) = (row.take()?, row.take()?);
        Ok(Self { variant, policy, availability, on_hand, reserved, available: on_hand - reserved })
    }
}

impl FromRow for AvailabilityView {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { variant: row.take()?, availability: row.take()?, version: row.take()? })
    }
}

/// Where a level is.
pub type Place = (VariantId, LocationId);

/// A column of ids as `@rows`.
fn ids<I: store::ToValue>(ids: impl IntoIterator<Item = I>) -> Value {
    rows(ids.into_iter().map(|id| params![id]))
}

pub async fn lock_variants(tx: &mut Tx, variants: &[VariantId]) -> Result<()> {
    tx.exec(&LOCK_VARIANTS, params![ids(variants)]).await.map(drop)
}

/// The levels of these variants at every location; nobody else changes them until this transaction ends.
/// `preferred`: names of locations that are asked first.
pub async fn lock_levels(
    tx: &mut Tx,
    variants: impl IntoIterator<Item = VariantId>,
    preferred: &[String],
) -> Result<Vec<Level>> {
    let places = rows((0_i64..).zip(preferred).map(|(place, name)| params![name, place]));
    tx.all(&LOCK_LEVELS, params![ids(variants), places]).await
}

/// Makes the levels that are missing, empty. The variants are locked already.
pub async fn add_levels(tx: &mut Tx, places: impl IntoIterator<Item = Place>) -> Result<()> {
    let now = tx.now();
    let places = rows(places.into_iter().map(|(variant, location)| params![variant, location]));
    tx.exec(&ADD_LEVELS, params![places, now]).await.map(drop)
}

/// Gives the variant a level at the shop's first active location, unless it has one at any.
pub async fn add_first_level(tx: &mut Tx, variant: VariantId) -> Result<()> {
    let now = tx.now();
    tx.exec(&ADD_FIRST_LEVEL, params![variant, now]).await.map(drop)
}

/// The variants are locked already.
pub async fn set_policy(tx: &mut Tx, variants: &[VariantId], policy: StockPolicy) -> Result<()> {
    let (now, mine, denies) = (tx.now(), ids(variants), policy == StockPolicy::Deny);
    // The database checks what a variant that is denied beyond stock has promised: before it becomes one.
    if denies {
        tx.exec(&SET_SHORTFALLS, params![mine, policy, now]).await?;
    }
    tx.exec(&SET_POLICY, params![mine, policy]).await?;
    if !denies {
        tx.exec(&SET_SHORTFALLS, params![mine, policy, now]).await?;
    }
    Ok(())
}

/// The variants are locked already, and the levels are there.
pub async fn set_thresholds(tx: &mut Tx, low: impl IntoIterator<Item = (Place, i64)>) -> Result<()> {
    let now = tx.now();
    let low = rows(low.into_iter().map(|((variant, location), low)| params![variant, location, low]));
    tx.exec(&SET_THRESHOLDS, params![low, now]).await.map(drop)
}

/// Changes the levels; how many it changed. Fewer than asked: one would break a rule.
pub async fn move_levels(tx: &mut Tx, ledger: &[(MovementId, &Movement)]) -> Result<u64> {
    let now = tx.now();
    let change =
        |(_, m): &(MovementId, &Movement)| params![m.variant, m.location, m.kind, m.on_hand_change, m.reserved_change];
    tx.exec(&MOVE, params![rows(ledger.iter().map(change)), now]).await
}

pub async fn record(tx: &mut Tx, ledger: &[(MovementId, &Movement)]) -> Result<()> {
    let now = tx.now();
    let line = |(id, m): &(MovementId, &Movement)| {
        let source = params![m.order, m.shipment, m.stocktake, m.transfer, m.reason, m.note];
        let mut line = params![id, m.variant, m.location, m.kind, m.on_hand_change, m.reserved_change];
        line.extend(source);
        line
    };
    tx.exec(&RECORD, params![rows(ledger.iter().map(line)), now]).await.map(drop)
}

/// Brings the availability of these variants up to date; those that flipped.
pub async fn flip(tx: &mut Tx, variants: impl IntoIterator<Item = VariantId>) -> Result<Vec<StockAvailabilityChanged>> {
    let flipped: Vec<(VariantId, Availability, i64)> = tx.all(&FLIP, params![ids(variants)]).await?;
    let event = |(variant, availability, version)| StockAvailabilityChanged { variant, availability, version };
    Ok(flipped.into_iter().map(event).collect())
}

pub async fn level(db: &Db, variant: VariantId, location: LocationId) -> Result<LevelView> {
    db.one(&LEVEL, params![variant, location]).await
}

pub async fn levels_of_variant(
    db: &Db,
    variant: VariantId,
    after: LocationId,
    location: Option<LocationId>,
    limit: i64,
) -> Result<Vec<LevelView>> {
    db.all(&LEVELS_OF_VARIANT, params![variant, after, location, limit]).await
}

pub async fn levels_at_location(db: &Db, location: LocationId, after: VariantId, limit: i64) -> Result<Vec<LevelView>> {
    db.all(&LEVELS_AT_LOCATION, params![location, after, limit]).await
}

/// Levels at or below their threshold.
pub async fn low_levels(
    db: &Db,
    (variant, location): (VariantId, LocationId),
    only: Option<LocationId>,
    limit: i64,
) -> Result<Vec<LevelView>> {
    db.all(&LOW_LEVELS, params![variant, location, only, limit]).await
}

pub async fn variants_at_location(
    tx: &mut Tx,
    location: LocationId,
    after: VariantId,
    limit: i64,
) -> Result<Vec<VariantId>> {
    let found: Vec<(VariantId,)> = tx.all(&VARIANTS_AT_LOCATION, params![location, after, limit]).await?;
    Ok(found.into_iter().map(|(variant,)| variant).collect())
}

pub async fn variant_stock(db: &Db, variant: VariantId) -> Result<Option<VariantStockView>> {
    db.opt(&VARIANT_STOCK, params![variant]).await
}

pub async fn availability(db: &Db, variant: VariantId) -> Result<Option<AvailabilityView>> {
    db.opt(&AVAILABILITY, params![variant]).await
}
