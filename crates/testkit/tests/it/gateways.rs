//! Gateways that are silent, late, or tell by themselves; and several payments and captures of one order.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use testkit::{Answer, Buyer, Shop, ShopOptions, Staff, TOKEN_DECLINED, TOKEN_OK, TOKEN_SILENT, TOKEN_SLOW, Topology};
use uuid::Uuid;

use crate::refunds::send;

const SECRET: &str = "whsec_of_a_test_bank";
/// The bank waits for the buyer, and holds the money later even where it was withdrawn or declined.
const TOKEN_RELENTING: &str = "tok_relenting";
const TOTAL: i64 = 2 * 1999 + 490;
/// Longer than an order may stay unpaid.
const PAST_THE_TIMER: Duration = Duration::from_secs(31 * 60);

fn eur(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

/// A shop whose bank answers within a second, or not, and whose events the story signs.
async fn open(topology: Topology) -> (Shop, Staff) {
    let edit = |config: &mut platform::Config| {
        let card = config.payments.get_mut("card").expect("a way to pay");
        card.gateway_seconds_max = 4;
        card.webhook_secret = SECRET.to_owned();
    };
    Shop::open_with(topology, ShopOptions { edit: Box::new(edit), ..ShopOptions::default() }).await
}

/// A cart of two teapots.
async fn cart(shop: &Shop, owner: &Staff) -> Buyer {
    let teapot = owner.product(1999, 5).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 2).await;
    buyer
}

/// What the bank tells of an order's newest charge, once there is one.
async fn told_of(owner: &Staff, order: &str) -> Value {
    let mut key = Value::Null;
    while key.is_null() {
        let list = owner.get(format!("/v1/admin/payments?order={order}")).await.must(200);
        let attempts = list["items"][0]["attempts"].as_array();
        key = attempts.and_then(|attempts| attempts.last()).map_or(Value::Null, |last| last["id"].clone());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    json!({ "id": format!("evt_{}", Uuid::now_v7().simple()), "type": "charge.updated", "key": key })
}

/// Sends it as the bank would, signed.
async fn tell(shop: &Shop, event: &Value) -> Answer {
    let body = event.to_string();
    let time = shop.clock.now().as_second();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(format!("{time}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let ask = shop.post("/v1/gateway-events/card", event.clone());
    ask.header("Gateway-Signature", format!("t={time},v1={hex}")).await
}

/// Charged once, for all of it, and nothing said twice.
async fn must_be_paid_once(owner: &Staff, buyer: &Buyer, order: &str) {
    let seen = buyer.see(order).await;
    assert_eq!(seen["status"], "confirmed", "{seen:#}");
    let payment = owner.payment(order).await;
    assert_eq!((&payment["authorized"], &payment["voided"]), (&eur(TOTAL), &eur(0)), "{payment:#}");
    let history = owner.get(format!("/v1/admin/orders/{order}")).await.must(200);
    let said = history["history"].as_array().expect("a history").iter();
    assert_eq!(said.filter(|entry| entry["event"] == "payment.authorized").count(), 1, "{history:#}");
}

pub async fn an_event_may_come_before_while_and_after_the_answer(topology: Topology) {
    let (shop, owner) = open(topology).await;
    // Before: the bank needs two seconds to answer.
    let buyer = cart(&shop, &owner).await;
    let order = buyer.place(TOKEN_SLOW).await;
    let event = told_of(&owner, &order).await;
    tell(&shop, &event).await.must(204);
    shop.settle().await;
    must_be_paid_once(&owner, &buyer, &order).await;
    // After, and again.
    tell(&shop, &event).await.must(204);
    tell(&shop, &told_of(&owner, &order).await).await.must(204);
    shop.settle().await;
    must_be_paid_once(&owner, &buyer, &order).await;
    // While it answers.
    let buyer = cart(&shop, &owner).await;
    let order = buyer.place(TOKEN_OK).await;
    for _ in 0..5 {
        tell(&shop, &told_of(&owner, &order).await).await.must(204);
    }
    shop.settle().await;
    must_be_paid_once(&owner, &buyer, &order).await;
    // Instead of an answer.
    let buyer = cart(&shop, &owner).await;
    let order = buyer.place("tok_event").await;
    shop.settle().await;
    must_be_paid_once(&owner, &buyer, &order).await;
    shop.finish().await;
}

pub async fn an_event_that_nobody_signed_is_not_heard(topology: Topology) {
    let (shop, owner) = open(topology).await;
    let buyer = cart(&shop, &owner).await;
    let order = buyer.place(TOKEN_DECLINED).await;
    shop.settle().await;
    let event = told_of(&owner, &order).await;
    shop.post("/v1/gateway-events/card", event.clone()).await.refused(401, "payments.bad_signature");
    shop.post("/v1/gateway-events/transfer", event.clone()).await.refused(404, "payments.no_events");
    tell(&shop, &json!({ "type": "charge.updated" })).await.refused(400, "request.malformed");
    // Heard, and not believed: the bank still says no.
    tell(&shop, &event).await.must(204);
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "payable");
    shop.finish().await;
}

pub async fn an_order_is_cancelled_while_the_gateway_is_silent(topology: Topology) {
    let (shop, owner) = open(topology).await;
    for token in [TOKEN_SILENT, "tok_silent_declined", "tok_late", "tok_event"] {
        let buyer = cart(&shop, &owner).await;
        let order = buyer.place(token).await;
        // The question has reached the bank.
        told_of(&owner, &order).await;
        // 202 where the bank's event was faster: then it is shipping's to say that nothing has left.
        let cancelled = buyer.cancel(&order).await;
        assert!(matches!(cancelled.status, 200 | 202), "{}", cancelled.shown());
        for _ in 0..3 {
            shop.settle().await;
            shop.advance(Duration::from_secs(30));
        }
        shop.settle().await;
        assert_eq!(buyer.see(&order).await["status"], "cancelled");
        let payment = owner.payment(&order).await;
        assert_eq!(
            (&payment["authorized"], &payment["captured"]),
            (&payment["voided"], &eur(0)),
            "{token}: {payment:#}"
        );
        assert_ne!(payment["status"], "pending", "the bank's word is final: {payment:#}");
    }
    shop.finish().await;
}

pub async fn an_event_after_the_orders_end_gives_the_money_back(topology: Topology) {
    let (shop, owner) = open(topology).await;
    let buyer = cart(&shop, &owner).await;
    let order = buyer.place(TOKEN_RELENTING).await;
    shop.settle().await;
    buyer.cancel(&order).await.must(200);
    shop.settle().await;
    let payment = owner.payment(&order).await;
    assert_eq!((&payment["status"], &payment["authorized"]), (&json!("declined"), &eur(0)), "withdrawn: {payment:#}");
    // The bank holds the money after all, and tells of it.
    shop.advance(Duration::from_secs(30));
    shop.settle().await;
    tell(&shop, &told_of(&owner, &order).await).await.must(204);
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "cancelled");
    let payment = owner.payment(&order).await;
    assert_eq!((&payment["authorized"], &payment["voided"]), (&eur(TOTAL), &eur(TOTAL)), "{payment:#}");

    // Where the order goes on, and another way pays it, the card's money is let go at the card's bank.
    let buyer = cart(&shop, &owner).await;
    let order = buyer.place(TOKEN_RELENTING).await;
    shop.settle().await;
    let page = crate::paying::bank_page(&buyer.see(&order).await);
    crate::paying::complete(&shop, &page, "declined").await;
    shop.settle().await;
    let body = json!({ "order": order, "method": "transfer" });
    buyer.client.post("/v1/payments", body).key(Uuid::now_v7().to_string()).await.must(201);
    shop.advance(Duration::from_secs(30));
    shop.settle().await;
    let payment = owner.payment(&order).await;
    assert_eq!((&payment["authorized"], &payment["voided"]), (&eur(TOTAL), &eur(TOTAL)), "{payment:#}");
    assert_eq!(buyer.see(&order).await["status"], "payable", "its transfer is awaited");
    shop.finish().await;
}

async fn pay(buyer: &Buyer, order: &str, token: &str, amount: i64) -> Answer {
    let body = json!({ "order": order, "method": "card", "token": token, "amount": eur(amount) });
    buyer.client.post("/v1/payments", body).key(Uuid::now_v7().to_string()).await
}

/// Orders with this much by a first card.
async fn placed_in_part(buyer: &Buyer, amount: i64) -> String {
    let payment = json!({ "method": "card", "token": TOKEN_OK, "amount": eur(amount) });
    let body = json!({ "cart": buyer.cart, "payment": payment });
    let order = buyer.client.post("/v1/orders", body).key(Uuid::now_v7().to_string()).await.must(201);
    order["id"].as_str().expect("an id").to_owned()
}

pub async fn two_payments_pay_two_parcels_of_one_order(topology: Topology) {
    let (shop, owner) = open(topology).await;
    let buyer = cart(&shop, &owner).await;
    let order = placed_in_part(&buyer, 3_000).await;
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!(seen["status"], "payable", "a part is not enough: {seen:#}");
    pay(&buyer, &order, TOKEN_OK, TOTAL).await.refused(409, "payments.more_than_due");
    pay(&buyer, &order, TOKEN_DECLINED, TOTAL - 3_000).await.must(201);
    shop.settle().await;
    pay(&buyer, &order, TOKEN_OK, TOTAL - 3_000).await.must(201);
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");

    let line = buyer.see(&order).await["lines"][0]["id"].clone();
    let shipment = owner.shipments(&order).await[0]["id"].as_str().expect("an id").to_owned();
    let part = json!({ "lines": [{ "line": line, "quantity": 1 }] });
    owner.post(format!("/v1/admin/shipments/{shipment}/dispatch"), part).await.must(200);
    shop.settle().await;
    let captured = |payments: &Value| -> Vec<i64> {
        let items = payments["items"].as_array().expect("payments").iter();
        items.rev().map(|payment| payment["captured"]["amount"].as_i64().expect("an amount")).collect()
    };
    let list = owner.get(format!("/v1/admin/payments?order={order}")).await.must(200);
    let first: i64 = captured(&list).iter().sum();
    assert!((1999..=TOTAL - 1999).contains(&first), "one teapot and its share of the way: {list:#}");
    assert_eq!(buyer.see(&order).await["payment_state"], "partially_captured");

    send_rest(&shop, &owner, &order, &shipment).await;
    let list = owner.get(format!("/v1/admin/payments?order={order}")).await.must(200);
    assert_eq!(captured(&list), [3_000, TOTAL - 3_000], "{list:#}");
    let body = json!({ "order": order, "amount": eur(TOTAL), "reason": "it all came broken" });
    owner.post("/v1/admin/refunds", body).key(Uuid::now_v7().to_string()).await.must(201);
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["payment_state"], "refunded");
    shop.finish().await;
}

/// The shipments of an order but the first.
async fn send_rest(shop: &Shop, owner: &Staff, order: &str, first: &str) {
    let rest = owner.shipments(order).await.into_iter().filter(|shipment| shipment["id"] != first);
    for shipment in rest {
        let id = shipment["id"].as_str().expect("an id");
        owner.post(format!("/v1/admin/shipments/{id}/dispatch"), json!({})).await.must(200);
    }
    shop.settle().await;
}

pub async fn an_order_that_is_paid_in_part_ends_by_its_timer_and_the_part_goes_back(topology: Topology) {
    let (shop, owner) = open(topology).await;
    let buyer = cart(&shop, &owner).await;
    let order = placed_in_part(&buyer, 3_000).await;
    shop.settle().await;
    shop.advance(PAST_THE_TIMER);
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["cancel_reason"]), (&json!("cancelled"), &json!("unpaid")), "{seen:#}");
    let payment = owner.payment(&order).await;
    assert_eq!((&payment["authorized"], &payment["voided"]), (&eur(3_000), &eur(3_000)), "{payment:#}");
    shop.finish().await;
}

pub async fn what_a_gateway_refused_staff_have_asked_again(topology: Topology) {
    let (shop, owner) = open(topology).await;
    let buyer = cart(&shop, &owner).await;
    let order = buyer.place("tok_capture_refused").await;
    shop.settle().await;
    send(&shop, &owner, &order).await;
    let payment = owner.payment(&order).await;
    assert_eq!(payment["captured"], eur(0), "{payment:#}");
    let path = format!("/v1/admin/payments/{}", payment["id"].as_str().expect("an id"));
    let shown = owner.get(&path).await.must(200);
    let operation = &shown["operations"][0];
    assert_eq!(
        (&operation["state"], &operation["reason"]),
        (&json!("failed"), &json!("try_again_by_hand")),
        "{shown:#}"
    );
    let retry = format!("/v1/admin/payments/operations/{}/retry", operation["id"].as_str().expect("an id"));
    let answers = futures::future::join_all((0..4).map(|_| owner.post(&retry, json!({})).into_future())).await;
    assert!(answers.iter().any(|answer| answer.status == 200), "one click or four");
    shop.settle().await;
    assert_eq!(owner.payment(&order).await["captured"], eur(TOTAL));
    owner.post(&retry, json!({})).await.refused(409, "payments.not_retryable");
    assert_eq!(buyer.see(&order).await["payment_state"], "captured");

    // The answer to a capture gets lost: it is asked again, and takes nothing twice.
    let buyer = cart(&shop, &owner).await;
    let order = buyer.place("tok_answer_lost").await;
    shop.settle().await;
    send(&shop, &owner, &order).await;
    shop.advance(Duration::from_secs(5));
    shop.settle().await;
    assert_eq!(owner.payment(&order).await["captured"], eur(TOTAL));
    shop.finish().await;
}

pub async fn payments_that_race_are_for_no_more_than_the_total(topology: Topology) {
    let (shop, owner) = open(topology).await;
    let buyer = cart(&shop, &owner).await;
    let order = placed_in_part(&buyer, 488).await;
    shop.settle().await;
    // 40.00 are left: two of four cards pay 15.00 each, and there is no room for a third.
    let answers = futures::future::join_all((0..4).map(|_| pay(&buyer, &order, TOKEN_OK, 1_500))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 2);
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        answer.refused(409, "payments.more_than_due");
    }
    shop.settle().await;
    let rest = futures::future::join_all((0..3).map(|_| buyer.pay(&order, TOKEN_OK).into_future())).await;
    assert_eq!(rest.iter().filter(|answer| answer.status == 201).count(), 1);
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");
    let list = owner.get(format!("/v1/admin/payments?order={order}")).await.must(200);
    let held = list["items"].as_array().expect("payments").iter().map(|one| one["authorized"]["amount"].as_i64());
    assert_eq!(held.sum::<Option<i64>>(), Some(TOTAL), "{list:#}");
    shop.finish().await;
}
