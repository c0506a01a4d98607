//! A process with two small services: `speaker` says events, `listener` counts what it hears.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use contracts::{Event, Id, Kind};
use jiff::Timestamp;
use platform::auth::Identity;
use platform::bus::{Broker, Bus};
use platform::calls::Peers;
use platform::process::Process;
use platform::tasks::Tasks;
use platform::{Clock, Config, Ctx, Ended, Ids, JobRun, Outcome, Problem, Service};
use serde::{Deserialize, Serialize};
use store::{Db, Job, Migration, Options, Tx, inbox, job, migrate, outbox, params};
use uuid::Uuid;

use crate::store as sql;

contracts::ids! {
    /// What is counted.
    ThingId = "thing";
}
store::id_values!(ThingId);

/// A fact that `listener` counts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Counted {
    pub thing: ThingId,
    pub what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    One,
    /// Waits until the thing was counted once.
    OneMore,
    Panic,
    Fail,
    /// Counts, and says [`Echoed`].
    Echo,
}

impl Event for Counted {
    const NAME: &'static str = "thing.counted";
    const SAID_BY: &'static str = "speaker";
    const HEARD_BY: &'static [&'static str] = &["listener"];
    const KIND: Kind = Kind::Fact;
    fn subject(&self) -> Uuid {
        self.thing.uuid()
    }
}

/// What `listener` says back; `speaker` counts it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Echoed {
    pub thing: ThingId,
}

impl Event for Echoed {
    const NAME: &'static str = "thing.echoed";
    const SAID_BY: &'static str = "listener";
    const HEARD_BY: &'static [&'static str] = &["speaker"];
    const KIND: Kind = Kind::Fact;
    fn subject(&self) -> Uuid {
        self.thing.uuid()
    }
}

/// The whole state of a thing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Described {
    pub thing: ThingId,
    pub version: i64,
}

impl Event for Described {
    const NAME: &'static str = "thing.described";
    const SAID_BY: &'static str = "speaker";
    const HEARD_BY: &'static [&'static str] = &["listener"];
    const KIND: Kind = Kind::State;
    fn subject(&self) -> Uuid {
        self.thing.uuid()
    }
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

/// Counts a thing; fails while told to.
#[derive(Debug, Serialize, Deserialize)]
pub struct CountLater {
    pub thing: ThingId,
    pub fails: bool,
    pub slow: bool,
}

impl Job for CountLater {
    const KIND: &'static str = "count_later";
    fn key(&self) -> String {
        self.thing.to_string()
    }
}

const MIGRATIONS: &[Migration] = &[Migration {
    name: "0001_listener",
    release: 1,
    sql: "CREATE TABLE listener_count (service @text NOT NULL, thing @id NOT NULL, number @int NOT NULL, PRIMARY KEY (service, thing))@table;",
}];

async fn count(tx: &mut Tx, thing: ThingId) -> Result<(), store::Error> {
    let service = tx.service();
    tx.exec(&sql::COUNT, params![service, thing, 1_i64]).await.map(drop)
}

async fn on_counted(_: &Ctx, tx: &mut Tx, event: &Counted) -> Result<Outcome, Problem> {
    let before: Option<(i64,)> = tx.opt(&sql::NUMBER, params!["listener", event.thing]).await?;
    match event.what {
        What::OneMore if before.is_none() => return Ok(Outcome::Later("not counted yet")),
        What::Panic => panic!("poison"),
        What::Fail => {
            count(tx, event.thing).await?;
            return Err(Problem::internal("it never works"));
        }
        What::Echo => tx.say(&Echoed { thing: event.thing }),
        What::One | What::OneMore => {}
    }
    count(tx, event.thing).await?;
    Ok(Outcome::Done)
}

async fn on_described(_: &Ctx, tx: &mut Tx, event: &Described) -> Result<Outcome, Problem> {
    tx.exec(&sql::SET, params!["listener", event.thing, event.version]).await?;
    Ok(Outcome::Done)
}

async fn on_echoed(_: &Ctx, tx: &mut Tx, event: &Echoed) -> Result<Outcome, Problem> {
    count(tx, event.thing).await?;
    Ok(Outcome::Done)
}

async fn count_later(ctx: Ctx, run: JobRun, job: CountLater) -> Result<Ended, Problem> {
    if job.fails {
        return Err(Problem::unavailable("not today"));
    }
    if job.slow {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let done = ctx.db.write((run, job), |tx, (run, job)| {
        Box::pin(async move {
            count(tx, job.thing).await?;
            run.finish(tx).await
        })
    });
    Ok(done.await?)
}

/// A database that outlives the processes on it.
pub struct Place {
    url: String,
    clock: Clock,
    /// SQLite's folder; PostgreSQL's database is dropped by name.
    _folder: Option<tempfile::TempDir>,
    postgres: Option<(String, String)>,
    /// RabbitMQ, and the names of this place there.
    rabbitmq: Option<(String, String)>,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Place {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("souk.db").display());
        Self { url, clock: clock(), _folder: Some(folder), postgres: None, rabbitmq: None }
    }

    pub async fn postgres() -> Self {
        #[allow(clippy::disallowed_methods, reason = "tests are told where PostgreSQL is")]
        let server = std::env::var("SOUK_TEST_POSTGRES");
        let server = server.expect("SOUK_TEST_POSTGRES is not set: run `cargo xtask test`, which starts PostgreSQL");
        let name = format!("souk_platform_{}_{}", std::process::id(), NEXT.fetch_add(1, SeqCst));
        admin(&server, &format!("CREATE DATABASE {name}")).await;
        let url = format!("{}/{name}", server.rsplit_once('/').expect("a url with a database").0);
        Self { url, clock: clock(), _folder: None, postgres: Some((server, name)), rabbitmq: None }
    }

    /// On PostgreSQL, with RabbitMQ between the processes.
    pub async fn rabbitmq() -> Self {
        #[allow(clippy::disallowed_methods, reason = "tests are told where RabbitMQ is")]
        let url = std::env::var("SOUK_TEST_RABBITMQ");
        let url = url.expect("SOUK_TEST_RABBITMQ is not set: run `cargo xtask test`, which starts RabbitMQ");
        Self::on_broker(url).await
    }

    pub async fn on_broker(url: String) -> Self {
        let place = Self::postgres().await;
        let prefix = place.postgres.as_ref().expect("a database").1.clone();
        Self { rabbitmq: Some((url, prefix)), ..place }
    }

    /// Where another process may live, time has to pass until it is known not to.
    pub fn pass_a_lease(&self) {
        if self.rabbitmq.is_some() {
            self.clock.advance(Duration::from_secs(job::LEASE.as_secs().unsigned_abs() + 1));
        }
    }

    /// The name of a queue of this place at its broker.
    pub fn queue(&self, name: &str) -> String {
        format!("{}.{name}", self.rabbitmq.as_ref().expect("a broker").1)
    }

    /// A process on it. Dropped without [`Rig::stop`], it is as good as crashed.
    pub async fn start(&self, disturb_seed: Option<u64>) -> Rig {
        let options = Options { connections_max: 8, ..Options::new(&self.url) };
        let db = Db::open(&options, self.clock.clone(), Ids::Random).await.expect("a database");
        let peers = Peers::new(&BTreeMap::new(), None, self.clock.clone()).expect("peers");
        let config = Arc::new(Config::defaults());
        let ctx = Ctx::new(db.clone(), peers.clone(), Arc::clone(&config), Identity::default());
        migrate::migrate(&db, &[("listener", MIGRATIONS)]).await.expect("a schema");
        let (watched, missed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (seen, told) = (Arc::clone(&watched), Arc::clone(&missed));
        let services = vec![
            Service::new("speaker", &ctx).reacts::<Echoed, _>(on_echoed),
            Service::new("listener", &ctx)
                .reacts::<Counted, _>(on_counted)
                .reacts::<Described, _>(on_described)
                .watches::<Counted>(move |_| {
                    seen.fetch_add(1, SeqCst);
                })
                .misses(move || {
                    told.fetch_add(1, SeqCst);
                })
                .does::<CountLater, _, _>(count_later),
        ];
        let here: Vec<_> = services.iter().map(|service| (service.name, service.hears())).collect();
        let broker = self.rabbitmq.as_ref().map(|(url, prefix)| Broker::new(url, prefix, &here).expect("a url"));
        let bus = broker.clone().map_or(Bus::Local, Bus::RabbitMq);
        let process = Process { config, peers, tasks: Tasks::default(), metrics: None, bus, disturb_seed };
        let _routes = process.start(services, &[]).await.expect("a process");
        let rig = Rig { db, clock: self.clock.clone(), tasks: process.tasks.clone(), broker, watched, missed };
        rig.connected().await;
        rig
    }

    pub async fn end(self) {
        if let Some((url, _)) = &self.rabbitmq {
            crate::broker::delete(url, &["speaker", "listener"].map(|name| self.queue(name))).await;
        }
        if let Some((server, name)) = &self.postgres {
            admin(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

fn clock() -> Clock {
    Clock::fixed("2026-11-22T10:00:00Z".parse::<Timestamp>().expect("a time"))
}

async fn admin(server: &str, statement: &str) {
    let (client, connection) =
        tokio_postgres::connect(server, tokio_postgres::NoTls).await.expect("PostgreSQL answers");
    #[allow(clippy::disallowed_methods, reason = "ends with its client")]
    let driver = tokio::spawn(connection);
    client.batch_execute(statement).await.expect("an administrator's statement");
    drop(client);
    let _ = driver.await;
}

pub struct Rig {
    pub db: Db,
    pub clock: Clock,
    tasks: Tasks,
    broker: Option<Broker>,
    pub watched: Arc<AtomicU64>,
    /// How often it was told that it may have missed something.
    pub missed: Arc<AtomicU64>,
}

impl Rig {
    pub fn thing(&self) -> ThingId {
        self.db.ids().next()
    }

    /// Says events in one transaction of `speaker`.
    pub async fn say<E: Event>(&self, events: Vec<E>) {
        let speaker = self.db.of("speaker");
        let said = speaker.write(events, |tx, events| {
            Box::pin(async move {
                events.iter().for_each(|event| tx.say(event));
                Ok::<_, store::Error>(())
            })
        });
        said.await.expect("said");
    }

    pub async fn start<J: Job>(&self, job: J, due: Option<Timestamp>) {
        let listener = self.db.of("listener");
        let started = listener.write((job, due), |tx, (job, due)| {
            Box::pin(async move {
                match due {
                    Some(due) => tx.start_at(job, *due),
                    None => tx.start(job),
                }
                Ok::<_, store::Error>(())
            })
        });
        started.await.expect("started");
    }

    pub async fn number(&self, service: &str, thing: ThingId) -> i64 {
        let found: Option<(i64,)> = self.db.opt(&sql::NUMBER, params![service, thing]).await.expect("a number");
        found.map_or(0, |(number,)| number)
    }

    pub async fn parked(&self) -> i64 {
        inbox::parked_count(&self.db.of("listener")).await.expect("a count")
    }

    /// Until it watches what comes from the broker, if there is one: what was said before is not watched.
    async fn connected(&self) {
        for _ in 0..500 {
            if self.broker.is_none() || self.missed.load(SeqCst) > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the broker was not reached within 10 s");
    }

    /// Until nothing waits in outbox, jobs or broker; parked events may stay.
    pub async fn settle(&self) {
        let now = self.clock.now();
        for _ in 0..1_500 {
            let (undone, _) = outbox::undone(&self.db, &["speaker", "listener"]).await.expect("a count");
            let due = job::due_count(&self.db, now, &["speaker", "listener"]).await.expect("a count");
            let (unheard,): (i64,) = self.db.one(&sql::UNHEARD, params![]).await.expect("a count");
            if undone == 0 && due == 0 && unheard == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the bus did not settle within 30 s");
    }

    /// Moves the clock second by second, so that what is parked is tried as it falls due.
    pub async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        self.settle().await;
    }

    /// Lets a day pass, and as many tries as it takes.
    pub async fn given_up_after_a_day(&self) -> Vec<inbox::DeadLetter> {
        self.clock.advance(Duration::from_secs(25 * 3_600));
        for _ in 0..100 {
            let letters = inbox::dead_letters(&self.db.of("listener"), 10).await.expect("dead letters");
            if !letters.is_empty() {
                return letters;
            }
            self.clock.advance(Duration::from_secs(600));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nothing was given up");
    }

    pub async fn stop(self) {
        assert!(self.tasks.stop(Duration::from_secs(10)).await, "the process did not stop");
        if let Some(broker) = &self.broker {
            broker.close().await;
        }
    }
}
