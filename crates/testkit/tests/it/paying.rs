//! Cards that are declined, that need the buyer, and gateways that are slow or silent.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Buyer, Shop, Staff, TOKEN_DECLINED, TOKEN_NEEDS_ACTION, TOKEN_OK, TOKEN_SILENT, TOKEN_SLOW, Topology};

/// An order of one teapot, placed with this card and settled.
async fn order_paid_with(shop: &Shop, owner: &Staff, token: &str) -> (Buyer, String) {
    let teapot = owner.product(1999, 3).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 1).await;
    let order = buyer.place(token).await;
    shop.settle().await;
    (buyer, order)
}

async fn must_be_charged_once(owner: &Staff, order: &str) {
    let payment = owner.payment(order).await;
    assert_eq!(payment["authorized"]["amount"], 2489, "{payment:#}");
    let attempts = payment["attempts"].as_array().expect("attempts");
    let authorized = attempts.iter().filter(|attempt| attempt["state"] == "authorized").count();
    assert_eq!(authorized, 1, "{payment:#}");
}

pub async fn a_declined_card_is_followed_by_a_good_one(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, order) = order_paid_with(&shop, &owner, TOKEN_DECLINED).await;
    let seen = buyer.see(&order).await;
    assert_eq!(seen["status"], "payable", "a decline keeps the order and its hold: {seen:#}");

    buyer.pay(&order, TOKEN_OK).await.must(201);
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!(seen["status"], "confirmed", "{seen:#}");
    must_be_charged_once(&owner, &order).await;
    buyer.pay(&order, TOKEN_OK).await.refused(409, "payments.not_payable");
    shop.finish().await;
}

pub async fn tries_end_and_the_buyer_is_told(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, order) = order_paid_with(&shop, &owner, TOKEN_DECLINED).await;
    for _ in 1..5 {
        buyer.pay(&order, TOKEN_DECLINED).await.must(201);
        shop.settle().await;
    }
    buyer.pay(&order, TOKEN_OK).await.refused(409, "payments.too_many_tries");
    assert_eq!(buyer.see(&order).await["status"], "payable");
    shop.finish().await;
}

pub async fn a_buyer_confirms_at_their_bank(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, order) = order_paid_with(&shop, &owner, TOKEN_NEEDS_ACTION).await;
    let seen = buyer.see(&order).await;
    assert_eq!(seen["status"], "payable", "{seen:#}");
    assert_eq!(seen["next_action"]["type"], "redirect", "{seen:#}");
    let page = bank_page(&seen);
    buyer.pay(&order, TOKEN_OK).await.refused(409, "payments.in_progress");

    let (_, reference) = page.split_once("/v1/test-gateway/charges/").expect("the test bank's page");
    shop.get(format!("/v1/test-gateway/charges/{}", reference.replace(char::is_alphanumeric, "x")))
        .await
        .refused(404, "payments.test_charge_not_found");
    let shown = shop.get(&page).await;
    assert!(
        shown.header("content-type").starts_with("text/html") && shown.text.contains("<button"),
        "{}",
        shown.shown()
    );
    complete(&shop, &page, "authorized").await;
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["next_action"]), (&json!("confirmed"), &Value::Null), "{seen:#}");
    must_be_charged_once(&owner, &order).await;
    shop.finish().await;
}

/// Where the buyer's bank asks them.
pub fn bank_page(order: &Value) -> String {
    order["next_action"]["url"]
        .as_str()
        .unwrap_or_else(|| panic!("the buyer is sent to their bank: {order:#}"))
        .to_owned()
}

/// Says yes or no there.
pub async fn complete(shop: &Shop, page: &str, outcome: &str) {
    let (_, reference) = page.split_once("/v1/test-gateway/charges/").expect("the test bank's page");
    let answer =
        shop.post(format!("/v1/test-gateway/charges/{reference}/complete"), json!({ "outcome": outcome })).await;
    assert!(answer.status < 400, "{}", answer.shown());
}

pub async fn a_silent_gateway_is_asked_later_and_charges_once(topology: Topology) {
    let options = testkit::ShopOptions { edit: Box::new(shorten_patience), ..Default::default() };
    let (shop, owner) = Shop::open_with(topology, options).await;
    let teapot = owner.product(1999, 3).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 1).await;
    let order = buyer.place(TOKEN_SILENT).await;
    // The outcome is unknown now; only the clock brings the look-up.
    for _ in 0..10 {
        shop.settle().await;
        if buyer.see(&order).await["status"] == "confirmed" {
            break;
        }
        shop.advance(Duration::from_secs(30));
    }
    let seen = buyer.see(&order).await;
    assert_eq!(seen["status"], "confirmed", "{seen:#}");
    must_be_charged_once(&owner, &order).await;
    shop.finish().await;
}

pub async fn a_slow_gateway_keeps_nobody_waiting(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 3).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 1).await;
    let begun = Instant::now();
    let order = buyer.place(TOKEN_SLOW).await;
    assert!(begun.elapsed() < Duration::from_millis(1_500), "the order is taken before the gateway answers");
    buyer.see(&order).await;
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");
    must_be_charged_once(&owner, &order).await;
    shop.finish().await;
}

/// A gateway that says nothing is given up after a second of the machine's time.
pub fn shorten_patience(config: &mut platform::Config) {
    for method in config.payments.values_mut() {
        method.gateway_seconds_max = 1;
    }
}
