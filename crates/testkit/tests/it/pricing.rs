//! What a basket costs, and why: tax by class, place and market, reverse charge, currencies of every size.

use contracts::{Currency, MarketId};
use platform::Config;
use serde_json::{Value, json};
use testkit::{Answer, Buyer, Shop, ShopOptions, Staff, TOKEN_OK, Topology};
use uuid::Uuid;

/// A market beside `default`.
fn market(config: &mut Config, name: &str, currency: &str, country: &str, tax_inclusive: bool) {
    let mut market = config.markets.values().next().expect("a market").clone();
    market.currency = Currency::from_code(currency).expect("a currency");
    market.countries = vec![country.to_owned()];
    market.tax_inclusive = tax_inclusive;
    config.markets.insert(name.parse::<MarketId>().expect("a name"), market);
}

/// An active product of a tax class at a price in a market, ten in stock; its variant's id.
async fn product(owner: &Staff, class: &str, market: &str, price: i64) -> String {
    let sku = Uuid::now_v7().simple().to_string();
    let variant =
        json!({ "sku": sku, "tax_class": class, "weight_g": 100, "prices": [{ "market": market, "amount": price }] });
    let made = owner
        .post(
            "/v1/admin/products",
            json!({ "title": format!("{class} {price}"), "status": "active", "variants": [variant] }),
        )
        .await
        .must(201);
    let id = made["variants"][0]["id"].as_str().expect("an id").to_owned();
    let body = json!({ "variant": id, "location": owner.location, "quantity": 10, "reason": "received" });
    owner.post("/v1/admin/stock/adjustments", body).await.must(201);
    id
}

async fn tax_zone(owner: &Staff, country: &str, region: Option<&str>, rates: Value) -> Answer {
    let zone = json!({ "country": country, "region": region, "name": country, "rates": rates });
    owner.post("/v1/admin/tax/zones", zone).await
}

async fn sent_for(owner: &Staff, market: &str, country: &str, amount: i64) {
    let method = json!({ "name": "Post", "rates": [{ "market": market, "amount": amount }], "tax_class": "standard" });
    let zone = json!({ "name": format!("To {country}"), "countries": [country], "methods": [method] });
    owner.post("/v1/admin/shipping/zones", zone).await.must(201);
}

fn address(country: &str, region: Option<&str>) -> Value {
    json!({ "name": "Ada Lovelace", "line1": "High Street 1", "city": "Town", "region": region, "postcode": "90001", "country": country })
}

/// A cart of a market with these lines, sent there by the cheapest way; and its buyer.
async fn cart(shop: &Shop, market: &str, address: Value, lines: &[(&str, i64)]) -> (Buyer, Value) {
    let lines: Vec<Value> =
        lines.iter().map(|(variant, quantity)| json!({ "variant": variant, "quantity": quantity })).collect();
    let body = json!({ "market": market, "email": "ada@example.com", "shipping_address": address, "lines": lines });
    let opened = shop.post("/v1/carts", body).await.must(201);
    let token = opened["token"].as_str().expect("a token");
    let buyer =
        Buyer { client: shop.client.with("Cart-Token", token), cart: opened["id"].as_str().expect("an id").to_owned() };
    (buyer.clone(), with_cheapest(&buyer).await)
}

async fn with_cheapest(buyer: &Buyer) -> Value {
    let path = format!("/v1/carts/{}", buyer.cart);
    let options = buyer.client.get(format!("{path}/shipping-options")).await.must(200);
    buyer.client.patch(&path, json!({ "shipping_method": options["items"][0]["method"] })).await.must(200)
}

/// `(label, amount, included)`
fn rows(quote: &Value) -> Vec<(String, i64, bool)> {
    let rows = quote["amounts"].as_array().expect("rows").iter();
    rows.map(|row| {
        let label = row["label"].as_str().expect("a label").to_owned();
        (label, row["amount"]["amount"].as_i64().expect("an amount"), row["included"].as_bool().expect("a flag"))
    })
    .collect()
}

fn row(label: &str, amount: i64, included: bool) -> (String, i64, bool) {
    (label.to_owned(), amount, included)
}

fn says(quote: &Value, text: &str) -> bool {
    let trace = quote["trace"].as_array().expect("a trace").iter();
    trace.clone().any(|step| step["text"].as_str().is_some_and(|step| step.contains(text)))
}

pub async fn a_basket_of_mixed_rates_is_taxed_line_by_line(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = product(&owner, "standard", "default", 1999).await;
    let book = product(&owner, "reduced", "default", 1000).await;
    let (buyer, cart) = cart(&shop, "default", address("AT", None), &[(&teapot, 2), (&book, 3)]).await;
    let quote = &cart["quote"];
    let want = [
        row("Items", 6998, false),
        row("Standard", 490, false),
        row("VAT 20 %", 748, true),
        row("VAT 10 %", 273, true),
    ];
    assert_eq!(rows(quote), want, "{quote:#}");
    assert_eq!(quote["total"]["amount"], 7488);
    assert!(says(quote, "VAT 20 % of AT in it: 39.98 x 0.2 / 1.2 = 6.663333…, rounded half up"), "{quote:#}");
    assert!(says(quote, "shipping: Standard, taxed as standard goods"), "{quote:#}");
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["total"]["amount"]), (&json!("confirmed"), &json!(7488)), "{seen:#}");
    shop.finish().await;
}

pub async fn a_market_without_tax_in_its_prices_adds_that_of_the_region(topology: Topology) {
    let options =
        ShopOptions { edit: Box::new(|config| market(config, "us", "USD", "US", false)), ..ShopOptions::default() };
    let (shop, owner) = Shop::open_with(topology, options).await;
    let teapot = product(&owner, "standard", "us", 1999).await;
    sent_for(&owner, "us", "US", 700).await;
    tax_zone(&owner, "US", None, json!([{ "rate": "0", "name": "No sales tax" }])).await.must(201);
    let rates = json!([{ "tax_class": "standard", "rate": "0.0725", "name": "CA sales tax" }]);
    tax_zone(&owner, "US", Some("CA"), rates.clone()).await.must(201);
    tax_zone(&owner, "US", Some("CA"), rates).await.refused(409, "pricing.zone_exists");
    let (buyer, cart) = cart(&shop, "us", address("US", Some("CA")), &[(&teapot, 3)]).await;
    let quote = &cart["quote"];
    let want = [row("Items", 5997, false), row("Post", 700, false), row("CA sales tax 7.25 %", 435 + 51, false)];
    assert_eq!(rows(quote), want, "{quote:#}");
    assert_eq!(quote["total"], json!({ "amount": 5997 + 700 + 435 + 51, "currency": "USD" }));
    assert!(says(quote, "CA sales tax 7.25 % of US-CA on it: 59.97 x 0.0725 = 4.347825, rounded half up"), "{quote:#}");
    let path = format!("/v1/carts/{}", buyer.cart);
    let elsewhere = buyer.client.patch(&path, json!({ "shipping_address": address("US", Some("OR")) })).await.must(200);
    assert_eq!(elsewhere["quote"]["total"]["amount"], 5997 + 700, "{elsewhere:#}");
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");
    shop.finish().await;
}

pub async fn a_business_across_the_border_owes_the_tax_itself(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = product(&owner, "standard", "default", 1999).await;
    tax_zone(&owner, "DE", None, json!([{ "tax_class": "standard", "rate": "0.19", "name": "MwSt" }])).await.must(201);
    let business = |country: &str, tax_id: &str| {
        let mut address = address(country, None);
        address["company"] = "Kettle & Co".into();
        address["tax_id"] = tax_id.into();
        address
    };
    let (buyer, cart) = cart(&shop, "default", business("DE", "DE 123 456 789"), &[(&teapot, 2)]).await;
    let quote = &cart["quote"];
    assert_eq!(quote["reverse_charge"], true, "{quote:#}");
    let want = [row("Items", 3360, false), row("Standard", 412, false), row("Reverse charge 0 %", 0, false)];
    assert_eq!(rows(quote), want, "{quote:#}");
    assert!(says(quote, "reverse charge: a business with a tax id of DE"), "{quote:#}");
    assert!(!quote.to_string().contains("123 456"), "the tax id is not repeated: {quote:#}");

    let path = format!("/v1/carts/{}", buyer.cart);
    for (place, why) in [
        (business("AT", "DE123456789"), "the goods stay in AT"),
        (business("DE", "ATU12345678"), "it is of AT, where the shop sells from"),
        (business("DE", "DE12345"), "it is not written like one"),
    ] {
        let cart = buyer.client.patch(&path, json!({ "shipping_address": place })).await.must(200);
        let quote = &cart["quote"];
        assert!(quote["reverse_charge"] == false && says(quote, why), "{quote:#}");
        assert_eq!(quote["total"]["amount"], 3998 + 490);
    }
    let mut private = address("DE", None);
    private["tax_id"] = "DE123456789".into();
    let cart = buyer.client.patch(&path, json!({ "shipping_address": private })).await.must(200);
    assert_eq!(cart["quote"]["reverse_charge"], false, "without a company nobody's business buys: {cart:#}");
    buyer.client.patch(&path, json!({ "shipping_address": business("DE", "DE123456789") })).await.must(200);
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["total"]["amount"]), (&json!("confirmed"), &json!(3360 + 412)), "{seen:#}");
    shop.finish().await;
}

pub async fn currencies_without_decimals_and_with_three_add_up(topology: Topology) {
    let edit = |config: &mut Config| {
        market(config, "jp", "JPY", "JP", true);
        market(config, "kw", "KWD", "KW", false);
    };
    let (shop, owner) = Shop::open_with(topology, ShopOptions { edit: Box::new(edit), ..ShopOptions::default() }).await;
    let cup = product(&owner, "standard", "jp", 333).await;
    sent_for(&owner, "jp", "JP", 500).await;
    tax_zone(&owner, "JP", None, json!([{ "rate": "0.1", "name": "JCT" }])).await.must(201);
    let (buyer, seen) = cart(&shop, "jp", address("JP", None), &[(&cup, 3)]).await;
    let want = [row("Items", 999, false), row("Post", 500, false), row("JCT 10 %", 91 + 45, true)];
    assert_eq!(rows(&seen["quote"]), want, "{seen:#}");
    assert!(says(&seen["quote"], "JCT 10 % of JP in it: 999 x 0.1 / 1.1 = 90.8181…, rounded half up"), "{seen:#}");
    let yen = buyer.place(TOKEN_OK).await;

    let cup = product(&owner, "standard", "kw", 1_999).await;
    sent_for(&owner, "kw", "KW", 1_000).await;
    tax_zone(&owner, "KW", None, json!([{ "rate": "0.05", "name": "VAT" }])).await.must(201);
    let (dinar_buyer, seen) = cart(&shop, "kw", address("KW", None), &[(&cup, 3)]).await;
    let want = [row("Items", 5_997, false), row("Post", 1_000, false), row("VAT 5 %", 300 + 50, false)];
    assert_eq!(rows(&seen["quote"]), want, "{seen:#}");
    assert!(says(&seen["quote"], "VAT 5 % of KW on it: 5.997 x 0.05 = 0.29985, rounded half up"), "{seen:#}");
    let dinar = dinar_buyer.place(TOKEN_OK).await;
    shop.settle().await;
    assert_eq!(buyer.see(&yen).await["total"], json!({ "amount": 1499, "currency": "JPY" }));
    assert_eq!(dinar_buyer.see(&dinar).await["total"], json!({ "amount": 7_347, "currency": "KWD" }));
    shop.finish().await;
}

pub async fn staff_change_a_rate_and_an_order_keeps_its_own(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = product(&owner, "standard", "default", 1200).await;
    let (buyer, _) = cart(&shop, "default", address("AT", None), &[(&teapot, 1)]).await;
    let zone = owner.get("/v1/admin/tax/zones").await.must(200)["items"][0].clone();
    let path = format!("/v1/admin/tax/zones/{}", zone["id"].as_str().expect("an id"));
    let tag = owner.get(&path).await.header("etag").to_owned();
    let dearer = json!({ "rates": [{ "tax_class": "standard", "rate": "0.25", "name": "VAT" }] });
    owner.patch(&path, dearer.clone()).await.refused(428, "request.if_match_required");
    let order = buyer.place(TOKEN_OK).await;
    let edited = owner.patch(&path, dearer.clone()).header("If-Match", &tag).await;
    let tag_now = edited.header("etag").to_owned();
    assert_eq!(edited.must(200)["rates"].as_array().map(Vec::len), Some(1), "the new rates are all there are");
    owner.patch(&path, dearer).header("If-Match", &tag).await.refused(412, "pricing.zone_changed");
    let (other, cart) = cart(&shop, "default", address("AT", None), &[(&teapot, 1)]).await;
    assert_eq!(rows(&cart["quote"])[2], row("VAT 25 %", 240 + 98, true), "{cart:#}");
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!(rows(&seen)[2], row("VAT 20 %", 200 + 82, true), "{seen:#}");

    owner.delete(&path).header("If-Match", &tag).await.refused(412, "pricing.zone_changed");
    owner.delete(&path).header("If-Match", &tag_now).await.must(204);
    owner.get(&path).await.refused(404, "pricing.zone_not_found");
    let refused = other.order(TOKEN_OK).await.refused(409, "pricing.no_tax_rate");
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("`standard` goods in AT")), "{refused:#}");
    shop.finish().await;
}
