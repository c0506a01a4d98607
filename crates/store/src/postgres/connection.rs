//! One pooled connection, with its statements prepared once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use deadpool_postgres::Object;
use tokio_postgres::error::{DbError, Severity, SqlState};
use tokio_postgres::types::ToSql;

use crate::{BoxFuture, Dialect, Error, Result, Sql, Value};

/// A pooled connection. Its futures are boxed: the code behind them is compiled here, not once more in each service.
/// Dropped in the middle of a transaction, it is closed, not returned: the
/// server then rolls back.
pub(crate) struct Connection {
    object: Option<Object>,
    /// A statement is on its way.
    waits: Arc<AtomicBool>,
    is_clean: bool,
    /// The server said that it ends it; that it is closed may be noticed later.
    is_ended: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let (false, Some(object)) = (self.is_clean, self.object.take()) {
            drop(Object::take(object));
        }
    }
}

impl Connection {
    pub(super) fn new(object: Object) -> Self {
        Self { object: Some(object), waits: Arc::default(), is_clean: false, is_ended: false }
    }

    /// No transaction is open and no statement under way: it may go back to the pool.
    pub(super) fn mark_clean(&mut self) {
        self.is_clean = !self.is_ended;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_ended || self.object.as_ref().is_none_or(|object| object.is_closed())
    }

    fn failed(&mut self, statement: &'static str, error: &tokio_postgres::Error) -> Error {
        let severity = error.as_db_error().and_then(DbError::parsed_severity);
        self.is_ended |= matches!(severity, Some(Severity::Fatal | Severity::Panic));
        map(statement, error)
    }

    pub(super) fn waits(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.waits)
    }

    pub(crate) fn exec<'a>(&'a mut self, sql: &'static Sql, params: &'a [Value]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let _waits = Waits::begin(&self.waits);
            let object = self.object();
            let changed = async {
                let statement = object.prepare_cached(sql.rendered(Dialect::Postgres)).await?;
                object.execute_raw(&statement, params).await
            };
            changed.await.map_err(|error| self.failed(sql.name, &error))
        })
    }

    pub(crate) fn query<'a>(
        &'a mut self,
        sql: &'static Sql,
        params: &'a [Value],
    ) -> BoxFuture<'a, Result<Vec<Vec<Value>>>> {
        Box::pin(async move {
            let _waits = Waits::begin(&self.waits);
            let object = self.object();
            let rows = async {
                let statement = object.prepare_cached(sql.rendered(Dialect::Postgres)).await?;
                let params: Vec<&(dyn ToSql + Sync)> =
                    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
                object.query(&statement, &params).await
            };
            let rows = rows.await.map_err(|error| self.failed(sql.name, &error))?;
            rows.iter().map(|row| cells(sql.name, row)).collect()
        })
    }

    pub(super) async fn prepare(&mut self, sql: &'static Sql) -> Result<()> {
        let prepared = self.object().prepare(sql.rendered(Dialect::Postgres)).await;
        prepared.map(drop).map_err(|error| map(sql.name, &error))
    }

    pub(crate) fn control(&mut self, text: &'static str) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let _waits = Waits::begin(&self.waits);
            self.object().batch_execute(text).await.map_err(|error| self.failed(text, &error))
        })
    }

    pub(crate) fn script<'a>(&'a mut self, text: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let _waits = Waits::begin(&self.waits);
            self.object().batch_execute(text).await.map_err(|error| self.failed("a migration", &error))
        })
    }

    fn object(&self) -> &Object {
        self.object.as_ref().expect("only dropping takes it away")
    }
}

fn cells(statement: &'static str, row: &tokio_postgres::Row) -> Result<Vec<Value>> {
    let cell = |column: usize| {
        row.try_get::<_, Value>(column).map_err(|error| {
            // The cause says what the column is; the error itself only that it could not be read.
            let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Error::Decode { statement, column: column + 1, reason }
        })
    };
    (0..row.len()).map(cell).collect()
}

struct Waits(Arc<AtomicBool>);

impl Waits {
    fn begin(flag: &Arc<AtomicBool>) -> Self {
        flag.store(true, Relaxed);
        Self(Arc::clone(flag))
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

pub(super) fn map(statement: &'static str, error: &tokio_postgres::Error) -> Error {
    let Some(db) = error.as_db_error() else {
        let is_network = std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
        return if error.is_closed() || is_network {
            Error::Unavailable(describe(error))
        } else {
            Error::Statement { statement, reason: describe(error) }
        };
    };
    let code = db.code();
    if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED {
        return Error::Contended(1);
    }
    if *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT {
        return Error::Unavailable(db.message().to_owned());
    }
    match code.code().get(..2).unwrap_or_default() {
        "23" => Error::Constraint { statement, constraint: db.constraint().unwrap_or(db.message()).to_owned() },
        // Insufficient resources, operator intervention, connection and system errors, lock timeout.
        "53" | "57" | "08" | "58" | "55" => Error::Unavailable(db.message().to_owned()),
        _ => Error::Statement { statement, reason: format!("{} ({})", db.message(), code.code()) },
    }
}

/// The error with its causes.
pub(crate) fn describe(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    if text.contains("certificate") {
        text += " (let this machine trust its authority, or say `sslmode=disable` in the url)";
    }
    text
}
