//! Throttles tries to log in or to register: per account and per network address, in the database, so that
//! every process counts the same. After some free tries each has to wait twice as long as the one before.
//!
//! A try is counted before its password is looked at, and given back when it was right: a hundred guesses
//! at once are a hundred tries. Nobody is locked out for good, and no right answer opens the way for more
//! guesses from the same address. Only an account that is made is not given back: each sends a mail to whom
//! nobody asked.

use ::store::Tx;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use platform::{ClientAddress, Ctx, Problem};

use crate::desk::Desk;
use crate::email::Email;
use crate::jobs::Prune;
use crate::{Error, store};

/// Wrong passwords for one account before it slows down.
const ACCOUNT_FREE: i64 = 5;
/// Many people share an address.
const ADDRESS_FREE: i64 = 100;
const REGISTER_FREE: i64 = 20;
const HOUR_SECONDS: i64 = 3_600;
pub const FIRST_DELAY: SignedDuration = SignedDuration::from_secs(1);
pub const DELAY_MAX: SignedDuration = SignedDuration::from_mins(15);
/// Without a try for so long, all is forgotten.
pub const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Whose tries are counted.
#[derive(Debug, Clone)]
pub struct Throttle {
    /// Forgiven altogether by one that was right; an address gets back that one try.
    pub account: Option<String>,
    /// In order, so that two transactions never wait for each other; with the tries that are free.
    pub subjects: Vec<(String, i64)>,
    /// The one of them that is never forgiven.
    pub kept: Option<String>,
}

impl Throttle {
    /// For a password of an account, known or not.
    pub fn log_in(ctx: &Ctx, email: &Email, from: ClientAddress) -> Self {
        let account = subject(ctx, "account", email.as_str());
        let address = (subject(ctx, "address", &from.hashed(ctx)), ADDRESS_FREE);
        Self::new(Some(account.clone()), vec![(account, ACCOUNT_FREE), address])
    }

    /// For asking whether an e-mail is taken; and, for the hour, for making accounts at all.
    pub fn register(ctx: &Ctx, from: ClientAddress) -> Self {
        let (address, free) = (from.hashed(ctx), ctx.config.customers.registrations_per_hour_max);
        let asking = (subject(ctx, "register", &address), REGISTER_FREE);
        if free == 0 {
            return Self::new(None, vec![asking]);
        }
        let hour = ctx.clock.now().as_second().div_euclid(HOUR_SECONDS);
        let made = subject(ctx, "registered", &format!("{hour} {address}"));
        Self { kept: Some(made.clone()), ..Self::new(None, vec![asking, (made, free)]) }
    }

    fn new(account: Option<String>, mut subjects: Vec<(String, i64)>) -> Self {
        subjects.sort();
        Self { account, subjects, kept: None }
    }

    /// Counts a try.
    ///
    /// Errors: [`Error::TooManyTries`] as a problem with `Retry-After`; then nothing was counted.
    pub async fn count(&self, ctx: &Ctx, desk: &Desk) -> Result<(), Error> {
        let prune = desk.prune(ctx.clock.now());
        ctx.db.write((self.clone(), prune), |tx, (throttle, prune)| Box::pin(throttle.count_in(tx, *prune))).await?;
        prune.into_iter().for_each(|job| desk.pruning(job));
        Ok(())
    }

    async fn count_in(&self, tx: &mut Tx, prune: Option<Prune>) -> Result<(), Error> {
        if store::throttle::count(tx, self).await? == self.subjects.len() {
            prune.into_iter().for_each(|job| tx.start_at(&job, job.due()));
            return Ok(());
        }
        let now = tx.now();
        let until = store::throttle::blocked_until(tx, self).await?.unwrap_or(now);
        Err(refused(now, until))
    }

    /// Gives the try back: it was right. What is `kept` stays counted.
    pub async fn forgive(&self, tx: &mut Tx) -> Result<(), Error> {
        Ok(store::throttle::forgive(tx, self).await?)
    }
}

fn refused(now: Timestamp, until: Timestamp) -> Error {
    let wait = now.duration_until(until).as_millis();
    let seconds = u64::try_from(wait).unwrap_or(0).div_ceil(1_000).max(1);
    let problem = Problem::from(Error::TooManyTries { seconds });
    Problem { retry_after_seconds: Some(seconds), ..problem }.into()
}

/// Keyed with the shop's secret: who reads the table learns neither e-mails nor addresses.
fn subject(ctx: &Ctx, kind: &str, what: &str) -> String {
    let hash = ctx.secrets.derive("throttle", &[kind.as_bytes(), what.as_bytes()]);
    format!("{kind}:{}", URL_SAFE_NO_PAD.encode(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_when_to_come_again() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().expect("a time");
        for (after, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (60_000, 60)] {
            let problem = Problem::from(refused(now, now + SignedDuration::from_millis(after)));
            assert_eq!((problem.status, problem.retry_after_seconds), (429, Some(seconds)));
        }
    }
}
