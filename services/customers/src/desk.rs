//! What the verbs of accounts share beside the context: one in a process.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use jiff::Timestamp;
use platform::Ctx;
use platform::auth::tokens::Signer;

use crate::hasher::Hasher;
use crate::jobs::Prune;

#[derive(Debug, Clone)]
pub struct Desk {
    pub hasher: Hasher,
    pub signer: Signer,
    /// The last hour for which this process had the pruning started.
    pruned: Arc<AtomicI64>,
}

impl Desk {
    pub fn new(ctx: &Ctx) -> Self {
        let signer = Signer::new(&ctx.secrets, &ctx.config.server.public_url);
        Self { hasher: Hasher::default(), signer, pruned: Arc::new(AtomicI64::new(i64::MIN)) }
    }

    /// The job that a try to log in starts, once an hour and process: its row costs a statement.
    pub fn prune(&self, now: Timestamp) -> Option<Prune> {
        let job = Prune::of(now);
        (self.pruned.load(Relaxed) != job.hour).then_some(job)
    }

    /// It was started: its transaction is committed.
    pub fn pruning(&self, job: Prune) {
        self.pruned.store(job.hour, Relaxed);
    }
}
