//! A whole shop in the test's process.

use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use contracts::customers::Role;
use platform::{Clock, Config, Ctx, Ids};
use souk::wire::{self, Running};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::broker::Broker;
use crate::distributed::{self, Part, WHOLE};
use crate::{Buyer, Client, Database, Front, NOON, Staff, Topology};

/// What a story changes about its shop.
pub struct ShopOptions {
    /// Connections of the database's pool.
    pub connections_max: usize,
    /// Edits the settings before the shop is opened.
    pub edit: Box<dyn FnOnce(&mut Config) + Send>,
    /// Services that run twice, where each has a server.
    pub twice: &'static [&'static str],
    /// A RabbitMQ of the story's own, where each service has a server; else the one that all share.
    pub broker: Option<String>,
    /// Which disorder, where the topology is disturbed: `SOUK_TEST_SEED`, or the same each time.
    pub seed: u64,
}

impl Default for ShopOptions {
    fn default() -> Self {
        let seed = std::env::var("SOUK_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4711);
        Self { connections_max: 16, edit: Box::new(|_| {}), twice: &[], broker: None, seed }
    }
}

impl std::fmt::Debug for ShopOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShopOptions").field("connections_max", &self.connections_max).finish_non_exhaustive()
    }
}

/// A shop that serves on a free port, with a clock that stands still and ids that are counted.
///
/// End it with [`Shop::finish`]; dropping it before that fails the test.
#[derive(Debug)]
pub struct Shop {
    pub topology: Topology,
    /// Nobody: asks without saying who it is.
    pub client: Client,
    pub clock: Clock,
    /// Its servers, or the one.
    pub(crate) parts: Vec<Part>,
    /// Asks as `souk audit` does.
    pub(crate) ctx: Ctx,
    pub(crate) customers: Ctx,
    pub(crate) database: Option<Database>,
    pub(crate) front: Option<Front>,
    pub(crate) broker: Option<Broker>,
}

impl Deref for Shop {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Shop {
    /// An empty shop.
    pub async fn start(topology: Topology) -> Self {
        Self::start_with(topology, ShopOptions::default()).await
    }

    pub async fn start_with(topology: Topology, options: ShopOptions) -> Self {
        let database = topology.database().await;
        let clock = Clock::fixed(NOON);
        if topology == Topology::Distributed {
            return distributed::start(options, database, clock).await;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("a bound address"));
        let config = config(options.connections_max, &database, &base, options.edit);
        let mut shop = wire::Shop::open(config, clock.clone(), Ids::counted()).await.expect("the shop opens");
        if topology.is_disturbed() {
            println!("disturbed by SOUK_TEST_SEED={}", options.seed);
            shop.disturb(options.seed);
        }
        shop.migrate().await.expect("the shop migrates");
        let (ctx, customers) = (shop.ctx("orders").clone(), shop.ctx("customers").clone());
        let running = shop.serve(listener).await.expect("the shop serves");
        let parts = vec![Part { service: WHOLE, address: running.address, running: Some(running), config: None }];
        let (client, database) = (Client::new(base), Some(database));
        Self { topology, client, clock, parts, ctx, customers, database, front: None, broker: None }
    }

    /// An open shop: taxes, a location, shipping; and the owner who set it up.
    pub async fn open(topology: Topology) -> (Self, Staff) {
        Self::open_with(topology, ShopOptions::default()).await
    }

    pub async fn open_with(topology: Topology, options: ShopOptions) -> (Self, Staff) {
        let shop = Self::start_with(topology, options).await;
        let mut owner = shop.staff(Role::Owner).await;
        owner.open_for_business().await;
        (shop, owner)
    }

    /// A new member of staff, made as `souk staff add` makes them.
    pub async fn staff(&self, role: Role) -> Staff {
        let email = format!("{}-{}@example.com", role.as_str(), Uuid::now_v7().simple());
        let new = customers::add_staff(&self.customers, &email, role).await.expect("a member of staff");
        Staff::new(&self.client, &new.key)
    }

    /// A new buyer with an empty cart.
    pub async fn buyer(&self) -> Buyer {
        Buyer::new(&self.client).await
    }

    /// Moves the shop's clock on.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// A handle of its database, for what a story looks at beneath.
    pub fn db(&self) -> &store::Db {
        &self.running().next().expect("it runs until the end").databases()[0]
    }

    /// What its work costs from now on is noted.
    pub fn note_work(&self) {
        self.ledgers().for_each(store::work::Ledger::record);
    }

    /// The same, until the transaction of that work has ended.
    pub fn note_work_until(&self, work: &str) {
        self.ledgers().for_each(|ledger| ledger.record_until(work));
    }

    /// What was noted: work, transactions, statements.
    pub fn work_noted(&self) -> Vec<(String, u64, u64)> {
        self.ledgers().flat_map(store::work::Ledger::entries).collect()
    }

    fn ledgers(&self) -> impl Iterator<Item = &store::work::Ledger> {
        self.running().flat_map(Running::databases).map(store::Db::ledger)
    }

    fn running(&self) -> impl Iterator<Item = &Running> {
        self.parts.iter().filter_map(|part| part.running.as_ref())
    }

    /// Mails written so far.
    pub fn mails(&self) -> Vec<PathBuf> {
        let folder = self.database.as_ref().expect("it is there until the end").folder().join("mails");
        let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
        let paths = files.map(|file| file.expect("a readable folder").path());
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "eml")).collect()
    }

    /// Lets everything settle, checks what must always be true, stops, and removes what it had.
    pub async fn finish(mut self) {
        self.settle().await;
        let report = souk::audit::run(&self.ctx).await.expect("the audit asks every service");
        assert!(report.findings.is_empty(), "{report}");
        self.must_be_drained().await;
        for mut part in std::mem::take(&mut self.parts) {
            part.stop().await;
        }
        if let Some(broker) = self.broker.take() {
            broker.remove().await;
        }
        drop(self.front.take());
        self.database.take().expect("it is there until the end").remove().await;
    }
}

/// The settings of a shop of a test.
pub(crate) fn config(
    connections_max: usize,
    database: &Database,
    base: &str,
    edit: impl FnOnce(&mut Config),
) -> Config {
    let mut config = Config::defaults();
    config.database.url.clone_from(&database.url);
    config.database.connections_max = connections_max;
    base.clone_into(&mut config.server.public_url);
    config.notifications.folder = database.folder().join("mails").display().to_string();
    config.audit.settle_seconds = 0;
    config.offer_every_payment();
    edit(&mut config);
    config
}

impl Drop for Shop {
    fn drop(&mut self) {
        let unfinished = !self.parts.is_empty() && !std::thread::panicking();
        assert!(!unfinished, "end a story with `shop.finish().await`: that is where the shop is checked");
    }
}
