//! Records of CSV and TSV: each becomes an object of texts, by the names in the first line.

use std::io::{self, BufRead, Read};

use serde_json::Value;

use super::{Bytes, ROW_BYTES_MAX, Row};
use crate::import::fault::Fault;
use crate::import::template::Fields;

/// A table with a line of names.
pub struct Table {
    records: csv::Reader<Bounded>,
    columns: Vec<String>,
    record: csv::ByteRecord,
}

impl Table {
    /// Without a `delimiter`, the one of `,` `;` and tab that the line of names has most of.
    pub fn new(mut bytes: Bytes, delimiter: Option<u8>) -> io::Result<Self> {
        let delimiter = match delimiter {
            Some(delimiter) => delimiter,
            None => most_of(bytes.fill_buf()?),
        };
        let mut records = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(Bounded::new(bytes));
        let header = records.byte_headers().map_err(io_error)?;
        let columns: Vec<String> = header
            .iter()
            .map(|name| std::str::from_utf8(name).map(|name| name.trim().to_owned()))
            .collect::<Result<_, _>>()
            .map_err(|_| io::Error::other("its first line is not UTF-8"))?;
        let mut sorted: Vec<&String> = columns.iter().filter(|name| !name.is_empty()).collect();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(io::Error::other(format!("two columns are named `{}`", twice[0])));
        }
        Ok(Self { records, columns, record: csv::ByteRecord::new() })
    }

    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    pub fn next_row(&mut self) -> io::Result<Option<Row>> {
        self.records.get_mut().begin_row();
        let before = self.records.position().line();
        let read = self.records.read_byte_record(&mut self.record);
        let fault = match read {
            Ok(false) => return Ok(None),
            Ok(true) => None,
            Err(error) => match error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    let text = format!("the row has {len} fields, the first line {expected_len}");
                    Some(Fault::row("wrong_field_count", text))
                }
                _ => return Err(io_error(error)),
            },
        };
        let line = before + self.blank_lines(before);
        let fields = fault.map_or_else(|| self.fields(), Err);
        Ok(Some(Row { line, bytes: self.record.as_slice().len(), fields }))
    }

    /// How many lines without anything were passed over before the record.
    fn blank_lines(&self, before: u64) -> u64 {
        let own = 1 + self.record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
        (self.records.position().line() - before).saturating_sub(own)
    }

    /// Reads on to the end; an open quote shows there.
    pub fn drain(&mut self) -> io::Result<()> {
        loop {
            self.records.get_mut().begin_row();
            match self.records.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) if matches!(error.kind(), csv::ErrorKind::UnequalLengths { .. }) => {}
                Err(error) => return Err(io_error(error)),
            }
        }
    }

    fn fields(&self) -> Result<Fields, Fault> {
        let named = self.columns.iter().zip(&self.record).filter(|(name, _)| !name.is_empty());
        named
            .map(|(name, text)| {
                let text = std::str::from_utf8(text)
                    .map_err(|_| Fault::row("not_utf8", format!("the column `{name}` is not UTF-8")))?;
                Ok((name.clone(), Value::String(text.to_owned())))
            })
            .collect()
    }
}

fn most_of(begin: &[u8]) -> u8 {
    let line = begin.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
    // Of equal counts the last wins: the comma.
    [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Ends a record that never ends, before it fills the memory.
struct Bounded {
    bytes: Bytes,
    left: usize,
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
            return Err(io::Error::other(format!("a row has more than {ROW_BYTES_MAX} bytes: is a quote left open?")));
        }
        let read = self.bytes.read(buffer)?;
        self.left = self.left.saturating_sub(read);
        Ok(read)
    }
}
