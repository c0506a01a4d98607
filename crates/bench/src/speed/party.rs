//! Who is measured: programs that this one starts, loads and stops.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;

use outside::{Product, Staff};

use super::buyer::Buyer;
use super::cost::{self, Resident, Used};
use super::load::Act;
use super::shops::{Deed, Shop};

/// Names of those that can be measured, as they are written in tables and after `--against`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// One process on SQLite.
    Souk,
    /// One process on PostgreSQL.
    SoukPostgres,
    /// A process for each service, over PostgreSQL and RabbitMQ, behind nginx.
    SoukProcesses,
    /// The bare parts: an HTTP server that answers the same bytes from memory, a database that writes as many rows.
    Limit,
    Vendure,
    Medusa,
}

impl Who {
    pub fn name(self) -> &'static str {
        match self {
            Self::Souk => "souk",
            Self::SoukPostgres => "souk-postgres",
            Self::SoukProcesses => "souk-processes",
            Self::Limit => "limit",
            Self::Vendure => "vendure",
            Self::Medusa => "medusa",
        }
    }

    pub fn is_souk(self) -> bool {
        matches!(self, Self::Souk | Self::SoukPostgres | Self::SoukProcesses)
    }
}

/// Somebody who serves.
#[derive(Debug)]
pub struct Party {
    pub who: Who,
    pub products: usize,
    pub address: SocketAddr,
    pub shop: Arc<Shop>,
    /// The first of its processes, those of its database and broker among them.
    pub roots: Vec<u32>,
    /// Those whose memory is the shop's own: without database, broker and nginx.
    pub own_roots: Vec<u32>,
    /// What makes an answered order durable, as it was read from the running parts.
    pub durability: String,
    /// From its start to its first good answer, each time.
    pub started_ms: Vec<f64>,
    pub idle: Resident,
    /// Who runs it, where its stock can be set.
    pub desk: Option<Desk>,
    /// What it is made of: it ends when this is dropped.
    pub _parts: Box<dyn Any + Send + Sync>,
}

/// Staff, and the thing that all want.
#[derive(Debug)]
pub struct Desk {
    pub staff: Staff,
    pub hot: Product,
}

impl Desk {
    /// From now on so many can be sold, and no more.
    pub async fn set_stock(&self, quantity: i64) -> Result<(), String> {
        let level = self.staff.level(&self.hot).await;
        let number = |name: &str| level[name].as_i64().ok_or_else(|| format!("a level without {name}: {level}"));
        let missing = quantity - (number("on_hand")? - number("reserved")?);
        if missing != 0 {
            self.staff.receive(&self.hot, missing).await;
        }
        Ok(())
    }
}

impl Party {
    pub fn used(&self) -> Used {
        cost::used(&self.roots)
    }

    pub fn resident(&self) -> Resident {
        cost::resident(&self.own_roots)
    }

    pub fn buyers(&self, seed: u64, run: &str, count: usize) -> Vec<Buyer> {
        let run = format!("{} {} {run}", self.who.name(), self.products);
        (0..count).map(|number| Buyer::new(self.address, seed, &run, number)).collect()
    }

    pub fn act(&self, deed: Deed) -> Act {
        let shop = Arc::clone(&self.shop);
        Arc::new(move |buyer| {
            let shop = Arc::clone(&shop);
            Box::pin(async move { shop.does(deed, buyer).await })
        })
    }
}
