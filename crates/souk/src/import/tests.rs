//! Small files into a throw-away shop.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use contracts::Currency;
use contracts::catalog::GetVariants;
use jiff::Timestamp;
use platform::auth::KeyCache;
use platform::calls::Peers;
use platform::{Config, Ctx, Process};
use store::{Clock, Db, Ids, migrate};

use super::{ImportError, Options, Progress, Report, run};

const MAP: &str = r#"
    source = "test"
    [product]
    id = "{id}"
    sku = "t-{id}"
    title = "{title}"
    brand = "{brand}"
    price = { field = "price", unit = "major" }
"#;

const NDJSON: &str = "\u{feff}{\"id\":1,\"title\":\"One\",\"brand\":\"A\",\"price\":1.5}\n\
    {\"id\":2,\"title\":\"Two\"}\n\
    \n\
    {\"id\":3,\n\
    [4]\n\
    {\"id\":5,\"price\":\"1\"}\n\
    {\"id\":6,\"title\":\"Six\",\"price\":\"cheap\"}\n\
    {\"id\":1,\"title\":\"One again\"}\n\
    {\"id\":7,\"title\":\"Seven\",\"price\":\"2.00\"}";

struct Shop {
    catalog: Ctx,
    inventory: Ctx,
    folder: tempfile::TempDir,
}

async fn shop() -> Shop {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("souk.db").display());
    let db = Db::open(&store::Options::new(url), Clock::fixed(Timestamp::UNIX_EPOCH), Ids::counted())
        .await
        .expect("a database");
    let peers = Peers::new(&BTreeMap::new(), None, db.clock().clone()).expect("peers");
    let config = Arc::new(Config::defaults());
    let ctx = Ctx::new(db.of("souk"), peers.clone(), Arc::clone(&config), KeyCache::default());
    let services = [catalog::service(&ctx), inventory::service(&ctx)];
    let schemas: Vec<_> = services.iter().map(|service| (service.name, service.migrations)).collect();
    migrate::migrate(&db, &schemas).await.expect("a schema");
    let (catalog, inventory) = (services[0].ctx.clone(), services[1].ctx.clone());
    Process::new(config, peers).settle(&services);
    std::fs::write(folder.path().join("map.toml"), MAP).expect("a map");
    Shop { catalog, inventory, folder }
}

impl Shop {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn options(&self, name: &str, bytes: &[u8]) -> Options {
        std::fs::write(self.path(name), bytes).expect("a file");
        let (map, report) = (self.path("map.toml"), self.path("report.ndjson"));
        Options { file: self.path(name), map, stock: None, location: "main".into(), report }
    }

    async fn import(&self, name: &str, bytes: &[u8]) -> Result<Report, ImportError> {
        run(&self.catalog, &self.inventory, self.options(name, bytes), |_| ()).await
    }

    fn report(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("report.ndjson")).expect("a report");
        text.lines().map(str::to_owned).collect()
    }
}

fn counts(report: &Report) -> (u64, u64, u64, u64, u64) {
    (report.created, report.updated, report.unchanged, report.without_price, report.refused)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).expect("written");
    gzip.finish().expect("written")
}

#[tokio::test]
async fn bad_rows_are_reported_by_line_and_stop_nothing() {
    let shop = shop().await;
    let report = shop.import("products.ndjson", NDJSON.as_bytes()).await.expect("imported");
    assert_eq!(counts(&report), (3, 0, 0, 1, 5));
    let lines = shop.report();
    let begins = [
        "{\"line\":4,\"why\":\"the line is not JSON",
        "{\"line\":5,\"why\":\"the line is JSON, but no object",
        "{\"line\":6,\"why\":\"title is missing",
        "{\"line\":7,\"why\":\"price `cheap` is no decimal",
        "{\"line\":8,\"why\":\"the id `1` came shortly before",
    ];
    assert_eq!(lines.len(), begins.len(), "{lines:?}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
    assert!(report.to_string().contains("3 products in"), "{report}");
}

#[tokio::test]
async fn the_same_products_again_change_nothing_in_whatever_wrapping() {
    let shop = shop().await;
    let csv = "id,title,brand,price\n1,One,A,1.5\n2,Two,,\n7,\"Seven\",,2.00\n8,\"Eight,\ntwo lines\",B,3\n9,short\n10,Ten,,4\n";
    let first = shop.import("a.ndjson", NDJSON.as_bytes()).await.expect("imported");
    assert_eq!(first.created, 3);
    let again = shop.import("b.jsonl.gz", &gzip(NDJSON)).await.expect("imported");
    assert_eq!(counts(&again), (0, 0, 3, 1, 5));
    let as_csv = shop.import("c.csv", csv.as_bytes()).await.expect("imported");
    assert_eq!(counts(&as_csv), (2, 0, 3, 1, 1));
    assert_eq!(shop.report(), ["{\"line\":7,\"why\":\"the record has 2 fields, the header 4\"}"]);
    let changed = shop.import("d.csv.gz", &gzip(&csv.replace("1.5", "1.6"))).await.expect("imported");
    assert_eq!(counts(&changed), (0, 1, 4, 1, 1));
}

#[tokio::test]
async fn a_wrong_map_or_a_file_that_breaks_off_changes_nothing() {
    let shop = shop().await;
    let whole = gzip(&NDJSON.repeat(200));
    let broken = shop.import("a.ndjson.gz", &whole[..whole.len() - 20]).await;
    assert!(matches!(broken, Err(ImportError::Unreadable { .. })));
    let missing = shop.import("a.csv", b"id,name\n1,One\n").await.expect_err("no title");
    assert!(missing.to_string().contains("the map reads `brand`, the file has: id, name"), "{missing}");
    let open = format!("id,title,brand,price\n1,\"One,A,1\n{}", "x".repeat(3_000_000));
    let open = shop.import("open.csv", open.as_bytes()).await.expect_err("an open quote");
    assert!(open.to_string().contains("is a quote left open?"), "{open}");
    let format = shop.import("a.xlsx", b"").await.expect_err("no format of ours");
    assert!(format.to_string().contains(".ndjson"), "{format}");
    std::fs::write(shop.path("map.toml"), format!("{MAP}titel = '{{x}}'\n")).expect("a map");
    let map = shop.import("a.ndjson", NDJSON.as_bytes()).await.expect_err("a wrong map");
    assert!(map.to_string().contains("titel"), "{map}");
    std::fs::write(shop.path("map.toml"), format!("market = 'mars'\n{MAP}")).expect("a map");
    let market = shop.import("a.ndjson", NDJSON.as_bytes()).await.expect_err("no such market");
    assert!(market.to_string().contains("mars"), "{market}");
    std::fs::write(shop.path("map.toml"), MAP).expect("a map");
    let first = shop.import("a.ndjson", NDJSON.as_bytes()).await.expect("imported");
    assert_eq!(first.created, 3, "nothing was there");
}

#[tokio::test]
async fn lines_that_never_end_are_refused_and_the_next_is_read() {
    let shop = shop().await;
    let text = format!("{{\"id\":1,\"title\":\"{}\"}}\n{{\"id\":2,\"title\":\"Two\"}}\n", "x".repeat(2_000_000));
    let report = shop.import("a.ndjson", text.as_bytes()).await.expect("imported");
    assert_eq!((report.created, report.refused), (1, 1));
    assert_eq!(shop.report(), ["{\"line\":1,\"why\":\"the line has more than 1048576 bytes\"}"]);
}

#[tokio::test]
async fn many_batches_are_counted_into_stock_and_seen_on_the_way() {
    let shop = shop().await;
    let text: String =
        (0..1_234).map(|id| format!("{{\"id\":{id},\"title\":\"Product {id}\",\"price\":{id}}}\n")).collect();
    let mut options = shop.options("a.ndjson", text.as_bytes());
    options.stock = Some(5);
    let seen: Mutex<Vec<Progress>> = Mutex::default();
    let progress = |at| seen.lock().expect("no panic").push(at);
    let report = run(&shop.catalog, &shop.inventory, options.clone(), progress).await.expect("imported");
    assert_eq!((report.created, report.stocked), (1_234, 1_234));
    let seen = seen.into_inner().expect("no panic");
    assert_eq!(seen.len(), 3);
    let last = seen.last().expect("three");
    assert_eq!((last.created, last.bytes_read, last.bytes_total), (1_234, text.len() as u64, text.len() as u64));
    let again = run(&shop.catalog, &shop.inventory, options, |_| ()).await.expect("imported");
    assert_eq!((again.created, again.unchanged, again.stocked), (0, 1_234, 0));
    let nothing =
        GetVariants { variants: Vec::new(), market: "default".parse().expect("a name"), currency: Currency::EUR };
    assert!(shop.catalog.call(nothing).await.expect("an answer").is_empty());
}
