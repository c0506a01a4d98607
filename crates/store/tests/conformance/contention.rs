//! Many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use futures::future::join_all;
use store::{Error, Result, Sql, params};

use crate::assert_error;
use crate::base::*;

const WRITERS: i64 = 512;

pub async fn writers_at_once_are_all_answered(base: &Base) {
    counter(&base.db, 1, 0).await.expect("a counter");
    let db = base.again_with(|options| options.wait_max = std::time::Duration::from_secs(60)).await;
    let tasks = (0..WRITERS).map(|_| {
        let db = db.clone();
        tokio::spawn(async move { add(&db, 1, 1).await })
    });
    for done in join_all(tasks).await {
        done.expect("no panic").expect("a write");
    }
    assert_eq!(value(&base.db, 1).await, WRITERS);
}

pub async fn a_group_is_one_commit(base: &Base) {
    counter(&base.db, 1, 0).await.expect("a counter");
    let busy = occupy(&base.db).await;
    let before = base.db.commits();
    let done = join_all((0..WRITERS).map(|_| add(&base.db, 1, 1))).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    busy.await.expect("no panic").expect("it ends");
    assert_eq!(value(&base.db, 1).await, WRITERS);
    let commits = base.db.commits() - before;
    assert!(commits <= 64, "{WRITERS} transactions in {commits} commits are no groups");
}

pub async fn the_last_unit_is_sold_once(base: &Base) {
    counter(&base.db, 1, 1).await.expect("a counter");
    let buyers = (0..16).map(|_| {
        let db = base.db.clone();
        let buy = async move {
            db.write((), |tx, ()| Box::pin(async move { tx.exec(&TAKE, params![1_i64, 1_i64]).await })).await
        };
        tokio::spawn(buy)
    });
    let bought: Vec<Result<u64>> = join_all(buyers).await.into_iter().map(|done| done.expect("no panic")).collect();
    assert_eq!(bought.iter().flatten().sum::<u64>(), 1, "{bought:?}");
    assert!(bought.iter().all(Result::is_ok), "{bought:?}");
    assert_eq!(value(&base.db, 1).await, 0);
}

pub async fn the_check_holds_in_a_race(base: &Base) {
    counter(&base.db, 1, 5).await.expect("a counter");
    let done = join_all((0..20).map(|_| add(&base.db, 1, -1))).await;
    assert_eq!(done.iter().filter(|result| result.is_ok()).count(), 5);
    assert!(done.iter().all(|result| matches!(result, Ok(()) | Err(Error::Constraint { .. }))), "{done:?}");
    assert_eq!(value(&base.db, 1).await, 0);
}

pub async fn a_deadlock_is_run_again(base: &Base) {
    counter(&base.db, 1, 0).await.expect("a counter");
    counter(&base.db, 2, 0).await.expect("a counter");
    let runs = Arc::new(AtomicU32::new(0));
    let cross = |first: i64, second: i64| {
        base.db.write((first, second, Arc::clone(&runs)), |tx, (first, second, runs)| {
            Box::pin(async move {
                runs.fetch_add(1, SeqCst);
                tx.exec(&ADD, params![*first, 1_i64]).await?;
                linger(tx, false).await?;
                tx.exec(&ADD, params![*second, 1_i64]).await.map(drop)
            })
        })
    };
    let (a, b): (Result<()>, Result<()>) = tokio::join!(cross(1, 2), cross(2, 1));
    a.expect("one of them");
    b.expect("the other");
    assert_eq!((value(&base.db, 1).await, value(&base.db, 2).await), (2, 2));
    assert!(runs.load(SeqCst) > 2, "they did not meet");
}

pub async fn losing_always_is_given_up(base: &Base) {
    static LOSE: Sql = Sql::new("test::LOSE", "SELECT test_lose()");
    let function = "CREATE FUNCTION test_lose() RETURNS BIGINT LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$";
    base.superuser().await.batch_execute(function).await.expect("a function");
    let runs = Arc::new(AtomicU32::new(0));
    let lost: Result<()> = base
        .db
        .write(Arc::clone(&runs), |tx, runs| {
            Box::pin(async move {
                runs.fetch_add(1, SeqCst);
                tx.exec(&COUNTER, params![1_i64, 1_i64]).await?;
                // Undone or swallowed, a loss is no verdict: the whole is run again.
                let mark = tx.mark().await?;
                assert_error!(tx.all::<(i64,)>(&LOSE, params![]).await, Error::Contended(_));
                let _ = tx.undo(mark).await;
                Ok(())
            })
        })
        .await;
    assert_error!(lost, Error::Contended(8));
    assert_eq!(runs.load(SeqCst), 8);
    assert!(counters(&base.db).await.is_empty());
    assert_works(base, &base.db).await;
}
