//! What was given up, and tried again.

use jiff::SignedDuration;
use store::letter::{self, Kind, Letter};
use store::{Db, Envelope, Result, inbox, job, outbox, stray};
use uuid::Uuid;

use crate::base::*;

async fn claim(db: &Db, event: &Envelope) -> bool {
    let claimed: Result<_> =
        db.write(event.clone(), |tx, event| Box::pin(inbox::claim(tx, std::slice::from_ref(event)))).await;
    !claimed.expect("a claim").is_empty()
}

async fn bury(db: &Db, event: &Envelope, error: &'static str) {
    claim(db, event).await;
    let buried: Result<()> = db
        .write((event.clone(), error), |tx, (event, error)| {
            Box::pin(async move {
                inbox::park(tx, event, NOON, error).await?;
                inbox::bury(tx, event.id, error).await
            })
        })
        .await;
    buried.expect("it is buried");
}

async fn revive(db: &Db, id: Uuid) -> Option<Kind> {
    let revived: Result<Option<Kind>> = db.write(id, |tx, id| Box::pin(letter::revive(tx, *id))).await;
    revived.expect("a write")
}

fn event() -> Envelope {
    Envelope {
        id: Uuid::now_v7(),
        service: "shop".to_owned(),
        name: "thing.said".to_owned(),
        subject: Uuid::now_v7(),
        version: None,
        data: "{\"word\":1}".to_owned(),
        traceparent: None,
        said_at: NOON,
    }
}

async fn letters(db: &Db, kind: Kind, limit: i64) -> Vec<Letter> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = letter::page(db, kind, after, limit).await.expect("a page");
        let Some(last) = page.last() else { return all };
        after = Some(last.cursor());
        all.extend(page);
    }
}

pub async fn a_dead_event_is_found_and_comes_again(base: &Base) {
    let events = [event(), event(), event()];
    for event in &events {
        bury(&base.db, event, "hopeless").await;
    }
    let all = letters(&base.db, Kind::Event, 2).await;
    let mut ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    ids.sort();
    assert_eq!(all.iter().map(|letter| letter.id).collect::<Vec<_>>(), ids, "each once, over pages");
    assert_eq!((all[0].name.as_str(), all[0].error.as_deref(), all[0].attempts), ("thing.said", Some("hopeless"), 1));
    assert!(letters(&base.db.of("carts"), Kind::Event, 2).await.is_empty(), "each service has its own");
    assert!(letters(&base.db, Kind::Job, 2).await.is_empty());

    let (first, body) = letter::open(&base.db, ids[0]).await.expect("a read").expect("it is there");
    assert_eq!((first.id, body["name"].as_str()), (ids[0], Some("thing.said")));
    base.clock.advance(std::time::Duration::from_secs(100_000));
    assert_eq!(revive(&base.db, ids[0]).await, Some(Kind::Event));
    assert_eq!(revive(&base.db, ids[0]).await, None, "it lives already");
    assert_eq!(revive(&base.db.of("carts"), ids[1]).await, None);
    assert!(letter::open(&base.db, ids[0]).await.expect("a read").is_none());
    let due = inbox::due(&base.db, base.clock.now(), 10).await.expect("due");
    assert_eq!((due.len(), due[0].event.id, due[0].attempts, due[0].received_at), (1, ids[0], 0, base.clock.now()));
    assert_eq!(letter::count(&base.db).await.expect("a count"), (2, 0));
    assert!(!claim(&base.db, &events[0]).await, "its delivery may come again and is known");
}

/// It holds its key while it is dead, and from then on lives and holds it.
pub async fn a_dead_job_runs_again(base: &Base) {
    let start = async || {
        let started: Result<()> = base
            .db
            .write((), |tx, ()| {
                Box::pin(async move {
                    tx.start(&Chore("sweep".into()));
                    Ok(())
                })
            })
            .await;
        started.expect("started");
    };
    let claimed = async || {
        let claimed: Result<Vec<_>> = base.db.write((), |tx, ()| Box::pin(job::claim(tx, &["shop"], 10))).await;
        claimed.expect("a claim")
    };
    start().await;
    let job = claimed().await.remove(0);
    let buried: Result<()> = base.db.write(job.id, |tx, id| Box::pin(job::bury(tx, *id, "hopeless"))).await;
    buried.expect("buried");
    start().await;
    assert!(claimed().await.is_empty(), "the dead one holds its key");
    let all = letters(&base.db, Kind::Job, 1).await;
    assert_eq!((all.len(), all[0].id, all[0].name.as_str(), all[0].attempts), (1, job.id, "chore", 1));
    let (_, body) = letter::open(&base.db, job.id).await.expect("a read").expect("it is there");
    assert_eq!(body, serde_json::json!("sweep"));
    base.clock.advance(std::time::Duration::from_secs(100_000));
    assert_eq!(revive(&base.db, job.id).await, Some(Kind::Job));
    let again = claimed().await;
    assert_eq!((again.len(), again[0].id, again[0].attempts), (1, job.id, 1), "counted afresh");
    assert_eq!(again[0].created_at, base.clock.now(), "and it has its whole day");
}

pub async fn an_outbox_is_counted(base: &Base) {
    let hour_ago = NOON - SignedDuration::from_hours(1);
    let depth = async || outbox::depth(&base.db, base.clock.now(), hour_ago).await.expect("a depth");
    assert_eq!((depth().await.waiting, depth().await.oldest_said_at, depth().await.done), (0, None, 0));
    for _ in 0..3 {
        let said: Result<()> = base
            .db
            .write((), |tx, ()| {
                Box::pin(async move {
                    tx.say(&Said { subject: Uuid::now_v7(), version: None });
                    Ok(())
                })
            })
            .await;
        said.expect("said");
    }
    let turn = async |done: Vec<Uuid>, limit: i64| {
        let lease = base.clock.now() + SignedDuration::from_secs(30);
        let turn: Result<Vec<Envelope>> = base
            .db
            .write((done, all(&["shop"]), lease, limit), |tx, (done, says, lease, limit)| {
                Box::pin(outbox::turn(tx, done, says, *lease, *limit))
            })
            .await;
        turn.expect("a turn")
    };
    let claimed = turn(vec![], 2).await;
    let seen = depth().await;
    assert_eq!((seen.waiting, seen.in_flight, seen.oldest_said_at, seen.done), (3, 2, Some(NOON), 0));
    turn(claimed.iter().map(|event| event.id).collect(), 0).await;
    let seen = depth().await;
    assert_eq!((seen.waiting, seen.in_flight, seen.done), (1, 0, 2));
    let again = async |id: Uuid| -> bool {
        let again: Result<bool> = base.db.write(id, |tx, id| Box::pin(outbox::again(tx, *id))).await;
        again.expect("a write")
    };
    assert!(again(claimed[0].id).await && !again(claimed[0].id).await && !again(Uuid::now_v7()).await);
    assert_eq!(depth().await.waiting, 2);
    let mut back = turn(vec![], 9).await.into_iter().map(|event| event.id);
    assert!(back.any(|id| id == claimed[0].id), "it comes again");
    turn(vec![claimed[0].id], 0).await;
    base.clock.advance(std::time::Duration::from_secs(7_200));
    let later = base.clock.now() - SignedDuration::from_hours(1);
    assert_eq!(outbox::depth(&base.db, base.clock.now(), later).await.expect("a depth").done, 0);
    assert!(outbox::before(jiff::Timestamp::UNIX_EPOCH) < claimed[0].id);
}

pub async fn what_may_be_applied_again_is_known(base: &Base) {
    let thing = Uuid::now_v7();
    let version = |number: i64| Envelope { subject: thing, version: Some(number), ..event() };
    let (old, new, parked, unknown) = (version(1), version(2), event(), event());
    claim(&base.db, &old).await;
    claim(&base.db, &new).await;
    bury(&base.db, &parked, "hopeless").await;
    let asked = vec![old.clone(), new.clone(), parked.clone(), unknown];
    let known: Result<Vec<(Uuid, bool)>> = base.db.write(asked, |tx, asked| Box::pin(inbox::known(tx, asked))).await;
    let mut known = known.expect("known");
    known.sort();
    let mut expected = vec![(old.id, false), (new.id, true), (parked.id, false)];
    expected.sort();
    assert_eq!(known, expected);
}

/// What is applied holds no text any more; what waits, is dead or was said does.
pub async fn every_text_of_the_platform_is_walked(base: &Base) {
    let (applied, parked, dead) = (event(), event(), event());
    claim(&base.db, &applied).await;
    bury(&base.db, &dead, "hopeless").await;
    claim(&base.db, &parked).await;
    let written: Result<()> = base
        .db
        .write(parked.clone(), |tx, parked| {
            Box::pin(async move {
                inbox::park(tx, parked, NOON, "not yet").await?;
                tx.say(&Said { subject: parked.subject, version: None });
                tx.start_at(&Chore("sweep".into()), NOON);
                Ok(())
            })
        })
        .await;
    written.expect("written");
    let mut found = Vec::new();
    for (table, name) in stray::TABLES.iter().enumerate() {
        let mut after = Uuid::nil();
        loop {
            let page = stray::page(&base.db, table, after, 1).await.expect("a page");
            let Some(last) = page.last() else { break };
            after = last.at;
            found.extend(page.into_iter().map(|row| (*name, row)));
        }
    }
    let texts = |table: &str| -> Vec<String> {
        let rows = found.iter().filter(|(of, _)| *of == table);
        rows.flat_map(|(_, row)| row.texts.iter().filter_map(|(_, text)| text.clone())).collect()
    };
    let inbox = texts("souk_inbox").join(" ");
    assert!(inbox.contains("hopeless") && inbox.contains("not yet"), "{inbox}");
    assert!(inbox.contains(&dead.id.to_string()) && !inbox.contains(&applied.id.to_string()), "{inbox}");
    assert_eq!(texts("souk_outbox").len(), 1);
    assert_eq!(texts("souk_job"), ["\"sweep\"", "sweep"]);
    assert_eq!(job::lag(&base.db, NOON).await.expect("a lag"), (1, Some(NOON)));
    assert_eq!(job::lag(&base.db, NOON - SignedDuration::from_secs(1)).await.expect("a lag"), (0, None));
    assert!(stray::page(&base.db.of("carts"), 0, Uuid::nil(), 9).await.expect("a page").is_empty());
}
