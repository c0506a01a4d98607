//! A delivery: one event on its way to one endpoint.

use contracts::Id;
use contracts::notifications::{WebhookDeliveryId, WebhookEndpointId, WebhookEventId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Seconds between one try and the next: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h. Ten tries in three days.
pub const PAUSES_SECONDS: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Up to so much of a pause is added, so that what failed together is not tried together.
const JITTER_PERCENT: i64 = 10;
const GONE: i64 = 410;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WebhookDeliveryState)]
pub enum DeliveryState {
    /// To be tried, or tried again.
    Pending,
    /// The endpoint answered 2xx.
    Delivered,
    /// It was tried for three days, or the endpoint is gone.
    Failed,
}

::store::name_values!(DeliveryState);

/// A delivery that is due.
#[derive(Debug, Clone)]
pub struct Due {
    pub id: WebhookDeliveryId,
    pub event: WebhookEventId,
    /// Counts replays.
    pub round: i64,
    /// Tries of this round before this one.
    pub attempts: i64,
    pub body: String,
}

/// What came of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `None`: there was none.
    pub status: Option<i64>,
    /// Its beginning.
    pub body: Option<String>,
    /// Why there was no answer.
    pub error: Option<String>,
    pub duration_ms: i64,
}

/// What a try made of a delivery.
#[derive(Debug, Clone)]
pub struct Attempted {
    pub due: Due,
    pub answer: Answer,
    pub state: DeliveryState,
    /// When it is tried again, or when it ended.
    pub due_at: Timestamp,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    pub fn is_gone(&self) -> bool {
        self.status == Some(GONE)
    }
}

impl Due {
    /// What this answer makes of it.
    pub fn answered(self, answer: Answer, now: Timestamp) -> Attempted {
        let pause = pause_after(self.attempts + 1, self.id);
        let (state, due_at) = match pause {
            _ if answer.is_success() => (DeliveryState::Delivered, now),
            Some(pause) if !answer.is_gone() => {
                (DeliveryState::Pending, now.saturating_add(pause).unwrap_or(Timestamp::MAX))
            }
            _ => (DeliveryState::Failed, now),
        };
        Attempted { due: self, answer, state, due_at }
    }
}

/// How long to wait after so many tries; `None`: it was the last. Each delivery jitters in its own way.
pub fn pause_after(attempts: i64, delivery: WebhookDeliveryId) -> Option<SignedDuration> {
    let place = usize::try_from(attempts - 1).ok()?;
    let millis = PAUSES_SECONDS.get(place)? * 1_000;
    let spread = millis * JITTER_PERCENT / 100;
    let bits = delivery.uuid().as_u128() as u64 ^ (attempts as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let jitter = i64::try_from(bits.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33).unwrap_or(0) % (spread + 1);
    Some(SignedDuration::from_millis(millis + jitter))
}

/// A delivery, with what its last try was answered.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WebhookDeliveryView)]
pub struct DeliveryView {
    pub id: WebhookDeliveryId,
    pub endpoint: WebhookEndpointId,
    /// The header `webhook-id`: the same however often it is sent.
    pub event: WebhookEventId,
    /// What is told, such as `order.placed`.
    #[serde(rename = "type")]
    #[schema(example = "order.placed")]
    pub kind: String,
    pub state: DeliveryState,
    /// Tries since it was made, or replayed.
    pub attempts: i64,
    /// When it is tried again; null where it has ended.
    pub next_attempt_at: Option<Timestamp>,
    pub last_attempt_at: Option<Timestamp>,
    /// The status of the last answer.
    pub response_status: Option<i64>,
    /// Its first 1024 bytes, as text.
    pub response_body: Option<String>,
    /// Why the last try had no answer.
    pub error: Option<String>,
    /// How long the last try took.
    pub duration_ms: Option<i64>,
    pub created_at: Timestamp,
    /// What is sent.
    #[schema(value_type = Object)]
    pub body: serde_json::Value,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn due(attempts: i64) -> Due {
        let (id, event) = (WebhookDeliveryId::from_uuid(Uuid::from_u128(7)), WebhookEventId::from_uuid(Uuid::nil()));
        Due { id, event, round: 1, attempts, body: "{}".to_owned() }
    }

    fn answer(status: Option<i64>) -> Answer {
        Answer { status, body: None, error: None, duration_ms: 1 }
    }

    #[test]
    fn a_delivery_is_tried_ten_times_in_three_days() {
        let total: i64 = PAUSES_SECONDS.iter().sum();
        assert!((3 * 86_400..4 * 86_400).contains(&total), "{total}");
        let start = Timestamp::UNIX_EPOCH;
        for attempts in 0..9 {
            let tried = due(attempts).answered(answer(Some(500)), start);
            let least = PAUSES_SECONDS[usize::try_from(attempts).expect("small")];
            let seconds = tried.due_at.duration_since(start).as_secs();
            assert_eq!(tried.state, DeliveryState::Pending);
            assert!((least..=least + least / 10 + 1).contains(&seconds), "{attempts}: {seconds}");
        }
        assert_eq!(due(9).answered(answer(Some(500)), start).state, DeliveryState::Failed);
    }

    #[test]
    fn only_2xx_is_delivered_and_410_ends_it_at_once() {
        let state = |status| due(0).answered(answer(status), Timestamp::UNIX_EPOCH).state;
        for status in [200, 201, 204, 299] {
            assert_eq!(state(Some(status)), DeliveryState::Delivered);
        }
        for status in [100, 301, 302, 307, 400, 404, 429, 500, 503] {
            assert_eq!(state(Some(status)), DeliveryState::Pending, "{status}");
        }
        assert_eq!((state(None), state(Some(410))), (DeliveryState::Pending, DeliveryState::Failed));
    }

    proptest! {
        #[test]
        fn pauses_jitter_within_a_tenth(id in any::<u128>(), attempts in 1_i64..=9) {
            let pause = pause_after(attempts, WebhookDeliveryId::from_uuid(Uuid::from_u128(id))).expect("not the last");
            let least = PAUSES_SECONDS[usize::try_from(attempts - 1).expect("small")] * 1_000;
            let millis = i64::try_from(pause.as_millis()).expect("small");
            prop_assert!((least..=least + least / 10).contains(&millis));
        }
    }

    #[test]
    fn what_failed_together_is_not_tried_together() {
        let pauses: std::collections::BTreeSet<_> =
            (0..100).map(|id| pause_after(4, WebhookDeliveryId::from_uuid(Uuid::from_u128(id)))).collect();
        assert!(pauses.len() > 90, "{}", pauses.len());
    }
}
