//! What became of an import: numbers for a person, and a line for each row with a fault.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::fault::Fault;
use super::{ImportError, Progress};

/// The end of an import; written as a few lines by `Display`.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub rows: u64,
    /// What was counted, in the order to say it.
    pub counts: Vec<(&'static str, u64)>,
    /// Rows, or variants of them, that were left out; the report file says why.
    pub left_out: u64,
    /// Rows that came in without a part of them.
    pub notes: u64,
    pub seconds: f64,
    pub memory_peak_megabytes: Option<u64>,
    pub file: PathBuf,
    /// What the person should know that is no row's fault.
    pub remarks: Vec<String>,
}

impl Report {
    pub fn add(&mut self, name: &'static str, count: u64) {
        match self.counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += count,
            None => self.counts.push((name, count)),
        }
    }

    /// 0 where nothing was counted under this name.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.iter().find(|(known, _)| *known == name).map_or(0, |(_, sum)| *sum)
    }

    pub(super) fn progress(&self, bytes_read: u64, bytes_total: u64) -> Progress {
        Progress { bytes_read, bytes_total, rows: self.rows, left_out: self.left_out }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each_second = self.rows as f64 / self.seconds.max(0.001);
        writeln!(f, "{} rows in {:.1} s ({each_second:.0} a second)", self.rows, self.seconds)?;
        for (name, count) in
            self.counts.iter().chain(&[("rows left out", self.left_out), ("rows taken in part", self.notes)])
        {
            writeln!(f, "  {name:<22}{count:>9}")?;
        }
        if self.left_out + self.notes > 0 {
            writeln!(f, "line and reason of each: {}", self.file.display())?;
        }
        for remark in &self.remarks {
            writeln!(f, "{remark}")?;
        }
        match self.memory_peak_megabytes {
            Some(megabytes) => write!(f, "peak memory {megabytes} MB"),
            None => Ok(()),
        }
    }
}

/// The file of faults. It is made when there is one; an earlier import's is emptied.
pub(super) struct Faults {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    #[serde(flatten)]
    fault: &'a Fault,
}

impl Faults {
    pub(super) fn open(path: &Path) -> Result<Self, ImportError> {
        let mut faults = Self { path: path.into(), file: None };
        if path.exists() {
            faults.file()?;
        }
        Ok(faults)
    }

    /// `{"line":12,"code":"missing","field":"title","text":"title is missing","left_out":true}`
    pub(super) fn write(&mut self, report: &mut Report, mut faults: Vec<(u64, Fault)>) -> Result<(), ImportError> {
        faults.sort_by_key(|(line, _)| *line);
        for (line, fault) in &faults {
            let left_out = u64::from(fault.left_out);
            report.left_out += left_out;
            report.notes += 1 - left_out;
            let text = serde_json::to_string(&Line { line: *line, fault }).expect("a fault is plain data");
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
