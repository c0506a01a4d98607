//! One order for one wish: repeats, races and prices that moved.

use futures::future::join_all;
use serde_json::json;
use testkit::{Buyer, Product, Shop, Staff, TOKEN_OK, Topology};

async fn ready_to_order(shop: &Shop, owner: &Staff) -> (Buyer, Product) {
    let teapot = owner.product(1999, 10).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 1).await;
    (buyer, teapot)
}

pub async fn the_same_key_twice_is_one_order(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, teapot) = ready_to_order(&shop, &owner).await;
    let first = buyer.order_under("one", TOKEN_OK).await;
    assert_eq!(first.header("idempotent-replayed"), "");
    let first = first.must(201);
    let again = buyer.order_under("one", TOKEN_OK).await;
    assert_eq!(again.header("idempotent-replayed"), "true", "{}", again.shown());
    assert_eq!(again.must(201)["id"], first["id"]);
    shop.settle().await;
    let later = buyer.order_under("one", TOKEN_OK).await.must(201);
    assert_eq!((&later["id"], &later["status"]), (&first["id"], &json!("confirmed")), "a repeat shows it as it is now");

    let other = json!({ "cart": buyer.cart, "payment": { "method": "card", "token": "tok_declined" } });
    buyer.client.post("/v1/orders", other).key("one").await.refused(409, "request.key_reused");
    assert_eq!(owner.level(&teapot).await["reserved"], 1);
    shop.finish().await;
}

pub async fn the_same_key_at_once_is_one_order(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, teapot) = ready_to_order(&shop, &owner).await;
    let answers = join_all((0..12).map(|_| async { buyer.order_under("one", TOKEN_OK).await })).await;
    let mut made = Vec::new();
    for answer in answers {
        match answer.status {
            201 => made.push(answer.must(201)["id"].clone()),
            _ => drop(answer.refused(409, "request.key_in_flight")),
        }
    }
    made.dedup();
    assert_eq!(made.len(), 1, "{made:?}");
    shop.settle().await;
    assert_eq!(owner.level(&teapot).await["reserved"], 1);
    shop.finish().await;
}

pub async fn one_cart_under_many_keys_is_one_order(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, teapot) = ready_to_order(&shop, &owner).await;
    let answers = join_all((0..8).map(|_| async { buyer.order(TOKEN_OK).await })).await;
    let mut made = 0;
    for answer in answers {
        match answer.status {
            201 => made += 1,
            // Whether `orders` or already `carts` says so depends on how far the winner's event is.
            _ => assert!(
                ["orders.cart_already_ordered", "carts.ordered"].contains(&code(&answer).as_str()),
                "{}",
                answer.shown()
            ),
        }
    }
    assert_eq!(made, 1);
    shop.settle().await;
    assert_eq!(owner.level(&teapot).await["reserved"], 1);
    shop.finish().await;
}

fn code(answer: &testkit::Answer) -> String {
    assert_eq!(answer.status, 409, "{}", answer.shown());
    answer.json()["code"].as_str().unwrap_or_default().to_owned()
}

pub async fn a_price_that_changed_since_it_was_shown_is_refused_with_the_new_totals(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, teapot) = ready_to_order(&shop, &owner).await;
    let shown = buyer.see_cart().await["quote"]["total"].clone();
    owner.set_price(&teapot, 2499).await;
    let body = |total: &serde_json::Value| json!({ "cart": buyer.cart, "payment": { "method": "card", "token": TOKEN_OK }, "expected_total": total });
    let refused = buyer.client.post("/v1/orders", body(&shown)).key("old").await.refused(409, "orders.price_changed");
    let now = &refused["context"]["total"];
    assert_eq!(now, &json!({ "amount": 2499 + 490, "currency": "EUR" }), "{refused:#}");

    let order = buyer.client.post("/v1/orders", body(now)).key("new").await.must(201);
    assert_eq!(&order["total"], now);
    shop.finish().await;
}

pub async fn a_cart_that_lacks_something_is_refused_by_name(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 10).await;
    let buyer = shop.buyer().await;
    buyer.order(TOKEN_OK).await.refused(409, "orders.cart_incomplete");
    buyer.add(&teapot, 1).await.must(201);
    let refused = buyer.order(TOKEN_OK).await.refused(409, "orders.cart_incomplete");
    assert_eq!(refused["context"]["missing"], json!(["email", "shipping_address", "shipping_method"]), "{refused:#}");
    buyer.check_in().await;
    let body = json!({ "cart": buyer.cart, "payment": { "method": "shells", "token": TOKEN_OK } });
    let refused = buyer.client.post("/v1/orders", body).key("shells").await.refused(422, "request.invalid");
    assert_eq!(refused["errors"][0]["pointer"], "/payment/method", "{refused:#}");
    buyer.order(TOKEN_OK).await.must(201);
    shop.finish().await;
}
