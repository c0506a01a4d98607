//! The statements of locations.

use contracts::inventory::LocationId;
use store::{Db, FromRow, Result, Row, Tx, params, statements};

use crate::location::{EditLocation, LOCATIONS_MAX, LocationView, NewLocation};

statements! {
    INSERT = "INSERT INTO inventory_location (id, name, country, priority, active, version, created_at)
        SELECT CAST($1 AS @id), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT), true, 1, CAST($5 AS BIGINT)
        WHERE (SELECT COUNT(*) FROM inventory_location) < $6
        ON CONFLICT (name) DO NOTHING";
    /// Nothing where it is at another version; `$5` says that the country is to change, maybe to none.
    EDIT = "UPDATE inventory_location SET
            name = COALESCE(CAST($3 AS TEXT), name),
            country = CASE WHEN $5 THEN CAST($4 AS TEXT) ELSE country END,
            priority = COALESCE(CAST($6 AS BIGINT), priority),
            active = COALESCE($7, active),
            version = version + 1
        WHERE id = $1 AND version = $2";
    LOCATION = "SELECT id, name, country, priority, active, version, created_at FROM inventory_location WHERE id = $1";
    NAMED = "SELECT id FROM inventory_location WHERE name = $1";
    ACTIVE = "SELECT id FROM inventory_location WHERE active LIMIT 1";
    LOCATIONS = "SELECT id, name, country, priority, active, version, created_at FROM inventory_location
        WHERE id > $1 ORDER BY id LIMIT $2";
}

impl FromRow for LocationView {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, name, country, priority) = (row.take()?, row.take()?, row.take()?, row.take()?);
        Ok(Self { id, name, country, priority, active: row.take()?, version: row.take()?, created_at: row.take()? })
    }
}

/// `false`: the name is taken, or the shop has [`LOCATIONS_MAX`].
pub async fn insert(tx: &mut Tx, id: LocationId, new: &NewLocation) -> Result<bool> {
    let now = tx.now();
    Ok(tx.exec(&INSERT, params![id, new.name, new.country, new.priority, now, LOCATIONS_MAX]).await? == 1)
}

/// `false`: there is none, or it is at another version. `Error::Constraint`: another one has the name.
pub async fn edit(tx: &mut Tx, id: LocationId, version: i64, edit: &EditLocation) -> Result<bool> {
    let country = edit.country.clone().flatten();
    let values = params![id, version, edit.name, country, edit.country.is_some(), edit.priority, edit.active];
    Ok(tx.exec(&EDIT, values).await? == 1)
}

pub async fn location(db: &Db, id: LocationId) -> Result<Option<LocationView>> {
    db.opt(&LOCATION, params![id]).await
}

pub async fn location_in(tx: &mut Tx, id: LocationId) -> Result<Option<LocationView>> {
    tx.opt(&LOCATION, params![id]).await
}

pub async fn named(db: &Db, name: &str) -> Result<Option<LocationId>> {
    Ok(db.opt(&NAMED, params![name]).await?.map(|(id,)| id))
}

pub async fn named_in(tx: &mut Tx, name: &str) -> Result<Option<LocationId>> {
    Ok(tx.opt(&NAMED, params![name]).await?.map(|(id,)| id))
}

pub async fn is_any_active(tx: &mut Tx) -> Result<bool> {
    let found: Option<(LocationId,)> = tx.opt(&ACTIVE, params![]).await?;
    Ok(found.is_some())
}

pub async fn locations(db: &Db, after: LocationId, limit: i64) -> Result<Vec<LocationView>> {
    db.all(&LOCATIONS, params![after, limit]).await
}
