//! All or nothing, in whole and in parts.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use store::{Error, Result, Tx, params, work};
use uuid::Uuid;

use crate::assert_error;
use crate::base::*;

fn said(subject: Uuid) -> Said {
    Said { subject, version: None }
}

pub async fn a_broken_constraint_leaves_nothing(base: &Base) {
    counter(&base.db, 1, 1).await.expect("a counter");
    assert_error!(counter(&base.db, 1, 5).await, Error::Constraint { statement: "conformance::base::COUNTER", .. });
    assert_error!(add(&base.db, 1, -2).await, Error::Constraint { .. });
    let item = (Uuid::now_v7(), Uuid::now_v7());
    let twice: Result<()> = base
        .db
        .write(item, |tx, (a, b)| {
            Box::pin(async move {
                tx.exec(&ITEM, params![*a, "same name"]).await?;
                tx.exec(&ITEM, params![*b, "same name"]).await.map(drop)
            })
        })
        .await;
    assert_error!(twice, Error::Constraint { .. });
    assert!(base.db.all::<(Uuid,)>(&ITEMS, params![]).await.expect("items").is_empty());
    assert_eq!(value(&base.db, 1).await, 1);
}

#[derive(Debug)]
enum Refusal {
    SoldOut,
    Store(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

pub async fn all_or_nothing_with_events_and_jobs(base: &Base) {
    let _started = base.db.take_started();
    let write = |refuses: bool| {
        base.db.write(refuses, |tx: &mut Tx, refuses: &bool| {
            Box::pin(async move {
                tx.exec(&COUNTER, params![1_i64, 0_i64]).await?;
                tx.say(&said(Uuid::now_v7()));
                tx.start(&Chore("sweep".into()));
                if *refuses { Err(Refusal::SoldOut) } else { Ok(()) }
            })
        })
    };
    assert_error!(write(true).await, Refusal::SoldOut);
    assert_eq!((counters(&base.db).await, left_behind(&base.db).await), (vec![], (0, 0)));
    write(false).await.expect("a write");
    assert_eq!((counters(&base.db).await, left_behind(&base.db).await), (vec![1], (1, 1)));
    match write(false).await {
        Err(Refusal::Store(Error::Constraint { .. })) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(left_behind(&base.db).await, (1, 1));
}

pub async fn a_refusal_does_not_hurt_its_neighbours(base: &Base) {
    let busy = occupy(&base.db).await;
    let writes = join_all((0..60_i64).map(|id| {
        base.db.write(id, |tx, id| {
            Box::pin(async move {
                tx.exec(&COUNTER, params![*id, *id]).await?;
                tx.say(&said(Uuid::now_v7()));
                match id % 3 {
                    0 => Ok(()),
                    1 => Err(Refusal::SoldOut),
                    _ => tx.exec(&COUNTER, params![*id, *id]).await.map(drop).map_err(Refusal::Store),
                }
            })
        })
    }))
    .await;
    busy.await.expect("no panic").expect("it ends");
    for (id, result) in writes.iter().enumerate() {
        match (id % 3, result) {
            (0, Ok(())) | (1, Err(Refusal::SoldOut)) | (2, Err(Refusal::Store(Error::Constraint { .. }))) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(counters(&base.db).await, (0..60).step_by(3).collect::<Vec<_>>());
    assert_eq!(left_behind(&base.db).await, (20, 0));
}

async fn part(tx: &mut Tx, id: i64) -> Result<()> {
    tx.exec(&COUNTER, params![id, id]).await?;
    tx.say(&said(Uuid::now_v7()));
    tx.start(&Chore(id.to_string()));
    Ok(())
}

pub async fn a_part_is_kept_or_undone(base: &Base) {
    let write: Result<()> = base
        .db
        .write((), |tx, ()| {
            Box::pin(async move {
                part(tx, 1).await?;
                let mark = tx.mark().await?;
                part(tx, 2).await?;
                tx.undo(mark).await?;
                let mark = tx.mark().await?;
                part(tx, 3).await?;
                tx.keep(mark).await
            })
        })
        .await;
    write.expect("a write");
    assert_eq!((counters(&base.db).await, left_behind(&base.db).await), (vec![1, 3], (2, 2)));
}

pub async fn parts_nest(base: &Base) {
    let write: Result<()> = base
        .db
        .write((), |tx, ()| {
            Box::pin(async move {
                let outer = tx.mark().await?;
                part(tx, 1).await?;
                let inner = tx.mark().await?;
                part(tx, 2).await?;
                tx.keep(inner).await?;
                let inner = tx.mark().await?;
                part(tx, 3).await?;
                tx.undo(inner).await?;
                part(tx, 4).await?;
                tx.undo(outer).await?;
                part(tx, 5).await
            })
        })
        .await;
    write.expect("a write");
    assert_eq!((counters(&base.db).await, left_behind(&base.db).await), (vec![5], (1, 1)));
}

pub async fn a_failed_statement_takes_the_transaction_with_it(base: &Base) {
    counter(&base.db, 1, 0).await.expect("a counter");
    // It swallows the error; both databases must see that there is nothing to commit.
    let swallowed: Result<()> = base
        .db
        .write((), |tx, ()| {
            Box::pin(async move {
                tx.exec(&COUNTER, params![2_i64, 0_i64]).await?;
                assert_error!(tx.exec(&COUNTER, params![1_i64, 0_i64]).await, Error::Constraint { .. });
                Ok(())
            })
        })
        .await;
    assert_error!(swallowed, Error::Statement { .. });
    let went_on: Result<()> = base
        .db
        .write((), |tx, ()| {
            Box::pin(async move {
                assert_error!(tx.exec(&COUNTER, params![1_i64, 0_i64]).await, Error::Constraint { .. });
                tx.exec(&COUNTER, params![2_i64, 0_i64]).await.map(drop)
            })
        })
        .await;
    match went_on {
        Err(Error::Statement { reason, .. }) => {
            assert!(reason.contains("breaks"), "it names the first failure: {reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(counters(&base.db).await, [1]);
    assert_works(base, &base.db).await;
}

pub async fn a_failed_statement_in_an_undone_part_does_not(base: &Base) {
    counter(&base.db, 1, 0).await.expect("a counter");
    let write: Result<()> = base
        .db
        .write((), |tx, ()| {
            Box::pin(async move {
                part(tx, 2).await?;
                let mark = tx.mark().await?;
                part(tx, 3).await?;
                assert_error!(tx.exec(&COUNTER, params![1_i64, 0_i64]).await, Error::Constraint { .. });
                assert_error!(tx.exec(&COUNTER, params![7_i64, 0_i64]).await, Error::Statement { .. });
                tx.undo(mark).await?;
                part(tx, 4).await
            })
        })
        .await;
    write.expect("a write");
    assert_eq!((counters(&base.db).await, left_behind(&base.db).await), (vec![1, 2, 4], (2, 2)));
}

pub async fn a_read_is_one_view(base: &Base) {
    counter(&base.db, 1, 1).await.expect("a counter");
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let db = base.db.clone();
    let writer = tokio::spawn(async move {
        tokio::task::spawn_blocking(move || gone.recv()).await.expect("no panic").expect("told to go");
        add(&db, 1, 5).await.expect("a write");
        done.send(()).expect("the reader waits");
    });
    let channels = std::sync::Mutex::new((go, is_done));
    let read: Result<(i64, i64)> = base
        .db
        .read(channels, |tx, channels| {
            Box::pin(async move {
                let (before,) = tx.one(&VALUE, params![1_i64]).await?;
                {
                    let channels = channels.lock().expect("no panic");
                    channels.0.send(()).expect("the writer waits");
                    channels.1.recv_timeout(Duration::from_secs(10)).expect("the writer wrote");
                }
                let (after,) = tx.one(&VALUE, params![1_i64]).await?;
                Ok((before, after))
            })
        })
        .await;
    assert_eq!(read.expect("a read"), (1, 1));
    writer.await.expect("no panic");
    assert_eq!(value(&base.db, 1).await, 6);
}

pub async fn a_read_refuses_writes(base: &Base) {
    let writes: Result<u64> =
        base.db.read((), |tx, ()| Box::pin(async move { tx.exec(&COUNTER, params![1_i64, 1_i64]).await })).await;
    assert_error!(writes, Error::Statement { .. });
    let says: Result<()> = base
        .db
        .read((), |tx, ()| {
            Box::pin(async move {
                tx.say(&said(Uuid::now_v7()));
                Ok(())
            })
        })
        .await;
    assert_error!(says, Error::Statement { .. });
    assert_eq!((counters(&base.db).await, left_behind(&base.db).await), (vec![], (0, 0)));
    assert_works(base, &base.db).await;
}

pub async fn a_commit_wakes_the_relay(base: &Base) {
    let quiet = tokio::time::timeout(Duration::from_millis(50), base.db.said()).await;
    assert!(quiet.is_err(), "nothing was said");
    let refused: Result<(), Refusal> = base
        .db
        .write((), |tx, ()| {
            Box::pin(async move {
                tx.say(&said(Uuid::now_v7()));
                Err(Refusal::SoldOut)
            })
        })
        .await;
    assert_error!(refused, Refusal::SoldOut);
    assert!(tokio::time::timeout(Duration::from_millis(50), base.db.said()).await.is_err(), "it was taken back");
    let write: Result<()> = base.db.write((), |tx, ()| Box::pin(part(tx, 1))).await;
    write.expect("a write");
    tokio::time::timeout(Duration::from_secs(5), base.db.said()).await.expect("the relay is woken");
}

pub async fn costs_are_counted(base: &Base) {
    base.db.ledger().record();
    let cost = Arc::new(work::Cost::default());
    let work = async {
        counter(&base.db, 1, 1).await.expect("a counter");
        value(&base.db, 1).await;
    };
    work::scope("a test", Some("00-trace"), Arc::clone(&cost), work).await;
    assert_eq!((cost.transactions(), cost.statements()), (1, 2));
    assert_eq!(base.db.ledger().entries(), [("a test".to_owned(), 1, 2)]);
}
