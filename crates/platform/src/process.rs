//! A process: the services that run in it, what moves their events and jobs, and its routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use contracts::delivery::{Applied, Said, SaidEvent, SaidPage};
use jiff::{SignedDuration, Timestamp};
use metrics_exporter_prometheus::PrometheusHandle;
use store::outbox::{self, Says};
use store::{Db, Dialect, Tx, idempotency, inbox, job, work};

use crate::bus::{self, Bus, Carrier, Hears, Local, Publisher, Relay, RelaySetting, Watcher};
use crate::calls::{self, AnyAnswer, Peers};
use crate::http::{self, Health};
use crate::jobs::Runner;
use crate::service::{Prune, Watch};
use crate::tasks::Tasks;
use crate::telemetry;
use crate::{Config, Ctx, Problem, Service, audit};

const PRUNE_EVERY: SignedDuration = SignedDuration::from_hours(1);
const PRUNE_ROWS_MAX: i64 = 500;
/// A replay never reaches behind the inbox, so the outbox is kept for less.
const KEPT_OUTBOX: SignedDuration = SignedDuration::from_hours(7 * 24);
const KEPT_INBOX: SignedDuration = SignedDuration::from_hours(30 * 24);
pub const KEPT_IDEMPOTENCY: SignedDuration = SignedDuration::from_hours(2 * 24);
const DEAD_LETTERS_SHOWN_MAX: i64 = 100;

/// What a process is started with.
#[derive(Debug)]
pub struct Process {
    pub config: Arc<Config>,
    pub peers: Peers,
    pub tasks: Tasks,
    pub metrics: Option<PrometheusHandle>,
    pub bus: Bus,
    #[cfg(feature = "faults")]
    pub disturb_seed: Option<u64>,
}

impl Process {
    /// One that counts nothing and is not disturbed.
    pub fn new(config: Arc<Config>, peers: Peers) -> Self {
        Self {
            config,
            peers,
            tasks: Tasks::default(),
            metrics: None,
            bus: Bus::Local,
            #[cfg(feature = "faults")]
            disturb_seed: None,
        }
    }

    /// Lets the services answer each other; needed before any call, and enough for commands.
    pub fn settle(&self, services: &[Service]) {
        let mut answers: BTreeMap<&'static str, AnyAnswer> = BTreeMap::new();
        for service in services {
            answers.extend(service.answers.iter().map(|(name, answer)| (*name, Arc::clone(answer))));
        }
        self.peers.settle(answers, services.iter().flat_map(own_answers).collect());
    }

    /// Starts the services: relay, jobs, retries, pruning. Returns the routes to serve; `elsewhere` are services
    /// of the shop that run in other processes, for its documents.
    ///
    /// # Errors
    /// What is asked or said without exactly one owner, by name.
    pub async fn start(&self, services: Vec<Service>, elsewhere: &[Service]) -> Result<Router, String> {
        self.settle(&services);
        self.check(&services)?;
        let mut databases: Vec<Db> = Vec::new();
        for service in &services {
            if !databases.iter().any(|db| db.is_same(&service.ctx.db)) {
                databases.push(service.ctx.db.clone());
            }
        }
        let hears: Vec<Arc<Hears>> = services.iter().map(Hears::new).collect();
        for db in &databases {
            let here: Vec<&Service> = services.iter().filter(|service| service.ctx.db.is_same(db)).collect();
            let names: Vec<&'static str> = here.iter().map(|service| service.name).collect();
            if matches!(self.bus, Bus::Local) || db.dialect() == Dialect::Sqlite {
                release_leases(db, &names).await.map_err(|error| error.to_string())?;
            }
            let setting = RelaySetting {
                db: db.of("souk"),
                says: says(&names),
                batch_events_max: self.config.bus.batch_events_max,
                tasks: self.tasks.clone(),
                #[cfg(feature = "faults")]
                disturb: self.disturb_seed.map(bus::Disturb::new),
            };
            self.tasks.spawn(Relay::new(setting, self.carrier(&services, &hears)).run());
            self.tasks.spawn(Runner::new(db.of("souk"), &here, self.tasks.clone()).run());
            let own = here.iter().map(|service| (service.name, service.prune.clone())).collect();
            self.tasks.spawn(prune(db.clone(), own, self.tasks.clone()));
        }
        self.listen(&services, &hears);
        for hears in hears {
            self.tasks.spawn(bus::retry_parked(hears, self.tasks.clone()));
        }
        if let Some(metrics) = self.metrics.clone() {
            self.tasks.spawn(telemetry::sum_up(metrics, self.tasks.clone()));
        }
        let health = Health { databases, bus: self.bus.clone(), metrics: self.metrics.clone() };
        let ids = services.first().map_or(store::Ids::Random, |service| service.ctx.ids.clone());
        Ok(http::router(services, elsewhere, health, self.peers.clone(), self.tasks.clone(), &self.config, ids))
    }

    /// Where a relay hands its events over.
    fn carrier(&self, services: &[Service], hears: &[Arc<Hears>]) -> Carrier {
        let tasks = self.tasks.clone();
        match &self.bus {
            Bus::Local => Carrier::Local(Local { hears: hears.to_vec(), watches: watches(services), tasks }),
            Bus::RabbitMq(broker) => Carrier::RabbitMq(Publisher::new(broker.clone(), tasks)),
        }
    }

    /// Takes what comes from a broker: reactions by service, watches by process.
    fn listen(&self, services: &[Service], hears: &[Arc<Hears>]) {
        let Bus::RabbitMq(broker) = &self.bus else { return };
        let batch_events_max = usize::try_from(self.config.bus.batch_events_max).unwrap_or(1);
        for hears in hears.iter().filter(|hears| hears.hears_anything()) {
            let consume = bus::consume(broker.clone(), Arc::clone(hears), batch_events_max, self.tasks.clone());
            self.tasks.spawn(consume);
        }
        let missed = services.iter().flat_map(|service| service.missed.iter().cloned()).collect();
        let watcher = Watcher { broker: broker.clone(), watches: watches(services), missed, tasks: self.tasks.clone() };
        self.tasks.spawn(watcher.run());
    }

    /// Every call asked has an owner, and every service reacts to what `contracts` says it hears.
    fn check(&self, services: &[Service]) -> Result<(), String> {
        let known = |name: &str| {
            contracts::SERVICES.contains(&name) || services.iter().any(|service| service.asks.contains(&name))
        };
        if let Some(name) = self.config.peers.keys().find(|name| !known(name)) {
            return Err(format!("setting `peers`: `{name}` is neither a service nor a call that a service here asks"));
        }
        for service in services {
            if let Some(call) = service.asks.iter().find(|call| !self.peers.has_owner(call)) {
                let owner = call.split('.').next().unwrap_or(call);
                return Err(format!(
                    "setting `peers.{owner}`: {} asks {call}, and nobody answers it: write where {owner} runs, \
                     `http://host:port`, or run it here",
                    service.name
                ));
            }
            let missing = |event: &contracts::EventDoc| {
                event.heard_by.contains(&service.name) && !service.reactions.contains_key(event.name)
            };
            if let Some(event) = contracts::all_events().into_iter().find(missing) {
                return Err(format!(
                    "contracts say that {} hears {}, but it has no reaction to it",
                    service.name, event.name
                ));
            }
        }
        Ok(())
    }
}

/// What the services of a process watch, and the process itself.
fn watches(services: &[Service]) -> Vec<(&'static str, Watch)> {
    let own = services.first().into_iter().flat_map(|service| service.ctx.identity.watches());
    services.iter().flat_map(|service| service.watches.iter().cloned()).chain(own).collect()
}

/// On a local bus, and on SQLite, this process is alone: what an earlier one had in hand is free again.
async fn release_leases(db: &Db, services: &[&'static str]) -> Result<(), store::Error> {
    let services = services.to_vec();
    db.of("souk")
        .write(services, |tx, services| {
            Box::pin(async move {
                outbox::release_leases(tx, services).await?;
                job::release_leases(tx, services).await
            })
        })
        .await
        .map(drop)
}

/// Hourly, in small transactions: forgets what is done and beyond any repeat, and what each service says.
async fn prune(db: Db, services: Vec<(&'static str, Option<Prune>)>, tasks: Tasks) {
    loop {
        let again = db.clock().now().saturating_add(PRUNE_EVERY).unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = tasks.stopping() => return,
            () = db.clock().sleep_until(again) => {}
        }
        for (service, own) in &services {
            let pruned = work::scope("prune", None, Arc::default(), async {
                prune_service(&db.of(service)).await?;
                match own {
                    Some(own) => own().await,
                    None => Ok(()),
                }
            });
            if let Err(problem) = pruned.await {
                tracing::warn!(service, %problem, "could not prune");
            }
        }
    }
}

async fn prune_service(db: &Db) -> Result<(), Problem> {
    loop {
        let rows = db.write((), |tx, ()| Box::pin(prune_chunk(tx)));
        if i64::try_from(rows.await?).unwrap_or(0) < PRUNE_ROWS_MAX {
            return Ok(());
        }
    }
}

/// Deletes up to [`PRUNE_ROWS_MAX`] rows of each table; returns the largest of the counts.
async fn prune_chunk(tx: &mut Tx) -> Result<u64, store::Error> {
    let now = tx.now();
    let before = |kept: SignedDuration| now.saturating_sub(kept).unwrap_or(Timestamp::MIN);
    let outbox = outbox::prune(tx, before(KEPT_OUTBOX), PRUNE_ROWS_MAX).await?;
    let inbox = inbox::prune(tx, before(KEPT_INBOX), PRUNE_ROWS_MAX).await?;
    let keys = idempotency::prune(tx, before(KEPT_IDEMPOTENCY), PRUNE_ROWS_MAX).await?;
    Ok(outbox.max(inbox).max(keys))
}

fn own_answers(service: &Service) -> Vec<(String, AnyAnswer)> {
    delivery_answers(service).into_iter().chain(audit::answers(service)).collect()
}

/// The events of these services that this release knows. What a later one said waits for it: here nobody knows who
/// hears it.
fn says(services: &[&'static str]) -> Says {
    // Services that tests make up say what no contract lists.
    let is_known = services.iter().all(|service| contracts::SERVICES.contains(service));
    let types = is_known.then(|| contracts::all_events().into_iter().map(|event| event.name).collect());
    Says { services: services.to_vec(), types }
}

/// What the platform answers for every service: `<service>.said` and `<service>.applied`.
fn delivery_answers(service: &Service) -> Vec<(String, AnyAnswer)> {
    vec![
        (format!("{}.said", service.name), calls::erase_with(service.ctx.clone(), said)),
        (format!("{}.applied", service.name), calls::erase_with(service.ctx.clone(), applied)),
    ]
}

async fn said(ctx: Ctx, call: Said) -> Result<SaidPage, Problem> {
    let limit = call.limit.clamp(1, 500);
    let events = outbox::page(&ctx.db, call.after.unwrap_or_default(), limit).await?;
    let (undone, oldest_undone) = outbox::undone(&ctx.db, &[ctx.db.service()]).await?;
    let text =
        |letter: inbox::DeadLetter| format!("{} {}: {}", letter.name, letter.event, letter.error.unwrap_or_default());
    Ok(SaidPage {
        events: events
            .into_iter()
            .map(|event| SaidEvent { id: event.id, name: event.name, said_at: event.said_at })
            .collect(),
        undone,
        oldest_undone,
        dead_letters: inbox::dead_letters(&ctx.db, DEAD_LETTERS_SHOWN_MAX).await?.into_iter().map(text).collect(),
        dead_jobs: job::dead(&ctx.db, DEAD_LETTERS_SHOWN_MAX).await?.into_iter().map(text).collect(),
    })
}

async fn applied(ctx: Ctx, call: Applied) -> Result<Vec<(uuid::Uuid, bool)>, Problem> {
    Ok(inbox::applied(&ctx.db, &call.events).await?)
}
