//! Every kind of fault, in one file: each is told with its line, and stops nothing.

use super::{counts, shop};

const MAP: &str = r#"
    source = "test"
    [product]
    id = "{id}"
    title = "{title} {kind}"
    description = "{text}"
    categories = ["{path}"]
    images = ["{image}"]
    attributes_from = "attrs"
    [variant]
    sku = "{sku}"
    price = { from = "{price}", unit = "major", currency = "{currency}" }
    weight = { from = "{weight}", unit = "{unit}" }
    origin = "{origin}"
    requires_shipping = "{ships}"
    tax_class = "{tax}"
"#;

/// What a row is, and what is told of it.
const ROWS: &[(&str, &str)] = &[
    (r#"{"id":1,"sku":"a","title":"First","price":"1","attrs":{"size":1}}"#, ""),
    (r#"{"id":2,"sku":"b","title":"No price"}"#, ""),
    (r#"{"id":3,"sku":"c","price":"1"}"#, "missing title"),
    (r#"{"sku":"d","title":"No id"}"#, "missing id"),
    (r#"{"id":5,"title":"No SKU"}"#, "missing sku"),
    (r#"{"id":6,"sku":"f","title":"x","price":"cheap"}"#, "bad_price variant.price"),
    (r#"{"id":7,"sku":"g","title":"x","price":"-1"}"#, "bad_price variant.price"),
    (r#"{"id":8,"sku":"h","title":"x","price":"1.999"}"#, "bad_price variant.price"),
    (r#"{"id":9,"sku":"i","title":"x","price":"90000000000000"}"#, "bad_price variants.prices"),
    (r#"{"id":10,"sku":"j","title":"x","price":"1","currency":"JPY"}"#, "bad_currency variant.price"),
    (r#"{"id":11,"sku":"k","title":"x","price":"1","currency":"money"}"#, "bad_currency variant.price"),
    (r#"{"id":12,"sku":"a","title":"The SKU of 1"}"#, "duplicate_sku variant.sku"),
    (r#"{"id":1,"sku":"m","title":"The id of 1"}"#, "duplicate_id product.id"),
    (r#"{"id":14,"sku":"taken","title":"The SKU of another product"}"#, "sku_taken variants.sku"),
    (r#"{"id":15,"#, "not_json -"),
    (r#"[15]"#, "not_an_object -"),
    ("{\"id\":17,\"sku\":\"q\",\"title\":\"\u{0}\"}", "not_json -"),
    (r#"{"id":18,"sku":"r","title":"\u0000"}"#, "forbidden_character title"),
    (r#"{"id":19,"sku":"LONG","title":"x"}"#, "too_long variants.sku"),
    (r#"{"id":20,"sku":"t","title":"LONG"}"#, "too_long title"),
    (r#"{"id":21,"sku":"u","title":"x","weight":"heavy","unit":"g"}"#, "bad_weight variant.weight"),
    (r#"{"id":22,"sku":"v","title":"x","weight":"1","unit":"stone"}"#, "bad_weight variant.weight"),
    (r#"{"id":23,"sku":"w","title":"x","origin":"Austria"}"#, "bad_value variants.origin"),
    (r#"{"id":24,"sku":"x","title":"x","ships":"perhaps"}"#, "bad_value variant.requires_shipping"),
    (r#"{"id":25,"sku":"y","title":"x","tax":"Some class"}"#, "bad_value variant.tax_class"),
    (r#"{"id":26,"sku":"z","title":"x","path":"1>2>3>4>5>6>7>8>9>10>11"}"#, "too_many categories"),
    (r#"{"id":27,"sku":"za","title":"x","attrs":7}"#, "bad_value attributes"),
    (r#"{"id":28,"sku":"zb","title":"x","image":"a picture"}"#, "bad_image images (in)"),
    (r#"{"id":29,"sku":"zc","title":"x","attrs":{"size":"wide"}}"#, "bad_attribute attributes (in)"),
    (r#"{"id":30,"sku":"zd","title":"x","attrs":{"a:b":1}}"#, "bad_attribute attributes (in)"),
    (r#"{"id":31,"sku":"ze","title":"Last","kind":"row","price":"2.50","currency":"usd"}"#, ""),
];

#[tokio::test]
async fn each_bad_row_is_told_with_its_line_and_stops_nothing() {
    let shop = shop().await;
    shop.import("first.ndjson", br#"{"id":99,"title":"Another"}"#).await.expect("imported");
    let other = super::MAP.replace("t-{id}", "taken");
    assert!(other.contains("taken"));
    let map = r#"
        source = "elsewhere"
        [product]
        id = "{id}"
        title = "{id}"
        [variant]
        sku = "{sku}"
    "#;
    shop.import_by(map, "taken.ndjson", br#"{"id":1,"sku":"taken"}"#).await.expect("imported");
    let lines: Vec<String> = ROWS.iter().map(|(row, _)| row.replace("LONG", &"x".repeat(301))).collect();
    let mut bytes = lines.join("\n").into_bytes();
    bytes.extend(b"\n{\"id\":32,\"title\":\"\xe9\"}\n");
    let report = shop.import_by(MAP, "bad.ndjson", &bytes).await.expect("imported");
    let told = ROWS.iter().zip(1..).filter(|((_, told), _)| !told.is_empty());
    let mut expected: Vec<String> = told.map(|((_, told), line)| format!("{line} {told}")).collect();
    expected.push(format!("{} not_utf8 -", ROWS.len() + 1));
    assert_eq!(shop.faults(), expected);
    assert_eq!(counts(&report), [6, 0, 0, 4, expected.len() as u64 - 3]);
    assert_eq!((report.rows, report.notes), (ROWS.len() as u64 + 1, 3));
    let first = shop.report().remove(0);
    assert_eq!(first["text"], "title is missing");
    // The product 29 is not all in: it is told again.
    let before = shop.everything().await;
    let again = shop.import_by(MAP, "bad.ndjson", &bytes).await.expect("imported");
    assert_eq!(counts(&again)[..3], [0, 0, 6]);
    assert_eq!(shop.faults(), expected);
    assert_eq!(shop.everything().await, before);
}

#[tokio::test]
async fn rows_of_a_table_that_are_cut_or_of_another_encoding_are_told() {
    let shop = shop().await;
    let csv = b"id,title,brand,price\n1,One,,1\n2,short\n3,\"T\xe9\",,1\n4,Four,,1\n";
    let report = shop.import("a.csv", csv).await.expect("imported");
    assert_eq!(shop.faults(), ["3 wrong_field_count -", "4 not_utf8 -"]);
    assert_eq!(counts(&report), [2, 0, 0, 0, 2]);
    // A clean import afterwards leaves no old faults behind.
    shop.import("b.csv", b"id,title,brand,price\n1,One,,1\n").await.expect("imported");
    assert!(shop.faults().is_empty());
}
