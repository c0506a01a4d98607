//! Dead letters: events of the inbox and jobs that were given up, until a person has them tried again.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::{Db, FromRow, Json, Result, Row, Tx, params, statements};

statements! {
    EVENTS = "SELECT event_id, type, error, attempts, received_at, dead_at FROM souk_inbox
        WHERE service = $1 AND dead_at IS NOT NULL AND (dead_at, event_id) > ($2, $3)
        ORDER BY dead_at, event_id LIMIT $4";
    JOBS = "SELECT id, kind, error, attempts, created_at, dead_at FROM souk_job
        WHERE service = $1 AND dead_at IS NOT NULL AND (dead_at, id) > ($2, $3) ORDER BY dead_at, id LIMIT $4";
    EVENT = "SELECT event_id, type, error, attempts, received_at, dead_at, event FROM souk_inbox
        WHERE service = $1 AND event_id = $2 AND dead_at IS NOT NULL";
    JOB = "SELECT id, kind, error, attempts, created_at, dead_at, payload FROM souk_job
        WHERE service = $1 AND id = $2 AND dead_at IS NOT NULL";
    REVIVE_EVENT = "UPDATE souk_inbox SET dead_at = NULL, due_at = $3, received_at = $3, attempts = 0
        WHERE service = $1 AND event_id = $2 AND dead_at IS NOT NULL";
    REVIVE_JOB = "UPDATE souk_job SET dead_at = NULL, due_at = $3, created_at = $3, lease_until = 0, attempts = 0
        WHERE service = $1 AND id = $2 AND dead_at IS NOT NULL";
    EVENTS_COUNT = "SELECT COUNT(*) FROM souk_inbox WHERE service = $1 AND dead_at IS NOT NULL";
    JOBS_COUNT = "SELECT COUNT(*) FROM souk_job WHERE service = $1 AND dead_at IS NOT NULL";
}

/// What was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Event,
    Job,
}

/// A dead letter of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    pub service: &'static str,
    pub kind: Kind,
    pub id: Uuid,
    /// The event's type, or the job's kind.
    pub name: String,
    pub error: Option<String>,
    pub attempts: i64,
    /// When it was first tried, or first tried again.
    pub since: Timestamp,
    pub dead_at: Timestamp,
}

type Columns = (Uuid, String, Option<String>, i64, Timestamp, Timestamp);

impl Letter {
    fn new(service: &'static str, kind: Kind, (id, name, error, attempts, since, dead_at): Columns) -> Self {
        Self { service, kind, id, name, error, attempts, since, dead_at }
    }

    /// Where the page after this one begins.
    pub fn cursor(&self) -> (Timestamp, Uuid) {
        (self.dead_at, self.id)
    }
}

/// Dead letters of one kind, the longest dead first, after a cursor of the page before.
pub async fn page(db: &Db, kind: Kind, after: Option<(Timestamp, Uuid)>, limit: i64) -> Result<Vec<Letter>> {
    let (dead_at, id) = after.unwrap_or((Timestamp::UNIX_EPOCH, Uuid::nil()));
    let sql = match kind {
        Kind::Event => &EVENTS,
        Kind::Job => &JOBS,
    };
    let rows: Vec<Columns> = db.all(sql, params![db.service(), dead_at, id, limit]).await?;
    Ok(rows.into_iter().map(|row| Letter::new(db.service(), kind, row)).collect())
}

/// A dead letter and what is in it: the event as it was delivered, or the job's data. `None`: there is none by this id.
pub async fn open(db: &Db, id: Uuid) -> Result<Option<(Letter, serde_json::Value)>> {
    struct Opened(Columns, serde_json::Value);
    impl FromRow for Opened {
        fn from_row(row: &mut Row) -> Result<Self> {
            let columns = (row.take()?, row.take()?, row.take()?, row.take()?, row.take()?, row.take()?);
            let body: Option<Json<serde_json::Value>> = row.take()?;
            Ok(Self(columns, body.map_or(serde_json::Value::Null, |Json(body)| body)))
        }
    }
    for (kind, sql) in [(Kind::Event, &EVENT), (Kind::Job, &JOB)] {
        if let Some(Opened(columns, body)) = db.opt(sql, params![db.service(), id]).await? {
            return Ok(Some((Letter::new(db.service(), kind, columns), body)));
        }
    }
    Ok(None)
}

/// Makes a dead letter due at once, with its tries counted afresh. `None`: there is none by this id.
pub async fn revive(tx: &mut Tx, id: Uuid) -> Result<Option<Kind>> {
    let (service, now) = (tx.service(), tx.now());
    for (kind, sql) in [(Kind::Event, &REVIVE_EVENT), (Kind::Job, &REVIVE_JOB)] {
        if tx.exec(sql, params![service, id, now]).await? > 0 {
            return Ok(Some(kind));
        }
    }
    Ok(None)
}

/// How many events and jobs of the service are dead.
pub async fn count(db: &Db) -> Result<(i64, i64)> {
    let (events,): (i64,) = db.one(&EVENTS_COUNT, params![db.service()]).await?;
    let (jobs,): (i64,) = db.one(&JOBS_COUNT, params![db.service()]).await?;
    Ok((events, jobs))
}
