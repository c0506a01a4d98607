//! A whole shop in the test's process.

use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use contracts::customers::Role;
use platform::{Clock, Config, Ctx, Ids};
use souk::wire::{self, Running};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::{Buyer, Client, Database, NOON, Staff, Topology};

/// What a story changes about its shop.
pub struct ShopOptions {
    /// Connections of the database's pool.
    pub connections_max: usize,
    /// Edits the settings before the shop is opened.
    pub edit: Box<dyn FnOnce(&mut Config) + Send>,
    /// Which disorder, where the topology is disturbed: `SOUK_TEST_SEED`, or the same each time.
    pub seed: u64,
}

impl Default for ShopOptions {
    fn default() -> Self {
        let seed = std::env::var("SOUK_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4711);
        Self { connections_max: 16, edit: Box::new(|_| {}), seed }
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
    pub(crate) running: Option<Running>,
    /// Asks as `souk audit` does.
    pub(crate) ctx: Ctx,
    customers: Ctx,
    database: Option<Database>,
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
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("a bound address"));
        let mut config = Config::defaults();
        config.database.url.clone_from(&database.url);
        config.database.connections_max = options.connections_max;
        config.server.public_url.clone_from(&base);
        config.notifications.folder = database.folder().join("mails").display().to_string();
        config.audit.settle_seconds = 0;
        config.offer_every_payment();
        (options.edit)(&mut config);
        let clock = Clock::fixed(NOON);
        let mut shop = wire::Shop::open(config, clock.clone(), Ids::counted()).await.expect("the shop opens");
        if topology.is_disturbed() {
            println!("disturbed by SOUK_TEST_SEED={}", options.seed);
            shop.disturb(options.seed);
        }
        shop.migrate().await.expect("the shop migrates");
        let (ctx, customers) = (shop.ctx("orders").clone(), shop.ctx("customers").clone());
        let running = shop.serve(listener).await.expect("the shop serves");
        Self {
            topology,
            client: Client::new(base),
            clock,
            running: Some(running),
            ctx,
            customers,
            database: Some(database),
        }
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

    /// The databases' handle, for what a story looks at beneath.
    pub fn db(&self) -> &store::Db {
        &self.running().databases()[0]
    }

    /// Mails written so far.
    pub fn mails(&self) -> Vec<PathBuf> {
        let folder = self.database.as_ref().expect("it is there until the end").folder().join("mails");
        let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
        let paths = files.map(|file| file.expect("a readable folder").path());
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "eml")).collect()
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs until the end")
    }

    /// Lets everything settle, checks what must always be true, stops, and removes what it had.
    pub async fn finish(mut self) {
        self.settle().await;
        let report = souk::audit::run(&self.ctx).await.expect("the audit asks every service");
        assert!(report.findings.is_empty(), "{report}");
        self.must_be_drained().await;
        let stopped = self.running.take().expect("it runs until the end").stop().await;
        assert!(stopped, "the shop did not stop in time");
        self.database.take().expect("it is there until the end").remove().await;
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let unfinished = self.running.is_some() && !std::thread::panicking();
        assert!(!unfinished, "end a story with `shop.finish().await`: that is where the shop is checked");
    }
}
