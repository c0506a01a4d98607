//! What is derived is derived anew, and nothing else is applied a second time.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::Id;
use platform::auth::Identity;
use platform::bus::{Replayed, replay};
use platform::calls::Peers;
use platform::{Config, Ctx, Outcome, Problem, Service};
use store::{Tx, inbox, outbox, params};

use crate::rig::{Counted, Described, Place, Rig, What};
use crate::store as sql;

async fn on_described(_: &Ctx, tx: &mut Tx, event: &Described) -> Result<Outcome, Problem> {
    tx.exec(&sql::SET, params!["listener", event.thing, event.version]).await?;
    Ok(Outcome::Done)
}

async fn on_counted(_: &Ctx, _: &mut Tx, _: &Counted) -> Result<Outcome, Problem> {
    panic!("a reaction that derives nothing is not run again")
}

/// The services as a command has them: beside the process that serves.
fn services(rig: &Rig) -> Vec<Service> {
    let peers = Peers::new(&BTreeMap::new(), None, rig.clock.clone()).expect("peers");
    let ctx = Ctx::new(rig.db.clone(), peers, Arc::new(Config::defaults()), Identity::default());
    vec![
        Service::new("speaker", &ctx),
        Service::new("listener", &ctx).reacts_derived::<Described, _>(on_described).reacts::<Counted, _>(on_counted),
    ]
}

pub async fn what_is_derived_is_derived_anew(place: Place) {
    let rig = place.start(None).await;
    let (thing, counted) = (rig.thing(), rig.thing());
    let before = rig.clock.now();
    for version in [1, 2] {
        rig.say(vec![Described { thing, version }]).await;
    }
    rig.say(vec![Counted { thing: counted, what: What::One }]).await;
    rig.settle().await;
    let spoil = rig.db.write(thing, |tx, thing| {
        Box::pin(async move { tx.exec(&sql::SET, params!["listener", *thing, 99_i64]).await.map(drop) })
    });
    spoil.await.expect("spoilt");

    let replayed = replay(&services(&rig), "listener", before).await.expect("it derives");
    let once = BTreeMap::from([("thing.described".to_owned(), 1)]);
    assert_eq!(replayed, Replayed { applied: once, failed: vec![] }, "the newest alone: the older is stale");
    assert_eq!((rig.number("listener", thing).await, rig.number("listener", counted).await), (2, 1));
    let later = before + jiff::SignedDuration::from_secs(1);
    let replayed = replay(&services(&rig), "listener", later).await.expect("it derives");
    assert_eq!(replayed, Replayed::default(), "nothing was said since");

    let refused = replay(&services(&rig), "speaker", before).await.expect_err("it derives nothing");
    assert!(
        refused.contains("speaker can't be replayed") && refused.contains("listener (thing.described)"),
        "{refused}"
    );
    let unknown = replay(&services(&rig), "nobody", before).await.expect_err("nobody");
    assert!(unknown.contains("no service `nobody`"), "{unknown}");
    rig.stop().await;
    place.end().await;
}

/// As after its database came back from a backup: the inbox does not know what the outbox has long been rid of.
pub async fn what_was_forgotten_comes_and_what_is_dead_stays(place: Place) {
    let rig = place.start(None).await;
    let (forgotten, dead) = (rig.thing(), rig.thing());
    let before = rig.clock.now();
    rig.say(vec![Described { thing: forgotten, version: 3 }, Described { thing: dead, version: 1 }]).await;
    rig.settle().await;
    let events = outbox::page(&rig.db.of("speaker"), uuid::Uuid::nil(), 10).await.expect("what was said");
    let buried = events.iter().find(|event| event.subject == dead.uuid()).expect("it was said").id;
    let listener = rig.db.of("listener");
    let spoil = listener.write((forgotten, dead, buried), |tx, (forgotten, dead, buried)| {
        Box::pin(async move {
            tx.exec(&sql::FORGET, params!["listener", *forgotten]).await?;
            inbox::bury(tx, *buried, "hopeless").await?;
            for thing in [forgotten, dead] {
                tx.exec(&sql::SET, params!["listener", *thing, 99_i64]).await?;
            }
            Ok::<_, store::Error>(())
        })
    });
    spoil.await.expect("spoilt");
    let replayed = replay(&services(&rig), "listener", before).await.expect("it derives");
    assert_eq!(replayed.applied["thing.described"], 1);
    assert_eq!((rig.number("listener", forgotten).await, rig.number("listener", dead).await), (3, 99));
    let known = inbox::applied(&rig.db.of("listener"), &[events[0].id, events[1].id]).await.expect("the inbox");
    assert_eq!(known.len(), 2, "from now on it is known: {known:?}");
    rig.stop().await;
    place.end().await;
}
