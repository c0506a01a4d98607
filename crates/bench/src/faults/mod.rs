//! A run: a shop, buyers, faults; then peace, and the comparison of what was promised with what is.

mod check;
mod clock;
mod closing;
mod command;
mod disk;
mod history;
mod market;
mod nemesis;
mod proxy;
mod report;
mod rig;
mod rolling;
mod schedule;
mod shopper;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use outside::{Buyer, Product, Staff};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

pub use self::command::{Arguments, run as command};
use self::history::History;
use self::market::Market;
use self::nemesis::{Nemesis, Strike};
use self::report::Report;
use self::rig::{Plan, Rig};
use self::schedule::{Group, Lengths, schedule};

const PRODUCTS: usize = 4;
const PRODUCTS_STOCK: i64 = 100_000;
const SCARCE: usize = 40;
/// What a run takes longer than it was asked to, at most, to have its orders.
const OVERTIME_MAX: Duration = Duration::from_secs(600);
const CLOSING_MAX: Duration = Duration::from_secs(240);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What a run is asked to be.
#[derive(Debug, Clone)]
pub struct Run {
    pub seed: u64,
    pub plan: Plan,
    pub groups: Vec<Group>,
    pub lengths: Lengths,
    /// At least so long, and until every fault struck.
    pub load: Duration,
    pub buyers: usize,
    pub orders_min: usize,
    pub settle_max: Duration,
}

/// Runs it; call it on the main thread.
pub async fn run(run: &Run) -> Result<Report, String> {
    say(&format!(
        "seed {}: starting PostgreSQL, RabbitMQ, nginx and {} processes in {}",
        run.seed,
        run.plan.copies * contracts::SERVICES.len(),
        run.plan.folder.display()
    ));
    let mut rig = Rig::start(run.plan.clone()).await?;
    let (market, stock) = open(&rig).await?;
    let begun = Instant::now();
    let lanes: Vec<_> =
        (0..run.buyers).map(|lane| tokio::spawn(shopper::shop(Arc::clone(&market), run.seed, lane))).collect();
    let strikes = strike_all(run, &mut rig, &market, begun).await?;
    let is_enough = || begun.elapsed() >= run.load && market.history.orders_acknowledged() >= run.orders_min;
    let overtime = run.load.max(begun.elapsed()) + OVERTIME_MAX;
    while !is_enough() && begun.elapsed() < overtime {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let load_seconds = begun.elapsed().as_secs_f64();
    market.is_closing.store(true, Ordering::SeqCst);
    let all_left = tokio::time::timeout(CLOSING_MAX, futures::future::join_all(lanes)).await;
    for ended in all_left.map_err(|_| format!("buyers are still there after {CLOSING_MAX:?}"))? {
        ended.map_err(|why| format!("a buyer of this program panicked: {why}"))?;
    }
    rig.revive().await?;
    say(&format!(
        "seed {}: {} orders acknowledged; the shop comes to rest",
        run.seed,
        market.history.orders_acknowledged()
    ));
    let settled = closing::settle(&rig, &market, run.settle_max).await?;
    let mut seen = closing::look(&rig, &market, &stock).await?;
    seen.waiting = settled.waiting;
    let history = market.history.entries();
    let mut statuses = std::collections::BTreeMap::new();
    for order in &seen.orders {
        *statuses.entry(order.status.clone()).or_default() += 1;
    }
    Ok(Report {
        seed: run.seed,
        copies: run.plan.copies,
        buyers: run.buyers,
        orders_min: run.orders_min,
        orders_acknowledged: market.history.orders_acknowledged(),
        statuses,
        load_seconds,
        settle_seconds: settled.seconds,
        strikes,
        revived: rig.revived.clone(),
        violations: check::judge(&history, &seen),
        findings: audit(&rig)?,
    })
}

async fn strike_all(run: &Run, rig: &mut Rig, market: &Arc<Market>, begun: Instant) -> Result<Vec<Strike>, String> {
    let faults = schedule(&run.groups, run.seed, run.lengths);
    let mut nemesis = Nemesis { rig, market, begun, random: StdRng::seed_from_u64(run.seed ^ 0x5eed) };
    let mut strikes = Vec::with_capacity(faults.len());
    for (at, fault) in faults.iter().enumerate() {
        let rest = nemesis.random.random_range(300..2_000);
        tokio::time::sleep(Duration::from_millis(rest)).await;
        let strike = nemesis.strike(fault).await?;
        say(&format!(
            "seed {}: {:>3.0} s, {} of {}: {fault}: fired {}, {} orders in flight, {} acknowledged {}",
            run.seed,
            strike.at_seconds,
            at + 1,
            faults.len(),
            strike.fired,
            strike.orders_in_flight,
            market.history.orders_acknowledged(),
            strike.note
        ));
        strikes.push(strike);
    }
    Ok(strikes)
}

/// Opens it for business; what is for sale, with how much of each there is.
async fn open(rig: &Rig) -> Result<(Arc<Market>, Vec<(Product, i64)>), String> {
    let client = rig.client();
    let key = rig.must(&["staff", "add", "owner@example.com", "--role", "owner"])?;
    let mut staff = Staff::new(&client, key.trim().lines().last().ok_or("`staff add` prints no key")?);
    staff.open_for_business().await;
    let (mut products, mut scarce) = (Vec::new(), Vec::new());
    for at in 0..PRODUCTS {
        products.push(staff.product(1_999 + 500 * at as i64, PRODUCTS_STOCK).await);
    }
    for _ in 0..SCARCE {
        scarce.push(staff.product(2_999, 1).await);
    }
    let first = Buyer::new(&client).await;
    let cart = first.cart_with(&products[0], 1).await;
    let method = cart["shipping_method"].as_str().ok_or("a cart names its shipping method")?.to_owned();
    let stock = products.iter().map(|product| (product.clone(), PRODUCTS_STOCK));
    let stock = stock.chain(scarce.iter().map(|product| (product.clone(), 1))).collect();
    let file: PathBuf = rig.plan.folder.join("history.jsonl");
    let history = History::new(&file).map_err(|why| format!("{}: {why}", file.display()))?;
    let market = Market {
        client,
        staff,
        method,
        products,
        scarce,
        races: AtomicUsize::new(0),
        history,
        in_flight: AtomicI64::new(0),
        is_closing: AtomicBool::new(false),
    };
    Ok((Arc::new(market), stock))
}

/// What `souk audit --json` finds.
fn audit(rig: &Rig) -> Result<Vec<Value>, String> {
    let output = rig.souk(&["audit", "--json"])?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|why| format!("souk audit: {why}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let findings = report["findings"].as_array().cloned().ok_or("an audit lists its findings")?;
    let is_clean = findings.is_empty();
    if output.status.success() != is_clean {
        return Err(format!("souk audit ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(findings)
}

#[allow(clippy::print_stderr, reason = "how far it is")]
fn say(text: &str) {
    eprintln!("{text}");
}
