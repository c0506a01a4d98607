//! Goods between locations.

use serde_json::{Value, json};

use super::*;

const TRANSFERS: &str = "/v1/admin/transfers";

struct Two {
    house: House,
    main: LocationId,
    other: LocationId,
}

/// Ten teapots at one location, none at the other.
async fn two() -> Two {
    let house = House::open().await;
    let main = house.stock(variant(1), 10).await;
    let other = house.stock_at("Other", variant(2), 1).await;
    Two { house, main, other }
}

impl Two {
    fn body(&self, quantity: i64, at_once: bool) -> Value {
        json!({"from": self.main, "to": self.other, "at_once": at_once, "lines": [{"variant": variant(1), "quantity": quantity}]})
    }

    async fn plan(&self, quantity: i64) -> String {
        let (status, made) = self.house.post(TRANSFERS, self.body(quantity, false)).await;
        assert_eq!((status, &made["state"]), (201, &"created".into()), "{made}");
        made["id"].as_str().expect("an id").to_owned()
    }

    async fn step(&self, transfer: &str, step: &str, body: Value) -> (u16, Value) {
        self.house.post(&format!("{TRANSFERS}/{transfer}/{step}"), body).await
    }

    /// `(on hand here, on hand there)`
    async fn lie(&self) -> (i64, i64) {
        let levels = self.house.levels().await;
        let at = |location| {
            levels
                .iter()
                .find(|level| (level.variant, level.location) == (variant(1), location))
                .map_or(0, |level| level.on_hand)
        };
        (at(self.main), at(self.other))
    }
}

#[tokio::test]
async fn goods_are_in_transit_until_they_arrive() {
    let two = two().await;
    let transfer = two.plan(6).await;
    assert_eq!(two.lie().await, (10, 0), "a plan moves nothing");
    for _ in 0..2 {
        let (status, shipped) = two.step(&transfer, "ship", ().into()).await;
        assert_eq!((status, &shipped["state"]), (200, &"shipped".into()));
    }
    assert_eq!(two.lie().await, (4, 0));
    let part = json!({"lines": [{"variant": variant(1), "received": 3, "lost": 1}]});
    let path = format!("{TRANSFERS}/{transfer}/receive");
    for _ in 0..2 {
        let (status, received) = two.house.send("POST", &path, Some("k1"), part.clone()).await;
        assert_eq!((status, &received["state"], &received["lines"][0]["lost"]), (200, &"shipped".into(), &1.into()));
    }
    assert_eq!(two.lie().await, (4, 3), "the same receipt twice is one");
    let too_much = json!({"lines": [{"variant": variant(1), "received": 3}]});
    let (status, refused) = two.step(&transfer, "receive", too_much).await;
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &"/lines/0".into()));
    for _ in 0..2 {
        let (status, received) = two.step(&transfer, "receive", json!({})).await;
        assert_eq!(
            (status, &received["state"], &received["lines"][0]["received"]),
            (200, &"received".into(), &5.into())
        );
    }
    assert_eq!(two.lie().await, (4, 5));
    let (status, refused) = two.step(&transfer, "cancel", ().into()).await;
    assert_eq!((status, &refused["code"]), (409, &"inventory.transfer_state".into()));
    let arrived = two.house.get(&format!("/v1/admin/stock/movements?location={}&kind=transferred_in", two.other)).await;
    assert_eq!(
        (arrived["items"].as_array().map(Vec::len), &arrived["items"][0]["transfer"]),
        (Some(2), &transfer.as_str().into())
    );
    assert_eq!(two.house.get(&format!("/v1/stock/{}", variant(1))).await["availability"], "in");
    let other = two.plan(1).await;
    let (status, refused) = two.house.send("POST", &format!("{TRANSFERS}/{other}/receive"), Some("k1"), part).await;
    assert_eq!((status, &refused["code"]), (409, &"request.key_reused".into()));
    two.house.must_be_whole().await;
}

#[tokio::test]
async fn a_transfer_never_takes_what_orders_were_promised() {
    let two = two().await;
    two.house.hear(placed(1, &[(variant(1), 7)])).await.expect("applied");
    let (status, refused) = two.house.post(TRANSFERS, two.body(4, true)).await;
    assert_eq!((status, &refused["code"]), (409, &"inventory.not_enough".into()), "{refused}");
    assert_eq!(refused["context"]["lines"][0]["available"], 3);
    let transfer = two.plan(4).await;
    let (status, _) = two.step(&transfer, "ship", ().into()).await;
    assert_eq!((status, two.lie().await), (409, (10, 0)));
    two.house.hear(Heard::Cancelled(order(1))).await.expect("applied");
    let (status, _) = two.step(&transfer, "ship", ().into()).await;
    assert_eq!((status, two.lie().await), (200, (6, 0)));
    let (status, made) = two.house.post(TRANSFERS, two.body(6, true)).await;
    assert_eq!((status, &made["state"], two.lie().await), (201, &"received".into(), (0, 6)));
    two.house.must_be_whole().await;
}

#[tokio::test]
async fn a_plan_can_be_given_up_and_found_again() {
    let two = two().await;
    let (given_up, shipped) = (two.plan(1).await, two.plan(2).await);
    for _ in 0..2 {
        let (status, cancelled) = two.step(&given_up, "cancel", ().into()).await;
        assert_eq!((status, &cancelled["state"]), (200, &"cancelled".into()));
    }
    assert_eq!(two.step(&given_up, "ship", ().into()).await.0, 409);
    assert_eq!(two.step(&shipped, "receive", json!({})).await.0, 409, "it has not left");
    two.step(&shipped, "ship", ().into()).await;
    let ids = async |query: &str| {
        let list = two.house.get(&format!("{TRANSFERS}{query}")).await;
        list["items"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|item| item["id"].as_str().expect("an id").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [shipped.clone(), given_up.clone()]);
    assert_eq!(ids("?state=cancelled").await, [given_up]);
    assert_eq!(two.house.get(&format!("{TRANSFERS}/{shipped}")).await["lines"][0]["quantity"], 2);
}

#[tokio::test]
async fn goods_go_somewhere_else_and_are_known() {
    let two = two().await;
    let body = |change: fn(&mut Value)| {
        let mut body = two.body(1, false);
        change(&mut body);
        body
    };
    let nowhere = |body: &mut Value| body["from"] = LocationId::from_uuid(Uuid::from_u128(99)).to_string().into();
    for (body, pointer) in [
        (body(|body| body["to"] = body["from"].clone()), "/to"),
        (body(nowhere), "/from"),
        (body(|body| body["lines"][0]["variant"] = variant(KNOWN + 1).to_string().into()), "/lines/0/variant"),
    ] {
        let (status, refused) = two.house.post(TRANSFERS, body).await;
        assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &pointer.into()), "{refused}");
    }
    let path = format!("/v1/admin/locations/{}", two.other);
    two.house.send_with("PATCH", &path, &[("if-match", "\"1\"")], json!({"active": false})).await;
    let (status, refused) = two.house.post(TRANSFERS, two.body(1, false)).await;
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &"/to".into()), "{refused}");
    for step in ["ship", "receive", "cancel"] {
        assert_eq!(two.step("trf_01jd5zs2xce3nbq7tpv5f8k9wm", step, json!({})).await.0, 404, "{step}");
    }
}

#[tokio::test]
async fn orders_and_transfers_race_for_the_same_goods() {
    let two = two().await;
    let transfers = futures::future::join_all((0..10).map(|_| two.house.post(TRANSFERS, two.body(2, true))));
    let orders = futures::future::join_all((1..=10).map(|number| two.house.hear(placed(number, &[(variant(1), 2)]))));
    let (transfers, orders) = futures::future::join(transfers, orders).await;
    assert!(orders.iter().all(Result::is_ok));
    let moved = transfers.iter().filter(|(status, _)| *status == 201).count() as i64;
    assert_eq!(two.lie().await, (10 - 2 * moved, 2 * moved));
    two.house.must_be_whole().await;
    assert!(two.house.levels().await.iter().all(|level| level.reserved <= level.on_hand && level.shortfall == 0));
}
