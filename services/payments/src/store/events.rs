//! Every statement on what gateways told.

use ::store::{Db, FromRow, Result, Row, Tx, params, statements};
use jiff::{SignedDuration, Timestamp};

use crate::gateway::GatewayEvent;

/// Longer than a gateway repeats an event that was not heard.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Old events that go with each new one: more than come in, so that none stay.
const FORGOTTEN_MAX: i64 = 10;

statements! {
    INSERT = "INSERT INTO payments_gateway_event (method, event_id, kind, attempt_id, gateway_ref, received_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (method, event_id) DO NOTHING";
    FORGET = "DELETE FROM payments_gateway_event WHERE (method, event_id) IN (
        SELECT method, event_id FROM payments_gateway_event WHERE received_at < $1 ORDER BY received_at LIMIT $2)";
    ONE = "SELECT event_id, kind, attempt_id, gateway_ref FROM payments_gateway_event WHERE method = $1 AND event_id = $2";
}

/// Notes an event; `false` where it was told before.
pub async fn insert(tx: &mut Tx, method: &str, event: &GatewayEvent) -> Result<bool> {
    let now = tx.now();
    let GatewayEvent { id, kind, key, reference } = event;
    if tx.exec(&INSERT, params![method, id, kind, key, reference, now]).await? == 0 {
        return Ok(false);
    }
    let before = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
    tx.exec(&FORGET, params![before, FORGOTTEN_MAX]).await?;
    Ok(true)
}

pub async fn find(db: &Db, method: &str, event: &str) -> Result<Option<GatewayEvent>> {
    db.opt(&ONE, params![method, event]).await
}

impl FromRow for GatewayEvent {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { id: row.take()?, kind: row.take()?, key: row.take()?, reference: row.take()? })
    }
}
