//! What `/metrics` serves, and what is drawn and alarmed from it: a name that nobody serves is an alarm that never rings.

use std::collections::BTreeSet;

use platform::telemetry::METRICS;
use testkit::{Buyer, Client, Database, Process, Setting, TOKEN_OK, repository};

use crate::binary::{Ready, see_until};

/// Prices are asked of a process that is not there.
const NO_PRICES: [Setting<'static>; 2] = [
    ("SOUK_PEERS__PRICING", "http://127.0.0.1:1"),
    ("SOUK_INTERNAL__SERVICE_TOKEN", "a token that is long enough for it"),
];

async fn scrape(client: &Client) -> String {
    let answer = client.get("/metrics").await;
    assert_eq!(answer.status, 200, "{}", answer.shown());
    answer.text
}

/// The value of a line such as `souk_orders_open{status="placed"}`.
fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {metrics}")).parse().expect("a number")
}

/// As an expression names a histogram.
fn base(name: &str) -> &str {
    let ends = ["_bucket", "_sum", "_count"];
    let histogram = |name: &&str| METRICS.iter().any(|metric| metric.name == *name);
    ends.iter().find_map(|end| name.strip_suffix(end).filter(histogram)).unwrap_or(name)
}

/// Every word that begins as our metrics do.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.filter(|word| word.starts_with("souk_")).map(base).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_drawn_and_alarmed_is_served() {
    let shop = Ready::on(Database::sqlite()).await;
    let process = shop.serve(&NO_PRICES).await;
    let buyer = Buyer::new(&process.client).await;
    for _ in 0..6 {
        let _ = buyer.add(&shop.teapot, 1).sent().await.expect("an answer");
    }
    let metrics = scrape(&process.client).await;
    let lines = metrics.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let served: BTreeSet<&str> = lines.filter_map(|line| line.split(['{', ' ']).next()).map(base).collect();
    let known: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(served, known, "what is served and the table in platform::telemetry");
    for metric in METRICS {
        let labelled = |label: &&str| {
            metrics.lines().any(|line| line.starts_with(metric.name) && line.contains(&format!("{label}=\"")))
        };
        assert!(metric.labels.iter().all(labelled), "{metric:?}");
        assert!(metrics.contains(&format!("# HELP {} {}", metric.name, metric.about)), "{metric:?}");
    }
    let read =
        |path: &str| std::fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (board, alerts, document) =
        (read("deploy/grafana/souk.json"), read("deploy/prometheus/alerts.yaml"), read("docs/operations.md"));
    let _: serde_json::Value = serde_json::from_str(&board).expect("the dashboard is JSON");
    for (file, text) in [("the dashboard", &board), ("the alerts", &alerts), ("docs/operations.md", &document)] {
        let unknown: Vec<_> = named(text).difference(&known).copied().collect();
        assert!(unknown.is_empty(), "{file} names what nobody serves: {unknown:?}");
    }
    let unlisted: Vec<_> = known.difference(&named(&document)).copied().collect();
    assert!(unlisted.is_empty(), "docs/operations.md does not list {unlisted:?}");
    for alert in alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(document.contains(&format!("`{alert}`")), "docs/operations.md does not say what {alert} means");
    }
    process.stop().await;
    shop.database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_measured() {
    let shop = Ready::on(Database::sqlite()).await;
    let process = shop.serve(&[]).await;
    let buyer = Buyer::new(&process.client).await;
    buyer.cart_with(&shop.teapot, 1).await;
    let order = buyer.place(TOKEN_OK).await;
    see_until(&buyer, &order, |order| order["status"] == "confirmed").await;
    let metrics = scrape(&process.client).await;
    assert_eq!(value(&metrics, "souk_orders_open{status=\"confirmed\"}"), 1.0);
    assert_eq!(value(&metrics, "souk_orders_open{status=\"placed\"}"), 0.0);
    assert_eq!(value(&metrics, "souk_order_oldest_seconds{status=\"placed\"}"), 0.0);
    assert_eq!(value(&metrics, "souk_dead_letters{service=\"orders\",kind=\"event\"}"), 0.0);
    assert_eq!(value(&metrics, "souk_measured{service=\"orders\"}"), 1.0);
    process.stop().await;

    let broken = shop.serve(&[("FAILPOINTS", "bug.bus.refuses=return;bug.bus.gives_up_at_once=return")]).await;
    let buyer = Buyer::new(&broken.client).await;
    buyer.cart_with(&shop.teapot, 1).await;
    buyer.place(TOKEN_OK).await;
    let dead = wait_for_dead(&broken).await;
    assert!(value(&dead, "souk_dead_letters_total{service=\"inventory\"}") >= 1.0);
    assert!(value(&dead, "souk_retries_total{service=\"inventory\",kind=\"event\"}") >= 1.0);
    assert_eq!(value(&dead, "souk_orders_open{status=\"placed\"}"), 1.0);
    assert!(value(&dead, "souk_order_oldest_seconds{status=\"placed\"}") > 0.5);
    broken.stop().await;
    shop.database.remove().await;
}

async fn wait_for_dead(process: &Process) -> String {
    for _ in 0..100 {
        let metrics = scrape(&process.client).await;
        if value(&metrics, "souk_dead_letters{service=\"inventory\",kind=\"event\"}") >= 1.0 {
            return metrics;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    panic!("nothing was given up");
}
