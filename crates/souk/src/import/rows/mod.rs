//! Rows of a file: NDJSON, a JSON array, CSV or TSV, gzip or not, read one by one in constant memory.

mod json;
mod table;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use flate2::bufread::MultiGzDecoder;

use super::ImportError;
use super::fault::Fault;
use super::template::Fields;

pub use table::Table;

/// A longer line or array element is refused, and a longer CSV record ends the import: a quote was left open.
pub const ROW_BYTES_MAX: usize = 1_048_576;
const GZIP: &[u8] = &[0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// An array, or one object a line: its first character says which.
    Json,
    /// The delimiter, where the name says it.
    Table(Option<u8>),
}

/// A file of rows.
#[derive(Debug, Clone)]
pub struct Source {
    path: PathBuf,
    format: Format,
    /// Of a table, where the map says it.
    delimiter: Option<u8>,
    /// As it lies on the disk.
    pub bytes_total: u64,
}

/// One row; `Err` says why it can't be read.
#[derive(Debug)]
pub struct Row {
    /// Where it begins, counted from 1.
    pub line: u64,
    /// How long it is, about.
    pub bytes: usize,
    pub fields: Result<Fields, Fault>,
}

/// What a file turned out to be when it was read through.
#[derive(Debug, Default)]
pub struct Checked {
    /// The names of a table's columns.
    pub columns: Option<Vec<String>>,
}

impl Source {
    /// The name says the format (`.ndjson`, `.jsonl`, `.json`, `.csv`, `.tsv`, with `.gz` or not); the bytes say
    /// whether it is gzip.
    pub fn open(path: &Path, delimiter: Option<u8>) -> Result<Self, ImportError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let format = match name.trim_end_matches(".gz").rsplit('.').next() {
            Some("ndjson" | "jsonl" | "json") => Format::Json,
            Some("csv") => Format::Table(None),
            Some("tsv") => Format::Table(Some(b'\t')),
            _ => {
                let names = "the name ends with none of .ndjson, .jsonl, .json, .csv, .tsv (with .gz or not)";
                return Err(unreadable(path, names));
            }
        };
        let about = std::fs::metadata(path).map_err(|error| unreadable(path, error))?;
        if !about.is_file() {
            return Err(unreadable(path, "is not a file"));
        }
        Ok(Self { path: path.into(), format, delimiter, bytes_total: about.len() })
    }

    pub fn is_table(&self) -> bool {
        matches!(self.format, Format::Table(_))
    }

    /// Reads all of it once, so that a file that breaks off, or has not one good row, changes nothing.
    pub fn check(&self) -> Result<Checked, ImportError> {
        let mut rows = self.rows(Arc::default())?;
        let (mut first_fault, mut has_row) = (None, false);
        for row in rows.by_ref() {
            let row = row?;
            match row.fields {
                Ok(_) => has_row = true,
                Err(fault) => first_fault = first_fault.or(Some((row.line, fault.text))),
            }
            if has_row {
                break;
            }
        }
        if !has_row {
            let reason = match first_fault {
                Some((line, text)) => format!("not one row of it can be read; line {line}: {text}"),
                None => "it has no rows".to_owned(),
            };
            return Err(unreadable(&self.path, reason));
        }
        let columns = rows.columns();
        rows.drain()?;
        Ok(Checked { columns })
    }

    /// Its rows from the beginning; `bytes_read` counts how far into the file they are.
    pub fn rows(&self, bytes_read: Arc<AtomicU64>) -> Result<Rows, ImportError> {
        let failed = |error: io::Error| unreadable(&self.path, error);
        let mut bytes = self.bytes(bytes_read)?;
        let reader = match self.format {
            Format::Json if json::is_array(&mut bytes).map_err(failed)? => {
                Reader::Array(json::Elements::new(bytes).map_err(failed)?)
            }
            Format::Json => Reader::Lines(json::Lines::new(bytes)),
            Format::Table(named) => {
                Reader::Table(Box::new(Table::new(bytes, self.delimiter.or(named)).map_err(failed)?))
            }
        };
        Ok(Rows { path: self.path.clone(), reader })
    }

    fn bytes(&self, count: Arc<AtomicU64>) -> Result<Bytes, ImportError> {
        let failed = |error: io::Error| unreadable(&self.path, error);
        let file = File::open(&self.path).map_err(failed)?;
        let mut raw = BufReader::with_capacity(65_536, Counted { file, count });
        let is_gzip = raw.fill_buf().map_err(failed)?.starts_with(GZIP);
        if !is_gzip && self.path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz")) {
            return Err(unreadable(&self.path, "it is named .gz, but is not gzip"));
        }
        let mut bytes: Bytes =
            if is_gzip { Box::new(BufReader::with_capacity(65_536, MultiGzDecoder::new(raw))) } else { Box::new(raw) };
        let begin = bytes.fill_buf().map_err(failed)?;
        if begin.starts_with(&[0xff, 0xfe]) || begin.starts_with(&[0xfe, 0xff]) {
            return Err(unreadable(&self.path, "it is UTF-16 (its byte order mark says so): save it as UTF-8"));
        }
        if begin.starts_with(BYTE_ORDER_MARK) {
            bytes.consume(BYTE_ORDER_MARK.len());
        }
        Ok(bytes)
    }
}

type Bytes = Box<dyn BufRead + Send>;

/// The rows of a [`Source`]. After an error there are none.
pub struct Rows {
    path: PathBuf,
    reader: Reader,
}

enum Reader {
    Lines(json::Lines),
    Array(json::Elements),
    Table(Box<Table>),
    Ended,
}

impl Rows {
    fn columns(&self) -> Option<Vec<String>> {
        match &self.reader {
            Reader::Table(table) => Some(table.columns().to_vec()),
            _ => None,
        }
    }

    /// Reads what is left without looking at it more than its end demands.
    fn drain(mut self) -> Result<(), ImportError> {
        let drained = match &mut self.reader {
            Reader::Lines(lines) => lines.drain(),
            Reader::Array(elements) => elements.drain(),
            Reader::Table(table) => table.drain(),
            Reader::Ended => Ok(()),
        };
        drained.map_err(|error| unreadable(&self.path, error))
    }
}

impl Iterator for Rows {
    type Item = Result<Row, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match &mut self.reader {
            Reader::Lines(lines) => lines.next_row(),
            Reader::Array(elements) => elements.next_row(),
            Reader::Table(table) => table.next_row(),
            Reader::Ended => return None,
        };
        row.map_err(|error| {
            self.reader = Reader::Ended;
            unreadable(&self.path, error)
        })
        .transpose()
    }
}

pub(super) fn unreadable(path: &Path, reason: impl ToString) -> ImportError {
    ImportError::Unreadable { path: path.into(), reason: reason.to_string() }
}

fn too_long() -> Fault {
    Fault::row("row_too_long", format!("the row has more than {ROW_BYTES_MAX} bytes"))
}

/// A file that counts what was read of it.
struct Counted {
    file: File,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.count.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::io::Write;

    /// Lines with what they hold, or why they hold nothing.
    type Lines = Vec<(u64, Result<Fields, &'static str>)>;

    fn read(name: &str, bytes: &[u8]) -> Result<Lines, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        let source = Source::open(&path, None).map_err(|error| error.to_string())?;
        source.check().map_err(|error| error.to_string())?;
        let rows = source.rows(Arc::default()).map_err(|error| error.to_string())?;
        rows.map(|row| row.map(|row| (row.line, row.fields.map_err(|fault| fault.code))))
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())
    }

    fn lines(name: &str, bytes: &[u8]) -> Vec<(u64, String)> {
        let rows = read(name, bytes).expect("readable");
        let shown = |fields: Result<Fields, &'static str>| {
            fields.map_or_else(str::to_owned, |fields| serde_json::Value::Object(fields).to_string())
        };
        rows.into_iter().map(|(line, fields)| (line, shown(fields))).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(bytes).expect("written");
        gzip.finish().expect("written")
    }

    fn expect(name: &str, bytes: &[u8], expected: &[(u64, &str)]) {
        let expected: Vec<(u64, String)> = expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect();
        assert_eq!(lines(name, bytes), expected, "{name}");
        assert_eq!(lines(&format!("{name}.gz"), &gzip(bytes)), expected, "{name}.gz");
    }

    #[test]
    fn lines_of_json_are_rows() {
        let text = b"\xef\xbb\xbf{\"a\":1}\r\n\n [4]\n{\"a\":\n\xff{}\n{\"a\":\"\xe9\"}\n{\"a\":2}";
        let expected = [
            (1, r#"{"a":1}"#),
            (3, "not_an_object"),
            (4, "not_json"),
            (5, "not_utf8"),
            (6, "not_utf8"),
            (7, r#"{"a":2}"#),
        ];
        expect("a.ndjson", text, &expected);
        expect("a.JSONL", text, &expected);
        expect("a.json", text, &expected);
    }

    #[test]
    fn elements_of_an_array_are_rows() {
        let text =
            b" [ {\"a\":\"}],\\\"\"},\n{\"b\":[1,{\"c\":2}]} , 3, {\"d\" 4},\n{\"e\":\"\xe9\"}\n, {\"f\":5}\n]\n";
        let expected = [
            (1, r#"{"a":"}],\""}"#),
            (2, r#"{"b":[1,{"c":2}]}"#),
            (2, "not_an_object"),
            (2, "not_json"),
            (3, "not_utf8"),
            (4, r#"{"f":5}"#),
        ];
        expect("a.json", text, &expected);
        let one_by_one: Vec<String> = (0..3).map(|n| format!("{{\"n\":{n}}}")).collect();
        let rows = read("a.json", format!("[{}]", one_by_one.join(",\n")).as_bytes()).expect("rows");
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[2].1.as_ref().map(|fields| fields["n"].clone()), Ok(json!(2)));
    }

    #[test]
    fn records_of_a_table_are_rows_of_texts() {
        let text = b"a,b\n1,\"two\nlines\"\n\n3\n\xe9,4\n5,\n";
        let expected = [
            (2, r#"{"a":"1","b":"two\nlines"}"#),
            (5, "wrong_field_count"),
            (6, "not_utf8"),
            (7, r#"{"a":"5","b":""}"#),
        ];
        expect("a.csv", text, &expected);
        expect("a.csv", b"\xef\xbb\xbfa;b\n1;2,5\n", &[(2, r#"{"a":"1","b":"2,5"}"#)]);
        expect("a.tsv", b"a\tb,c\n1\t2\n", &[(2, r#"{"a":"1","b,c":"2"}"#)]);
    }

    #[test]
    fn a_row_that_is_too_long_is_refused_and_the_next_is_read() {
        let long = "x".repeat(2_000_000);
        expect("a.ndjson", format!("{{\"a\":\"{long}\"}}\n{{}}").as_bytes(), &[(1, "row_too_long"), (2, "{}")]);
        expect("a.json", format!("[{{\"a\":\"{long}\"}},\n{{}}]").as_bytes(), &[(1, "row_too_long"), (2, "{}")]);
    }

    #[test]
    fn a_file_that_can_not_be_read_is_refused_as_a_whole() {
        let whole = gzip(&b"{\"a\":1}\n".repeat(20_000));
        let open_quote = format!("a,b\n1,2\n3,\"{}", "x".repeat(3_000_000));
        for (name, bytes, expected) in [
            ("a.ndjson.gz", &whole[..whole.len() - 20], "incomplete deflate stream"),
            ("a.ndjson.gz", b"{}".as_slice(), "not gzip"),
            ("a.ndjson", b"\xff\xfe{\0}\0", "UTF-16"),
            ("a.csv", b"\xfe\xff\0a", "UTF-16"),
            ("a.ndjson", b"title,price\na,1\n", "not one row of it can be read; line 1"),
            ("a.ndjson", b"\n \n", "it has no rows"),
            ("a.ndjson", b"", "it has no rows"),
            ("a.csv", b"a,b\n", "it has no rows"),
            ("a.csv", b"a,a\n1,2\n", "two columns are named `a`"),
            ("a.csv", b"\xe9,a\n1,2\n", "not UTF-8"),
            ("a.csv", open_quote.as_bytes(), "is a quote left open?"),
            ("a.json", b"[{\"a\":1},\n{\"a\":", "ends within its array"),
            ("a.json", b"[{\"a\":1}", "ends within its array"),
            ("a.json", b"[]", "it has no rows"),
            ("a.json", b"[{\"a\":1}] {}", "after its array"),
            ("a.xlsx", b"PK", ".ndjson"),
        ] {
            let error = read(name, bytes).expect_err(name);
            assert!(error.contains(expected), "{name}: {error}");
        }
        let missing = Source::open(Path::new("/nowhere/a.csv"), None).expect_err("no file");
        assert!(missing.to_string().contains("/nowhere/a.csv"), "{missing}");
    }
}
