//! Goods on their way: where to and for how much, in parts, from two places, fetched, lost, and called back.

use serde_json::{Value, json};
use testkit::{Buyer, Product, Shop, Staff, TOKEN_OK, Topology};

const ZONES: &str = "/v1/admin/shipping/zones";
const METHODS: &str = "/v1/admin/shipping/methods";

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn address(country: &str, postcode: &str) -> Value {
    json!({ "name": "Ada Lovelace", "line1": "Weg 1", "city": "Ort", "postcode": postcode, "country": country })
}

/// A guest with a cart of these lines.
async fn buyer_of(shop: &Shop, lines: &[(&Product, i64)], more: Value) -> Buyer {
    let lines: Vec<Value> =
        lines.iter().map(|(product, quantity)| json!({ "variant": product.variant, "quantity": quantity })).collect();
    let mut body = json!({ "email": "ada@example.com", "lines": lines });
    body.as_object_mut().expect("a body").extend(more.as_object().expect("fields").clone());
    let cart = shop.post("/v1/carts", body).await.must(201);
    Buyer { client: shop.with("Cart-Token", text(&cart["token"])), cart: text(&cart["id"]).to_owned() }
}

/// A confirmed order of so many teapots, with all its shipments.
async fn confirmed(shop: &Shop, owner: &Staff, teapot: &Product, quantity: i64) -> (Buyer, String, Vec<Value>) {
    let buyer = shop.buyer().await;
    buyer.cart_with(teapot, quantity).await;
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    let shipments = owner.shipments(&order).await;
    (buyer, order, shipments)
}

fn path(shipment: &Value) -> String {
    format!("/v1/admin/shipments/{}", text(&shipment["id"]))
}

/// Names of what the cart is offered and what each costs, cheapest first.
async fn offered(buyer: &Buyer) -> Vec<(String, i64)> {
    let options = buyer.client.get(format!("/v1/carts/{}/shipping-options", buyer.cart)).await.must(200);
    let option =
        |option: &Value| (text(&option["name"]).to_owned(), option["price"]["amount"].as_i64().expect("a number"));
    options["items"].as_array().expect("a list").iter().map(option).collect()
}

fn named(options: &[(&str, i64)]) -> Vec<(String, i64)> {
    options.iter().map(|(name, price)| ((*name).to_owned(), *price)).collect()
}

pub async fn zones_are_found_by_postcode_and_rates_by_weight_and_total(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let german = json!([{ "tax_class": "standard", "rate": "0.19", "name": "MwSt" }]);
    owner.post("/v1/admin/tax/zones", json!({ "country": "DE", "name": "Germany", "rates": german })).await.must(201);
    // Of 900 g and 19.99 EUR each.
    let teapot = owner.product(1999, 0).await;
    let by_weight = json!({ "kind": "weight", "steps": [{ "from": 0, "amount": 300 }, { "from": 2000, "amount": 700 }], "weight_g_max": 5000 });
    let by_total = json!({ "kind": "total", "steps": [{ "from": 0, "amount": 600 }, { "from": 5000, "amount": 200 }], "free_from": 9000 });
    let methods = json!([{ "name": "By weight", "rates": [by_weight] }, { "name": "By total", "rates": [by_total] }]);
    let area = json!({ "country": "AT", "postcodes": ["1010..1239"] });
    let vienna = json!({ "name": "Vienna", "areas": [area], "methods": methods });
    let vienna = owner.post(ZONES, vienna).await.must(201);
    let island = json!({ "name": "Island", "areas": [{ "country": "AT", "postcodes": ["69"] }] });
    owner.post(ZONES, island).await.must(201);

    let buyer = buyer_of(&shop, &[(&teapot, 1)], json!({ "shipping_address": address("AT", "A 1-0-1 0") })).await;
    let cart = format!("/v1/carts/{}", buyer.cart);
    let go_to =
        async |address: Value| buyer.client.patch(&cart, json!({ "shipping_address": address })).await.must(200);
    assert_eq!(offered(&buyer).await, named(&[("Standard", 490), ("Express", 990)]), "not a postcode of Vienna's");
    go_to(address("AT", "1015")).await;
    assert_eq!(offered(&buyer).await, named(&[("By weight", 300), ("By total", 600)]));
    buyer.add(&teapot, 2).await.must(201);
    assert_eq!(offered(&buyer).await, named(&[("By total", 200), ("By weight", 700)]));
    buyer.add(&teapot, 3).await.must(201);
    assert_eq!(offered(&buyer).await, named(&[("By total", 0)]), "free above its bound, and too heavy for the other");
    go_to(address("AT", "6999")).await;
    assert_eq!(offered(&buyer).await, [], "a zone without methods takes a place out");
    go_to(address("DE", "1015")).await;
    assert_eq!(offered(&buyer).await, named(&[("Standard", 490), ("Express", 990)]));

    let zone_path = format!("/v1/admin/shipping/zones/{}", text(&vienna["id"]));
    let method_path = format!("/v1/admin/shipping/methods/{}", text(&vienna["methods"][1]["id"]));
    go_to(address("AT", "1015")).await;
    let tag = owner.get(&method_path).await.header("etag").to_owned();
    let dearer = json!({ "rates": [{ "amount": 900 }] });
    owner.patch(&method_path, dearer.clone()).header("If-Match", &tag).await.must(200);
    owner.patch(&method_path, dearer).header("If-Match", &tag).await.refused(412, "shipping.changed");
    assert_eq!(offered(&buyer).await, named(&[("By total", 900)]));
    let tag = owner.get(&zone_path).await.header("etag").to_owned();
    owner.patch(&zone_path, json!({ "archived": true })).header("If-Match", &tag).await.must(200);
    assert_eq!(offered(&buyer).await, named(&[("Standard", 490), ("Express", 990)]), "the next specific zone counts");
    let page = owner.get(format!("{METHODS}?limit=3")).await.must(200);
    let rest = owner.get(format!("{METHODS}?limit=3&cursor={}", text(&page["next"]))).await.must(200);
    assert_eq!((page["items"].as_array().map(Vec::len), rest["items"].as_array().map(Vec::len)), (Some(3), Some(1)));
    shop.finish().await;
}

pub async fn two_parcels_at_two_times_are_two_captures(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 5).await;
    let (buyer, order, shipments) = confirmed(&shop, &owner, &teapot, 3).await;
    let whole = &shipments[0];
    assert_eq!((shipments.len(), &whole["method_name"]), (1, &json!("Standard")), "{shipments:#?}");
    let line = |quantity: i64| json!([{ "line": whole["lines"][0]["line"], "quantity": quantity }]);
    let too_many = owner.post(format!("{}/dispatch", path(whole)), json!({ "lines": line(4) })).await;
    assert_eq!(too_many.refused(422, "request.invalid")["errors"][0]["pointer"], "/lines/0/quantity");

    let parcels = json!([{ "carrier": "Post", "tracking_number": "RR1", "weight_g": 950 }, { "carrier": "Bike" }]);
    let part = json!({ "lines": line(1), "parcels": parcels });
    let sent = owner.post(format!("{}/dispatch", path(whole)), part.clone()).await.must(200);
    assert!(text(&sent["parcels"][0]["tracking_url"]).ends_with("RR1"), "{sent:#}");
    let again = owner.post(format!("{}/dispatch", path(whole)), part).await.must(200);
    assert_eq!(again, sent, "a repeat sends nothing more");
    let other = owner.post(format!("{}/dispatch", path(whole)), json!({ "lines": line(2) })).await;
    let left = other.refused(409, "shipping.dispatched");
    assert_eq!((&left["context"]["lines"], &left["context"]["parcels"][0]["carrier"]), (&line(1), &json!("Post")));
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!(
        (&seen["fulfilment_state"], &seen["payment_state"]),
        (&json!("partially_shipped"), &json!("partially_captured")),
        "{seen:#}"
    );
    let first = owner.payment(&order).await["captured"]["amount"].as_i64().expect("a number");
    assert_eq!(first, 1999 + 163, "one of three teapots, and its share of the shipping");

    let rest = owner.get(format!("/v1/admin/shipments?order={order}&state=pending")).await.must(200);
    let rest = &rest["items"][0];
    assert_eq!((&rest["lines"][0]["quantity"], &rest["method_name"]), (&json!(2), &json!("Standard")), "{rest:#}");
    owner.post(format!("{}/dispatch", path(rest)), json!({})).await.must(200);
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!(
        (&seen["fulfilment_state"], &seen["payment_state"]),
        (&json!("shipped"), &json!("captured")),
        "{seen:#}"
    );
    assert_eq!(owner.payment(&order).await["captured"]["amount"], 3 * 1999 + 490);
    for shipment in [whole, rest] {
        owner.post(format!("{}/deliver", path(shipment)), json!({})).await.must(200);
    }
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["fulfilment_state"]), (&json!("completed"), &json!("delivered")), "{seen:#}");
    let captures =
        seen["history"].as_array().expect("a history").iter().filter(|entry| entry["event"] == "payment.captured");
    assert_eq!(captures.count(), 2);
    assert_eq!(owner.level(&teapot).await["on_hand"], 2);
    shop.finish().await;
}

pub async fn what_two_places_hold_goes_out_from_both(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 2).await;
    let second = owner.post("/v1/admin/locations", json!({ "name": "second" })).await.must(201);
    let second = Staff { location: text(&second["id"]).to_owned(), ..owner.clone() };
    second.receive(&teapot, 2).await;
    let (buyer, order, shipments) = confirmed(&shop, &owner, &teapot, 3).await;
    assert_eq!(shipments.len(), 2, "{shipments:#?}");
    for location in [&owner.location, &second.location] {
        let here = owner.get(format!("/v1/admin/shipments?location={location}&state=pending")).await.must(200);
        assert_eq!(here["items"].as_array().map(Vec::len), Some(1), "{here:#}");
        owner.post(format!("{}/dispatch", path(&here["items"][0])), json!({})).await.must(200);
        shop.settle().await;
    }
    assert_eq!(owner.payment(&order).await["captured"]["amount"], 3 * 1999 + 490);
    for shipment in &shipments {
        owner.post(format!("{}/deliver", path(shipment)), json!({})).await.must(200);
    }
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "completed");
    let levels = owner.get(format!("/v1/admin/stock/levels?variant={}", teapot.variant)).await.must(200);
    let left: Vec<(i64, i64)> = levels["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|level| (level["on_hand"].as_i64().expect("a number"), level["reserved"].as_i64().expect("a number")))
        .collect();
    assert_eq!(
        (left.iter().map(|(on_hand, _)| on_hand).sum::<i64>(), left.iter().map(|(_, reserved)| reserved).sum::<i64>()),
        (1, 0),
        "{levels:#}"
    );
    shop.finish().await;
}

pub async fn a_buyer_fetches_the_goods(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 5).await;
    let place = json!({ "name": "Shop Neubaugasse", "address": address("AT", "1070") });
    let method = json!({ "pickup": place, "name": "Fetch it", "rates": [{ "amount": 0 }] });
    let method = owner.post(METHODS, method).await.must(201);
    let buyer = buyer_of(&shop, &[(&teapot, 2)], json!({})).await;
    assert_eq!(offered(&buyer).await, named(&[("Fetch it", 0)]), "without an address there is nothing else");
    let cart = format!("/v1/carts/{}", buyer.cart);
    let view = buyer.client.patch(&cart, json!({ "shipping_method": method["id"] })).await.must(200);
    assert_eq!((&view["pickup"]["name"], &view["missing"]), (&place["name"], &json!(["billing_address"])), "{view:#}");
    let billed = buyer.client.patch(&cart, json!({ "billing_address": address("DE", "10115") })).await.must(200);
    assert_eq!((&billed["missing"], &billed["quote"]["total"]["amount"]), (&json!([]), &json!(2 * 1999)), "{billed:#}");
    assert_eq!(billed["quote"]["lines"][0]["tax_rate"], "0.2", "taxed where it is fetched");

    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["shipping_address"]), (&json!("confirmed"), &Value::Null), "{seen:#}");
    assert_eq!(seen["pickup"]["name"], place["name"], "{seen:#}");
    let shipment = owner.shipments(&order).await.remove(0);
    assert_eq!((&shipment["pickup"]["name"], &shipment["ship_to"]), (&place["name"], &Value::Null), "{shipment:#}");
    let slip = owner.get(format!("{}/packing-slip", path(&shipment))).await.must(200);
    assert_eq!((&slip["pickup"]["name"], &slip["ship_to"]), (&place["name"], &Value::Null), "{slip:#}");
    owner.post(format!("{}/dispatch", path(&shipment)), json!({})).await.must(200);
    owner.post(format!("{}/deliver", path(&shipment)), json!({})).await.must(200);
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["payment_state"]), (&json!("completed"), &json!("captured")), "{seen:#}");
    shop.finish().await;
}

pub async fn a_lost_parcel_ends_its_order(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 5).await;
    let (buyer, order, shipments) = confirmed(&shop, &owner, &teapot, 1).await;
    let path = path(&shipments[0]);
    owner.post(format!("{path}/lost"), json!({})).await.refused(409, "shipping.not_dispatched");
    owner.post(format!("{path}/dispatch"), json!({})).await.must(200);
    for _ in 0..2 {
        let lost = owner.post(format!("{path}/lost"), json!({})).await.must(200);
        assert_eq!(lost["state"], "lost", "{lost:#}");
    }
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["fulfilment_state"]), (&json!("completed"), &json!("lost")), "{seen:#}");
    assert_eq!(seen["payment_state"], "captured", "a person decides on a refund");
    let found = owner.post(format!("{path}/deliver"), json!({})).await.must(200);
    assert_eq!((&found["state"], &found["lost_at"]), (&json!("delivered"), &Value::Null), "it turned up: {found:#}");
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["fulfilment_state"]), (&json!("completed"), &json!("delivered")), "{seen:#}");
    shop.finish().await;
}

pub async fn staff_pack_by_the_slip_and_correct_what_left(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (teapot, cup) = (owner.product(1999, 5).await, owner.product(500, 5).await);
    let ways = json!({ "shipping_address": address("AT", "8010") });
    let buyer = buyer_of(&shop, &[(&teapot, 2), (&cup, 3)], ways).await;
    buyer.check_in().await;
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    let lines = buyer.see(&order).await["lines"].as_array().expect("lines").clone();
    let cups = lines.iter().find(|line| line["sku"] == cup.sku.as_str()).expect("the cups");
    let wish = json!({ "lines": [{ "line": cups["id"], "quantity": 1 }] });
    let asked = buyer.client.post(format!("/v1/orders/{order}/cancel"), wish).await;
    assert!([200, 202].contains(&asked.status), "{}", asked.shown());
    shop.settle().await;

    let shipment = owner.shipments(&order).await.remove(0);
    let path = path(&shipment);
    let slip = owner.get(format!("{path}/packing-slip")).await.must(200);
    let packed = |sku: &str| {
        let lines = slip["lines"].as_array().expect("lines");
        lines.iter().find(|line| line["sku"] == sku).map(|line| line["quantity"].clone())
    };
    assert_eq!((packed(&teapot.sku), packed(&cup.sku)), (Some(json!(2)), Some(json!(2))), "{slip:#}");
    assert_eq!(
        (&slip["order_number"], &slip["weight_g"]),
        (&buyer.see(&order).await["number"], &json!(4 * 900)),
        "{slip:#}"
    );
    assert!(slip["ship_to"]["city"].is_string(), "{slip:#}");
    let fulfilment = shop.staff(contracts::customers::Role::Fulfilment).await;
    let first = json!({ "parcels": [{ "carrier": "ups", "tracking_number": "1Z0" }] });
    fulfilment.post(format!("{path}/dispatch"), first).await.must(200);
    let tag = owner.get(&path).await.header("etag").to_owned();
    let mended = json!({ "parcels": [{ "carrier": "ups", "tracking_number": "1Z1" }], "metadata": { "rack": "7" } });
    let after = fulfilment.patch(&path, mended.clone()).header("If-Match", &tag).await.must(200);
    assert_eq!((&after["parcels"][0]["tracking_number"], &after["metadata"]["rack"]), (&json!("1Z1"), &json!("7")));
    fulfilment.patch(&path, mended).header("If-Match", &tag).await.refused(412, "shipping.changed");
    let auditor = shop.staff(contracts::customers::Role::Auditor).await;
    auditor.get(&path).await.must(200);
    auditor.post(format!("{path}/deliver"), json!({})).await.refused(403, "request.forbidden");
    shop.settle().await;
    let due = 2 * 1999 + 2 * 500 + 490;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["due"]["amount"], &seen["payment_state"]), (&json!(due), &json!("captured")), "{seen:#}");
    assert_eq!(owner.payment(&order).await["captured"]["amount"], due);
    assert_eq!(owner.level(&cup).await["on_hand"], 3);
    shop.finish().await;
}

/// Each order is wanted back and sent off at the same time: exactly one of the two comes true.
pub async fn of_a_cancellation_and_a_dispatch_at_once_one_wins(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 20).await;
    let mut orders = Vec::new();
    for _ in 0..6 {
        let buyer = shop.buyer().await;
        buyer.cart_with(&teapot, 2).await;
        let order = buyer.place(TOKEN_OK).await;
        orders.push((buyer, order));
    }
    shop.settle().await;
    let mut raced = Vec::new();
    for (buyer, order) in &orders {
        let shipment = owner.shipments(order).await.remove(0);
        let send = owner.post(format!("{}/dispatch", path(&shipment)), json!({}));
        raced.push(async move {
            // The wish is on its way when the parcel goes.
            let asked = buyer.cancel(order).await;
            assert!([200, 202, 409].contains(&asked.status), "{}", asked.shown());
            send.await.status
        });
    }
    let sent = futures::future::join_all(raced).await;
    shop.settle().await;
    let mut left = 0;
    for ((buyer, order), sent) in orders.iter().zip(sent) {
        let (seen, shipment) = (buyer.see(order).await, owner.shipments(order).await.remove(0));
        let ends = (text(&seen["status"]).to_owned(), text(&shipment["state"]).to_owned(), sent);
        let (was_sent, was_kept) = (
            ends == ("confirmed".into(), "dispatched".into(), 200),
            ends == ("cancelled".into(), "cancelled".into(), 409),
        );
        assert!(was_sent != was_kept, "{ends:?}\n{seen:#}");
        left += if was_sent { 2 } else { 0 };
    }
    println!("{} of {} were sent", left / 2, orders.len());
    let level = owner.level(&teapot).await;
    assert_eq!((level["on_hand"].as_i64(), level["reserved"].as_i64()), (Some(20 - left), Some(0)), "{level:#}");
    shop.finish().await;
}
