//! What every service answers about its own deliveries, for `souk audit`: as `<service>.said` and
//! `<service>.applied`, made by the platform for each.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `<service>.said`: the events it said, by id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Said {
    pub after: Option<Uuid>,
    pub limit: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SaidPage {
    pub events: Vec<SaidEvent>,
    /// Events not handed over yet, and since when the oldest waits.
    pub undone: i64,
    pub oldest_undone: Option<Timestamp>,
    /// Events of others that it could not apply and gave up, and jobs likewise; at most 100 each.
    pub dead_letters: Vec<String>,
    pub dead_jobs: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SaidEvent {
    pub id: Uuid,
    pub name: String,
    pub said_at: Timestamp,
}

/// `<service>.applied`: of these events (at most 500), the ones it has seen, and whether each is applied.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Applied {
    pub events: Vec<Uuid>,
}
