//! Jobs and timers.

use jiff::{SignedDuration, Timestamp};
use store::{Db, Error, Result, StartedJob, job, params};

use crate::assert_error;
use crate::base::*;

async fn start(db: &Db, key: &str, due: Timestamp) {
    let started: Result<()> = db
        .write((Chore(key.into()), due), |tx, (chore, due)| {
            Box::pin(async move {
                tx.start_at(chore, *due);
                Ok(())
            })
        })
        .await;
    started.expect("it is started");
}

async fn claim(db: &Db, limit: i64) -> Vec<StartedJob> {
    let claimed: Result<Vec<StartedJob>> =
        db.write(limit, |tx, limit| Box::pin(job::claim(tx, &["shop"], *limit))).await;
    claimed.expect("a claim")
}

async fn finish(db: &Db, job: &StartedJob) -> Result<()> {
    db.write(job.id, |tx, id| Box::pin(tx.finish(*id))).await
}

fn after(seconds: i64) -> Timestamp {
    NOON + SignedDuration::from_secs(seconds)
}

pub async fn a_job_due_now_is_handed_over(base: &Base) {
    start(&base.db, "before anyone runs jobs", NOON).await;
    assert_eq!(claim(&base.db, 10).await.len(), 1);
    let mut started = base.db.take_started().expect("nobody has it");
    assert!(base.db.take_started().is_none(), "taken once");
    start(&base.db, "sweep", NOON).await;
    let job = started.try_recv().expect("it is handed over with the commit");
    assert_eq!((job.service.as_str(), job.kind.as_str(), job.attempts, job.created_at), ("shop", "chore", 1, NOON));
    assert_eq!(serde_json::from_str::<Chore>(&job.payload).expect("its data").0, "sweep");
    assert!(started.try_recv().is_err());
    assert!(claim(&base.db, 10).await.is_empty(), "it is this process's, until its lease ends");
    finish(&base.db, &job).await.expect("it is done");
    assert_eq!(left_behind(&base.db).await.1, 1);
    base.db.stop_starting();
    start(&base.db, "for another process", NOON).await;
    assert!(started.try_recv().is_err());
    assert_eq!(claim(&base.db, 10).await.len(), 1);
}

pub async fn a_timer_waits_for_its_time(base: &Base) {
    let mut started = base.db.take_started().expect("nobody has it");
    start(&base.db, "later", after(60)).await;
    start(&base.db, "sooner", after(30)).await;
    assert!(started.try_recv().is_err());
    assert!(claim(&base.db, 10).await.is_empty());
    assert_eq!(job::next_due(&base.db, &["shop"]).await.expect("a time"), Some(after(30)));
    assert_eq!(job::next_due(&base.db, &["carts"]).await.expect("none"), None);
    assert_eq!(job::due_count(&base.db, after(45), &["shop"]).await.expect("a count"), 1);
    base.clock.advance(std::time::Duration::from_secs(60));
    let keys: Vec<String> = claim(&base.db, 1).await.into_iter().map(|job| job.payload).collect();
    assert_eq!(keys, ["\"sooner\""], "the oldest first");
    assert_eq!(claim(&base.db, 10).await.len(), 1);
}

pub async fn one_job_waits_per_key(base: &Base) {
    let mut started = base.db.take_started().expect("nobody has it");
    start(&base.db, "once", after(60)).await;
    start(&base.db, "once", NOON).await;
    assert!(started.try_recv().is_err(), "the one that waits stays as it is");
    let both: Result<()> = base
        .db
        .write((), |tx, ()| {
            Box::pin(async move {
                tx.start(&Chore("twice".into()));
                tx.start(&Chore("twice".into()));
                Ok(())
            })
        })
        .await;
    both.expect("a write");
    assert!(started.try_recv().is_ok() && started.try_recv().is_err());
    assert_eq!(left_behind(&base.db).await.1, 2);
    start(&base.db.of("carts"), "once", after(60)).await;
    assert_eq!(left_behind(&base.db).await.1, 3, "each service has its own keys");
}

pub async fn a_lease_ends(base: &Base) {
    start(&base.db, "sweep", NOON).await;
    assert_eq!(claim(&base.db, 10).await[0].attempts, 1);
    let lease_end = NOON + job::LEASE;
    assert_eq!(job::next_due(&base.db, &["shop"]).await.expect("a time"), Some(lease_end));
    start(&base.db, "much later", after(600)).await;
    assert_eq!(job::next_due(&base.db, &["shop"]).await.expect("a time"), Some(lease_end));
    base.clock.advance(std::time::Duration::from_secs(120));
    assert_eq!(claim(&base.db, 10).await[0].attempts, 2);
    let released: Result<u64> = base.db.write((), |tx, ()| Box::pin(job::release_leases(tx, &["shop"]))).await;
    assert_eq!(released.expect("released"), 1);
    assert_eq!(claim(&base.db, 10).await[0].attempts, 3);
}

pub async fn a_job_is_retried_buried_or_cancelled(base: &Base) {
    for key in ["retried", "buried", "cancelled"] {
        start(&base.db, key, NOON).await;
    }
    let jobs = claim(&base.db, 10).await;
    let by = |key: &str| jobs.iter().find(|job| job.payload.contains(key)).expect("the job").id;
    let retried: Result<()> =
        base.db.write(by("retried"), |tx, id| Box::pin(job::retry(tx, *id, after(5), "try later"))).await;
    retried.expect("retried");
    let buried: Result<()> = base.db.write(by("buried"), |tx, id| Box::pin(job::bury(tx, *id, "hopeless"))).await;
    buried.expect("buried");
    let cancelled: Result<()> = base.db.write((), |tx, ()| Box::pin(job::cancel::<Chore>(tx, "cancelled"))).await;
    cancelled.expect("cancelled");
    assert!(claim(&base.db, 10).await.is_empty());
    base.clock.advance(std::time::Duration::from_secs(5));
    let again = claim(&base.db, 10).await;
    assert_eq!((again.len(), again[0].id, again[0].attempts), (1, by("retried"), 2));
    base.clock.advance(std::time::Duration::from_secs(5_000));
    assert_eq!(claim(&base.db, 10).await.len(), 1, "the buried one rests");
    let dead = job::dead(&base.db, 10).await.expect("letters");
    assert_eq!((dead.len(), dead[0].event, dead[0].error.as_deref()), (1, by("buried"), Some("hopeless")));
}

/// The lease ended, another copy took the job up, and both come to the end.
pub async fn finished_twice_is_undone(base: &Base) {
    start(&base.db, "charge", NOON).await;
    let slow = claim(&base.db, 1).await.remove(0);
    base.clock.advance(std::time::Duration::from_secs(120));
    let fast = claim(&base.db, 1).await.remove(0);
    let work = |job: StartedJob, counter: i64| {
        base.db.write((job.id, counter), |tx, (job, counter)| {
            Box::pin(async move {
                tx.exec(&COUNTER, params![*counter, 1_i64]).await?;
                tx.finish(*job).await
            })
        })
    };
    let (a, b): (Result<()>, Result<()>) = tokio::join!(work(fast, 1), work(slow, 2));
    let (won, lost) = if a.is_ok() { (1, b) } else { (2, a) };
    assert_error!(lost, Error::NoRow(_));
    assert_eq!((counters(&base.db).await, left_behind(&base.db).await.1), (vec![won], 0));
}
