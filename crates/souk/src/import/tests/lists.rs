//! Lists of stock and of prices.

use store::Sql;

use super::{Options, shop};
use crate::import::Kind;

static LEVELS: Sql = Sql::new(
    "tests::LEVELS",
    "SELECT v.sku || ' ' || p.name || ' ' || l.on_hand || ' ' || l.policy || ' ' || l.low_threshold FROM inventory_level l
    JOIN catalog_variant v ON v.id = l.variant_id JOIN inventory_location p ON p.id = l.location_id ORDER BY v.sku, p.name",
);
static PRICES: Sql = Sql::new(
    "tests::PRICES",
    "SELECT v.sku || ' ' || pr.market || ' ' || pr.currency || ' ' || pr.amount_minor FROM catalog_price pr
    JOIN catalog_variant v ON v.id = pr.variant_id ORDER BY v.sku, pr.market",
);

const PRODUCTS: &[u8] = b"id,title,brand,price\n1,One,,1.50\n2,Two,,\n";

#[tokio::test]
async fn a_list_of_stock_is_a_count_a_row() {
    let shop = shop().await;
    shop.import("p.csv", PRODUCTS).await.expect("imported");
    let csv = "sku,location,quantity,policy,low_threshold\nt-1,Cellar,7,,2\nt-1,Attic,0,,\nt-2,,5,backorder,\nt-3,Cellar,1,,\n\
        t-1,Cellar,8,,\nt-1,Loft,-1,,\nt-2,Cellar,many,,\nt-2,Cellar,,,\nt-2,Shop,1,maybe,\n,Cellar,1,,\n";
    let report = shop.import_plain(Kind::Stock, "s.csv", csv.as_bytes()).await.expect("imported");
    let expected = [
        "5 unknown_sku stock.sku",
        "6 duplicate_sku stock.sku",
        "7 bad_quantity stock.quantity",
        "8 bad_quantity stock.quantity",
        "9 missing stock.quantity",
        "10 bad_value stock.policy",
        "11 missing stock.sku",
    ];
    assert_eq!(shop.faults(), expected);
    assert_eq!((report.count("stock levels changed"), report.left_out), (3, 7));
    assert_eq!(shop.texts(&LEVELS).await, ["t-1 Attic 0 deny 0", "t-1 Cellar 7 deny 2", "t-2 main 5 backorder 0"]);
    let before = shop.everything().await;
    let again = shop.import_plain(Kind::Stock, "s.csv", csv.as_bytes()).await.expect("imported");
    assert_eq!(again.count("stock levels changed"), 0);
    assert_eq!(shop.everything().await, before);
    let other = shop.import_plain(Kind::Stock, "s.csv", b"sku;on_hand\nt-2;0\n").await.expect("imported");
    assert_eq!(other.count("stock levels changed"), 1);
    assert_eq!(shop.texts(&LEVELS).await[2], "t-2 main 0 backorder 0", "what is not said stays");
}

#[tokio::test]
async fn a_row_that_no_shop_can_take_costs_no_other() {
    let shop = shop().await;
    shop.import("p.csv", PRODUCTS).await.expect("imported");
    let long = "x".repeat(101);
    let locations: String = (1..=199).map(|n| format!("{{\"kind\":\"location\",\"name\":\"place {n}\"}}\n")).collect();
    let rows = format!(
        r#"{{"sku":"t-1","location":"{long}","quantity":1}}
{{"sku":"t-1\u0000","quantity":1}}
{{"sku":"t-1","location":"a\u0000b","quantity":1}}
{{"sku":"t-1","location":"Vault","quantity":1000000001}}
{{"sku":"t-1","location":"Cellar","quantity":1,"low_threshold":1000000001}}
{locations}{{"sku":"t-1","location":"place 1","quantity":1000000000}}
{{"kind":"location","name":"the 200th"}}
{{"sku":"t-1","location":"the 200th","quantity":2}}
{{"sku":"t-1","location":"the 201st","quantity":3}}
{{"kind":"location","name":"the 202nd"}}
{{"kind":"location","name":"{long}"}}
{{"sku":"t-2","location":"place 1","quantity":4}}
"#
    );
    let report = shop.import_plain(Kind::Stock, "s.ndjson", rows.as_bytes()).await.expect("imported");
    let expected = [
        "1 too_long stock.location",
        "2 forbidden_character stock.sku",
        "3 forbidden_character stock.location",
        "4 bad_quantity stock.quantity",
        "5 bad_quantity stock.low_threshold",
        "208 too_many stock.location",
        "209 too_many stock.location",
        "210 too_long location.name",
    ];
    assert_eq!(shop.faults(), expected);
    assert_eq!((report.count("locations created"), report.count("stock levels changed")), (200, 3));
    let levels = ["t-1 place 1 1000000000 deny 0", "t-1 the 200th 2 deny 0", "t-2 place 1 4 deny 0"];
    assert_eq!(shop.texts(&LEVELS).await, levels);
    let prices = "{\"sku\":\"t-1\\u0000\",\"amount\":1}\n{\"sku\":\"t-2\",\"amount\":5}\n";
    shop.import_plain(Kind::Prices, "r.ndjson", prices.as_bytes()).await.expect("imported");
    assert_eq!(shop.faults(), ["1 forbidden_character price.sku"]);
    assert_eq!(shop.texts(&PRICES).await, ["t-1 default EUR 150", "t-2 default EUR 5"]);
}

#[tokio::test]
async fn what_is_sold_beyond_what_is_there_may_be_counted_below_nothing() {
    let shop = shop().await;
    shop.import("p.csv", PRODUCTS).await.expect("imported");
    let csv = "sku,location,quantity,policy\nt-1,A,-2,backorder\nt-1,B,-3,\nt-2,A,-1,\nt-2,B,-4,deny\n";
    shop.import_plain(Kind::Stock, "s.csv", csv.as_bytes()).await.expect("imported");
    assert_eq!(shop.faults(), ["4 bad_quantity stock.quantity", "5 bad_quantity stock.quantity"]);
    assert_eq!(shop.texts(&LEVELS).await, ["t-1 A -2 backorder 0", "t-1 B -3 backorder 0"]);
    let denied = "sku,location,quantity,policy\nt-1,A,-2,deny\n";
    shop.import_plain(Kind::Stock, "s.csv", denied.as_bytes()).await.expect("imported");
    assert_eq!(shop.faults(), ["2 bad_quantity stock.quantity"]);
    assert_eq!(shop.texts(&LEVELS).await, ["t-1 A -2 backorder 0", "t-1 B -3 backorder 0"], "nothing of it is in");
}

#[tokio::test]
async fn a_report_never_takes_the_place_of_what_is_read() {
    let shop = shop().await;
    let options = shop.options("p.csv", PRODUCTS);
    std::os::unix::fs::symlink(shop.path("p.csv"), shop.path("link.csv")).expect("a link");
    for report in
        [shop.path("p.csv"), shop.path("link.csv"), shop.path("../").join(shop.path("p.csv")), shop.path("map.toml")]
    {
        let refused = shop.run(Options { report, ..options.clone() }).await.expect_err("refused");
        assert!(refused.to_string().contains("would overwrite"), "{refused}");
    }
    assert_eq!(std::fs::read(shop.path("p.csv")).expect("the file"), PRODUCTS);
    for impossible in [
        Options { location: "x".repeat(101), ..options.clone() },
        Options { stock: Some(inventory::UNITS_MAX + 1), ..options.clone() },
        Options { stock: Some(-1), ..options.clone() },
    ] {
        shop.run(impossible).await.expect_err("refused");
    }
    assert!(shop.texts(&PRICES).await.is_empty());
}

#[tokio::test]
async fn a_list_of_prices_is_a_price_a_row() {
    let shop = shop().await;
    shop.import("p.csv", PRODUCTS).await.expect("imported");
    let csv = "sku,market,currency,amount\nt-1,default,EUR,150\nt-1,us,USD,180\nt-2,,usd,200\nt-2,us,,300\nt-2,us,EUR,1\n\
        t-2,mars,,1\nt-2,default,EUR,1.5\nt-9,,,1\nt-2,default,,\n,,,1\nt-2,default,EUR,-1\n";
    let report = shop.import_plain(Kind::Prices, "p.csv", csv.as_bytes()).await.expect("imported");
    let expected = [
        "5 duplicate_sku price.sku",
        "6 bad_currency price.currency",
        "7 unknown_market price.market",
        "8 bad_price price.amount",
        "9 unknown_sku sku",
        "10 missing price.amount",
        "11 missing price.sku",
        "12 bad_price price.amount",
    ];
    assert_eq!(shop.faults(), expected);
    assert_eq!((report.count("prices changed"), report.count("prices unchanged")), (2, 1));
    assert_eq!(shop.texts(&PRICES).await, ["t-1 default EUR 150", "t-1 us USD 180", "t-2 us USD 200"]);
    let before = shop.everything().await;
    let again = shop.import_plain(Kind::Prices, "p.csv", csv.as_bytes()).await.expect("imported");
    assert_eq!((again.count("prices changed"), again.count("prices unchanged")), (0, 3));
    assert_eq!(shop.everything().await, before);
}

#[tokio::test]
async fn a_list_may_have_a_map_of_its_own() {
    let shop = shop().await;
    shop.import("p.csv", PRODUCTS).await.expect("imported");
    let map = "decimal = 'comma'\n[price]\nsku = 't-{nr}'\namount = '{preis}'\nunit = 'major'\n[stock]\nsku = 't-{nr}'\nquantity = '{lager}'\n";
    shop.write("de.toml", map.as_bytes());
    let options = |kind| Options {
        kind,
        map: Some(shop.path("de.toml")),
        ..shop.options("liste.csv", b"nr;preis;lager\n1;1,99;4\n2;10;0\n")
    };
    shop.run(options(Kind::Prices)).await.expect("imported");
    shop.run(options(Kind::Stock)).await.expect("imported");
    assert_eq!(shop.texts(&PRICES).await, ["t-1 default EUR 199", "t-2 default EUR 1000"]);
    assert_eq!(shop.texts(&LEVELS).await, ["t-1 main 4 deny 0", "t-2 main 0 deny 0"]);
    let us = Options { market: Some("us".parse().expect("a name")), ..options(Kind::Prices) };
    shop.run(us).await.expect("imported");
    assert_eq!(shop.texts(&PRICES).await.len(), 4);
    let products = shop.run(options(Kind::Products)).await.expect_err("no [product]");
    assert!(products.to_string().contains("no [product]"), "{products}");
}
