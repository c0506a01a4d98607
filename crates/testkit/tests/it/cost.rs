//! What a purchase costs in transactions and statements, printed by stage; and each endpoint's budget.
//!
//! Left out: the test gateway (it plays an outside system), and looks that found nothing to do: the relay's
//! poll (`relay looks`), parked events' (`… retries`), timers' (`jobs` without a transaction).

use serde_json::json;
use testkit::{Shop, TOKEN_OK, Topology};

const TRANSACTIONS_MAX: u64 = 16;
const STATEMENTS_MAX: u64 = 90;
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
    shop.db().ledger().record();
    let done = step.await;
    let entries = shop.db().ledger().entries().into_iter().filter(|(work, transactions, _)| counts(work, *transactions));
    rows.extend(entries.map(|(work, transactions, statements)| Row { stage, work, transactions, statements }));
    done
}

fn counts(work: &str, transactions: u64) -> bool {
    let idle = work == "relay looks" || work.ends_with(" retries") || (work == "jobs" && transactions == 0);
    work != "test gateway" && !idle
}

/// What the order's confirmation sets off is no part of the purchase any more.
fn is_after_confirmation(work: &str) -> bool {
    ["shipping hears", "notifications hears", "notifications job", "orders hears shipment", "orders.get_contact"]
        .iter()
        .any(|begin| work.starts_with(begin))
}

async fn a_purchase_is_cheap(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 5).await;
    shop.settle().await;
    let mut rows = Vec::new();
    let buyer = stage(&shop, "the empty cart", &mut rows, shop.buyer()).await;
    stage(&shop, "a line", &mut rows, async { buyer.add(&teapot, 1).await.must(201) }).await;
    stage(&shop, "where to, and how", &mut rows, buyer.check_in()).await;
    let order = stage(&shop, "ordered, until confirmed", &mut rows, async {
        buyer.order(TOKEN_OK).header("Prefer", "wait=10").await.must(201)
    });
    assert_eq!(order.await["status"], "confirmed");

    let (after, during): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| is_after_confirmation(&row.work));
    println!("{}", table(topology, &during, &after));
    let (transactions, statements) = total(&during);
    assert!(transactions <= TRANSACTIONS_MAX && statements <= STATEMENTS_MAX, "{transactions} transactions, {statements} statements");
    shop.finish().await;
}

fn total(rows: &[Row]) -> (u64, u64) {
    rows.iter().fold((0, 0), |(transactions, statements), row| (transactions + row.transactions, statements + row.statements))
}

fn table(topology: Topology, during: &[Row], after: &[Row]) -> String {
    let line = |stage: &str, work: &str, transactions: u64, statements: u64| format!("{stage:<26}{work:<36}{transactions:>13}{statements:>12}\n");
    let mut text = format!("\na purchase of one line on {topology:?} ({GOAL})\n{:<26}{:<36}{:>13}{:>12}\n", "stage", "work", "transactions", "statements");
    for row in during {
        text += &line(row.stage, &row.work, row.transactions, row.statements);
    }
    let (transactions, statements) = total(during);
    text += &line("total", "", transactions, statements);
    for row in after {
        text += &line("begun meanwhile, not in it", &row.work, row.transactions, row.statements);
    }
    text
}

/// Statements of one request in the service that answers it; questions to other services count there.
async fn statements<T>(shop: &Shop, work: &str, request: impl Future<Output = T>) -> (u64, T) {
    shop.db().ledger().record();
    let answer = request.await;
    let entries = shop.db().ledger().entries();
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
    let (cost, list) = statements(&shop, "GET /v1/products", async { shop.get("/v1/products?limit=30").await.must(200) }).await;
    assert_eq!((cost, list["items"].as_array().map(Vec::len)), (1, Some(30)), "a list of thirty");

    let buyer = shop.buyer().await;
    let (cost, _) = statements(&shop, "POST /v1/carts/{cart}/lines", async { buyer.add(&teapot, 1).await.must(201) }).await;
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
