//! The bare database: as many durable transactions as SQLite commits, by one writer as Souk has one, without a shop
//! around it. What both databases are asked for, and how it is counted, is here too.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rusqlite::{Connection, params};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

/// Rows that are read, and counters that are taken from: more than fit a cache of 16 MiB.
pub(super) const SEEDED: i64 = 20_000;
pub(super) const SEEDED_BYTES: usize = 1_024;
/// What each counter begins with: never used up.
pub(super) const COUNTER: i64 = 1_000_000_000;
/// After those of the seeded rows; new ones come in their order, as UUIDv7 do.
const FIRST_ID: u64 = 1 << 32;
const GROUP_MAX: usize = 256;
const QUEUE_MAX: usize = 4_096;
const LATENCY_MAX_US: u64 = 120_000_000;
const DIGITS: u8 = 3;

/// The same as of Souk's writer: crates/store/src/sqlite/connection.rs.
const PRAGMAS: &str = "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;
    PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16384;";
const SCHEMA: &str = "CREATE TABLE doc (id BLOB PRIMARY KEY NOT NULL, parent BLOB NOT NULL, body BLOB NOT NULL) STRICT;
    CREATE INDEX doc_parent ON doc (parent);
    CREATE TABLE counter (id INTEGER PRIMARY KEY NOT NULL, n INTEGER NOT NULL CHECK (n >= 0)) STRICT;";
const INSERT: &str = "INSERT INTO doc (id, parent, body) VALUES (?1, ?2, ?3)";
const TAKE: &str = "UPDATE counter SET n = n - 1 WHERE id = ?1 AND n >= 1";
const READ: &str = "SELECT body FROM doc WHERE id = ?1";

/// What one transaction does. A row that is written again costs about what one that is put in does: count it there.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Transaction {
    /// Rows that are put in, and the bytes of each.
    pub inserts: usize,
    pub bytes: usize,
    /// Counters that are taken from if there is enough in them.
    pub updates: usize,
    /// Rows that are read by their ids.
    pub reads: usize,
}

/// One unit of work: these transactions, each durable before the next begins.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Shape {
    pub transactions: &'static [Transaction],
}

/// Units in the measured time.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Rate {
    pub per_second: f64,
    pub p50_us: u64,
    pub p99_us: u64,
    pub units: u64,
}

/// A transaction with its rows drawn: by who asks, so that the database's thread does not.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) inserts: Vec<u128>,
    pub(super) parent: u128,
    pub(super) bytes: usize,
    /// In their order: in PostgreSQL no two transactions wait for each other.
    pub(super) updates: Vec<i64>,
    pub(super) reads: Vec<u128>,
}

impl Work {
    pub(super) fn draw(what: Transaction, ids: &AtomicU64) -> Self {
        let count = what.inserts as u64 + 1;
        let first = u128::from(FIRST_ID + ids.fetch_add(count, Ordering::Relaxed));
        let mut updates: Vec<i64> = (0..what.updates).map(|_| rand::random_range(0..SEEDED)).collect();
        updates.sort_unstable();
        Self {
            inserts: (first + 1..first + u128::from(count)).collect(),
            parent: first,
            bytes: what.bytes,
            updates,
            reads: (0..what.reads).map(|_| rand::random_range(0..SEEDED as u128)).collect(),
        }
    }
}

impl Shape {
    /// No byte of a body is like its neighbour: none is packed away.
    pub(super) fn body(self) -> Vec<u8> {
        let longest = self.transactions.iter().map(|one| one.bytes).max().unwrap_or(0);
        (0..longest).map(|_| rand::random_range(b'!'..=b'~')).collect()
    }

    /// The database holds what was answered, no more and no less.
    pub(super) fn check(self, units: u64, rows: i64, in_counters: i64) -> Result<(), String> {
        let sum = |of: fn(&Transaction) -> usize| units as i64 * self.transactions.iter().map(of).sum::<usize>() as i64;
        let meant = (SEEDED + sum(|one| one.inserts), SEEDED * COUNTER - sum(|one| one.updates));
        if (rows, in_counters) == meant {
            return Ok(());
        }
        Err(format!("after {units} units the tables hold {:?}, not {meant:?}", (rows, in_counters)))
    }
}

/// So many writers, each of which does its next unit when the last was answered. Tells all units too, counted or not.
pub(super) async fn closed_loop<U>(
    writers: usize,
    warm_up: Duration,
    measured: Duration,
    unit: impl Fn(usize) -> U + Clone + Send + 'static,
) -> Result<(Rate, u64), String>
where
    U: Future<Output = Result<(), String>> + Send,
{
    let histogram = || Histogram::<u64>::new_with_bounds(1, LATENCY_MAX_US, DIGITS).expect("the bounds are constants");
    let begins = Instant::now() + warm_up;
    let ends = begins + measured;
    let writer = |number: usize| {
        let (mut took_us, unit) = (histogram(), unit.clone());
        tokio::spawn(async move {
            let mut all = 0_u64;
            loop {
                let begun = Instant::now();
                unit(number).await?;
                let ended = Instant::now();
                all += 1;
                if ended >= ends {
                    return Ok::<_, String>((took_us, all));
                }
                if ended >= begins {
                    took_us.saturating_record((ended - begun).as_micros() as u64);
                }
            }
        })
    };
    let (mut took_us, mut all) = (histogram(), 0_u64);
    for writer in (0..writers).map(writer).collect::<Vec<_>>() {
        let (one, units) = writer.await.map_err(|why| format!("a writer of this program panicked: {why}"))??;
        took_us.add(&one).map_err(|why| format!("adding what the writers did: {why}"))?;
        all += units;
    }
    let (units, at) = (took_us.len(), |quantile| took_us.value_at_quantile(quantile));
    if units == 0 {
        return Err(format!("of {all} units none ended in the measured {} s", measured.as_secs_f64()));
    }
    Ok((Rate { per_second: units as f64 / measured.as_secs_f64(), p50_us: at(0.5), p99_us: at(0.99), units }, all))
}

/// Units a second of SQLite alone, in a database of its own in the folder. The caller waits.
pub fn run(folder: &Path, writers: usize, shape: Shape, warm_up: Duration, measured: Duration) -> Result<Rate, String> {
    let own = tempfile::Builder::new().prefix("limit-sqlite-").tempdir_in(folder);
    let own = own.map_err(|why| format!("a folder in {}: {why}", folder.display()))?;
    let conn = seeded(&own.path().join("limit.db")).map_err(|why| format!("SQLite in {}: {why}", folder.display()))?;
    let (bare, thread) = Bare::start(conn, shape)?;
    let load = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|why| format!("no runtime: {why}"))?;
        let unit = move |_| {
            let bare = bare.clone();
            async move { bare.unit(shape).await }
        };
        runtime.block_on(closed_loop(writers, warm_up, measured, unit))
    };
    // A runtime can't be started in another one's thread, and who calls may be in one. The queue ends with it.
    let loaded = std::thread::spawn(load).join().map_err(|_| "the load on SQLite panicked".to_owned())?;
    let conn = thread.join().map_err(|_| "the writer of SQLite panicked".to_owned())?;
    let (rate, units) = loaded?;
    let count = "SELECT (SELECT count(*) FROM doc), (SELECT sum(n) FROM counter)";
    let held = conn.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?)));
    let (rows, in_counters) = held.map_err(|why| format!("counting what SQLite holds: {why}"))?;
    shape.check(units, rows, in_counters).map(|()| rate)
}

fn seeded(file: &Path) -> Result<Connection, String> {
    let text = |why: rusqlite::Error| why.to_string();
    let mut conn = Connection::open(file).map_err(text)?;
    conn.execute_batch(PRAGMAS).map_err(text)?;
    let mode: String = conn.query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(text)?;
    let synchronous: i64 = conn.query_row("PRAGMA synchronous", [], |row| row.get(0)).map_err(text)?;
    if (mode.as_str(), synchronous) != ("wal", 2) {
        return Err(format!("journal mode {mode}, synchronous {synchronous}: what it commits is not durable"));
    }
    conn.execute_batch(SCHEMA).map_err(text)?;
    let seeding = conn.transaction().map_err(text)?;
    let body = [0x5a_u8; SEEDED_BYTES];
    for number in 0..SEEDED {
        let id = (number as u128).to_be_bytes();
        let doc = seeding.prepare_cached(INSERT);
        doc.and_then(|mut it| it.execute(params![id, id, body])).map_err(text)?;
        let counter = seeding.prepare_cached("INSERT INTO counter (id, n) VALUES (?1, ?2)");
        counter.and_then(|mut it| it.execute([number, COUNTER])).map_err(text)?;
    }
    seeding.commit().map_err(text)?;
    conn.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)").map_err(text).map(|()| conn)
}

/// Who waits for a transaction's commit.
type Waiting = (Work, oneshot::Sender<Result<(), String>>);

/// One connection on a thread of its own, which commits what came while it committed.
#[derive(Debug, Clone)]
struct Bare {
    queue: mpsc::Sender<Waiting>,
    ids: Arc<AtomicU64>,
}

impl Bare {
    fn start(conn: Connection, shape: Shape) -> Result<(Self, std::thread::JoinHandle<Connection>), String> {
        let (queue, mut waiting) = mpsc::channel(QUEUE_MAX);
        let body = shape.body();
        let writer = std::thread::Builder::new().name("limit-sqlite".to_owned()).spawn(move || {
            while let Some(first) = waiting.blocking_recv() {
                let mut group = Vec::new();
                let written = write_group(&conn, first, &mut waiting, &body, &mut group).map_err(|why| why.to_string());
                // Nobody hangs up before the end.
                group.into_iter().for_each(|reply| drop(reply.send(written.clone())));
                if written.is_err() {
                    break;
                }
            }
            conn
        });
        let thread = writer.map_err(|why| format!("no thread for the writer of SQLite: {why}"))?;
        Ok((Self { queue, ids: Arc::default() }, thread))
    }

    async fn unit(&self, shape: Shape) -> Result<(), String> {
        let gone = || "the writer of SQLite ended after an error".to_owned();
        for transaction in shape.transactions {
            let (reply, answer) = oneshot::channel();
            self.queue.send((Work::draw(*transaction, &self.ids), reply)).await.map_err(|_| gone())?;
            answer.await.map_err(|_| gone())?.map_err(|why| format!("writing to SQLite: {why}"))?;
        }
        Ok(())
    }
}

fn write_group(
    conn: &Connection,
    first: Waiting,
    waiting: &mut mpsc::Receiver<Waiting>,
    body: &[u8],
    group: &mut Vec<oneshot::Sender<Result<(), String>>>,
) -> rusqlite::Result<()> {
    let control = |text| conn.prepare_cached(text)?.execute([]).map(drop);
    control("BEGIN IMMEDIATE")?;
    let mut next = Some(first);
    while let Some((work, reply)) = next.take() {
        group.push(reply);
        // In a shop, one that fails leaves the others alone.
        control("SAVEPOINT member")?;
        write(conn, &work, &body[..work.bytes])?;
        control("RELEASE SAVEPOINT member")?;
        if group.len() < GROUP_MAX {
            next = waiting.try_recv().ok();
        }
    }
    control("COMMIT")
}

fn write(conn: &Connection, work: &Work, body: &[u8]) -> rusqlite::Result<()> {
    for id in &work.reads {
        conn.prepare_cached(READ)?.query_row([id.to_be_bytes()], |row| row.get::<_, Vec<u8>>(0))?;
    }
    for counter in &work.updates {
        if conn.prepare_cached(TAKE)?.execute([counter])? != 1 {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        }
    }
    for id in &work.inserts {
        conn.prepare_cached(INSERT)?.execute(params![id.to_be_bytes(), work.parent.to_be_bytes(), body])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { transactions: &[Transaction { inserts: 2, bytes: 100, updates: 1, reads: 1 }; 2] };

    /// In a runtime too, which a caller has; that the tables hold what was answered it checks itself.
    #[tokio::test]
    async fn units_are_counted_and_nothing_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let rate = run(folder.path(), 4, SHAPE, Duration::ZERO, Duration::from_millis(300)).expect("a rate");
        assert!(rate.units > 0 && rate.p50_us > 10 && rate.p50_us <= rate.p99_us, "{rate:?}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn a_row_that_is_lost_is_no_rate() {
        let holds = |rows| SHAPE.check(3, SEEDED + rows, SEEDED * COUNTER - 6).is_ok();
        assert!(holds(12) && !holds(11));
    }
}
