//! A process with a clock of its own that steps while it runs: Debian's libfaketime, told by a file.

use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use outside::Client;

/// `Date` counts whole seconds, and is a second old at most.
const TOLERANCE_SECONDS: i64 = 5;

/// What a process is told its time by.
#[derive(Debug)]
pub struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// A clock that goes right, for a process that is started with its settings.
    pub fn new(file: PathBuf) -> Result<Self, String> {
        let library =
            engines::libfaketime().ok_or("`--faults clock` needs libfaketime: `apt-get install -y faketime`")?;
        let clock = Self { library, file };
        clock.step(0)?;
        Ok(clock)
    }

    /// The clock of the wall only: no kernel steps the other one, by which processes wait.
    pub fn settings(&self) -> Vec<(String, String)> {
        let pairs = [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Steps to so many seconds after the true time, or before it.
    pub fn step(&self, seconds: i64) -> Result<(), String> {
        // Renamed into its place: whoever reads it reads a whole number.
        let new = self.file.with_extension("new");
        let done = fs::write(&new, format!("{seconds:+}\n")).and_then(|()| fs::rename(&new, &self.file));
        done.map_err(|why| format!("{}: {why}", self.file.display()))
    }
}

/// Whether a server's clock has stepped by so many seconds, by what it answers a while after. Its `Date` follows a step
/// ahead; after a step back it stands still, since it is kept until its second is over.
pub async fn has_stepped(client: &Client, seconds: i64) -> bool {
    let Ok(answer) = client.get("/health/live").sent().await else { return false };
    let Ok(date) = rfc2822::parse(answer.header("Date")) else { return false };
    let off = date.timestamp().as_second() - Timestamp::now().as_second();
    if seconds > 0 { (off - seconds).abs() <= TOLERANCE_SECONDS } else { off < -TOLERANCE_SECONDS }
}
