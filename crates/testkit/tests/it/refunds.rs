//! Money that goes back by staff: an amount, units of lines, and never more than was taken.

use serde_json::{Value, json};
use testkit::{Answer, Buyer, Shop, Staff, TOKEN_OK, Topology};
use uuid::Uuid;

/// Three teapots at 19.99 and 4.90 for the way.
const TOTAL: i64 = 3 * 1999 + 490;

/// An order of three teapots that was sent, and so paid.
async fn sent(shop: &Shop, owner: &Staff, token: &str) -> (Buyer, String) {
    let teapot = owner.product(1999, 9).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 3).await;
    let order = buyer.place(token).await;
    shop.settle().await;
    send(shop, owner, &order).await;
    (buyer, order)
}

/// Sends all that waits to be sent of an order.
pub async fn send(shop: &Shop, owner: &Staff, order: &str) {
    for shipment in owner.shipments(order).await {
        let id = shipment["id"].as_str().expect("an id");
        owner.post(format!("/v1/admin/shipments/{id}/dispatch"), json!({})).await.must(200);
    }
    shop.settle().await;
}

async fn refund(owner: &Staff, body: Value) -> Answer {
    owner.post("/v1/admin/refunds", body).key(Uuid::now_v7().to_string()).await
}

fn eur(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

fn by_amount(order: &str, amount: i64) -> Value {
    json!({ "order": order, "amount": eur(amount), "reason": "one came broken" })
}

async fn must_have_gone_back(owner: &Staff, order: &str, amount: i64) {
    let payment = owner.payment(order).await;
    assert_eq!((&payment["captured"], &payment["refunded"]), (&eur(TOTAL), &eur(amount)), "{payment:#}");
}

pub async fn of_twenty_refunds_of_sixty_percent_one_succeeds(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (_, order) = sent(&shop, &owner, TOKEN_OK).await;
    let sixty = TOTAL * 60 / 100;
    let asked = (0..20).map(|_| refund(&owner, by_amount(&order, sixty)));
    let answers = futures::future::join_all(asked).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1, "{:#?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        let problem = answer.refused(409, "payments.refund_exceeds_captured");
        assert_eq!(problem["context"]["left"], eur(TOTAL - sixty));
    }
    shop.settle().await;
    must_have_gone_back(&owner, &order, sixty).await;
    shop.finish().await;
}

pub async fn a_part_goes_back_and_then_the_rest_unit_by_unit(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, order) = sent(&shop, &owner, TOKEN_OK).await;
    let line = buyer.see(&order).await["lines"][0]["id"].clone();
    let unit = |shipping| json!({ "order": order, "lines": [{ "line": line, "quantity": 1 }], "shipping": shipping, "reason": "sent back" });

    let first = refund(&owner, unit(true)).await.must(201);
    assert_eq!((&first["amount"], &first["lines"][0]["quantity"]), (&eur(1999 + 490), &json!(1)), "{first:#}");
    shop.settle().await;
    let id = first["id"].as_str().expect("an id");
    assert_eq!(owner.get(format!("/v1/admin/refunds/{id}")).await.must(200)["state"], "done");
    let seen = buyer.see(&order).await;
    assert_eq!(seen["payment_state"], "partially_refunded", "{seen:#}");
    refund(&owner, unit(true)).await.refused(409, "payments.already_refunded");
    refund(&owner, by_amount(&order, TOTAL)).await.refused(409, "payments.refund_exceeds_captured");
    refund(&owner, unit(false)).await.must(201);
    refund(&owner, unit(false)).await.must(201);
    refund(&owner, unit(false)).await.refused(409, "payments.already_refunded");
    shop.settle().await;
    must_have_gone_back(&owner, &order, TOTAL).await;
    let seen = buyer.see(&order).await;
    assert_eq!(seen["payment_state"], "refunded", "{seen:#}");
    refund(&owner, by_amount(&order, 1)).await.refused(409, "payments.refund_exceeds_captured");
    let list = owner.get(format!("/v1/admin/refunds?order={order}")).await.must(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(3));
    shop.finish().await;
}

pub async fn the_same_key_gives_back_once(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (_, order) = sent(&shop, &owner, TOKEN_OK).await;
    let key = Uuid::now_v7().to_string();
    let ask = || async { owner.post("/v1/admin/refunds", by_amount(&order, 1_000)).key(&key).await };
    let answers = futures::future::join_all((0..6).map(|_| ask())).await;
    let made: Vec<_> =
        answers.iter().filter(|answer| answer.status == 201).map(|answer| answer.json()["id"].clone()).collect();
    assert!(!made.is_empty() && made.iter().all(|id| *id == made[0]), "{made:?}");
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.json()["code"] == "request.key_in_flight"));
    let again = ask().await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.must(201)["id"], made[0]);
    owner.post("/v1/admin/refunds", by_amount(&order, 2)).key(&key).await.refused(409, "request.key_reused");
    owner.post("/v1/admin/refunds", by_amount(&order, 2)).await.refused(428, "request.key_required");
    shop.settle().await;
    must_have_gone_back(&owner, &order, 1_000).await;
    shop.finish().await;
}

pub async fn a_refund_that_the_bank_refuses_is_seen_and_made_again(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, order) = sent(&shop, &owner, "tok_refund_refused").await;
    let first = refund(&owner, by_amount(&order, TOTAL)).await.must(201);
    shop.settle().await;
    let id = first["id"].as_str().expect("an id");
    assert_eq!(owner.get(format!("/v1/admin/refunds/{id}")).await.must(200)["state"], "failed");
    must_have_gone_back(&owner, &order, 0).await;
    let seen = buyer.see(&order).await;
    assert_eq!(seen["payment_state"], "captured", "{seen:#}");
    refund(&owner, by_amount(&order, TOTAL)).await.must(201);
    shop.settle().await;
    must_have_gone_back(&owner, &order, TOTAL).await;
    shop.finish().await;
}
