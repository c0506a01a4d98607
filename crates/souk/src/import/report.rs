//! What became of an import: numbers for a person, and a line for each refused row.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{ImportError, Progress};

/// The end of an import; written as a few lines by `Display`.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub created: u64,
    pub updated: u64,
    /// Imported with the same content before.
    pub unchanged: u64,
    /// Rows that were left out; the report file says why.
    pub refused: u64,
    /// Taken in, but not for sale.
    pub without_price: u64,
    /// Stock levels that are other than before.
    pub stocked: u64,
    pub seconds: f64,
    pub memory_peak_megabytes: Option<u64>,
    pub report: PathBuf,
}

impl Report {
    /// Products that are in the catalogue as the file has them.
    pub fn products(&self) -> u64 {
        self.created + self.updated + self.unchanged
    }

    pub(super) fn progress(&self, bytes_read: u64, bytes_total: u64) -> Progress {
        let Self { created, updated, unchanged, refused, .. } = *self;
        Progress { bytes_read, bytes_total, created, updated, unchanged, refused }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each_second = self.products() as f64 / self.seconds.max(0.001);
        writeln!(f, "{} products in {:.1} s ({each_second:.0} a second)", self.products(), self.seconds)?;
        writeln!(f, "  created    {:>9}", self.created)?;
        writeln!(f, "  updated    {:>9}", self.updated)?;
        writeln!(f, "  unchanged  {:>9}", self.unchanged)?;
        writeln!(f, "  no price   {:>9}", self.without_price)?;
        writeln!(f, "  stock set  {:>9}", self.stocked)?;
        write!(f, "  refused    {:>9}", self.refused)?;
        if self.refused > 0 {
            write!(f, "  (line and reason of each: {})", self.report.display())?;
        }
        match self.memory_peak_megabytes {
            Some(megabytes) => write!(f, "\npeak memory {megabytes} MB"),
            None => Ok(()),
        }
    }
}

/// The file of refused rows. It is made when there is one; an earlier import's is emptied.
pub(super) struct Refusals {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Refusals {
    pub(super) fn open(path: &Path) -> Result<Self, ImportError> {
        let mut refusals = Self { path: path.into(), file: None };
        if path.exists() {
            refusals.file()?;
        }
        Ok(refusals)
    }

    /// `{"line":12,"why":"title is missing"}`
    pub(super) fn write(&mut self, refused: &[(u64, String)]) -> Result<(), ImportError> {
        for (line, why) in refused {
            let text = serde_json::json!({ "line": line, "why": why });
            let written = writeln!(self.file()?, "{text}");
            written.map_err(|error| self.unwritable(error))?;
        }
        Ok(())
    }

    pub(super) fn close(mut self) -> Result<(), ImportError> {
        let flushed = self.file.as_mut().map_or(Ok(()), Write::flush);
        flushed.map_err(|error| self.unwritable(error))
    }

    fn file(&mut self) -> Result<&mut BufWriter<File>, ImportError> {
        if self.file.is_none() {
            let file = File::create(&self.path).map_err(|error| self.unwritable(error))?;
            return Ok(self.file.insert(BufWriter::new(file)));
        }
        Ok(self.file.as_mut().expect("it was just looked at"))
    }

    fn unwritable(&self, error: std::io::Error) -> ImportError {
        ImportError::Report { path: self.path.clone(), reason: error.to_string() }
    }
}

/// The most memory this process ever had; known on Linux.
pub(super) fn memory_peak_megabytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse().ok()?;
    Some(kilobytes / 1_024)
}
