//! One SQLite connection, with its statements prepared once.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, OpenFlags, params_from_iter};

use crate::{Dialect, Error, Result, Sql, Value};

/// Another process may hold the write lock: an import, a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// A value of another type than its STRICT column: our mistake, and no rule of the schema.
const SQLITE_CONSTRAINT_DATATYPE: i32 = 3091;
const OPEN_TRIES_MAX: u32 = 100;
const OPEN_PAUSE: Duration = Duration::from_millis(20);
const STATEMENTS_MAX: usize = 512;

const BOTH: &str = "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;";
const WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16384;";
// Not mapped: a reader lets go of its map, and of every page that it had touched there, whenever something was written.
const READER: &str = "PRAGMA query_only = ON; PRAGMA cache_size = -8192;";

pub(crate) struct Connection {
    conn: rusqlite::Connection,
    is_reader: bool,
}

/// Makes the file where there is none, for its owner alone: people's addresses lie in it. SQLite gives its log the
/// same rights.
fn make(path: &Path) -> std::io::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map(drop).or_else(|error| if error.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
}

impl Connection {
    pub(crate) fn open_writer(path: &Path) -> Result<Self> {
        make(path).map_err(|error| Error::Unavailable(format!("{}: {error}", path.display())))?;
        let writer = Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX, WRITER)?;
        let mode = writer.conn.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0));
        match mode.as_deref() {
            Ok("wal") => Ok(writer),
            Ok(mode) => Err(Error::Schema(format!(
                "{}: SQLite can't keep a write-ahead log here (journal mode {mode}): use a local file system",
                path.display()
            ))),
            Err(error) => Err(Error::Unavailable(error.to_string())),
        }
    }

    pub(crate) fn open_reader(path: &Path) -> Result<Self> {
        Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX, READER)
    }

    fn open(path: &Path, flags: OpenFlags, pragmas: &str) -> Result<Self> {
        let unavailable = |error: rusqlite::Error| Error::Unavailable(format!("{}: {error}", path.display()));
        let conn = rusqlite::Connection::open_with_flags(path, flags).map_err(unavailable)?;
        conn.busy_timeout(BUSY_TIMEOUT).map_err(unavailable)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        // One plan for a statement, whatever its parameters are: else it is parsed again where they change.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(unavailable)?;
        conn.execute_batch(BOTH).map_err(unavailable)?;
        let mut tries = 0;
        // Two processes that turn a new file's log on collide without waiting for each other.
        while let Err(error) = conn.execute_batch(pragmas) {
            tries += 1;
            if tries > OPEN_TRIES_MAX || error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) {
                return Err(unavailable(error));
            }
            std::thread::sleep(OPEN_PAUSE);
        }
        Ok(Self { conn, is_reader: pragmas == READER })
    }

    pub(crate) fn exec(&mut self, sql: &'static Sql, params: &[Value]) -> Result<u64> {
        let map = |error: rusqlite::Error| self.map(sql.name, &error);
        let _timed = Timed::begin(sql);
        let mut statement = self.conn.prepare_cached(sql.rendered(Dialect::Sqlite)).map_err(map)?;
        let changed = statement.execute(params_from_iter(params)).map_err(map)?;
        Ok(changed as u64)
    }

    pub(crate) fn query(&mut self, sql: &'static Sql, params: &[Value]) -> Result<Vec<Vec<Value>>> {
        let map = |error: rusqlite::Error| self.map(sql.name, &error);
        let _timed = Timed::begin(sql);
        let mut statement = self.conn.prepare_cached(sql.rendered(Dialect::Sqlite)).map_err(map)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(params)).map_err(map)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(map)? {
            let mut values = Vec::with_capacity(columns);
            for column in 0..columns {
                values.push(match row.get_ref(column).map_err(map)? {
                    ValueRef::Null => Value::Null,
                    ValueRef::Integer(number) => Value::Int(number),
                    ValueRef::Text(text) => Value::Text(text_of(text)),
                    ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
                    ValueRef::Real(_) => {
                        let reason = "a float: no column of ours holds one".to_owned();
                        return Err(Error::Decode { statement: sql.name, column: column + 1, reason });
                    }
                });
            }
            all.push(values);
        }
        Ok(all)
    }

    pub(crate) fn prepare(&mut self, sql: &'static Sql) -> Result<()> {
        self.conn.prepare(sql.rendered(Dialect::Sqlite)).map(drop).map_err(|error| self.map(sql.name, &error))
    }

    /// How it would be run, a line a step.
    pub(crate) fn plan(&mut self, sql: &'static Sql) -> Result<Vec<String>> {
        let map = |error: rusqlite::Error| self.map(sql.name, &error);
        let text = format!("EXPLAIN QUERY PLAN {}", sql.rendered(Dialect::Sqlite));
        let mut statement = self.conn.prepare(&text).map_err(map)?;
        let mut steps = statement.raw_query();
        let mut plan = Vec::new();
        while let Some(step) = steps.next().map_err(map)? {
            plan.push(step.get(3).map_err(map)?);
        }
        Ok(plan)
    }

    pub(crate) fn control(&mut self, text: &'static str) -> Result<()> {
        let map = |error: rusqlite::Error| self.map(text, &error);
        self.conn.prepare_cached(text).map_err(map)?.execute([]).map(drop).map_err(map)
    }

    pub(crate) fn script(&mut self, text: &str) -> Result<()> {
        self.conn.execute_batch(text).map_err(|error| self.map("a migration", &error))
    }

    /// No transaction is open. Inside one it means that SQLite itself dropped it (disk full, I/O error).
    pub(crate) fn has_no_transaction(&self) -> bool {
        self.conn.is_autocommit()
    }

    fn map(&self, statement: &'static str, error: &rusqlite::Error) -> Error {
        let reason = error.to_string();
        match error.sqlite_error() {
            Some(code) if code.extended_code == SQLITE_CONSTRAINT_DATATYPE => Error::Statement { statement, reason },
            Some(code) => match code.code {
                ErrorCode::ConstraintViolation => Error::Constraint { statement, constraint: reason },
                // A reader that is asked to write: the statement is wrong, not the disk.
                ErrorCode::ReadOnly if self.is_reader => Error::Statement { statement, reason },
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::ReadOnly
                | ErrorCode::OutOfMemory => Error::Unavailable(reason),
                _ => Error::Statement { statement, reason },
            },
            None => Error::Statement { statement, reason },
        }
    }
}

/// SQLite does not check what it is given as text. All of ours is UTF-8.
fn text_of(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes).into_owned(), str::to_owned)
}

/// Says how long a statement took, where somebody asks by `log.filter = "store=trace"`.
struct Timed(Option<(&'static str, Instant)>);

impl Timed {
    #[allow(clippy::disallowed_methods, reason = "how long a statement works is the machine's time, not the shop's")]
    fn begin(sql: &'static Sql) -> Self {
        Self(tracing::enabled!(tracing::Level::TRACE).then(|| (sql.name, Instant::now())))
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        if let Some((statement, begun)) = self.0 {
            tracing::trace!(statement, microseconds = begun.elapsed().as_micros() as u64, "ran");
        }
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Bool(flag) => ValueRef::Integer(i64::from(*flag)),
            Self::Text(text) | Self::Json(text) => ValueRef::Text(text.as_bytes()),
            Self::Id(uuid) => ValueRef::Blob(uuid.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_and_its_log_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("souk.db");
        let writer = Connection::open_writer(&path).expect("a database");
        writer.conn.execute_batch("CREATE TABLE a (b TEXT) STRICT").expect("a table");
        for name in ["souk.db", "souk.db-wal", "souk.db-shm"] {
            let rights = std::fs::metadata(folder.path().join(name)).expect("a file").permissions().mode() & 0o777;
            assert_eq!(rights, 0o600, "{name}");
        }
    }
}
