//! PostgreSQL: READ COMMITTED transactions on pooled connections, statements prepared once each.

mod connection;
mod value;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

pub(crate) use connection::Connection;
pub(crate) use connection::describe;
use deadpool_postgres::{
    ClientWrapper, Hook, HookError, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use futures::FutureExt;

use crate::db::{Options, Signals, Write};
use crate::sqlite::panic_text;
use crate::tx::{Broken, Conn, Setting, Tx};
use crate::{BoxFuture, Error, Result, Row, Sql, Value, fault};

/// A transaction that lost against another is run again, this often in all.
const TRIES_MAX: u32 = 8;
const PAUSE_MAX_MILLIS: u64 = 200;
/// A new connection in place of one that broke before its commit.
const RECONNECTS_MAX: u32 = 1;
const VERIFIED_AFTER: Duration = Duration::from_secs(1);
/// How long a commit or a rollback may take before its connection is given up.
const END_MAX: Duration = Duration::from_secs(10);

/// A statement has one plan, made once a connection, as on SQLite: one for each set of parameters would cost as much as
/// most statements do, and guess wrong where a parameter is the answer of a sub-select.
const LIMITS: &str = "-c lock_timeout=5000 -c statement_timeout=15000 -c idle_in_transaction_session_timeout=30000 \
     -c plan_cache_mode=force_generic_plan";
const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// In a transaction that failed, COMMIT alone is answered by a quiet ROLLBACK; a SELECT is refused.
const COMMIT: &str = "SELECT; COMMIT";

static DURABILITY: Sql = Sql::new("postgres::DURABILITY", "SELECT current_setting('synchronous_commit')");

pub(crate) struct Postgres {
    pool: Pool,
    config: tokio_postgres::Config,
    transaction_max: Duration,
    commits: AtomicU64,
}

impl Postgres {
    pub(crate) async fn open(options: &Options) -> Result<Self> {
        let mut config: tokio_postgres::Config =
            options.url.parse().map_err(|error| Error::Schema(format!("the database url: {error}")))?;
        let settings = [config.get_options().unwrap_or_default(), LIMITS].join(" ");
        config
            .application_name("souk")
            .connect_timeout(options.wait_max)
            .keepalives_idle(Duration::from_secs(30))
            .tcp_user_timeout(Duration::from_secs(30))
            .options(settings.trim());
        // Whether the server still answers is asked of connections that were left alone: one that was used just now would
        // have said so, and asking costs as much as a statement.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = deadpool_postgres::Manager::from_config(config.clone(), tls()?, recycling);
        let wait = Some(options.wait_max);
        let pool = Pool::builder(manager)
            .max_size(options.connections_max.max(1))
            .timeouts(Timeouts { wait, create: wait, recycle: wait })
            .runtime(Runtime::Tokio1)
            .pre_recycle(Hook::async_fn(|client, metrics| Box::pin(verify(client, metrics.last_used()))))
            .build()
            .map_err(|error| Error::Schema(error.to_string()))?;
        let postgres = Self { pool, config, transaction_max: options.transaction_max, commits: AtomicU64::new(0) };
        postgres.check_welcome().await?;
        postgres.check_durability().await?;
        Ok(postgres)
    }

    /// A server that is there and refuses us will not change its mind while we wait.
    async fn check_welcome(&self) -> Result<()> {
        match self.pool.get().await {
            Err(PoolError::Backend(error)) if is_refusal(&error) => {
                Err(Error::Schema(format!("PostgreSQL refuses this user, password or database: {}", describe(&error))))
            }
            _ => Ok(()),
        }
    }

    /// What is acknowledged is durable; a server set up otherwise is refused at the start.
    async fn check_durability(&self) -> Result<()> {
        let rows = self.query(&DURABILITY, &[]).await?;
        let setting: String =
            rows.into_iter().next().map(|row| Row::new(DURABILITY.name, row).take()).transpose()?.unwrap_or_default();
        if setting == "off" {
            let reason =
                "PostgreSQL has synchronous_commit = off: what Souk acknowledged would not be durable; set it to on";
            return Err(Error::Schema(reason.to_owned()));
        }
        Ok(())
    }

    /// Commits that were answered.
    pub(crate) fn commits(&self) -> &AtomicU64 {
        &self.commits
    }

    pub(crate) async fn write<I: Sync, T, E: From<Error>>(
        &self,
        setting: &Setting,
        signals: &Signals,
        input: &I,
        f: &impl Write<I, T, E>,
    ) -> (Result<T, E>, u64) {
        let (mut statements, mut reconnects) = (0, 0);
        for attempt in 1..=TRIES_MAX {
            let mut tx = match self.connect().await {
                Ok(conn) => Tx::new(Conn::Postgres(conn), setting),
                Err(error) => return (Err(error.into()), statements),
            };
            let result = self.run(&mut tx, BEGIN_WRITE, input, f).await;
            statements += tx.statements;
            if result.is_ok() {
                signals.committed(!tx.events.is_empty(), std::mem::take(&mut tx.started));
                return (result, statements);
            }
            let is_lost = matches!(tx.broken, Some(Broken::Lost));
            let is_cut = matches!(tx.broken, Some(Broken::Unavailable(_))) && connection(&mut tx).is_closed();
            let runs_again = is_lost || (is_cut && reconnects < RECONNECTS_MAX);
            if !runs_again {
                return (result, statements);
            }
            reconnects += u32::from(is_cut);
            drop(tx);
            if is_cut {
                self.let_go_of_idle();
            }
            tokio::time::sleep(pause(attempt)).await;
        }
        (Err(Error::Contended(TRIES_MAX).into()), statements)
    }

    pub(crate) async fn read<I: Sync, T, E: From<Error>>(
        &self,
        setting: &Setting,
        input: &I,
        f: &impl Write<I, T, E>,
    ) -> (Result<T, E>, u64) {
        match self.connect().await {
            Ok(conn) => {
                let mut tx = Tx::new(Conn::Postgres(conn), setting);
                let result = self.run(&mut tx, BEGIN_READ, input, f).await;
                (result, tx.statements)
            }
            Err(error) => (Err(error.into()), 0),
        }
    }

    pub(crate) fn query<'a>(
        &'a self,
        sql: &'static Sql,
        params: &'a [Value],
    ) -> BoxFuture<'a, Result<Vec<Vec<Value>>>> {
        Box::pin(async move {
            crate::value::refuse_unstorable(sql.name, params)?;
            let mut reconnects = 0;
            loop {
                let mut conn = self.connect().await?;
                let answered = tokio::time::timeout(self.transaction_max, conn.query(sql, params)).await;
                let Ok(rows) = answered else {
                    return Err(Error::too_slow(self.transaction_max));
                };
                conn.mark_clean();
                match rows {
                    Err(Error::Unavailable(_)) if conn.is_closed() && reconnects < RECONNECTS_MAX => {
                        reconnects += 1;
                        self.let_go_of_idle();
                    }
                    rows => return rows,
                }
            }
        })
    }

    pub(crate) async fn prepare(&self, sql: &'static Sql) -> Result<()> {
        let mut conn = self.connect().await?;
        let prepared = conn.prepare(sql).await;
        conn.mark_clean();
        prepared
    }

    /// A session lock on a connection of its own.
    pub(crate) async fn lock_alone(&self) -> Result<Option<Box<dyn Send + Sync>>> {
        let unavailable = |error: tokio_postgres::Error| Error::Unavailable(describe(&error));
        let (client, connection) = self.config.connect(tls()?).await.map_err(unavailable)?;
        #[allow(
            clippy::disallowed_methods,
            reason = "drives the lock's connection; ends when the guard drops its client"
        )]
        tokio::spawn(connection);
        let row = client.query_one("SELECT pg_try_advisory_lock(7354002)", &[]).await.map_err(unavailable)?;
        Ok(row.get::<_, bool>(0).then(|| Box::new(client) as Box<dyn Send + Sync>))
    }

    fn connect(&self) -> BoxFuture<'_, Result<Connection>> {
        Box::pin(async move {
            match self.pool.get().await {
                Ok(object) => Ok(Connection::new(object)),
                Err(PoolError::Timeout(_)) => Err(Error::Busy("every connection to PostgreSQL is taken")),
                Err(PoolError::Backend(error)) => Err(Error::Unavailable(describe(&error))),
                Err(error) => Err(Error::Unavailable(error.to_string())),
            }
        })
    }

    /// A connection that the server ended is seldom the only one.
    fn let_go_of_idle(&self) {
        self.pool.retain(|_, _| false);
    }

    /// A connection for what is no transaction of a service.
    pub(crate) async fn object(&self) -> Result<deadpool_postgres::Object> {
        self.pool.get().await.map_err(|error| Error::Unavailable(error.to_string()))
    }

    /// One try: begin, run, commit or roll back. A connection that is not known to be clean is closed.
    async fn run<I: Sync, T, E: From<Error>>(
        &self,
        tx: &mut Tx,
        begin: &'static str,
        input: &I,
        f: &impl Write<I, T, E>,
    ) -> Result<T, E> {
        let time_max = tx.time_max;
        let Ok(result) = tokio::time::timeout(time_max, work(tx, begin, input, f)).await else {
            return Err(Error::too_slow(time_max).into());
        };
        match result {
            Ok(value) if begin == BEGIN_WRITE => self.commit(tx).await.map(|()| value).map_err(E::from),
            result => {
                let conn = connection(tx);
                if let Ok(Ok(())) = tokio::time::timeout(END_MAX, conn.control("ROLLBACK")).await {
                    conn.mark_clean();
                }
                result
            }
        }
    }

    fn commit<'a>(&'a self, tx: &'a mut Tx) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            fault::point("store.before_commit");
            // From here on a broken connection leaves in doubt what happened: it is not run again.
            tx.broken = Some(Broken::Underway(COMMIT));
            let committed = tokio::time::timeout(END_MAX, connection(tx).control(COMMIT)).await;
            let committed =
                committed.unwrap_or_else(|_| Err(Error::Unavailable("a commit was not answered".to_owned())));
            match &committed {
                Ok(()) => {
                    fault::point("store.after_commit");
                    self.commits.fetch_add(1, Relaxed);
                    tx.broken = None;
                    connection(tx).mark_clean();
                }
                Err(Error::Contended(_)) => tx.broken = Some(Broken::Lost),
                Err(_) => {}
            }
            committed
        })
    }
}

/// Asks a connection that was not used for a while whether its server is there.
async fn verify(client: &mut ClientWrapper, unused_for: Duration) -> Result<(), HookError> {
    if unused_for < VERIFIED_AFTER {
        return Ok(());
    }
    client.simple_query("").await.map(drop).map_err(HookError::Backend)
}

/// From the beginning to what is said and started: all but the end.
async fn work<I: Sync, T, E: From<Error>>(
    tx: &mut Tx,
    begin: &'static str,
    input: &I,
    f: &impl Write<I, T, E>,
) -> Result<T, E> {
    tx.control(begin).await?;
    let waits = connection(tx).waits();
    let result = AssertUnwindSafe(async { only_database(f(tx, input), waits).await }).catch_unwind().await;
    let value = result.unwrap_or_else(|panic| Err(Error::Panicked(panic_text(panic.as_ref())).into()))?;
    if begin == BEGIN_WRITE {
        tx.flush().await?;
    } else {
        tx.close_view()?;
    }
    Ok(value)
}

fn connection(tx: &mut Tx) -> &mut Connection {
    match &mut tx.conn {
        Conn::Postgres(conn) => conn,
        Conn::Sqlite(_) => unreachable!("this transaction was made on PostgreSQL"),
    }
}

/// Ends a future that is pending while its connection waits for nothing.
async fn only_database<T, E: From<Error>>(
    mut future: BoxFuture<'_, Result<T, E>>,
    waits: Arc<AtomicBool>,
) -> Result<T, E> {
    std::future::poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Pending if !waits.load(Relaxed) => Poll::Ready(Err(Error::Waited.into())),
        other => other,
    })
    .await
}

/// Invalid authorization, or no such database.
fn is_refusal(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| code.code().starts_with("28") || code.code() == "3D000")
}

/// Twice as long each time, and by a random part less: two that collided part.
fn pause(attempt: u32) -> Duration {
    let longest = (1_u64 << attempt.min(16)).min(PAUSE_MAX_MILLIS) * 1_000;
    let random = RandomState::new().build_hasher().finish();
    Duration::from_micros(longest / 2 + random % longest)
}

/// TLS with the machine's certificates, used where the url says `sslmode=require` or the server offers it.
fn tls() -> Result<tokio_postgres_rustls::MakeRustlsConnect> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Schema(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(tokio_postgres_rustls::MakeRustlsConnect::new(config))
}
