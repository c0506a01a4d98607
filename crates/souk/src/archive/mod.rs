//! A backup: one file that holds a whole shop as of one instant, and the way back into an empty database,
//! SQLite or PostgreSQL, whichever it came from.

mod backup;
mod format;
mod moving;
mod restore;

pub use backup::backup;
pub use moving::{Moved, move_shop};
pub use restore::restore;

/// How far a backup or a restore is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// What happens now: `writing orders_order`, `checking`.
    pub doing: String,
    pub rows: u64,
    pub rows_total: u64,
}

/// What was written or read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub tables: u64,
    pub rows: u64,
    pub bytes: u64,
}

const ROWS_BETWEEN_REPORTS: u64 = 1_000;
