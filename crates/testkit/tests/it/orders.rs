//! Orders after they were placed: who sees them and how, cancelling by line, streams, and what staff find.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, Buyer, Client, Product, Shop, ShopOptions, Staff, TOKEN_OK, Topology};
use uuid::Uuid;

const ADA: &str = "ada@example.com";

fn amount(value: &Value) -> i64 {
    value["amount"].as_i64().unwrap_or_else(|| panic!("an amount, not {value}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}"))
}

/// Two teapots at 19.99 and three cups at 5.00, confirmed.
struct Ordered {
    buyer: Buyer,
    teapot: Product,
    cup: Product,
    order: String,
}

const TOTAL: i64 = 2 * 1999 + 3 * 500 + 490;

async fn ordered(shop: &Shop, owner: &Staff) -> Ordered {
    let (teapot, cup) = (owner.product(1999, 10).await, owner.product(500, 10).await);
    let buyer = shop.buyer().await;
    buyer.add(&cup, 3).await.must(201);
    buyer.cart_with(&teapot, 2).await;
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], amount(&seen["total"])), (&json!("confirmed"), TOTAL), "{seen:#}");
    Ordered { buyer, teapot, cup, order }
}

impl Ordered {
    /// The line of a product, as the order shows it now.
    async fn line(&self, product: &Product) -> Value {
        let seen = self.buyer.see(&self.order).await;
        let lines = seen["lines"].as_array().expect("lines");
        lines.iter().find(|line| line["variant"] == product.variant.as_str()).expect("its line").clone()
    }

    /// What asks to cancel so many units of a product.
    async fn unwanted(&self, product: &Product, quantity: i64) -> Value {
        json!({ "lines": [{ "line": self.line(product).await["id"], "quantity": quantity }], "reason": "fewer guests" })
    }

    async fn cancel(&self, body: Value) -> Answer {
        self.buyer.client.post(format!("/v1/orders/{}/cancel", self.order), body).await
    }
}

async fn shipment(owner: &Staff, order: &str) -> String {
    let shipments = owner.shipments(order).await;
    let pending = shipments.iter().find(|shipment| shipment["state"] == "pending").expect("a pending shipment");
    format!("/v1/admin/shipments/{}", text(&pending["id"]))
}

/// On hand and reserved.
async fn stock(owner: &Staff, product: &Product) -> (i64, i64) {
    let level = owner.level(product).await;
    (level["on_hand"].as_i64().expect("a number"), level["reserved"].as_i64().expect("a number"))
}

pub async fn a_customer_lists_and_opens_their_own_orders_alone(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 10).await;
    let (ada, bob) = (customer(&shop, ADA).await, customer(&shop, "bob@example.com").await);
    let mut placed = Vec::new();
    for buyer in [&ada, &bob, &ada] {
        shop.advance(Duration::from_secs(60));
        let order = bought(buyer, &teapot).await;
        if std::ptr::eq(buyer, &ada) {
            placed.insert(0, order);
        }
    }
    shop.settle().await;
    let list = ada.get("/v1/orders?limit=1").await.must(200);
    let next = format!("/v1/orders?limit=1&cursor={}", text(&list["next"]));
    let rest = ada.get(next).await.must(200);
    let ids = [&list, &rest].map(|page| text(&page["items"][0]["id"]).to_owned());
    assert_eq!((ids.to_vec(), &rest["next"]), (placed.clone(), &Value::Null), "{list:#} {rest:#}");
    assert_eq!(rest["items"][0]["payment_state"], "authorized");

    let path = format!("/v1/orders/{}", placed[0]);
    let seen = ada.get(&path).await.must(200);
    assert_eq!(seen["customer"], ada.get("/v1/customers/me").await.must(200)["id"], "{seen:#}");
    for path in [path.clone(), format!("{path}/events")] {
        bob.get(&path).await.refused(404, "orders.not_found");
        shop.get(&path).await.refused(401, "request.unauthenticated");
    }
    bob.post(format!("{path}/cancel"), json!({})).await.refused(404, "orders.not_found");
    shop.get("/v1/orders").await.refused(401, "request.unauthenticated");
    shop.finish().await;
}

async fn customer(shop: &Shop, email: &str) -> Client {
    let account = json!({ "email": email, "password": "correct horse battery staple", "name": "Ada" });
    shop.post("/v1/customers", account).await.must(201);
    let who = json!({ "email": email, "password": "correct horse battery staple" });
    let session = shop.post("/v1/sessions", who).await.must(201);
    shop.client.with("Authorization", format!("Bearer {}", text(&session["access_token"])))
}

/// One of it, ordered by a customer; returns the order.
async fn bought(customer: &Client, product: &Product) -> String {
    let address =
        json!({ "name": "Ada", "line1": "Hauptstraße 1", "city": "Wien", "postcode": "1010", "country": "AT" });
    let cart = json!({ "lines": [{ "variant": product.variant, "quantity": 1 }], "shipping_address": address });
    let cart = customer.post("/v1/carts", cart).await.must(201);
    let path = format!("/v1/carts/{}", text(&cart["id"]));
    let options = customer.get(format!("{path}/shipping-options")).await.must(200);
    customer.patch(&path, json!({ "shipping_method": options["items"][0]["method"] })).await.must(200);
    let body = json!({ "cart": cart["id"], "payment": { "method": "card", "token": TOKEN_OK } });
    let order = customer.post("/v1/orders", body).key(Uuid::now_v7().to_string()).await.must(201);
    text(&order["id"]).to_owned()
}

pub async fn a_guest_who_lost_the_cart_opens_the_order_by_a_link(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let Ordered { order, buyer, .. } = ordered(&shop, &owner).await;
    let number = text(&buyer.see(&order).await["number"]).to_owned();
    let before = shop.mails().len();
    let ask = |number: &str, email: &str| shop.post("/v1/order-links", json!({ "number": number, "email": email }));
    for (number, email) in [(number.as_str(), "eve@example.com"), ("S-000000", ADA)] {
        assert_eq!(ask(number, email).await.status, 202);
    }
    shop.settle().await;
    assert_eq!(shop.mails().len(), before, "nobody else is written to");
    assert_eq!(ask(&number.to_lowercase(), "ADA@example.com").await.status, 202);
    shop.settle().await;
    let token = mailed_token(&shop);

    let guest = shop.client.with("Order-Token", token);
    let path = format!("/v1/orders/{order}");
    let pay = |order: &str| guest.post("/v1/payments", json!({ "order": order, "method": "card", "token": TOKEN_OK }));
    pay(&order).key("1").await.refused(409, "payments.not_payable");
    let strangers = shop.buyer().await;
    strangers.cart_with(&owner.product(1999, 1).await, 1).await;
    pay(&strangers.place("tok_declined").await).key("2").await.refused(404, "orders.not_found");
    assert_eq!(guest.get(&path).await.must(200)["number"], number.as_str());
    guest.post(format!("{path}/cancel"), json!({})).await.must(202);
    shop.settle().await;
    assert_eq!(guest.get(&path).await.must(200)["status"], "cancelled");
    let events = guest.get(format!("{path}/events")).await;
    assert!(events.text.contains("event: order.cancel_requested"), "{}", events.text);
    guest.get("/v1/orders").await.refused(401, "request.unauthenticated");

    shop.advance(Duration::from_secs(24 * 3_600));
    guest.get(&path).await.refused(401, "orders.link_ended");
    shop.finish().await;
}

/// The token of the newest link that was mailed.
fn mailed_token(shop: &Shop) -> String {
    let mails = shop.mails().into_iter().map(|path| std::fs::read_to_string(path).expect("a readable mail"));
    let mails: Vec<String> =
        mails.map(|mail| mail.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")).collect();
    let link = mails.iter().find(|mail| mail.contains("do not pass it on") || mail.contains("You need do nothing"));
    let link = link.unwrap_or_else(|| panic!("no link among {mails:#?}"));
    let from = link.find("souk_ot_").expect("a token in the link");
    link[from..].chars().take_while(|letter| letter.is_ascii_alphanumeric() || "_-".contains(*letter)).collect()
}

pub async fn staff_find_an_order_by_what_people_know_of_it(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let Ordered { order, buyer, teapot, .. } = ordered(&shop, &owner).await;
    let other = ordered(&shop, &owner).await;
    owner.post(format!("/v1/admin/orders/{order}/notes"), json!({ "text": "will call" })).await.must(201);
    let number = text(&buyer.see(&order).await["number"]).to_lowercase();
    for (query, found) in [
        (format!("number={number}"), vec![&order]),
        (format!("sku={}", teapot.sku), vec![&order]),
        ("email=ADA@example.com&limit=100".to_owned(), vec![&other.order, &order]),
        ("status=confirmed&payment_state=authorized".to_owned(), vec![&other.order, &order]),
        ("fulfilment_state=delivered".to_owned(), vec![]),
        ("email=ada@example".to_owned(), vec![]),
    ] {
        let list = owner.get(format!("/v1/admin/orders?{query}")).await.must(200);
        let ids: Vec<&str> = list["items"].as_array().expect("a list").iter().map(|item| text(&item["id"])).collect();
        assert_eq!(ids, found, "{query}");
    }
    owner.get("/v1/admin/orders?colour=red").await.refused(400, "request.malformed");
    let seen = owner.get(format!("/v1/admin/orders/{order}")).await.must(200);
    assert_eq!(seen["notes"][0]["text"], "will call", "{seen:#}");
    assert!(!buyer.see(&order).await.to_string().contains("will call"));
    shop.finish().await;
}

pub async fn a_line_is_cancelled_before_it_leaves_and_is_not_paid(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let ordered = ordered(&shop, &owner).await;
    let Ordered { order, buyer, teapot, cup } = &ordered;
    let asked = ordered.cancel(ordered.unwanted(teapot, 1).await).await.must(202);
    assert_eq!(asked["cancel_request"]["state"], "requested", "{asked:#}");
    shop.settle().await;
    let seen = buyer.see(order).await;
    assert_eq!((&seen["status"], &seen["cancel_request"]), (&json!("confirmed"), &Value::Null), "{seen:#}");
    assert_eq!((amount(&seen["due"]), amount(&seen["total"])), (TOTAL - 1999, TOTAL), "{seen:#}");
    assert_eq!((stock(&owner, teapot).await, stock(&owner, cup).await), ((10, 1), (10, 3)));
    ordered.cancel(ordered.unwanted(teapot, 2).await).await.refused(409, "orders.units_gone");

    let path = shipment(&owner, order).await;
    owner.post(format!("{path}/dispatch"), json!({})).await.must(200);
    owner.post(format!("{path}/deliver"), json!({})).await.must(200);
    shop.settle().await;
    let seen = buyer.see(order).await;
    assert_eq!((&seen["status"], &seen["payment_state"]), (&json!("completed"), &json!("captured")), "{seen:#}");
    assert_eq!(amount(&seen["captured"]), TOTAL - 1999, "{seen:#}");
    let payment = owner.payment(order).await;
    assert_eq!(amount(&payment["voided"]), 1999, "what nobody needs goes back: {payment:#}");
    assert_eq!((stock(&owner, teapot).await, stock(&owner, cup).await), ((9, 0), (7, 0)));
    shop.finish().await;
}

pub async fn lines_that_were_paid_at_once_go_back_one_by_one(topology: Topology) {
    let edit: Box<dyn FnOnce(&mut platform::Config) + Send> = Box::new(|config| {
        let card = config.payments.get_mut("card").expect("a way to pay");
        card.capture = platform::config::Capture::Confirmation;
    });
    let (shop, owner) = Shop::open_with(topology, ShopOptions { edit, ..Default::default() }).await;
    let ordered = ordered(&shop, &owner).await;
    let Ordered { order, buyer, teapot, cup } = &ordered;
    assert_eq!(amount(&buyer.see(order).await["captured"]), TOTAL);
    ordered.cancel(ordered.unwanted(cup, 2).await).await.must(202);
    shop.settle().await;
    let seen = buyer.see(order).await;
    assert_eq!((amount(&seen["refunded"]), &seen["payment_state"]), (1000, &json!("partially_refunded")), "{seen:#}");
    ordered.cancel(ordered.unwanted(cup, 1).await).await.must(202);
    shop.settle().await;
    assert_eq!(amount(&buyer.see(order).await["refunded"]), 1500);
    ordered.cancel(ordered.unwanted(teapot, 2).await).await.must(202);
    shop.settle().await;
    let seen = buyer.see(order).await;
    assert_eq!((&seen["status"], &seen["payment_state"]), (&json!("cancelled"), &json!("refunded")), "{seen:#}");
    assert_eq!((amount(&seen["refunded"]), amount(&seen["due"])), (TOTAL, 0), "the shipping, too: {seen:#}");
    assert_eq!((stock(&owner, teapot).await, stock(&owner, cup).await), ((10, 0), (10, 0)));
    let again = ordered.cancel(json!({})).await.must(200);
    assert_eq!(again["history"], seen["history"], "a repeat changes nothing");
    shop.finish().await;
}

pub async fn what_has_left_is_not_cancelled_and_who_waits_is_told(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let ordered = ordered(&shop, &owner).await;
    let path = shipment(&owner, &ordered.order).await;
    owner.post(format!("{path}/dispatch"), json!({})).await.must(200);
    // Before or after orders has heard that it left.
    let body = json!({});
    let cancel = ordered.buyer.client.post(format!("/v1/orders/{}/cancel", ordered.order), body);
    let refused = cancel.header("Prefer", "wait=20").await;
    assert_eq!(refused.status, 409, "{}", refused.shown());
    let code = refused.json()["code"].clone();
    assert!(["orders.cancel_refused", "orders.not_cancellable"].contains(&text(&code)), "{}", refused.shown());
    shop.settle().await;
    let seen = ordered.buyer.see(&ordered.order).await;
    assert_eq!((&seen["status"], amount(&seen["captured"])), (&json!("confirmed"), TOTAL), "{seen:#}");
    ordered.cancel(json!({})).await.refused(409, "orders.not_cancellable");
    shop.finish().await;
}

pub async fn a_confirmed_order_is_cancelled_while_its_buyer_waits(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let ordered = ordered(&shop, &owner).await;
    let cancel = ordered.buyer.client.post(format!("/v1/orders/{}/cancel", ordered.order), json!({}));
    let cancelled = cancel.header("Prefer", "wait=20").await.must(200);
    assert_eq!((&cancelled["status"], &cancelled["cancel_reason"]), (&json!("cancelled"), &json!("buyer")));
    shop.settle().await;
    assert_eq!((stock(&owner, &ordered.teapot).await, stock(&owner, &ordered.cup).await), ((10, 0), (10, 0)));
    assert_eq!(ordered.buyer.see(&ordered.order).await["payment_state"], "voided");
    shop.finish().await;
}

/// Ids and names of the events of a stream.
fn told(stream: &Answer) -> Vec<(i64, String)> {
    assert_eq!((stream.status, stream.header("content-type")), (200, "text/event-stream"), "{}", stream.shown());
    assert_eq!((stream.header("x-accel-buffering"), stream.header("cache-control")), ("no", "no-cache"));
    let field = |event: &str, name: &str| event.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
    let event = |event: &str| Some((field(event, "id: ")?.parse().ok()?, field(event, "event: ")?));
    stream.text.split("\n\n").filter_map(event).collect()
}

pub async fn an_order_is_followed_from_its_placing_to_its_end(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 3).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 1).await;
    let order = buyer.place(TOKEN_OK).await;
    let path = format!("/v1/orders/{order}/events");
    let living = async {
        shop.settle().await;
        let path = shipment(&owner, &order).await;
        owner.post(format!("{path}/dispatch"), json!({})).await.must(200);
        shop.settle().await;
        owner.post(format!("{path}/deliver"), json!({})).await.must(200);
        shop.settle().await;
    };
    let (stream, ()) = futures::join!(buyer.client.get(&path).into_future(), living);
    let events = told(&stream);
    let ids: Vec<i64> = events.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, (1..=events.len() as i64).collect::<Vec<_>>(), "each once and in order: {events:?}");
    assert_eq!((events[0].1.as_str(), events[events.len() - 1].1.as_str()), ("order.placed", "order.completed"));
    let history = buyer.see(&order).await["history"].clone();
    let names: Vec<&str> = history.as_array().expect("a history").iter().map(|entry| text(&entry["event"])).collect();
    assert_eq!(events.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), names);

    let rest = buyer.client.get(&path).header("Last-Event-ID", "3").await;
    assert_eq!(told(&rest), events[3..], "it goes on after what was received");
    let over = buyer.client.get(&path).header("Last-Event-ID", events.len().to_string()).await;
    assert_eq!((over.status, over.text.as_str()), (204, ""), "there is nothing more to wait for");
    let anew = buyer.client.get(&path).header("Last-Event-ID", "x").await;
    assert_eq!(anew.status, 200, "what is no id of this stream begins it anew\n{}", anew.shown());
    shop.finish().await;
}

pub async fn what_costs_nothing_is_ordered_like_anything_else(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let variant = json!({ "sku": "SAMPLE", "requires_shipping": false, "weight_g": 0, "prices": [{ "market": "default", "amount": 0 }] });
    let sample = json!({ "title": "How to make tea", "status": "active", "variants": [variant] });
    let made = owner.post("/v1/admin/products", sample).await.must(201);
    let id = |value: &Value| text(value).to_owned();
    let sample =
        Product { id: id(&made["id"]), variant: id(&made["variants"][0]["id"]), sku: id(&made["variants"][0]["sku"]) };
    owner.receive(&sample, 5).await;
    let buyer = shop.buyer().await;
    let path = format!("/v1/carts/{}", buyer.cart);
    buyer.add(&sample, 2).await.must(201);
    let cart = buyer.client.patch(&path, json!({ "email": ADA, "billing_address": billing() })).await.must(200);
    assert_eq!((&cart["missing"], amount(&cart["quote"]["total"])), (&json!([]), 0), "{cart:#}");
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["payment_state"]), (&json!("completed"), &json!("none")), "{seen:#}");
    assert_eq!((&seen["fulfilment_state"], &seen["shipping_address"]), (&json!("nothing_to_ship"), &Value::Null));
    assert_eq!(seen["billing_address"]["city"], "Wien", "{seen:#}");
    buyer.cancel(&order).await.refused(409, "orders.not_cancellable");
    assert_eq!(stock(&owner, &sample).await, (3, 0), "what does not ship is booked out at the end");
    shop.finish().await;
}

fn billing() -> Value {
    json!({ "name": "Ada Lovelace", "line1": "Hauptstraße 1", "city": "Wien", "postcode": "1010", "country": "AT" })
}

pub async fn what_costs_nothing_and_ships_is_sent_like_anything_else(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let zones = owner.get("/v1/admin/shipping/zones").await.must(200);
    let free = json!({ "zone": zones["items"][0]["id"], "name": "On us", "tax_class": "standard",
        "rates": [{ "market": "default", "amount": 0 }] });
    owner.post("/v1/admin/shipping/methods", free).await.must(201);
    let sample = owner.product(0, 5).await;
    let buyer = shop.buyer().await;
    let cart = buyer.cart_with(&sample, 2).await;
    assert_eq!((&cart["missing"], amount(&cart["quote"]["total"])), (&json!([]), 0), "{cart:#}");
    // No card is asked for nothing.
    let body = json!({ "cart": buyer.cart, "payment": { "method": "card" } });
    let order = buyer.client.post("/v1/orders", body).key("1").await.must(201);
    let order = text(&order["id"]);
    shop.settle().await;
    let seen = buyer.see(order).await;
    assert_eq!((&seen["status"], &seen["fulfilment_state"]), (&json!("confirmed"), &json!("unfulfilled")), "{seen:#}");
    let path = shipment(&owner, order).await;
    owner.post(format!("{path}/dispatch"), json!({})).await.must(200);
    owner.post(format!("{path}/deliver"), json!({})).await.must(200);
    shop.settle().await;
    let seen = buyer.see(order).await;
    assert_eq!((&seen["status"], &seen["payment_state"]), (&json!("completed"), &json!("none")), "{seen:#}");
    assert_eq!(stock(&owner, &sample).await, (3, 0));
    shop.finish().await;
}

pub async fn what_was_sold_stays_as_it_was_whatever_becomes_of_the_product(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 5).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 1).await;
    let shown = buyer.see_cart().await["quote"]["total"].clone();
    let path = format!("/v1/admin/products/{}", teapot.id);
    let etag = owner.get(&path).await.header("etag").to_owned();
    owner.patch(&path, json!({ "title": "Kettle" })).header("If-Match", &etag).await.must(200);
    owner.set_price(&teapot, 2499).await;
    let body = |total: &Value| json!({ "cart": buyer.cart, "payment": { "method": "card", "token": TOKEN_OK }, "expected_total": total });
    let refused = buyer.client.post("/v1/orders", body(&shown)).key("k1").await.refused(409, "orders.price_changed");
    let now = &refused["context"]["total"];
    assert_eq!(amount(now), 2499 + 490, "{refused:#}");
    assert!(refused["context"]["amounts"].as_array().is_some_and(|rows| rows.len() >= 2), "{refused:#}");
    let order = buyer.client.post("/v1/orders", body(now)).key("k2").await.must(201);

    let etag = owner.get(&path).await.header("etag").to_owned();
    owner.patch(&path, json!({ "title": "Samovar" })).header("If-Match", &etag).await.must(200);
    owner.set_price(&teapot, 9999).await;
    shop.settle().await;
    let seen = buyer.see(text(&order["id"])).await;
    let line = &seen["lines"][0];
    assert_eq!((&line["product_title"], amount(&line["unit_price"])), (&json!("Kettle"), 2499), "{seen:#}");
    assert_eq!((&seen["status"], amount(&seen["total"])), (&json!("confirmed"), 2499 + 490));
    shop.finish().await;
}
