//! The limit: what this machine's bare parts do, measured in the same run. An HTTP server that answers the same bytes
//! from memory; a database that makes as many durable transactions of as many rows, and nothing else.

pub mod disk;
pub mod postgres;
pub mod sqlite;
pub mod web;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use self::sqlite::{Rate, Shape, Transaction};
use super::cost::Resident;
use super::http::Http;
use super::load::Lasting;
use super::party::{Party, Who};
use super::shops::Shop;
use super::stage::Sample;
use crate::unit::free_address;

const START_MAX: Duration = Duration::from_secs(30);

/// The bare databases.
#[derive(Debug, Clone)]
pub struct Bare {
    pub folder: PathBuf,
    pub postgres: Option<String>,
}

/// Starts the server that answers what this shop answers, from memory.
pub async fn serve(shop: &Party, folder: &Path) -> Result<Party, String> {
    let Shop::Souk(souk) = shop.shop.as_ref() else { return Err("its pages are those of souk".to_owned()) };
    let pages = folder.join(format!("pages-{}.ndjson", shop.products));
    let failed = |why: std::io::Error| format!("{}: {why}", pages.display());
    let mut file = std::io::BufWriter::new(std::fs::File::create(&pages).map_err(failed)?);
    let mut http = Http::to(shop.address);
    for path in souk.pages() {
        let reply = http.get(&path, &[]).await?;
        reply.must_be(200)?;
        let headers = reply.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let headers: BTreeMap<&str, &str> = headers.collect();
        let content_type = headers.get("content-type").copied().unwrap_or_default();
        let body = String::from_utf8_lossy(&reply.body);
        let line = json!({ "path": path, "headers": headers, "content_type": content_type, "body": body });
        writeln!(file, "{line}").map_err(failed)?;
    }
    file.flush().map_err(failed)?;
    let address = free_address()?;
    let program = std::env::current_exe().map_err(|why| format!("this program: {why}"))?;
    let child = tokio::process::Command::new(program)
        .args(["limit-server", "--listen", &address.to_string(), "--pages"])
        .arg(&pages)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|why| format!("the limit server does not start: {why}"))?;
    let mut http = Http::to(address);
    let begun = std::time::Instant::now();
    while !http.get(&souk.pages()[0], &[]).await.is_ok_and(|reply| reply.status == 200) {
        if begun.elapsed() > START_MAX {
            return Err(format!("the limit server does not answer after {START_MAX:?}"));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let roots: Vec<u32> = child.id().into_iter().collect();
    Ok(Party {
        who: Who::Limit,
        products: shop.products,
        address,
        shop: Arc::clone(&shop.shop),
        own_roots: roots.clone(),
        roots,
        durability: "reads: none; writes: bare SQLite (WAL, synchronous=FULL, group commit) and bare PostgreSQL"
            .to_owned(),
        started_ms: Vec::new(),
        idle: Resident::default(),
        desk: None,
        _parts: Box::new(child),
    })
}

/// One transaction of rows about as long as Souk's.
const fn writes(inserts: usize, updates: usize, reads: usize) -> Transaction {
    Transaction { inserts, bytes: 300, updates, reads }
}

/// What Souk writes for a new cart with one line: both rows, in one transaction; the variant is read.
pub const CART: Shape = Shape { transactions: &[writes(2, 0, 1)] };

/// What Souk writes for one purchase, in the transactions that it has when no other purchase shares them: each step is
/// durable before the next begins, so none can be left out, but under load many purchases share a relay's or a
/// reaction's. In order: cart; its way of shipping; order, line, history, timer, key and event; the relay; stock and
/// reservation, the cart's end, the buyer's message; the relay; the order; the relay; the payment; its attempt; the
/// relay; the order; the relay.
pub const PURCHASE: Shape = Shape {
    transactions: &[
        writes(2, 0, 1),
        writes(0, 1, 2),
        writes(7, 0, 1),
        writes(0, 1, 0),
        writes(4, 2, 1),
        writes(1, 1, 0),
        writes(2, 0, 0),
        writes(0, 1, 0),
        writes(3, 1, 1),
        writes(0, 1, 0),
        writes(4, 0, 0),
        writes(2, 2, 1),
        writes(0, 1, 0),
        writes(4, 1, 1),
        writes(0, 1, 0),
    ],
};

impl Bare {
    /// So many writers on each database that there is, one after the other.
    pub async fn databases(&self, shape: Shape, writers: usize, lasting: Lasting) -> Result<Vec<Sample>, String> {
        let (folder, Lasting { warm_up, measured }) = (self.folder.clone(), lasting);
        let work = move || sqlite::run(&folder, writers, shape, warm_up, measured);
        let rate = tokio::task::spawn_blocking(work).await.map_err(|why| format!("the bare SQLite: {why}"))??;
        let mut samples = vec![sample("sqlite", rate)];
        if let Some(url) = &self.postgres {
            samples.push(sample("postgres", postgres::run(url, writers, shape, warm_up, measured).await?));
        }
        Ok(samples)
    }
}

fn sample(label: &'static str, rate: Rate) -> Sample {
    let ms = |us: u64| us as f64 / 1_000.0;
    Sample {
        label,
        done: rate.units,
        per_second: rate.per_second,
        p50_ms: ms(rate.p50_us),
        p99_ms: ms(rate.p99_us),
        ..Sample::default()
    }
}
