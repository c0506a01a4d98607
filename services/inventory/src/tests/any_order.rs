//! Whatever comes first, and however often: levels stay whole.

use proptest::prelude::*;

use super::*;

/// Per order: its events in some order, each perhaps doubled.
fn deliveries() -> impl Strategy<Value = Vec<(u128, u8)>> {
    let events: Vec<(u128, u8)> =
        (1..=6).flat_map(|number| (0..3).flat_map(move |kind| [(number, kind), (number, kind)])).collect();
    Just(events).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn levels_equal_their_ledger_and_nothing_stays_held_whatever_comes_first(
        deliveries in deliveries(), quantities in prop::collection::vec((1_i64..4, 1_i64..4), 6), cancelled in prop::collection::vec(any::<bool>(), 6),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(shuffled(deliveries, quantities, cancelled));
    }
}

/// Orders 1 to 6 of two variants: each is placed, and then cancelled or dispatched. All come twice, in any order.
async fn shuffled(deliveries: Vec<(u128, u8)>, quantities: Vec<(i64, i64)>, cancelled: Vec<bool>) {
    let house = House::open().await;
    house.stock(variant(1), 1_000).await;
    let location = house.stock(variant(2), 1_000).await;
    let lines = |number: u128| {
        let (one, two) = quantities[number as usize - 1];
        [(variant(1), one), (variant(2), two), (variant(1), 1)]
    };
    let event = |(number, kind): (u128, u8)| match (kind, cancelled[number as usize - 1]) {
        (0, _) => Some(placed(number, &lines(number))),
        (1, true) => Some(Heard::Cancelled(order(number))),
        (2, false) => Some(dispatched(number, location, &lines(number))),
        _ => None,
    };
    house.settle(deliveries.into_iter().filter_map(event).collect()).await;
    let gone = |place: usize| -> i64 {
        let shipped = (1..=6_u128).filter(|number| !cancelled[*number as usize - 1]).flat_map(lines);
        shipped.filter(|(of, _)| *of == variant(place as u128)).map(|(_, quantity)| quantity).sum()
    };
    for (at, level) in house.levels().await.iter().enumerate() {
        assert_eq!((level.on_hand, level.reserved, level.held), (1_000 - gone(at + 1), 0, 0));
        assert_eq!((level.ledger_on_hand, level.ledger_reserved), (level.on_hand, level.reserved));
    }
    let facts = house.orders((1..=6).map(order).collect()).await;
    assert!(facts.len() == 6 && facts.iter().all(|fact| fact.held == 0 && fact.ended_twice == 0), "{facts:?}");
    assert_eq!(facts.iter().map(|fact| fact.shipped).sum::<i64>(), gone(1) + gone(2));
}

/// Two variants lie at two locations; buyers ask for them in either order of lines, and half of them cancel at once.
#[tokio::test]
async fn a_crowd_that_buys_and_cancels_leaves_whole_levels() {
    let house = House::open().await;
    house.stock(variant(1), 20).await;
    house.stock(variant(2), 20).await;
    import_levels(&house.ctx, "Other", vec![(variant(1), 5), (variant(2), 5)]).await.expect("a stocktake");
    let lines = |number: u128| match number % 2 {
        0 => [(variant(1), 1), (variant(2), 1)],
        _ => [(variant(2), 1), (variant(1), 1)],
    };
    let place = (1..=40).map(|number| house.hear(placed(number, &lines(number))));
    let cancel = (1..=20).map(|number| house.hear(Heard::Cancelled(order(number))));
    let (place, cancel) = (futures::future::join_all(place), futures::future::join_all(cancel));
    let (place, cancel) = futures::future::join(place, cancel).await;
    assert!(place.iter().chain(&cancel).all(Result::is_ok), "{place:?} {cancel:?}");

    let facts = house.orders((1..=40).map(order).collect()).await;
    let held = |order: OrderId| facts.iter().find(|fact| fact.order == order).map_or(0, |fact| fact.held);
    assert!((1..=20).all(|number| held(order(number)) == 0), "who cancelled holds nothing");
    assert!((21..=40).all(|number| matches!(held(order(number)), 0 | 2)), "all of an order is held, or nothing");
    for level in house.levels().await {
        assert_eq!((level.ledger_on_hand, level.ledger_reserved), (level.on_hand, level.reserved));
        assert_eq!(level.held, level.reserved);
        assert!(level.reserved <= level.on_hand && level.shortfall == 0);
    }
}
