//! Jobs and timers: work of a service that is due now or later, kept in a table.
//!
//! A job is claimed by lease, so a copy that dies leaves it to another. One started "now" begins in
//! the process that started it, right after the commit and without a second claim.

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{Db, FromRow, Json, Result, Row, ToValue, Tx, Value, outbox, params, rows, statements};

/// How long a job may run before another copy takes it up. Outlasts every gateway's timeout.
pub const LEASE: SignedDuration = SignedDuration::from_secs(120);

statements! {
    INSERT = "INSERT INTO souk_job (service, id, kind, key, payload, due_at, lease_until, attempts, traceparent, created_at)
        SELECT $1, id, kind, key, payload, due_at, lease_until, attempts, $2, due_at
        FROM @rows($3: id @id, kind @text, key @text, payload @json, due_at @time, lease_until @time, attempts @int) AS new_job
        WHERE true ON CONFLICT (service, kind, key) DO NOTHING RETURNING id";
    CLAIM = "WITH next AS MATERIALIZED (
            SELECT id FROM souk_job
            WHERE dead_at IS NULL AND due_at <= $1 AND lease_until <= $1
            AND service IN (SELECT service FROM @rows($3: service @text) AS mine)
            ORDER BY due_at LIMIT $4 @skip_locked)
        UPDATE souk_job SET lease_until = $2, attempts = attempts + 1 WHERE id IN (SELECT id FROM next)
        RETURNING id, service, kind, payload, attempts, traceparent, created_at";
    NEXT_DUE = "WITH waiting AS (
            SELECT due_at AS at FROM souk_job WHERE dead_at IS NULL AND lease_until = 0
            AND service IN (SELECT service FROM @rows($1: service @text) AS mine) ORDER BY due_at LIMIT 1),
        leased AS (
            SELECT CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END AS at FROM souk_job
            WHERE dead_at IS NULL AND lease_until > 0
            AND service IN (SELECT service FROM @rows($1: service @text) AS mine))
        SELECT MIN(at) FROM (SELECT at FROM waiting UNION ALL SELECT at FROM leased) AS both_kinds";
    FINISH = "DELETE FROM souk_job WHERE id = $1";
    CANCEL = "DELETE FROM souk_job WHERE service = $1 AND kind = $2 AND key = $3";
    RETRY = "UPDATE souk_job SET due_at = $2, lease_until = 0, error = $3 WHERE id = $1";
    LATER = "UPDATE souk_job SET due_at = $2, created_at = $2, lease_until = 0, error = $3 WHERE id = $1";
    BURY = "UPDATE souk_job SET dead_at = $2, error = $3 WHERE id = $1";
    RELEASE = "UPDATE souk_job SET lease_until = 0 WHERE dead_at IS NULL AND lease_until > 0
        AND service IN (SELECT service FROM @rows($1: service @text) AS mine)";
    LAG = "SELECT COUNT(*), COALESCE(MIN(due_at), 0) FROM souk_job
        WHERE service = $1 AND dead_at IS NULL AND due_at <= $2";
    DUE_COUNT = "SELECT COUNT(*) FROM souk_job WHERE dead_at IS NULL AND due_at <= $1
        AND service IN (SELECT service FROM @rows($2: service @text) AS mine)";
    DEAD = "SELECT id, kind, error, attempts, dead_at FROM souk_job
        WHERE service = $1 AND dead_at IS NOT NULL ORDER BY dead_at DESC, id LIMIT $2";
}

/// Work of a service. Its data carries ids, never personal data.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Named within its service: `authorize`.
    const KIND: &'static str;
    /// One job of a kind waits per key, from its start until it is finished or cancelled: one that is
    /// running, or was given up, still holds its key. So a key names the change, not only the thing.
    fn key(&self) -> String;
}

/// A job that is this process's to run, until its lease ends.
#[derive(Debug, Clone)]
pub struct StartedJob {
    pub id: Uuid,
    pub service: String,
    pub kind: String,
    /// JSON text.
    pub payload: String,
    /// This one included.
    pub attempts: i64,
    pub traceparent: Option<String>,
    /// When it was first due, or due again after it answered Later: failures are counted from there.
    pub created_at: Timestamp,
}

impl FromRow for StartedJob {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            service: row.take()?,
            kind: row.take()?,
            payload: row.take()?,
            attempts: row.take()?,
            traceparent: row.take()?,
            created_at: row.take()?,
        })
    }
}

pub(crate) struct NewJob {
    id: Uuid,
    kind: &'static str,
    key: String,
    payload: Value,
    due: Timestamp,
}

impl NewJob {
    pub(crate) fn new<J: Job>(id: Uuid, job: &J, due: Timestamp) -> Self {
        Self { id, kind: J::KIND, key: job.key(), payload: Json(job).to_value(), due }
    }
}

/// Writes the jobs of a transaction; those due now are leased to this process if it runs jobs.
pub(crate) async fn insert(tx: &mut Tx) -> Result<()> {
    let (service, now, traceparent) = (tx.service, tx.now, tx.traceparent.clone());
    let leased = |job: &NewJob| tx.runs_jobs && job.due <= now;
    let table = rows(tx.jobs.iter().map(|job| {
        let (lease, attempts) = if leased(job) {
            (now.saturating_add(LEASE).map_or(0, |at: Timestamp| at.as_microsecond()), 1)
        } else {
            (0, 0)
        };
        params![job.id, job.kind, job.key, job.payload, job.due, lease, attempts]
    }));
    let inserted: Vec<(Uuid,)> = tx.all(&INSERT, params![service, traceparent, table]).await?;
    let runs_jobs = tx.runs_jobs;
    for job in tx.jobs.iter().filter(|job| runs_jobs && job.due <= now && inserted.contains(&(job.id,))) {
        let Value::Json(payload) = job.payload.clone() else {
            continue;
        };
        let (service, kind, traceparent) = (service.to_owned(), job.kind.to_owned(), traceparent.clone());
        tx.started.push(StartedJob { id: job.id, service, kind, payload, attempts: 1, traceparent, created_at: now });
    }
    Ok(())
}

/// Claims jobs that are due, for [`LEASE`].
pub async fn claim(tx: &mut Tx, services: &[&'static str], limit: i64) -> Result<Vec<StartedJob>> {
    let now = tx.now();
    let lease_until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
    tx.all(&CLAIM, params![now, lease_until, outbox::names(services), limit]).await
}

/// When the next job is due, or its lease ends.
pub async fn next_due(db: &Db, services: &[&'static str]) -> Result<Option<Timestamp>> {
    let (due,): (Option<Timestamp>,) = db.one(&NEXT_DUE, params![outbox::names(services)]).await?;
    Ok(due)
}

/// Jobs that are due, running ones included.
pub async fn due_count(db: &Db, now: Timestamp, services: &[&'static str]) -> Result<i64> {
    let (count,) = db.one(&DUE_COUNT, params![now, outbox::names(services)]).await?;
    Ok(count)
}

/// How many jobs of the service are due, running ones included, and since when the oldest is.
pub async fn lag(db: &Db, now: Timestamp) -> Result<(i64, Option<Timestamp>)> {
    let (count, oldest): (i64, Timestamp) = db.one(&LAG, params![db.service(), now]).await?;
    Ok((count, (count > 0).then_some(oldest)))
}

/// Takes a waiting job back, such as a timer that is no longer needed. One that this very transaction
/// starts is not reached: that is written at its end.
pub async fn cancel<J: Job>(tx: &mut Tx, key: &str) -> Result<()> {
    let service = tx.service();
    tx.exec(&CANCEL, params![service, J::KIND, key]).await.map(drop)
}

/// Lets a job go until `due`.
pub async fn retry(tx: &mut Tx, job: Uuid, due: Timestamp, error: &str) -> Result<()> {
    tx.exec(&RETRY, params![job, due, error]).await.map(drop)
}

/// Lets a job go that has not failed: it asked to be run again at `due`.
pub async fn later(tx: &mut Tx, job: Uuid, due: Timestamp, why: &str) -> Result<()> {
    tx.exec(&LATER, params![job, due, why]).await.map(drop)
}

/// Gives a job up: a dead letter for people to look at.
pub async fn bury(tx: &mut Tx, job: Uuid, error: &str) -> Result<()> {
    let now = tx.now();
    tx.exec(&BURY, params![job, now, error]).await.map(drop)
}

/// Lets go of every lease: only when no other process can hold one (a local bus, at boot).
pub async fn release_leases(tx: &mut Tx, services: &[&'static str]) -> Result<u64> {
    tx.exec(&RELEASE, params![outbox::names(services)]).await
}

/// The newest jobs that were given up.
pub async fn dead(db: &Db, limit: i64) -> Result<Vec<crate::inbox::DeadLetter>> {
    let dead: Vec<(Uuid, String, Option<String>, i64, Timestamp)> = db.all(&DEAD, params![db.service(), limit]).await?;
    let letter =
        |(event, name, error, attempts, dead_at)| crate::inbox::DeadLetter { event, name, error, attempts, dead_at };
    Ok(dead.into_iter().map(letter).collect())
}
