//! What comes out goes in again: equal tables, ids aside.

use store::Sql;

use crate::export::run;
use crate::import::Kind;
use crate::import::tests::{Shop, shop};

macro_rules! business {
    ($($name:literal: $text:literal;)*) => {
        [$({ static SQL: Sql = Sql::new(concat!("tests::", $name), $text); &SQL }),*]
    };
}

/// Every column of catalogue and stock that means something to people, with names in the place of ids. Left out: ids,
/// versions, times, what was imported last, and the ledger, which is how it came to be.
async fn business(shop: &Shop) -> Vec<String> {
    let statements = business! {
        "brand": "SELECT json_array('brand', slug, name, name_key) FROM catalog_brand ORDER BY name";
        "category": "SELECT json_array('category', c.slug, c.path, c.depth, c.title, c.description, c.position, p.path)
            FROM catalog_category c LEFT JOIN catalog_category p ON p.id = c.parent_id ORDER BY c.path";
        "ancestor": "SELECT json_array('ancestor', c.path, a.path) FROM catalog_category_ancestor l
            JOIN catalog_category c ON c.id = l.category_id JOIN catalog_category a ON a.id = l.ancestor_id ORDER BY c.path, a.path";
        "attribute": "SELECT json_array('attribute', key, label, type, unit, filterable) FROM catalog_attribute ORDER BY key";
        "product": "SELECT json_array('product', p.slug, p.title, p.title_key, p.description, b.name, p.status, p.options,
                p.attributes, p.images, p.metadata, p.external_source, p.external_id)
            FROM catalog_product p LEFT JOIN catalog_brand b ON b.id = p.brand_id ORDER BY p.id";
        "product_category": "SELECT json_array('in', p.slug, c.path, l.position) FROM catalog_product_category l
            JOIN catalog_product p ON p.id = l.product_id JOIN catalog_category c ON c.id = l.category_id ORDER BY p.slug, l.position";
        "attribute_value": "SELECT json_array('value', p.slug, a.key, v.text_value, v.number_micros) FROM catalog_attribute_value v
            JOIN catalog_product p ON p.id = v.product_id JOIN catalog_attribute a ON a.id = v.attribute_id ORDER BY p.slug, a.key";
        "variant": "SELECT json_array('variant', p.slug, v.position, v.sku, v.title, v.status, v.options, v.images, v.tax_class,
                v.weight_g, v.length_mm, v.width_mm, v.height_mm, v.hs_code, v.origin, v.requires_shipping, v.metadata,
                v.external_source, v.external_id, v.availability)
            FROM catalog_variant v JOIN catalog_product p ON p.id = v.product_id ORDER BY p.slug, v.position, v.sku";
        "price": "SELECT json_array('price', v.sku, pr.market, pr.currency, pr.amount_minor) FROM catalog_price pr
            JOIN catalog_variant v ON v.id = pr.variant_id ORDER BY v.sku, pr.market";
        "listing": "SELECT json_array('listing', l.market, l.currency, p.slug, l.title_key, l.price_min_minor, l.price_max_minor,
                b.name, s.name, c.path, l.availability)
            FROM catalog_listing l JOIN catalog_product p ON p.id = l.product_id LEFT JOIN catalog_brand b ON b.id = l.brand_id
            LEFT JOIN catalog_brand s ON s.id = l.scope_id LEFT JOIN catalog_category c ON c.id = l.scope_id
            ORDER BY l.market, p.slug, c.path, s.name";
        "location": "SELECT json_array('location', name, country, priority, active) FROM inventory_location ORDER BY id";
        "stock": "SELECT json_array('stock', c.sku, v.policy, v.availability) FROM inventory_variant v
            JOIN catalog_variant c ON c.id = v.variant_id ORDER BY c.sku";
        "level": "SELECT json_array('level', c.sku, p.name, l.policy, l.on_hand, l.reserved, l.shortfall, l.low_threshold)
            FROM inventory_level l JOIN catalog_variant c ON c.id = l.variant_id
            JOIN inventory_location p ON p.id = l.location_id ORDER BY c.sku, p.name";
    };
    let mut rows = Vec::new();
    for sql in statements {
        rows.extend(shop.texts(sql).await);
    }
    rows
}

/// Columns of the catalogue and the stock that [`business`] leaves out on purpose.
const LEFT_OUT: &[&str] = &["id", "version", "created_at", "updated_at", "content_sha256", "availability_version"];

const PRODUCTS: &str = r#"{"kind":"category","titles":["Tea"],"slug":"all-tea","description":"Leaves.","position":3}
{"kind":"category","titles":["Tea","Green > and white"],"position":7}
{"kind":"brand","name":"Souk Tea","slug":"tea-of-souk"}
{"kind":"attribute","key":"volume","label":"Volume","type":"number","unit":"ml","filterable":false}
{"title":"Sencha","description":"Sweet.","brand":"Souk Tea","status":"active","options":["Weight","Pack"],"attributes":{"volume":2.5,"Kind":"green","organic":true},"images":[{"url":"/media/sencha.jpg","alt":"A cup"}],"metadata":{"note":"x"},"categories":[["Tea","Green > and white"],"all-tea"],"tax_class":"reduced","variants":[{"sku":"S-50","title":"Small","options":{"Weight":"50 g","Pack":"tin"},"weight_g":65,"size":{"length_mm":1,"width_mm":2,"height_mm":3},"hs_code":"090210","origin":"JP","images":[{"url":"https://c/s.jpg"}],"metadata":{"m":"1"},"external_ref":{"source":"erp","id":"v1"},"prices":[{"amount":790},{"market":"us","amount":990,"currency":"USD"}]},{"sku":"S-100","options":{"Weight":"100 g","Pack":"tin"},"tax_class":"standard","prices":[{"amount":1390,"currency":"EUR"}]},{"sku":"S-OLD","status":"archived","options":{"Weight":"50 g","Pack":"tin"}}]}
{"title":"Sencha","slug":"sencha-2","status":"draft","external_ref":{"source":"erp","id":"p2"},"variants":[{"sku":"S-2","requires_shipping":false}]}
{"title":"Gone","status":"archived","categories":[["Coffee"]],"variants":[{"sku":"GONE","prices":[{"amount":1}]}]}
"#;

const STOCK: &str = r#"{"kind":"location","name":"Cellar","country":"AT","priority":5}
{"kind":"location","name":"Attic","active":false}
{"sku":"S-50","location":"Cellar","quantity":60,"policy":"deny","low_threshold":5}
{"sku":"S-50","location":"Attic","quantity":2}
{"sku":"S-100","location":"Cellar","quantity":-2,"policy":"backorder"}
{"sku":"S-2","location":"Cellar","quantity":-30,"policy":"untracked"}
"#;

async fn export(shop: &Shop, kind: Kind, name: &str) -> Vec<u8> {
    let path = shop.path(name);
    let exported = run(&shop.catalog, &shop.inventory, kind, Some(&path), |_| ()).await.expect("exported");
    assert_eq!(exported.unknown, 0);
    std::fs::read(path).expect("a file")
}

#[tokio::test]
async fn what_was_exported_makes_an_equal_shop() {
    let first = shop().await;
    let report = first.import_plain(Kind::Products, "p.ndjson", PRODUCTS.as_bytes()).await.expect("imported");
    assert_eq!((report.left_out, report.notes, report.count("products created")), (0, 0, 3));
    assert_eq!(report.count("categories, brands, attributes"), 4);
    first.import_plain(Kind::Stock, "s.ndjson", STOCK.as_bytes()).await.expect("imported");
    let before = business(&first).await;
    let kinds =
        |rows: &[String], kind: &str| rows.iter().filter(|row| row.starts_with(&format!("[\"{kind}\""))).count();
    let found: Vec<usize> = ["category", "product", "variant", "price", "listing", "level", "location"]
        .map(|kind| kinds(&before, kind))
        .to_vec();
    assert_eq!(found, [3, 3, 5, 4, 8, 4, 2], "{before:#?}");

    let second = shop().await;
    for (kind, name) in [(Kind::Products, "p.ndjson.gz"), (Kind::Stock, "s.ndjson"), (Kind::Prices, "r.ndjson")] {
        let file = export(&first, kind, name).await;
        let report = second.import_plain(kind, name, &file).await.expect("imported");
        assert_eq!((report.left_out, report.notes), (0, 0), "{name}");
        assert_eq!(report.count("prices changed"), 0, "the products brought them already");
    }
    assert_eq!(business(&second).await, before);
    for name in ["p.ndjson", "s.ndjson", "r.ndjson"].iter().zip([Kind::Products, Kind::Stock, Kind::Prices]) {
        assert_eq!(export(&first, name.1, name.0).await, export(&second, name.1, name.0).await);
    }
}

#[tokio::test]
async fn no_column_of_catalogue_and_stock_is_forgotten() {
    static COLUMNS: Sql = Sql::new(
        "tests::COLUMNS",
        "SELECT m.name || '.' || p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p
        WHERE m.type = 'table' AND (m.name LIKE 'catalog%' OR m.name LIKE 'inventory%') ORDER BY 1",
    );
    let source = include_str!("tests.rs");
    // The ledger, stocktakes, transfers and orders are how levels came to be, and who holds them.
    let history = ["movement", "stocktake", "transfer", "order", "reservation"].map(|noun| format!("inventory_{noun}"));
    let shop = shop().await;
    for column in shop.texts(&COLUMNS).await {
        let (table, name) = column.split_once('.').expect("a table and a column");
        let is_left_out = LEFT_OUT.contains(&name) || name.ends_with("_id") || table == "catalog_tree";
        if is_left_out && name != "external_id" || history.iter().any(|history| table.starts_with(history)) {
            continue;
        }
        assert!(source.contains(table), "{table}");
        assert!(source.contains(&format!(".{name}")) || source.contains(&format!(" {name}")), "{column}");
    }
}

/// Files of an export that has not ended.
fn parts(shop: &Shop) -> usize {
    let folder = std::fs::read_dir(shop.path("")).expect("the folder");
    folder.filter(|file| file.as_ref().is_ok_and(|file| file.path().extension().is_some_and(|e| e == "part"))).count()
}

#[tokio::test]
async fn an_export_is_whole_or_not_there_and_goes_page_by_page() {
    let shop = shop().await;
    let many: String = (0..250)
        .map(|n| {
            format!(
                "{{\"title\":\"Product {n}\",\"variants\":[{{\"sku\":\"p-{n}\",\"prices\":[{{\"amount\":{n}}}]}}]}}\n"
            )
        })
        .collect();
    shop.import_plain(Kind::Products, "many.ndjson", many.as_bytes()).await.expect("imported");
    let pages = std::sync::Mutex::new(Vec::new());
    let path = shop.path("out.ndjson");
    let seen = |lines| pages.lock().expect("no panic").push(lines);
    let exported = run(&shop.catalog, &shop.inventory, Kind::Products, Some(&path), seen).await.expect("exported");
    assert_eq!(exported.lines, 250);
    assert!(pages.into_inner().expect("no panic").windows(2).all(|pair| pair[1] - pair[0] <= 100));
    assert_eq!(parts(&shop), 0);
    let nowhere = shop.path("nowhere/out.ndjson");
    let refused = run(&shop.catalog, &shop.inventory, Kind::Products, Some(&nowhere), |_| ()).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("nowhere")));
    // What was exported before is there until the next is whole.
    static LOSE_PRICES: Sql = Sql::new("tests::LOSE_PRICES", "ALTER TABLE catalog_price RENAME TO catalog_lost");
    shop.db.write((), |tx, ()| Box::pin(async { tx.exec(&LOSE_PRICES, Vec::new()).await })).await.expect("lost");
    let before = std::fs::read(&path).expect("the first export");
    run(&shop.catalog, &shop.inventory, Kind::Prices, Some(&path), |_| ()).await.expect_err("there are no prices");
    assert_eq!(std::fs::read(&path).expect("the first export"), before);
    assert_eq!(parts(&shop), 0, "half an export is nowhere");
}
