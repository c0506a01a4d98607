//! What the bus and the jobs promise, whatever the database.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use store::job;

use crate::rig::{CountLater, Counted, Described, Place, What};

pub async fn an_event_reaches_its_service_once(place: Place) {
    let rig = place.start(None).await;
    let things: Vec<_> = (0..600).map(|_| rig.thing()).collect();
    rig.say(things.iter().map(|thing| Counted { thing: *thing, what: What::One }).collect()).await;
    rig.settle().await;
    for thing in things {
        assert_eq!(rig.number("listener", thing).await, 1);
    }
    rig.stop().await;
    place.end().await;
}

pub async fn an_undone_transaction_says_nothing(place: Place) {
    let rig = place.start(None).await;
    let thing = rig.thing();
    let speaker = rig.db.of("speaker");
    let refused = speaker.write(thing, |tx, thing| {
        Box::pin(async move {
            tx.say(&Counted { thing: *thing, what: What::One });
            tx.start(&CountLater { thing: *thing, fails: false, slow: false });
            Err::<(), _>(store::Error::NoRow("on purpose"))
        })
    });
    assert!(refused.await.is_err());
    rig.settle().await;
    assert_eq!(rig.number("listener", thing).await, 0);
    rig.stop().await;
    place.end().await;
}

pub async fn doubled_and_shuffled_deliveries_are_applied_once(place: Place) {
    let rig = place.start(Some(7)).await;
    let things: Vec<_> = (0..40).map(|_| rig.thing()).collect();
    for thing in &things {
        // The second of each pair waits for the first, whichever comes first.
        rig.say(vec![Counted { thing: *thing, what: What::OneMore }, Counted { thing: *thing, what: What::One }]).await;
    }
    rig.settle().await;
    // As often as a busy machine needs to have tried all of them.
    for _ in 0..50 {
        rig.pass(20).await;
        if rig.parked().await == 0 {
            break;
        }
    }
    for thing in things {
        assert_eq!(rig.number("listener", thing).await, 2);
    }
    assert_eq!(rig.parked().await, 0);
    rig.stop().await;
    place.end().await;
}

pub async fn a_stale_state_is_dropped(place: Place) {
    let rig = place.start(None).await;
    let thing = rig.thing();
    for version in [1, 3, 2] {
        rig.say(vec![Described { thing, version }]).await;
        rig.settle().await;
    }
    assert_eq!(rig.number("listener", thing).await, 3);
    rig.stop().await;
    place.end().await;
}

pub async fn what_must_wait_is_parked_and_the_others_go_on(place: Place) {
    let rig = place.start(None).await;
    let (first, second) = (rig.thing(), rig.thing());
    rig.say(vec![Counted { thing: first, what: What::OneMore }, Counted { thing: second, what: What::One }]).await;
    rig.settle().await;
    assert_eq!((rig.number("listener", first).await, rig.number("listener", second).await), (0, 1));
    assert_eq!(rig.parked().await, 1);
    rig.say(vec![Counted { thing: first, what: What::One }]).await;
    rig.settle().await;
    rig.pass(5).await;
    assert_eq!(rig.number("listener", first).await, 2, "it was taken up again");
    assert_eq!(rig.parked().await, 0);
    rig.stop().await;
    place.end().await;
}

pub async fn a_poisonous_event_harms_nobody_else(place: Place) {
    let rig = place.start(None).await;
    let (poisoned, healthy) = (rig.thing(), rig.thing());
    let events = [(healthy, What::One), (poisoned, What::Panic), (healthy, What::One)];
    rig.say(events.into_iter().map(|(thing, what)| Counted { thing, what }).collect()).await;
    rig.settle().await;
    assert_eq!(rig.number("listener", healthy).await, 2);
    assert_eq!(rig.parked().await, 1);
    assert_eq!(rig.given_up_after_a_day().await.len(), 1, "it panics at every try, and ends as a dead letter");
    rig.stop().await;
    place.end().await;
}

pub async fn a_failing_reaction_leaves_nothing_and_becomes_a_dead_letter(place: Place) {
    let rig = place.start(None).await;
    let thing = rig.thing();
    rig.say(vec![Counted { thing, what: What::Fail }]).await;
    rig.settle().await;
    assert_eq!(rig.number("listener", thing).await, 0, "its part was undone");
    let letters = rig.given_up_after_a_day().await;
    assert_eq!(letters.len(), 1);
    assert!(letters[0].error.as_deref().is_some_and(|error| error.contains("it never works")), "{letters:?}");
    assert_eq!(rig.number("listener", thing).await, 0);
    rig.stop().await;
    place.end().await;
}

pub async fn what_a_reaction_says_leaves_with_it(place: Place) {
    let rig = place.start(Some(3)).await;
    let thing = rig.thing();
    rig.say(vec![Counted { thing, what: What::Echo }]).await;
    rig.settle().await;
    assert_eq!((rig.number("listener", thing).await, rig.number("speaker", thing).await), (1, 1));
    rig.stop().await;
    place.end().await;
}

pub async fn what_was_said_before_a_crash_arrives_after_it(place: Place) {
    let rig = place.start(None).await;
    let thing = rig.thing();
    rig.stop().await;
    let rig = place.start(None).await;
    // Stopped before it could hand anything over: as if it had crashed right after the commit.
    let silent = rig.db.clone();
    rig.stop().await;
    let speaker = silent.of("speaker");
    let said = speaker.write(thing, |tx, thing| {
        Box::pin(async move {
            tx.say(&Counted { thing: *thing, what: What::One });
            Ok::<_, store::Error>(())
        })
    });
    said.await.expect("said");
    drop((silent, speaker));
    let rig = place.start(None).await;
    rig.settle().await;
    assert_eq!(rig.number("listener", thing).await, 1);
    rig.stop().await;
    place.end().await;
}

pub async fn a_watch_hears_what_a_reaction_applied(place: Place) {
    let rig = place.start(None).await;
    let thing = rig.thing();
    rig.say(vec![Counted { thing, what: What::One }]).await;
    rig.settle().await;
    for _ in 0..100 {
        if rig.watched.load(SeqCst) > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(rig.watched.load(SeqCst), 1);
    rig.stop().await;
    place.end().await;
}

pub async fn a_slow_service_holds_up_nobody_and_loses_nothing(place: Place) {
    let rig = place.start(None).await;
    let (waits, done) = (rig.thing(), rig.thing());
    // Far more than one delivery's worth, each of which has to wait for the last.
    rig.say((0..300).map(|_| Counted { thing: waits, what: What::OneMore }).collect()).await;
    rig.say(vec![Counted { thing: done, what: What::One }]).await;
    rig.settle().await;
    assert_eq!((rig.number("listener", waits).await, rig.number("listener", done).await), (0, 1));
    rig.say(vec![Counted { thing: waits, what: What::One }]).await;
    rig.settle().await;
    for _ in 0..600 {
        if rig.parked().await == 0 {
            break;
        }
        rig.pass(1).await;
    }
    assert_eq!(rig.number("listener", waits).await, 301);
    rig.stop().await;
    place.end().await;
}

pub async fn a_job_begins_after_its_commit(place: Place) {
    let rig = place.start(None).await;
    let thing = rig.thing();
    rig.start(CountLater { thing, fails: false, slow: false }, None).await;
    rig.settle().await;
    assert_eq!(rig.number("listener", thing).await, 1);
    rig.stop().await;
    place.end().await;
}

pub async fn a_timer_waits_for_its_time(place: Place) {
    let rig = place.start(None).await;
    let thing = rig.thing();
    let due = rig.clock.now() + Duration::from_secs(60);
    rig.start(CountLater { thing, fails: false, slow: false }, Some(due)).await;
    rig.clock.advance(Duration::from_secs(59));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(rig.number("listener", thing).await, 0);
    rig.clock.advance(Duration::from_secs(1));
    rig.pass(1).await;
    assert_eq!(rig.number("listener", thing).await, 1);
    rig.stop().await;
    place.end().await;
}

pub async fn a_failing_job_is_tried_again_and_given_up_after_a_day(place: Place) {
    let rig = place.start(None).await;
    let thing = rig.thing();
    rig.start(CountLater { thing, fails: true, slow: false }, None).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(job::dead(&rig.db.of("listener"), 10).await.expect("dead jobs").is_empty(), "it is tried again first");
    rig.clock.advance(Duration::from_secs(25 * 3_600));
    for _ in 0..100 {
        if !job::dead(&rig.db.of("listener"), 10).await.expect("dead jobs").is_empty() {
            rig.stop().await;
            place.end().await;
            return;
        }
        rig.clock.advance(Duration::from_secs(600));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the job was never given up");
}

pub async fn a_job_of_a_crashed_process_is_taken_up(place: Place) {
    let rig = place.start(None).await;
    let db = rig.db.clone();
    rig.stop().await;
    let thing = db.ids().next();
    // Leased to nobody that lives: what a crash in the middle of a job leaves behind.
    let listener = db.of("listener");
    let crashed = listener.write(thing, |tx, thing| {
        Box::pin(async move {
            tx.start(&CountLater { thing: *thing, fails: false, slow: false });
            Ok::<_, store::Error>(())
        })
    });
    crashed.await.expect("started");
    let claimed = listener.write((), |tx, ()| Box::pin(job::claim(tx, &["listener"], 10)));
    assert_eq!(claimed.await.expect("claimed").len(), 1);
    drop((db, listener));
    place.pass_a_lease();
    let rig = place.start(None).await;
    rig.settle().await;
    assert_eq!(rig.number("listener", thing).await, 1);
    rig.stop().await;
    place.end().await;
}

pub async fn a_shutdown_waits_for_the_job_in_hand(place: Place) {
    let rig = place.start(None).await;
    let thing = rig.thing();
    rig.start(CountLater { thing, fails: false, slow: true }, None).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let db = rig.db.clone();
    rig.stop().await;
    drop(db);
    let rig = place.start(None).await;
    assert_eq!(rig.number("listener", thing).await, 1, "it ended before the process did");
    rig.stop().await;
    place.end().await;
}
