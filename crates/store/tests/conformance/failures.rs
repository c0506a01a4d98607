//! What goes wrong leaves nothing behind, and the next one works.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use futures::future::join_all;
use store::{Db, Error, Result, Sql, params};
use tokio::sync::Notify;

use crate::assert_error;
use crate::base::*;

pub async fn a_panic_is_answered_and_leaves_nothing(base: &Base) {
    let result: Result<()> = base
        .db
        .write((), |tx, ()| {
            Box::pin(async move {
                tx.exec(&COUNTER, params![1_i64, 1_i64]).await?;
                panic!("on purpose");
            })
        })
        .await;
    match result {
        Err(Error::Panicked(text)) => assert_eq!(text, "on purpose"),
        other => panic!("{other:?}"),
    }
    assert!(counters(&base.db).await.is_empty());
    assert_works(base, &base.db).await;
}

pub async fn a_panic_before_the_first_await_is_answered(base: &Base) {
    for _ in 0..2 * CONNECTIONS {
        let result: Result<()> =
            base.db.write(true, |_, panics| if *panics { panic!("at once") } else { Box::pin(async { Ok(()) }) }).await;
        assert_error!(result, Error::Panicked(_));
    }
    assert_works(base, &base.db).await;
}

pub async fn a_reader_survives_a_panic(base: &Base) {
    for _ in 0..2 * CONNECTIONS {
        let result: Result<()> =
            base.db.read(true, |_, panics| if *panics { panic!("at once") } else { Box::pin(async { Ok(()) }) }).await;
        assert_error!(result, Error::Panicked(_));
        let result: Result<()> = base
            .db
            .read((), |tx, ()| {
                Box::pin(async move {
                    tx.all::<(i64,)>(&COUNTERS, params![]).await?;
                    panic!("later")
                })
            })
            .await;
        assert_error!(result, Error::Panicked(_));
    }
    assert_works(base, &base.db).await;
}

pub async fn who_waits_for_something_else_is_told(base: &Base) {
    let write: Result<()> = base
        .db
        .write((), |tx, ()| {
            Box::pin(async move {
                tx.exec(&COUNTER, params![1_i64, 1_i64]).await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
                Ok(())
            })
        })
        .await;
    assert_error!(write, Error::Waited);
    let read: Result<()> = base
        .db
        .read((), |_, ()| {
            Box::pin(async move {
                tokio::task::yield_now().await;
                Ok(())
            })
        })
        .await;
    assert_error!(read, Error::Waited);
    assert!(counters(&base.db).await.is_empty());
    assert_works(base, &base.db).await;
}

pub async fn a_caller_that_hangs_up_before_changes_nothing(base: &Base) {
    let db = base.again_with(|options| options.connections_max = 1).await;
    let busy = occupy(&db).await;
    let gone: Vec<_> = (1..50).map(|id| tokio::time::timeout(Duration::from_millis(50), counter(&db, id, 1))).collect();
    assert!(join_all(gone).await.iter().all(Result::is_err), "none had begun");
    busy.await.expect("no panic").expect("it ends");
    assert_works(base, &db).await;
    assert_eq!(counters(&base.db).await, [9_999]);
}

pub async fn a_caller_that_hangs_up_during_leaves_all_or_nothing(base: &Base) {
    for round in 0..2 * CONNECTIONS as i64 {
        let begun = Arc::new(Notify::new());
        let input = (round * 2, base.is_sqlite(), Arc::clone(&begun));
        let db = base.db.clone();
        let caller = tokio::spawn(async move {
            let write: Result<()> = db
                .write(input, |tx, (id, is_sqlite, begun)| {
                    Box::pin(async move {
                        tx.exec(&COUNTER, params![*id, 1_i64]).await?;
                        begun.notify_one();
                        if *is_sqlite {
                            std::thread::sleep(Duration::from_millis(20));
                        } else {
                            linger(tx, false).await?;
                        }
                        tx.exec(&COUNTER, params![*id + 1, 1_i64]).await.map(drop)
                    })
                })
                .await;
            write
        });
        begun.notified().await;
        caller.abort();
        assert!(caller.await.is_err());
    }
    assert_works(base, &base.db).await;
    let left: BTreeSet<i64> = counters(&base.db).await.into_iter().filter(|id| *id != 9_999).collect();
    assert!(left.iter().all(|id| left.contains(&(id ^ 1))), "half a transaction: {left:?}");
}

pub async fn everything_taken_is_busy_and_recovers(base: &Base) {
    let tight = |options: &mut store::Options| {
        options.connections_max = 1;
        options.wait_max = Duration::from_millis(100);
    };
    let db = base.again_with(tight).await;
    let busy = occupy(&db).await;
    let refused = counter(&db, 1, 1).await;
    match &refused {
        Err(error @ Error::Busy(_)) => assert!(error.is_unavailable()),
        other => panic!("{other:?}"),
    }
    busy.await.expect("no panic").expect("it ends");
    counter(&db, 2, 1).await.expect("it recovers");
    assert_eq!(counters(&db).await, [2], "who was told Busy wrote nothing");
}

pub async fn a_slow_transaction_is_rolled_back(base: &Base) {
    let db = base.again_with(|options| options.transaction_max = Duration::from_millis(150)).await;
    counter(&db, 1, 0).await.expect("a counter");
    let slow: Result<()> = db
        .write((), |tx, ()| {
            Box::pin(async move {
                loop {
                    tx.exec(&ADD, params![1_i64, 1_i64]).await?;
                }
            })
        })
        .await;
    assert_error!(slow, Error::TooSlow(150));
    assert_eq!(value(&db, 1).await, 0);
    assert_works(base, &db).await;
}

static PAGES: Sql = Sql::new("test::PAGES", "PRAGMA page_count");
static FEW: Sql = Sql::new("test::FEW", "PRAGMA max_page_count = 60");
static MANY: Sql = Sql::new("test::MANY", "PRAGMA max_page_count = 100000");
static BULKY: Sql = Sql::new("test::BULKY", "INSERT INTO shop_item (id, name) VALUES ($1, $2)");

/// Sets a limit of the writer's own connection.
async fn pragma(db: &Db, sql: &'static Sql) -> Result<()> {
    db.write(sql, |tx, sql| Box::pin(async move { tx.all::<(i64,)>(sql, params![]).await.map(drop) })).await
}

async fn bulky(db: &Db) -> (uuid::Uuid, Result<()>) {
    let id = uuid::Uuid::now_v7();
    let text = format!("{id}{}", "x".repeat(5_000));
    let write = db.write((id, text), |tx, (id, text)| {
        Box::pin(async move {
            tx.exec(&BULKY, params![*id, text]).await?;
            tx.say(&Said { subject: *id, version: None });
            Ok(())
        })
    });
    (id, write.await)
}

/// Exactly what was acknowledged is there: rows, and their events.
async fn assert_acknowledged(db: &Db, done: &[(uuid::Uuid, Result<()>)]) {
    assert!(done.iter().all(|(_, result)| matches!(result, Ok(()) | Err(Error::Unavailable(_)))), "{done:?}");
    let acknowledged: BTreeSet<_> = done.iter().filter(|(_, result)| result.is_ok()).map(|(id, _)| *id).collect();
    let kept: Vec<(uuid::Uuid,)> = db.all(&ITEMS, params![]).await.expect("items");
    assert_eq!(kept.into_iter().map(|(id,)| id).collect::<BTreeSet<_>>(), acknowledged);
    assert_eq!(left_behind(db).await.0, acknowledged.len() as i64);
}

/// SQLite answers `SQLITE_FULL` to a statement in the middle of the group, at a limit of pages.
pub async fn a_full_database_fails_its_whole_group(base: &Base) {
    let mut done = vec![bulky(&base.db).await];
    assert!(done[0].1.is_ok());
    let (pages,): (i64,) = base.db.one(&PAGES, params![]).await.expect("pages");
    assert!(pages < 60, "{pages} pages before the test");
    pragma(&base.db, &FEW).await.expect("a limit");
    let busy = occupy(&base.db).await;
    done.extend(join_all((0..40).map(|_| bulky(&base.db))).await);
    busy.await.expect("no panic").expect("a group of its own, before");
    let failed = done.iter().filter(|(_, result)| result.is_err()).count();
    assert!(failed >= 10, "{failed} failed: that was no group");
    assert_acknowledged(&base.db, &done).await;
    pragma(&base.db, &MANY).await.expect("space");
    done.push(bulky(&base.db).await);
    assert!(done.last().is_some_and(|(_, result)| result.is_ok()));
    assert_acknowledged(&base.db, &done).await;
    assert_works(base, &base.db).await;
}

const CHILD: &str = "SOUK_TEST_FULL_DISK";

/// The disk refuses the commit itself. A process of its own with a limit on the size of its files, so
/// that it needs no rights: the write-ahead log can't grow past it.
pub async fn a_full_disk_fails_its_whole_group(base: &Base) {
    if let Ok(path) = std::env::var(CHILD) {
        return write_until_full(base, &path).await;
    }
    let file = tempfile::tempdir().expect("a folder");
    let path = file.path().join("acknowledged");
    let program = std::env::current_exe().expect("this program");
    let script =
        "trap '' XFSZ; ulimit -S -f 800; exec \"$0\" --exact sqlite::a_full_disk_fails_its_whole_group --nocapture";
    let mut child = std::process::Command::new("bash");
    let ran = child.args(["-c", script]).arg(program).env(CHILD, &path).output().expect("it runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(std::fs::read_to_string(path).expect("it got to its end"), "done");
}

async fn write_until_full(base: &Base, path: &str) {
    let mut done = Vec::new();
    for _ in 0..40 {
        done.extend(join_all((0..8).map(|_| bulky(&base.db))).await);
        if done.iter().any(|(_, result)| result.is_err()) {
            break;
        }
    }
    assert!(
        done.iter().any(|(_, result)| result.is_ok()) && done.iter().any(|(_, result)| result.is_err()),
        "{done:?}"
    );
    assert_acknowledged(&base.db, &done).await;
    let raised = std::process::Command::new("prlimit")
        .args(["--fsize=unlimited", "--pid"])
        .arg(std::process::id().to_string())
        .status();
    assert!(raised.expect("prlimit runs").success());
    done.push(bulky(&base.db).await);
    assert!(done.last().is_some_and(|(_, result)| result.is_ok()), "{:?}", done.last());
    assert_acknowledged(&base.db, &done).await;
    assert_acknowledged(&base.again().await, &done).await;
    assert_works(base, &base.db).await;
    std::fs::write(path, "done").expect("the parent's file");
}

pub async fn dead_connections_are_replaced(base: &Base) {
    counter(&base.db, 1, 0).await.expect("a counter");
    join_all((0..CONNECTIONS).map(|_| add(&base.db, 1, 1))).await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    base.superuser().await.query(kill, &[]).await.expect("they are gone");
    let done = join_all((0..2 * CONNECTIONS).map(|_| add(&base.db, 1, 1))).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!(value(&base.db, 1).await, 3 * CONNECTIONS as i64);
    base.superuser().await.query(kill, &[]).await.expect("they are gone");
    assert_eq!(value(&base.db, 1).await, 3 * CONNECTIONS as i64);
    assert_works(base, &base.db).await;
}

static DIE: Sql = Sql::new("test::DIE", "SELECT pg_terminate_backend(pg_backend_pid())");

async fn write_and_die(db: &Db, always: bool) -> Result<()> {
    let has_died = AtomicBool::new(false);
    db.write((always, has_died), |tx, (always, has_died)| {
        Box::pin(async move {
            tx.exec(&COUNTER, params![1_i64, 1_i64]).await?;
            if !has_died.swap(true, SeqCst) || *always {
                tx.all::<(bool,)>(&DIE, params![]).await?;
            }
            Ok(())
        })
    })
    .await
}

pub async fn a_connection_lost_in_a_transaction_is_run_again(base: &Base) {
    write_and_die(&base.db, false).await.expect("it is run again");
    assert_eq!(counters(&base.db).await, [1]);
    assert_works(base, &base.db).await;
}

pub async fn a_connection_that_is_always_lost_is_unavailable(base: &Base) {
    assert_error!(write_and_die(&base.db, true).await, Error::Unavailable(_));
    assert!(counters(&base.db).await.is_empty());
    assert_works(base, &base.db).await;
}

pub async fn a_statement_nobody_waited_for_is_not_committed(base: &Base) {
    counter(&base.db, 1, 0).await.expect("a counter");
    let write: Result<()> = base
        .db
        .write((), |tx, ()| {
            Box::pin(async move {
                tx.exec(&COUNTER, params![2_i64, 0_i64]).await?;
                // It breaks a constraint, and its answer is never read.
                futures::future::select(Box::pin(tx.exec(&COUNTER, params![1_i64, 0_i64])), std::future::ready(()))
                    .await;
                Ok(())
            })
        })
        .await;
    assert_error!(write, Error::Statement { .. });
    assert_eq!(counters(&base.db).await, [1]);
    assert_works(base, &base.db).await;
}
