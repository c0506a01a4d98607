//! Ways to pay without a gateway: transfer, invoice, cash on delivery. Staff say when the money came.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, Buyer, Shop, ShopOptions, Staff, TOKEN_DECLINED, TOKEN_OK, Topology};
use uuid::Uuid;

use crate::refunds::send;

const TOTAL: i64 = 1999 + 490;

fn eur(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

async fn ordered_by(shop: &Shop, owner: &Staff, method: &str) -> (Buyer, String) {
    let teapot = owner.product(1999, 3).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 1).await;
    let body = json!({ "cart": buyer.cart, "payment": { "method": method } });
    let order = buyer.client.post("/v1/orders", body).key(Uuid::now_v7().to_string()).await.must(201);
    shop.settle().await;
    (buyer, order["id"].as_str().expect("an id").to_owned())
}

async fn receive(owner: &Staff, payment: &Value, body: Value) -> Answer {
    let path = format!("/v1/admin/payments/{}/receipts", payment["id"].as_str().expect("an id"));
    owner.post(path, body).key(Uuid::now_v7().to_string()).await
}

pub async fn an_order_waits_for_its_transfer(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, order) = ordered_by(&shop, &owner, "transfer").await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["next_action"]["type"]), (&json!("payable"), &json!("transfer")), "{seen:#}");
    assert_eq!(seen["next_action"]["amount"], eur(TOTAL));
    assert_eq!(seen["next_action"]["reference"], seen["number"], "what the buyer writes on it");
    let number = seen["number"].as_str().expect("a number");
    let found = owner.get(format!("/v1/admin/payments?reference={number}")).await.must(200);
    let payment = found["items"][0].clone();
    assert_eq!(payment["order"], json!(order));

    receive(&owner, &payment, json!({ "amount": eur(TOTAL + 1) })).await.refused(409, "payments.more_than_awaited");
    receive(&owner, &payment, json!({ "amount": eur(1_000), "note": "statement 47" })).await.must(201);
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["next_action"]["amount"]), (&json!("payable"), &eur(TOTAL - 1_000)), "{seen:#}");
    receive(&owner, &payment, json!({})).await.must(201);
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");
    send(&shop, &owner, &order).await;
    let seen = buyer.see(&order).await;
    assert_eq!(seen["payment_state"], "captured", "{seen:#}");
    receive(&owner, &payment, json!({})).await.refused(409, "payments.nothing_awaited");
    shop.finish().await;
}

pub async fn an_invoice_is_sent_first_and_paid_later(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, order) = ordered_by(&shop, &owner, "invoice").await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");
    send(&shop, &owner, &order).await;
    let seen = buyer.see(&order).await;
    assert_eq!(seen["payment_state"], "authorized", "nobody has paid yet: {seen:#}");
    let payment = owner.payment(&order).await;
    let path = format!("/v1/admin/payments/{}", payment["id"].as_str().expect("an id"));
    let shown = owner.get(&path).await.must(200);
    assert_eq!(
        (&shown["operations"][0]["kind"], &shown["operations"][0]["state"]),
        (&json!("capture"), &json!("pending"))
    );
    let shown = receive(&owner, &payment, json!({})).await.must(201);
    assert_eq!((&shown["captured"], &shown["receipts"][0]["amount"]), (&eur(TOTAL), &eur(TOTAL)), "{shown:#}");
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["payment_state"], "captured");
    let body = json!({ "order": order, "amount": eur(490), "reason": "it came late" });
    owner.post("/v1/admin/refunds", body).key("1").await.must(201);
    shop.settle().await;
    assert_eq!(owner.payment(&order).await["refunded"], eur(490), "staff send it themselves");
    shop.finish().await;
}

pub async fn a_cancelled_order_waits_for_no_money(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, order) = ordered_by(&shop, &owner, "transfer").await;
    let payment = owner.payment(&order).await;
    receive(&owner, &payment, json!({ "amount": eur(1_000) })).await.must(201);
    buyer.cancel(&order).await.must(200);
    shop.settle().await;
    let payment = owner.payment(&order).await;
    let amounts = (&payment["received"], &payment["authorized"], &payment["voided"]);
    assert_eq!(amounts, (&eur(1_000), &eur(1_000), &eur(1_000)), "what came goes back: {payment:#}");
    receive(&owner, &payment, json!({})).await.refused(409, "payments.nothing_awaited");

    let (buyer, order) = ordered_by(&shop, &owner, "cash_on_delivery").await;
    buyer.cancel(&order).await;
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "cancelled");
    assert_eq!(owner.payment(&order).await["status"], "voided");
    shop.finish().await;
}

async fn pay_by_transfer(buyer: &Buyer, order: &str) {
    let body = json!({ "order": order, "method": "transfer" });
    buyer.client.post("/v1/payments", body).key(Uuid::now_v7().to_string()).await.must(201);
}

pub async fn a_buyer_who_goes_on_by_transfer_has_the_time_that_a_transfer_takes(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    // A card that says no, and one that pays a part.
    for payment in [
        json!({ "method": "card", "token": TOKEN_DECLINED }),
        json!({ "method": "card", "token": TOKEN_OK, "amount": eur(1_000) }),
    ] {
        let teapot = owner.product(1999, 3).await;
        let buyer = shop.buyer().await;
        buyer.cart_with(&teapot, 1).await;
        let body = json!({ "cart": buyer.cart, "payment": payment });
        let order = buyer.client.post("/v1/orders", body).key(Uuid::now_v7().to_string()).await.must(201);
        let order = order["id"].as_str().expect("an id").to_owned();
        shop.settle().await;
        shop.advance(Duration::from_secs(29 * 60));
        pay_by_transfer(&buyer, &order).await;
        shop.settle().await;
        shop.advance(Duration::from_secs(6 * 24 * 3_600));
        shop.settle().await;
        let seen = buyer.see(&order).await;
        assert_eq!(
            (&seen["status"], &seen["next_action"]["type"]),
            (&json!("payable"), &json!("transfer")),
            "{seen:#}"
        );
        let reference = seen["number"].as_str().expect("a number");
        let found = owner.get(format!("/v1/admin/payments?reference={reference}")).await.must(200);
        receive(&owner, &found["items"][0], json!({})).await.must(201);
        shop.settle().await;
        let seen = buyer.see(&order).await;
        assert_eq!(seen["status"], "confirmed", "{seen:#}");
        assert!(seen["paid_by"].as_array().is_some_and(|ways| ways.contains(&json!("transfer"))), "{seen:#}");
    }
    let teapot = owner.product(1999, 3).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 1).await;
    let order = buyer.place(TOKEN_DECLINED).await;
    shop.settle().await;
    pay_by_transfer(&buyer, &order).await;
    shop.settle().await;
    shop.advance(Duration::from_secs(7 * 24 * 3_600 + 60));
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["cancel_reason"], "unpaid", "and no longer");
    shop.finish().await;
}

pub async fn receipts_at_once_are_of_no_more_than_is_awaited(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, order) = ordered_by(&shop, &owner, "transfer").await;
    let payment = owner.payment(&order).await;
    let asked = (0..8).map(|_| receive(&owner, &payment, json!({ "amount": eur(1_000) })));
    let answers = futures::future::join_all(asked).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 2);
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        let problem = answer.refused(409, "payments.more_than_awaited");
        assert_eq!(problem["context"]["awaited"], eur(TOTAL - 2_000), "{problem:#}");
    }
    shop.settle().await;
    let tag = buyer.client.get(format!("/v1/orders/{order}")).await.header("etag").to_owned();
    assert_eq!(buyer.see(&order).await["next_action"]["amount"], eur(TOTAL - 2_000));
    receive(&owner, &payment, json!({ "amount": eur(100) })).await.must(201);
    let seen = buyer.client.get(format!("/v1/orders/{order}")).header("If-None-Match", tag).await.must(200);
    assert_eq!(seen["next_action"]["amount"], eur(TOTAL - 2_100), "the amount is another: {seen:#}");
    let rest = futures::future::join_all((0..4).map(|_| receive(&owner, &payment, json!({})))).await;
    assert_eq!(rest.iter().filter(|answer| answer.status == 201).count(), 1);
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");
    shop.finish().await;
}

pub async fn of_an_invoice_what_was_cancelled_need_not_be_paid(topology: Topology) {
    let edit: Box<dyn FnOnce(&mut platform::Config) + Send> = Box::new(|config| {
        let invoice = config.payments.get_mut("invoice").expect("a way to pay");
        invoice.capture = platform::config::Capture::Confirmation;
    });
    let (shop, owner) = Shop::open_with(topology, ShopOptions { edit, ..Default::default() }).await;
    let teapot = owner.product(1999, 5).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 2).await;
    let body = json!({ "cart": buyer.cart, "payment": { "method": "invoice" } });
    let order = buyer.client.post("/v1/orders", body).key(Uuid::now_v7().to_string()).await.must(201);
    let order = order["id"].as_str().expect("an id").to_owned();
    shop.settle().await;
    let line = buyer.see(&order).await["lines"][0]["id"].clone();
    let one = json!({ "lines": [{ "line": line, "quantity": 1 }] });
    buyer.client.post(format!("/v1/orders/{order}/cancel"), one).await.must(202);
    shop.settle().await;
    let payment = owner.payment(&order).await;
    receive(&owner, &payment, json!({ "amount": eur(TOTAL + 1) })).await.refused(409, "payments.more_than_awaited");
    receive(&owner, &payment, json!({})).await.must(201);
    shop.settle().await;
    let payment = owner.payment(&order).await;
    let amounts = (&payment["captured"], &payment["voided"], &payment["refunded"]);
    assert_eq!(amounts, (&eur(TOTAL), &eur(1999), &eur(0)), "{payment:#}");
    send(&shop, &owner, &order).await;
    assert_eq!(buyer.see(&order).await["payment_state"], "captured");
    shop.finish().await;
}
