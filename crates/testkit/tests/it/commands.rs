//! The binary's commands, as a person uses them.

use std::path::PathBuf;

use testkit::{Database, Process, souk};

fn in_repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

#[tokio::test]
async fn the_demo_sells_something_from_nothing() {
    let database = Database::sqlite();
    let demo = souk(&database, &[("SOUK_SERVER__LISTEN", "127.0.0.1:0")], &["demo", "--once"]);
    assert!(demo.status.success() && demo.stdout.contains("completed"), "{demo:#?}");
    database.remove().await;
}

#[tokio::test]
async fn a_database_is_brought_up_to_date_once() {
    let database = Database::sqlite();
    let first = souk(&database, &[], &["migrate"]);
    assert!(first.status.success() && !first.stdout.contains("\n0 migrations"), "{first:#?}");
    let second = souk(&database, &[], &["migrate"]);
    assert!(second.status.success() && second.stdout.starts_with("0 migrations applied"), "{second:#?}");
    database.remove().await;
}

const ROWS: &str = r#"{"id": 1, "title": "Sencha", "brand": "Kettle & Co", "description": "Green.", "price_cents": 990, "attrs": {"origin": "Uji"}}
{"id": 2, "title": "Assam", "brand": "Kettle & Co", "description": "Black.", "price_cents": 790, "attrs": {}}
{"id": 3, "title": "Nothing to pay with", "description": "", "attrs": {}}
this is no row
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_comes_in_once_and_is_for_sale() {
    let database = Database::sqlite();
    std::fs::write(database.folder().join("tea.ndjson"), ROWS).expect("a file in the test's folder");
    let map = in_repository("examples/maps/icecat.toml").display().to_string();
    let arguments = ["import", "tea.ndjson", "--map", &map, "--stock", "7"];
    let counts = |report: &str, what: &str| {
        report.lines().find_map(|line| line.trim().strip_prefix(what)?.split_whitespace().next()?.parse::<u64>().ok())
    };

    let first = souk(&database, &[], &arguments);
    assert_eq!((counts(&first.stdout, "created"), counts(&first.stdout, "refused")), (Some(3), Some(1)), "{first:#?}");
    let refusals =
        std::fs::read_to_string(database.folder().join("import-report.ndjson")).expect("a report of the refused rows");
    assert!(refusals.contains('4'), "it names line 4: {refusals}");
    let again = souk(&database, &[], &arguments);
    let changed =
        (counts(&again.stdout, "created"), counts(&again.stdout, "updated"), counts(&again.stdout, "unchanged"));
    assert_eq!(changed, (Some(0), Some(0), Some(3)), "{again:#?}");

    let process = Process::serve(&database, &[]).await;
    let list = process.client.get("/v1/products").await.must(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(3), "{list:#}");
    process.stop().await;
    database.remove().await;
}
