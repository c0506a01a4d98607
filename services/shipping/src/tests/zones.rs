//! Where the shop sends to, and for how much.

use contracts::Currency;
use contracts::Money;
use contracts::shipping::{GetShippingOptions, ShippingOption};
use serde_json::{Value, json};

use super::house::*;
use crate::calls;

const ZONES: &str = "/v1/admin/shipping/zones";
const METHODS: &str = "/v1/admin/shipping/methods";

/// Country, region and postcode; then weight and what the goods cost.
type Place<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>);

async fn offered(house: &House, place: Place<'_>, weight_g: i64, items: i64) -> Vec<ShippingOption> {
    let (country, region, postcode) = place;
    let own = |text: Option<&str>| text.map(str::to_owned);
    let ask = GetShippingOptions {
        market: "default".parse().expect("a market"),
        currency: Currency::EUR,
        country: own(country),
        region: own(region),
        postcode: own(postcode),
        weight_g,
        items_total: Money::new(items, Currency::EUR),
    };
    calls::get_options(house.ctx.clone(), ask).await.expect("options")
}

async fn names(house: &House, country: &str, region: Option<&str>, postcode: Option<&str>) -> Vec<String> {
    let options = offered(house, (Some(country), region, postcode), 0, 0).await;
    options.into_iter().map(|option| option.name).collect()
}

fn method(name: &str, amount: i64) -> Value {
    json!({"name": name, "rates": [{"amount": amount}]})
}

#[tokio::test]
async fn a_zone_offers_its_methods_the_cheapest_first() {
    let house = House::open().await;
    let zone = json!({"name": "Home", "countries": ["AT", "DE"], "methods": [method("Express", 990), method("Standard", 490)]});
    let key = [("idempotency-key", "k1")];
    let (status, made) = house.send("POST", ZONES, &key, zone.clone()).await;
    assert_eq!((status, &made["methods"][0]["name"]), (201, &"Express".into()), "{made}");
    assert_eq!(
        (&made["countries"], &made["methods"][0]["rates"][0]["currency"]),
        (&json!(["AT", "DE"]), &"EUR".into())
    );
    let (status, again) = house.send("POST", ZONES, &key, zone.clone()).await;
    assert_eq!((status, &again), (201, &made));
    assert_eq!(house.must(409, "POST", ZONES, zone).await["code"], "shipping.zone_exists");
    let refused = house.must(400, "POST", ZONES, json!({"name": "x", "countries": ["at"]})).await;
    assert_eq!(refused["errors"][0]["pointer"], "/countries/0");
    let all = house.must(200, "GET", ZONES, Value::Null).await;
    assert_eq!((&all["items"][0], &all["next"]), (&made, &Value::Null));
    assert_eq!(names(&house, "DE", None, None).await, ["Standard", "Express"]);
    assert!(names(&house, "FR", None, None).await.is_empty());
}

#[tokio::test]
async fn the_most_specific_zone_counts() {
    let house = House::open().await;
    let zone = |name: &str, countries: Value, areas: Value| json!({"name": name, "countries": countries, "areas": areas, "methods": [method(name, 1)]});
    let area =
        |region: Option<&str>, postcodes: &[&str]| json!({"country": "AT", "region": region, "postcodes": postcodes});
    for zone in [
        zone("Country", json!(["AT"]), json!([])),
        zone("Region", json!([]), json!([area(Some("9"), &[])])),
        zone("Prefix", json!([]), json!([area(None, &["1"])])),
        zone("Wide", json!([]), json!([area(None, &["1000..1999"])])),
        zone("Narrow", json!([]), json!([area(None, &["1010..1019"])])),
        zone("Both", json!([]), json!([area(Some("9"), &["1010..1019"])])),
        zone("Twin", json!([]), json!([area(None, &["1010..1019"])])),
    ] {
        house.must(201, "POST", ZONES, zone).await;
    }
    let island = json!({"name": "Island", "areas": [area(None, &["69 99"])]});
    house.must(201, "POST", ZONES, island).await;
    let at = async |region: Option<&str>, postcode: Option<&str>| names(&house, "AT", region, postcode).await;
    assert_eq!(at(None, None).await, ["Country"]);
    assert_eq!(at(Some(" 9 "), None).await, ["Region"]);
    assert_eq!(at(None, Some("8010")).await, ["Country"]);
    assert_eq!(at(None, Some("19")).await, ["Prefix"], "a code that is too short is in no range");
    assert_eq!(at(Some("9"), Some("1-2")).await, ["Prefix"], "a postcode before a region");
    assert_eq!(at(None, Some("1200")).await, ["Wide"]);
    assert_eq!(at(None, Some("A 10-15")).await, ["Country"]);
    assert_eq!(at(None, Some("10 15")).await, ["Narrow"], "of equals the older");
    assert_eq!(at(None, Some("1015-77")).await, ["Narrow"], "further digits change nothing");
    assert_eq!(at(Some("9"), Some("1015")).await, ["Both"]);
    assert!(at(None, Some("6999")).await.is_empty(), "a zone without methods takes a place out");
    assert!(names(&house, "DE", Some("9"), Some("1015")).await.is_empty());
}

#[tokio::test]
async fn rates_count_weight_and_what_the_goods_cost() {
    let house = House::open().await;
    let weight = json!([{"from": 0, "amount": 490}, {"from": 2000, "amount": 790}]);
    let total = json!([{"from": 0, "amount": 600}, {"from": 3000, "amount": 300}]);
    let methods = json!([
        {"name": "By weight", "rates": [{"kind": "weight", "steps": weight, "weight_g_max": 10_000}]},
        {"name": "By total", "rates": [{"kind": "total", "steps": total, "free_from": 5000}]},
        {"name": "Elsewhere", "rates": [{"market": "default", "amount": 10}], "tax_class": "reduced"},
    ]);
    let made = house.must(201, "POST", ZONES, json!({"name": "Home", "countries": ["AT"], "methods": methods})).await;
    assert_eq!(made["methods"][0]["rates"][0]["steps"], weight);
    let prices = async |grams, items| -> Vec<(String, i64)> {
        let options = offered(&house, (Some("AT"), None, None), grams, items).await;
        options
            .into_iter()
            .map(|option| (option.name, option.price.amount))
            .filter(|(name, _)| name != "Elsewhere")
            .collect()
    };
    let named = |all: &[(&str, i64)]| all.iter().map(|(name, price)| ((*name).to_owned(), *price)).collect::<Vec<_>>();
    assert_eq!(prices(1999, 2999).await, named(&[("By weight", 490), ("By total", 600)]));
    assert_eq!(prices(2000, 3000).await, named(&[("By total", 300), ("By weight", 790)]));
    assert_eq!(prices(10_001, 5000).await, named(&[("By total", 0)]));
}

#[tokio::test]
async fn a_place_to_fetch_is_offered_wherever_the_buyer_lives() {
    let house = House::open().await;
    let place =
        json!({"name": "Shop", "address": {"name": "Souk", "line1": "Ring 1", "city": "Wien", "country": "AT"}});
    let fetch = json!({"pickup": place, "name": "Fetch it", "rates": [{"amount": 0}]});
    let made = house.must(201, "POST", METHODS, fetch).await;
    house
        .must(201, "POST", ZONES, json!({"name": "Home", "countries": ["AT"], "methods": [method("Post", 490)]}))
        .await;
    assert_eq!(names(&house, "US", None, None).await, ["Fetch it"]);
    assert_eq!(names(&house, "AT", None, None).await, ["Fetch it", "Post"]);
    let nowhere = offered(&house, (None, None, None), 0, 0).await;
    assert_eq!(nowhere.len(), 1);
    assert_eq!(nowhere[0].pickup.as_ref().map(|place| place.address.city.as_str()), Some("Wien"));
    let list = house.must(200, "GET", &format!("{METHODS}?limit=1"), Value::Null).await;
    assert_eq!(list["items"][0], made);
    assert!(list["next"].is_string());
    let refused = house.must(422, "POST", METHODS, json!({"name": "x", "rates": [{"amount": 0}]})).await;
    assert_eq!(refused["errors"][0]["pointer"], "/zone");
}

#[tokio::test]
async fn zones_and_methods_are_edited_on_the_version_that_was_read() {
    let house = House::open().await;
    let areas = json!([{"country": "IT", "region": "BZ", "postcodes": ["39"]}]);
    let zone = json!({"name": "Home", "countries": ["AT"], "areas": areas, "methods": [method("Post", 490)]});
    let zone = house.must(201, "POST", ZONES, zone).await;
    house.must(201, "POST", ZONES, json!({"name": "Far", "countries": ["US"]})).await;
    let zone_path = format!("{ZONES}/{}", zone["id"].as_str().expect("an id"));
    let method_path = format!("{METHODS}/{}", zone["methods"][0]["id"].as_str().expect("an id"));
    let (_, edited) = house.edit(&zone_path, json!({"countries": ["DE"]})).await;
    assert_eq!((&edited["countries"], &edited["areas"], &edited["version"]), (&json!(["DE"]), &areas, &2.into()));
    assert!(names(&house, "AT", None, None).await.is_empty());
    assert_eq!(names(&house, "DE", None, None).await, ["Post"]);
    let (status, stale) = house.send("PATCH", &zone_path, &[("if-match", "\"1\"")], json!({"name": "x"})).await;
    assert_eq!((status, &stale["code"]), (412, &"shipping.changed".into()));
    let (status, _) = house.send("PATCH", &zone_path, &[], json!({"name": "x"})).await;
    assert_eq!(status, 428);
    let (status, taken) = house.edit(&zone_path, json!({"name": "Far"})).await;
    assert_eq!((status, &taken["code"]), (409, &"shipping.zone_exists".into()));
    assert_eq!(house.edit(&zone_path, json!({"name": "Home"})).await.0, 200, "its own name is not taken");
    let (status, _) = house.edit(&zone_path, json!({"areas": [{"country": "AT"}]})).await;
    assert_eq!(status, 422);
    assert_eq!(house.edit(&zone_path, json!({"areas": []})).await.1["areas"], json!([]));

    let rates = json!([{"kind": "total", "steps": [{"from": 0, "amount": 700}]}]);
    let (_, edited) = house.edit(&method_path, json!({"name": "Parcel", "rates": rates})).await;
    assert_eq!(
        (&edited["name"], &edited["rates"][0]["kind"], edited["rates"].as_array().map(Vec::len)),
        (&"Parcel".into(), &"total".into(), Some(1))
    );
    let place =
        json!({"name": "Shop", "address": {"name": "Souk", "line1": "Ring 1", "city": "Wien", "country": "AT"}});
    let (status, refused) = house.edit(&method_path, json!({ "pickup": place })).await;
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &"/pickup".into()));
    assert_eq!(house.edit(&method_path, json!({"archived": true})).await.0, 200);
    assert!(names(&house, "DE", None, None).await.is_empty());
    house.edit(&method_path, json!({"archived": false})).await;
    house.edit(&zone_path, json!({"archived": true})).await;
    assert!(names(&house, "DE", None, None).await.is_empty(), "an archived zone serves nobody");
}

#[tokio::test]
async fn a_zone_has_no_more_methods_than_fit() {
    let house = House::open().await;
    let methods: Vec<Value> = (0..49).map(|at| method(&at.to_string(), at)).collect();
    let zone = house.must(201, "POST", ZONES, json!({"name": "Home", "countries": ["AT"], "methods": methods})).await;
    let another = json!({"zone": zone["id"], "name": "Another", "rates": [{"amount": 1}]});
    let key = [("idempotency-key", "k1")];
    let (status, made) = house.send("POST", METHODS, &key, another.clone()).await;
    assert_eq!(status, 201);
    assert_eq!(house.send("POST", METHODS, &key, another.clone()).await.1, made);
    assert_eq!(house.must(409, "POST", METHODS, another).await["code"], "shipping.too_many_methods");
    let nowhere = json!({"zone": "shz_01jd5zs2xce3nbq7tpv5f8k9wm", "name": "x", "rates": [{"amount": 1}]});
    assert_eq!(house.must(422, "POST", METHODS, nowhere).await["errors"][0]["pointer"], "/zone");
}

#[tokio::test]
async fn an_edit_leaves_no_zone_that_serves_nobody() {
    let house = House::open().await;
    let area = json!({"country": "DE", "postcodes": ["10"]});
    let zone = json!({"name": "Both", "countries": ["AT"], "areas": [area]});
    let zone = house.must(201, "POST", "/v1/admin/shipping/zones", zone).await;
    let path = format!("/v1/admin/shipping/zones/{}", zone["id"].as_str().expect("an id"));
    let (status, refused) = house.edit(&path, json!({"countries": [], "areas": []})).await;
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &"/countries".into()), "{refused}");
    assert_eq!(house.edit(&path, json!({"countries": []})).await.0, 200, "a part of one is left");
    let (status, refused) = house.edit(&path, json!({"areas": []})).await;
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &"/areas".into()), "{refused}");
    let seen = house.must(200, "GET", &path, Value::Null).await;
    assert_eq!(seen["areas"].as_array().map(Vec::len), Some(1), "{seen}");
}
