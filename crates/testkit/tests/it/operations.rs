//! What a person does who keeps a shop running: dead letters, outboxes, events, replays; by the real commands.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Broker, Buyer, Database, Ended, Process, Setting, TOKEN_OK, souk};

use crate::binary::{Ready, see_until};

mod on_sqlite {
    use testkit::Database;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_given_up_is_mended_and_applied_once() {
        super::given_up_and_mended(Database::sqlite(), None, super::EVENTS).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_job_that_was_given_up_runs_again() {
        super::given_up_and_mended(Database::sqlite(), None, super::JOBS).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_said_is_read_and_derived_from_again() {
        super::said_and_replayed(Database::sqlite(), None).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_lost_on_its_way_is_handed_over_again() {
        super::lost_and_repeated(Database::sqlite(), None).await;
    }
}

/// Orders have a database of their own.
mod on_postgres_apart {
    use testkit::Database;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_given_up_is_mended_and_applied_once() {
        let (shop, orders) = (Database::postgres().await, Database::postgres().await);
        super::given_up_and_mended(shop, Some(orders), super::EVENTS).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_job_that_was_given_up_runs_again() {
        let (shop, orders) = (Database::postgres().await, Database::postgres().await);
        super::given_up_and_mended(shop, Some(orders), super::JOBS).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_said_is_read_and_derived_from_again() {
        let (shop, orders) = (Database::postgres().await, Database::postgres().await);
        super::said_and_replayed(shop, Some(orders)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_lost_on_its_way_is_handed_over_again() {
        let (shop, orders) = (Database::postgres().await, Database::postgres().await);
        super::lost_and_repeated(shop, Some(orders)).await;
    }
}

/// Machine time for work that goes on by itself.
const PATIENCE: Duration = Duration::from_secs(25);

/// What is planted, and who gives what up of a purchase.
type Bug = (&'static str, &'static str, &'static str, &'static str);
const EVENTS: Bug = ("bug.bus.refuses=return;bug.bus.gives_up_at_once=return", "inventory", "event", "order.placed");
const JOBS: Bug = ("bug.jobs.refuse=return;bug.jobs.give_up_at_once=return", "payments", "job", "authorize");

fn apart(orders: Option<&Database>) -> Vec<Setting<'_>> {
    orders.map(|orders| ("SOUK_DATABASE__SERVICES__ORDERS", orders.url.as_str())).into_iter().collect()
}

fn must(ended: Ended) -> String {
    assert!(ended.status.success(), "{ended:#?}");
    ended.stdout
}

fn refused(ended: Ended, why: &str) {
    assert!(ended.status.code() == Some(1) && ended.stderr.contains(why), "expected `{why}`: {ended:#?}");
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// An event or a job of a purchase fails until it is given up; who mends the shop has it tried again.
async fn given_up_and_mended(database: Database, orders: Option<Database>, (bug, service, kind, name): Bug) {
    let shop = Ready::on(database).await;
    let settings = apart(orders.as_ref());
    let run = |arguments: &[&str]| souk(&shop.database, &settings, arguments);
    let mut with_bug = settings.clone();
    with_bug.push(("FAILPOINTS", bug));
    let broken = shop.serve(&with_bug).await;
    let buyer = Buyer::new(&broken.client).await;
    buyer.cart_with(&shop.teapot, 1).await;
    let order = buyer.place(TOKEN_OK).await;
    let begun = Instant::now();
    let letter = loop {
        let letters = lines(&must(run(&["dead-letters", "list", "--service", service, "--json"])));
        let is_meant = |letter: &&Value| letter["kind"] == kind && letter["name"] == name;
        if let Some(letter) = letters.iter().find(is_meant) {
            break letter.clone();
        }
        assert!(begun.elapsed() < PATIENCE, "{service} gives up no {name}: {letters:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert!(letter["error"].as_str().is_some_and(|error| error.contains("a bug refuses")), "{letter:#}");
    shop.audit_until(&settings, &["I13"]).await;
    broken.stop().await;

    let id = letter["id"].as_str().expect("an id");
    let shown: Value =
        serde_json::from_str(&must(run(&["dead-letters", "show", id, "--service", service]))).expect("JSON");
    assert_eq!((&shown["service"], &shown["name"]), (&service.into(), &name.into()), "{shown:#}");
    assert!(shown[kind].is_object() && !shown.to_string().contains("ada@example.com"), "{shown:#}");
    let unknown = uuid::Uuid::now_v7().to_string();
    refused(run(&["dead-letters", "show", &unknown]), "there is no dead letter");
    refused(run(&["dead-letters", "replay", id, &unknown]), "there is no dead letter");
    refused(run(&["dead-letters", "list", "--service", "sales"]), "there is no service `sales`");

    let mended = shop.serve(&settings).await;
    let buyer = buyer.at(&mended.client);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_ne!(buyer.see(&order).await["status"], "confirmed", "what is dead stays so until it is said");
    assert!(must(run(&["dead-letters", "replay", id, "--service", service])).contains("1 to be tried again"));
    refused(run(&["dead-letters", "replay", id, "--service", service]), "there is no dead letter");
    must(run(&["dead-letters", "replay", "--all"]));
    see_until(&buyer, &order, |order| order["status"] == "confirmed").await;
    let owner = shop.owner.at(&mended.client);
    assert_eq!(owner.level(&shop.teapot).await["reserved"], 1, "held once");
    assert_eq!(owner.payment(&order).await["authorized"]["amount"], 2489, "charged once");
    shop.audit_until(&settings, &[]).await;
    assert!(must(run(&["dead-letters", "list"])).contains("nothing was given up"));
    mended.stop().await;
    remove(shop, orders).await;
}

/// A delivery is lost on its way: the audit names it, and the outbox still has it.
async fn lost_and_repeated(database: Database, orders: Option<Database>) {
    let shop = Ready::on(database).await;
    let settings = apart(orders.as_ref());
    let mut with_bug = settings.clone();
    with_bug.push(("FAILPOINTS", "bug.relay.loses=return"));
    let losing = shop.serve(&with_bug).await;
    let buyer = Buyer::new(&losing.client).await;
    buyer.cart_with(&shop.teapot, 1).await;
    let order = buyer.place(TOKEN_OK).await;
    see_until(&buyer, &order, |order| order["status"] == "confirmed").await;
    shop.audit_until(&settings, &["I7"]).await;
    losing.stop().await;
    let (_, ended) = testkit::audit(&shop.database, &settings);
    let report: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("a list");
    let about: Vec<&str> = findings.iter().filter_map(|finding| finding["about"].as_str()).collect();
    let lost: Vec<&str> = about.iter().filter_map(|about| about.split(' ').nth(1)).collect();

    let run = |arguments: &[&str]| souk(&shop.database, &settings, arguments);
    refused(run(&["events", "repeat", &uuid::Uuid::now_v7().to_string()]), "there is no event");
    let repeat: Vec<&str> = ["events", "repeat"].into_iter().chain(lost).collect();
    assert!(must(run(&repeat)).contains("to be handed over again"), "{about:?}");
    let process = shop.serve(&settings).await;
    let is_packed = |order: &Value| {
        order["history"]
            .as_array()
            .is_some_and(|entries| entries.iter().any(|entry| entry["event"] == "shipment.created"))
    };
    see_until(&buyer.at(&process.client), &order, is_packed).await;
    let owner = shop.owner.at(&process.client);
    assert_eq!(
        (owner.shipments(&order).await.len(), owner.level(&shop.teapot).await["reserved"].as_i64()),
        (1, Some(1))
    );
    shop.audit_until(&settings, &[]).await;
    process.stop().await;
    remove(shop, orders).await;
}

async fn said_and_replayed(database: Database, orders: Option<Database>) {
    let shop = Ready::on(database).await;
    let settings = apart(orders.as_ref());
    let run = |arguments: &[&str]| souk(&shop.database, &settings, arguments);
    let process = shop.serve(&settings).await;
    let first = buy(&shop, &process).await;

    let said = lines(&must(run(&["events", "tail", "--since", "1h", "--json"])));
    let is_placed = |event: &&Value| event["type"] == "order.placed" && event["data"]["order"] == first.as_str();
    let placed = said.iter().find(is_placed).unwrap_or_else(|| panic!("no order.placed: {said:#?}"));
    assert_eq!((&placed["specversion"], &placed["source"]), (&"1.0".into(), &"/souk/orders".into()));
    let ids: Vec<_> = said.iter().map(|event| event["id"].as_str().expect("an id")).collect();
    assert!(ids.is_sorted() && said.len() > 5, "in the order in which it was said: {said:#?}");
    let text = must(run(&["events", "tail", "--since", "1h", "--service", "orders", "--name", "order.placed"]));
    assert_eq!(text.lines().count(), 1, "{text}");
    assert_eq!(must(run(&["events", "tail", "--since", "0s"])), "");
    refused(run(&["events", "tail", "--since", "tomorrow"]), "--since tomorrow");
    refused(run(&["events", "tail", "--name", "order.plaecd"]), "no service says `order.plaecd`");

    let name = ["events", "tail", "--since", "1h", "--name", "order.placed", "--follow", "--json"];
    let tail = Process::follow(&shop.database, &settings, &name, |said| said.contains(&first)).await;
    let second = buy(&shop, &process).await;
    let begun = Instant::now();
    while !tail.stdout().contains(&second) {
        assert!(begun.elapsed() < PATIENCE, "it says no more than {}", tail.stdout());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let followed = tail.stdout();
    assert_eq!(followed.lines().count(), 2, "each once: {followed}");
    tail.stop().await;

    shop.audit_until(&settings, &[]).await;
    let outboxes: Value = serde_json::from_str(&must(run(&["outbox", "--json"]))).expect("JSON");
    let of_orders = outboxes.as_array().expect("a list").iter().find(|row| row["service"] == "orders").expect("orders");
    assert_eq!((&of_orders["waiting"], &of_orders["oldest_seconds"]), (&0.into(), &Value::Null), "{outboxes:#}");
    assert!(of_orders["done_last_hour"].as_i64() >= Some(4), "{outboxes:#}");
    assert!(must(run(&["outbox"])).lines().count() == 10, "a line a service");

    let again = must(run(&["replay", "--service", "catalog", "--since", "1h"]));
    assert!(again.contains("stock.availability_changed: 1 applied again by catalog"), "{again}");
    refused(run(&["replay", "--service", "orders", "--since", "1h"]), "orders can't be replayed");
    refused(run(&["replay", "--service", "notifications", "--since", "1h"]), "catalog (stock.availability_changed)");
    shop.audit_until(&settings, &[]).await;
    process.stop().await;
    remove(shop, orders).await;
}

async fn buy(shop: &Ready, process: &Process) -> String {
    let buyer = Buyer::new(&process.client).await;
    buyer.cart_with(&shop.teapot, 1).await;
    let order = buyer.place(TOKEN_OK).await;
    see_until(&buyer, &order, |order| order["status"] == "confirmed").await;
    order
}

async fn remove(shop: Ready, orders: Option<Database>) {
    shop.database.remove().await;
    if let Some(orders) = orders {
        orders.remove().await;
    }
}

/// What no process can read is in no table: the broker has it, and the command says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_broker_gave_up_is_listed() {
    let shop = Ready::on(Database::sqlite()).await;
    let broker = Broker::new(None);
    let settings = [("SOUK_BUS__URL", broker.url.as_str()), ("SOUK_BUS__PREFIX", broker.prefix.as_str())];
    let process = shop.serve(&settings).await;
    let list = |arguments: &[&str]| souk(&shop.database, &settings, &[&["dead-letters", "list"], arguments].concat());
    assert_eq!(must(list(&["--json"])), "");
    broker.send("carts", b"no event").await;
    let begun = Instant::now();
    while must(list(&["--json", "--service", "carts"])).is_empty() {
        assert!(begun.elapsed() < PATIENCE, "it is not in the dead queue");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let listed: Value = serde_json::from_str(must(list(&["--json"])).trim()).expect("one line of JSON");
    assert_eq!(listed, json!({ "service": "carts", "kind": "delivery", "count": 1 }));
    assert!(must(list(&[])).contains("carts: 1 in the broker's dead queue"));
    process.stop().await;
    shop.database.remove().await;
    broker.remove().await;
}
