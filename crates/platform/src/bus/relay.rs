//! The relay: one a process and database. Claims undone events, hands them over, marks them done.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use store::outbox::{self, Says};
use store::{Db, Envelope, fault, work};
use uuid::Uuid;

use super::{Local, Publisher};
use crate::tasks::Tasks;

/// How often a process looks for what others wrote, or what it missed.
const POLL: Duration = Duration::from_millis(200);
const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// Takes events from the relay to who hears them.
pub(crate) enum Carrier {
    Local(Local),
    RabbitMq(Publisher),
}

impl Carrier {
    /// Returns when every subscriber has them or the broker has confirmed them; `false`: the process stops before.
    async fn hand_over(&mut self, events: &[Envelope]) -> bool {
        match self {
            Self::Local(local) => local.hand_over(events).await,
            Self::RabbitMq(publisher) => publisher.hand_over(events).await,
        }
    }
}

/// What a relay is made of.
pub(crate) struct RelaySetting {
    pub db: Db,
    /// Whose outbox it empties, and of what.
    pub says: Says,
    pub batch_events_max: i64,
    pub tasks: Tasks,
    #[cfg(feature = "faults")]
    pub disturb: Option<Disturb>,
}

/// Empties the outbox of the services of a process.
pub(crate) struct Relay {
    setting: RelaySetting,
    carrier: Carrier,
}

impl Relay {
    pub(crate) fn new(setting: RelaySetting, carrier: Carrier) -> Self {
        Self { setting, carrier }
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
            let waits = outbox::waits(&self.setting.db, &self.setting.says);
            match work::scope("relay looks", None, Arc::default(), waits).await {
                Ok(false) => {}
                Ok(true) => return,
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
            if !self.carrier.hand_over(&claimed).await {
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
