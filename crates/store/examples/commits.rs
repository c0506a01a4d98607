//! Durable transactions a second, by the number of writers: `cargo run -p store --example commits`.
//!
//! Beside each row stands bare rusqlite with one transaction a commit, measured in the same run: the
//! ratio holds on other machines, the figures do not. PostgreSQL where `SOUK_TEST_POSTGRES` is set: it
//! makes the table `commits_example` there and drops it.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement: it reads the clock and prints")]

use std::time::{Duration, Instant};

use store::{Clock, Db, Ids, Options, Result, Sql, params};
use uuid::Uuid;

const WRITERS: [usize; 4] = [1, 16, 64, 512];
const RUN: Duration = Duration::from_secs(3);

static CREATE: Sql = Sql::new(
    "commits::CREATE",
    "CREATE TABLE commits_example (id @id PRIMARY KEY NOT NULL, body @text NOT NULL)@table",
);
static DROP: Sql = Sql::new("commits::DROP", "DROP TABLE commits_example");
static INSERT: Sql = Sql::new("commits::INSERT", "INSERT INTO commits_example (id, body) VALUES ($1, $2)");

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir_in(".")?;
    let bare = bare(&folder.path().join("bare.db"))?;
    println!("bare rusqlite, 1 writer, 1 transaction a commit: {bare:.0} a second");
    let file = format!("sqlite:{}", folder.path().join("store.db").display());
    measure("SQLite", &file, bare).await?;
    if let Ok(url) = std::env::var("SOUK_TEST_POSTGRES") {
        measure("PostgreSQL", &url, bare).await?;
    }
    Ok(())
}

fn bare(path: &std::path::Path) -> rusqlite::Result<f64> {
    let conn = rusqlite::Connection::open(path)?;
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2000;
         CREATE TABLE commits_example (id BLOB PRIMARY KEY NOT NULL, body TEXT NOT NULL) STRICT;",
    )?;
    let begun = Instant::now();
    let mut count = 0.0;
    while begun.elapsed() < RUN {
        conn.execute_batch("BEGIN IMMEDIATE")?;
        let mut insert = conn.prepare_cached("INSERT INTO commits_example (id, body) VALUES (?1, ?2)")?;
        insert.execute((Uuid::now_v7().as_bytes().as_slice(), "x".repeat(200)))?;
        conn.execute_batch("COMMIT")?;
        count += 1.0;
    }
    Ok(count / begun.elapsed().as_secs_f64())
}

async fn measure(name: &str, url: &str, bare: f64) -> Result<()> {
    let options = Options { wait_max: Duration::from_secs(60), ..Options::new(url) };
    let db = Db::open(&options, Clock::System, Ids::Random).await?;
    statement(&db, &CREATE).await?;
    println!("{name:<12} writers  transactions/s  commits/s  against bare");
    for writers in WRITERS {
        let (per_second, commits) = run(&db, writers).await?;
        println!("{:<12} {writers:>7}  {per_second:>14.0}  {commits:>9.0}  {:>11.2}x", "", per_second / bare);
    }
    statement(&db, &DROP).await
}

async fn statement(db: &Db, sql: &'static Sql) -> Result<()> {
    db.write(sql, |tx, sql| Box::pin(async move { tx.exec(sql, params![]).await.map(drop) })).await
}

/// Transactions and commits a second, with so many tasks that each write one after another.
async fn run(db: &Db, writers: usize) -> Result<(f64, f64)> {
    let (begun, commits) = (Instant::now(), db.commits());
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut count = 0_u32;
                while begun.elapsed() < RUN {
                    insert(&db).await?;
                    count += 1;
                }
                Ok::<_, store::Error>(count)
            })
        })
        .collect();
    let mut count = 0.0;
    for task in tasks {
        count += f64::from(task.await.expect("a writer does not panic")?);
    }
    let seconds = begun.elapsed().as_secs_f64();
    Ok((count / seconds, (db.commits() - commits) as f64 / seconds))
}

async fn insert(db: &Db) -> Result<()> {
    let row = (Uuid::now_v7(), "x".repeat(200));
    db.write(row, |tx, (id, body)| Box::pin(async move { tx.exec(&INSERT, params![*id, body]).await.map(drop) })).await
}
