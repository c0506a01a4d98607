//! Objects of JSON, one a line or the elements of one array.

use std::io::{self, BufRead, Read};

use serde_json::Value;

use super::{Bytes, ROW_BYTES_MAX, Row, too_long};
use crate::import::fault::Fault;
use crate::import::template::Fields;

/// Whether the first character that is not blank begins an array; looks no further than the first buffer.
pub fn is_array(bytes: &mut Bytes) -> io::Result<bool> {
    let begin = bytes.fill_buf()?;
    Ok(begin.trim_ascii_start().first() == Some(&b'['))
}

/// NDJSON: an object a line; blank lines are none.
pub struct Lines {
    bytes: Bytes,
    line: u64,
    text: Vec<u8>,
}

impl Lines {
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes, line: 0, text: Vec::new() }
    }

    pub fn next_row(&mut self) -> io::Result<Option<Row>> {
        loop {
            self.text.clear();
            if self.bytes.by_ref().take(ROW_BYTES_MAX as u64).read_until(b'\n', &mut self.text)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if self.text.len() == ROW_BYTES_MAX && !self.text.ends_with(b"\n") {
                self.bytes.skip_until(b'\n')?;
                return Ok(Some(Row { line: self.line, bytes: 0, fields: Err(too_long()) }));
            }
            if !self.text.trim_ascii().is_empty() {
                return Ok(Some(Row { line: self.line, bytes: self.text.len(), fields: object(&self.text) }));
            }
        }
    }

    /// Reads on to the end: a gzip that breaks off says so there.
    pub fn drain(&mut self) -> io::Result<()> {
        io::copy(&mut self.bytes, &mut io::sink()).map(drop)
    }
}

/// The elements of an array. Brackets and quotes part them, so one that is wrong in itself costs no other.
pub struct Elements {
    bytes: Bytes,
    line: u64,
    text: Vec<u8>,
    has_ended: bool,
}

/// Where in an element the reading is.
#[derive(Default)]
struct Place {
    depth: u32,
    in_text: bool,
    is_escaped: bool,
    is_too_long: bool,
    /// The line of the first character that is not blank.
    line: Option<u64>,
}

impl Elements {
    /// `bytes` begin with `[` (after blanks).
    pub fn new(mut bytes: Bytes) -> io::Result<Self> {
        let mut before = Vec::new();
        bytes.read_until(b'[', &mut before)?;
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(Self { bytes, line, text: Vec::new(), has_ended: false })
    }

    pub fn next_row(&mut self) -> io::Result<Option<Row>> {
        Ok(self.next_element()?.map(|place| {
            let fields = if place.is_too_long { Err(too_long()) } else { object(&self.text) };
            Row { line: place.line.unwrap_or(self.line), bytes: self.text.len(), fields }
        }))
    }

    /// Reads on to the end; an array that does not end is an error.
    pub fn drain(&mut self) -> io::Result<()> {
        while self.next_element()?.is_some() {}
        Ok(())
    }

    /// The bytes of the next element are in `text` (the first [`ROW_BYTES_MAX`] of them).
    fn next_element(&mut self) -> io::Result<Option<Place>> {
        if self.has_ended {
            return Ok(None);
        }
        self.text.clear();
        let mut place = Place::default();
        loop {
            let buffer = self.bytes.fill_buf()?;
            if buffer.is_empty() {
                return Err(io::Error::other("the file ends within its array"));
            }
            let mut read = 0;
            let mut end = None;
            for &byte in buffer {
                read += 1;
                if place.ends(byte) {
                    end = Some(byte);
                    break;
                }
                if place.line.is_none() && !byte.is_ascii_whitespace() {
                    place.line = Some(self.line);
                }
                self.line += u64::from(byte == b'\n');
                if self.text.len() < ROW_BYTES_MAX {
                    self.text.push(byte);
                } else {
                    place.is_too_long = true;
                }
            }
            self.bytes.consume(read);
            let Some(end) = end else { continue };
            if end == b']' {
                self.has_ended = true;
                self.nothing_follows()?;
                return Ok(place.line.is_some().then_some(place));
            }
            return Ok(Some(place));
        }
    }

    fn nothing_follows(&mut self) -> io::Result<()> {
        loop {
            let rest = self.bytes.fill_buf()?;
            if rest.is_empty() {
                return Ok(());
            }
            if !rest.trim_ascii_start().is_empty() {
                return Err(io::Error::other("there is something after its array"));
            }
            let read = rest.len();
            self.bytes.consume(read);
        }
    }
}

impl Place {
    /// Takes note of the next byte; `true` where it parts this element from what follows.
    fn ends(&mut self, byte: u8) -> bool {
        if self.in_text {
            (self.in_text, self.is_escaped) = (self.is_escaped || byte != b'"', !self.is_escaped && byte == b'\\');
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'[' | b'{' => self.depth += 1,
            b',' | b']' if self.depth == 0 => return true,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }
}

fn object(text: &[u8]) -> Result<Fields, Fault> {
    if std::str::from_utf8(text).is_err() {
        return Err(Fault::row("not_utf8", "the row is not UTF-8"));
    }
    match serde_json::from_slice(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Fault::row("not_an_object", "the row is JSON, but no object")),
        Err(error) => Err(Fault::row("not_json", format!("the row is not JSON: {error}"))),
    }
}
