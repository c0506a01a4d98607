//! A session: a log in, from one device, that is kept alive by refresh tokens of which each works once.

use std::cmp::Ordering;

use contracts::customers::{CustomerId, SessionId};
use jiff::{SignedDuration, Timestamp};
use platform::config;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Two tabs of a browser, or an answer that was lost: for so long the token before the last one is answered
/// with the last one again.
const GRACE: SignedDuration = SignedDuration::from_secs(5);
/// Beyond it the ones that were not used for longest end.
pub const LIVING_MAX: i64 = 50;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub customer: CustomerId,
    /// Random; what refresh tokens are derived of, beside the shop's secret.
    pub seed: String,
    /// Of the one refresh token that works, from 1 on.
    pub generation: i64,
    pub created_at: Timestamp,
    pub refreshed_at: Timestamp,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndedBecause {
    LoggedOut,
    LoggedOutEverywhere,
    PasswordChanged,
    /// A refresh token came a second time: somebody has a copy of it.
    TokenReused,
    /// The customer had more than 50.
    TooMany,
}

/// What a refresh token of this session is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The one that works: the next one takes its place.
    Rotate,
    /// The one before, just now: the one that took its place is given again.
    Again,
    /// One that was used before: whoever sends it, or whoever used it, is a thief.
    Reused,
    /// The session has ended, or was never renewed so far.
    Over,
}

impl Session {
    /// A new one, alive until `until`.
    pub fn begin(
        id: SessionId,
        customer: CustomerId,
        seed: String,
        now: Timestamp,
        settings: &config::Customers,
    ) -> Self {
        let expires_at = expires(now, now, settings);
        Self { id, customer, seed, generation: 1, created_at: now, refreshed_at: now, expires_at, ended_at: None }
    }

    /// What the token of a generation is good for at a time.
    pub fn use_of(&self, generation: i64, now: Timestamp) -> Use {
        let is_over = self.ended_at.is_some() || self.expires_at <= now;
        let is_fresh = self.refreshed_at.saturating_add(GRACE).is_ok_and(|end| now < end);
        match generation.cmp(&self.generation) {
            _ if is_over => Use::Over,
            Ordering::Equal => Use::Rotate,
            Ordering::Less if is_fresh && generation + 1 == self.generation => Use::Again,
            Ordering::Less => Use::Reused,
            // Of a generation to come: the database was set back to an older copy.
            Ordering::Greater => Use::Over,
        }
    }

    /// When it ends if it is used now.
    pub fn expires_if_used(&self, now: Timestamp, settings: &config::Customers) -> Timestamp {
        expires(self.created_at, now, settings)
    }
}

fn expires(created_at: Timestamp, used_at: Timestamp, settings: &config::Customers) -> Timestamp {
    let after = |from: Timestamp, days: i64| {
        from.saturating_add(SignedDuration::from_hours(days * 24)).unwrap_or(Timestamp::MAX)
    };
    after(used_at, settings.session_idle_days_max).min(after(created_at, settings.session_days_max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Id;
    use platform::Config;
    use uuid::Uuid;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
    }

    fn session(generation: i64) -> Session {
        let (id, customer) = (SessionId::from_uuid(Uuid::from_u128(1)), CustomerId::from_uuid(Uuid::from_u128(2)));
        let begun = Session::begin(id, customer, "seed".to_owned(), at(0), &Config::defaults().customers);
        Session { generation, ..begun }
    }

    #[test]
    fn each_token_works_once_and_the_one_before_for_some_seconds() {
        let session = session(5);
        let uses = |now| [6, 5, 4, 3, 1].map(|generation| session.use_of(generation, at(now)));
        assert_eq!(uses(4), [Use::Over, Use::Rotate, Use::Again, Use::Reused, Use::Reused]);
        assert_eq!(uses(5), [Use::Over, Use::Rotate, Use::Reused, Use::Reused, Use::Reused]);
    }

    #[test]
    fn nothing_works_when_the_session_is_over() {
        let ended = Session { ended_at: Some(at(1)), ..session(2) };
        assert_eq!([2, 1].map(|generation| ended.use_of(generation, at(1))), [Use::Over; 2]);
        let month = 30 * 86_400;
        assert_eq!(session(2).use_of(2, at(month - 1)), Use::Rotate);
        assert_eq!([2, 1].map(|generation| session(2).use_of(generation, at(month))), [Use::Over; 2]);
    }

    #[test]
    fn use_keeps_it_alive_but_not_for_ever() {
        let settings = Config::defaults().customers;
        let day = 86_400;
        assert_eq!(session(1).expires_if_used(at(day), &settings), at(31 * day));
        assert_eq!(session(1).expires_if_used(at(170 * day), &settings), at(180 * day));
    }
}
