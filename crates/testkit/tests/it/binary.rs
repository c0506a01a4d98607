//! Stories of the real binary: a shop is set up by a clean process, and started again with faults.

use std::time::{Duration, Instant};

use contracts::customers::Role;
use serde_json::Value;
use testkit::{Buyer, Database, Process, Product, Setting, Staff, add_staff, audit};

/// Machine time for work that goes on by itself.
const PATIENCE: Duration = Duration::from_secs(25);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A shop that is open for business and has five teapots; no process runs on it.
#[derive(Debug)]
pub struct Ready {
    pub database: Database,
    pub owner: Staff,
    pub teapot: Product,
}

impl Ready {
    pub async fn on(database: Database) -> Self {
        let process = Process::serve(&database, &[]).await;
        let mut owner = add_staff(&database, &process.client, Role::Owner);
        owner.open_for_business().await;
        let teapot = owner.product(1999, 5).await;
        process.stop().await;
        Self { database, owner, teapot }
    }

    /// Starts a process. After a `kill -9`, PostgreSQL may hold the dead one's lock for a moment.
    pub async fn serve(&self, settings: &[Setting<'_>]) -> Process {
        let begun = Instant::now();
        loop {
            match Process::try_serve(&self.database, settings).await {
                Ok(process) => return process,
                Err(ended) if ended.stderr.contains("another souk serves") && begun.elapsed() < PATIENCE => {}
                Err(ended) => panic!("souk serve ended: {ended:#?}"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Asks until the audit says exactly this; events may still be on their way before.
    pub async fn audit_until(&self, settings: &[Setting<'_>], expected: &[&str]) {
        let begun = Instant::now();
        loop {
            let (broken, ended) = audit(&self.database, settings);
            if broken == expected {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "expected {expected:?}, the audit says {}", ended.stdout);
            tokio::time::sleep(4 * LOOK_EVERY).await;
        }
    }
}

/// Looks at the order until it is as meant.
pub async fn see_until(buyer: &Buyer, order: &str, meant: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let seen = buyer.see(order).await;
        if meant(&seen) {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "after {PATIENCE:?} the order is still {seen:#}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
