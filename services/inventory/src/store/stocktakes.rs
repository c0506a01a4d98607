//! The statements of stocktakes.

use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, StocktakeId};
use store::{Db, FromRow, Result, Row, Tx, params, rows, statements};

use super::ids;
use crate::stocktake::{CountedLine, StocktakeListItem};

statements! {
    INSERT = "INSERT INTO inventory_stocktake (id, location_id, note, counted_at) VALUES ($1, $2, $3, $4)";
    INSERT_LINES = "INSERT INTO inventory_stocktake_line (stocktake_id, variant_id, expected, counted, shortfall)
        SELECT $1, variant_id, expected, counted, shortfall
        FROM @rows($2: variant_id @id, expected @int, counted @int, shortfall @int) AS line WHERE true";
    // bounded: by the variants asked for, at most stocktake::LINES_MAX
    SHELF = "SELECT variant_id, on_hand, CASE policy WHEN 'deny' THEN reserved ELSE 0 END FROM inventory_level
        WHERE location_id = $1 AND variant_id IN (SELECT variant_id FROM @rows($2: variant_id @id) AS asked)";
    STOCKTAKE = "SELECT id, location_id, note, counted_at FROM inventory_stocktake WHERE id = $1";
    // bounded: one stocktake, at most stocktake::LINES_MAX
    LINES = "SELECT variant_id, expected, counted, shortfall FROM inventory_stocktake_line
        WHERE stocktake_id = $1 ORDER BY variant_id";
    STOCKTAKES = "SELECT id, location_id, note, counted_at FROM inventory_stocktake WHERE id < $1 ORDER BY id DESC LIMIT $2";
}

impl FromRow for StocktakeListItem {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { id: row.take()?, location: row.take()?, note: row.take()?, counted_at: row.take()? })
    }
}

impl FromRow for CountedLine {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { variant: row.take()?, expected: row.take()?, counted: row.take()?, shortfall: row.take()? })
    }
}

/// What the books say of these variants at a location: on hand, and promised. Those without a level are left out.
pub async fn shelf(tx: &mut Tx, location: LocationId, variants: &[VariantId]) -> Result<Vec<(VariantId, i64, i64)>> {
    tx.all(&SHELF, params![location, ids(variants)]).await
}

pub async fn insert(
    tx: &mut Tx,
    id: StocktakeId,
    location: LocationId,
    note: Option<&str>,
    lines: &[CountedLine],
) -> Result<()> {
    let now = tx.now();
    tx.exec(&INSERT, params![id, location, note, now]).await?;
    let line = |line: &CountedLine| params![line.variant, line.expected, line.counted, line.shortfall];
    tx.exec(&INSERT_LINES, params![id, rows(lines.iter().map(line))]).await.map(drop)
}

pub async fn stocktake(db: &Db, id: StocktakeId) -> Result<Option<StocktakeListItem>> {
    db.opt(&STOCKTAKE, params![id]).await
}

pub async fn lines(db: &Db, id: StocktakeId) -> Result<Vec<CountedLine>> {
    db.all(&LINES, params![id]).await
}

pub async fn stocktakes(db: &Db, before: StocktakeId, limit: i64) -> Result<Vec<StocktakeListItem>> {
    db.all(&STOCKTAKES, params![before, limit]).await
}
