//! The statements of an import and an export of levels: each for hundreds at once.

use std::collections::BTreeMap;

use contracts::Id;
use contracts::inventory::StockPolicy;
use store::{Db, FromRow, Result, Row, Tx, Value, params, rows, statements};
use uuid::Uuid;

use super::Place;
use crate::import::ExportedLevel;

statements! {
    // bounded: by what was asked for, at most 500
    BEFORE = "SELECT asked.variant_id, asked.location_id, v.policy, l.on_hand, l.low_threshold
        FROM @rows($1: variant_id @id, location_id @id) AS asked
        LEFT JOIN inventory_variant AS v ON v.variant_id = asked.variant_id
        LEFT JOIN inventory_level AS l ON l.variant_id = asked.variant_id AND l.location_id = asked.location_id";
    LEVELS = "SELECT l.variant_id, l.location_id, p.name, l.on_hand, l.policy, l.low_threshold
        FROM (
            SELECT variant_id, location_id, on_hand, policy, low_threshold FROM inventory_level
            WHERE (variant_id, location_id) > ($1, $2) ORDER BY variant_id, location_id LIMIT $3) AS l
        JOIN inventory_location AS p ON p.id = l.location_id
        ORDER BY l.variant_id, l.location_id -- bounded: by the limit of its levels";
}

/// What the books say before a count.
#[derive(Debug, Clone, Copy)]
pub struct Before {
    /// `None`: nothing of the variant was ever counted.
    pub policy: Option<StockPolicy>,
    /// What is on hand, and from when on it is low.
    pub level: Option<(i64, i64)>,
}

struct Found(Place, Before);

impl FromRow for Found {
    fn from_row(row: &mut Row) -> Result<Self> {
        let place = (row.take()?, row.take()?);
        let policy = row.take()?;
        let (on_hand, low): (Option<i64>, Option<i64>) = (row.take()?, row.take()?);
        Ok(Self(place, Before { policy, level: on_hand.zip(low) }))
    }
}

fn by_place(found: Vec<Found>) -> BTreeMap<Place, Before> {
    found.into_iter().map(|Found(place, before)| (place, before)).collect()
}

fn place_rows(places: impl Iterator<Item = Place>) -> Value {
    rows(places.map(|(variant, location)| params![variant, location]))
}

pub async fn before(db: &Db, places: impl Iterator<Item = Place>) -> Result<BTreeMap<Place, Before>> {
    Ok(by_place(db.all(&BEFORE, params![place_rows(places)]).await?))
}

/// The same of variants that are locked.
pub async fn before_in(tx: &mut Tx, places: impl Iterator<Item = Place>) -> Result<BTreeMap<Place, Before>> {
    Ok(by_place(tx.all(&BEFORE, params![place_rows(places)]).await?))
}

impl FromRow for ExportedLevel {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            variant: row.take()?,
            location: row.take()?,
            location_name: row.take()?,
            on_hand: row.take()?,
            policy: row.take()?,
            low_threshold: row.take()?,
        })
    }
}

/// Up to `limit` levels after one.
pub async fn levels(db: &Db, after: Option<Place>, limit: i64) -> Result<Vec<ExportedLevel>> {
    let (variant, location) =
        after.map_or((Uuid::nil(), Uuid::nil()), |(variant, location)| (variant.uuid(), location.uuid()));
    db.all(&LEVELS, params![variant, location, limit]).await
}
