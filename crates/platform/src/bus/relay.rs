//! The relay: one a process and database. Claims undone events, hands them over, marks them done.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use store::{Db, Envelope, fault, outbox, work};
use uuid::Uuid;

use super::Hears;
use crate::service::Watch;
use crate::tasks::Tasks;

/// How often a process looks for what others wrote, or what it missed.
const POLL: Duration = Duration::from_millis(200);
const LEASE: SignedDuration = SignedDuration::from_secs(30);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What a relay is made of.
pub struct RelaySetting {
    pub db: Db,
    /// The services whose outbox it empties.
    pub says: Vec<&'static str>,
    pub batch_events_max: i64,
    pub tasks: Tasks,
    #[cfg(feature = "faults")]
    pub disturb: Option<Disturb>,
}

/// Hands events over inside the process (the local bus).
pub struct Relay {
    setting: RelaySetting,
    hears: Vec<Arc<Hears>>,
    watches: Vec<(&'static str, Watch)>,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("says", &self.setting.says).finish_non_exhaustive()
    }
}

impl Relay {
    pub(crate) fn new(setting: RelaySetting, hears: Vec<Arc<Hears>>, watches: Vec<(&'static str, Watch)>) -> Self {
        Self { setting, hears, watches }
    }

    /// Until shutdown, and then until what was handed over is marked.
    pub(crate) async fn run(mut self) {
        let tasks = self.setting.tasks.clone();
        while !tasks.is_stopping() {
            if let Err(error) = self.drain().await {
                tracing::warn!(%error, "the relay could not reach its outbox");
                tokio::time::sleep(POLL).await;
            }
            self.wait().await;
        }
        if let Err(error) = self.drain().await {
            tracing::warn!(%error, "the relay stopped with events in its outbox; they go on at the next start");
        }
    }

    /// Returns when there may be something to hand over.
    async fn wait(&self) {
        let tasks = &self.setting.tasks;
        loop {
            tokio::select! {
                () = tasks.stopping() => return,
                () = self.setting.db.said() => return,
                () = tokio::time::sleep(POLL) => {}
            }
            let undone = outbox::undone(&self.setting.db, &self.setting.says);
            match work::scope("relay looks", None, Arc::default(), undone).await {
                Ok((0, _)) => {}
                Ok(_) => return,
                Err(error) => tracing::warn!(%error, "the relay could not look into its outbox"),
            }
        }
    }

    /// Hands over until nothing waits.
    async fn drain(&mut self) -> Result<(), store::Error> {
        let mut done: Vec<Uuid> = Vec::new();
        loop {
            let claimed = self.turn(std::mem::take(&mut done)).await?;
            #[cfg(feature = "faults")]
            let claimed = match &mut self.setting.disturb {
                Some(disturb) => disturb.mix(claimed),
                None => claimed,
            };
            if claimed.is_empty() {
                return Ok(());
            }
            fault::point("relay.claimed");
            if !self.hand_over(&claimed).await {
                return Ok(());
            }
            fault::point("relay.handed_over");
            done.extend(claimed.iter().map(|event| event.id));
        }
    }

    /// Marks what is done and claims what is next, in one transaction.
    async fn turn(&self, done: Vec<Uuid>) -> Result<Vec<Envelope>, store::Error> {
        let db = &self.setting.db;
        // What was said up to now is claimed here: it needs no turn of its own afterwards.
        let _ = db.said().now_or_never();
        let lease_until = db.clock().now().saturating_add(LEASE).unwrap_or(Timestamp::MAX);
        let marked = !done.is_empty();
        let limit = self.setting.batch_events_max;
        let input = (done, self.setting.says.clone(), lease_until, limit);
        let turn = db.write(input, |tx, (done, says, lease_until, limit)| {
            Box::pin(outbox::turn(tx, done, says, *lease_until, *limit))
        });
        let claimed = work::scope("relay", None, Arc::default(), turn).await?;
        if marked {
            fault::point("relay.marked");
        }
        Ok(claimed)
    }

    /// Gives the events to every service that hears them, again until each has them; then to watches.
    /// `false`: the process stops before that.
    async fn hand_over(&self, events: &[Envelope]) -> bool {
        let mut waiting: Vec<(&Arc<Hears>, Vec<Envelope>)> = self
            .hears
            .iter()
            .map(|hears| {
                (
                    hears,
                    events
                        .iter()
                        .filter(|event| hears.hears(event) && !is_lost(hears, event))
                        .cloned()
                        .collect::<Vec<_>>(),
                )
            })
            .filter(|(_, batch)| !batch.is_empty())
            .collect();
        let mut pause = Duration::from_millis(50);
        loop {
            let results = join_all(waiting.iter().map(|(hears, batch)| hears.apply(batch.clone()))).await;
            let mut left = Vec::new();
            for ((hears, batch), result) in waiting.into_iter().zip(results) {
                if let Err(error) = result {
                    tracing::warn!(service = hears.name, %error, "a batch could not be applied and is handed over again");
                    left.push((hears, batch));
                }
            }
            if left.is_empty() {
                break;
            }
            waiting = left;
            tokio::select! {
                () = self.setting.tasks.stopping() => return false,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSE_MAX),
            }
        }
        for event in events {
            for (_, watch) in self.watches.iter().filter(|(name, _)| *name == event.name) {
                // A watch only keeps memory up to date: its defect must not stop the events.
                if std::panic::catch_unwind(AssertUnwindSafe(|| watch(event))).is_err() {
                    tracing::error!(event = %event.id, name = %event.name, "a watch panicked");
                }
            }
        }
        true
    }
}

/// The planted bug of I7: a confirmed order that shipping never hears of.
fn is_lost(hears: &Hears, event: &Envelope) -> bool {
    hears.name == "shipping" && event.name == "order.confirmed" && fault::planted("bug.relay.loses")
}

#[cfg(feature = "faults")]
pub use disturb::Disturb;

#[cfg(feature = "faults")]
mod disturb {
    use rand::rngs::StdRng;
    use rand::seq::SliceRandom;
    use rand::{Rng, SeedableRng};
    use store::Envelope;

    /// Makes deliveries as bad as they may be: each comes twice, in any order, some much later.
    #[derive(Debug)]
    pub struct Disturb {
        random: StdRng,
        held: Vec<Envelope>,
    }

    impl Disturb {
        pub fn new(seed: u64) -> Self {
            Self { random: StdRng::seed_from_u64(seed), held: Vec::new() }
        }

        /// What to hand over now: of what came and what was held back, about half, shuffled; what came is
        /// doubled first. With nothing new, all that is held.
        pub(crate) fn mix(&mut self, came: Vec<Envelope>) -> Vec<Envelope> {
            let nothing_new = came.is_empty();
            self.held.extend(came.iter().cloned());
            self.held.extend(came);
            self.held.shuffle(&mut self.random);
            if nothing_new || self.held.len() < 2 {
                return std::mem::take(&mut self.held);
            }
            let now = self.random.random_range(1..=self.held.len());
            self.held.drain(..now).collect()
        }
    }
}
