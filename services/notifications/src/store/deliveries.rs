//! Deliveries to webhook endpoints.

use ::store::{Db, FromRow, Result, Row, Tx, params, rows, statements};
use contracts::Id;
use contracts::notifications::{WebhookDeliveryId, WebhookEndpointId, WebhookEventId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::delivery::{Attempted, DeliveryState, DeliveryView, Due};

statements! {
    INSERT = "INSERT INTO notifications_delivery (id, endpoint_id, event_id, event, body, state, round, attempts, due_at, created_at)
        SELECT id, endpoint_id, $1, $2, $3, 'pending', 1, 0, $4, $4 FROM @rows($5: id @id, endpoint_id @id) AS told
        WHERE true ON CONFLICT (endpoint_id, event_id) DO NOTHING";
    DUE = "SELECT id, event_id, round, attempts, body FROM notifications_delivery
        WHERE endpoint_id = $1 AND state = 'pending' AND due_at <= $2 ORDER BY due_at LIMIT $3";
    NEXT_DUE = "SELECT due_at FROM notifications_delivery WHERE endpoint_id = $1 AND state = 'pending' ORDER BY due_at LIMIT 1";
    ATTEMPTED = "UPDATE notifications_delivery SET state = tried.state, attempts = tried.attempts, due_at = tried.due_at, attempted_at = $1,
            response_status = tried.response_status, response_body = tried.response_body, error = tried.error, duration_ms = tried.duration_ms
        FROM @rows($2: id @id, round @int, state @text, attempts @int, due_at @time, response_status @int, response_body @text, error @text, duration_ms @int) AS tried
        WHERE notifications_delivery.id = tried.id AND notifications_delivery.round = tried.round
        AND notifications_delivery.attempts = tried.attempts - 1 AND notifications_delivery.state = 'pending'";
    DELIVERY = "SELECT id, endpoint_id, event_id, event, state, attempts, due_at, attempted_at, response_status, response_body, error, duration_ms, created_at, body
        FROM notifications_delivery WHERE id = $1";
    OF_ENDPOINT_BEFORE = "SELECT id, endpoint_id, event_id, event, state, attempts, due_at, attempted_at, response_status, response_body, error, duration_ms, created_at, body
        FROM notifications_delivery WHERE endpoint_id = $3 AND (CAST($4 AS TEXT) IS NULL OR state = $4) AND id < $1 ORDER BY id DESC LIMIT $2";
    REPLAY = "UPDATE notifications_delivery SET state = 'pending', round = round + 1, attempts = 0, due_at = $2 WHERE id = $1";
    REPLAY_FAILED = "UPDATE notifications_delivery SET state = 'pending', round = round + 1, attempts = 0, due_at = $3
        WHERE id IN (SELECT id FROM notifications_delivery WHERE endpoint_id = $1 AND state = 'failed' AND created_at >= $2
            ORDER BY created_at LIMIT $4)";
    // What waits for an endpoint that is gone or switched off is not being tried.
    PRUNE = "DELETE FROM notifications_delivery WHERE id IN
        (SELECT id FROM notifications_delivery AS old WHERE created_at < $1 AND (state <> 'pending' OR NOT EXISTS
            (SELECT 1 FROM notifications_endpoint AS kept WHERE kept.id = old.endpoint_id AND kept.disabled_reason IS NULL))
        ORDER BY created_at LIMIT $2)";
}

/// Puts an event in for each of these endpoints, due at once.
pub async fn insert(
    tx: &mut Tx,
    event: WebhookEventId,
    name: &str,
    body: &str,
    told: &[(WebhookDeliveryId, WebhookEndpointId)],
) -> Result<()> {
    let (now, told) = (tx.now(), rows(told.iter().map(|(id, endpoint)| params![id, endpoint])));
    tx.exec(&INSERT, params![event, name, body, now, told]).await.map(drop)
}

/// What this endpoint is owed now, what waits longest first.
pub async fn due(db: &Db, endpoint: WebhookEndpointId, now: Timestamp, limit: i64) -> Result<Vec<Due>> {
    db.all(&DUE, params![endpoint, now, limit]).await
}

/// When this endpoint is owed something; asked while its row is held.
pub async fn next_due(tx: &mut Tx, endpoint: WebhookEndpointId) -> Result<Option<Timestamp>> {
    let due: Option<(Timestamp,)> = tx.opt(&NEXT_DUE, params![endpoint]).await?;
    Ok(due.map(|(due,)| due))
}

/// Notes what came of these tries; one that was replayed or noted meanwhile stays as it is.
pub async fn attempted(tx: &mut Tx, tried: &[Attempted]) -> Result<()> {
    let now = tx.now();
    let tried = rows(tried.iter().map(|Attempted { due, answer, state, due_at }| {
        let (status, body, error) = (answer.status, &answer.body, &answer.error);
        params![due.id, due.round, state, due.attempts + 1, due_at, status, body, error, answer.duration_ms]
    }));
    tx.exec(&ATTEMPTED, params![now, tried]).await.map(drop)
}

pub async fn delivery(db: &Db, id: WebhookDeliveryId) -> Result<Option<DeliveryView>> {
    db.opt(&DELIVERY, params![id]).await
}

/// A page of an endpoint's deliveries, newest first.
pub async fn before(
    db: &Db,
    endpoint: WebhookEndpointId,
    before: Option<WebhookDeliveryId>,
    state: Option<DeliveryState>,
    limit: i64,
) -> Result<Vec<DeliveryView>> {
    let before = before.unwrap_or(WebhookDeliveryId::from_uuid(Uuid::max()));
    db.all(&OF_ENDPOINT_BEFORE, params![before, limit, endpoint, state]).await
}

/// Begins a delivery anew, whatever became of it; asked while its endpoint's row is held.
pub async fn replay(tx: &mut Tx, id: WebhookDeliveryId) -> Result<bool> {
    let now = tx.now();
    Ok(tx.exec(&REPLAY, params![id, now]).await? == 1)
}

/// Begins up to `limit` failed deliveries anew, the oldest first; asked while the endpoint's row is held.
pub async fn replay_failed(tx: &mut Tx, endpoint: WebhookEndpointId, since: Timestamp, limit: i64) -> Result<u64> {
    let now = tx.now();
    tx.exec(&REPLAY_FAILED, params![endpoint, since, now, limit]).await
}

/// Deletes up to `limit` deliveries that were made before a time and are not being tried.
pub async fn prune(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64> {
    tx.exec(&PRUNE, params![before, limit]).await
}

impl FromRow for Due {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { id: row.take()?, event: row.take()?, round: row.take()?, attempts: row.take()?, body: row.take()? })
    }
}

impl FromRow for DeliveryView {
    fn from_row(row: &mut Row) -> Result<Self> {
        let mut view = Self {
            id: row.take()?,
            endpoint: row.take()?,
            event: row.take()?,
            kind: row.take()?,
            state: row.take()?,
            attempts: row.take()?,
            next_attempt_at: row.take()?,
            last_attempt_at: row.take()?,
            response_status: row.take()?,
            response_body: row.take()?,
            error: row.take()?,
            duration_ms: row.take()?,
            created_at: row.take()?,
            body: row.take::<String>().map(|body| serde_json::from_str(&body).unwrap_or_default())?,
        };
        view.next_attempt_at = view.next_attempt_at.filter(|_| view.state == DeliveryState::Pending);
        Ok(view)
    }
}
