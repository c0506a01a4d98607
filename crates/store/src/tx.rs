//! A transaction, as the function given to [`crate::Db::write`] sees it.

use std::fmt;
use std::time::{Duration, Instant};

use contracts::Event;
use jiff::Timestamp;
use uuid::Uuid;

use crate::job::NewJob;
use crate::outbox::NewEvent;
use crate::{
    BoxFuture, Clock, Envelope, Error, FromRow, Ids, Job, Result, Row, Sql, Value, job, outbox, postgres, sqlite, value,
};

pub(crate) enum Conn {
    Sqlite(sqlite::Connection),
    Postgres(postgres::Connection),
}

/// Why a transaction can only be rolled back, whole or (see [`Tx::undo`]) in its last part.
pub(crate) enum Broken {
    /// A statement is under way; or nobody waited for its end, so nobody knows how it ended.
    Underway(&'static str),
    /// A statement failed.
    Failed(String),
    Unavailable(String),
    /// A statement lost against another transaction: the whole may be run again.
    Lost,
}

impl Broken {
    pub(crate) fn by(error: &Error) -> Self {
        match error {
            Error::Contended(_) => Self::Lost,
            Error::Unavailable(reason) => Self::Unavailable(reason.clone()),
            other => Self::Failed(other.to_string()),
        }
    }

    /// What every further statement, and the commit, is told.
    fn error(&self, statement: &'static str) -> Error {
        let reason = match self {
            Self::Lost => return Error::Contended(1),
            Self::Unavailable(reason) => return Error::Unavailable(reason.clone()),
            Self::Underway(name) => format!("nobody waited for the end of `{name}` before it"),
            Self::Failed(before) => {
                format!("a statement before it failed ({before}): put what may fail between `Tx::mark` and `Tx::undo`")
            }
        };
        Error::Statement { statement, reason }
    }
}

/// A transaction of one service. Awaiting anything but its methods rolls it back.
///
/// A statement that fails takes the transaction with it, on both databases: all that follows is
/// refused, the commit too. What may fail and be survived goes between [`Tx::mark`] and [`Tx::undo`].
pub struct Tx {
    pub(crate) conn: Conn,
    pub(crate) service: &'static str,
    pub(crate) ids: Ids,
    pub(crate) now: Timestamp,
    pub(crate) traceparent: Option<String>,
    heard: Option<(Uuid, Timestamp)>,
    pub(crate) events: Vec<NewEvent>,
    pub(crate) jobs: Vec<NewJob>,
    /// Jobs that this process begins itself once the transaction is committed.
    pub(crate) started: Vec<crate::StartedJob>,
    /// Whether a job runner of this process takes `started`.
    pub(crate) runs_jobs: bool,
    pub(crate) statements: u64,
    pub(crate) broken: Option<Broken>,
    pub(crate) time_max: Duration,
    begun: Instant,
}

/// What a transaction is begun with.
#[derive(Clone)]
pub(crate) struct Setting {
    pub service: &'static str,
    pub ids: Ids,
    pub clock: Clock,
    pub traceparent: Option<String>,
    pub runs_jobs: bool,
    pub time_max: Duration,
}

/// How far a transaction had come; see [`Tx::mark`].
#[derive(Debug)]
pub struct Mark {
    events: usize,
    jobs: usize,
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx")
            .field("service", &self.service)
            .field("statements", &self.statements)
            .finish_non_exhaustive()
    }
}

impl Tx {
    #[allow(clippy::disallowed_methods, reason = "how long a transaction works is the machine's time, not the shop's")]
    pub(crate) fn new(conn: Conn, setting: &Setting) -> Self {
        Self {
            conn,
            service: setting.service,
            ids: setting.ids.clone(),
            now: setting.clock.now(),
            traceparent: setting.traceparent.clone(),
            heard: None,
            events: Vec::new(),
            jobs: Vec::new(),
            started: Vec::new(),
            runs_jobs: setting.runs_jobs,
            statements: 0,
            broken: None,
            time_max: setting.time_max,
            begun: Instant::now(),
        }
    }

    /// The time of this transaction: the same from its beginning to its end.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// The service whose transaction this is.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// The event whose reaction runs now, and when it was said; `None` outside a reaction.
    pub fn heard(&self) -> Option<(Uuid, Timestamp)> {
        self.heard
    }

    /// Says whose reaction comes next; for the bus.
    pub fn hears(&mut self, event: &Envelope) {
        self.heard = Some((event.id, event.said_at));
    }

    /// Runs a statement; returns how many rows it changed.
    pub async fn exec(&mut self, sql: &'static Sql, params: Vec<Value>) -> Result<u64> {
        self.enter(sql.name, &params)?;
        let result = match &mut self.conn {
            Conn::Sqlite(conn) => conn.exec(sql, &params),
            Conn::Postgres(conn) => conn.exec(sql, &params).await,
        };
        self.leave(result)
    }

    /// All rows of a statement. The statement itself has the limit.
    pub async fn all<T: FromRow>(&mut self, sql: &'static Sql, params: Vec<Value>) -> Result<Vec<T>> {
        self.enter(sql.name, &params)?;
        let result = match &mut self.conn {
            Conn::Sqlite(conn) => conn.query(sql, &params),
            Conn::Postgres(conn) => conn.query(sql, &params).await,
        };
        let rows = self.leave(result)?;
        rows.into_iter().map(|values| T::from_row(&mut Row::new(sql.name, values))).collect()
    }

    /// The first row, if any.
    pub async fn opt<T: FromRow>(&mut self, sql: &'static Sql, params: Vec<Value>) -> Result<Option<T>> {
        Ok(self.all(sql, params).await?.into_iter().next())
    }

    /// The first row; [`Error::NoRow`] if there is none.
    pub async fn one<T: FromRow>(&mut self, sql: &'static Sql, params: Vec<Value>) -> Result<T> {
        self.opt(sql, params).await?.ok_or(Error::NoRow(sql.name))
    }

    /// Says an event: it leaves with this transaction, or not at all.
    pub fn say<E: Event>(&mut self, event: &E) {
        let id = self.ids.uuid();
        self.events.push(NewEvent::new(id, event));
    }

    /// Starts a job of this service, due at once: it begins when this transaction is committed.
    /// One with the same kind and key that is still waiting stays as it is.
    pub fn start<J: Job>(&mut self, job: &J) {
        self.start_at(job, self.now);
    }

    /// Starts a job that is due at a time: a timer.
    pub fn start_at<J: Job>(&mut self, job: &J, due: Timestamp) {
        let id = self.ids.uuid();
        self.jobs.push(NewJob::new(id, job, due));
    }

    /// Ends the job whose work this transaction is: it is done exactly when this is committed.
    ///
    /// [`Error::NoRow`] where the job is gone: another copy finished it, or it was cancelled. Passed
    /// on with `?`, it undoes what was done a second time.
    pub async fn finish(&mut self, job: Uuid) -> Result<()> {
        match self.exec(&job::FINISH, crate::params![job]).await? {
            0 => Err(Error::NoRow(job::FINISH.name)),
            _ => Ok(()),
        }
    }

    /// Begins a part that can be undone alone; end it with [`Tx::keep`] or [`Tx::undo`]. Parts nest.
    pub async fn mark(&mut self) -> Result<Mark> {
        self.control("SAVEPOINT part").await?;
        Ok(Mark { events: self.events.len(), jobs: self.jobs.len() })
    }

    pub async fn keep(&mut self, _: Mark) -> Result<()> {
        self.control("RELEASE SAVEPOINT part").await
    }

    /// Takes back everything since the mark, events and jobs too, also after a statement failed there.
    ///
    /// Fails where the whole transaction is lost: to a deadlock (it is run again), a full disk, a
    /// broken connection. Pass that on with `?`.
    pub async fn undo(&mut self, mark: Mark) -> Result<()> {
        if let Some(Broken::Lost) = self.broken {
            return Err(Error::Contended(1));
        }
        self.events.truncate(mark.events);
        self.jobs.truncate(mark.jobs);
        let before = self.broken.take();
        let result = match self.control("ROLLBACK TO SAVEPOINT part").await {
            Ok(()) => return self.control("RELEASE SAVEPOINT part").await,
            Err(error) => error,
        };
        match before {
            Some(before) => Err(self.broken.insert(before).error("ROLLBACK TO SAVEPOINT part")),
            None => Err(result),
        }
    }

    /// Writes what was said and started, each in one statement; the last thing of a transaction.
    /// Fails where a statement failed and was not undone: there is nothing to commit.
    pub(crate) fn flush(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if !self.events.is_empty() {
                let params = outbox::insert_params(self);
                self.exec(&outbox::INSERT, params).await?;
            }
            if !self.jobs.is_empty() {
                job::insert(self).await?;
            }
            self.check("COMMIT")
        })
    }

    /// Ends a transaction that only reads.
    pub(crate) fn close_view(&self) -> Result<()> {
        if self.events.is_empty() && self.jobs.is_empty() {
            return self.check("the end of a read");
        }
        let reason = "it said an event or started a job: that is for `Db::write`".to_owned();
        Err(Error::Statement { statement: "Db::read", reason })
    }

    /// Runs a script of several statements; for migrations.
    pub(crate) async fn script(&mut self, text: &str) -> Result<()> {
        self.enter("a migration", &[])?;
        let result = match &mut self.conn {
            Conn::Sqlite(conn) => conn.script(text),
            Conn::Postgres(conn) => conn.script(text).await,
        };
        self.leave(result)
    }

    pub(crate) async fn control(&mut self, text: &'static str) -> Result<()> {
        self.check(text)?;
        self.broken = Some(Broken::Underway(text));
        let result = match &mut self.conn {
            Conn::Sqlite(conn) => conn.control(text),
            Conn::Postgres(conn) => conn.control(text).await,
        };
        self.leave(result)
    }

    /// Refuses a statement that can't succeed. Until [`Tx::leave`] the transaction counts as broken:
    /// a statement whose future is dropped half-way may have failed unseen.
    fn enter(&mut self, statement: &'static str, params: &[Value]) -> Result<()> {
        self.check(statement)?;
        value::refuse_unstorable(statement, params)?;
        self.statements += 1;
        self.broken = Some(Broken::Underway(statement));
        Ok(())
    }

    fn leave<T>(&mut self, result: Result<T>) -> Result<T> {
        self.broken = result.as_ref().err().map(Broken::by);
        result
    }

    fn check(&self, statement: &'static str) -> Result<()> {
        if let Some(broken) = &self.broken {
            return Err(broken.error(statement));
        }
        if self.begun.elapsed() > self.time_max {
            return Err(Error::too_slow(self.time_max));
        }
        Ok(())
    }
}
