//! What every service answers to `souk audit` about its keys and its tables, made by the platform for each:
//! `<service>.keys`, `.routes`, `.made`, `.existing` and `.scan`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `<service>.keys`: its idempotency keys, in their order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Keys {
    pub after: Option<KeyCursor>,
    pub limit: i64,
}

/// Whose key, of which route, and the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCursor {
    pub principal: String,
    pub route: String,
    pub key: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyFact {
    pub at: KeyCursor,
    pub status: i64,
    pub resource: Uuid,
    /// Whether what it made is there; `None`: what this route makes may be deleted by its owner.
    pub exists: Option<bool>,
    pub created_at: Timestamp,
}

/// `<service>.routes`: those that make a thing only under a key and never delete it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Routes {}

/// `<service>.made`: what such a route made, by id, with the keys that name it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MadeThings {
    pub route: String,
    pub after: Option<Uuid>,
    pub limit: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MadeThing {
    pub thing: Uuid,
    pub made_at: Timestamp,
    pub keys: i64,
    /// The lowest and the highest status that its keys note; 0 without a key.
    pub statuses: (i64, i64),
}

/// `<service>.existing`: of these things of a route (at most 500), the ones that are there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Existing {
    pub route: String,
    pub things: Vec<Uuid>,
}

/// `<service>.scan`: looks for personal data and secrets in what must hold none; a page a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scan {
    /// Where the page before ended; `None`: from the beginning.
    pub after: Option<ScanCursor>,
    pub limit: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanCursor {
    /// Which of its tables.
    pub table: usize,
    pub after: Uuid,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scanned {
    pub rows: i64,
    pub found: Vec<Misplaced>,
    pub next: Option<ScanCursor>,
}

/// Something that should not be where it is; never the thing itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Misplaced {
    pub table: String,
    pub row: String,
    /// The column, and the place in its JSON.
    pub place: String,
    /// `a card number`
    pub kind: String,
}
