//! What buyers and staff were told: added to, never changed, in memory and in a file.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Place,
    Pay,
    Cancel,
    Dispatch,
    /// Of all that was ordered.
    Deliver,
    Refund,
}

/// What is known of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// On its way; of each try.
    Sent,
    /// Promised: what it did exists. `amount` in minor units, of what was ordered or refunded.
    Acknowledged { order: String, amount: i64 },
    /// Definitely not done.
    Refused { status: u16, code: String },
    /// No answer, or one that says nothing: it may have been done or not.
    Unknown { why: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub at_milliseconds: u64,
    pub buyer: usize,
    pub operation: Operation,
    /// The `Idempotency-Key`, the same at each try.
    pub key: String,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// A history being written.
#[derive(Debug)]
pub struct History {
    begun: Instant,
    kept: Mutex<(Vec<Entry>, File)>,
}

impl History {
    /// # Errors
    /// The file can't be made.
    pub fn new(file: &Path) -> io::Result<Self> {
        Ok(Self { begun: Instant::now(), kept: Mutex::new((Vec::new(), File::create(file)?)) })
    }

    pub fn note(&self, buyer: usize, operation: Operation, key: &str, outcome: Outcome) {
        let at_milliseconds = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let entry = Entry { at_milliseconds, buyer, operation, key: key.to_owned(), outcome };
        let line = serde_json::to_string(&entry).expect("an entry is plain data");
        let mut kept = self.kept.lock().expect("a history");
        writeln!(kept.1, "{line}").expect("the history is written");
        kept.0.push(entry);
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.kept.lock().expect("a history").0.clone()
    }

    /// Orders that were acknowledged.
    pub fn orders_acknowledged(&self) -> usize {
        orders_acknowledged(&self.kept.lock().expect("a history").0)
    }
}

pub fn orders_acknowledged(entries: &[Entry]) -> usize {
    let orders = entries.iter().filter_map(|entry| match &entry.outcome {
        Outcome::Acknowledged { order, .. } if entry.operation == Operation::Place => Some(order),
        _ => None,
    });
    orders.collect::<std::collections::BTreeSet<_>>().len()
}
