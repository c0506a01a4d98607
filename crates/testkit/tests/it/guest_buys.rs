//! From an empty database, through the public API alone: a guest finds, orders, gets and has paid for a teapot.

use contracts::customers::Role;
use serde_json::{Value, json};
use testkit::{Buyer, Product, Shop, Staff, TOKEN_OK, Topology};

/// 2 x 19.99 and 4.90 for the parcel, tax included.
const TOTAL: i64 = 2 * 1999 + 490;
/// 20 % inside: 39.98 / 6 = 6.66, 4.90 / 6 = 0.82.
const TAX: i64 = 666 + 82;

pub async fn a_guest_buys_two_teapots_and_everything_adds_up(topology: Topology) {
    let shop = Shop::start(topology).await;
    let mut owner = shop.staff(Role::Owner).await;
    owner.open_for_business().await;
    let teapot = owner.product(1999, 5).await;
    shop.settle().await;

    look_around(&shop, &teapot).await;
    let buyer = shop.buyer().await;
    fill_the_cart(&buyer, &teapot).await;
    let order = order_and_pay(&shop, &buyer).await;
    get_the_parcel(&shop, &owner, &buyer, &order).await;

    let seen = buyer.see(&order).await;
    must_add_up(&seen);
    let level = owner.level(&teapot).await;
    assert_eq!((level["on_hand"].as_i64(), level["reserved"].as_i64()), (Some(3), Some(0)), "{level:#}");
    read_the_mails(&shop, &seen);
    read_the_audit_log(&owner, &teapot).await;
    shop.finish().await;
}

/// The list and the page of the product say the same.
async fn look_around(shop: &Shop, teapot: &Product) {
    let list = shop.get("/v1/products").await.must(200);
    let item = &list["items"][0];
    assert_eq!(item["id"], teapot.id, "{list:#}");
    assert_eq!(item["availability"], "in", "{list:#}");
    let slug = item["slug"].as_str().expect("a product has a slug");
    let by_slug = shop.get(format!("/v1/products/{slug}")).await.must(200);
    let by_id = shop.get(format!("/v1/products/{}", teapot.id)).await.must(200);
    assert_eq!(by_slug, by_id);
    let variant = &by_id["variants"][0];
    assert_eq!(variant["id"], teapot.variant, "{by_id:#}");
    assert_eq!(variant["price"], json!({ "amount": 1999, "currency": "EUR" }), "{by_id:#}");
}

async fn fill_the_cart(buyer: &Buyer, teapot: &Product) {
    let empty = buyer.see_cart().await;
    assert_eq!(empty["lines"], json!([]), "{empty:#}");
    buyer.add(teapot, 1).await.must(201);
    let cart = buyer.add(teapot, 1).await.must(201);
    assert_eq!(cart["lines"][0]["quantity"], 2, "the same variant again is more of it: {cart:#}");
    assert!(cart["missing"].as_array().is_some_and(|missing| missing.len() == 3), "e-mail, address, way: {cart:#}");
    let cart = buyer.check_in().await;
    assert_eq!(cart["missing"], json!([]), "{cart:#}");
    assert_eq!(cart["quote"]["total"], json!({ "amount": TOTAL, "currency": "EUR" }), "{cart:#}");
    let trace = cart["quote"]["trace"].as_array().expect("a quote says why");
    let says = |text: &str| trace.iter().any(|step| step["text"].as_str().is_some_and(|step| step.contains(text)));
    assert!(says("2 x ") && says("VAT 20 %"), "{cart:#}");
}

async fn order_and_pay(shop: &Shop, buyer: &Buyer) -> String {
    let body = json!({
        "cart": buyer.cart,
        "payment": { "method": "card", "token": TOKEN_OK },
        "expected_total": { "amount": TOTAL, "currency": "EUR" },
    });
    let answer = buyer.client.post("/v1/orders", body).key("a-guest-buys").header("Prefer", "wait=5").await;
    let location = answer.header("location").to_owned();
    let order = answer.must(201);
    let id = order["id"].as_str().expect("an order has an id").to_owned();
    assert_eq!(location, format!("/v1/orders/{id}"));
    if !shop.topology.is_disturbed() {
        assert_eq!(order["status"], "confirmed", "it waits for its payment: {order:#}");
    }
    shop.settle().await;
    let order = buyer.see(&id).await;
    assert_eq!(order["status"], "confirmed", "{order:#}");
    assert_eq!(order["payment_state"], "authorized", "{order:#}");
    assert_eq!(order["fulfilment_state"], "unfulfilled", "{order:#}");
    id
}

/// Dispatched: the money is taken. Delivered: the order is complete.
async fn get_the_parcel(shop: &Shop, owner: &Staff, buyer: &Buyer, order: &str) {
    let shipments = owner.shipments(order).await;
    assert_eq!(shipments.len(), 1, "{shipments:#?}");
    assert_eq!(shipments[0]["ship_to"]["country"], "AT", "{shipments:#?}");
    let path = format!("/v1/admin/shipments/{}", shipments[0]["id"].as_str().expect("an id"));
    let parcel = json!({ "parcels": [{ "carrier": "post", "tracking_number": "AT123" }] });
    owner.post(format!("{path}/dispatch"), parcel.clone()).await.must(200);
    owner.post(format!("{path}/dispatch"), parcel).await.must(200);
    shop.settle().await;
    let seen = buyer.see(order).await;
    assert_eq!(seen["fulfilment_state"], "shipped", "{seen:#}");
    assert_eq!(seen["payment_state"], "captured", "{seen:#}");
    assert_eq!(seen["status"], "confirmed", "{seen:#}");

    owner.post(format!("{path}/deliver"), json!({})).await.must(200);
    shop.settle().await;
    let seen = buyer.see(order).await;
    assert_eq!(seen["status"], "completed", "{seen:#}");
    assert_eq!(seen["fulfilment_state"], "delivered", "{seen:#}");
}

/// Rows, lines and shipping all sum to the total; the tax is inside them; the history has no gap.
fn must_add_up(order: &Value) {
    let amount = |value: &Value| value["amount"].as_i64().expect("an amount");
    let rows = order["amounts"].as_array().expect("rows");
    let (included, added): (Vec<&Value>, Vec<&Value>) = rows.iter().partition(|row| row["included"] == true);
    let sum = |rows: Vec<&Value>| rows.iter().map(|row| amount(&row["amount"])).sum::<i64>();
    assert_eq!((sum(added), sum(included)), (TOTAL, TAX), "{order:#}");
    let lines: i64 = order["lines"].as_array().expect("lines").iter().map(|line| amount(&line["total"])).sum();
    assert_eq!(lines + 490, TOTAL, "{order:#}");
    assert_eq!(amount(&order["total"]), TOTAL, "{order:#}");

    let history = order["history"].as_array().expect("a history");
    let events: Vec<&str> = history.iter().filter_map(|entry| entry["event"].as_str()).collect();
    for event in [
        "order.placed",
        "stock.reserved",
        "payment.authorized",
        "shipment.dispatched",
        "payment.captured",
        "shipment.delivered",
    ] {
        assert_eq!(events.iter().filter(|known| **known == event).count(), 1, "{event} once: {events:?}");
    }
    assert!(history.iter().all(|entry| entry["source"].is_string() && entry["at"].is_string()), "{history:#?}");
}

/// One that it is ordered, one that it is sent.
fn read_the_mails(shop: &Shop, order: &Value) {
    let mails = shop.mails();
    assert_eq!(mails.len(), 2, "{mails:?}");
    let number = order["number"].as_str().expect("a number for people");
    for mail in mails {
        let text = std::fs::read_to_string(&mail).expect("a readable mail");
        assert!(text.contains("ada@example.com") && text.contains(number), "{text}");
    }
}

async fn read_the_audit_log(owner: &Staff, teapot: &Product) {
    let log = owner.get("/v1/admin/audit-log?limit=100").await.must(200);
    let entries = log["items"].as_array().expect("a list");
    let of_product =
        |entry: &&Value| entry["subject"] == teapot.id.as_str() && entry["action"] == "catalog.create_product";
    assert_eq!(entries.iter().filter(of_product).count(), 1, "{log:#}");
}
