//! Whatever comes first, and however often: levels stay whole.

use proptest::prelude::*;

use super::*;

const ORDERS: u128 = 6;

/// How an order goes.
#[derive(Debug, Clone)]
struct Life {
    /// All of it ends unsent, at last; else it is sent and completed.
    cancelled: bool,
    /// Units of the goods at the other location, and of the download, that are cancelled before.
    fewer_goods: i64,
    fewer_downloads: i64,
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let life = (any::<bool>(), 0_i64..=2, 0_i64..=3);
    let life =
        life.prop_map(|(cancelled, fewer_goods, fewer_downloads)| Life { cancelled, fewer_goods, fewer_downloads });
    prop::collection::vec(life, ORDERS as usize)
}

/// Per order its events, each doubled, in any order.
fn deliveries() -> impl Strategy<Value = Vec<(u128, u8)>> {
    let events: Vec<(u128, u8)> =
        (1..=ORDERS).flat_map(|number| (0..6).flat_map(move |kind| [(number, kind), (number, kind)])).collect();
    Just(events).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn levels_end_the_same_and_nothing_stays_held_whatever_comes_first(deliveries in deliveries(), lives in lives()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(shuffled(deliveries, lives));
    }
}

/// Each order has goods and a download of its own: 3 of the goods lie at the one location and 3 at the other, and it
/// wants 5, so it is held at both; of the download it wants 3 of 10.
async fn shuffled(deliveries: Vec<(u128, u8)>, lives: Vec<Life>) {
    let house = House::open().await;
    let (goods, download) = (variant, |number: u128| variant(DOWNLOADS + number));
    let (mut main, mut other) = (None, None);
    for number in 1..=ORDERS {
        main = Some(house.stock(goods(number), 3).await);
        other = Some(house.stock_at("Other", goods(number), 3).await);
        house.stock(download(number), 10).await;
    }
    let (main, other) = (main.expect("a location"), other.expect("a location"));
    let event = |(number, kind): (u128, u8)| {
        let Life { cancelled, fewer_goods, fewer_downloads } = lives[number as usize - 1];
        let fewer = [(goods(number), Some(other), fewer_goods), (download(number), None, fewer_downloads)];
        match (kind, cancelled) {
            (0, _) => Some(placed(number, &[(goods(number), 2), (download(number), 3), (goods(number), 3)])),
            (1, _) => Some(lines_cancelled(number, &fewer)),
            (2, true) => Some(Heard::Cancelled(order(number))),
            (3, false) => Some(dispatched(number, main, &[(goods(number), 3)])),
            (4, false) if fewer_goods < 2 => Some(dispatched(number, other, &[(goods(number), 2 - fewer_goods)])),
            (5, false) => Some(Heard::Completed(order(number))),
            _ => None,
        }
    };
    house.settle(deliveries.into_iter().filter_map(event).collect()).await;

    house.must_be_whole().await;
    for (number, life) in (1..=ORDERS).zip(&lives) {
        let gone = |quantity: i64| if life.cancelled { 0 } else { quantity };
        assert_eq!(house.level(goods(number), main).await, (3 - gone(3), 0), "{number} {life:?}");
        assert_eq!(house.level(goods(number), other).await, (3 - gone(2 - life.fewer_goods), 0), "{number} {life:?}");
        assert_eq!(
            house.level(download(number), main).await,
            (10 - gone(3 - life.fewer_downloads), 0),
            "{number} {life:?}"
        );
        let fact = &house.orders(vec![order(number)]).await[0];
        assert_eq!((fact.held, fact.ended_twice), (0, 0), "{fact:?}");
        assert_eq!(fact.shipped, gone(8 - life.fewer_goods - life.fewer_downloads), "{fact:?}");
        let never_held = life.cancelled && fact.released == 0;
        assert!(never_held || fact.released == 8 - fact.shipped, "each unit ended once: {fact:?}");
    }
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
    house.must_be_whole().await;
    assert!(house.levels().await.iter().all(|level| level.reserved <= level.on_hand && level.shortfall == 0));
}
