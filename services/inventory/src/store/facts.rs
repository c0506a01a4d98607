//! The statements of `souk audit`.

use contracts::catalog::VariantId;
use contracts::inventory::{InventoryOrderFact, LevelFact, LocationId};
use contracts::orders::OrderId;
use store::{Db, FromRow, Result, Row, params, statements};

use super::ids;

statements! {
    LEVEL_FACTS = "SELECT l.variant_id, l.location_id, l.policy, l.on_hand, l.reserved, l.shortfall,
            CAST(COALESCE(m.on_hand, 0) AS BIGINT), CAST(COALESCE(m.reserved, 0) AS BIGINT), CAST(COALESCE((
                SELECT SUM(r.quantity - r.shipped - r.released) FROM inventory_reservation AS r
                WHERE r.variant_id = l.variant_id AND r.location_id = l.location_id
                AND r.shipped + r.released < r.quantity), 0) AS BIGINT),
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
    /// `ended_twice` counts reservations of which the ledger ended more than it began. What was booked out at an
    /// order's completion and came back by a late cancellation was not shipped.
    ORDER_FACTS = "SELECT o.order_id,
            CAST(COALESCE((SELECT SUM(quantity - shipped - released) FROM inventory_reservation AS r
                WHERE r.order_id = o.order_id), 0) AS BIGINT),
            CAST(COALESCE((SELECT SUM(released) FROM inventory_reservation AS r
                WHERE r.order_id = o.order_id), 0) AS BIGINT),
            CAST(COALESCE((SELECT SUM(-on_hand_change) FROM inventory_movement AS m
                WHERE m.order_id = o.order_id), 0) AS BIGINT),
            (SELECT COUNT(*) FROM (
                SELECT m.variant_id FROM inventory_movement AS m WHERE m.order_id = o.order_id
                GROUP BY m.variant_id, m.location_id HAVING SUM(m.reserved_change) < 0) AS overdrawn)
        FROM inventory_order AS o WHERE o.order_id IN (SELECT order_id FROM @rows($1: order_id @id) AS asked)";
}

struct Fact<T>(T);

impl FromRow for Fact<LevelFact> {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (variant, location, policy) = (row.take()?, row.take()?, row.take()?);
        let (on_hand, reserved, shortfall) = (row.take()?, row.take()?, row.take()?);
        let (ledger_on_hand, ledger_reserved) = (row.take()?, row.take()?);
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

pub async fn levels(db: &Db, (variant, location): (VariantId, LocationId), limit: i64) -> Result<Vec<LevelFact>> {
    let facts: Vec<Fact<LevelFact>> = db.all(&LEVEL_FACTS, params![variant, location, limit]).await?;
    Ok(facts.into_iter().map(|Fact(fact)| fact).collect())
}

pub async fn orders(db: &Db, orders: &[OrderId]) -> Result<Vec<InventoryOrderFact>> {
    let facts: Vec<Fact<InventoryOrderFact>> = db.all(&ORDER_FACTS, params![ids(orders)]).await?;
    Ok(facts.into_iter().map(|Fact(fact)| fact).collect())
}
