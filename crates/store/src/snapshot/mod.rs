//! One consistent view of a shop's tables, row by row, and the way back into an empty database: what
//! `souk backup` and `souk restore` stand on.
//!
//! For commands, not for a process that serves: on SQLite it blocks the thread it runs on, and its open view
//! keeps the write-ahead log from being cut meanwhile. Rows read from one database load into the other.

mod intake;
mod postgres;
mod sqlite;

pub use intake::{Came, Intake};

use crate::db::Options;
use crate::{Error, Result, Value};

/// Where applied migrations are written down; they belong to the schema and not to what is in it.
pub const MIGRATIONS: &str = "souk_migration";

/// A table as the view found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub columns: Vec<String>,
    pub rows: u64,
}

/// What takes a row of the view.
pub type Sink<'a> = dyn FnMut(Vec<Value>) -> Result<()> + Send + 'a;
/// What gives the next row to load; `None` after the last.
pub type Source<'a> = dyn FnMut() -> Result<Option<Vec<Value>>> + Send + 'a;

/// A view of the database at one instant, whoever writes meanwhile.
pub struct Snapshot {
    view: View,
    tables: Vec<Table>,
}

enum View {
    Sqlite(sqlite::View),
    Postgres(Box<postgres::View>),
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("tables", &self.tables.len()).finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Of the tables that are named `<prefix>_…`; others in the database are somebody else's.
    pub async fn open(options: &Options, prefixes: &[&str]) -> Result<Self> {
        let mut view = match options.url.split_once(':') {
            Some(("sqlite", path)) => View::Sqlite(sqlite::View::open(path)?),
            _ => View::Postgres(Box::new(postgres::View::open(options).await?)),
        };
        let all = match &mut view {
            View::Sqlite(view) => view.tables()?,
            View::Postgres(view) => view.tables().await?,
        };
        let ours = |table: &Table| table.name.split_once('_').is_some_and(|(prefix, _)| prefixes.contains(&prefix));
        let tables = all.into_iter().filter(ours).collect();
        Ok(Self { view, tables })
    }

    /// In the order they were made: a table comes after those it refers to.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Every row of a table of [`Self::tables`], in its columns' order.
    pub async fn read(&mut self, table: &Table, sink: &mut Sink<'_>) -> Result<()> {
        match &mut self.view {
            View::Sqlite(view) => view.read(table, sink),
            View::Postgres(view) => view.read(table, sink).await,
        }
    }

    /// Rows of a table of an SQLite file by its own numbers for them, after one; of these services, where the table is
    /// the platform's.
    pub fn chunk(
        &mut self,
        table: &Table,
        services: &[&str],
        after: i64,
        limit: i64,
    ) -> Result<Vec<(i64, Vec<Value>)>> {
        match &mut self.view {
            View::Sqlite(view) => view.chunk(table, services, after, limit),
            View::Postgres(_) => Err(Error::Schema("only an SQLite file is read in chunks".to_owned())),
        }
    }

    /// The names of the applied migrations, by service.
    pub async fn migrations(&mut self) -> Result<Vec<(String, String)>> {
        let Some(mut table) = self.tables.iter().find(|table| table.name == MIGRATIONS).cloned() else {
            return Err(Error::Schema("there is no shop in this database".to_owned()));
        };
        table.columns = vec!["service".to_owned(), "name".to_owned()];
        let mut applied = Vec::new();
        self.read(&table, &mut |row| {
            if let [Value::Text(service), Value::Text(name)] = row.as_slice() {
                applied.push((service.clone(), name.clone()));
            }
            Ok(())
        })
        .await?;
        applied.sort();
        Ok(applied)
    }
}

/// One transaction that fills the empty tables of a migrated database: all of them, or none.
pub struct Load(Into);

enum Into {
    Sqlite(sqlite::Load),
    Postgres(Box<postgres::Load>),
}

impl std::fmt::Debug for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Load").finish_non_exhaustive()
    }
}

impl Load {
    pub async fn begin(options: &Options) -> Result<Self> {
        Ok(Self(match options.url.split_once(':') {
            Some(("sqlite", path)) => Into::Sqlite(sqlite::Load::begin(path)?),
            _ => Into::Postgres(Box::new(postgres::Load::begin(options).await?)),
        }))
    }

    /// Fills one table, which has to be empty; returns how many rows it has now, by the database's own count.
    pub async fn fill(&mut self, table: &Table, source: &mut Source<'_>) -> Result<u64> {
        match &mut self.0 {
            Into::Sqlite(load) => load.fill(table, source),
            Into::Postgres(load) => load.fill(table, source).await,
        }
    }

    /// Checks that every reference finds its row, and commits.
    pub async fn commit(self) -> Result<()> {
        match self.0 {
            Into::Sqlite(load) => load.commit(),
            Into::Postgres(load) => load.commit().await,
        }
    }
}

/// Takes an SQLite file's log into the file, so that it may be renamed; waits for its last connections to end.
pub fn close(path: &std::path::Path) -> Result<()> {
    sqlite::close(path)
}

/// Table and column names come from a database's own catalogue or from a backup: quoted, never trusted.
fn quoted(name: &str) -> Result<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !name.is_empty() && name.bytes().all(plain) {
        Ok(format!("\"{name}\""))
    } else {
        Err(Error::Schema(format!("`{name}` is no name of a table or column of a shop")))
    }
}

fn columns(table: &Table) -> Result<String> {
    Ok(table.columns.iter().map(|name| quoted(name)).collect::<Result<Vec<_>>>()?.join(", "))
}

fn refuse_filled(table: &Table, rows: u64) -> Result<()> {
    if rows > 0 {
        let reason = format!("{} has {rows} rows already: restore into an empty database", table.name);
        return Err(Error::Schema(reason));
    }
    Ok(())
}
