//! The view of a PostgreSQL database: one REPEATABLE READ transaction; loading by COPY.

use std::fmt::Write as _;
use std::pin::pin;

use deadpool_postgres::Object;
use futures::{SinkExt, TryStreamExt};
use tokio_postgres::types::private::BytesMut;

use super::{Sink, Source, Table, columns, quoted, refuse_filled};
use crate::db::Options;
use crate::postgres::{Postgres, describe};
use crate::{Error, Result, Value};

const COPIED_BYTES: usize = 64 * 1024;
/// As long as it takes; the view must not change meanwhile.
const VIEW: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; \
                    SET LOCAL idle_in_transaction_session_timeout = 0";
const LOAD: &str = "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";
const TABLES: &str = "SELECT c.relname::text FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace ORDER BY c.oid -- bounded: a row a table";
const COLUMNS: &str = "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum -- bounded: a row a column";

pub(super) struct View {
    client: Object,
}

fn failed(error: tokio_postgres::Error) -> Error {
    Error::Unavailable(describe(&error))
}

async fn open(options: &Options, begin: &str) -> Result<Object> {
    let client = Postgres::open(&Options { connections_max: 1, ..options.clone() }).await?.object().await?;
    client.batch_execute(begin).await.map_err(failed)?;
    Ok(client)
}

impl View {
    pub(super) async fn open(options: &Options) -> Result<Self> {
        Ok(Self { client: open(options, VIEW).await? })
    }

    pub(super) async fn tables(&mut self) -> Result<Vec<Table>> {
        let mut tables = Vec::new();
        for row in self.client.query(TABLES, &[]).await.map_err(failed)? {
            let name: String = row.get(0);
            // Somebody else's table may have any name; it is not ours.
            if quoted(&name).is_err() {
                continue;
            }
            let columns = self.client.query(COLUMNS, &[&name]).await.map_err(failed)?;
            let columns = columns.iter().map(|row| row.get(0)).collect();
            tables.push(Table { rows: count(&self.client, &name).await?, name, columns });
        }
        Ok(tables)
    }

    pub(super) async fn read(&mut self, table: &Table, sink: &mut Sink<'_>) -> Result<()> {
        let sql = format!("SELECT {} FROM {}", columns(table)?, quoted(&table.name)?);
        let none: [&(dyn tokio_postgres::types::ToSql + Sync); 0] = [];
        let mut rows = pin!(self.client.query_raw(&sql, none).await.map_err(failed)?);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let value = |column| row.try_get::<_, Value>(column).map_err(failed);
            sink((0..table.columns.len()).map(value).collect::<Result<_>>()?)?;
        }
        Ok(())
    }
}

async fn count(client: &Object, table: &str) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM {}", quoted(table)?);
    let rows: i64 = client.query_one(&sql, &[]).await.map_err(failed)?.get(0);
    Ok(rows.unsigned_abs())
}

pub(super) struct Load {
    client: Object,
}

impl Load {
    pub(super) async fn begin(options: &Options) -> Result<Self> {
        Ok(Self { client: open(options, LOAD).await? })
    }

    pub(super) async fn fill(&mut self, table: &Table, source: &mut Source<'_>) -> Result<u64> {
        refuse_filled(table, count(&self.client, &table.name).await?)?;
        let refused = |error: tokio_postgres::Error| Error::Schema(format!("{}: {}", table.name, describe(&error)));
        let sql = format!("COPY {} ({}) FROM STDIN", quoted(&table.name)?, columns(table)?);
        let mut copy = pin!(self.client.copy_in(&sql).await.map_err(refused)?);
        let mut text = String::new();
        while let Some(row) = source()? {
            write_row(&mut text, &row)?;
            if text.len() >= COPIED_BYTES {
                copy.send(BytesMut::from(text.as_bytes()).freeze()).await.map_err(refused)?;
                text.clear();
            }
        }
        copy.send(BytesMut::from(text.as_bytes()).freeze()).await.map_err(refused)?;
        copy.finish().await.map_err(refused)?;
        count(&self.client, &table.name).await
    }

    pub(super) async fn commit(self) -> Result<()> {
        self.client.batch_execute("COMMIT").await.map_err(failed)
    }
}

/// A row in COPY's text format.
pub(super) fn write_row(text: &mut String, row: &[Value]) -> Result<()> {
    for (place, value) in row.iter().enumerate() {
        if place > 0 {
            text.push('\t');
        }
        match value {
            Value::Null => text.push_str("\\N"),
            Value::Int(number) => write!(text, "{number}").expect("a String takes all"),
            Value::Bool(flag) => text.push(if *flag { 't' } else { 'f' }),
            Value::Id(uuid) => write!(text, "{uuid}").expect("a String takes all"),
            Value::Text(letters) | Value::Json(letters) => escape(text, letters),
            Value::Bytes(_) => return Err(Error::Schema("no table of a shop holds bytes".to_owned())),
        }
    }
    text.push('\n');
    Ok(())
}

fn escape(text: &mut String, letters: &str) {
    for letter in letters.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_escaped_as_copy_reads_it() {
        let mut text = String::new();
        let row = [Value::Text("a\tb\\N\n".to_owned()), Value::Null, Value::Bool(true), Value::Int(-7)];
        write_row(&mut text, &row).expect("a row");
        assert_eq!(text, "a\\tb\\\\N\\n\t\\N\tt\t-7\n");
    }
}
