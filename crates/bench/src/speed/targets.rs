//! What the figures have to show, as ratios within one run: machines differ and are noisy.

use std::fmt::Write as _;

use super::party::Who;
use super::report::{Report, short};
use super::stage::Sample;

/// Orders a second of an axum and sqlx shop on one PostgreSQL, with 8 buyers, measured on such a machine before.
const RUST_PEER_PER_SECOND: f64 = 62.0;

/// A figure with its floor and goal.
struct Target {
    what: &'static str,
    floor: f64,
    goal: f64,
    unit: &'static str,
    /// Whether less is better.
    is_most: bool,
    seen: fn(&Report, usize) -> Option<f64>,
}

const TARGETS: &[Target] = &[
    least("product: share of the limit server", 60.0, 80.0, "%", |report, at| {
        share(report, at, "product", "", Who::Souk, "")
    }),
    least("listing: share of the limit server", 60.0, 80.0, "%", |report, at| {
        share(report, at, "listing", "", Who::Souk, "")
    }),
    least("new cart + line: share of the bare SQLite", 40.0, 60.0, "%", |report, at| {
        share(report, at, "cart", "", Who::Souk, "sqlite")
    }),
    least("purchases beside Vendure's", 50.0, 100.0, "x", |report, at| beside(report, at, Who::Souk, Who::Vendure)),
    least("purchases beside Medusa's", 400.0, 1_000.0, "x", |report, at| beside(report, at, Who::Souk, Who::Medusa)),
    least("purchases on one PostgreSQL beside 62/s of a Rust peer", 5.0, 10.0, "x", |report, at| {
        Some(rate(report, "purchase", "", Who::SoukPostgres, at)? / RUST_PEER_PER_SECOND)
    }),
    least("purchases as processes beside Vendure's", 15.0, 30.0, "x", |report, at| {
        beside(report, at, Who::SoukProcesses, Who::Vendure)
    }),
    least("hot product, stock 100,000: share of mixed products", 70.0, 70.0, "%", |report, at| {
        let hot = rate(report, "hot-product", "", Who::Souk, at)?;
        Some(100.0 * hot / rate(report, "purchase", "", Who::Souk, at)?)
    }),
    most("hot product, stock 100, 200 buyers: the others are told within", 1_000.0, 1_000.0, "ms", |report, at| {
        report.figure(("hot-burst", "", Who::Souk, at), |sample| {
            sample.figures.get("last told, ms").copied().unwrap_or(f64::MAX)
        })
    }),
    most("p99 of browsing beside 64 buyers, beside alone", 4.0, 2.0, "x", |report, at| {
        let p99 = |label| report.figure(("browsing", label, Who::Souk, at), |sample: &Sample| sample.p99_ms);
        Some(p99("beside buyers")? / p99("alone")?)
    }),
    most("start to first answer", 300.0, 100.0, "ms", |report, at| {
        let start = report.starts.iter().find(|start| start.who == Who::Souk && start.products == at)?;
        Some(super::report::Spread::of(start.started_ms.iter().copied())?.median)
    }),
    most("resident memory, idle", 80.0, 40.0, "MB", |report, at| {
        Some(report.starts.iter().find(|start| start.who == Who::Souk && start.products == at)?.idle_anon_mb)
    }),
    most("resident memory after load", 200.0, 120.0, "MB", |report, at| {
        report
            .rows
            .iter()
            .filter(|row| row.who == Who::Souk && row.products == at)
            .flat_map(|row| row.samples.iter().map(|sample| sample.resident.anon_mb))
            .max_by(f64::total_cmp)
    }),
    most("product with 1,000,000 products beside 20,000", 1.5, 1.1, "x", |report, _| growth(report, "product")),
    most("listing with 1,000,000 products beside 20,000", 1.5, 1.1, "x", |report, _| growth(report, "listing")),
    most("cart with 1,000,000 products beside 20,000", 1.5, 1.1, "x", |report, _| growth(report, "cart")),
];

const fn least(
    what: &'static str,
    floor: f64,
    goal: f64,
    unit: &'static str,
    seen: fn(&Report, usize) -> Option<f64>,
) -> Target {
    Target { what, floor, goal, unit, is_most: false, seen }
}

const fn most(
    what: &'static str,
    floor: f64,
    goal: f64,
    unit: &'static str,
    seen: fn(&Report, usize) -> Option<f64>,
) -> Target {
    Target { what, floor, goal, unit, is_most: true, seen }
}

/// The table of targets with what this run has seen of them, at this size of the catalogue.
pub fn markdown(report: &Report, products: usize) -> String {
    let mut text = format!("### Targets, with {products} products where nothing else is said\n\n");
    text += "| what | floor | goal | seen | |\n|---|---|---|---|---|\n";
    for target in TARGETS {
        let Some(seen) = (target.seen)(report, products) else { continue };
        let Target { what, floor, goal, unit, .. } = target;
        let verdict = target.verdict(seen);
        // Writing to a String can't fail.
        let _ = writeln!(text, "| {what} | {floor} {unit} | {goal} {unit} | {} {unit} | {verdict} |", short(seen));
    }
    text
}

impl Target {
    fn verdict(&self, seen: f64) -> &'static str {
        let reaches = |bound: f64| if self.is_most { seen <= bound } else { seen >= bound };
        match (reaches(self.goal), reaches(self.floor)) {
            (true, _) => "goal",
            (false, true) => "floor",
            (false, false) => "**below**",
        }
    }
}

fn rate(report: &Report, scenario: &str, label: &str, who: Who, products: usize) -> Option<f64> {
    report.figure((scenario, label, who, products), |sample| sample.per_second)
}

fn share(report: &Report, at: usize, scenario: &str, label: &str, who: Who, of: &str) -> Option<f64> {
    Some(100.0 * rate(report, scenario, label, who, at)? / rate(report, scenario, of, Who::Limit, at)?)
}

fn beside(report: &Report, at: usize, who: Who, peer: Who) -> Option<f64> {
    Some(rate(report, "purchase", "", who, at)? / rate(report, "purchase", "", peer, at)?)
}

/// How many times as long one takes.
fn growth(report: &Report, scenario: &str) -> Option<f64> {
    Some(rate(report, scenario, "", Who::Souk, 20_000)? / rate(report, scenario, "", Who::Souk, 1_000_000)?)
}
