//! Jobs: sealing the audit log; forgetting what can't be used any more.

use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Ended, JobRun, Problem};
use serde::{Deserialize, Serialize};

use crate::{prune, seal};

const HOUR_SECONDS: i64 = 3_600;
/// Entries recorded in the same so many seconds are sealed by one job.
const WINDOW_SECONDS: i64 = 10;
/// A job begins so long after its window, that every transaction begun in it has ended: none of them
/// can be missed. Longer than a transaction may take, and than clocks of processes differ.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(20);

/// Seals what was recorded up to the end of a window.
#[derive(Debug, Serialize, Deserialize)]
pub struct Seal {
    pub window_ends: Timestamp,
}

impl Seal {
    /// The job for an entry recorded now, and when it is due.
    pub fn after(now: Timestamp) -> (Self, Timestamp) {
        let window = now.as_second().div_euclid(WINDOW_SECONDS) + 1;
        let window_ends = Timestamp::from_second(window * WINDOW_SECONDS).unwrap_or(Timestamp::MAX);
        (Self { window_ends }, window_ends.saturating_add(SETTLED_AFTER).unwrap_or(Timestamp::MAX))
    }
}

impl ::store::Job for Seal {
    const KIND: &'static str = "seal";
    fn key(&self) -> String {
        self.window_ends.as_second().to_string()
    }
}

/// Forgets sessions and throttles that are over, once an hour in which somebody tries to log in.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Prune {
    /// Of Unix time.
    pub hour: i64,
}

impl Prune {
    pub fn of(now: Timestamp) -> Self {
        Self { hour: now.as_second().div_euclid(HOUR_SECONDS) }
    }

    /// When the hour is over.
    pub fn due(&self) -> Timestamp {
        Timestamp::from_second((self.hour + 1) * HOUR_SECONDS).unwrap_or(Timestamp::MAX)
    }
}

impl ::store::Job for Prune {
    const KIND: &'static str = "prune";
    fn key(&self) -> String {
        self.hour.to_string()
    }
}

pub async fn prune(ctx: Ctx, run: JobRun, _: Prune) -> Result<Ended, Problem> {
    Ok(prune::prune(&ctx, run).await?)
}

pub async fn seal(ctx: Ctx, run: JobRun, _: Seal) -> Result<Ended, Problem> {
    Ok(seal::seal(&ctx, run).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::store::Job;

    fn at(second: i64) -> (String, i64) {
        let (job, due) = Seal::after(Timestamp::from_second(second).expect("a time"));
        (job.key(), due.as_second())
    }

    #[test]
    fn entries_of_a_window_share_a_job_that_comes_after_all_of_them() {
        assert_eq!(at(100), ("110".to_owned(), 130));
        assert_eq!(at(109), at(100));
        assert_eq!(at(110), ("120".to_owned(), 140));
    }
}
