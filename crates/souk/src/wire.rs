//! Who runs where: the one place that decides.
//!
//! Every service in one process on a local bus; or some of them, with RabbitMQ and HTTP calls between the
//! processes. A service may have a PostgreSQL database of its own. What can't work is refused at boot, with
//! the mend in the text.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use contracts::SERVICES;
use platform::bus::{Broker, Bus};
use platform::calls::Peers;
use platform::process::Process;
use platform::tasks::Tasks;
use platform::{Clock, Config, Ctx, Identity, Ids, Secrets, Service};
use store::{Db, Dialect, Options, migrate};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Why a shop is not opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// Waiting does not mend it.
    #[error("{0}")]
    Wrong(String),
    /// Its database may answer in a while.
    #[error("{0}")]
    NotYet(String),
}

impl From<String> for NotOpened {
    fn from(why: String) -> Self {
        Self::Wrong(why)
    }
}

/// `bus.url` of a shop in one process.
const LOCAL: &str = "local";

/// A shop, or a part of it, opened: services over their databases. Nothing runs yet.
#[derive(Debug)]
pub struct Shop {
    pub config: Arc<Config>,
    pub services: Vec<Service>,
    /// The rest of the shop, which other processes run: known for its documents alone.
    elsewhere: Vec<Service>,
    process: Process,
    databases: Vec<Db>,
}

/// A shop that serves.
#[derive(Debug)]
pub struct Running {
    pub address: SocketAddr,
    tasks: Tasks,
    ended: oneshot::Receiver<std::io::Result<()>>,
    shutdown_max: Duration,
    databases: Vec<Db>,
    bus: Bus,
    _alone: Vec<store::AloneGuard>,
}

impl Shop {
    /// Opens the databases of every service. Creates an SQLite file; migrates nothing.
    pub async fn open(config: Config, clock: Clock, ids: Ids) -> Result<Self, String> {
        Self::open_some(config, &SERVICES, clock, ids).await.map_err(|error| error.to_string())
    }

    /// Opens some services of a shop whose others run in other processes.
    pub async fn open_some(config: Config, names: &[&str], clock: Clock, ids: Ids) -> Result<Self, NotOpened> {
        check(&config, names)?;
        let config = Arc::new(config);
        let token = Some(config.internal.service_token.clone()).filter(|token| !token.is_empty());
        let peers = Peers::new(&config.peers, token, clock.clone())?;
        let identity = Identity::new(Secrets::open(&config.server)?);
        let mut databases: Vec<(String, Db)> = Vec::new();
        let mut services = Vec::new();
        let is_here = |name: &&&str| names.contains(*name);
        for name in SERVICES.iter().filter(is_here) {
            let url = config.database.services.get(*name).unwrap_or(&config.database.url).clone();
            let known = databases.iter().find(|(known, _)| *known == url).map(|(_, db)| db.clone());
            let db = match known {
                Some(db) => db,
                None => {
                    let db = open_database(&config, &url, &clock, &ids).await?;
                    databases.push((url, db.clone()));
                    db
                }
            };
            let ctx = Ctx::new(db.of(name), peers.clone(), Arc::clone(&config), identity.clone());
            services.push(build(name, &ctx));
        }
        let any = services.first().map(|service: &Service| service.ctx.clone());
        let others = SERVICES.iter().filter(|name| !is_here(name));
        let elsewhere = any.iter().flat_map(|ctx| others.clone().map(|name| build(name, &ctx.of(name)))).collect();
        let process = Process {
            config: Arc::clone(&config),
            peers,
            tasks: Tasks::default(),
            metrics: platform::telemetry::start_metrics(),
            bus: bus(&config, &services)?,
            #[cfg(feature = "faults")]
            disturb_seed: None,
        };
        let databases = databases.into_iter().map(|(_, db)| db).collect();
        Ok(Self { config, services, elsewhere, process, databases })
    }

    /// Makes every delivery come twice and in any order, from this seed.
    #[cfg(feature = "faults")]
    pub fn disturb(&mut self, seed: u64) {
        self.process.disturb_seed = Some(seed);
    }

    /// Brings every service's tables up to date; returns what was applied.
    pub async fn migrate(&self) -> Result<Vec<String>, String> {
        let mut applied = Vec::new();
        for db in &self.databases {
            let here = self.services.iter().filter(|service| service.ctx.db.is_same(db));
            let migrations: Vec<_> = here.map(|service| (service.name, service.migrations)).collect();
            applied.extend(migrate::migrate(db, &migrations).await.map_err(|error| error.to_string())?);
        }
        Ok(applied)
    }

    /// Makes the tables as they were when exactly these migrations (service, name) had been applied.
    pub async fn migrate_as(&self, applied: &[(String, String)]) -> Result<(), String> {
        let known = |service: &str, name: &str| {
            let of = self.services.iter().find(|one| one.name == service).map(|one| one.migrations);
            let platform = (service == "souk").then_some(migrate::PLATFORM);
            of.or(platform).is_some_and(|migrations| migrations.iter().any(|one| one.name == name))
        };
        if let Some((service, name)) = applied.iter().find(|(service, name)| !known(service, name)) {
            return Err(format!(
                "this souk does not know the migration {service} {name}: take the one that was backed up, or a newer one"
            ));
        }
        for db in &self.databases {
            let here = self.services.iter().filter(|service| service.ctx.db.is_same(db));
            let of = |service: &Service| {
                let is_applied = |migration: &store::Migration| {
                    applied.contains(&(service.name.to_owned(), migration.name.to_owned()))
                };
                let count = service.migrations.iter().take_while(|migration| is_applied(migration)).count();
                (service.name, &service.migrations[..count])
            };
            let migrations: Vec<_> = here.map(of).collect();
            migrate::migrate(db, &migrations).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Lets the services answer each other without serving; for commands.
    pub fn settle(self) -> Self {
        self.process.settle(&self.services);
        self
    }

    /// A service's surroundings.
    pub fn ctx(&self, service: &str) -> &Ctx {
        let found = self.services.iter().find(|one| one.name == service);
        &found.expect("wire builds every service of contracts::SERVICES").ctx
    }

    /// How many deliveries to a service the broker has given up; none on the local bus, which gives none up.
    pub async fn dead_deliveries(&self, service: &str) -> Result<u32, String> {
        match &self.process.bus {
            Bus::Local => Ok(0),
            Bus::RabbitMq(broker) => broker.dead_deliveries(service).await,
        }
    }

    /// Serves on `listener` until [`Running::stop`]. On a local bus or on SQLite refused where another process serves
    /// on the same database.
    pub async fn serve(self, listener: TcpListener) -> Result<Running, String> {
        let bus = self.process.bus.clone();
        if let Bus::RabbitMq(broker) = &bus {
            broker.check().await?;
        }
        let mut alone = Vec::new();
        let is_alone = |db: &&Db| matches!(bus, Bus::Local) || db.dialect() == Dialect::Sqlite;
        for db in self.databases.iter().filter(is_alone) {
            let guard = db.lock_alone().await.map_err(|error| error.to_string())?;
            alone.push(guard.ok_or("another souk serves on this database: with `bus.url = \"local\"` or on SQLite one process serves a database; stop the other one")?);
        }
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let tasks = self.process.tasks.clone();
        let shutdown_max = Duration::from_secs(self.config.server.shutdown_seconds_max);
        let router = self.process.start(self.services, &self.elsewhere).await?;
        let (end, ended) = oneshot::channel();
        let server = tasks.clone();
        tasks.spawn(async move {
            // Nobody listens any more when the process is going down anyway.
            let _ = end.send(platform::http::serve(listener, router, server).await);
        });
        Ok(Running { address, tasks, ended, shutdown_max, databases: self.databases, bus, _alone: alone })
    }
}

impl Running {
    /// Stops taking requests, lets those in hand, the relay and the jobs end; `false` if some did not in time.
    pub async fn stop(self) -> bool {
        let ended = self.tasks.stop(self.shutdown_max).await;
        if let Bus::RabbitMq(broker) = &self.bus {
            broker.close().await;
        }
        ended
    }

    /// Returns when the server ends by itself, with the reason.
    pub async fn ended(&mut self) -> std::io::Result<()> {
        (&mut self.ended).await.unwrap_or(Ok(()))
    }

    /// The databases it serves on; for tests that look beneath.
    pub fn databases(&self) -> &[Db] {
        &self.databases
    }
}

fn build(name: &str, ctx: &Ctx) -> Service {
    match name {
        "customers" => customers::service(ctx),
        "catalog" => catalog::service(ctx),
        "inventory" => inventory::service(ctx),
        "pricing" => pricing::service(ctx),
        "carts" => carts::service(ctx),
        "orders" => orders::service(ctx),
        "payments" => payments::service(ctx),
        "shipping" => shipping::service(ctx),
        "notifications" => notifications::service(ctx),
        other => unreachable!("contracts::SERVICES names {other}, which wire.rs does not build"),
    }
}

async fn open_database(config: &Config, url: &str, clock: &Clock, ids: &Ids) -> Result<Db, NotOpened> {
    let options = Options {
        connections_max: config.database.connections_max,
        wait_max: Duration::from_millis(config.database.wait_milliseconds_max),
        ..Options::new(url)
    };
    Db::open(&options, clock.clone(), ids.clone()).await.map_err(|error| {
        let why = format!("setting `database`: {error}");
        let may_come = error.is_unavailable() && !url.starts_with("sqlite:");
        if may_come { NotOpened::NotYet(why) } else { NotOpened::Wrong(why) }
    })
}

fn bus(config: &Config, services: &[Service]) -> Result<Bus, String> {
    if config.bus.url == LOCAL {
        return Ok(Bus::Local);
    }
    let here: Vec<_> = services.iter().map(|service| (service.name, service.hears())).collect();
    let broker = Broker::new(&config.bus.url, &config.bus.prefix, &here);
    broker.map(Bus::RabbitMq).map_err(|why| format!("setting `bus.url`: {why}"))
}

/// What can't work, with the mend.
fn check(config: &Config, names: &[&str]) -> Result<(), String> {
    let known = || SERVICES.join(", ");
    if let Some(name) = names.iter().find(|name| !SERVICES.contains(name)) {
        return Err(format!("`--services`: there is no service `{name}`; there are: {}", known()));
    }
    if let Some(service) = config.database.services.keys().find(|service| !SERVICES.contains(&service.as_str())) {
        return Err(format!("setting `database.services`: there is no service `{service}`; there are: {}", known()));
    }
    let is_sqlite = |url: &String| url.starts_with("sqlite:");
    let split = !config.database.services.is_empty();
    if split && config.database.services.values().chain([&config.database.url]).any(is_sqlite) {
        return Err("setting `database.services`: services have databases of their own on PostgreSQL only; \
                    remove the section or write postgres:// URLs, `database.url` too"
            .to_owned());
    }
    if names.len() == SERVICES.len() { Ok(()) } else { check_part(config, names) }
}

/// What a process needs that runs a part of a shop.
fn check_part(config: &Config, names: &[&str]) -> Result<(), String> {
    if config.bus.url == LOCAL {
        return Err(
            "setting `bus.url`: with `--services` events have to reach the shop's other processes, and `local` \
                    stays in this one; write `amqp://user:password@host:5672/%2f`"
                .to_owned(),
        );
    }
    if config.database.url.starts_with("sqlite:") {
        return Err("setting `database.url`: with `--services` several processes share a database, and SQLite serves \
                    one; write `postgres://user:password@host:5432/database` (`souk move` takes a shop there)"
            .to_owned());
    }
    if config.internal.service_token.is_empty() {
        return Err("setting `internal.service_token`: with `--services` processes ask each other, and prove by it \
                    that they may; give all of them the same random one"
            .to_owned());
    }
    if !names.contains(&"customers") && !config.peers.contains_key("customers") {
        return Err("setting `peers.customers`: every service asks customers who somebody is; write where it runs, \
                    `http://host:port`, or run it here"
            .to_owned());
    }
    if let Some(name) = names.iter().find(|name| config.peers.contains_key(**name)) {
        return Err(format!(
            "setting `peers.{name}`: this process runs {name} itself, and a call has one owner; remove it from \
             [peers] or from `--services`"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod allocations;

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps that read all of something on purpose: what is small whatever a shop sells (categories, locations, zones,
    /// endpoints, staff), what `souk export` and `souk audit` read page by page, and results of the statement itself.
    const WHOLE: &[(&str, &str)] = &[
        // Only while a row has been added that others may have waited for: foreign keys.
        ("attributes::INSERT", "catalog_attribute_value"),
        ("import::DECLARE_ATTRIBUTES", "catalog_attribute_value"),
        ("locations::INSERT", "inventory_transfer"),
        ("locations::INSERT", "inventory_stocktake"),
        // `l` is what was found before it, of `catalog_listing` too.
        ("listing::NEWEST", "l"),
        ("listing::PRICE_ASC", "l"),
        ("listing::PRICE_DESC", "l"),
        ("listing::TITLE", "l"),
        ("categories::TREE", "catalog_category"),
        ("categories::WHOLE", "catalog_category"),
        ("export::CATEGORIES", "catalog_category"),
        ("staff::UNSEALED", "customers_audit_entry"),
        ("endpoints::INSERT", "free"),
        ("endpoints::COUNT", "notifications_endpoint"),
        ("endpoints::LISTENING", "notifications_endpoint"),
        ("inventory::store::ADD_FIRST_LEVEL", "p"),
        ("facts::LEVEL_FACTS", ""),
        ("locations::INSERT", "inventory_location"),
        ("locations::ACTIVE", "inventory_location"),
    ];

    /// The table that a step reads all of, row by row or to make an index for itself; `None`: it reads what it looks
    /// for, or what the statement itself has made.
    fn whole<'a>(statement: &str, step: &'a str) -> Option<&'a str> {
        let automatic = || step.strip_prefix("SEARCH ").filter(|read| read.contains("AUTOMATIC"));
        let read = step.strip_prefix("SCAN ").or_else(automatic)?;
        let name = read.split(' ').next()?;
        let words: Vec<&str> = statement.split_whitespace().filter(|word| *word != "AS").collect();
        let is_table =
            |word: &str| word.split_once('_').is_some_and(|(owner, _)| owner == "souk" || SERVICES.contains(&owner));
        let is_alias = |pair: &[&str]| is_table(pair[0]) && pair[1].trim_end_matches([',', ')']) == name;
        (is_table(name) || words.windows(2).any(is_alias)).then_some(read)
    }

    /// Cost grows with the page asked for, never with the catalogue.
    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::defaults();
        config.database.url = format!("sqlite:{}", folder.path().join("souk.db").display());
        let shop = Shop::open(config, Clock::System, Ids::Random).await.expect("a shop");
        shop.migrate().await.expect("its tables");
        let mut found = Vec::new();
        for service in &shop.services {
            for statement in &service.statements {
                let plan = service.ctx.db.plan(statement).await.expect("a plan");
                let read = plan.iter().filter_map(|step| whole(statement.text, step));
                found.extend(read.map(|read| (statement.name, read.to_owned())));
            }
        }
        let is_meant = |(of, what): &(&str, &str), (name, read): &(&str, String)| {
            let is_read = read.split(" USING ").next() == Some(*what) && !read.contains("AUTOMATIC");
            name.ends_with(of) && (what.is_empty() || is_read)
        };
        let unused: Vec<_> = WHOLE.iter().filter(|meant| !found.iter().any(|one| is_meant(meant, one))).collect();
        found.retain(|one| !WHOLE.iter().any(|meant| is_meant(meant, one)));
        assert!(found.is_empty(), "write `CROSS JOIN` or `@indexed_by`, or say why in WHOLE: {found:#?}");
        assert!(unused.is_empty(), "WHOLE names what is not so any more: {unused:#?}");
    }
}
