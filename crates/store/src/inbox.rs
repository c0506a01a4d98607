//! The inbox: each event is applied once per service, in one transaction with its effect.
//!
//! A row is written when a delivery is first seen. `applied_at` says that its effect is in the tables.
//! What has to wait, or failed, is parked in the same row with its event, its due time and its tries.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{Db, Envelope, FromRow, Json, Result, Row, Tx, params, rows, statements};

statements! {
    CLAIM = "INSERT INTO souk_inbox (service, event_id, type, subject, version, received_at, applied_at, attempts)
        SELECT $1, event_id, type, subject, version, $2, $2, 0
        FROM @rows($3: event_id @id, type @text, subject @id, version @int) AS came WHERE true
        ON CONFLICT (service, event_id) DO NOTHING
        RETURNING event_id, EXISTS (
            SELECT 1 FROM souk_inbox AS later
            WHERE later.service = souk_inbox.service AND later.type = souk_inbox.type AND later.subject = souk_inbox.subject
            AND later.version > souk_inbox.version)";
    PARK = "UPDATE souk_inbox SET applied_at = NULL, attempts = attempts + 1, due_at = $3, error = $4, event = $5
        WHERE service = $1 AND event_id = $2";
    DUE = "SELECT event_id, event, attempts, received_at FROM souk_inbox
        WHERE service = $1 AND applied_at IS NULL AND dead_at IS NULL AND due_at <= $2 ORDER BY due_at, event_id LIMIT $3";
    NEXT_DUE = "SELECT MIN(due_at) FROM souk_inbox WHERE service = $1 AND applied_at IS NULL AND dead_at IS NULL";
    APPLY_PARKED = "UPDATE souk_inbox SET applied_at = $3, event = NULL, due_at = NULL, error = NULL
        WHERE service = $1 AND event_id = $2 AND applied_at IS NULL AND dead_at IS NULL
        RETURNING event_id, EXISTS (
            SELECT 1 FROM souk_inbox AS later
            WHERE later.service = souk_inbox.service AND later.type = souk_inbox.type AND later.subject = souk_inbox.subject
            AND later.version > souk_inbox.version)";
    BURY = "UPDATE souk_inbox SET dead_at = $3, error = $4, applied_at = NULL, due_at = NULL WHERE service = $1 AND event_id = $2";
    DEAD = "SELECT event_id, type, error, attempts, dead_at FROM souk_inbox
        WHERE service = $1 AND dead_at IS NOT NULL ORDER BY dead_at DESC, event_id LIMIT $2";
    PARKED_COUNT = "SELECT COUNT(*) FROM souk_inbox WHERE service = $1 AND applied_at IS NULL AND dead_at IS NULL";
    APPLIED = "SELECT event_id, applied_at IS NOT NULL FROM souk_inbox
        WHERE service = $1 AND event_id IN (SELECT id FROM @rows($2: id @id) AS asked)";
    KNOWN = "SELECT event_id, applied_at IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM souk_inbox AS later
            WHERE later.service = souk_inbox.service AND later.type = souk_inbox.type AND later.subject = souk_inbox.subject
            AND later.version > souk_inbox.version)
        FROM souk_inbox WHERE service = $1 AND event_id IN (SELECT id FROM @rows($2: id @id) AS asked)";
    PRUNE = "DELETE FROM souk_inbox WHERE service = $1 AND event_id IN (
        SELECT event_id FROM souk_inbox WHERE service = $1 AND applied_at < $2 ORDER BY applied_at LIMIT $3)";
}

/// A delivery that this service has not seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    pub event: Uuid,
    /// A higher version of the same subject came before: the event counts as applied and is dropped.
    pub stale: bool,
}

impl FromRow for Claimed {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { event: row.take()?, stale: row.take()? })
    }
}

/// A parked event.
#[derive(Debug)]
pub struct Parked {
    pub event: Envelope,
    pub attempts: i64,
    pub received_at: Timestamp,
}

/// A dead letter.
#[derive(Debug, serde::Serialize)]
pub struct DeadLetter {
    pub event: Uuid,
    pub name: String,
    pub error: Option<String>,
    pub attempts: i64,
    pub dead_at: Timestamp,
}

/// Notes deliveries as applied, all in one statement; returns those seen for the first time, in the
/// order in which they came.
pub async fn claim(tx: &mut Tx, came: &[Envelope]) -> Result<Vec<Claimed>> {
    let (service, now) = (tx.service(), tx.now());
    let table = rows(came.iter().map(|event| params![event.id, event.name, event.subject, event.version]));
    let claimed: Vec<Claimed> = tx.all(&CLAIM, params![service, now, table]).await?;
    let mut new: BTreeMap<Uuid, bool> = claimed.into_iter().map(|claimed| (claimed.event, claimed.stale)).collect();
    // PostgreSQL does not see what the same statement inserts: within the batch it is compared here.
    let mut highest: BTreeMap<(&str, Uuid), i64> = BTreeMap::new();
    let mut in_order = Vec::with_capacity(new.len());
    for event in came {
        let mut overtaken = false;
        if let Some(version) = event.version {
            let highest = highest.entry((&event.name, event.subject)).or_insert(version);
            overtaken = *highest > version;
            *highest = version.max(*highest);
        }
        if let Some(stale) = new.remove(&event.id) {
            in_order.push(Claimed { event: event.id, stale: stale || overtaken });
        }
    }
    Ok(in_order)
}

/// Keeps an event whose reaction said Later or failed, until `due`.
pub async fn park(tx: &mut Tx, event: &Envelope, due: Timestamp, error: &str) -> Result<()> {
    let service = tx.service();
    tx.exec(&PARK, params![service, event.id, due, error, Json(event)]).await.map(drop)
}

/// Takes a parked event up again. `false`: there is nothing to do, and this transaction is committed as
/// it is; another copy of the service was faster, or a higher version of the subject came meanwhile.
pub async fn apply_parked(tx: &mut Tx, event: Uuid) -> Result<bool> {
    let (service, now) = (tx.service(), tx.now());
    let taken: Option<Claimed> = tx.opt(&APPLY_PARKED, params![service, event, now]).await?;
    Ok(taken.is_some_and(|taken| !taken.stale))
}

/// Gives an event up: it becomes a dead letter.
pub async fn bury(tx: &mut Tx, event: Uuid, error: &str) -> Result<()> {
    let (service, now) = (tx.service(), tx.now());
    tx.exec(&BURY, params![service, event, now, error]).await.map(drop)
}

/// Parked events whose time has come.
pub async fn due(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<Parked>> {
    struct Due(Parked);
    impl FromRow for Due {
        fn from_row(row: &mut Row) -> Result<Self> {
            let _: Uuid = row.take()?;
            let Json(event) = row.take()?;
            Ok(Self(Parked { event, attempts: row.take()?, received_at: row.take()? }))
        }
    }
    let due: Vec<Due> = db.all(&DUE, params![db.service(), now, limit]).await?;
    Ok(due.into_iter().map(|Due(parked)| parked).collect())
}

/// When the next parked event is due.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>> {
    let (due,): (Option<Timestamp>,) = db.one(&NEXT_DUE, params![db.service()]).await?;
    Ok(due)
}

pub async fn parked_count(db: &Db) -> Result<i64> {
    let (count,) = db.one(&PARKED_COUNT, params![db.service()]).await?;
    Ok(count)
}

/// The newest dead letters of the service.
pub async fn dead_letters(db: &Db, limit: i64) -> Result<Vec<DeadLetter>> {
    let dead: Vec<(Uuid, String, Option<String>, i64, Timestamp)> = db.all(&DEAD, params![db.service(), limit]).await?;
    let letter = |(event, name, error, attempts, dead_at)| DeadLetter { event, name, error, attempts, dead_at };
    Ok(dead.into_iter().map(letter).collect())
}

/// Of these events (at most 500), the ones this service has seen, and whether each is applied.
pub async fn applied(db: &Db, events: &[Uuid]) -> Result<Vec<(Uuid, bool)>> {
    db.all(&APPLIED, params![db.service(), rows(events.iter().map(|id| params![*id]))]).await
}

/// Of these events (at most 500), the ones this service has seen, and whether each is applied and still the newest of
/// its subject: what may be applied again.
pub async fn known(tx: &mut Tx, events: &[Envelope]) -> Result<Vec<(Uuid, bool)>> {
    let service = tx.service();
    tx.all(&KNOWN, params![service, rows(events.iter().map(|event| params![event.id]))]).await
}

/// Forgets up to `limit` events applied before a time. A later doubled delivery would be applied
/// again, so the time lies beyond any redelivery.
pub async fn prune(tx: &mut Tx, applied_before: Timestamp, limit: i64) -> Result<u64> {
    let service = tx.service();
    tx.exec(&PRUNE, params![service, applied_before, limit]).await
}
