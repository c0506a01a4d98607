//! Rows of a file: NDJSON or CSV, gzip or not, read line by line in constant memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use flate2::bufread::MultiGzDecoder;
use serde_json::Value;

use super::ImportError;
use super::map::ImportMap;
use super::template::Fields;

/// A longer line is refused, and a longer CSV record ends the import: a quote was left open.
const ROW_BYTES_MAX: u64 = 1_048_576;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Ndjson,
    Csv,
}

/// A file of rows.
#[derive(Debug, Clone)]
pub struct Source {
    path: PathBuf,
    format: Format,
    /// As it lies on the disk.
    pub bytes_total: u64,
}

/// One row; `Err` says why it can't be read.
#[derive(Debug)]
pub struct Row {
    /// Counted from 1; a CSV record's first.
    pub line: u64,
    pub fields: Result<Fields, String>,
}

impl Source {
    /// The name says the format (`.ndjson`, `.jsonl`, `.csv`, with `.gz` or not); the bytes say whether it is gzip.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let format = match name.trim_end_matches(".gz").rsplit('.').next() {
            Some("ndjson" | "jsonl") => Format::Ndjson,
            Some("csv") => Format::Csv,
            _ => return Err(unreadable(path, "the name ends with neither .ndjson, .jsonl nor .csv (with .gz or not)")),
        };
        let bytes_total = std::fs::metadata(path).map_err(|error| unreadable(path, error))?.len();
        Ok(Self { path: path.into(), format, bytes_total })
    }

    /// Reads all of it once, so that a file that breaks off changes nothing; and a CSV has the map's fields.
    pub fn check(&self, map: &ImportMap) -> Result<(), ImportError> {
        let mut bytes = self.bytes(Arc::default())?;
        match self.format {
            Format::Ndjson => {
                io::copy(&mut bytes, &mut io::sink()).map(drop).map_err(|error| unreadable(&self.path, error))
            }
            Format::Csv => {
                let mut records = csv::Reader::from_reader(Bounded::new(bytes));
                let headers = records.headers().map_err(|error| unreadable(&self.path, error))?.clone();
                let names = |field: &&str| headers.iter().any(|name| name == *field);
                if let Some(missing) = map.fields().into_iter().find(|field| !names(field)) {
                    let names = headers.iter().collect::<Vec<_>>().join(", ");
                    return Err(unreadable(&self.path, format!("the map reads `{missing}`, the file has: {names}")));
                }
                let mut record = csv::ByteRecord::new();
                loop {
                    records.get_mut().begin_row();
                    match records.read_byte_record(&mut record) {
                        Ok(true) => {}
                        Ok(false) => return Ok(()),
                        Err(error) if error.is_io_error() => return Err(unreadable(&self.path, error)),
                        Err(_) => {}
                    }
                }
            }
        }
    }

    /// Its rows from the beginning; `bytes_read` counts how far into the file they are.
    pub fn rows(&self, bytes_read: Arc<AtomicU64>) -> Result<Rows, ImportError> {
        let bytes = self.bytes(bytes_read)?;
        let reader = match self.format {
            Format::Ndjson => Reader::Ndjson { bytes, line: 0 },
            Format::Csv => {
                let mut records = csv::Reader::from_reader(Bounded::new(bytes));
                let headers = records.headers().map_err(|error| unreadable(&self.path, error))?;
                Reader::Csv { headers: headers.iter().map(str::to_owned).collect(), records: Box::new(records) }
            }
        };
        Ok(Rows { path: self.path.clone(), reader })
    }

    fn bytes(&self, count: Arc<AtomicU64>) -> Result<Bytes, ImportError> {
        let file = File::open(&self.path).map_err(|error| unreadable(&self.path, error))?;
        let mut raw = BufReader::new(Counted { file, count });
        let is_gzip = raw.fill_buf().map_err(|error| unreadable(&self.path, error))?.starts_with(&GZIP);
        let mut bytes: Bytes = if is_gzip { Box::new(BufReader::new(MultiGzDecoder::new(raw))) } else { Box::new(raw) };
        if bytes.fill_buf().map_err(|error| unreadable(&self.path, error))?.starts_with(BYTE_ORDER_MARK) {
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
    Ndjson { bytes: Bytes, line: u64 },
    Csv { records: Box<csv::Reader<Bounded>>, headers: Vec<String> },
    Ended,
}

impl Iterator for Rows {
    type Item = Result<Row, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match &mut self.reader {
            Reader::Ndjson { bytes, line } => next_line(bytes, line),
            Reader::Csv { records, headers } => next_record(records, headers),
            Reader::Ended => return None,
        };
        row.map_err(|error| {
            self.reader = Reader::Ended;
            unreadable(&self.path, error)
        })
        .transpose()
    }
}

/// The next line that is not blank.
fn next_line(bytes: &mut Bytes, line: &mut u64) -> io::Result<Option<Row>> {
    let mut text = Vec::new();
    loop {
        text.clear();
        if bytes.as_mut().take(ROW_BYTES_MAX).read_until(b'\n', &mut text)? == 0 {
            return Ok(None);
        }
        *line += 1;
        if text.len() as u64 == ROW_BYTES_MAX && !text.ends_with(b"\n") {
            bytes.skip_until(b'\n')?;
            return Ok(Some(Row { line: *line, fields: Err(format!("the line has more than {ROW_BYTES_MAX} bytes")) }));
        }
        if !text.trim_ascii().is_empty() {
            return Ok(Some(Row { line: *line, fields: object(&text) }));
        }
    }
}

fn object(text: &[u8]) -> Result<Fields, String> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err("the line is JSON, but no object".to_owned()),
        Err(error) => Err(format!("the line is not JSON: {error}")),
    }
}

fn next_record(records: &mut csv::Reader<Bounded>, headers: &[String]) -> io::Result<Option<Row>> {
    records.get_mut().begin_row();
    let before = records.position().line();
    let mut record = csv::StringRecord::new();
    match records.read_record(&mut record) {
        Ok(false) => Ok(None),
        Ok(true) => {
            let line = record.position().map_or(before, csv::Position::line);
            let fields =
                headers.iter().cloned().zip(record.iter().map(|text| Value::String(text.to_owned()))).collect();
            Ok(Some(Row { line, fields: Ok(fields) }))
        }
        Err(error) => {
            let line = error.position().map_or(before, csv::Position::line);
            let why = match error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("the record has {len} fields, the header {expected_len}")
                }
                csv::ErrorKind::Utf8 { .. } => "the record is not UTF-8".to_owned(),
                _ => return Err(error.into()),
            };
            Ok(Some(Row { line, fields: Err(why) }))
        }
    }
}

fn unreadable(path: &Path, reason: impl ToString) -> ImportError {
    ImportError::Unreadable { path: path.into(), reason: reason.to_string() }
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

/// Ends a record that never ends, before it fills the memory.
struct Bounded {
    bytes: Bytes,
    left: u64,
}

impl Bounded {
    fn new(bytes: Bytes) -> Self {
        Self { bytes, left: ROW_BYTES_MAX }
    }

    fn begin_row(&mut self) {
        self.left = ROW_BYTES_MAX;
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other(format!(
                "a record has more than {ROW_BYTES_MAX} bytes: is a quote left open?"
            )));
        }
        let read = self.bytes.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}
