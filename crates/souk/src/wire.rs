//! Who runs where: the one place that decides.
//!
//! Today every service runs in one process on one bus; a service may have a PostgreSQL database of its
//! own. What can't work is refused at boot, with the mend in the text.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use contracts::SERVICES;
use platform::calls::Peers;
use platform::process::Process;
use platform::tasks::Tasks;
use platform::{Clock, Config, Ctx, Identity, Ids, Secrets, Service};
use store::{Db, Options, migrate};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A shop, opened: its services over their databases. Nothing runs yet.
#[derive(Debug)]
pub struct Shop {
    pub config: Arc<Config>,
    pub services: Vec<Service>,
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
    _alone: Vec<store::AloneGuard>,
}

impl Shop {
    /// Opens the databases of every service. Creates an SQLite file; migrates nothing.
    pub async fn open(config: Config, clock: Clock, ids: Ids) -> Result<Self, String> {
        check(&config)?;
        let config = Arc::new(config);
        let token = Some(config.internal.service_token.clone()).filter(|token| !token.is_empty());
        let peers = Peers::new(&config.peers, token, clock.clone()).map_err(|problem| problem.to_string())?;
        let process = Process {
            config: Arc::clone(&config),
            peers: peers.clone(),
            tasks: Tasks::default(),
            metrics: platform::telemetry::start_metrics(),
            #[cfg(feature = "faults")]
            disturb_seed: None,
        };
        let mut databases: Vec<(String, Db)> = Vec::new();
        let mut services = Vec::new();
        let identity = Identity::new(Secrets::open(&config.server)?);
        for name in SERVICES {
            let url = config.database.services.get(name).unwrap_or(&config.database.url).clone();
            let known = databases.iter().find(|(known, _)| *known == url).map(|(_, db)| db.clone());
            let db = match known {
                Some(db) => db,
                None => {
                    let options = Options {
                        connections_max: config.database.connections_max,
                        wait_max: Duration::from_millis(config.database.wait_milliseconds_max),
                        ..Options::new(&url)
                    };
                    let db = Db::open(&options, clock.clone(), ids.clone()).await.map_err(|error| error.to_string())?;
                    databases.push((url, db.clone()));
                    db
                }
            };
            let ctx = Ctx::new(db.of(name), peers.clone(), Arc::clone(&config), identity.clone());
            services.push(build(name, &ctx));
        }
        let databases = databases.into_iter().map(|(_, db)| db).collect();
        Ok(Self { config, services, process, databases })
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

    /// Serves on `listener` until [`Running::stop`]. Refused where another process serves on the same database.
    pub async fn serve(self, listener: TcpListener) -> Result<Running, String> {
        let mut alone = Vec::new();
        for db in &self.databases {
            let guard = db.lock_alone().await.map_err(|error| error.to_string())?;
            alone.push(guard.ok_or("another souk serves on this database: with `bus.url = \"local\"` one process serves a database; stop the other one")?);
        }
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let tasks = self.process.tasks.clone();
        let shutdown_max = Duration::from_secs(self.config.server.shutdown_seconds_max);
        let router = self.process.start(self.services).await?;
        let (end, ended) = oneshot::channel();
        let server = tasks.clone();
        tasks.spawn(async move {
            // Nobody listens any more when the process is going down anyway.
            let _ = end.send(platform::http::serve(listener, router, server).await);
        });
        Ok(Running { address, tasks, ended, shutdown_max, databases: self.databases, _alone: alone })
    }
}

impl Running {
    /// Stops taking requests, lets those in hand, the relay and the jobs end; `false` if some did not in time.
    pub async fn stop(self) -> bool {
        self.tasks.stop(self.shutdown_max).await
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

/// What can't work, with the mend.
fn check(config: &Config) -> Result<(), String> {
    if config.bus.url != "local" {
        return Err(format!("setting `bus.url`: `{}` is not a bus of this release; write `local`", config.bus.url));
    }
    if let Some(service) = config.database.services.keys().find(|service| !SERVICES.contains(&service.as_str())) {
        return Err(format!(
            "setting `database.services`: there is no service `{service}`; there are: {}",
            SERVICES.join(", ")
        ));
    }
    let split = !config.database.services.is_empty();
    let urls = config.database.services.values().chain([&config.database.url]);
    if split && urls.into_iter().any(|url| url.starts_with("sqlite:")) {
        return Err("setting `database.services`: services have databases of their own on PostgreSQL only; \
                    remove the section or write postgres:// URLs, `database.url` too"
            .to_owned());
    }
    Ok(())
}
