//! `kill -9` at the worst moments of a purchase: what was acknowledged exists, and nothing is charged twice.

use serde_json::json;
use testkit::{Buyer, Client, Database, Product, TOKEN_OK};

use crate::binary::{Ready, see_until};

/// Buys a teapot through a process that dies at `point`, the `after + 1`th time it comes there.
async fn a_purchase_survives(database: Database, point: &str, after: u32) {
    let shop = Ready::on(database).await;
    let failpoints = if after == 0 { format!("{point}=return") } else { format!("{point}={after}*off->return") };
    let dying = shop.serve(&[("FAILPOINTS", &failpoints)]).await;

    let cart = fill_a_cart(&dying.client, &shop.teapot).await.ok();
    let acknowledged = match &cart {
        Some(buyer) => buyer.order_under("once", TOKEN_OK).sent().await.ok(),
        None => None,
    };
    let ended = dying.ended().await;
    assert!(ended.is_killed(), "{ended:#?}");
    assert!(ended.stderr.contains(&format!("fault point reached: {point}")), "{ended:#?}");

    let process = shop.serve(&[]).await;
    let buyer = match &cart {
        Some(buyer) => buyer.at(&process.client),
        None => fill_a_cart(&process.client, &shop.teapot).await.expect("nothing dies any more"),
    };
    // An answer that never came is unknown: the same key asks again and makes nothing twice.
    let order = buyer.order_under("once", TOKEN_OK).await.must(201);
    let id = order["id"].as_str().expect("an order has an id");
    if let Some(acknowledged) = acknowledged {
        assert_eq!(acknowledged.must(201)["id"], id, "what was acknowledged exists");
    }
    see_until(&buyer, id, |order| order["status"] == "confirmed").await;

    let owner = shop.owner.at(&process.client);
    let payment = owner.payment(id).await;
    assert_eq!(payment["authorized"], json!({ "amount": 2489, "currency": "EUR" }), "charged once: {payment:#}");
    assert_eq!(owner.level(&shop.teapot).await["reserved"], 1, "held once");
    shop.audit_until(&[], &[]).await;
    process.stop().await;
    shop.database.remove().await;
}

/// A new cart that can be ordered, from a shop that may die while it answers.
async fn fill_a_cart(client: &Client, teapot: &Product) -> Result<Buyer, ()> {
    let client = client.clone();
    let teapot = teapot.clone();
    // A lost connection is a panic of the helper, and here the reason to begin again.
    let filled = tokio::spawn(async move {
        let buyer = Buyer::new(&client).await;
        buyer.cart_with(&teapot, 1).await;
        buyer
    });
    filled.await.map_err(drop)
}

macro_rules! points {
    ($($name:ident: $point:literal after $after:literal;)+) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::a_purchase_survives(testkit::Database::sqlite(), $point, $after).await;
            }
        )+}
        mod postgres {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::a_purchase_survives(testkit::Database::postgres().await, $point, $after).await;
            }
        )+}
    };
}

points! {
    before_the_order_is_written: "orders.placing" after 0;
    after_the_order_is_written: "orders.placed" after 0;
    with_the_placing_claimed: "relay.claimed" after 0;
    with_a_later_event_claimed: "relay.claimed" after 2;
    with_the_placing_handed_over: "relay.handed_over" after 0;
    with_a_later_event_handed_over: "relay.handed_over" after 2;
    with_the_placing_marked: "relay.marked" after 0;
    with_a_later_event_marked: "relay.marked" after 2;
    before_a_reaction_is_committed: "bus.before_apply_commit" after 0;
    before_a_later_reaction_is_committed: "bus.before_apply_commit" after 3;
    after_a_reaction_is_committed: "bus.applied" after 0;
    after_a_later_reaction_is_committed: "bus.applied" after 3;
    before_the_gateway_is_asked: "payments.before_gateway" after 0;
    with_the_charge_made_and_no_answer: "gateway.committed" after 0;
    with_the_answer_in_hand: "payments.after_gateway" after 0;
    with_the_payment_settled: "payments.settled" after 0;
    before_a_commit: "store.before_commit" after 12;
    after_a_commit: "store.after_commit" after 12;
}
