//! A throw-away database, and the small shop that the behaviours work on.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use contracts::{Event, Kind};
use futures::FutureExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::outbox::Says;
use store::{BoxFuture, Clock, Db, Dialect, Error, Ids, Job, Migration, Options, Result, Sql, Tx, params, statements};
use uuid::Uuid;

pub const CONNECTIONS: usize = 8;
pub const NOON: Timestamp = Timestamp::constant(1_795_348_800, 0);

pub const SHOP: &[Migration] = &[Migration {
    name: "0001_shop",
    release: 1,
    sql: "-- What the behaviours' statements work on.
        CREATE TABLE shop_counter (id @int PRIMARY KEY NOT NULL, value @int NOT NULL CHECK (value >= 0))@table;
        CREATE TABLE shop_item (
            id @id PRIMARY KEY NOT NULL, name @text NOT NULL UNIQUE, count @int, price @money, made @time, flag @bool,
            doc @json
        )@table;",
}];

statements! {
    COUNTER = "INSERT INTO shop_counter (id, value) VALUES ($1, $2)";
    ADD = "UPDATE shop_counter SET value = value + $2 WHERE id = $1";
    TAKE = "UPDATE shop_counter SET value = value - $2 WHERE id = $1 AND value >= $2";
    VALUE = "SELECT value FROM shop_counter WHERE id = $1";
    COUNTERS = "SELECT id FROM shop_counter ORDER BY id";
    ITEM = "INSERT INTO shop_item (id, name) VALUES ($1, $2)";
    ITEMS = "SELECT id FROM shop_item ORDER BY id";
    OUTBOX = "SELECT COUNT(*) FROM souk_outbox";
    JOBS = "SELECT COUNT(*) FROM souk_job";
}

static LINGER: Sql = Sql::new("test::LINGER", "SELECT 1 FROM pg_sleep(0.4)");

/// Something that happened, with a version or without.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Said {
    pub subject: Uuid,
    pub version: Option<i64>,
}

impl Event for Said {
    const NAME: &'static str = "thing.said";
    const SAID_BY: &'static str = "shop";
    const HEARD_BY: &'static [&'static str] = &["shop"];
    const KIND: Kind = Kind::State;
    fn subject(&self) -> Uuid {
        self.subject
    }
    fn version(&self) -> Option<i64> {
        self.version
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Chore(pub String);

impl Job for Chore {
    const KIND: &'static str = "chore";
    fn key(&self) -> String {
        self.0.clone()
    }
}

pub struct Base {
    pub db: Db,
    pub clock: Clock,
    options: Options,
    kept: Kept,
}

enum Kept {
    Folder { _until_dropped: tempfile::TempDir },
    Database { admin: String, name: String },
}

impl Base {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("souk.db").display());
        Self::open(url, Kept::Folder { _until_dropped: folder }).await
    }

    async fn postgres() -> Self {
        let admin = std::env::var("SOUK_TEST_POSTGRES")
            .expect("SOUK_TEST_POSTGRES is not set: run `cargo xtask test`, which starts PostgreSQL");
        let name = format!("souk_test_{}", Uuid::now_v7().simple());
        admin_client(&admin)
            .await
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0"))
            .await
            .expect("a database");
        let (server, _) = admin.rsplit_once('/').expect("SOUK_TEST_POSTGRES is postgres://user@host:port/postgres");
        Self::open(format!("{server}/{name}"), Kept::Database { admin, name }).await
    }

    async fn open(url: String, kept: Kept) -> Self {
        let options = Options { connections_max: CONNECTIONS, ..Options::new(url) };
        let clock = Clock::fixed(NOON);
        let db = Db::open(&options, clock.clone(), Ids::Random).await.expect("a database opens").of("shop");
        store::migrate::migrate(&db, &[("shop", SHOP)]).await.expect("it migrates");
        Self { db, clock, options, kept }
    }

    /// The same database, as another process opens it.
    pub async fn again(&self) -> Db {
        self.again_with(|_| {}).await
    }

    pub async fn again_with(&self, change: impl FnOnce(&mut Options)) -> Db {
        let mut options = self.options.clone();
        change(&mut options);
        Db::open(&options, self.clock.clone(), Ids::Random).await.expect("it opens again").of("shop")
    }

    pub fn url(&self) -> &str {
        &self.options.url
    }

    pub fn is_sqlite(&self) -> bool {
        self.db.dialect() == Dialect::Sqlite
    }

    /// A superuser's connection to the same PostgreSQL database.
    pub async fn superuser(&self) -> tokio_postgres::Client {
        admin_client(self.url()).await
    }

    async fn end(self) {
        drop(self.db);
        if let Kept::Database { admin, name } = &self.kept {
            let dropped = admin_client(admin).await.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
            dropped.expect("the database is dropped");
        }
    }
}

async fn admin_client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("PostgreSQL answers");
    tokio::spawn(connection);
    client
}

/// Runs a behaviour on a database of its own; the database goes, however it ends.
pub async fn on_sqlite(behaviour: impl AsyncFnOnce(&Base)) {
    run(Base::sqlite().await, behaviour).await;
}

pub async fn on_postgres(behaviour: impl AsyncFnOnce(&Base)) {
    run(Base::postgres().await, behaviour).await;
}

async fn run(base: Base, behaviour: impl AsyncFnOnce(&Base)) {
    let result = AssertUnwindSafe(behaviour(&base)).catch_unwind().await;
    base.end().await;
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

/// Makes a counter.
pub async fn counter(db: &Db, id: i64, value: i64) -> Result<()> {
    db.write((id, value), |tx, (id, value)| {
        Box::pin(async move { tx.exec(&COUNTER, params![*id, *value]).await.map(drop) })
    })
    .await
}

pub async fn add(db: &Db, id: i64, by: i64) -> Result<()> {
    db.write((id, by), |tx, (id, by)| Box::pin(async move { tx.exec(&ADD, params![*id, *by]).await.map(drop) })).await
}

pub async fn value(db: &Db, id: i64) -> i64 {
    let (value,) = db.one(&VALUE, params![id]).await.expect("a counter");
    value
}

pub async fn counters(db: &Db) -> Vec<i64> {
    let all: Vec<(i64,)> = db.all(&COUNTERS, params![]).await.expect("counters");
    all.into_iter().map(|(id,)| id).collect()
}

/// All that these services say.
pub fn all(services: &[&'static str]) -> Says {
    Says { services: services.to_vec(), types: None }
}

/// How many rows the outbox and the jobs have.
pub async fn left_behind(db: &Db) -> (i64, i64) {
    let (events,) = db.one(&OUTBOX, params![]).await.expect("a count");
    let (jobs,) = db.one(&JOBS, params![]).await.expect("a count");
    (events, jobs)
}

/// Spends 400 ms inside a transaction, the way the database in hand allows.
pub fn linger(tx: &mut Tx, is_sqlite: bool) -> BoxFuture<'_, Result<()>> {
    Box::pin(async move {
        if is_sqlite {
            std::thread::sleep(Duration::from_millis(400));
            return Ok(());
        }
        tx.all::<(i64,)>(&LINGER, params![]).await.map(drop)
    })
}

/// Keeps the one writer of SQLite, or a connection of PostgreSQL, for 400 ms; returns once it has begun.
pub async fn occupy(db: &Db) -> tokio::task::JoinHandle<Result<()>> {
    let begun = std::sync::Arc::new(tokio::sync::Notify::new());
    let (says, db) = (std::sync::Arc::clone(&begun), db.clone());
    let task = tokio::spawn(async move {
        let is_sqlite = db.dialect() == Dialect::Sqlite;
        db.write((is_sqlite, says), |tx, (is_sqlite, says)| {
            says.notify_one();
            linger(tx, *is_sqlite)
        })
        .await
    });
    begun.notified().await;
    task
}

/// What `write` returned must be this error.
#[macro_export]
macro_rules! assert_error {
    ($result:expr, $pattern:pat) => {
        match $result {
            Err($pattern) => {}
            other => panic!("expected {}, got {other:?}", stringify!($pattern)),
        }
    };
}

/// Nothing that a failure left behind keeps others from working: more writes at once than connections.
pub async fn assert_works(base: &Base, db: &Db) {
    counter(db, 9_999, 0).await.expect("a write works");
    let writes = (0..3 * CONNECTIONS).map(|_| add(db, 9_999, 1));
    let done: Vec<Result<(), Error>> = futures::future::join_all(writes).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    let reads = futures::future::join_all((0..3 * CONNECTIONS).map(|_| value(db, 9_999))).await;
    assert_eq!(reads, vec![24; 24]);
    if !base.is_sqlite() {
        let client = base.superuser().await;
        let count =
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'souk'";
        // Where `db` is another handle, the base's own connection is there too.
        let max = CONNECTIONS as i64 + i64::from(!db.is_same(&base.db));
        // A closed connection's process goes a moment after it.
        for _ in 0..100 {
            if client.query_one(count, &[]).await.expect("a count").get::<_, i64>(0) <= max {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("more connections than the pool may have");
    }
}
