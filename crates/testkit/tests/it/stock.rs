//! Stock at several locations: split orders, counts, transfers, and who gets the last unit.

use futures::future::{join, join_all};
use serde_json::{Value, json};
use testkit::{Answer, Buyer, Product, Shop, Staff, TOKEN_OK, Topology};

/// A second location; its id.
async fn location(owner: &Staff, name: &str) -> String {
    let made =
        owner.post("/v1/admin/locations", json!({ "name": name, "country": "DE", "priority": 200 })).await.must(201);
    made["id"].as_str().expect("an id").to_owned()
}

async fn receive_at(owner: &Staff, location: &str, product: &Product, quantity: i64) {
    let body = json!({ "variant": product.variant, "location": location, "quantity": quantity, "reason": "received", "note": "delivery 7" });
    owner.post("/v1/admin/stock/adjustments", body).await.must(201);
}

/// `(on hand, reserved)` there.
async fn level_at(owner: &Staff, location: &str, product: &Product) -> (i64, i64) {
    let path = format!("/v1/admin/stock/levels?variant={}&location={location}", product.variant);
    let levels = owner.get(path).await.must(200);
    let number = |field: &str| levels["items"][0][field].as_i64().expect("a number");
    (number("on_hand"), number("reserved"))
}

async fn confirmed(shop: &Shop, buyer: &Buyer, product: &Product, quantity: i64) -> String {
    buyer.cart_with(product, quantity).await;
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!(seen["status"], "confirmed", "{seen:#}");
    order
}

async fn step(owner: &Staff, shipment: &Value, step: &str) -> Answer {
    let id = shipment["id"].as_str().expect("an id");
    owner.post(format!("/v1/admin/shipments/{id}/{step}"), json!({})).await
}

pub async fn an_order_that_no_location_has_alone_leaves_from_two(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1000, 3).await;
    let far = location(&owner, "far").await;
    receive_at(&owner, &far, &teapot, 4).await;
    let buyer = shop.buyer().await;
    let order = confirmed(&shop, &buyer, &teapot, 5).await;
    assert_eq!(level_at(&owner, &owner.location, &teapot).await, (3, 3));
    assert_eq!(level_at(&owner, &far, &teapot).await, (4, 2));

    let shipments = owner.shipments(&order).await;
    assert_eq!(shipments.len(), 2, "one from each location: {shipments:#?}");
    for shipment in &shipments {
        step(&owner, shipment, "dispatch").await.must(200);
        shop.settle().await;
    }
    assert_eq!(level_at(&owner, &owner.location, &teapot).await, (0, 0));
    assert_eq!(level_at(&owner, &far, &teapot).await, (2, 0));
    for shipment in &shipments {
        step(&owner, shipment, "deliver").await.must(200);
    }
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!(seen["status"], "completed", "{seen:#}");

    let ledger = owner.get(format!("/v1/admin/stock/movements?order={order}")).await.must(200);
    let kinds: Vec<_> = ledger["items"].as_array().expect("a list").iter().map(|moved| &moved["kind"]).collect();
    assert_eq!(kinds, ["shipped", "shipped", "reserved", "reserved"], "{ledger:#}");
    let second = confirmed(&shop, &shop.buyer().await, &teapot, 2).await;
    assert_eq!(owner.shipments(&second).await.len(), 1, "what is left lies at one location");
    shop.finish().await;
}

pub async fn a_count_below_what_was_promised_is_kept_as_a_shortfall(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (teapot, cup) = (owner.product(1000, 5).await, owner.product(500, 0).await);
    let buyer = shop.buyer().await;
    let order = confirmed(&shop, &buyer, &teapot, 4).await;
    let count = json!({ "location": owner.location, "note": "shelf 12", "lines": [
        { "variant": teapot.variant, "counted": 1 }, { "variant": cup.variant, "counted": 2 }] });
    let taken = owner.post("/v1/admin/stocktakes", count.clone()).key("count").await.must(201);
    assert_eq!(taken["lines"].as_array().map(Vec::len), Some(2));
    let line = |product: &Product| {
        let lines = taken["lines"].as_array().expect("lines").iter();
        lines.clone().find(|line| line["variant"] == product.variant).expect("a line").clone()
    };
    assert_eq!((&line(&teapot)["expected"], &line(&teapot)["shortfall"]), (&json!(5), &json!(3)));
    let again = owner.post("/v1/admin/stocktakes", count).key("count").await;
    assert_eq!(again.header("idempotent-replayed"), "true", "{}", again.shown());
    let id = taken["id"].as_str().expect("an id");
    assert_eq!(owner.get(format!("/v1/admin/stocktakes/{id}")).await.must(200), taken);
    let list = owner.get("/v1/admin/stocktakes").await.must(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list:#}");

    let level = owner.level(&teapot).await;
    assert_eq!((&level["on_hand"], &level["reserved"], &level["shortfall"]), (&json!(1), &json!(4), &json!(3)));
    shop.settle().await;
    assert_eq!(shop.get(format!("/v1/stock/{}", teapot.variant)).await.must(200)["availability"], "out");
    assert_eq!(shop.get(format!("/v1/stock/{}", cup.variant)).await.must(200)["availability"], "in");
    let other = shop.buyer().await;
    other.cart_with(&teapot, 1).await;
    let refused = other.place(TOKEN_OK).await;
    shop.settle().await;
    assert_eq!(other.see(&refused).await["cancel_reason"], "out_of_stock");

    owner.receive(&teapot, 3).await;
    assert_eq!(owner.level(&teapot).await["shortfall"], 0, "what was missing has come");
    step(&owner, &owner.shipments(&order).await[0], "dispatch").await.must(200);
    shop.settle().await;
    assert_eq!(level_at(&owner, &owner.location, &teapot).await, (0, 0));
    shop.finish().await;
}

/// How much was sold, and the least that somebody was sent away with; an order is held whole or not at all.
async fn who_got_it(shop: &Shop, buyers: &[Buyer], orders: &[String], quantities: &[i64]) -> (i64, i64) {
    shop.settle().await;
    let seen = join_all(buyers.iter().zip(orders).map(|(buyer, order)| buyer.see(order))).await;
    let (mut sold, mut refused) = (0, i64::MAX);
    for (order, quantity) in seen.iter().zip(quantities) {
        match order["status"].as_str() {
            Some("confirmed") => sold += quantity,
            _ => {
                assert_eq!(order["cancel_reason"], "out_of_stock", "{order:#}");
                refused = refused.min(*quantity);
            }
        }
    }
    (sold, refused)
}

async fn race(shop: &Shop, product: &Product, quantities: &[i64]) -> (Vec<Buyer>, Vec<String>) {
    let buyers: Vec<Buyer> = join_all(quantities.iter().map(|_| shop.buyer())).await;
    join_all(buyers.iter().zip(quantities).map(|(buyer, quantity)| buyer.cart_with(product, *quantity))).await;
    let orders = join_all(buyers.iter().map(|buyer| buyer.place(TOKEN_OK))).await;
    (buyers, orders)
}

pub async fn thirty_two_buyers_race_over_two_locations(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1000, 11).await;
    let far = location(&owner, "far").await;
    receive_at(&owner, &far, &teapot, 10).await;
    shop.settle().await;
    let quantities: Vec<i64> = (0..32).map(|number| 1 + number % 3).collect();
    let (buyers, orders) = race(&shop, &teapot, &quantities).await;
    let (sold, refused) = who_got_it(&shop, &buyers, &orders, &quantities).await;
    let (main, there) = (level_at(&owner, &owner.location, &teapot).await, level_at(&owner, &far, &teapot).await);
    assert_eq!((main.0, there.0), (11, 10), "nothing has left");
    assert_eq!(main.1 + there.1, sold, "what is held is what was sold");
    assert!(main.1 <= 11 && there.1 <= 10, "{main:?} {there:?}");
    let left = 21 - sold;
    assert!((0..refused).contains(&left), "{left} are left, and somebody who wanted {refused} was sent away");
    let availability = shop.get(format!("/v1/stock/{}", teapot.variant)).await.must(200)["availability"].clone();
    assert_eq!(availability, if left == 0 { "out" } else { "in" });
    shop.finish().await;
}

pub async fn transfers_and_buyers_race_for_the_same_teapots(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1000, 12).await;
    let far = location(&owner, "far").await;
    shop.settle().await;
    let transfer = |number: i64| {
        let lines = json!([{ "variant": teapot.variant, "quantity": 2 }]);
        let body = json!({ "from": owner.location, "to": far, "lines": lines, "at_once": true });
        owner.post("/v1/admin/transfers", body).key(format!("transfer {number}"))
    };
    let transfers = join_all((0..8).map(|number| async move { transfer(number).await }));
    let quantities = [2_i64; 12];
    let (transfers, (buyers, orders)) = join(transfers, race(&shop, &teapot, &quantities)).await;
    let mut moved = 0;
    for answer in transfers {
        match answer.status {
            201 => moved += 2,
            _ => drop(answer.refused(409, "inventory.not_enough")),
        }
    }
    let (sold, _) = who_got_it(&shop, &buyers, &orders, &quantities).await;
    let main = level_at(&owner, &owner.location, &teapot).await;
    let there = if moved > 0 { level_at(&owner, &far, &teapot).await } else { (0, 0) };
    assert_eq!((main.0, there.0), (12 - moved, moved), "goods neither appear nor vanish on their way");
    assert!(main.1 <= main.0 && there.1 <= there.0, "what is promised lies where it is promised: {main:?} {there:?}");
    assert_eq!(main.1 + there.1, sold);
    assert_eq!(sold, 12, "a transfer takes nothing from the buyers");
    shop.finish().await;
}

pub async fn goods_travel_between_locations(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1000, 6).await;
    let far = location(&owner, "far").await;
    let buyer = shop.buyer().await;
    confirmed(&shop, &buyer, &teapot, 2).await;
    let plan = |quantity: i64| json!({ "from": owner.location, "to": far, "lines": [{ "variant": teapot.variant, "quantity": quantity }] });
    let too_much = owner.post("/v1/admin/transfers", plan(5)).await.must(201);
    let id = |transfer: &Value| transfer["id"].as_str().expect("an id").to_owned();
    let path = |transfer: &Value, step: &str| format!("/v1/admin/transfers/{}{step}", id(transfer));
    let refused = owner.post(path(&too_much, "/ship"), json!({})).await.refused(409, "inventory.not_enough");
    assert_eq!(refused["context"]["lines"][0]["available"], 4, "two are promised: {refused:#}");
    owner.post(path(&too_much, "/cancel"), json!({})).await.must(200);

    let transfer = owner.post("/v1/admin/transfers", plan(4)).await.must(201);
    owner.post(path(&transfer, "/receive"), json!({})).await.refused(409, "inventory.transfer_state");
    owner.post(path(&transfer, "/ship"), json!({})).await.must(200);
    shop.settle().await;
    assert_eq!(level_at(&owner, &owner.location, &teapot).await, (2, 2));
    assert_eq!(shop.get(format!("/v1/stock/{}", teapot.variant)).await.must(200)["availability"], "out", "in transit");
    let part = json!({ "lines": [{ "variant": teapot.variant, "received": 1, "lost": 1 }] });
    for _ in 0..2 {
        let received = owner.post(path(&transfer, "/receive"), part.clone()).key("part").await.must(200);
        assert_eq!(received["state"], "shipped", "{received:#}");
    }
    let shipped = owner.get("/v1/admin/transfers?state=shipped").await.must(200);
    assert_eq!(shipped["items"][0]["id"], transfer["id"]);
    owner.post(path(&transfer, "/receive"), json!({})).await.must(200);
    let seen = owner.get(format!("/v1/admin/transfers/{}", id(&transfer))).await.must(200);
    assert_eq!((&seen["state"], &seen["lines"][0]["received"]), (&json!("received"), &json!(3)));
    assert_eq!(level_at(&owner, &far, &teapot).await, (3, 0));
    confirmed(&shop, &shop.buyer().await, &teapot, 3).await;
    shop.finish().await;
}

pub async fn staff_say_how_a_variant_is_sold_when_it_runs_out(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1000, 1).await;
    let policy = format!("/v1/admin/stock/variants/{}/policy", teapot.variant);
    let shown = owner.put(&policy, json!({ "policy": "backorder" })).await.must(200);
    assert_eq!((&shown["policy"], &shown["availability"]), (&json!("backorder"), &json!("in")), "{shown:#}");
    confirmed(&shop, &shop.buyer().await, &teapot, 3).await;
    let shown = owner.get(format!("/v1/admin/stock/variants/{}", teapot.variant)).await.must(200);
    assert_eq!(shown["available"], -2, "{shown:#}");
    owner.put(&policy, json!({ "policy": "deny" })).await.must(200);
    assert_eq!(owner.level(&teapot).await["shortfall"], 2);

    let far = location(&owner, "far").await;
    receive_at(&owner, &far, &teapot, 2).await;
    let threshold = format!("/v1/admin/stock/variants/{}/thresholds/{far}", teapot.variant);
    owner.put(&threshold, json!({ "low_threshold": 2 })).await.must(200);
    let low = owner.get(format!("/v1/admin/stock/low?location={far}")).await.must(200);
    assert_eq!(low["items"][0]["variant"], teapot.variant, "{low:#}");
    assert_eq!(shop.get(format!("/v1/stock/{}", teapot.variant)).await.must(200)["availability"], "low");
    shop.settle().await;
    let page = shop.get(format!("/v1/products/{}", teapot.id)).await.must(200);
    assert_eq!(page["variants"][0]["availability"], "low", "the catalogue has heard of it: {page:#}");

    let path = format!("/v1/admin/locations/{far}");
    let known = owner.get(&path).await;
    let tag = known.header("etag").to_owned();
    owner.patch(&path, json!({ "active": false })).await.refused(428, "request.if_match_required");
    let closed =
        owner.patch(&path, json!({ "active": false, "country": null })).header("If-Match", &tag).await.must(200);
    assert_eq!((&closed["active"], &closed["country"]), (&json!(false), &Value::Null), "{closed:#}");
    owner
        .patch(&path, json!({ "name": "gone" }))
        .header("If-Match", &tag)
        .await
        .refused(412, "inventory.location_changed");
    shop.settle().await;
    assert_eq!(shop.get(format!("/v1/stock/{}", teapot.variant)).await.must(200)["availability"], "out");

    let unknown = "var_01jd5zs2xce3nbq7tpv5f8k9wm";
    let body = json!({ "variant": unknown, "location": far, "quantity": 1, "reason": "found" });
    let refused = owner.post("/v1/admin/stock/adjustments", body).await.refused(422, "request.invalid");
    assert_eq!(refused["errors"][0]["pointer"], "/variant", "{refused:#}");
    owner
        .put(format!("/v1/admin/stock/variants/{unknown}/policy"), json!({ "policy": "deny" }))
        .await
        .refused(404, "inventory.variant_not_found");
    shop.finish().await;
}
