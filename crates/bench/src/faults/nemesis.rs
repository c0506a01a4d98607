//! Breaks the shop as the schedule says, heals it again, and notes what struck while orders were in flight.

use std::time::{Duration, Instant};

use futures::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties, ExchangeKind};
use outside::Client;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rustix::process::Signal;
use serde::Serialize;
use serde_json::{Value, json};

use super::clock::{self, Clock};
use super::market::Market;
use super::proxy::Wire;
use super::rig::Rig;
use super::rolling;
use super::schedule::{Engine, Fault};

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A process that does not come to its fault point in this time is no fault that struck.
const POINT_MAX: Duration = Duration::from_secs(60);
const GATEWAY_MAX: Duration = Duration::from_secs(60);
/// A disk is full until a write met it, and at most so long.
const FULL_MAX: Duration = Duration::from_secs(60);
/// Longer than `server.shutdown_seconds_max`.
pub const DRAIN_MAX: Duration = Duration::from_secs(30);
/// What was said in this time is said again.
const LISTEN: Duration = Duration::from_secs(4);
/// Orders under way that a fault waits for, and how long.
const BUSY: i64 = 3;
const BUSY_MAX: Duration = Duration::from_secs(60);

/// A fault as it went.
#[derive(Debug, Clone, Serialize)]
pub struct Strike {
    pub fault: String,
    pub at_seconds: f64,
    /// How often it fired.
    pub fired: u32,
    /// Orders in flight when it did.
    pub orders_in_flight: i64,
    /// What was strange about it.
    pub note: String,
}

/// Whom it breaks, and who is there then.
pub struct Nemesis<'a> {
    pub rig: &'a mut Rig,
    pub market: &'a Market,
    pub begun: Instant,
    pub random: StdRng,
}

/// What is being noted while a fault is on.
#[derive(Debug, Default)]
pub struct Fired {
    pub times: u32,
    pub orders_in_flight: i64,
    pub note: String,
}

impl Nemesis<'_> {
    /// Strikes once, and leaves a whole shop.
    pub async fn strike(&mut self, fault: &Fault) -> Result<Strike, String> {
        self.busy().await;
        let at_seconds = self.begun.elapsed().as_secs_f64();
        let fired = match fault {
            Fault::Kill { service, down } => self.kill(service, *down).await?,
            Fault::Point { service, point, after } => self.point(service, point, *after).await?,
            Fault::BrokerKill { down } => self.broker_kill(*down).await?,
            Fault::PostgresKill { down } => self.postgres_kill(*down).await?,
            Fault::FullDisk { lasts } => self.full_disk(*lasts).await?,
            Fault::DiskAlarm { lasts } => self.disk_alarm(*lasts).await?,
            Fault::Pause { service, lasts } => self.pause(service, *lasts).await,
            Fault::ClockStep { service, seconds, lasts } => self.clock_step(service, *seconds, *lasts).await?,
            Fault::Rolling => rolling::restart(self).await?,
            Fault::Upgrade { seed } => rolling::upgrade(self, *seed).await?,
            Fault::Gateway { operation, kind, times, seconds } => {
                self.gateway(
                    json!({ "operation": operation, "kind": kind, "times": times, "seconds": seconds }),
                    *times,
                )
                .await?
            }
            Fault::GatewayKill { down } => self.gateway_kill(*down).await?,
            Fault::Network { to, wire, lasts } => self.network(*to, *wire, *lasts).await,
            Fault::Duplicates { seed } => self.duplicates(*seed).await?,
        };
        self.rig.revive().await?;
        let Fired { times, orders_in_flight, note } = fired;
        Ok(Strike { fault: fault.to_string(), at_seconds, fired: times, orders_in_flight, note })
    }

    /// Waits until orders are under way, so that a fault meets some.
    async fn busy(&self) {
        let begun = Instant::now();
        while self.market.in_flight() < BUSY && begun.elapsed() < BUSY_MAX {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn once(&self) -> Fired {
        Fired { times: 1, orders_in_flight: self.market.in_flight(), note: String::new() }
    }

    /// One of a service's processes.
    fn one_of(&mut self, service: &str) -> usize {
        let all = self.rig.of(service);
        all[self.random.random_range(0..all.len())]
    }

    async fn kill(&mut self, service: &str, down: Duration) -> Result<Fired, String> {
        let at = self.one_of(service);
        let fired = self.once();
        self.rig.units[at].kill();
        tokio::time::sleep(down).await;
        self.rig.units[at].start()?;
        Ok(fired)
    }

    async fn point(&mut self, service: &str, point: &str, after: u32) -> Result<Fired, String> {
        let at = self.one_of(service);
        let armed = if after == 0 { format!("{point}=return") } else { format!("{point}={after}*off->return") };
        let unit = &mut self.rig.units[at];
        let _ = unit.stop(DRAIN_MAX).await;
        unit.start_armed(&armed)?;
        let begun = Instant::now();
        let mut fired = Fired::default();
        while begun.elapsed() < POINT_MAX {
            if self.rig.units[at].ended().is_some() {
                fired = if self.rig.units[at].died_at(point) { self.once() } else { Fired::default() };
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let unit = &mut self.rig.units[at];
        unit.kill();
        unit.start()?;
        Ok(fired)
    }

    async fn broker_kill(&mut self, down: Duration) -> Result<Fired, String> {
        let fired = self.once();
        self.rig.broker.kill();
        tokio::time::sleep(down).await;
        self.rig.broker.restart()?;
        Ok(fired)
    }

    async fn postgres_kill(&mut self, down: Duration) -> Result<Fired, String> {
        let fired = self.once();
        self.rig.postgres.kill();
        tokio::time::sleep(down).await;
        self.rig.postgres.restart()?;
        Ok(fired)
    }

    async fn disk_alarm(&mut self, lasts: Duration) -> Result<Fired, String> {
        self.rig.broker.control(&["set_disk_free_limit", "900GB"])?;
        let fired = self.once();
        tokio::time::sleep(lasts).await;
        self.rig.broker.control(&["set_disk_free_limit", "50MB"])?;
        Ok(fired)
    }

    async fn pause(&mut self, service: &str, lasts: Duration) -> Fired {
        let at = self.one_of(service);
        self.rig.units[at].signal(Signal::STOP);
        let fired = self.once();
        tokio::time::sleep(lasts).await;
        self.rig.units[at].signal(Signal::CONT);
        fired
    }

    async fn full_disk(&mut self, lasts: Duration) -> Result<Fired, String> {
        let disk = self.rig.disk.as_ref().ok_or("PostgreSQL has no disk of its own")?;
        let before = full(&self.rig.postgres.said());
        disk.fill()?;
        let (begun, fired) = (Instant::now(), self.once());
        // By its own words: what nobody had to write to was not full.
        let refused = || full(&self.rig.postgres.said()).saturating_sub(before);
        while begun.elapsed() < lasts || (refused() == 0 && begun.elapsed() < FULL_MAX) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let times = refused();
        disk.free()?;
        let note = format!(
            "{times} writes found no space; PostgreSQL {}",
            match self.rig.postgres.is_up() {
                true => "went on",
                false => "ended",
            }
        );
        Ok(Fired { times: u32::from(times > 0), note, ..fired })
    }

    async fn clock_step(&mut self, service: &str, seconds: i64, lasts: Duration) -> Result<Fired, String> {
        let at = self.one_of(service);
        let clock = Clock::new(self.rig.plan.folder.join(format!("{}.clock", self.rig.units[at].name)))?;
        let unit = &mut self.rig.units[at];
        let _ = unit.stop(DRAIN_MAX).await;
        unit.start_also(&clock.settings())?;
        unit.ready().await?;
        let client = Client::new(format!("http://{}", unit.address));
        self.busy().await;
        clock.step(seconds)?;
        let mut fired = self.once();
        tokio::time::sleep(lasts).await;
        fired.times = u32::from(clock::has_stepped(&client, seconds).await);
        clock.step(0)?;
        tokio::time::sleep(lasts / 3).await;
        let unit = &mut self.rig.units[at];
        let _ = unit.stop(DRAIN_MAX).await;
        unit.start()?;
        Ok(fired)
    }

    async fn gateway(&mut self, fault: Value, times: u32) -> Result<Fired, String> {
        let client = self.rig.gateway_client();
        client.post("/_control/faults", fault).sent().await.map_err(|why| why.to_string())?;
        let begun = Instant::now();
        let mut fired = Fired::default();
        while begun.elapsed() < GATEWAY_MAX && fired.times < times {
            tokio::time::sleep(LOOK_EVERY).await;
            let shown = client.get("/_control/faults").sent().await.map_err(|why| why.to_string())?.json();
            let struck = struck(&shown);
            if struck > fired.times {
                fired = Fired { times: struck, ..self.once() };
            }
        }
        client.delete("/_control/faults").sent().await.map_err(|why| why.to_string())?;
        Ok(fired)
    }

    async fn gateway_kill(&mut self, down: Duration) -> Result<Fired, String> {
        let fired = self.once();
        self.rig.gateway.kill();
        tokio::time::sleep(down).await;
        self.rig.gateway.start()?;
        self.rig.gateway.ready().await?;
        Ok(fired)
    }

    async fn network(&mut self, to: Engine, wire: Wire, lasts: Duration) -> Fired {
        let proxy = match to {
            Engine::Postgres => &self.rig.to_postgres,
            Engine::Broker => &self.rig.to_broker,
        };
        let fired = self.once();
        proxy.set(wire);
        tokio::time::sleep(lasts).await;
        proxy.set(Wire::Whole);
        fired
    }

    async fn duplicates(&mut self, seed: u64) -> Result<Fired, String> {
        let fired = self.once();
        let said = again(&self.rig.broker.url(), seed).await.map_err(|why| format!("events again: {why}"))?;
        let note = format!("{said} events");
        Ok(Fired { times: u32::from(said > 0), note, ..fired })
    }
}

/// How often PostgreSQL found no space.
fn full(said: &str) -> usize {
    said.matches("No space left on device").count()
}

/// How often what is armed has struck.
fn struck(shown: &Value) -> u32 {
    let armed = shown["faults"].as_array().cloned().unwrap_or_default();
    let sum: u64 = armed.iter().filter_map(|fault| fault["struck"].as_u64()).sum();
    u32::try_from(sum).unwrap_or(u32::MAX)
}

/// Listens for a while and says all of it twice more, shuffled; how many there were.
async fn again(url: &str, seed: u64) -> Result<usize, lapin::Error> {
    const EXCHANGE: &str = "souk.events";
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, passive, FieldTable::default()).await?;
    let own = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    let queue = channel.queue_declare("".into(), own, FieldTable::default()).await?;
    let name = queue.name().clone();
    let (bind, all) = (QueueBindOptions::default(), FieldTable::default());
    channel.queue_bind(name.clone(), EXCHANGE.into(), "#".into(), bind, all).await?;
    let take = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut came = channel.basic_consume(name, "".into(), take, FieldTable::default()).await?;
    let mut heard = Vec::new();
    let until = tokio::time::Instant::now() + LISTEN;
    while let Ok(Some(delivery)) = tokio::time::timeout_at(until, came.next()).await {
        heard.push(delivery?);
    }
    drop(came);
    let mut order: Vec<usize> = (0..heard.len()).chain(0..heard.len()).collect();
    order.shuffle(&mut StdRng::seed_from_u64(seed));
    for at in order {
        let delivery = &heard[at];
        let (key, options) = (delivery.routing_key.clone(), BasicPublishOptions::default());
        let properties = delivery.properties.clone();
        channel.basic_publish(EXCHANGE.into(), key, options, &delivery.data, properties).await?.await?;
    }
    connection.close(200, "done".into()).await?;
    Ok(heard.len())
}
