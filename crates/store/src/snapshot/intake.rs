//! Filling a PostgreSQL database chunk by chunk: each is committed together with how far it came, so that what a
//! kill left is gone on with and nothing comes twice.

use std::pin::pin;

use deadpool_postgres::Object;
use futures::SinkExt;
use tokio_postgres::types::private::BytesMut;

use super::postgres::write_row;
use super::{Table, columns, quoted};
use crate::db::Options;
use crate::postgres::{Postgres, describe};
use crate::{Error, Result, Value};

/// Not named as a shop's tables are: a backup does not take it along.
const PROGRESS: &str = "CREATE TABLE IF NOT EXISTS move_progress (
    name TEXT PRIMARY KEY, source TEXT, rows BIGINT NOT NULL, last BIGINT NOT NULL, done BOOLEAN NOT NULL)";
const IS_BEGUN: &str = "SELECT to_regclass('move_progress') IS NOT NULL";
const CAME: &str = "SELECT rows, last, done FROM move_progress WHERE name = $1";
const NOTE: &str = "INSERT INTO move_progress (name, rows, last, done) VALUES ($1, $2, $3, $4)
    ON CONFLICT (name) DO UPDATE SET rows = excluded.rows, last = excluded.last, done = excluded.done";
const BEGIN_FROM: &str = "INSERT INTO move_progress (name, source, rows, last, done) VALUES ('', $1, 0, 0, FALSE)
    ON CONFLICT (name) DO NOTHING";
const SOURCE: &str = "SELECT source, done FROM move_progress WHERE name = ''";
const FINISH: &str = "UPDATE move_progress SET done = TRUE WHERE name = ''";
const REFERS_TO_ITSELF: &str = "SELECT EXISTS (SELECT 1 FROM pg_constraint
    WHERE contype = 'f' AND conrelid = $1::text::regclass AND confrelid = conrelid)";
const LOAD: &str = "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// How far a table came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Came {
    pub rows: u64,
    /// The source's number of the last row.
    pub last: i64,
    pub done: bool,
}

/// A database that is being filled.
pub struct Intake {
    client: Object,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").finish_non_exhaustive()
    }
}

fn failed(error: tokio_postgres::Error) -> Error {
    Error::Unavailable(describe(&error))
}

impl Intake {
    pub async fn open(options: &Options) -> Result<Self> {
        let client = Postgres::open(&Options { connections_max: 1, ..options.clone() }).await?.object().await?;
        Ok(Self { client })
    }

    /// Whether an intake was begun here before.
    pub async fn is_begun(&self) -> Result<bool> {
        Ok(self.client.query_one(IS_BEGUN, &[]).await.map_err(failed)?.get(0))
    }

    /// Begins, or goes on with, an intake from this source. `true`: it is finished. Refused where another was begun.
    pub async fn begin(&self, source: &str) -> Result<bool> {
        self.client.batch_execute(PROGRESS).await.map_err(failed)?;
        self.client.execute(BEGIN_FROM, &[&source]).await.map_err(failed)?;
        let row = self.client.query_one(SOURCE, &[]).await.map_err(failed)?;
        let done: bool = row.get(1);
        if !done && row.get::<_, Option<&str>>(0) != Some(source) {
            let reason = "it was begun from another file, or from this one before it changed: begin again with an empty database";
            return Err(Error::Schema(reason.to_owned()));
        }
        Ok(done)
    }

    pub async fn came(&self, table: &str) -> Result<Came> {
        let row = self.client.query_opt(CAME, &[&table]).await.map_err(failed)?;
        let came = |row: tokio_postgres::Row| Came {
            rows: row.get::<_, i64>(0).unsigned_abs(),
            last: row.get(1),
            done: row.get(2),
        };
        Ok(row.map(came).unwrap_or_default())
    }

    /// A row may refer to one of its own table that comes after it: such a table is taken whole.
    pub async fn refers_to_itself(&self, table: &str) -> Result<bool> {
        Ok(self.client.query_one(REFERS_TO_ITSELF, &[&table]).await.map_err(failed)?.get(0))
    }

    /// Takes rows in, and notes with them how far the table has come by that.
    pub async fn take(&self, table: &Table, rows: &[(i64, Vec<Value>)], came: Came) -> Result<()> {
        self.client.batch_execute(LOAD).await.map_err(failed)?;
        let taken = self.take_in(table, rows, came).await;
        let end = if taken.is_ok() { "COMMIT" } else { "ROLLBACK" };
        self.client.batch_execute(end).await.map_err(failed)?;
        taken
    }

    async fn take_in(&self, table: &Table, rows: &[(i64, Vec<Value>)], came: Came) -> Result<()> {
        let refused = |error: tokio_postgres::Error| Error::Schema(format!("{}: {}", table.name, describe(&error)));
        if !rows.is_empty() {
            let sql = format!("COPY {} ({}) FROM STDIN", quoted(&table.name)?, columns(table)?);
            let mut copy = pin!(self.client.copy_in(&sql).await.map_err(refused)?);
            let mut text = String::new();
            for (_, row) in rows {
                write_row(&mut text, row)?;
            }
            copy.send(BytesMut::from(text.as_bytes()).freeze()).await.map_err(refused)?;
            copy.finish().await.map_err(refused)?;
        }
        let count = i64::try_from(came.rows).unwrap_or(i64::MAX);
        self.client.execute(NOTE, &[&table.name, &count, &came.last, &came.done]).await.map_err(failed).map(drop)
    }

    /// All of it came and was checked.
    pub async fn finish(&self) -> Result<()> {
        self.client.execute(FINISH, &[]).await.map_err(failed).map(drop)
    }
}
