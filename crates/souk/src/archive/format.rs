//! The file: gzip over lines of JSON. A head that names the tables; for each a line with its name and a line a
//! row; an end with the count of rows and the SHA-256 of every line before it.
//!
//! A cell is null, a number, a text, a boolean, or `{"id": "<uuid>"}`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use store::Value;
use store::snapshot::Table;

const VERSION: u32 = 1;
/// A row is a request's worth of data at most; a longer line is no row of ours.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub souk_backup: u32,
    /// The version of the program that wrote it.
    pub souk: String,
    pub taken_at: jiff::Timestamp,
    /// Applied migrations, by service.
    pub migrations: Vec<(String, String)>,
    pub tables: Vec<HeadTable>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeadTable {
    pub name: String,
    pub columns: Vec<String>,
    pub rows: u64,
}

impl Head {
    pub(super) fn new(taken_at: jiff::Timestamp, migrations: Vec<(String, String)>, tables: &[Table]) -> Self {
        let table =
            |table: &Table| HeadTable { name: table.name.clone(), columns: table.columns.clone(), rows: table.rows };
        let tables = tables.iter().map(table).collect();
        Self { souk_backup: VERSION, souk: env!("CARGO_PKG_VERSION").to_owned(), taken_at, migrations, tables }
    }

    pub(super) fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct TableLine {
    table: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct End {
    end: bool,
    rows: u64,
    sha256: String,
}

pub(super) struct Writer {
    out: GzEncoder<BufWriter<File>>,
    hash: Sha256,
    rows: u64,
}

impl Writer {
    pub(super) fn new(file: File, head: &Head) -> Result<Self, String> {
        let out = GzEncoder::new(BufWriter::new(file), Compression::default());
        let mut writer = Self { out, hash: Sha256::new(), rows: 0 };
        writer.line(&json!(head))?;
        Ok(writer)
    }

    pub(super) fn table(&mut self, name: &str) -> Result<(), String> {
        self.line(&json!(TableLine { table: name.to_owned() }))
    }

    pub(super) fn row(&mut self, row: Vec<Value>) -> Result<(), String> {
        self.rows += 1;
        let cells = row.into_iter().map(cell).collect::<Result<Vec<_>, _>>()?;
        self.line(&Json::Array(cells))
    }

    /// Ends the file; it is on the disk when this returns.
    pub(super) fn end(mut self) -> Result<u64, String> {
        let sha256 = hex(&self.hash.clone().finalize());
        let end = json!(End { end: true, rows: self.rows, sha256 });
        self.line(&end)?;
        let file =
            self.out.finish().and_then(|out| out.into_inner().map_err(std::io::Error::from)).map_err(unwritten)?;
        file.sync_all().map_err(unwritten)?;
        Ok(file.metadata().map_err(unwritten)?.len())
    }

    fn line(&mut self, line: &Json) -> Result<(), String> {
        let mut text = line.to_string();
        text.push('\n');
        self.hash.update(text.as_bytes());
        self.out.write_all(text.as_bytes()).map_err(unwritten)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn unwritten(error: std::io::Error) -> String {
    format!("the backup could not be written: {error}")
}

fn cell(value: Value) -> Result<Json, String> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Int(number) => number.into(),
        Value::Bool(flag) => flag.into(),
        Value::Text(text) | Value::Json(text) => text.into(),
        Value::Id(id) => json!({ "id": id }),
        Value::Bytes(_) => return Err("a column holds bytes; no table of a shop does".to_owned()),
    })
}

/// What a line of the file is.
pub(super) enum Line {
    Table(String),
    Row(Vec<Value>),
    /// Only where count and checksum are right, and nothing follows.
    End,
}

pub(super) struct Reader {
    lines: BufReader<MultiGzDecoder<BufReader<File>>>,
    hash: Sha256,
    rows: u64,
    number: u64,
    pub head: Head,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let lines = BufReader::new(MultiGzDecoder::new(BufReader::new(file)));
        let head = Head {
            souk_backup: 0,
            souk: String::new(),
            taken_at: jiff::Timestamp::MIN,
            migrations: vec![],
            tables: vec![],
        };
        let mut reader = Self { lines, hash: Sha256::new(), rows: 0, number: 0, head };
        let first = reader.text()?;
        reader.hash.update(first.as_bytes());
        reader.head = serde_json::from_str(&first).map_err(|_| format!("{} is no backup of souk", path.display()))?;
        match reader.head.souk_backup {
            VERSION => Ok(reader),
            other => Err(format!("{} is a backup of format {other}; this souk reads {VERSION}", path.display())),
        }
    }

    pub(super) fn next(&mut self) -> Result<Line, String> {
        let text = self.text()?;
        let json: Json = serde_json::from_str(&text).map_err(|_| self.damaged("a line is no JSON"))?;
        let line = match json {
            Json::Array(cells) => {
                self.rows += 1;
                Line::Row(
                    cells
                        .into_iter()
                        .map(|cell| value(cell).ok_or_else(|| self.damaged("a cell is none")))
                        .collect::<Result<_, _>>()?,
                )
            }
            other if other["end"] == true => {
                let end: End = serde_json::from_value(other).map_err(|_| self.damaged("its end is cut"))?;
                if end.rows != self.rows || end.sha256 != hex(&self.hash.clone().finalize()) {
                    return Err(self.damaged("its checksum is wrong"));
                }
                return match self.lines.fill_buf().map(<[u8]>::is_empty) {
                    Ok(true) => Ok(Line::End),
                    Ok(false) => Err(self.damaged("it goes on after its end")),
                    Err(error) => Err(self.damaged(&error.to_string())),
                };
            }
            other => {
                let line: TableLine =
                    serde_json::from_value(other).map_err(|_| self.damaged("a line is none of its kinds"))?;
                Line::Table(line.table)
            }
        };
        self.hash.update(text.as_bytes());
        Ok(line)
    }

    fn text(&mut self) -> Result<String, String> {
        self.number += 1;
        let mut text = String::new();
        let read = self.lines.by_ref().take(LINE_BYTES_MAX).read_line(&mut text);
        match read {
            Ok(0) => Err(self.damaged("it ends too early")),
            Ok(_) => Ok(text),
            Err(error) => Err(self.damaged(&error.to_string())),
        }
    }

    fn damaged(&self, why: &str) -> String {
        format!("the backup is damaged at line {}: {why}", self.number)
    }
}

fn value(cell: Json) -> Option<Value> {
    Some(match cell {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(flag),
        Json::Number(number) => Value::Int(number.as_i64()?),
        Json::String(text) => Value::Text(text),
        Json::Object(id) => Value::Id(id.get("id")?.as_str()?.parse().ok()?),
        Json::Array(_) => return None,
    })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(path: &Path) {
        let table =
            Table { name: "orders_note".to_owned(), columns: vec!["id".to_owned(), "text".to_owned()], rows: 2 };
        let head =
            Head::new(jiff::Timestamp::UNIX_EPOCH, vec![("orders".to_owned(), "0001_orders".to_owned())], &[table]);
        let mut writer = Writer::new(File::create(path).expect("a file"), &head).expect("a writer");
        writer.table("orders_note").expect("a table");
        for text in ["one\ntwo", "\u{1F375} \"quoted\""] {
            writer.row(vec![Value::Id(uuid::Uuid::from_u128(7)), Value::Text(text.to_owned())]).expect("a row");
        }
        writer.end().expect("an end");
    }

    fn rows(path: &Path) -> Result<Vec<Vec<Value>>, String> {
        let (mut reader, mut rows) = (Reader::open(path)?, Vec::new());
        loop {
            match reader.next()? {
                Line::Row(row) => rows.push(row),
                Line::Table(_) => {}
                Line::End => return Ok(rows),
            }
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.backup");
        sample(&path);
        let rows = rows(&path).expect("rows");
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0], [Value::Id(uuid::Uuid::from_u128(7)), Value::Text("one\ntwo".to_owned())]);
    }

    #[test]
    fn a_cut_or_changed_backup_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.backup");
        sample(&path);
        let whole = std::fs::read(&path).expect("bytes");
        for cut in [1, 12, whole.len() / 2] {
            std::fs::write(&path, &whole[..whole.len() - cut]).expect("written");
            assert!(rows(&path).is_err(), "cut by {cut}");
        }
        for more in [&b"more"[..], &whole] {
            std::fs::write(&path, [&whole, more].concat()).expect("written");
            assert!(rows(&path).is_err(), "longer");
        }
        let mut text = String::new();
        MultiGzDecoder::new(&whole[..]).read_to_string(&mut text).expect("text");
        let mut other = GzEncoder::new(File::create(&path).expect("a file"), Compression::fast());
        other.write_all(text.replace("one", "two").as_bytes()).expect("written");
        other.finish().expect("finished");
        assert!(rows(&path).is_err_and(|why| why.contains("checksum")), "changed");
        std::fs::write(&path, "not a backup").expect("written");
        assert!(rows(&path).is_err());
    }
}
