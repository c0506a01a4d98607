//! `souk backup` and `souk restore`, by the real commands, from and into both databases.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use serde_json::Value;
use testkit::{Buyer, Client, Database, Ended, Product, TOKEN_OK, Topology, souk};

use crate::binary::{Ready, see_until};

mod on_sqlite {
    use testkit::Topology::Sqlite;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_shop_is_backed_up_while_it_sells_and_is_restored_into_either_database() {
        super::backed_up_and_restored(Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_refuses_a_restore_stays_as_it_is() {
        super::refused(Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_log_of_a_killed_shop_is_not_taken_into_another() {
        super::left_over().await;
    }
}

mod on_postgres {
    use testkit::Topology::Postgres;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_shop_is_backed_up_while_it_sells_and_is_restored_into_either_database() {
        super::backed_up_and_restored(Postgres).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_refuses_a_restore_stays_as_it_is() {
        super::refused(Postgres).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_database_with_rows_is_not_migrated_either() {
        super::not_migrated().await;
    }
}

/// Buys teapots one after the other until it is told to stop.
struct Crowd {
    stop: Arc<AtomicBool>,
    bought: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Crowd {
    fn buys(client: &Client, teapot: &Product) -> Self {
        let (stop, bought) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (told, count) = (Arc::clone(&stop), Arc::clone(&bought));
        let (client, teapot) = (client.clone(), teapot.clone());
        let task = tokio::spawn(async move {
            while !told.load(SeqCst) {
                let buyer = Buyer::new(&client).await;
                buyer.cart_with(&teapot, 1).await;
                buyer.place(TOKEN_OK).await;
                count.fetch_add(1, SeqCst);
            }
        });
        Self { stop, bought, task }
    }

    fn bought(&self) -> u64 {
        self.bought.load(SeqCst)
    }

    async fn ends(self) {
        self.stop.store(true, SeqCst);
        self.task.await.expect("no purchase failed");
    }
}

/// A command that takes a while, beside what the test does.
async fn command(database: &Database, arguments: &[&str]) -> Ended {
    tokio::task::block_in_place(|| souk(database, &[], arguments))
}

async fn backup(database: &Database, name: &str) -> PathBuf {
    let ended = command(database, &["backup", name]).await;
    assert!(ended.status.success(), "{ended:#?}");
    database.folder().join(name)
}

async fn restore(database: &Database, file: &Path) -> Ended {
    command(database, &["restore", &file.display().to_string()]).await
}

/// Rows by table, sorted, as both databases write them; and the head without its time.
fn tables(file: &Path) -> (Value, BTreeMap<String, Vec<String>>) {
    let bytes = std::fs::read(file).expect("a backup");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("gzip");
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let mut head = lines.next().expect("a head");
    head.as_object_mut().expect("an object").remove("taken_at");
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut table = String::new();
    for line in lines {
        match &line {
            Value::Array(cells) => {
                let row = Value::Array(cells.iter().map(alike).collect()).to_string();
                tables.get_mut(&table).expect("a table before its rows").push(row);
            }
            other if other["end"] == true => break,
            other => {
                other["table"].as_str().expect("a table").clone_into(&mut table);
                tables.insert(table.clone(), Vec::new());
            }
        }
    }
    tables.values_mut().for_each(|rows| rows.sort());
    (head, tables)
}

/// SQLite has numbers for booleans, and each database writes JSON its own way.
fn alike(cell: &Value) -> Value {
    match cell {
        Value::Bool(flag) => Value::from(i64::from(*flag)),
        Value::String(text) if text.starts_with(['{', '[']) => {
            serde_json::from_str(text).unwrap_or_else(|_| cell.clone())
        }
        other => other.clone(),
    }
}

async fn backed_up_and_restored(topology: Topology) {
    let shop = Ready::on(topology.database().await).await;
    let process = shop.serve(&[]).await;
    let owner = shop.owner.at(&process.client);
    owner.receive(&shop.teapot, 100_000).await;
    let buyer = Buyer::new(&process.client).await;
    buyer.cart_with(&shop.teapot, 2).await;
    let order = buyer.place(TOKEN_OK).await;
    see_until(&buyer, &order, |order| order["status"] == "confirmed").await;

    let crowd = Crowd::buys(&process.client, &shop.teapot);
    while crowd.bought() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let before = crowd.bought();
    let file = backup(&shop.database, "shop.souk").await;
    assert!(crowd.bought() > before, "nobody bought while it was backed up");
    let again = command(&shop.database, &["backup", "shop.souk"]).await;
    assert!(again.status.code() == Some(1) && again.stderr.contains("is there already"), "{again:#?}");
    crowd.ends().await;
    process.stop().await;
    let backed_up = tables(&file);
    assert!(backed_up.1["orders_order"].len() as u64 > before, "{:?}", backed_up.0);

    for target in [Database::sqlite(), Database::postgres().await] {
        let ended = restore(&target, &file).await;
        assert!(ended.status.success(), "restored, and the audit finds nothing: {ended:#?}");
        assert!(tables(&backup(&target, "again.souk").await) == backed_up, "other rows than were backed up");
        let restored = Ready { database: target, owner: shop.owner.clone(), teapot: shop.teapot.clone() };
        // What was on its way at the instant of the backup goes on; then everything adds up.
        let process = restored.serve(&[]).await;
        let owner = restored.owner.at(&process.client);
        assert_eq!(owner.get(format!("/v1/admin/orders/{order}")).await.must(200)["status"], "confirmed");
        restored.audit_until(&[], &[]).await;
        process.stop().await;
        restored.database.remove().await;
    }
    shop.database.remove().await;
}

async fn refused(topology: Topology) {
    let shop = Ready::on(Database::sqlite()).await;
    let file = backup(&shop.database, "shop.souk").await;
    let whole = std::fs::read(&file).expect("a backup");
    let cut = shop.database.folder().join("cut.souk");
    let target = topology.database().await;
    for bytes in [whole.len() / 2, whole.len() - 1] {
        std::fs::write(&cut, &whole[..bytes]).expect("a file");
        let ended = restore(&target, &cut).await;
        assert!(ended.status.code() == Some(1) && ended.stderr.contains("is damaged"), "{ended:#?}");
    }
    let names: Vec<_> = std::fs::read_dir(target.folder()).expect("a folder").collect();
    assert!(names.is_empty(), "a refused restore leaves nothing: {names:?}");
    // It is empty still: the whole file goes in.
    let ended = restore(&target, &file).await;
    assert!(ended.status.success(), "{ended:#?}");
    let before = tables(&backup(&target, "before.souk").await);
    let ended = restore(&target, &file).await;
    assert!(ended.status.code() == Some(1) && ended.stderr.contains("already"), "{ended:#?}");
    assert!(tables(&backup(&target, "after.souk").await) == before);
    target.remove().await;
    shop.database.remove().await;
}

async fn left_over() {
    let shop = Ready::on(Database::sqlite()).await;
    let file = backup(&shop.database, "shop.souk").await;
    let backed_up = tables(&file);
    let process = shop.serve(&[]).await;
    shop.owner.at(&process.client).product(700, 3).await;
    // As by `kill -9`.
    drop(process);
    let folder = shop.database.folder();
    assert!(folder.join("souk.db-wal").metadata().is_ok_and(|log| log.len() > 0), "a killed shop leaves its log");
    std::fs::rename(folder.join("souk.db"), folder.join("old.db")).expect("moved");
    let ended = restore(&shop.database, &file).await;
    assert!(ended.status.code() == Some(1) && !folder.join("souk.db").exists(), "{ended:#?}");
    assert!(ended.stderr.contains("souk.db-wal") && ended.stderr.contains("souk.db-shm"), "{ended:#?}");
    for log in ["-wal", "-shm"] {
        let name = |database: &str| folder.join(format!("{database}{log}"));
        std::fs::rename(name("souk.db"), name("old.db")).expect("moved");
    }
    let ended = restore(&shop.database, &file).await;
    assert!(ended.status.success(), "{ended:#?}");
    assert!(tables(&backup(&shop.database, "again.souk").await) == backed_up, "the shop as it was backed up");
    shop.database.remove().await;
}

async fn not_migrated() {
    let shop = Ready::on(Database::sqlite()).await;
    let file = backup(&shop.database, "shop.souk").await;
    let target = Database::postgres().await;
    let (client, connection) =
        tokio_postgres::connect(&target.url, tokio_postgres::NoTls).await.expect("the test's PostgreSQL");
    tokio::spawn(connection);
    client
        .batch_execute("CREATE TABLE orders_of_old (id BIGINT); INSERT INTO orders_of_old VALUES (1)")
        .await
        .expect("it");
    let ended = restore(&target, &file).await;
    assert!(ended.status.code() == Some(1) && ended.stderr.contains("orders_of_old has 1 rows"), "{ended:#?}");
    let tables = client.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'", &[]).await.expect("tables");
    assert_eq!(tables.len(), 1, "nothing was made beside it");
    drop(client);
    target.remove().await;
    shop.database.remove().await;
}
