//! The maps of `examples/maps`, with files of the same shape.

use store::Sql;

use super::{Shop, counts, shop};
use crate::import::{Kind, Options, Report};

static PRODUCTS: Sql = Sql::new(
    "tests::PRODUCTS",
    "SELECT p.slug || ' | ' || p.title || ' | ' || COALESCE(b.name, '') || ' | ' || p.status || ' | ' || p.attributes
    || ' | ' || COALESCE((SELECT group_concat(c.path) FROM catalog_product_category pc JOIN catalog_category c
        ON c.id = pc.category_id WHERE pc.product_id = p.id), '')
    FROM catalog_product p LEFT JOIN catalog_brand b ON b.id = p.brand_id ORDER BY p.id",
);
static VARIANTS: Sql = Sql::new(
    "tests::VARIANTS",
    "SELECT v.sku || ' ' || v.options || ' ' || v.weight_g || ' ' || v.tax_class || ' ' || v.requires_shipping || ' '
    || COALESCE(v.length_mm || 'x' || v.width_mm || 'x' || v.height_mm, '-') || ' ' || v.status
    || COALESCE((SELECT ' ' || group_concat(pr.market || ' ' || pr.currency || ' ' || pr.amount_minor) FROM catalog_price pr
        WHERE pr.variant_id = v.id), '')
    FROM catalog_variant v ORDER BY v.product_id, v.position",
);
static IMAGES: Sql = Sql::new("tests::IMAGES", "SELECT images FROM catalog_product ORDER BY id");
static LEVELS: Sql = Sql::new(
    "tests::LEVELS",
    "SELECT v.sku || ' ' || p.name || ' ' || l.on_hand || ' ' || l.policy FROM inventory_level l
    JOIN catalog_variant v ON v.id = l.variant_id JOIN inventory_location p ON p.id = l.location_id ORDER BY v.sku",
);

const MAPS: [(&str, &str); 4] = [
    ("icecat", include_str!("../../../../../examples/maps/icecat.toml")),
    ("grocery", include_str!("../../../../../examples/maps/grocery.toml")),
    ("fashion", include_str!("../../../../../examples/maps/fashion.toml")),
    ("shopify", include_str!("../../../../../examples/maps/shopify.toml")),
];

async fn import(shop: &Shop, map: &str, name: &str, text: &str) -> Report {
    let (_, text_map) = MAPS.iter().find(|(name, _)| *name == map).expect("a map");
    let report = shop.import_by(text_map, name, text.as_bytes()).await.expect("imported");
    let before = shop.everything().await;
    let again = shop.import_by(text_map, name, text.as_bytes()).await.expect("imported");
    assert_eq!(again.count("products unchanged"), report.count("products created"));
    assert_eq!(shop.everything().await, before, "the same again changes nothing");
    report
}

#[tokio::test]
async fn icecat() {
    let shop = shop().await;
    let text = r#"{"id":"9","title":"Ink 80","brand":"HP","description":"d","ean":["1","2"],"price_cents":12595,"image":"http://i/1.jpg","thumb":"http://i/2.jpg","released":"2006-07-01","attrs":{"type":"Dye","colour":true,"quantity":1.0,"package_width":114.0,"package_depth":56.0,"package_height":226.0,"package_weight":450.4}}
{"id":"10","title":"Ink 81","brand":"HP","ean":[],"price_cents":7,"attrs":{}}"#;
    let report = import(&shop, "icecat", "a.ndjson", text).await;
    assert_eq!(counts(&report), [2, 0, 0, 0, 0]);
    let products = shop.texts(&PRODUCTS).await;
    assert!(
        products[0].starts_with("ink-80-9 | Ink 80 | HP | active | {\"colour\":true,\"ean\":\"1, 2\","),
        "{products:?}"
    );
    let variants = [
        "icecat-9 {} 450 standard 1 56x114x226 active default EUR 12595",
        "icecat-10 {} 0 standard 1 - active default EUR 7",
    ];
    assert_eq!(shop.texts(&VARIANTS).await, variants);
    assert_eq!(shop.texts(&IMAGES).await[0], r#"[{"url":"http://i/1.jpg"},{"url":"http://i/2.jpg"}]"#);
}

#[tokio::test]
async fn grocery() {
    let shop = shop().await;
    let text = r#"{"product_id":"1","manufacturer_id":"2","department":"GROCERY","brand":"National","product_category":"FRZN ICE","product_type":"ICE - CUBED","package_size":"22 LB","price_usd":1.09}
{"product_id":"2","manufacturer_id":"2","department":"DRUG GM","brand":"Private","product_category":"SOAP","product_type":"SOAP - BAR","package_size":null,"price_usd":null}
{"product_id":"3","manufacturer_id":"2","department":"MISCELLANEOUS","brand":"National","product_category":null,"product_type":null,"package_size":null,"price_usd":1.5}"#;
    let report = import(&shop, "grocery", "a.ndjson", text).await;
    assert_eq!(counts(&report), [3, 0, 0, 1, 0]);
    let products = [
        r#"ice-cubed-22-lb-1 | ICE - CUBED 22 LB | National | active | {"Package size":"22 LB"} | grocery/frzn-ice/ice-cubed"#,
        "soap-bar-2 | SOAP - BAR | Private | active | {} | drug-gm/soap/soap-bar",
        "miscellaneous-3-3 | MISCELLANEOUS 3 | National | active | {} | miscellaneous",
    ];
    assert_eq!(shop.texts(&PRODUCTS).await, products);
    let variants = [
        "cj-1 {} 0 reduced 1 - active us USD 109",
        "cj-2 {} 0 standard 1 - active",
        "cj-3 {} 0 reduced 1 - active us USD 150",
    ];
    assert_eq!(shop.texts(&VARIANTS).await, variants);
}

#[tokio::test]
async fn fashion() {
    let shop = shop().await;
    let text = r#"{"id":"7","handle":"cover-up","title":"Cover-Up","url":"https://l/p","product_type":"Swimwear","category_full_path":"Clothing > Swimwear > Cover Ups","tags":"beach | boho","description":"d","price_min_usd":28.99,"price_max_usd":30.0,"in_stock_any":true,"variant_count":3,"image_count":8,"featured_image_url":"https://l/a.webp?v=1","review_count":7.0,"review_rating":4.9,"created_at":"2025-05-16T14:22:02Z","updated_at":"2026-05-12T11:36:24Z"}
{"id":"8","handle":"hat","title":"Hat","url":"https://l/q","product_type":"Hats","category_full_path":null,"tags":"","description":"","price_min_usd":5.0,"price_max_usd":5.0,"featured_image_url":null,"review_count":null,"review_rating":null,"updated_at":"x"}"#;
    let report = import(&shop, "fashion", "a.ndjson", text).await;
    assert_eq!(counts(&report), [2, 0, 0, 0, 0]);
    let products = [
        r#"cover-up | Cover-Up |  | active | {"Kind":"Swimwear","Review rating":4.9,"Reviews":7.0,"Tags":"beach, boho"} | clothing/swimwear/cover-ups"#,
        r#"hat | Hat |  | active | {"Kind":"Hats"} | hats"#,
    ];
    assert_eq!(shop.texts(&PRODUCTS).await, products);
    assert_eq!(shop.texts(&IMAGES).await, [r#"[{"url":"https://l/a.webp?v=1","alt":"Cover-Up"}]"#, "[]"]);
    assert_eq!(shop.texts(&VARIANTS).await[0], "livo-7 {} 0 standard 1 - active us USD 2899");
}

const SHOPIFY: &str = "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Option1 Linked To,Option2 Name,Option2 Value,Option2 Linked To,Option3 Name,Option3 Value,Option3 Linked To,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Fulfillment Service,Variant Price,Variant Compare At Price,Variant Requires Shipping,Variant Taxable,Variant Barcode,Image Src,Image Position,Image Alt Text,Gift Card,SEO Title,SEO Description,Variant Image,Variant Weight Unit,Variant Tax Code,Cost per item,Status
linen-shirt,Linen shirt,\"<p>Woven, not printed</p>\",Souk Weavers,Apparel > Shirts,Shirt,\"linen, summer\",TRUE,Size,S,,Colour,Sand,,,,,SHIRT-S,210,shopify,12,deny,manual,39.90,49.90,TRUE,TRUE,4000001,https://c/1.jpg,1,Front,FALSE,Linen shirt,,https://c/s.jpg,kg,,18.00,active
linen-shirt,,,,,,,,,M,,,Sand,,,,,SHIRT-M,230,shopify,0,continue,manual,39.90,,TRUE,TRUE,4000002,https://c/2.jpg,2,Back,,,,https://c/m.jpg,kg,,18.00,
linen-shirt,,,,,,,,,L,,,Sand,,,,,,250,shopify,3,deny,manual,41.00,,TRUE,TRUE,,,,,,,,,kg,,18.00,
linen-shirt,,,,,,,,,,,,,,,,,,,,,,,,,,,,https://c/3.jpg,3,Label,,,,,,,,
gift-card,Gift card,,Souk,,Gift Cards,,TRUE,Title,Default Title,,,,,,,,GIFT,0,,,deny,gift_card,25.00,,FALSE,FALSE,,,,,TRUE,,,,g,,,draft
";

/// The names that exports have since 2025.
const SHOPIFY_SINCE: &str = "Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,SKU,Barcode,Option1 name,Option1 value,Option1 Linked To,Option2 name,Option2 value,Option2 Linked To,Option3 name,Option3 value,Option3 Linked To,Price,Compare-at price,Cost per item,Charge tax,Tax code,Inventory tracker,Inventory quantity,Continue selling when out of stock,Weight value (grams),Weight unit for display,Requires shipping,Fulfillment service,Product image URL,Image position,Image alt text,Variant image URL,Gift card,SEO title,SEO description
Wool cap,wool-cap,Warm.,Souk,Apparel > Hats,Hat,,TRUE,Active,CAP-1,,Colour,Grey,,,,,,,,15.00,,,TRUE,,shopify,4,DENY,90,g,TRUE,manual,https://c/cap.jpg,1,A cap,,FALSE,,
,wool-cap,,,,,,,,CAP-2,,,Black,,,,,,,,15.00,,,TRUE,,shopify,5,CONTINUE,90,g,TRUE,manual,,,,,,,
";

#[tokio::test]
async fn shopify() {
    let shop = shop().await;
    let report = import(&shop, "shopify", "products_export.csv", SHOPIFY).await;
    assert_eq!((report.rows, counts(&report)), (5, [2, 0, 0, 0, 0]), "{:?}", shop.faults());
    let products = [
        r#"linen-shirt | Linen shirt | Souk Weavers | active | {"Kind":"Shirt","Tags":"linen, summer"} | apparel/shirts"#,
        r#"gift-card | Gift card | Souk | draft | {"Kind":"Gift Cards"} | gift-cards"#,
    ];
    assert_eq!(shop.texts(&PRODUCTS).await, products);
    let variants = [
        r#"SHIRT-S {"Colour":"Sand","Size":"S"} 210 standard 1 - active default EUR 3990"#,
        r#"SHIRT-M {"Colour":"Sand","Size":"M"} 230 standard 1 - active default EUR 3990"#,
        r#"linen-shirt L Sand {"Colour":"Sand","Size":"L"} 250 standard 1 - active default EUR 4100"#,
        "GIFT {} 0 zero 0 - active default EUR 2500",
    ];
    assert_eq!(shop.texts(&VARIANTS).await, variants);
    let images = r#"[{"url":"https://c/1.jpg","alt":"Front"},{"url":"https://c/2.jpg","alt":"Back"},{"url":"https://c/3.jpg","alt":"Label"}]"#;
    assert_eq!(shop.texts(&IMAGES).await, [images, "[]"]);
    let stock = Options {
        kind: Kind::Stock,
        map: Some(shop.path("other.toml")),
        ..shop.options("products_export.csv", SHOPIFY.as_bytes())
    };
    let report = shop.run(stock).await.expect("imported");
    assert_eq!(shop.faults(), ["6 missing stock.quantity"], "the gift card is not counted");
    assert_eq!(report.count("stock levels changed"), 3);
    assert_eq!(
        shop.texts(&LEVELS).await,
        ["SHIRT-M main 0 backorder", "SHIRT-S main 12 deny", "linen-shirt L Sand main 3 deny"]
    );
}

#[tokio::test]
async fn shopify_with_the_names_since_2025() {
    let shop = shop().await;
    let report = import(&shop, "shopify", "a.csv", SHOPIFY_SINCE).await;
    assert_eq!(counts(&report), [1, 0, 0, 0, 0], "{:?}", shop.report());
    assert_eq!(shop.texts(&PRODUCTS).await, [r#"wool-cap | Wool cap | Souk | active | {"Kind":"Hat"} | apparel/hats"#]);
    let variants = [
        r#"CAP-1 {"Colour":"Grey"} 90 standard 1 - active default EUR 1500"#,
        r#"CAP-2 {"Colour":"Black"} 90 standard 1 - active default EUR 1500"#,
    ];
    assert_eq!(shop.texts(&VARIANTS).await, variants);
}

#[tokio::test]
async fn variants_that_a_file_has_no_more_are_taken_out_and_come_back() {
    let shop = shop().await;
    import(&shop, "shopify", "a.csv", SHOPIFY_SINCE).await;
    let map = std::fs::read_to_string(shop.path("other.toml")).expect("a map");
    let fewer = SHOPIFY_SINCE.lines().take(2).collect::<Vec<_>>().join("\n");
    let report = shop.import_by(&map, "a.csv", fewer.as_bytes()).await.expect("imported");
    assert_eq!(counts(&report)[..2], [0, 1]);
    let variants = shop.texts(&VARIANTS).await;
    assert!(variants[0].starts_with("CAP-1") && variants[0].contains(" active "), "{variants:?}");
    assert!(variants[1].starts_with("CAP-2") && variants[1].contains(" archived "), "{variants:?}");
    shop.import_by(&map, "a.csv", SHOPIFY_SINCE.as_bytes()).await.expect("imported");
    assert!(shop.texts(&VARIANTS).await.iter().all(|variant| variant.contains(" active ")));
}

/// SKU, id and status of each variant.
static IDENTITIES: Sql =
    Sql::new("tests::IDENTITIES", "SELECT sku || ' ' || hex(id) || ' ' || status FROM catalog_variant ORDER BY id");

const GROUPED: &str = r#"
    source = "test"
    [rows]
    group = "{id}"
    [product]
    id = "{id}"
    title = "{id}"
    [variant]
    sku = "{sku}"
    options = [{ name = "Size", value = "{sku}" }]
    price = { from = "{price}", unit = "major" }
"#;

#[tokio::test]
async fn a_variant_whose_row_is_wrong_stays_as_it_is() {
    let shop = shop().await;
    let import = async |csv: &str| {
        let report = shop.import_by(GROUPED, "a.csv", format!("id,sku,price\n{csv}").as_bytes()).await;
        report.expect("imported");
        shop.faults()
    };
    import("1,A,1\n2,B,1\n2,C,1\n3,D,1\n3,E,1\n4,F,1\n4,G,1\n").await;
    let before = shop.texts(&IDENTITIES).await;
    assert_eq!(before.len(), 7);
    // A's row is wrong, and there is a new one: it is not A under another name.
    let told = import("1,A,cheap\n1,NEW,2\n2,B,cheap\n2,C,1\n3,D,1\n3,E\n4,F,1\n,G,1\n").await;
    let expected =
        ["2 bad_price variant.price", "4 bad_price variant.price", "7 wrong_field_count -", "9 missing rows.group"];
    assert_eq!(told, expected);
    let after = shop.texts(&IDENTITIES).await;
    assert_eq!(after[..7], before, "what can't be read is neither gone nor another");
    assert!(after.len() == 8 && after[7].starts_with("NEW ") && after[7].ends_with(" active"), "{after:?}");
    // An SKU that comes twice in the file is told, and nothing happens to the one that has it.
    assert_eq!(import("9,C,1\n2,B,1\n2,C,1\n").await, ["2 sku_taken variants.sku", "4 duplicate_sku variant.sku"]);
    assert_eq!(shop.texts(&IDENTITIES).await, after);
    // The same rows without a word of E: now it is gone.
    import("3,D,1\n").await;
    let gone: Vec<String> = shop.texts(&IDENTITIES).await.into_iter().filter(|it| it.ends_with("archived")).collect();
    assert!(gone.len() == 1 && gone[0].starts_with("E "), "{gone:?}");
}

#[tokio::test]
async fn rows_without_a_group_are_no_group() {
    let shop = shop().await;
    let csv = "id,sku,price\n1,A,1\n,B,1\n,C,1\n,D,1\n2,E,1\n";
    let report = shop.import_by(GROUPED, "a.csv", csv.as_bytes()).await.expect("imported");
    assert_eq!(shop.faults(), ["3 missing rows.group", "4 missing rows.group", "5 missing rows.group"]);
    assert_eq!(counts(&report), [2, 0, 0, 0, 3]);
}

#[tokio::test]
async fn variants_may_be_nested_in_a_row() {
    let shop = shop().await;
    let map = r#"
        source = "erp"
        decimal = "comma"
        [rows]
        variants = "articles"
        [product]
        id = "{no}"
        title = "{name}"
        [product.attributes]
        Width = { from = "{width}", type = "number" }
        Washable = { from = "{wash}", type = "boolean" }
        [variant]
        id = "{row.no}/{no}"
        sku = "{no}"
        options = [{ name = "Size", value = "{size}" }]
        price = { from = "{price}", unit = "major" }
        prices = [{ from = "{usd}", unit = "minor", market = "us" }]
        weight = { from = "{kg}", unit = "kg" }
        size = { length = "{l}", width = "{l}", height = "{l}", unit = "in" }
    "#;
    let text = r#"{"no":"P1","name":"Rug","width":"1,5","wash":"yes","articles":[{"no":"A1","size":"S","price":"10,50","usd":1100,"kg":"1,2","l":"10"},{"no":"A2","size":"L","price":"20"}]}
{"no":"P2","name":"No articles","articles":[]}
{"no":"P3","name":"A bad one","articles":[{"no":"A3","size":"S","price":"1"},{"no":"A4","size":"M","price":"?"}]}
{"no":"P4","name":"The same options twice","articles":[{"no":"A5","size":"S"},{"no":"A6","size":"S"}]}"#;
    let report = shop.import_by(map, "a.json", text.as_bytes()).await.expect("imported");
    assert_eq!(shop.faults(), ["2 missing variant.sku", "3 bad_price variant.price", "4 bad_options variants.options"]);
    assert_eq!(counts(&report), [1, 0, 0, 0, 3]);
    let variants = [
        r#"A1 {"Size":"S"} 1200 standard 1 254x254x254 active default EUR 1050,us USD 1100"#,
        r#"A2 {"Size":"L"} 0 standard 1 - active default EUR 2000"#,
    ];
    assert_eq!(shop.texts(&VARIANTS).await, variants);
    assert!(shop.texts(&PRODUCTS).await[0].contains(r#"{"Washable":true,"Width":1.5}"#));
}
