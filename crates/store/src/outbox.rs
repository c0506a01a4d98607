//! The outbox: events wait here, written in the transaction that made them true.
//!
//! The relay claims undone rows by lease, never by position: on PostgreSQL a lower id may commit later.

use contracts::Event;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Db, FromRow, Json, Result, Row, ToValue, Tx, Value, params, rows, statements};

statements! {
    INSERT = "INSERT INTO souk_outbox (service, id, type, subject, version, data, traceparent, said_at, lease_until)
        SELECT $1, id, type, subject, version, data, $2, $3, 0
        FROM @rows($4: id @id, type @text, subject @id, version @int, data @json) AS said WHERE true";
    CLAIM = "WITH next AS MATERIALIZED (
            SELECT id FROM souk_outbox @indexed_by(souk_outbox_undone)
            WHERE done_at IS NULL AND lease_until <= $1 AND service IN (SELECT service FROM @rows($3: service @text) AS mine)
            AND ($5 = 0 OR type IN (SELECT type FROM @rows($6: type @text) AS known))
            ORDER BY id LIMIT $4 @skip_locked)
        UPDATE souk_outbox SET lease_until = $2 WHERE id IN (SELECT id FROM next)
        RETURNING id, service, type, subject, version, data, traceparent, said_at";
    DONE = "UPDATE souk_outbox SET done_at = $1 WHERE id IN (SELECT id FROM @rows($2: id @id) AS done)";
    WAITS = "SELECT EXISTS (SELECT 1 FROM souk_outbox @indexed_by(souk_outbox_undone)
        WHERE done_at IS NULL AND service IN (SELECT service FROM @rows($1: service @text) AS mine)
        AND ($2 = 0 OR type IN (SELECT type FROM @rows($3: type @text) AS known)))";
    UNDONE = "SELECT COUNT(*), COALESCE(MIN(said_at), 0) FROM souk_outbox @indexed_by(souk_outbox_undone)
        WHERE done_at IS NULL AND service IN (SELECT service FROM @rows($1: service @text) AS mine)";
    RELEASE = "UPDATE souk_outbox @indexed_by(souk_outbox_undone) SET lease_until = 0 WHERE done_at IS NULL AND lease_until > 0
        AND service IN (SELECT service FROM @rows($1: service @text) AS mine)";
    PRUNE = "DELETE FROM souk_outbox WHERE id IN (
        SELECT id FROM souk_outbox WHERE done_at < $1 AND service = $2 ORDER BY done_at LIMIT $3)";
    AGAIN = "UPDATE souk_outbox SET done_at = NULL, lease_until = 0 WHERE service = $1 AND id = $2 AND done_at IS NOT NULL";
    DEPTH = "SELECT COUNT(*), COUNT(*) FILTER (WHERE lease_until > $2), COALESCE(MIN(said_at), 0)
        FROM souk_outbox @indexed_by(souk_outbox_undone)
        WHERE done_at IS NULL AND service = $1";
    DONE_SINCE = "SELECT COUNT(*) FROM souk_outbox WHERE service = $1 AND done_at >= $2";
    PAGE = "SELECT id, service, type, subject, version, data, traceparent, said_at FROM souk_outbox
        WHERE service = $1 AND id > $2 ORDER BY id LIMIT $3";
}

/// An event on its way: what the bus carries. On the wire it is CloudEvents 1.0 in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    pub id: Uuid,
    /// The service that said it.
    pub service: String,
    /// [`Event::NAME`].
    pub name: String,
    pub subject: Uuid,
    pub version: Option<i64>,
    /// JSON text of the event.
    pub data: String,
    pub traceparent: Option<String>,
    pub said_at: Timestamp,
}

impl FromRow for Envelope {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            service: row.take()?,
            name: row.take()?,
            subject: row.take()?,
            version: row.take()?,
            data: row.take()?,
            traceparent: row.take()?,
            said_at: row.take()?,
        })
    }
}

pub(crate) struct NewEvent {
    id: Uuid,
    name: &'static str,
    subject: Uuid,
    version: Option<i64>,
    data: Value,
}

impl NewEvent {
    pub(crate) fn new<E: Event>(id: Uuid, event: &E) -> Self {
        Self { id, name: E::NAME, subject: event.subject(), version: event.version(), data: Json(event).to_value() }
    }
}

pub(crate) fn insert_params(tx: &Tx) -> Vec<Value> {
    let said = tx.events.iter().map(|event| params![event.id, event.name, event.subject, event.version, event.data]);
    params![tx.service, tx.traceparent, tx.now, rows(said)]
}

pub(crate) fn names(names: &[&'static str]) -> Value {
    rows(names.iter().map(|name| params![*name]))
}

/// What a relay takes out of the outbox.
#[derive(Debug, Clone)]
pub struct Says {
    pub services: Vec<&'static str>,
    /// The types it knows; others stay until a release that knows who hears them takes them. `None`: all.
    pub types: Option<Vec<&'static str>>,
}

impl Says {
    fn types(&self) -> (i64, Value) {
        let known = self.types.as_deref().unwrap_or_default();
        (i64::from(self.types.is_some()), names(known))
    }
}

/// One turn of the relay: marks what was handed over as done and claims what comes next, oldest
/// first, until `lease_until`. Both in the caller's one transaction.
pub async fn turn(
    tx: &mut Tx,
    done: &[Uuid],
    says: &Says,
    lease_until: Timestamp,
    limit: i64,
) -> Result<Vec<Envelope>> {
    let now = tx.now();
    if !done.is_empty() {
        tx.exec(&DONE, params![now, rows(done.iter().map(|id| params![*id]))]).await?;
    }
    if limit == 0 {
        return Ok(Vec::new());
    }
    let (only, types) = says.types();
    let params = params![now, lease_until, names(&says.services), limit, only, types];
    let mut claimed: Vec<Envelope> = tx.all(&CLAIM, params).await?;
    claimed.sort_by_key(|envelope| envelope.id);
    Ok(claimed)
}

/// Whether there may be something to take.
pub async fn waits(db: &Db, says: &Says) -> Result<bool> {
    let (only, types) = says.types();
    let (waits,): (bool,) = db.one(&WAITS, params![names(&says.services), only, types]).await?;
    Ok(waits)
}

/// How many events of these services wait, and since when the oldest does.
pub async fn undone(db: &Db, services: &[&'static str]) -> Result<(i64, Option<Timestamp>)> {
    let (count, oldest): (i64, Timestamp) = db.one(&UNDONE, params![names(services)]).await?;
    Ok((count, (count > 0).then_some(oldest)))
}

/// A service's outbox, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Depth {
    pub service: &'static str,
    /// Said and not handed over to all who hear it.
    pub waiting: i64,
    /// Of these, in the hands of a relay just now.
    pub in_flight: i64,
    pub oldest_said_at: Option<Timestamp>,
    /// Handed over since the time asked for.
    pub done: i64,
}

/// What waits in the service's outbox, and how much was done since a time.
pub async fn depth(db: &Db, now: Timestamp, done_since: Timestamp) -> Result<Depth> {
    let service = db.service();
    let (waiting, in_flight, oldest): (i64, i64, Timestamp) = db.one(&DEPTH, params![service, now]).await?;
    let (done,): (i64,) = db.one(&DONE_SINCE, params![service, done_since]).await?;
    Ok(Depth { service, waiting, in_flight, oldest_said_at: (waiting > 0).then_some(oldest), done })
}

/// Has an event that was done handed over once more, to all who hear it: who has applied it does not apply it again.
/// `false`: the service said no such event, or it waits to be handed over anyway.
pub async fn again(tx: &mut Tx, event: Uuid) -> Result<bool> {
    let service = tx.service();
    Ok(tx.exec(&AGAIN, params![service, event]).await? > 0)
}

/// Lets go of every lease: only when no other process can hold one (a local bus, at boot).
pub async fn release_leases(tx: &mut Tx, services: &[&'static str]) -> Result<u64> {
    tx.exec(&RELEASE, params![names(services)]).await
}

/// Deletes up to `limit` events that were done before a time.
pub async fn prune(tx: &mut Tx, done_before: Timestamp, limit: i64) -> Result<u64> {
    let service = tx.service();
    tx.exec(&PRUNE, params![done_before, service, limit]).await
}

/// An id that comes before those of all events said at this time or later: ids are in the order of their making.
pub fn before(said_at: Timestamp) -> Uuid {
    let millisecond = u128::try_from(said_at.as_millisecond()).unwrap_or(0);
    Uuid::from_u128(millisecond << 80)
}

/// Events of a service in the order of their ids, done or not; for `souk audit`, `souk events` and `souk replay`.
pub async fn page(db: &Db, after: Uuid, limit: i64) -> Result<Vec<Envelope>> {
    db.all(&PAGE, params![db.service(), after, limit]).await
}
