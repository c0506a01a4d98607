//! Webhook endpoints. Whoever gives one something to be told holds its row ([`hold`], [`listening`], or an
//! update of it): that is what keeps a delivery from being put in just when its last job ends.

use ::store::{Db, FromRow, Json, Result, Row, Tx, params, rows, statements};
use contracts::notifications::WebhookEndpointId;
use serde_json::{Value, from_value};

use crate::endpoint::{Endpoint, Health, Topic};

/// As the schema checks.
pub const ENDPOINTS_MAX: i64 = 50;

statements! {
    INSERT = "INSERT INTO notifications_endpoint (id, place, url, description, events, disabled_reason, secret_version, version, created_at)
        SELECT $1, free.place, $2, $3, $4, $5, 1, 1, $6
        FROM (SELECT MIN(place) AS place FROM @rows($7: place @int) AS places
            WHERE place NOT IN (SELECT place FROM notifications_endpoint)) AS free
        WHERE free.place IS NOT NULL ON CONFLICT (place) DO NOTHING";
    COUNT = "SELECT COUNT(*) FROM notifications_endpoint";
    ENDPOINT = "SELECT id, url, description, events, disabled_reason, secret_version, secret_rotated_at, failing_since, version, created_at
        FROM notifications_endpoint WHERE id = $1";
    HOLD = "SELECT id, url, description, events, disabled_reason, secret_version, secret_rotated_at, failing_since, version, created_at
        FROM notifications_endpoint WHERE id = $1 @for_update";
    LISTENING = "SELECT id, url, description, events, disabled_reason, secret_version, secret_rotated_at, failing_since, version, created_at
        FROM notifications_endpoint WHERE disabled_reason IS NULL ORDER BY id LIMIT 50 @for_update";
    AFTER = "SELECT id, url, description, events, disabled_reason, secret_version, secret_rotated_at, failing_since, version, created_at
        FROM notifications_endpoint WHERE id > $1 ORDER BY id LIMIT $2";
    EDIT = "UPDATE notifications_endpoint SET url = $3, description = $4, events = COALESCE($5, events), disabled_reason = $6,
        failing_since = $7, version = version + 1 WHERE id = $1 AND version = $2";
    ROTATE = "UPDATE notifications_endpoint SET secret_version = secret_version + 1, secret_rotated_at = $2, version = version + 1
        WHERE id = $1
        RETURNING id, url, description, events, disabled_reason, secret_version, secret_rotated_at, failing_since, version, created_at";
    IS_NOW = "UPDATE notifications_endpoint SET failing_since = $2, disabled_reason = $3,
        version = CASE WHEN disabled_reason IS NULL AND CAST($3 AS TEXT) IS NOT NULL THEN version + 1 ELSE version END WHERE id = $1";
    DELETE = "DELETE FROM notifications_endpoint WHERE id = $1";
}

/// `false`: there are as many as there may be, or another came first; see [`count`].
pub async fn insert(tx: &mut Tx, endpoint: &Endpoint) -> Result<bool> {
    let places = rows((1..=ENDPOINTS_MAX).map(|place| params![place]));
    let Endpoint { id, url, description, events, disabled, created_at, .. } = endpoint;
    Ok(tx.exec(&INSERT, params![id, url, description, Json(events), disabled, created_at, places]).await? == 1)
}

pub async fn count(tx: &mut Tx) -> Result<i64> {
    Ok(tx.one::<(i64,)>(&COUNT, params![]).await?.0)
}

pub async fn endpoint(db: &Db, id: WebhookEndpointId) -> Result<Option<Endpoint>> {
    db.opt(&ENDPOINT, params![id]).await
}

/// The endpoint, and nobody else changes it or gives it anything before this transaction has ended.
pub async fn hold(tx: &mut Tx, id: WebhookEndpointId) -> Result<Option<Endpoint>> {
    tx.opt(&HOLD, params![id]).await
}

/// Holds every endpoint that is switched on.
pub async fn listening(tx: &mut Tx) -> Result<Vec<Endpoint>> {
    tx.all(&LISTENING, params![]).await
}

pub async fn after(db: &Db, after: Option<WebhookEndpointId>, limit: i64) -> Result<Vec<Endpoint>> {
    let after = after.unwrap_or(contracts::Id::from_uuid(uuid::Uuid::nil()));
    db.all(&AFTER, params![after, limit]).await
}

/// Writes what staff changed; `events` where they said those, for there may be more than [`Endpoint::events`].
/// `false`: it has another version by now.
pub async fn edit(tx: &mut Tx, endpoint: &Endpoint, events: Option<&[Topic]>) -> Result<bool> {
    let Endpoint { id, version, url, description, disabled, failing_since, .. } = endpoint;
    let events = events.map(Json);
    Ok(tx.exec(&EDIT, params![id, version, url, description, events, disabled, failing_since]).await? == 1)
}

/// Makes the next secret; `None`: there is no such endpoint.
pub async fn rotate(tx: &mut Tx, id: WebhookEndpointId) -> Result<Option<Endpoint>> {
    let now = tx.now();
    tx.opt(&ROTATE, params![id, now]).await
}

/// Notes how it is doing.
pub async fn is_now(tx: &mut Tx, id: WebhookEndpointId, health: Health) -> Result<()> {
    tx.exec(&IS_NOW, params![id, health.failing_since, health.disabled]).await.map(drop)
}

pub async fn delete(tx: &mut Tx, id: WebhookEndpointId) -> Result<bool> {
    Ok(tx.exec(&DELETE, params![id]).await? == 1)
}

impl FromRow for Endpoint {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            url: row.take()?,
            description: row.take()?,
            // A newer process of the shop may have written a topic that this one can't tell of.
            events: row.take::<Json<Vec<Value>>>()?.0.into_iter().filter_map(|topic| from_value(topic).ok()).collect(),
            disabled: row.take()?,
            secret_version: row.take()?,
            secret_rotated_at: row.take()?,
            failing_since: row.take()?,
            version: row.take()?,
            created_at: row.take()?,
        })
    }
}

/// For tests alone.
#[cfg(test)]
pub mod testing {
    ::store::statements! {
        OF_A_LATER_RELEASE = "UPDATE notifications_endpoint SET events = $1 WHERE disabled_reason IS NULL";
    }
}
