//! The bare disk: how long 4 KiB at the end of a file take until they are durable. No commit is faster; and a disk that
//! another program keeps busy is seen here before it is taken for a slow shop.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;
use tempfile::NamedTempFile;

const APPEND_BYTES: usize = 4_096;
/// Often enough to see a disk that is busy, too seldom to make it so.
const PROBE_EVERY: Duration = Duration::from_millis(50);
const LATENCY_MAX_US: u64 = 120_000_000;
const DIGITS: u8 = 3;

/// An append and its fdatasync, together.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Sync {
    pub mean_us: f64,
    pub p50_us: u64,
    pub p99_us: u64,
    /// What one thread that does nothing else gets done; of a [`Probe`] too, which does less.
    pub per_second: f64,
    pub appends: u64,
}

/// Appends one after another for so long. The caller waits.
pub fn measure(folder: &Path, lasting: Duration) -> Result<Sync, String> {
    let mut appends = Appends::begin(folder)?;
    let measuring = named("limit-disk").spawn(move || {
        let begun = Instant::now();
        while begun.elapsed() < lasting {
            appends.append()?;
        }
        appends.end()
    });
    ended(measuring.map_err(|why| format!("no thread to measure the disk: {why}"))?)
}

/// Appends now and then, while something else is measured.
#[derive(Debug)]
pub struct Probe {
    thread: JoinHandle<Result<Sync, String>>,
    /// Nothing is sent: that it is gone is the end, also where the probe is only dropped.
    until: mpsc::Sender<()>,
}

impl Probe {
    pub fn start(folder: &Path) -> Result<Self, String> {
        let mut appends = Appends::begin(folder)?;
        let (until, ends) = mpsc::channel();
        let probing = named("limit-disk-probe").spawn(move || {
            let mut due = Instant::now();
            loop {
                appends.append()?;
                // An append that took longer is followed at once, but what was missed is not made up for.
                due = Instant::now().max(due + PROBE_EVERY);
                match ends.recv_timeout(due.saturating_duration_since(Instant::now())) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return appends.end(),
                }
            }
        });
        let thread = probing.map_err(|why| format!("no thread to probe the disk: {why}"))?;
        Ok(Self { thread, until })
    }

    /// What it saw since it was started.
    pub fn finish(self) -> Result<Sync, String> {
        drop(self.until);
        ended(self.thread)
    }
}

/// A file that grows, and is removed at the end.
#[derive(Debug)]
struct Appends {
    file: NamedTempFile,
    took_us: Histogram<u64>,
    took: Duration,
}

impl Appends {
    fn begin(folder: &Path) -> Result<Self, String> {
        let file = tempfile::Builder::new().prefix("limit-disk-").tempfile_in(folder);
        let file = file.map_err(|why| format!("a file in {}: {why}", folder.display()))?;
        let took_us = Histogram::new_with_bounds(1, LATENCY_MAX_US, DIGITS).expect("the bounds are constants");
        Ok(Self { file, took_us, took: Duration::ZERO })
    }

    fn append(&mut self) -> Result<(), String> {
        let file: &mut File = self.file.as_file_mut();
        let begun = Instant::now();
        let appended = file.write_all(&[0x5a; APPEND_BYTES]).and_then(|()| file.sync_data());
        let took = begun.elapsed();
        appended.map_err(|why| format!("appending to {}: {why}", self.file.path().display()))?;
        self.took += took;
        // Rounded up: 0 is no latency, and no value of the histogram.
        self.took_us.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
        Ok(())
    }

    fn end(self) -> Result<Sync, String> {
        let appends = self.took_us.len();
        if appends == 0 {
            return Err("the disk was measured for no time at all".to_owned());
        }
        let mean_us = self.took.as_secs_f64() * 1e6 / appends as f64;
        let at = |quantile| self.took_us.value_at_quantile(quantile);
        Ok(Sync { mean_us, p50_us: at(0.5), p99_us: at(0.99), per_second: 1e6 / mean_us, appends })
    }
}

fn named(name: &str) -> std::thread::Builder {
    std::thread::Builder::new().name(name.to_owned())
}

fn ended(thread: JoinHandle<Result<Sync, String>>) -> Result<Sync, String> {
    thread.join().unwrap_or_else(|_| Err("the thread that measures the disk panicked".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_measured_and_left_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let sync = measure(folder.path(), Duration::from_millis(50)).expect("a disk");
        assert!(sync.appends > 0 && sync.p50_us <= sync.p99_us, "{sync:?}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn a_probe_appends_now_and_then_until_it_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let probe = Probe::start(folder.path()).expect("a probe");
        std::thread::sleep(PROBE_EVERY * 5);
        let sync = probe.finish().expect("a disk");
        assert!((1..=6).contains(&sync.appends), "{sync:?}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let why = measure(Path::new("/nowhere/at/all"), Duration::from_millis(1)).expect_err("no folder");
        assert!(why.contains("/nowhere/at/all"), "{why}");
    }
}
