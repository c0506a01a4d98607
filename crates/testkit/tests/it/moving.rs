//! `souk move`: a shop goes from one file to PostgreSQL in the middle of its business.

use serde_json::json;
use testkit::{Buyer, Database, Ended, Setting, TOKEN_DECLINED, TOKEN_OK, souk};
use tokio_postgres::NoTls;

use crate::binary::{Ready, see_until};

fn moved(from: &Database, to: &Database, settings: &[Setting<'_>]) -> Ended {
    souk(from, settings, &["move", "--from", &from.url, "--to", &to.url])
}

fn must(ended: &Ended, said: &str) {
    assert!(ended.status.success() && ended.stdout.contains(said), "expected `{said}`: {ended:#?}");
}

fn refused(ended: &Ended, why: &str) {
    assert!(ended.status.code() == Some(1) && ended.stderr.contains(why), "expected `{why}`: {ended:#?}");
}

async fn sql(database: &Database, statement: &str) -> u64 {
    let (client, connection) = tokio_postgres::connect(&database.url, NoTls).await.expect("the test's PostgreSQL");
    tokio::spawn(connection);
    client.execute(statement, &[]).await.expect("a statement")
}

/// Bought on the one, paid and shipped on the other; what was on its way when the shop died arrives there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_is_bought_before_and_half_after() {
    let shop = Ready::on(Database::sqlite()).await;
    let process = shop.serve(&[]).await;
    let target = Database::postgres().await;
    refused(&moved(&shop.database, &target, &[]), "a souk serves on sqlite:");
    let sent = Buyer::new(&process.client).await;
    sent.cart_with(&shop.teapot, 1).await;
    let confirmed = sent.place(TOKEN_OK).await;
    see_until(&sent, &confirmed, |order| order["status"] == "confirmed").await;
    let owing = Buyer::new(&process.client).await;
    owing.cart_with(&shop.teapot, 1).await;
    let unpaid = owing.order_under("before the move", TOKEN_DECLINED).await.must(201);
    let unpaid = unpaid["id"].as_str().expect("an id").to_owned();
    see_until(&owing, &unpaid, |order| order["payment_state"] == "failed" || order["status"] == "payable").await;
    process.stop().await;
    let dying = shop.serve(&[("FAILPOINTS", "orders.placed=return")]).await;
    let late = Buyer::new(&dying.client).await;
    late.cart_with(&shop.teapot, 1).await;
    let _ = late.order_under("as it died", TOKEN_OK).sent().await;
    assert!(dying.ended().await.is_killed());

    must(&moved(&shop.database, &target, &[]), "moved and compared");
    must(&moved(&shop.database, &target, &[]), "moved there before");
    let other = Ready::on(Database::sqlite()).await;
    must(&moved(&other.database, &target, &[]), "moved there before");
    other.database.remove().await;

    let shop = Ready { database: target, owner: shop.owner.clone(), teapot: shop.teapot.clone() };
    let process = shop.serve(&[]).await;
    let (sent, owing, late) = (sent.at(&process.client), owing.at(&process.client), late.at(&process.client));
    let again = owing.order_under("before the move", TOKEN_DECLINED).await.must(201);
    assert_eq!(again["id"], unpaid.as_str(), "its key came along");
    owing.pay(&unpaid, TOKEN_OK).await.must(201);
    see_until(&owing, &unpaid, |order| order["status"] == "confirmed").await;
    let order = late.order_under("as it died", TOKEN_OK).await.must(201);
    let order = order["id"].as_str().expect("an id");
    see_until(&late, order, |order| order["status"] == "confirmed").await;
    let owner = shop.owner.at(&process.client);
    let shipments = owner.shipments(&confirmed).await;
    let shipment = shipments[0]["id"].as_str().expect("an id");
    owner.post(format!("/v1/admin/shipments/{shipment}/dispatch"), json!({})).await.must(200);
    owner.post(format!("/v1/admin/shipments/{shipment}/deliver"), json!({})).await.must(200);
    see_until(&sent, &confirmed, |order| order["status"] == "completed").await;
    assert_eq!(owner.level(&shop.teapot).await["reserved"], 2, "one of the three has left");
    shop.audit_until(&[], &[]).await;
    process.stop().await;
    shop.database.remove().await;
}

/// Each try dies further on; orders go into a database of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_is_killed_goes_on() {
    let shop = bought().await;
    let (target, orders) = (Database::postgres().await, Database::postgres().await);
    let apart = ("SOUK_DATABASE__SERVICES__ORDERS", orders.url.as_str());
    for failpoints in ["move.chunk=return", "move.chunk=20*off->return", "move.chunk=30*off->return"] {
        let killed = moved(&shop.database, &target, &[apart, ("FAILPOINTS", failpoints)]);
        assert!(killed.is_killed(), "{killed:#?}");
    }
    let ended = moved(&shop.database, &target, &[apart, ("SOUK_AUDIT__SETTLE_SECONDS", "0")]);
    must(&ended, "rows were there from a run before");
    must(&ended, "audit: clean");
    must(&ended, "2 orders");
    assert_eq!(sql(&orders, "UPDATE souk_outbox SET lease_until = 0 WHERE service <> 'orders'").await, 0);
    assert!(sql(&orders, "UPDATE souk_outbox SET lease_until = 0 WHERE service = 'orders'").await > 0);
    shop.database.remove().await;
    target.remove().await;
    orders.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_did_not_come_is_missed() {
    let shop = bought().await;
    let target = Database::postgres().await;
    let killed = moved(&shop.database, &target, &[("FAILPOINTS", "move.chunk=60*off->return")]);
    assert!(killed.is_killed(), "{killed:#?}");
    let spoilt = "UPDATE customers_staff SET active = NOT active";
    assert!(sql(&target, spoilt).await > 0, "it had come");
    refused(&moved(&shop.database, &target, &[]), "customers_staff has 1 rows there and 1 here, or not the same ones");
    let other = Database::postgres().await;
    let theirs = Ready::on(Database::sqlite()).await;
    let killed = moved(&theirs.database, &other, &[("FAILPOINTS", "move.chunk=return")]);
    assert!(killed.is_killed(), "{killed:#?}");
    refused(&moved(&shop.database, &other, &[]), "it was begun from another file");
    let filled = Ready::on(Database::postgres().await).await;
    refused(&moved(&shop.database, &filled.database, &[]), "rows already: move into an empty database");
    for database in [shop.database, target, other, theirs.database, filled.database] {
        database.remove().await;
    }
}

/// A shop that sold twice, and stopped.
async fn bought() -> Ready {
    let shop = Ready::on(Database::sqlite()).await;
    let process = shop.serve(&[]).await;
    for _ in 0..2 {
        let buyer = Buyer::new(&process.client).await;
        buyer.cart_with(&shop.teapot, 1).await;
        let order = buyer.place(TOKEN_OK).await;
        see_until(&buyer, &order, |order| order["status"] == "confirmed").await;
    }
    process.stop().await;
    shop
}
