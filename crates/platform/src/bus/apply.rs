//! How a service applies events: inbox and effect in one transaction, a part an event.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use store::{Envelope, Tx, fault, inbox, work};
use tokio::sync::Notify;

use crate::jobs::{GIVEN_UP_AFTER, GIVEN_UP_TRIES, backoff};
use crate::service::{Outcome, Reaction};
use crate::tasks::Tasks;
use crate::{Ctx, Problem, Service};

const PARKED_MAX: i64 = 64;
const POLL: SignedDuration = SignedDuration::from_secs(1);

/// A service, as the bus sees it.
pub(crate) struct Hears {
    pub name: &'static str,
    ctx: Ctx,
    reactions: BTreeMap<&'static str, Reaction>,
    parked: Notify,
}

/// What one application did with an event.
enum Did {
    Applied,
    /// Undone; why it has to be tried again.
    Put(String),
}

impl Hears {
    pub(crate) fn new(service: &Service) -> Arc<Self> {
        let reactions = service.reactions.iter().map(|(name, reaction)| (*name, Arc::clone(reaction))).collect();
        Arc::new(Self { name: service.name, ctx: service.ctx.clone(), reactions, parked: Notify::new() })
    }

    pub(crate) fn hears(&self, event: &Envelope) -> bool {
        self.reactions.contains_key(event.name.as_str())
    }

    pub(crate) fn hears_anything(&self) -> bool {
        !self.reactions.is_empty()
    }

    /// Applies the events of a batch that this service has not seen. `Ok`: each is applied or parked,
    /// durably; the delivery can be acknowledged.
    pub(crate) async fn apply(self: &Arc<Self>, mut batch: Vec<Envelope>) -> Result<(), store::Error> {
        batch.retain(|event| !self.is_lost(event));
        let Some(first) = batch.first() else { return Ok(()) };
        let name = format!("{} hears {}", self.name, first.name);
        let trace = first.traceparent.clone();
        work::scope(name.as_str(), trace.as_deref(), Arc::default(), self.apply_all(batch)).await
    }

    async fn apply_all(self: &Arc<Self>, batch: Vec<Envelope>) -> Result<(), store::Error> {
        match self.try_batch(batch.clone()).await {
            Err(error) if is_the_batch(&error) => {
                tracing::error!(service = self.name, %error, "a batch failed as a whole; its events are applied one by one");
                for event in batch {
                    self.apply_alone(event).await?;
                }
                Ok(())
            }
            other => other,
        }
    }

    async fn try_batch(self: &Arc<Self>, batch: Vec<Envelope>) -> Result<(), store::Error> {
        let input = (Arc::clone(self), batch);
        let parked = self.ctx.db.write(input, |tx, (hears, batch)| Box::pin(hears.apply_in(tx, batch))).await?;
        fault::point("bus.applied");
        if parked {
            self.parked.notify_one();
        }
        Ok(())
    }

    /// An event that breaks its transaction (a panic, a defect) is parked without its reaction.
    async fn apply_alone(self: &Arc<Self>, event: Envelope) -> Result<(), store::Error> {
        let Err(error) = self.try_batch(vec![event.clone()]).await else {
            return Ok(());
        };
        if error.is_unavailable() {
            return Err(error);
        }
        let input = (event, error.to_string());
        self.ctx.db.write(input, |tx, (event, why)| Box::pin(park_unapplied(tx, event, why))).await?;
        self.parked.notify_one();
        Ok(())
    }

    /// In one transaction: notes what is new, and lets each new event have its effect.
    async fn apply_in(&self, tx: &mut Tx, batch: &[Envelope]) -> Result<bool, store::Error> {
        if fault::planted("bug.inbox.is_dropped") {
            for event in batch {
                self.react(tx, event).await?;
            }
            return Ok(false);
        }
        let claimed = inbox::claim(tx, batch).await?;
        let mut seen = Vec::with_capacity(claimed.len());
        let mut parked = false;
        for event in batch {
            let new = claimed.iter().any(|claimed| claimed.event == event.id && !claimed.stale);
            if !new || seen.contains(&event.id) {
                continue;
            }
            seen.push(event.id);
            if let Did::Put(why) = self.react(tx, event).await? {
                park(tx, event, 1, &why).await?;
                parked = true;
            }
        }
        fault::point("bus.before_apply_commit");
        Ok(parked)
    }

    /// In one transaction, for reactions that derive: what was applied and is not overtaken has its effect again, what
    /// never came has it now; what is parked or dead stays so. Returns how many had it, and why others could not.
    pub(super) async fn apply_again_in(
        &self,
        tx: &mut Tx,
        batch: &[Envelope],
    ) -> Result<(u64, Vec<String>), store::Error> {
        let known = inbox::known(tx, batch).await?;
        let claimed = inbox::claim(tx, batch).await?;
        let (mut applied, mut failed) = (0, Vec::new());
        for event in batch {
            let new = claimed.iter().any(|claimed| claimed.event == event.id && !claimed.stale);
            if !new && !known.contains(&(event.id, true)) {
                continue;
            }
            match self.react(tx, event).await? {
                Did::Applied => applied += 1,
                Did::Put(why) if new => park(tx, event, 1, &why).await?,
                Did::Put(why) => failed.push(format!("{} {}: {why}", event.name, event.id)),
            }
        }
        Ok((applied, failed))
    }

    /// The planted bug of a lost delivery: a confirmed order that shipping never hears of.
    fn is_lost(&self, event: &Envelope) -> bool {
        self.name == "shipping" && event.name == "order.confirmed" && fault::planted("bug.relay.loses")
    }

    /// Runs the reaction as a part that is undone alone if it can't be applied now.
    async fn react(&self, tx: &mut Tx, event: &Envelope) -> Result<Did, store::Error> {
        let Some(reaction) = self.reactions.get(event.name.as_str()) else {
            return Ok(Did::Put(format!("this release of {} does not know {}", self.name, event.name)));
        };
        if fault::planted("bug.bus.refuses") {
            return Ok(Did::Put("a bug refuses every event".to_owned()));
        }
        let mark = tx.mark().await?;
        tx.hears(event);
        let why = match reaction(&self.ctx, tx, event).await {
            Ok(Outcome::Done) => {
                tx.keep(mark).await?;
                return Ok(Did::Applied);
            }
            Ok(Outcome::Later(why)) => why.to_owned(),
            Err(problem) => text_of(&problem),
        };
        // Fails where the transaction lost against another: then the whole batch runs again.
        tx.undo(mark).await?;
        tracing::debug!(service = self.name, event = %event.id, name = %event.name, %why, "parked");
        Ok(Did::Put(why))
    }

    /// Takes up parked events that are due.
    async fn retry_due(self: &Arc<Self>) -> Result<(), store::Error> {
        let now = self.ctx.clock.now();
        for parked in inbox::due(&self.ctx.db, now, PARKED_MAX).await? {
            let old = now.duration_since(parked.received_at) > GIVEN_UP_AFTER;
            let input = (Arc::clone(self), Arc::new(parked), old);
            let retry =
                self.ctx.db.write(input.clone(), |tx, (hears, parked, old)| Box::pin(hears.retry_in(tx, parked, *old)));
            match retry.await {
                Err(error) if error.is_unavailable() => return Err(error),
                Err(error) => {
                    let input = (input, error.to_string());
                    let put_off = self
                        .ctx
                        .db
                        .write(input, |tx, ((hears, parked, old), why)| Box::pin(hears.put_off(tx, parked, *old, why)));
                    put_off.await?;
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    async fn retry_in(&self, tx: &mut Tx, parked: &inbox::Parked, old: bool) -> Result<(), store::Error> {
        if !inbox::apply_parked(tx, parked.event.id).await? {
            return Ok(());
        }
        let Did::Put(why) = self.react(tx, &parked.event).await? else {
            return Ok(());
        };
        self.put_off(tx, parked, old, &why).await
    }

    /// Parks it again, for longer; gives it up when it is old and was tried often.
    async fn put_off(&self, tx: &mut Tx, parked: &inbox::Parked, old: bool, why: &str) -> Result<(), store::Error> {
        metrics::counter!("souk_retries_total", "service" => self.name, "kind" => "event").increment(1);
        park(tx, &parked.event, parked.attempts + 1, why).await?;
        if old && parked.attempts >= GIVEN_UP_TRIES || fault::planted("bug.bus.gives_up_at_once") {
            tracing::error!(service = self.name, event = %parked.event.id, name = %parked.event.name, %why, "given up after 24 hours");
            metrics::counter!("souk_dead_letters_total", "service" => self.name).increment(1);
            inbox::bury(tx, parked.event.id, why).await?;
        }
        Ok(())
    }
}

/// Whether a smaller batch may succeed where this one failed.
fn is_the_batch(error: &store::Error) -> bool {
    !error.is_unavailable() || matches!(error, store::Error::TooSlow(_) | store::Error::Contended(_))
}

async fn park(tx: &mut Tx, event: &Envelope, attempt: i64, why: &str) -> Result<(), store::Error> {
    let due = tx.now().saturating_add(backoff(attempt)).unwrap_or(Timestamp::MAX);
    inbox::park(tx, event, due, why).await
}

async fn park_unapplied(tx: &mut Tx, event: &Envelope, why: &str) -> Result<(), store::Error> {
    inbox::claim(tx, std::slice::from_ref(event)).await?;
    park(tx, event, 1, why).await
}

fn text_of(problem: &Problem) -> String {
    problem.cause.clone().unwrap_or_else(|| problem.to_string())
}

/// Until shutdown: retries what a service has parked, when it is due.
pub(crate) async fn retry_parked(hears: Arc<Hears>, tasks: Tasks) {
    while !tasks.is_stopping() {
        let work = work::scope(format!("{} retries", hears.name), None, Arc::default(), async {
            hears.retry_due().await?;
            inbox::next_due(&hears.ctx.db).await
        });
        let poll = hears.ctx.clock.now().saturating_add(POLL).unwrap_or(Timestamp::MAX);
        let due = match work.await {
            Ok(Some(due)) => due.min(poll),
            Ok(None) => poll,
            Err(error) => {
                tracing::warn!(service = hears.name, %error, "could not take up parked events");
                poll
            }
        };
        tokio::select! {
            () = tasks.stopping() => return,
            () = hears.parked.notified() => {}
            () = hears.ctx.clock.sleep_until(due) => {}
            () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
        }
    }
}
