//! The view of an SQLite file: a read transaction on its write-ahead log.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::{Sink, Source, Table, columns, quoted, refuse_filled};
use crate::{Error, Result, Value};

const BUSY_MILLISECONDS_MAX: u64 = 10_000;
const TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid -- bounded: a row a table";
const COLUMNS: &str = "SELECT name FROM pragma_table_info(?1) ORDER BY cid -- bounded: a row a column";

/// The platform's tables hold rows of every service.
const PLATFORM: &str = "souk_";
const WHOSE: &str = "service IN (SELECT value FROM json_each(?3))";

pub(super) struct View {
    conn: Connection,
}

fn failed(error: rusqlite::Error) -> Error {
    Error::Unavailable(format!("SQLite: {error}"))
}

fn open(path: &str, flags: OpenFlags) -> Result<Connection> {
    let path = path.trim_start_matches("//");
    let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| Error::Unavailable(format!("{path}: {error}")))?;
    conn.busy_timeout(std::time::Duration::from_millis(BUSY_MILLISECONDS_MAX)).map_err(failed)?;
    Ok(conn)
}

impl View {
    pub(super) fn open(path: &str) -> Result<Self> {
        // Never makes the file; opened to write because a reader shares the log's index with the writers.
        let conn = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        conn.execute_batch("PRAGMA query_only = ON; PRAGMA mmap_size = 1073741824; BEGIN").map_err(failed)?;
        // The first read fixes the view.
        conn.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(())).map_err(failed)?;
        Ok(Self { conn })
    }

    pub(super) fn tables(&mut self) -> Result<Vec<Table>> {
        names(&self.conn, TABLES, [])?
            .into_iter()
            .filter(|name| !name.starts_with("sqlite_"))
            .map(|name| {
                let columns = names(&self.conn, COLUMNS, [&name])?;
                Ok(Table { rows: count(&self.conn, &name)?, name, columns })
            })
            .collect()
    }

    pub(super) fn read(&mut self, table: &Table, sink: &mut Sink<'_>) -> Result<()> {
        let sql = format!("SELECT {} FROM {}", columns(table)?, quoted(&table.name)?);
        let mut statement = self.conn.prepare(&sql).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let value = |column| value(row.get_ref(column).map_err(failed)?);
            sink((0..table.columns.len()).map(value).collect::<Result<_>>()?)?;
        }
        Ok(())
    }

    pub(super) fn chunk(
        &mut self,
        table: &Table,
        services: &[&str],
        after: i64,
        limit: i64,
    ) -> Result<Vec<(i64, Vec<Value>)>> {
        let whose = if table.name.starts_with(PLATFORM) { WHOSE } else { "?3 = ?3" };
        let (columns, name) = (columns(table)?, quoted(&table.name)?);
        let sql = format!("SELECT rowid, {columns} FROM {name} WHERE rowid > ?1 AND {whose} ORDER BY rowid LIMIT ?2");
        let services = format!("[\"{}\"]", services.join("\",\""));
        let mut statement = self.conn.prepare_cached(&sql).map_err(failed)?;
        let mut rows = statement.query(rusqlite::params![after, limit, services]).map_err(failed)?;
        let mut chunk = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let value = |column| value(row.get_ref(column).map_err(failed)?);
            let values = (1..=table.columns.len()).map(value).collect::<Result<_>>()?;
            chunk.push((row.get(0).map_err(failed)?, values));
        }
        Ok(chunk)
    }
}

fn value(value: ValueRef<'_>) -> Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => {
            Value::Text(String::from_utf8(text.to_vec()).map_err(|_| Error::Schema("a text is not UTF-8".to_owned()))?)
        }
        ValueRef::Blob(bytes) => uuid::Uuid::from_slice(bytes).map_or_else(|_| Value::Bytes(bytes.to_vec()), Value::Id),
        ValueRef::Real(_) => return Err(Error::Schema("a column holds a float; no table of a shop does".to_owned())),
    })
}

fn names<P: rusqlite::Params>(conn: &Connection, sql: &str, params: P) -> Result<Vec<String>> {
    let mut statement = conn.prepare(sql).map_err(failed)?;
    let names = statement.query_map(params, |row| row.get(0)).map_err(failed)?;
    names.collect::<rusqlite::Result<_>>().map_err(failed)
}

fn count(conn: &Connection, table: &str) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM {}", quoted(table)?);
    let rows: i64 = conn.query_row(&sql, [], |row| row.get(0)).map_err(failed)?;
    Ok(rows.unsigned_abs())
}

const CLOSE_TRIES_MAX: u32 = 200;
const CLOSE_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// Leaving the write-ahead mode needs the file for itself: tried until others have closed it, ten seconds at most.
pub(super) fn close(path: &std::path::Path) -> Result<()> {
    let conn = open(&path.display().to_string(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    for _ in 0..CLOSE_TRIES_MAX {
        let mode = conn.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "delete" => return Ok(()),
            Err(error) if error.sqlite_error_code() != Some(rusqlite::ErrorCode::DatabaseBusy) => {
                return Err(failed(error));
            }
            _ => std::thread::sleep(CLOSE_PAUSE),
        }
    }
    Err(Error::Unavailable(format!("{} is still in use", path.display())))
}

pub(super) struct Load {
    conn: Connection,
}

impl Load {
    pub(super) fn begin(path: &str) -> Result<Self> {
        let conn = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // A row may come before the one it refers to: checked as a whole before the commit.
        conn.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = FULL; BEGIN IMMEDIATE").map_err(failed)?;
        Ok(Self { conn })
    }

    pub(super) fn fill(&mut self, table: &Table, source: &mut Source<'_>) -> Result<u64> {
        refuse_filled(table, count(&self.conn, &table.name)?)?;
        let places = (1..=table.columns.len()).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
        let sql = format!("INSERT INTO {} ({}) VALUES ({places})", quoted(&table.name)?, columns(table)?);
        let refused = |error: rusqlite::Error| Error::Schema(format!("{}: {error}", table.name));
        let mut insert = self.conn.prepare(&sql).map_err(refused)?;
        while let Some(row) = source()? {
            insert.execute(params_from_iter(&row)).map_err(refused)?;
        }
        count(&self.conn, &table.name)
    }

    pub(super) fn commit(self) -> Result<()> {
        let dangling = names(&self.conn, "SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1", [])?;
        if let Some(table) = dangling.first() {
            return Err(Error::Schema(format!("a row of {table} refers to one that is not in the backup")));
        }
        self.conn.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").map_err(failed)?;
        let says: String = self.conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if says != "ok" {
            return Err(Error::Schema(format!("SQLite finds the restored file damaged: {says}")));
        }
        Ok(())
    }
}
