//! A server for each service, as on many machines: nothing is shared but the database's server, the broker,
//! and the clock and ids that the test holds.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use contracts::SERVICES;
use platform::{Clock, Config, Ids};
use souk::wire::{self, Running};
use tokio::net::TcpListener;

use crate::broker::Broker;
use crate::shop::config;
use crate::{Client, Database, Front, Shop, ShopOptions, Topology};

/// Nine processes have a pool each.
const CONNECTIONS_MAX: usize = 8;
const TOKEN: &str = "a-token-that-the-processes-of-a-test-share";
const SECRET: &str = "a-secret-that-the-processes-of-a-test-share";

/// The name of a server that runs every service.
pub(crate) const WHOLE: &str = "the shop";

/// One server of a shop.
#[derive(Debug)]
pub(crate) struct Part {
    pub service: &'static str,
    pub address: SocketAddr,
    pub running: Option<Running>,
    /// What it is started with again.
    pub config: Option<Config>,
}

impl Part {
    /// Ends it as SIGTERM does.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            assert!(running.stop().await, "{} did not stop in time", self.service);
        }
    }
}

pub(crate) async fn start(options: ShopOptions, database: Database, clock: Clock) -> Shop {
    let mut listeners: Vec<(&'static str, TcpListener)> = Vec::new();
    for service in SERVICES.into_iter().chain(options.twice.iter().copied()) {
        // One that stays free while its service is down.
        let port = engines::free_port().expect("a free port");
        listeners.push((service, TcpListener::bind(("127.0.0.1", port)).await.expect("its port is free")));
    }
    let mut addresses: BTreeMap<&str, Vec<SocketAddr>> = BTreeMap::new();
    for (service, listener) in &listeners {
        addresses.entry(service).or_default().push(listener.local_addr().expect("a bound address"));
    }
    let front = Front::start(&addresses);
    let base = format!("http://{}", front.address());
    let broker = Broker::new(options.broker);
    let connections_max = options.connections_max.min(CONNECTIONS_MAX);
    let mut whole = config(connections_max, &database, &base, options.edit);
    whole.bus.url.clone_from(&broker.url);
    whole.bus.prefix.clone_from(&broker.prefix);
    // Nine servers on a machine that tests share: a connection may be long in coming.
    whole.database.wait_milliseconds_max = 20_000;
    TOKEN.clone_into(&mut whole.internal.service_token);
    SECRET.clone_into(&mut whole.server.secrets);
    whole.server.trusted_proxies.push("127.0.0.1/32".parse().expect("a network"));
    let ids = Ids::counted();
    let (mut parts, mut ctx, mut customers) = (Vec::new(), None, None);
    for (service, listener) in listeners {
        let config = Config { peers: peers_of(service, &addresses, &whole), ..whole.clone() };
        let part = open(&config, service, &clock, &ids).await;
        match service {
            "orders" => ctx = Some(part.ctx(service).clone()),
            "customers" => customers = Some(part.ctx(service).clone()),
            _ => {}
        }
        let running = part.serve(listener).await.expect("a part serves");
        parts.push(Part { service, address: running.address, running: Some(running), config: Some(config) });
    }
    let (ctx, customers) = (ctx.expect("orders run"), customers.expect("customers run"));
    Shop {
        topology: Topology::Distributed,
        client: Client::new(base),
        clock,
        parts,
        ctx,
        customers,
        database: Some(database),
        front: Some(front),
        broker: Some(broker),
    }
}

async fn open(config: &Config, service: &'static str, clock: &Clock, ids: &Ids) -> wire::Shop {
    let part = wire::Shop::open_some(config.clone(), &[service], clock.clone(), ids.clone()).await;
    let part = part.expect("a part opens");
    part.migrate().await.expect("a part migrates");
    part
}

/// Where every other service is; what a story says of its peers counts more.
fn peers_of(service: &str, addresses: &BTreeMap<&str, Vec<SocketAddr>>, whole: &Config) -> BTreeMap<String, String> {
    let others = addresses.iter().filter(|(name, _)| **name != service);
    let mut peers: BTreeMap<String, String> =
        others.map(|(name, addresses)| ((*name).to_owned(), urls(addresses))).collect();
    peers.extend(whole.peers.clone());
    peers
}

fn urls(copies: &[SocketAddr]) -> String {
    copies.iter().map(|address| format!("http://{address}")).collect::<Vec<_>>().join(" ")
}

impl Shop {
    /// Before each copy of a service, past nginx.
    pub fn copies(&self, service: &str) -> Vec<Client> {
        let copies = self.parts.iter().filter(|part| part.service == service);
        copies.map(|part| self.client.at(&format!("http://{}", part.address))).collect()
    }

    /// Ends every copy of a service as SIGTERM does.
    pub async fn take_down(&mut self, service: &str) {
        for part in self.parts.iter_mut().filter(|part| part.service == service) {
            part.stop().await;
        }
    }

    /// Starts it again where it was.
    pub async fn bring_back(&mut self, service: &'static str) {
        for part in self.parts.iter_mut().filter(|part| part.service == service && part.running.is_none()) {
            let config = part.config.as_ref().expect("a server of one service");
            let listener = TcpListener::bind(part.address).await.expect("its port is free again");
            let opened = open(config, service, &self.clock, &Ids::Random).await;
            part.running = Some(opened.serve(listener).await.expect("a part serves"));
        }
    }

    /// Where its events go.
    pub fn bus(&self) -> (&str, &str) {
        let broker = self.broker.as_ref().expect("a shop of many servers");
        (&broker.url, &broker.prefix)
    }
}
