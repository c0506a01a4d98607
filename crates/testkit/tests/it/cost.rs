//! What a purchase costs in transactions and statements, printed by stage; and each endpoint's budget.
//!
//! Left out: the test gateway (it plays an outside system), and looks that found nothing to do: the relay's
//! poll (`relay looks`), parked events' (`… retries`), timers' (`jobs` without a transaction).

use serde_json::json;
use testkit::{Shop, TOKEN_OK, Topology};

const TRANSACTIONS_MAX: u64 = 16;
const STATEMENTS_MAX: u64 = 90;
/// The reaction whose transaction confirms the order.
const CONFIRMS: &str = "orders hears payment.authorized";
const GOAL: &str = "goal: 12 transactions, 70 statements";

#[derive(Debug)]
struct Row {
    stage: &'static str,
    work: String,
    transactions: u64,
    statements: u64,
}

/// Does `step` and notes what it cost.
async fn stage<T>(shop: &Shop, stage: &'static str, rows: &mut Vec<Row>, step: impl Future<Output = T>) -> T {
    shop.note_work();
    let done = step.await;
    rows.extend(noted(shop, stage));
    done
}

/// What was noted up to now.
fn noted(shop: &Shop, stage: &'static str) -> Vec<Row> {
    let entries = shop.work_noted().into_iter().filter(|(work, transactions, _)| counts(work, *transactions));
    entries.map(|(work, transactions, statements)| Row { stage, work, transactions, statements }).collect()
}

fn counts(work: &str, transactions: u64) -> bool {
    let idle = work == "relay looks" || work.ends_with(" retries") || (work == "jobs" && transactions == 0);
    work != "test gateway" && !idle
}

async fn a_purchase_is_cheap(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 5).await;
    shop.settle().await;
    let (mut before, mut rows) = (Vec::new(), Vec::new());
    let buyer = stage(&shop, "the empty cart", &mut before, shop.buyer()).await;
    stage(&shop, "a line", &mut rows, async { buyer.add(&teapot, 1).await.must(201) }).await;
    stage(&shop, "where to, and how", &mut rows, buyer.check_in()).await;
    // What the confirmation sets off (a shipment, a mail, the relay's next turns) is no part of the purchase.
    shop.note_work_until(CONFIRMS);
    let order = buyer.order(TOKEN_OK).header("Prefer", "wait=10").await.must(201);
    assert_eq!(order["status"], "confirmed");
    rows.extend(noted(&shop, "ordered, until confirmed"));
    assert!(rows.iter().any(|row| row.work == CONFIRMS), "{CONFIRMS} is where the purchase ends: {rows:#?}");

    println!("{}", table(topology, &before, &rows));
    let (transactions, statements) = total(&rows);
    assert!(
        transactions <= TRANSACTIONS_MAX && statements <= STATEMENTS_MAX,
        "{transactions} transactions, {statements} statements"
    );
    shop.finish().await;
}

fn total(rows: &[Row]) -> (u64, u64) {
    rows.iter()
        .fold((0, 0), |(transactions, statements), row| (transactions + row.transactions, statements + row.statements))
}

fn table(topology: Topology, before: &[Row], rows: &[Row]) -> String {
    let line = |stage: &str, work: &str, transactions: u64, statements: u64| {
        format!("{stage:<26}{work:<40}{transactions:>13}{statements:>12}\n")
    };
    let mut text = format!(
        "\na purchase of one line on {topology:?} ({GOAL})\n{:<26}{:<40}{:>13}{:>12}\n",
        "stage", "work", "transactions", "statements"
    );
    for row in before {
        text += &line("(before: an empty cart)", &row.work, row.transactions, row.statements);
    }
    for row in rows {
        text += &line(row.stage, &row.work, row.transactions, row.statements);
    }
    let (transactions, statements) = total(rows);
    text += &line("from the empty cart on", "", transactions, statements);
    text + "left out: the test gateway (an outside system), and looks that found nothing to do (relay, retries, timers)\n"
}

/// Statements of one request in the service that answers it; questions to other services count there.
async fn statements<T>(shop: &Shop, work: &str, request: impl Future<Output = T>) -> (u64, T) {
    shop.note_work();
    let answer = request.await;
    let entries = shop.work_noted();
    let entry = entries.iter().find(|(name, ..)| name == work);
    let (_, _, statements) = entry.unwrap_or_else(|| panic!("{work} did nothing: {entries:?}"));
    (*statements, answer)
}

async fn each_request_keeps_its_budget(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 5).await;
    for _ in 0..30 {
        owner.product(999, 0).await;
    }
    shop.settle().await;
    let product = format!("/v1/products/{}", teapot.id);
    let (cost, _) = statements(&shop, "GET /v1/products/{product}", async { shop.get(&product).await.must(200) }).await;
    assert_eq!(cost, 1, "a product");
    let (cost, list) =
        statements(&shop, "GET /v1/products", async { shop.get("/v1/products?limit=30").await.must(200) }).await;
    assert_eq!((cost, list["items"].as_array().map(Vec::len)), (1, Some(30)), "a list of thirty");

    let buyer = shop.buyer().await;
    let (cost, _) =
        statements(&shop, "POST /v1/carts/{cart}/lines", async { buyer.add(&teapot, 1).await.must(201) }).await;
    assert!(cost <= 4, "adding to a cart took {cost} statements");
    buyer.check_in().await;
    let (cost, order) = statements(&shop, "POST /v1/orders", async { buyer.order(TOKEN_OK).await.must(201) }).await;
    assert!(cost <= 8, "placing an order took {cost} statements");
    assert_ne!(order["status"], json!("cancelled"));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_is_cheap_on_sqlite() {
    a_purchase_is_cheap(Topology::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_is_cheap_on_postgres() {
    a_purchase_is_cheap(Topology::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_keeps_its_budget_on_sqlite() {
    each_request_keeps_its_budget(Topology::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_keeps_its_budget_on_postgres() {
    each_request_keeps_its_budget(Topology::Postgres).await;
}
