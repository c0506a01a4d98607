//! Each event once per service.

use std::time::Duration;

use jiff::Timestamp;
use store::inbox::{self, Claimed};
use store::{Db, Envelope, Result};
use uuid::Uuid;

use crate::base::*;

fn event(subject: Uuid, version: Option<i64>) -> Envelope {
    Envelope {
        id: Uuid::now_v7(),
        service: "catalog".into(),
        name: "thing.said".into(),
        subject,
        version,
        data: "{\"it\": \"is\"}".into(),
        traceparent: None,
        said_at: NOON,
    }
}

async fn claim(db: &Db, events: &[&Envelope]) -> Vec<(Uuid, bool)> {
    let events: Vec<Envelope> = events.iter().copied().cloned().collect();
    let claimed: Result<Vec<Claimed>> = db.write(events, |tx, events| Box::pin(inbox::claim(tx, events))).await;
    claimed.expect("a claim").into_iter().map(|claimed| (claimed.event, claimed.stale)).collect()
}

async fn park(db: &Db, event: &Envelope, due: Timestamp) {
    let parked: Result<()> =
        db.write((event.clone(), due), |tx, (event, due)| Box::pin(inbox::park(tx, event, *due, "not yet"))).await;
    parked.expect("it is parked");
}

async fn apply_parked(db: &Db, event: &Envelope) -> bool {
    let applied: Result<bool> = db.write(event.id, |tx, id| Box::pin(inbox::apply_parked(tx, *id))).await;
    applied.expect("an answer")
}

pub async fn an_event_is_new_once(base: &Base) {
    let (a, b) = (event(Uuid::now_v7(), None), event(Uuid::now_v7(), Some(1)));
    assert_eq!(claim(&base.db, &[&b, &a]).await, [(b.id, false), (a.id, false)], "in the order they came");
    assert_eq!(claim(&base.db, &[&a, &b]).await, []);
    assert_eq!(claim(&base.db.of("carts"), &[&a]).await, [(a.id, false)], "each service has its own");
    assert_eq!(claim(&base.db, &[]).await, []);
}

pub async fn doubled_ids_in_one_batch_are_one(base: &Base) {
    let (a, b) = (event(Uuid::now_v7(), None), event(Uuid::now_v7(), Some(1)));
    assert_eq!(claim(&base.db, &[&a, &b, &a, &b, &b]).await, [(a.id, false), (b.id, false)]);
}

pub async fn an_overtaken_version_is_stale(base: &Base) {
    let (thing, other) = (Uuid::now_v7(), Uuid::now_v7());
    let v = |version| event(thing, Some(version));
    let (v1, v2, v3, v4, v5) = (v(1), v(2), v(3), v(4), v(5));
    assert_eq!(claim(&base.db, &[&v3]).await, [(v3.id, false)]);
    let others = event(other, Some(1));
    let fact = event(thing, None);
    assert_eq!(claim(&base.db, &[&v1, &others, &fact]).await, [(v1.id, true), (others.id, false), (fact.id, false)]);
    let shuffled = claim(&base.db, &[&v2, &v5, &v4]).await;
    assert_eq!(shuffled, [(v2.id, true), (v5.id, false), (v4.id, true)], "within one batch too");
}

pub async fn parked_comes_again_when_due(base: &Base) {
    let a = event(Uuid::now_v7(), Some(1));
    claim(&base.db, &[&a]).await;
    let due = NOON + Duration::from_secs(1);
    park(&base.db, &a, due).await;
    assert_eq!(inbox::parked_count(&base.db).await.expect("a count"), 1);
    assert_eq!(inbox::next_due(&base.db).await.expect("a time"), Some(due));
    assert!(inbox::due(&base.db, NOON, 10).await.expect("none").is_empty());
    assert_eq!(claim(&base.db, &[&a]).await, [], "a doubled delivery does not overtake it");
    let parked = inbox::due(&base.db, due, 10).await.expect("one");
    assert_eq!((parked.len(), parked[0].attempts, parked[0].received_at), (1, 1, NOON));
    assert_eq!(parked[0].event, a);
    assert!(apply_parked(&base.db, &a).await);
    assert!(!apply_parked(&base.db, &a).await, "once");
    assert!(inbox::due(&base.db, due, 10).await.expect("none").is_empty());
    assert_eq!(
        (inbox::next_due(&base.db).await.expect("none"), inbox::parked_count(&base.db).await.expect("none")),
        (None, 0)
    );
}

pub async fn parked_and_overtaken_is_dropped(base: &Base) {
    let thing = Uuid::now_v7();
    let (old, new) = (event(thing, Some(1)), event(thing, Some(2)));
    claim(&base.db, &[&old]).await;
    park(&base.db, &old, NOON).await;
    assert_eq!(claim(&base.db, &[&new]).await, [(new.id, false)]);
    assert!(!apply_parked(&base.db, &old).await, "the newer state is applied");
    assert_eq!(inbox::parked_count(&base.db).await.expect("none"), 0);
}

pub async fn what_is_buried_is_listed(base: &Base) {
    let a = event(Uuid::now_v7(), None);
    claim(&base.db, &[&a]).await;
    park(&base.db, &a, NOON).await;
    let buried: Result<()> = base.db.write(a.id, |tx, id| Box::pin(inbox::bury(tx, *id, "hopeless"))).await;
    buried.expect("it is buried");
    let letters = inbox::dead_letters(&base.db, 10).await.expect("letters");
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].event, letters[0].error.as_deref(), letters[0].attempts), (a.id, Some("hopeless"), 1));
    assert!(inbox::due(&base.db, NOON, 10).await.expect("none").is_empty());
    assert!(!apply_parked(&base.db, &a).await);
    assert_eq!(claim(&base.db, &[&a]).await, []);
}

pub async fn applied_is_told(base: &Base) {
    let (a, b, unknown) = (event(Uuid::now_v7(), None), event(Uuid::now_v7(), None), Uuid::now_v7());
    claim(&base.db, &[&a, &b]).await;
    park(&base.db, &b, NOON).await;
    let mut told = inbox::applied(&base.db, &[a.id, b.id, unknown]).await.expect("an answer");
    told.sort();
    assert_eq!(told, [(a.id, true), (b.id, false)]);
    let later = NOON + Duration::from_secs(1);
    let pruned: Result<u64> = base.db.write(later, |tx, later| Box::pin(inbox::prune(tx, *later, 10))).await;
    assert_eq!(pruned.expect("pruned"), 1, "what is parked stays");
}
