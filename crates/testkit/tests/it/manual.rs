//! Ways to pay without a gateway: transfer, invoice, cash on delivery. Staff say when the money came.

use serde_json::{Value, json};
use testkit::{Answer, Buyer, Shop, Staff, Topology};
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
