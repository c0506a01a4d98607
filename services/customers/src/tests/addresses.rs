//! The own address book.

use serde_json::{Value, json};

use super::{Device, Shop};

const BOOK: &str = "/v1/customers/me/addresses";

fn at(city: &str) -> Value {
    json!({ "name": "Ada Lovelace", "line1": "Hauptstraße 1", "city": city, "postcode": "1010", "country": "AT" })
}

impl Device<'_> {
    async fn add(&self, city: &str, shipping: bool, billing: bool) -> Value {
        let body = json!({ "address": at(city), "default_shipping": shipping, "default_billing": billing });
        self.send("POST", BOOK, &[], Some(body)).await.must(201)
    }

    /// City, and what it is the default for.
    async fn book(&self) -> Vec<(String, bool, bool)> {
        let list = self.get(&format!("{BOOK}?limit=100")).await.must(200);
        let entry = |entry: &Value| {
            let is = |name: &str| entry[name].as_bool().expect("a flag");
            let city = entry["address"]["city"].as_str().expect("a city").to_owned();
            (city, is("default_shipping"), is("default_billing"))
        };
        list["items"].as_array().expect("a list").iter().map(entry).collect()
    }
}

fn path(entry: &Value) -> String {
    format!("{BOOK}/{}", entry["id"].as_str().expect("an id"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_has_one_default_for_parcels_and_one_for_invoices() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let wien = ada.add("Wien", true, true).await;
    let graz = ada.add("Graz", true, false).await;
    assert_eq!(ada.book().await, [("Wien".to_owned(), false, true), ("Graz".to_owned(), true, false)]);
    let both = json!({ "default_shipping": true, "address": at("Wels") });
    let changed = ada.send("PATCH", &path(&wien), &[], Some(both)).await.must(200);
    assert_eq!((&changed["address"]["city"], &changed["created_at"]), (&json!("Wels"), &wien["created_at"]));
    assert_eq!(ada.book().await, [("Wels".to_owned(), true, true), ("Graz".to_owned(), false, false)]);
    let none = json!({ "default_shipping": false, "default_billing": false });
    ada.send("PATCH", &path(&wien), &[], Some(none)).await.must(200);
    assert_eq!(ada.get(&path(&graz)).await.must(200)["default_shipping"], false);
    ada.send("DELETE", &path(&wien), &[], None).await.must(204);
    ada.send("DELETE", &path(&wien), &[], None).await.refused(404, "customers.address_not_found");
    assert_eq!(ada.book().await, [("Graz".to_owned(), false, false)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_new_defaults_at_once_leave_one() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let cities: Vec<String> = (0..8).map(|number| format!("Stadt {number}")).collect();
    futures::future::join_all(cities.iter().map(|city| ada.add(city, true, false))).await;
    assert_eq!(ada.book().await.iter().filter(|(_, shipping, _)| *shipping).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_or_touches_another_ones_addresses() {
    let shop = Shop::open().await;
    let (ada, eve) = (shop.customer("ada@example.com").await, shop.customer("eve@example.com").await);
    let wien = ada.add("Wien", true, true).await;
    eve.add("Graz", true, true).await;
    assert_eq!(eve.book().await, [("Graz".to_owned(), true, true)]);
    eve.get(&path(&wien)).await.refused(404, "customers.address_not_found");
    let change = Some(json!({ "default_shipping": false }));
    eve.send("PATCH", &path(&wien), &[], change).await.refused(404, "customers.address_not_found");
    eve.send("DELETE", &path(&wien), &[], None).await.refused(404, "customers.address_not_found");
    assert_eq!(ada.book().await, [("Wien".to_owned(), true, true)], "nor do her defaults change his");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_holds_fifty() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let first = ada.add("Wien", true, false).await;
    futures::future::join_all((0..48).map(|_| ada.add("Graz", false, false))).await;
    // The last place, and three who want it.
    let body = json!({ "address": at("Linz"), "default_shipping": true });
    let answers = futures::future::join_all((0..3).map(|_| ada.send("POST", BOOK, &[], Some(body.clone())))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let refused = answers.into_iter().find(|answer| answer.status != 201).expect("two are refused");
    refused.refused(409, "customers.address_book_full");
    let book = ada.book().await;
    assert_eq!((book.len(), book.iter().filter(|(_, shipping, _)| *shipping).count()), (50, 1));
    let page = ada.get(&format!("{BOOK}?limit=20")).await.must(200);
    let next = format!("{BOOK}?limit=40&cursor={}", page["next"].as_str().expect("a second page"));
    assert_eq!(ada.get(&next).await.must(200)["items"].as_array().map(Vec::len), Some(30));
    ada.send("DELETE", &path(&first), &[], None).await.must(204);
    ada.add("Steyr", false, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_adds_one_address() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let (key, body) = ([("idempotency-key", "a-key")], json!({ "address": at("Wien") }));
    let first = ada.send("POST", BOOK, &key, Some(body.clone())).await;
    assert_eq!(first.header("idempotent-replayed"), "");
    let first = first.must(201);
    let again = ada.send("POST", BOOK, &key, Some(body.clone())).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.must(201), first);
    let other = ada.send("POST", BOOK, &key, Some(json!({ "address": at("Graz") }))).await;
    other.refused(409, "request.key_reused");
    let eve = shop.customer("eve@example.com").await;
    assert_ne!(eve.send("POST", BOOK, &key, Some(body)).await.must(201)["id"], first["id"], "keys are one's own");
    assert_eq!(ada.book().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_a_country_is_pointed_at() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let mut address = at("Wien");
    address["country"] = json!("Austria");
    let problem = ada.send("POST", BOOK, &[], Some(json!({ "address": address }))).await.must(400);
    assert_eq!(problem["errors"][0]["pointer"], "/address/country");
    shop.send("GET", BOOK, &[], None).await.refused(401, "request.unauthenticated");
}
