//! Money that goes back by staff: an amount, units of lines, and never more than was taken.

use serde_json::{Value, json};
use testkit::{Answer, Buyer, Product, Shop, ShopOptions, Staff, TOKEN_OK, Topology};
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

/// A teapot at 20.00 that ships for 4.90 and was sent, and an e-book at 5.00 that does not ship: all of it paid.
async fn sent_with_a_book(shop: &Shop, owner: &Staff) -> (Buyer, String, Value) {
    let teapot = owner.product(2000, 3).await;
    let variant = json!({ "sku": format!("BOOK-{}", Uuid::now_v7().simple()), "requires_shipping": false, "weight_g": 0,
        "prices": [{ "market": "default", "amount": 500 }] });
    let book = json!({ "title": "How to make tea", "status": "active", "variants": [variant] });
    let made = owner.post("/v1/admin/products", book).await.must(201);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let variant = &made["variants"][0];
    let book = Product { id: text(&made["id"]), variant: text(&variant["id"]), sku: text(&variant["sku"]) };
    owner.receive(&book, 3).await;
    let buyer = shop.buyer().await;
    buyer.add(&book, 1).await.must(201);
    buyer.cart_with(&teapot, 1).await;
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    send(shop, owner, &order).await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["captured"]), (&json!("confirmed"), &eur(2_990)), "{seen:#}");
    let lines = seen["lines"].as_array().expect("lines");
    let line = lines.iter().find(|line| line["variant"] == book.variant.as_str()).expect("its line");
    (buyer, order, line["id"].clone())
}

pub async fn a_unit_goes_back_once_whether_it_is_refunded_or_cancelled(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    for first in ["refund", "cancel", "both"] {
        let (buyer, order, line) = sent_with_a_book(&shop, &owner).await;
        let units = json!([{ "line": line, "quantity": 1 }]);
        let refund = async || refund(&owner, json!({ "order": order, "lines": units, "reason": "it is dull" })).await;
        let cancel = async || {
            let path = format!("/v1/orders/{order}/cancel");
            buyer.client.post(path, json!({ "lines": units })).await.must(200)
        };
        match first {
            "refund" => {
                refund().await.must(201);
                shop.settle().await;
                cancel().await;
            }
            "cancel" => {
                cancel().await;
                shop.settle().await;
                refund().await.refused(409, "payments.already_refunded");
            }
            _ => {
                let (refunded, _) = futures::join!(refund(), cancel());
                assert!(matches!(refunded.status, 201 | 409), "{}", refunded.shown());
            }
        }
        shop.settle().await;
        let seen = buyer.see(&order).await;
        assert_eq!((&seen["refunded"], &seen["due"]), (&eur(500), &eur(2_490)), "{first} first: {seen:#}");
        let refunds = owner.get(format!("/v1/admin/refunds?order={order}")).await.must(200);
        assert_eq!(refunds["items"].as_array().map(Vec::len), Some(1), "{refunds:#}");
    }
    shop.finish().await;
}

pub async fn where_all_that_ships_was_cancelled_its_way_costs_nothing(topology: Topology) {
    let edit: Box<dyn FnOnce(&mut platform::Config) + Send> = Box::new(|config| {
        let card = config.payments.get_mut("card").expect("a way to pay");
        card.capture = platform::config::Capture::Confirmation;
    });
    let (shop, owner) = Shop::open_with(topology, ShopOptions { edit, ..Default::default() }).await;
    let teapot = owner.product(2000, 3).await;
    let made = json!({ "title": "Tea", "status": "active", "variants": [{ "sku": "TEA-PDF", "requires_shipping": false,
        "weight_g": 0, "prices": [{ "market": "default", "amount": 500 }] }] });
    let made = owner.post("/v1/admin/products", made).await.must(201);
    let variant = made["variants"][0]["id"].clone();
    let stock = json!({ "variant": variant, "location": owner.location, "quantity": 3, "reason": "received" });
    owner.post("/v1/admin/stock/adjustments", stock).await.must(201);
    let buyer = shop.buyer().await;
    let line = json!({ "variant": variant, "quantity": 1 });
    buyer.client.post(format!("/v1/carts/{}/lines", buyer.cart), line).await.must(201);
    buyer.cart_with(&teapot, 2).await;
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    let lines = buyer.see(&order).await["lines"].clone();
    let lines = lines.as_array().expect("lines");
    let pots = &lines.iter().find(|line| line["requires_shipping"] == true).expect("what ships")["id"];
    for gone in [2_000, 2 * 2_000 + 490] {
        let one = json!({ "lines": [{ "line": pots, "quantity": 1 }] });
        buyer.client.post(format!("/v1/orders/{order}/cancel"), one).await.must(202);
        shop.settle().await;
        let seen = buyer.see(&order).await;
        assert_eq!((&seen["refunded"], &seen["due"]), (&eur(gone), &eur(4_990 - gone)), "{seen:#}");
    }
    let shipping = json!({ "order": order, "shipping": true, "reason": "it never came" });
    refund(&owner, shipping).await.refused(409, "payments.already_refunded");
    assert_eq!(buyer.see(&order).await["status"], "completed");
    shop.finish().await;
}

pub async fn refunds_of_staff_and_cancellations_at_once_give_back_what_was_paid(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (buyer, order, line) = sent_with_a_book(&shop, &owner).await;
    let body = json!({ "lines": [{ "line": line, "quantity": 1 }] });
    let cancel = buyer.client.post(format!("/v1/orders/{order}/cancel"), body);
    let asked = futures::future::join_all((0..4).map(|_| refund(&owner, by_amount(&order, 1_200))));
    let (_, answers) = futures::join!(cancel.into_future(), asked);
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 2, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    shop.settle().await;
    let seen = buyer.see(&order).await;
    let refunded = seen["refunded"]["amount"].as_i64().expect("an amount");
    assert!((2 * 1_200 + 500..=2_990).contains(&refunded), "two refunds, and the book: {seen:#}");
    refund(&owner, by_amount(&order, i64::MAX)).await.refused(409, "payments.refund_exceeds_captured");
    shop.finish().await;
}
