//! Waits until nothing moves in a shop, instead of sleeping and hoping.

use std::time::{Duration, Instant};

use contracts::SERVICES;
use outside::{Waiting, waiting};
use store::{inbox, job};

use crate::Shop;

/// Machine time; a story that needs longer hangs.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// So many looks in a row must find nothing: what one look misses has moved on by the next.
const CALM_LOOKS: u32 = 3;
/// What is tried again waits for the clock: it moves by this while only such work is left.
const STEP: Duration = Duration::from_secs(1);
/// Bounded, so that an order's own timers do not run out: backoff reaches nine tries in it.
const STEPS_MAX: u32 = 600;
impl Shop {
    /// Returns when nothing moves any more: no event on its way, no parked one, no job due or to be tried
    /// again soon. Moves the clock a little where only that can bring the work on.
    pub async fn settle(&self) {
        let (begun, mut steps) = (Instant::now(), 0);
        let mut calm = 0;
        loop {
            let waiting = self.waiting().await;
            calm = if waiting.is_nothing() { calm + 1 } else { 0 };
            if calm == CALM_LOOKS {
                return;
            }
            if waiting.is_for_the_clock() && steps < STEPS_MAX {
                steps += 1;
                self.advance(STEP);
                tokio::time::sleep(3 * LOOK_EVERY).await;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "after {PATIENCE:?} and {steps} s of the shop's time there still waits: {waiting:?}"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Nothing waits and nothing was given up.
    pub(crate) async fn must_be_drained(&self) {
        let waiting = self.waiting().await;
        assert!(waiting.is_nothing(), "the shop is not drained: {waiting:?}");
        let db = self.db();
        {
            for service in SERVICES {
                let (letters, jobs) =
                    (inbox::dead_letters(&db.of(service), 10).await, job::dead(&db.of(service), 10).await);
                let (letters, jobs) = (letters.expect("the inbox is read"), jobs.expect("the jobs are read"));
                assert!(letters.is_empty() && jobs.is_empty(), "{service} gave up: {letters:?} {jobs:?}");
            }
        }
    }

    async fn waiting(&self) -> Waiting {
        waiting(self.db(), self.clock.now()).await.expect("its tables are read")
    }
}
