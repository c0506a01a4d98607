//! Small files into a throw-away shop.

mod bad_rows;
mod lists;
mod maps;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use platform::auth::Identity;
use platform::calls::Peers;
use platform::{Config, Ctx, Process};
use store::{Clock, Db, Ids, Sql, migrate};

use super::{ImportError, Kind, Options, Progress, Report, run};

pub const MAP: &str = r#"
    source = "test"
    [product]
    id = "{id}"
    title = "{title}"
    brand = "{brand}"
    [variant]
    sku = "t-{id}"
    price = { from = "{price}", unit = "major" }
"#;

const NDJSON: &str = "\u{feff}{\"id\":1,\"title\":\"One\",\"brand\":\"A\",\"price\":1.5}\n\
    {\"id\":2,\"title\":\"Two\"}\n\
    {\"id\":7,\"title\":\"Seven\",\"price\":\"2.00\"}";

/// A shop with two markets, its catalogue and its stock on one database.
pub struct Shop {
    pub catalog: Ctx,
    pub inventory: Ctx,
    pub db: Db,
    folder: tempfile::TempDir,
}

pub async fn shop() -> Shop {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("souk.db").display());
    let db = Db::open(&store::Options::new(url), Clock::fixed(Timestamp::UNIX_EPOCH), Ids::counted())
        .await
        .expect("a database");
    let peers = Peers::new(&BTreeMap::new(), None, db.clock().clone()).expect("peers");
    let mut config = Config::defaults();
    let mut us = config.markets.values().next().expect("the default market").clone();
    us.currency = contracts::Currency::USD;
    config.markets.insert("us".parse().expect("a name"), us);
    let config = Arc::new(config);
    let ctx = Ctx::new(db.of("souk"), peers.clone(), Arc::clone(&config), Identity::default());
    let services = [catalog::service(&ctx), inventory::service(&ctx)];
    let schemas: Vec<_> = services.iter().map(|service| (service.name, service.migrations)).collect();
    migrate::migrate(&db, &schemas).await.expect("a schema");
    let (catalog, inventory) = (services[0].ctx.clone(), services[1].ctx.clone());
    Process::new(config, peers).settle(&services);
    std::fs::write(folder.path().join("map.toml"), MAP).expect("a map");
    Shop { catalog, inventory, db, folder }
}

impl Shop {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).expect("a file");
    }

    fn options(&self, name: &str, bytes: &[u8]) -> Options {
        self.write(name, bytes);
        Options {
            kind: Kind::Products,
            file: self.path(name),
            map: Some(self.path("map.toml")),
            market: None,
            stock: None,
            location: "main".into(),
            report: self.path("report.ndjson"),
        }
    }

    pub async fn run(&self, options: Options) -> Result<Report, ImportError> {
        run(&self.catalog, &self.inventory, options, |_| ()).await
    }

    async fn import(&self, name: &str, bytes: &[u8]) -> Result<Report, ImportError> {
        self.run(self.options(name, bytes)).await
    }

    async fn import_by(&self, map: &str, name: &str, bytes: &[u8]) -> Result<Report, ImportError> {
        self.write("other.toml", map.as_bytes());
        self.run(Options { map: Some(self.path("other.toml")), ..self.options(name, bytes) }).await
    }

    /// A list of stock or prices, or products in the own format, without a map.
    pub async fn import_plain(&self, kind: Kind, name: &str, bytes: &[u8]) -> Result<Report, ImportError> {
        self.run(Options { kind, map: None, ..self.options(name, bytes) }).await
    }

    fn report(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.path("report.ndjson")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// `12 missing title`: line, code and field of each fault; `(in)` where the row came in all the same.
    fn faults(&self) -> Vec<String> {
        let fault = |fault: &serde_json::Value| {
            let left_out = if fault["left_out"] == true { "" } else { " (in)" };
            let field = fault["field"].as_str().unwrap_or("-");
            format!("{} {} {field}{left_out}", fault["line"], fault["code"].as_str().unwrap_or("?"))
        };
        self.report().iter().map(fault).collect()
    }

    /// Each row of a statement of one text column.
    pub async fn texts(&self, sql: &'static Sql) -> Vec<String> {
        let rows: Vec<(String,)> = self.db.all(sql, Vec::new()).await.expect("rows");
        rows.into_iter().map(|(text,)| text).collect()
    }

    /// Every column of every table of catalogue and stock.
    async fn everything(&self) -> Vec<String> {
        static TABLES: Sql = Sql::new(
            "tests::TABLES",
            "SELECT m.name || ' ' || group_concat(p.name) FROM sqlite_master m JOIN pragma_table_info(m.name) p
            WHERE m.type = 'table' AND (m.name LIKE 'catalog%' OR m.name LIKE 'inventory%') GROUP BY m.name ORDER BY m.name",
        );
        let mut everything = Vec::new();
        for table in self.texts(&TABLES).await {
            let (name, columns) = table.split_once(' ').expect("a name and columns");
            let shown: Vec<String> = columns.split(',').map(|column| format!("quote({column})")).collect();
            let text =
                format!("SELECT '{name} ' || concat_ws('|', {}) AS shown FROM {name} ORDER BY shown", shown.join(", "));
            let sql: &'static Sql = Box::leak(Box::new(Sql::new("tests::everything", text.leak())));
            everything.extend(self.texts(sql).await);
        }
        everything
    }
}

fn counts(report: &Report) -> [u64; 5] {
    let count = |name| report.count(name);
    let [created, updated, unchanged] = ["products created", "products updated", "products unchanged"].map(count);
    [created, updated, unchanged, count("variants without price"), report.left_out]
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).expect("written");
    gzip.finish().expect("written")
}

#[tokio::test]
async fn the_same_products_again_change_nothing_in_whatever_wrapping() {
    let shop = shop().await;
    let csv = "id,title,brand,price\n1,One,A,1.5\n2,Two,,\n7,\"Seven\",,2.00\n8,\"Eight,\ntwo lines\",B,3\n10,Ten,,4\n";
    let first = shop.import("a.ndjson", NDJSON.as_bytes()).await.expect("imported");
    assert_eq!((first.rows, counts(&first)), (3, [3, 0, 0, 1, 0]));
    let before = shop.everything().await;
    let again = shop.import("b.jsonl.gz", &gzip(NDJSON)).await.expect("imported");
    assert_eq!(counts(&again), [0, 0, 3, 1, 0]);
    let array = format!("[{}]", NDJSON.trim_start_matches('\u{feff}').replace('\n', ",\n"));
    let as_array = shop.import("c.json", array.as_bytes()).await.expect("imported");
    assert_eq!(counts(&as_array), [0, 0, 3, 1, 0]);
    assert_eq!(shop.everything().await, before, "nothing was written");
    let as_csv = shop.import("d.csv", csv.as_bytes()).await.expect("imported");
    assert_eq!(counts(&as_csv), [2, 0, 3, 1, 0]);
    let as_tsv = shop.import("d.tsv", csv.replace(',', "\t").as_bytes()).await.expect("imported");
    assert_eq!(counts(&as_tsv), [0, 1, 4, 1, 0], "the title of 8 had a comma in it");
    let changed = shop.import("e.csv.gz", &gzip(&csv.replace("1.5", "1.6"))).await.expect("imported");
    assert_eq!(counts(&changed), [0, 2, 3, 1, 0]);
}

#[tokio::test]
async fn a_wrong_map_or_a_file_that_breaks_off_changes_nothing() {
    let shop = shop().await;
    let empty = shop.everything().await;
    let whole = gzip(&NDJSON.repeat(2_000));
    let broken = shop.import("a.ndjson.gz", &whole[..whole.len() - 20]).await;
    assert!(matches!(broken, Err(ImportError::Unreadable { .. })));
    for (name, text, expected) in [
        ("a.csv", "id,name\n1,One\n", "the map reads `title`, the file has: id, name"),
        ("a.ndjson", "nothing\n", "not one row of it can be read; line 1"),
        ("a.ndjson.gz", "{}", "it is named .gz, but is not gzip"),
        ("a.xlsx", "", ".ndjson"),
    ] {
        let error = shop.import(name, text.as_bytes()).await.expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
    for (map, expected) in [
        (format!("titel = '{{x}}'\n{MAP}"), "titel"),
        (format!("market = 'mars'\n{MAP}"), "there is no market `mars`"),
        (format!("currency = 'JPY'\n{MAP}"), "no market of this shop sells in JPY"),
        (format!("currency = 'USD'\nmarket = 'default'\n{MAP}"), "not converted"),
        (format!("currency = 'EURO'\n{MAP}"), "no currency of ISO 4217"),
        ("source = 'x'\n".to_owned(), "no [product]"),
        (MAP.replace("t-{id}", "t"), "`variant.sku` reads no field"),
        (MAP.replace("title = \"{title}\"", ""), "missing field `title`"),
        (MAP.replace("\"{brand}\"", "\"{brand\""), "write `{field}`"),
        (MAP.replace("unit = \"major\"", "unit = \"euro\""), "unknown variant `euro`"),
        (format!("{MAP}weight = {{ from = '{{w}}', unit = 'stone' }}\n"), "`stone` is none of g, kg"),
    ] {
        let error = shop.import_by(&map, "a.ndjson", NDJSON.as_bytes()).await.expect_err(expected);
        assert!(matches!(error, ImportError::Map { .. }) && error.to_string().contains(expected), "{error}");
    }
    let missing = shop.run(Options { file: shop.path("none.csv"), ..shop.options("a.csv", b"") }).await;
    assert!(matches!(missing, Err(ImportError::Unreadable { .. })));
    let no_map = shop.import_plain(Kind::Products, "a.csv", b"id\n1\n").await.expect_err("no map");
    assert!(no_map.to_string().contains("--map"), "{no_map}");
    assert_eq!(shop.everything().await, empty);
    assert!(shop.report().is_empty());
}

#[tokio::test]
async fn many_batches_are_counted_into_stock_and_seen_on_the_way() {
    let shop = shop().await;
    let text: String =
        (0..1_234).map(|id| format!("{{\"id\":{id},\"title\":\"Product {id}\",\"price\":{id}}}\n")).collect();
    let options = Options { stock: Some(5), ..shop.options("a.ndjson", text.as_bytes()) };
    let seen: Mutex<Vec<Progress>> = Mutex::default();
    let progress = |at| seen.lock().expect("no panic").push(at);
    let report = run(&shop.catalog, &shop.inventory, options.clone(), progress).await.expect("imported");
    assert_eq!((report.count("products created"), report.count("stock levels changed")), (1_234, 1_234));
    let seen = seen.into_inner().expect("no panic");
    assert_eq!(seen.len(), 3);
    let last = seen.last().expect("three");
    assert_eq!((last.rows, last.bytes_read, last.bytes_total), (1_234, text.len() as u64, text.len() as u64));
    let before = shop.everything().await;
    let again = shop.run(options).await.expect("imported");
    assert_eq!((again.count("products unchanged"), again.count("stock levels changed")), (1_234, 0));
    assert_eq!(shop.everything().await, before);
}

#[tokio::test]
async fn a_column_that_is_not_there_is_a_remark() {
    let shop = shop().await;
    let report = shop.import("a.csv", b"id,title\n1,One\n").await.expect("imported");
    assert_eq!(report.remarks, ["the map reads columns that the file has not: `brand`, `price`"]);
    assert!(report.to_string().contains("file has not: `brand`"), "{report}");
}
