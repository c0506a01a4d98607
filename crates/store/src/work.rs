//! What a piece of work costs: its statements and transactions, by the name of the work.
//!
//! The edges (a route, a reaction, a job, the relay) name the work they do with [`scope`]; every
//! statement is counted to the name in force. A request reads its own cost with [`Cost`].

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Statements and transactions so far.
#[derive(Debug, Default)]
pub struct Cost {
    statements: AtomicU64,
    transactions: AtomicU64,
}

impl Cost {
    pub fn statements(&self) -> u64 {
        self.statements.load(Relaxed)
    }

    pub fn transactions(&self) -> u64 {
        self.transactions.load(Relaxed)
    }
}

#[derive(Debug, Clone)]
struct Work {
    name: Arc<str>,
    cost: Arc<Cost>,
    traceparent: Option<Arc<str>>,
}

tokio::task_local! {
    static WORK: Work;
}

/// Runs `future` as the named work and counts to `cost` what it does. What it says and starts
/// carries `traceparent` (W3C Trace Context) on.
pub async fn scope<F: Future>(
    name: impl Into<Arc<str>>,
    traceparent: Option<&str>,
    cost: Arc<Cost>,
    future: F,
) -> F::Output {
    WORK.scope(Work { name: name.into(), cost, traceparent: traceparent.map(Into::into) }, future).await
}

/// Runs `future` as another part of the work in hand: counted under its own name, to the same cost and trace.
pub async fn part<F: Future>(name: &str, future: F) -> F::Output {
    let work = WORK.try_with(|work| Work { name: name.into(), ..work.clone() });
    match work {
        Ok(work) => WORK.scope(work, future).await,
        Err(_) => future.await,
    }
}

/// The trace that the work in hand belongs to.
pub fn traceparent() -> Option<Arc<str>> {
    WORK.try_with(|work| work.traceparent.clone()).ok().flatten()
}

/// Transactions and statements by the name of the work.
type Entries = BTreeMap<Arc<str>, (u64, u64)>;

/// Cost by name of work, for the story that prints what a purchase costs. Off until asked for.
#[derive(Debug, Default)]
pub struct Ledger {
    recording: Mutex<Recording>,
}

#[derive(Debug, Default)]
struct Recording {
    entries: Option<Entries>,
    /// The work whose first transaction is the last that is noted.
    until: Option<String>,
    is_over: bool,
}

impl Ledger {
    /// Starts anew.
    pub fn record(&self) {
        *self.lock() = Recording { entries: Some(Entries::new()), ..Recording::default() };
    }

    /// Starts anew, and notes nothing that comes after the first transaction of this work.
    pub fn record_until(&self, work: &str) {
        *self.lock() = Recording { entries: Some(Entries::new()), until: Some(work.to_owned()), is_over: false };
    }

    /// `(work, transactions, statements)` since [`Ledger::record`].
    pub fn entries(&self) -> Vec<(String, u64, u64)> {
        let recording = self.lock();
        recording
            .entries
            .iter()
            .flatten()
            .map(|(name, (transactions, statements))| (name.to_string(), *transactions, *statements))
            .collect()
    }

    pub(crate) fn count(&self, transactions: u64, statements: u64) {
        let name = WORK.try_with(|work| {
            work.cost.statements.fetch_add(statements, Relaxed);
            work.cost.transactions.fetch_add(transactions, Relaxed);
            Arc::clone(&work.name)
        });
        let Recording { entries: Some(entries), until, is_over: is_over @ false } = &mut *self.lock() else { return };
        let name = name.unwrap_or_else(|_| "unnamed".into());
        *is_over = transactions > 0 && until.as_deref() == Some(&*name);
        let entry = entries.entry(name).or_default();
        entry.0 += transactions;
        entry.1 += statements;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Recording> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
