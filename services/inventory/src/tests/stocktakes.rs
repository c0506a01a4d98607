//! Counting what lies at a location.

use serde_json::json;

use super::*;

const STOCKTAKES: &str = "/v1/admin/stocktakes";

#[tokio::test]
async fn a_count_below_what_was_promised_is_taken_over_with_its_shortfall() {
    let house = House::open().await;
    let main = house.stock(variant(1), 5).await;
    house.hear(placed(1, &[(variant(1), 4)])).await.expect("applied");
    let body = json!({"location": main, "note": "shelf 12", "lines": [
        {"variant": variant(1), "counted": 1}, {"variant": variant(2), "counted": 3}, {"variant": variant(3), "counted": 0}]});
    for repeat in [false, true] {
        let (status, taken) = house.send("POST", STOCKTAKES, Some("k1"), body.clone()).await;
        assert_eq!((status, taken["lines"].as_array().map(Vec::len)), (201, Some(3)), "{repeat} {taken}");
        let first = &taken["lines"][0];
        assert_eq!((&first["expected"], &first["counted"], &first["shortfall"]), (&5.into(), &1.into(), &3.into()));
    }
    assert_eq!((house.level(variant(1), main).await, house.level(variant(2), main).await), ((1, 4), (3, 0)));
    assert_eq!(house.level(variant(3), main).await, (0, 0), "an empty level says that it was looked for");
    let fact = house.levels().await.into_iter().find(|level| level.variant == variant(1)).expect("a level");
    assert_eq!((fact.shortfall, fact.ledger_on_hand), (3, 1));
    house.must_be_whole().await;
    let counted = house.get(&format!("/v1/admin/stock/movements?location={main}&kind=counted")).await;
    assert_eq!(counted["items"].as_array().map(Vec::len), Some(3), "two of this count, one of the import: {counted}");

    let list = house.get(STOCKTAKES).await;
    assert_eq!((list["items"].as_array().map(Vec::len), &list["items"][0]["note"]), (Some(1), &"shelf 12".into()));
    let id = list["items"][0]["id"].as_str().expect("an id");
    assert_eq!(house.get(&format!("{STOCKTAKES}/{id}")).await["lines"][1]["counted"], 3);
    house.hear(Heard::Cancelled(order(1))).await.expect("applied");
    assert_eq!(house.levels().await[0].shortfall, 0, "a promise that ended lacks nothing");
}

#[tokio::test]
async fn a_count_of_nothing_known_changes_nothing() {
    let house = House::open().await;
    let main = house.stock(variant(1), 5).await;
    let line = |number: u128| json!({"variant": variant(number), "counted": 1});
    for (lines, pointer) in [
        (json!([line(1), line(KNOWN + 1)]), "/lines/1/variant"),
        (json!([line(1), line(2), line(1)]), "/lines/2/variant"),
    ] {
        let (status, refused) = house.post(STOCKTAKES, json!({"location": main, "lines": lines})).await;
        assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &pointer.into()), "{refused}");
    }
    let nowhere = LocationId::from_uuid(Uuid::from_u128(99));
    let (status, refused) = house.post(STOCKTAKES, json!({"location": nowhere, "lines": [line(1)]})).await;
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &"/location".into()));
    for lines in [json!([]), json!(vec![line(1); 501]), json!([{"variant": variant(1), "counted": -1}])] {
        let (status, refused) = house.post(STOCKTAKES, json!({"location": main, "lines": lines})).await;
        assert_eq!(status, 400, "{refused}");
    }
    assert_eq!(house.level(variant(1), main).await, (5, 0));
    let (status, _) = house.send("GET", &format!("{STOCKTAKES}/stk_01jd5zs2xce3nbq7tpv5f8k9wm"), None, ().into()).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn counts_and_orders_at_once_leave_whole_levels() {
    let house = House::open().await;
    let main = house.stock(variant(1), 30).await;
    let count = |counted: i64| {
        house.post(STOCKTAKES, json!({"location": main, "lines": [{"variant": variant(1), "counted": counted}]}))
    };
    let counts = futures::future::join_all((1..=10).map(|number| count(number * 3)));
    let orders = futures::future::join_all((1..=20).map(|number| house.hear(placed(number, &[(variant(1), 2)]))));
    let (counts, orders) = futures::future::join(counts, orders).await;
    assert!(counts.iter().all(|(status, _)| *status == 201) && orders.iter().all(Result::is_ok), "{counts:?}");
    house.must_be_whole().await;
    let level = &house.levels().await[0];
    assert_eq!(level.shortfall, (level.reserved - level.on_hand).max(0));
}
