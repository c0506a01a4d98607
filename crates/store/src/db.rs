//! [`Db`]: a service's handle on its database.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use crate::tx::{Setting, Tx};
use crate::{
    BoxFuture, Clock, Dialect, Error, FromRow, Ids, Result, Row, Sql, StartedJob, Value, postgres, sqlite, work,
};

/// Jobs between commit and runner; what does not fit waits for its lease.
const STARTED_MAX: usize = 4_096;

/// How a database is opened.
#[derive(Clone)]
pub struct Options {
    /// `sqlite:souk.db` or `postgres://user@host:port/database`. PostgreSQL's certificate is verified
    /// where the server offers TLS; `?sslmode=disable` goes without.
    pub url: String,
    /// Connections: readers on SQLite (at most 8), all on PostgreSQL.
    pub connections_max: usize,
    /// How long a caller waits for one of them.
    pub wait_max: Duration,
    /// How long one transaction may take.
    pub transaction_max: Duration,
}

impl fmt::Debug for Options {
    /// Without the url, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("connections_max", &self.connections_max).finish_non_exhaustive()
    }
}

impl Options {
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections_max: 16,
            wait_max: Duration::from_secs(5),
            transaction_max: Duration::from_secs(10),
        }
    }
}

/// A function over a transaction and its input; may be run again.
pub trait Write<I, T, E>: for<'a> Fn(&'a mut Tx, &'a I) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static {}
impl<I, T, E, F> Write<I, T, E> for F where
    F: for<'a> Fn(&'a mut Tx, &'a I) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static
{
}

/// A service's handle on its database; cheap to clone.
#[derive(Clone)]
pub struct Db {
    pub(crate) shared: Arc<Shared>,
    service: &'static str,
}

pub(crate) struct Shared {
    backend: Backend,
    clock: Clock,
    ids: Ids,
    pub(crate) signals: Signals,
    ledger: work::Ledger,
    transaction_max: Duration,
}

enum Backend {
    Sqlite(sqlite::Sqlite),
    Postgres(Box<postgres::Postgres>),
}

/// What a commit tells the process it happened in.
pub(crate) struct Signals {
    said: Notify,
    runs_jobs: AtomicBool,
    started: mpsc::Sender<StartedJob>,
    taken: Mutex<Option<mpsc::Receiver<StartedJob>>>,
}

impl Signals {
    /// After a commit: wakes the relay and hands jobs that are due now to the runner.
    pub(crate) fn committed(&self, said: bool, started: Vec<StartedJob>) {
        if said {
            self.said.notify_one();
        }
        for job in started {
            // A full queue loses nothing: the row's lease ends and the job is claimed then.
            let _ = self.started.try_send(job);
        }
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("service", &self.service).field("dialect", &self.dialect()).finish_non_exhaustive()
    }
}

impl Db {
    /// Opens the database; makes the file where there is none. The handle belongs to `souk` itself:
    /// a service gets its own by [`Db::of`].
    pub async fn open(options: &Options, clock: Clock, ids: Ids) -> Result<Self> {
        let backend = match options.url.split_once(':') {
            Some(("sqlite", path)) => Backend::Sqlite(sqlite::Sqlite::open(path, options)?),
            Some(("postgres" | "postgresql", _)) => {
                Backend::Postgres(Box::new(postgres::Postgres::open(options).await?))
            }
            _ => {
                let reason = "a database url is `sqlite:souk.db` or `postgres://user@host:5432/database`";
                return Err(Error::Schema(reason.to_owned()));
            }
        };
        let (started, taken) = mpsc::channel(STARTED_MAX);
        let taken = Mutex::new(Some(taken));
        let signals = Signals { said: Notify::new(), runs_jobs: AtomicBool::new(false), started, taken };
        let (ledger, transaction_max) = (work::Ledger::default(), options.transaction_max);
        let shared = Arc::new(Shared { backend, clock, ids, signals, ledger, transaction_max });
        Ok(Self { shared, service: "souk" })
    }

    /// The same database in the hands of a service: what it says, starts and claims carries its name.
    pub fn of(&self, service: &'static str) -> Self {
        Self { shared: Arc::clone(&self.shared), service }
    }

    pub fn service(&self) -> &'static str {
        self.service
    }

    pub fn dialect(&self) -> Dialect {
        match self.shared.backend {
            Backend::Sqlite(_) => Dialect::Sqlite,
            Backend::Postgres(_) => Dialect::Postgres,
        }
    }

    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub fn ids(&self) -> &Ids {
        &self.shared.ids
    }

    /// Two handles on one database?
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    pub fn ledger(&self) -> &work::Ledger {
        &self.shared.ledger
    }

    /// Runs `f` in a transaction of this service and commits it, or leaves nothing behind.
    ///
    /// `f` may run again after a serialization failure or a deadlock (bounded), so it captures
    /// nothing that changes; it awaits nothing but the transaction. What it said and started leaves
    /// with the commit. On SQLite the answer comes after the durable commit of the group that `f`
    /// was part of, for refusals too.
    pub async fn write<I, T, E>(&self, input: I, f: impl Write<I, T, E>) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.write_within(self.shared.transaction_max, input, f).await
    }

    pub(crate) async fn write_within<I, T, E>(
        &self,
        time_max: Duration,
        input: I,
        f: impl Write<I, T, E>,
    ) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let setting = Setting { time_max, ..self.setting() };
        let (result, statements) = match &self.shared.backend {
            Backend::Sqlite(sqlite) => sqlite.write(setting, Arc::clone(&self.shared), input, f).await,
            Backend::Postgres(postgres) => postgres.write(&setting, &self.shared.signals, &input, &f).await,
        };
        self.shared.ledger.count(1, statements);
        result
    }

    /// Durable commits by this handle and its clones; a group on SQLite counts once.
    pub fn commits(&self) -> u64 {
        match &self.shared.backend {
            Backend::Sqlite(sqlite) => sqlite.commits().load(SeqCst),
            Backend::Postgres(postgres) => postgres.commits().load(SeqCst),
        }
    }

    /// Runs `f` on one consistent view of the database; a statement that changes something is refused.
    pub async fn read<I, T, E>(&self, input: I, f: impl Write<I, T, E>) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let setting = self.setting();
        let (result, statements) = match &self.shared.backend {
            Backend::Sqlite(sqlite) => sqlite.read(setting, input, f).await,
            Backend::Postgres(postgres) => postgres.read(&setting, &input, &f).await,
        };
        self.shared.ledger.count(0, statements);
        result
    }

    /// All rows of a reading statement. The statement itself has the limit.
    pub async fn all<T: FromRow>(&self, sql: &'static Sql, params: Vec<Value>) -> Result<Vec<T>> {
        let rows = match &self.shared.backend {
            Backend::Sqlite(sqlite) => sqlite.query(sql, params).await,
            Backend::Postgres(postgres) => postgres.query(sql, &params).await,
        };
        self.shared.ledger.count(0, 1);
        rows?.into_iter().map(|values| T::from_row(&mut Row::new(sql.name, values))).collect()
    }

    /// The first row, if any.
    pub async fn opt<T: FromRow>(&self, sql: &'static Sql, params: Vec<Value>) -> Result<Option<T>> {
        Ok(self.all(sql, params).await?.into_iter().next())
    }

    /// The first row; [`Error::NoRow`] if there is none.
    pub async fn one<T: FromRow>(&self, sql: &'static Sql, params: Vec<Value>) -> Result<T> {
        self.opt(sql, params).await?.ok_or(Error::NoRow(sql.name))
    }

    /// Prepares a statement without running it; for the test that prepares all of them.
    pub async fn prepare(&self, sql: &'static Sql) -> Result<()> {
        match &self.shared.backend {
            Backend::Sqlite(sqlite) => sqlite.prepare(sql).await,
            Backend::Postgres(postgres) => postgres.prepare(sql).await,
        }
    }

    /// How SQLite would run a statement, a line a step; nothing on PostgreSQL, which decides by what it has counted. For
    /// the test that no statement reads a whole table.
    pub async fn plan(&self, sql: &'static Sql) -> Result<Vec<String>> {
        match &self.shared.backend {
            Backend::Sqlite(sqlite) => sqlite.plan(sql).await,
            Backend::Postgres(_) => Ok(Vec::new()),
        }
    }

    /// Whether the database answers; for `/health/ready`.
    pub async fn ping(&self) -> Result<()> {
        static PING: Sql = Sql::new("store::PING", "SELECT 1");
        match &self.shared.backend {
            Backend::Sqlite(sqlite) => sqlite.query(&PING, Vec::new()).await.map(drop),
            Backend::Postgres(postgres) => postgres.query(&PING, &[]).await.map(drop),
        }
    }

    /// Makes this process the only one on the database, until the guard is dropped; `None` when
    /// another holds it. A local bus needs that. On PostgreSQL the lock lives with one connection: a
    /// server that restarts forgets it.
    pub async fn lock_alone(&self) -> Result<Option<AloneGuard>> {
        match &self.shared.backend {
            Backend::Sqlite(sqlite) => Ok(sqlite.lock_alone()?.map(|file| AloneGuard { _held: Box::new(file) })),
            Backend::Postgres(postgres) => Ok(postgres.lock_alone().await?.map(|held| AloneGuard { _held: held })),
        }
    }

    /// Returns when a transaction of this process said an event since the last call.
    pub async fn said(&self) {
        self.shared.signals.said.notified().await;
    }

    /// The jobs that this process's transactions start "now". Who takes them runs them; taken once.
    pub fn take_started(&self) -> Option<mpsc::Receiver<StartedJob>> {
        let receiver = self.shared.signals.taken.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        self.shared.signals.runs_jobs.store(true, SeqCst);
        Some(receiver)
    }

    /// From now on started jobs wait in their table for another process; for shutdown.
    pub fn stop_starting(&self) {
        self.shared.signals.runs_jobs.store(false, SeqCst);
    }

    fn setting(&self) -> Setting {
        Setting {
            service: self.service,
            ids: self.shared.ids.clone(),
            clock: self.shared.clock.clone(),
            traceparent: work::traceparent().map(|trace| trace.to_string()),
            time_max: self.shared.transaction_max,
            runs_jobs: self.shared.signals.runs_jobs.load(SeqCst),
        }
    }
}

/// See [`Db::lock_alone`].
pub struct AloneGuard {
    _held: Box<dyn Send + Sync>,
}

impl fmt::Debug for AloneGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AloneGuard")
    }
}
