//! The bare server database: as many durable transactions as PostgreSQL commits, two round trips each: all statements
//! together, then the commit. A shop that decides by what it read needs more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures::future::{join, try_join_all};
use tokio::sync::Mutex;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Statement};

use super::sqlite::{COUNTER, Rate, SEEDED, SEEDED_BYTES, Shape, Work, closed_loop};

/// As many as Souk's pool. More were no better.
const CONNECTIONS: usize = 16;
/// What is told of a server beside its rate.
const TOLD: [&str; 6] =
    ["server_version", "fsync", "synchronous_commit", "wal_sync_method", "full_page_writes", "shared_buffers"];
const DURABLE: [&str; 2] = ["fsync", "synchronous_commit"];

const SCHEMA: &str = "CREATE TABLE doc (id uuid PRIMARY KEY NOT NULL, parent uuid NOT NULL, body bytea NOT NULL);
    CREATE INDEX doc_parent ON doc (parent);
    CREATE TABLE counter (id bigint PRIMARY KEY NOT NULL, n bigint NOT NULL CHECK (n >= 0));";
const INSERT: &str = "INSERT INTO doc (id, parent, body) VALUES ($1, $2, $3)";
const TAKE: &str = "UPDATE counter SET n = n - 1 WHERE id = $1 AND n >= 1";
const READ: &str = "SELECT body FROM doc WHERE id = $1";

/// The server's settings, by their names.
pub type Settings = BTreeMap<&'static str, String>;

/// Units a second of PostgreSQL alone, in a schema of its own, which is dropped at the end.
pub async fn run(
    url: &str,
    writers: usize,
    shape: Shape,
    warm_up: Duration,
    measured: Duration,
) -> Result<Rate, String> {
    settings(url).await?;
    let config: Config = url.parse().map_err(|why| format!("the url of PostgreSQL: {}", describe(&why)))?;
    let owner = connect(&config).await?;
    let schema = format!("limit_{:016x}", rand::random::<u64>());
    let rate = in_schema(&config, &owner, &schema, writers, shape, warm_up, measured).await;
    let dropped = batch(&owner, &format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await;
    rate.and_then(|rate| dropped.map(|()| rate))
}

/// What the server is set to; refused where it answers before what it commits is durable.
pub async fn settings(url: &str) -> Result<Settings, String> {
    let config: Config = url.parse().map_err(|why| format!("the url of PostgreSQL: {}", describe(&why)))?;
    let client = connect(&config).await?;
    let mut settings = Settings::new();
    for name in TOLD {
        let row = client.query_one(&format!("SHOW {name}"), &[]).await;
        let value = row.and_then(|row| row.try_get(0)).map_err(|why| format!("SHOW {name}: {}", describe(&why)))?;
        settings.insert(name, value);
    }
    for name in DURABLE {
        if settings[name] != "on" {
            return Err(format!("PostgreSQL has {name} = {}: what it commits is not durable", settings[name]));
        }
    }
    Ok(settings)
}

async fn in_schema(
    config: &Config,
    owner: &Client,
    schema: &str,
    writers: usize,
    shape: Shape,
    warm_up: Duration,
    measured: Duration,
) -> Result<Rate, String> {
    batch(owner, &format!("CREATE SCHEMA {schema}; SET search_path = {schema}; {SCHEMA}")).await?;
    batch(owner, &seed()).await?;
    // By itself: it runs in no transaction.
    batch(owner, "VACUUM ANALYZE doc, counter").await?;
    let body: Arc<[u8]> = shape.body().into();
    let mut pool = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        pool.push(Mutex::new(Session::open(config, schema, Arc::clone(&body)).await?));
    }
    let (pool, ids) = (Arc::new(pool), Arc::new(AtomicU64::new(0)));
    let unit = move |writer: usize| {
        let (pool, ids) = (Arc::clone(&pool), Arc::clone(&ids));
        async move {
            for transaction in shape.transactions {
                let work = Work::draw(*transaction, &ids);
                pool[writer % CONNECTIONS].lock().await.write(&work).await?;
            }
            Ok(())
        }
    };
    let (rate, units) = closed_loop(writers, warm_up, measured, unit).await?;
    let count = "SELECT (SELECT count(*) FROM doc), (SELECT sum(n)::bigint FROM counter)";
    let held = owner.query_one(count, &[]).await.and_then(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let (rows, in_counters) = held.map_err(|why| format!("counting what PostgreSQL holds: {}", describe(&why)))?;
    shape.check(units, rows, in_counters).map(|()| rate)
}

fn seed() -> String {
    format!(
        "INSERT INTO doc SELECT id, id, decode(repeat('5a', {SEEDED_BYTES}), 'hex')
            FROM (SELECT lpad(to_hex(number), 32, '0')::uuid AS id FROM generate_series(0, {SEEDED} - 1) AS number) AS ids;
        INSERT INTO counter SELECT number, {COUNTER} FROM generate_series(0, {SEEDED} - 1) AS number"
    )
}

/// A connection with its statements. Writers beyond the connections take turns on theirs.
struct Session {
    client: Client,
    insert: Statement,
    take: Statement,
    read: Statement,
    body: Arc<[u8]>,
}

impl Session {
    async fn open(config: &Config, schema: &str, body: Arc<[u8]>) -> Result<Self, String> {
        let client = connect(config).await?;
        // One plan for each statement, as Souk's connections are set to.
        batch(&client, &format!("SET search_path = {schema}; SET plan_cache_mode = force_generic_plan")).await?;
        let prepared = try_join_all([INSERT, TAKE, READ].map(|text| client.prepare(text))).await;
        let prepared = prepared.map_err(|why| format!("preparing statements: {}", describe(&why)))?;
        let [insert, take, read] = <[Statement; 3]>::try_from(prepared).map_err(|_| "not 3 statements".to_owned())?;
        Ok(Self { client, insert, take, read, body })
    }

    /// Begins and sends all without waiting in between; commits when all were done.
    async fn write(&self, work: &Work) -> Result<(), String> {
        let failed = |why: tokio_postgres::Error| format!("writing to PostgreSQL: {}", describe(&why));
        let reads = try_join_all(work.reads.iter().map(|id| async move {
            self.client.query_one(&self.read, &[&Id(*id)]).await?.try_get::<_, &[u8]>(0).map(drop)
        }));
        let updates = try_join_all(work.updates.iter().map(|counter| self.take(counter)));
        let inserts = try_join_all(work.inserts.iter().map(|id| self.insert(*id, work)));
        // In this order: `join` asks its first first, and what is asked is sent.
        let statements = join(reads, join(updates, inserts));
        let (begun, (read, (taken, inserted))) = join(self.client.batch_execute("BEGIN"), statements).await;
        begun.and(read.map(drop)).and(inserted.map(drop)).map_err(failed)?;
        if taken.map_err(failed)?.iter().any(|changed| *changed != 1) {
            return Err("a counter of PostgreSQL is used up".to_owned());
        }
        self.client.batch_execute("COMMIT").await.map_err(failed)
    }

    async fn take(&self, counter: &i64) -> Result<u64, tokio_postgres::Error> {
        self.client.execute(&self.take, &[counter]).await
    }

    async fn insert(&self, id: u128, work: &Work) -> Result<u64, tokio_postgres::Error> {
        let body = &self.body[..work.bytes];
        self.client.execute(&self.insert, &[&Id(id), &Id(work.parent), &body]).await
    }
}

/// A UUID in PostgreSQL's format, which is its 16 bytes.
#[derive(Debug)]
struct Id(u128);

impl ToSql for Id {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::UUID
    }

    to_sql_checked!();
}

async fn connect(config: &Config) -> Result<Client, String> {
    let (client, connection) =
        config.connect(NoTls).await.map_err(|why| format!("connecting to PostgreSQL: {}", describe(&why)))?;
    // Ends with the client, which is told of its errors.
    tokio::spawn(connection);
    Ok(client)
}

async fn batch(client: &Client, text: &str) -> Result<(), String> {
    client
        .batch_execute(text)
        .await
        .map_err(|why| format!("{}: {}", text.lines().next().unwrap_or(text), describe(&why)))
}

/// The error with its causes.
fn describe(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
