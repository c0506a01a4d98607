//! The relay's side of the outbox.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use store::outbox::{self, Says};
use store::{Db, Envelope, Result};
use uuid::Uuid;

use crate::base::*;

const LEASE: Duration = Duration::from_secs(30);

async fn say(db: &Db, count: usize) -> Vec<Uuid> {
    let subjects: Vec<Uuid> = (0..count).map(|_| Uuid::now_v7()).collect();
    let said: Result<()> = db
        .write(subjects.clone(), |tx, subjects| {
            Box::pin(async move {
                for subject in subjects {
                    tx.say(&Said { subject: *subject, version: Some(3) });
                }
                Ok(())
            })
        })
        .await;
    said.expect("it is said");
    subjects
}

async fn turn(base: &Base, db: &Db, done: Vec<Uuid>, services: &[&'static str], limit: i64) -> Vec<Envelope> {
    turn_of(base, db, done, all(services), limit).await
}

async fn turn_of(base: &Base, db: &Db, done: Vec<Uuid>, says: Says, limit: i64) -> Vec<Envelope> {
    let until: Timestamp = base.clock.now() + LEASE;
    let claimed: Result<Vec<Envelope>> = db
        .write((done, says, until), move |tx, (done, says, until)| {
            Box::pin(outbox::turn(tx, done, says, *until, limit))
        })
        .await;
    claimed.expect("a turn")
}

fn subjects(envelopes: &[Envelope]) -> Vec<Uuid> {
    envelopes.iter().map(|envelope| envelope.subject).collect()
}

pub async fn a_claimed_event_is_not_claimed_twice(base: &Base) {
    let said = say(&base.db, 3).await;
    let claimed = turn(base, &base.db, vec![], &["shop"], 10).await;
    assert_eq!(subjects(&claimed), said);
    let event = &claimed[0];
    assert_eq!(
        (event.service.as_str(), event.name.as_str(), event.version, event.said_at),
        ("shop", "thing.said", Some(3), NOON)
    );
    let data: Said = serde_json::from_str(&event.data).expect("its JSON");
    assert_eq!((data.subject, data.version), (said[0], Some(3)));
    assert!(turn(base, &base.db, vec![], &["shop"], 10).await.is_empty(), "leased");
    base.clock.advance(LEASE);
    assert_eq!(subjects(&turn(base, &base.db, vec![], &["shop"], 10).await), said, "the lease is over");
    let released: Result<u64> = base.db.write((), |tx, ()| Box::pin(outbox::release_leases(tx, &["shop"]))).await;
    assert_eq!(released.expect("released"), 3);
    assert_eq!(subjects(&turn(base, &base.db, vec![], &["shop"], 10).await), said);
}

pub async fn a_done_event_never_comes_again(base: &Base) {
    let said = say(&base.db, 5).await;
    let first = turn(base, &base.db, vec![], &["shop"], 2).await;
    assert_eq!(outbox::undone(&base.db, &["shop"]).await.expect("a count"), (5, Some(NOON)));
    let done = first.iter().map(|event| event.id).collect();
    let rest = turn(base, &base.db, done, &["shop"], 10).await;
    assert_eq!(subjects(&rest), said[2..]);
    let done = rest.iter().map(|event| event.id).collect();
    assert!(turn(base, &base.db, done, &["shop"], 10).await.is_empty());
    base.clock.advance(LEASE * 10);
    assert!(turn(base, &base.db, vec![], &["shop"], 10).await.is_empty());
    assert_eq!(outbox::undone(&base.db, &["shop"]).await.expect("a count"), (0, None));
    assert_eq!(subjects(&outbox::page(&base.db, Uuid::nil(), 10).await.expect("a page")), said);
}

pub async fn events_come_in_order_and_by_service(base: &Base) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        ours.extend(say(&base.db, 2).await);
        theirs.extend(say(&base.db.of("carts"), 1).await);
    }
    assert_eq!(subjects(&turn(base, &base.db, vec![], &["shop"], 3).await), ours[..3]);
    assert_eq!(subjects(&turn(base, &base.db, vec![], &["carts"], 100).await), theirs);
    assert_eq!(subjects(&turn(base, &base.db, vec![], &["carts", "shop"], 100).await), ours[3..]);
    assert!(turn(base, &base.db, vec![], &[], 100).await.is_empty());
}

pub async fn what_a_later_release_said_is_left_to_it(base: &Base) {
    let said = say(&base.db, 2).await;
    let knows = |types: Vec<&'static str>| Says { services: vec!["shop"], types: Some(types) };
    for types in [vec![], vec!["thing.forgotten"]] {
        let says = knows(types);
        assert!(!outbox::waits(&base.db, &says).await.expect("a look"), "it does not wait for this release");
        assert_eq!(turn_of(base, &base.db, vec![], says, 10).await, []);
    }
    assert_eq!(outbox::undone(&base.db, &["shop"]).await.expect("a count"), (2, Some(NOON)), "it is not lost");
    let says = knows(vec!["thing.forgotten", "thing.said"]);
    assert!(outbox::waits(&base.db, &says).await.expect("a look"));
    assert_eq!(subjects(&turn_of(base, &base.db, vec![], says, 10).await), said);
}

pub async fn what_is_done_is_pruned(base: &Base) {
    say(&base.db, 5).await;
    let claimed = turn(base, &base.db, vec![], &["shop"], 4).await;
    turn(base, &base.db, claimed.iter().map(|event| event.id).collect(), &["shop"], 0).await;
    let prune = |before: Timestamp| base.db.write(before, |tx, before| Box::pin(outbox::prune(tx, *before, 3)));
    let pruned: [Result<u64>; 3] = [prune(NOON).await, prune(NOON + LEASE).await, prune(NOON + LEASE).await];
    assert_eq!(pruned.map(|count| count.expect("pruned")), [0, 3, 1]);
    assert_eq!(left_behind(&base.db).await.0, 1);
}

pub async fn claiming_races_give_each_event_once(base: &Base) {
    let said: BTreeSet<Uuid> = say(&base.db, 400).await.into_iter().collect();
    let turns = join_all((0..16).map(|_| turn(base, &base.db, vec![], &["shop"], 25))).await;
    assert!(turns.iter().all(|claimed| claimed.len() <= 25), "never more than the limit");
    let mut claimed: Vec<Uuid> = turns.iter().flat_map(|claimed| subjects(claimed)).collect();
    claimed.extend(subjects(&turn(base, &base.db, vec![], &["shop"], 400).await));
    assert_eq!(claimed.len(), 400);
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), said);
}
