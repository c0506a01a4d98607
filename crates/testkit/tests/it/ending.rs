//! Orders that end early: by the buyer, by staff, by their timer; and money that comes too late.

use std::time::Duration;

use serde_json::json;
use testkit::{Buyer, Product, Shop, Staff, TOKEN_DECLINED, TOKEN_NEEDS_ACTION, TOKEN_OK, TOKEN_SILENT, Topology};

use crate::paying::{bank_page, complete, shorten_patience};

/// Longer than an order may stay unpaid.
const PAST_THE_TIMER: Duration = Duration::from_secs(31 * 60);

async fn ordered(shop: &Shop, owner: &Staff, token: &str) -> (Buyer, Product, String) {
    let teapot = owner.product(1999, 4).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 3).await;
    let order = buyer.place(token).await;
    (buyer, teapot, order)
}

/// Nothing is held, and the whole stock is for sale again.
async fn must_be_back_in_stock(owner: &Staff, teapot: &Product) {
    let level = owner.level(teapot).await;
    assert_eq!((level["on_hand"].as_i64(), level["reserved"].as_i64()), (Some(4), Some(0)), "{level:#}");
}

/// All that was authorised went back, and nothing was taken.
async fn must_have_its_money_back(owner: &Staff, order: &str) {
    let payment = owner.payment(order).await;
    let amount = |what: &str| payment[what]["amount"].as_i64();
    assert_eq!((amount("captured"), amount("voided")), (Some(0), amount("authorized")), "{payment:#}");
    assert_eq!(payment["authorized"]["amount"], 3 * 1999 + 490, "{payment:#}");
}

pub async fn cancelled_before_its_payment_everything_is_as_before(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, teapot, order) = ordered(&shop, &owner, TOKEN_DECLINED).await;
    shop.settle().await;
    buyer.cancel(&order).await.must(200);
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["cancel_reason"]), (&json!("cancelled"), &json!("buyer")), "{seen:#}");
    must_be_back_in_stock(&owner, &teapot).await;
    let cart = buyer.see_cart().await;
    assert_eq!((&cart["status"], &cart["lines"][0]["quantity"]), (&json!("open"), &json!(3)), "{cart:#}");

    let second = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    assert_eq!(buyer.see(&second).await["status"], "confirmed", "the cart can be ordered again");
    buyer.add(&teapot, 1).await.refused(409, "carts.ordered");
    shop.finish().await;
}

pub async fn cancelled_at_once_nothing_is_held(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, teapot, order) = ordered(&shop, &owner, TOKEN_OK).await;
    // Wherever the order is by now: shipping is asked about a confirmed one.
    let cancelled = buyer.cancel(&order).await;
    assert!(matches!(cancelled.status, 200 | 202), "{}", cancelled.shown());
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "cancelled");
    must_be_back_in_stock(&owner, &teapot).await;
    shop.finish().await;
}

pub async fn cancelled_after_its_authorisation_the_money_goes_back(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, teapot, order) = ordered(&shop, &owner, TOKEN_OK).await;
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");
    let path = format!("/v1/admin/orders/{order}/cancel");
    let asked = owner.post(&path, json!({ "reason": "the buyer called" })).await.must(202);
    assert_eq!(asked["status"], "confirmed", "shipping decides: {asked:#}");
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["cancel_reason"]), (&json!("cancelled"), &json!("staff")), "{seen:#}");
    assert_eq!(seen["payment_state"], "voided", "{seen:#}");
    must_be_back_in_stock(&owner, &teapot).await;
    must_have_its_money_back(&owner, &order).await;
    let shipments = owner.shipments(&order).await;
    assert!(shipments.iter().all(|shipment| shipment["state"] == "cancelled"), "{shipments:#?}");
    let again = buyer.cancel(&order).await.must(200);
    assert_eq!(again["cancel_reason"], "staff", "a repeat changes nothing: {again:#}");
    shop.finish().await;
}

pub async fn an_unpaid_order_ends_by_its_timer_and_its_cart_is_open_again(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, teapot, order) = ordered(&shop, &owner, TOKEN_DECLINED).await;
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "payable");
    shop.advance(PAST_THE_TIMER);
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["cancel_reason"]), (&json!("cancelled"), &json!("unpaid")), "{seen:#}");
    must_be_back_in_stock(&owner, &teapot).await;
    assert_eq!(buyer.see_cart().await["status"], "open");
    buyer.pay(&order, TOKEN_OK).await.refused(409, "payments.not_payable");
    shop.finish().await;
}

pub async fn a_paid_order_outlives_its_timer(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, _, order) = ordered(&shop, &owner, TOKEN_OK).await;
    shop.settle().await;
    shop.advance(PAST_THE_TIMER);
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");
    shop.finish().await;
}

pub async fn after_the_end_the_bank_takes_no_money(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, teapot, order) = ordered(&shop, &owner, TOKEN_NEEDS_ACTION).await;
    shop.settle().await;
    let page = bank_page(&buyer.see(&order).await);
    shop.advance(PAST_THE_TIMER);
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "cancelled");

    let late = shop.post(format!("{page}/complete"), json!({ "outcome": "authorized" })).await;
    late.refused(409, "payments.test_charge_ended");
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "cancelled");
    let payment = owner.payment(&order).await;
    assert_eq!(payment["authorized"]["amount"], 0, "{payment:#}");
    must_be_back_in_stock(&owner, &teapot).await;
    shop.finish().await;
}

pub async fn confirmed_at_the_bank_while_it_is_cancelled_the_money_goes_back(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, teapot, order) = ordered(&shop, &owner, TOKEN_NEEDS_ACTION).await;
    shop.settle().await;
    let page = bank_page(&buyer.see(&order).await);
    let (cancelled, _) =
        futures::join!(async { buyer.cancel(&order).await.must(200) }, complete(&shop, &page, "authorized"));
    assert_eq!(cancelled["status"], "cancelled");
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "cancelled");
    must_have_its_money_back(&owner, &order).await;
    must_be_back_in_stock(&owner, &teapot).await;
    shop.finish().await;
}

pub async fn money_of_a_silent_gateway_goes_back_when_the_order_has_ended(topology: Topology) {
    let options = testkit::ShopOptions { edit: Box::new(shorten_patience), ..Default::default() };
    let (shop, owner) = Shop::open_with(topology, options).await;
    let (buyer, teapot, order) = ordered(&shop, &owner, TOKEN_SILENT).await;
    buyer.cancel(&order).await.must(200);
    for _ in 0..4 {
        shop.settle().await;
        shop.advance(Duration::from_secs(60));
    }
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "cancelled");
    must_be_back_in_stock(&owner, &teapot).await;
    // Where the cancellation came before any charge there is no payment at all.
    let payments = owner.get(format!("/v1/admin/payments?order={order}")).await.must(200);
    for payment in payments["items"].as_array().expect("a list") {
        assert_eq!(payment["authorized"], payment["voided"], "{payment:#}");
        assert_eq!(payment["captured"]["amount"], 0, "{payment:#}");
    }
    shop.finish().await;
}
