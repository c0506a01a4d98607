//! Files into a shop and out of it again, by the real commands, on both databases.

use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::{Database, Ended, Process, Topology, souk};

const PATIENCE: Duration = Duration::from_secs(25);

/// Two markets.
const SETTINGS: &str =
    "[markets.us]\ncurrency = \"USD\"\ncountries = [\"US\"]\nlocale = \"en\"\ntax_inclusive = false\n";

/// Each story once on each database.
macro_rules! on_both {
    ($($story:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() { super::$story(testkit::Topology::Sqlite).await; })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() { super::$story(testkit::Topology::Postgres).await; })*
        }
    };
}

on_both! {
    an_import_comes_in_once_and_is_for_sale
    a_running_shop_shows_what_is_imported
    lists_of_stock_and_prices_come_in_the_same_way
    what_a_shop_exports_makes_another_one_equal
    an_unreadable_file_changes_nothing
    an_import_that_was_killed_goes_on_where_it_stopped
}

async fn shop(topology: Topology) -> Database {
    let database = topology.database().await;
    std::fs::write(database.folder().join("souk.toml"), SETTINGS).expect("a file in the test's folder");
    database
}

fn map(name: &str) -> String {
    let path = testkit::repository().join("examples/maps").join(name);
    path.canonicalize().expect("a map of the examples").display().to_string()
}

fn write(database: &Database, name: &str, text: &str) {
    std::fs::write(database.folder().join(name), text).expect("a file in the test's folder");
}

fn read(database: &Database, name: &str) -> String {
    std::fs::read_to_string(database.folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A number of the summary that the command prints.
fn count(ended: &Ended, what: &str) -> u64 {
    let line = ended.stdout.lines().find_map(|line| line.trim().strip_prefix(what));
    line.and_then(|rest| rest.trim().parse().ok()).unwrap_or_else(|| panic!("no `{what}` in {ended:#?}"))
}

/// `(created, updated, unchanged)`
fn products(ended: &Ended) -> (u64, u64, u64) {
    (count(ended, "products created"), count(ended, "products updated"), count(ended, "products unchanged"))
}

/// Everything that can be exported, as it lies in the file.
fn exported(database: &Database) -> [String; 3] {
    ["products", "stock", "prices"].map(|kind| {
        let ended = souk(database, &[], &["export", kind, "export.ndjson"]);
        assert!(ended.status.success(), "{ended:#?}");
        read(database, "export.ndjson")
    })
}

async fn titles(process: &Process, path: &str) -> Vec<String> {
    let list = process.client.get(path).await.must(200);
    let mut titles: Vec<String> =
        list["items"].as_array().expect("a list").iter().map(|item| text(&item["title"])).collect();
    titles.sort();
    titles
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

const TEAS: &str = r#"{"id": 1, "title": "Sencha", "brand": "Kettle & Co", "description": "Green.", "price_cents": 990, "attrs": {"origin": "Uji"}}
{"id": 2, "title": "Assam", "brand": "Kettle & Co", "description": "Black.", "price_cents": 790, "attrs": {}}
{"id": 3, "title": "Nothing to pay with", "description": "", "attrs": {}}
this is no row
{"id": 5, "title": "", "price_cents": 100, "attrs": {}}
{"id": 6, "title": "Cheap", "price_cents": "cheap", "attrs": {}}
"#;

async fn an_import_comes_in_once_and_is_for_sale(topology: Topology) {
    let database = shop(topology).await;
    write(&database, "tea.ndjson", TEAS);
    let arguments = ["import", "products", "tea.ndjson", "--map", &map("icecat.toml"), "--stock", "7"];
    let first = souk(&database, &[], &arguments);
    assert_eq!(first.status.code(), Some(3), "rows were left out: {first:#?}");
    assert_eq!((products(&first), count(&first, "rows left out")), ((3, 0, 0), 3), "{first:#?}");
    assert_eq!((count(&first, "variants without price"), count(&first, "stock levels changed")), (1, 3), "{first:#?}");
    let faults: Vec<Value> = read(&database, "import-report.ndjson")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let told: Vec<_> = faults.iter().map(|fault| (fault["line"].as_u64(), fault["code"].as_str())).collect();
    assert_eq!(told, [(Some(4), Some("not_json")), (Some(5), Some("missing")), (Some(6), Some("bad_price"))]);
    let before = exported(&database);
    let again = souk(&database, &[], &arguments);
    assert_eq!((products(&again), count(&again, "stock levels changed")), ((0, 0, 3), 0), "{again:#?}");
    assert_eq!(exported(&database), before);

    let process = Process::serve(&database, &[]).await;
    assert_eq!(titles(&process, "/v1/products").await, ["Assam", "Sencha"], "what has no price is not listed");
    process.stop().await;
    database.remove().await;
}

async fn a_running_shop_shows_what_is_imported(topology: Topology) {
    let database = shop(topology).await;
    let process = Process::serve(&database, &[]).await;
    assert!(titles(&process, "/v1/products").await.is_empty());
    write(&database, "tea.ndjson", TEAS.lines().take(2).collect::<Vec<_>>().join("\n").as_str());
    let import =
        souk(&database, &[], &["import", "products", "tea.ndjson", "--map", &map("icecat.toml"), "--stock", "7"]);
    assert!(import.status.success(), "{import:#?}");
    let begun = Instant::now();
    loop {
        // The list that was shown before is forgotten, and the stock is heard of.
        let list = process.client.get("/v1/products?in_stock=true").await.must(200);
        if list["items"].as_array().is_some_and(|items| items.len() == 2) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "after {PATIENCE:?} the list is {list:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    process.stop().await;
    database.remove().await;
}

const SHIRTS: &str = "Handle,Title,Vendor,Type,Tags,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value,Variant SKU,Variant Grams,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Image Src,Status
linen-shirt,Linen shirt,Souk Weavers,Shirts,\"linen, summer\",Size,S,,,,,SHIRT-S,210,4,deny,39.90,https://cdn.example/1.jpg,active
linen-shirt,,,,,,M,,,,,SHIRT-M,230,0,continue,39.90,https://cdn.example/2.jpg,
wool-cap,Wool cap,Souk Weavers,Hats,,Title,Default Title,,,,,CAP,90,2,deny,15.00,,active
";

async fn lists_of_stock_and_prices_come_in_the_same_way(topology: Topology) {
    let database = shop(topology).await;
    write(&database, "products_export.csv", SHIRTS);
    let by_map = map("shopify.toml");
    let run = |arguments: &[&str]| souk(&database, &[], arguments);
    let import = run(&["import", "products", "products_export.csv", "--map", &by_map]);
    assert_eq!((products(&import), import.status.success()), ((2, 0, 0), true), "{import:#?}");
    let stock = run(&["import", "stock", "products_export.csv", "--map", &by_map, "--location", "Vienna"]);
    assert_eq!((count(&stock, "stock levels changed"), stock.status.success()), (3, true), "{stock:#?}");
    write(
        &database,
        "prices.csv",
        "sku,market,currency,amount\nSHIRT-S,us,USD,4400\nSHIRT-M,us,EUR,1\nNONE,us,USD,1\n",
    );
    let prices = run(&["import", "prices", "prices.csv"]);
    assert_eq!((count(&prices, "prices changed"), prices.status.code()), (1, Some(3)), "{prices:#?}");
    let report = read(&database, "import-report.ndjson");
    assert!(report.contains("bad_currency") && report.contains("unknown_sku"), "{report}");
    let again = run(&["import", "prices", "prices.csv"]);
    assert_eq!((count(&again, "prices changed"), count(&again, "prices unchanged")), (0, 1), "{again:#?}");

    let process = Process::serve(&database, &[]).await;
    let shirt = process.client.get("/v1/products/linen-shirt?market=us").await.must(200);
    assert_eq!(
        (&shirt["variants"][0]["price"]["amount"], &shirt["variants"][1]["price"]),
        (&4400.into(), &Value::Null)
    );
    assert_eq!(titles(&process, "/v1/products?category=shirts").await, ["Linen shirt"]);
    let options: Vec<&Value> =
        shirt["variants"].as_array().expect("variants").iter().map(|v| &v["options"]["Size"]).collect();
    assert_eq!(options, ["S", "M"]);
    process.stop().await;
    database.remove().await;
}

async fn what_a_shop_exports_makes_another_one_equal(topology: Topology) {
    let database = shop(topology).await;
    write(&database, "products_export.csv", SHIRTS);
    let by_map = map("shopify.toml");
    for kind in ["products", "stock"] {
        let import = souk(&database, &[], &["import", kind, "products_export.csv", "--map", &by_map]);
        assert!(import.status.success(), "{import:#?}");
    }
    // What only the own format says: drafts, archived ones, descriptions of categories, two markets, thresholds.
    write(
        &database,
        "more.ndjson",
        concat!(
            r#"{"kind":"category","titles":["Shirts","Linen"],"slug":"all-linen","description":"Cool.","position":9}"#,
            "\n",
            r#"{"kind":"attribute","key":"fabric","label":"Fabric","type":"text","filterable":false}"#,
            "\n",
            r#"{"title":"Draft","categories":["all-linen"],"attributes":{"fabric":"linen"},"variants":[{"sku":"DRAFT","prices":[{"amount":100},{"market":"us","amount":120}]}]}"#,
            "\n",
            r#"{"title":"Gone","status":"archived","variants":[{"sku":"GONE"},{"sku":"GONE-2","status":"archived"}]}"#,
            "\n",
        ),
    );
    write(
        &database,
        "more-stock.ndjson",
        concat!(
            r#"{"kind":"location","name":"Newark","country":"US","priority":7}"#,
            "\n",
            r#"{"sku":"DRAFT","location":"Newark","quantity":3,"low_threshold":5}"#,
            "\n",
        ),
    );
    for arguments in [["import", "products", "more.ndjson"], ["import", "stock", "more-stock.ndjson"]] {
        let import = souk(&database, &[], &arguments);
        assert!(import.status.success(), "{import:#?}");
    }
    let before = exported(&database);
    assert!(before[0].lines().count() >= 8 && before[1].lines().count() >= 5 && before[2].lines().count() >= 5);

    // The other database: what one gives, the other takes.
    let other = shop(if topology.is_postgres() { Topology::Sqlite } else { Topology::Postgres }).await;
    for (kind, lines) in ["products", "stock", "prices"].iter().zip(&before) {
        write(&other, "in.ndjson", lines);
        let import = souk(&other, &[], &["import", kind, "in.ndjson"]);
        assert!(import.status.success(), "{import:#?}");
    }
    assert_eq!(exported(&other), before);
    other.remove().await;
    database.remove().await;
}

async fn an_unreadable_file_changes_nothing(topology: Topology) {
    let database = shop(topology).await;
    let by_map = map("icecat.toml");
    write(&database, "tea.ndjson", TEAS);
    souk(&database, &[], &["import", "products", "tea.ndjson", "--map", &by_map]);
    let before = exported(&database);
    write(&database, "not.ndjson.gz", TEAS);
    write(&database, "text.ndjson", "title,price\nSencha,9.90\n");
    write(&database, "broken.json", "[{\"id\": 9, \"title\": \"Nine\", \"price_cents\": 1, \"attrs\": {}},");
    std::fs::write(database.folder().join("utf16.csv"), b"\xff\xfei\0d\0").expect("a file in the test's folder");
    write(&database, "wrong.toml", "source = \"x\"\n[product]\nid = \"{id}\"\ntitel = \"{title}\"\n");
    for (file, by, expected) in [
        ("none.ndjson", &*by_map, "none.ndjson"),
        ("not.ndjson.gz", &by_map, "is not gzip"),
        ("text.ndjson", &by_map, "not one row of it can be read"),
        ("broken.json", &by_map, "ends within its array"),
        ("utf16.csv", &by_map, "UTF-16"),
        ("tea.ndjson", "wrong.toml", "titel"),
        ("tea.ndjson", &map("grocery.toml").replace("grocery", "none"), "none.toml"),
    ] {
        let ended = souk(&database, &[], &["import", "products", file, "--map", by]);
        assert_eq!(ended.status.code(), Some(1), "{file}: {ended:#?}");
        assert!(ended.stderr.contains(expected), "{file}: {ended:#?}");
    }
    assert_eq!(exported(&database), before);
    database.remove().await;
}

async fn an_import_that_was_killed_goes_on_where_it_stopped(topology: Topology) {
    let database = shop(topology).await;
    let row = |id: u32| {
        let (kind, price) = (id % 7, id * 10);
        format!(
            "{{\"id\": {id}, \"title\": \"Product {id}\", \"brand\": \"Brand {kind}\", \"price_cents\": {price}, \"attrs\": {{\"kind\": {kind}}}}}\n"
        )
    };
    write(&database, "many.ndjson", &(0..2_100).map(row).collect::<String>());
    let arguments = ["import", "products", "many.ndjson", "--map", &map("icecat.toml"), "--stock", "2"];
    let killed = souk(&database, &[("FAILPOINTS", "import.batch_taken=2*off->return")], &arguments);
    assert!(killed.is_killed(), "{killed:#?}");
    let again = souk(&database, &[], &arguments);
    assert!(again.status.success(), "{again:#?}");
    assert_eq!(products(&again), (600, 0, 1_500), "{again:#?}");
    assert_eq!(count(&again, "stock levels changed"), 600, "{again:#?}");
    let (products, stock) = (&exported(&database)[0], &exported(&database)[1]);
    assert_eq!(products.lines().filter(|line| line.contains("\"variants\"")).count(), 2_100);
    assert_eq!(stock.lines().filter(|line| line.contains("\"quantity\":2")).count(), 2_100);
    database.remove().await;
}
