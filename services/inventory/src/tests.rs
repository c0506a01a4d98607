//! Inventory's verbs on a throw-away database.

mod any_order;

use std::collections::BTreeMap;
use std::sync::Arc;

use ::store::work::{self, Cost};
use ::store::{Clock, Db, Ids, Options, Tx, migrate, outbox};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use contracts::carts::{CartId, LineId};
use contracts::catalog::VariantId;
use contracts::customers::{AuthenticateKey, Permission, StaffPrincipal};
use contracts::inventory::{InventoryLevelFacts, InventoryOrderFact, InventoryOrderFacts, LevelFact, LocationId};
use contracts::orders::{OrderId, OrderPlaced, OrderedLine};
use contracts::shipping::{ShipmentDispatched, ShipmentId, ShippedLine};
use contracts::{Id, MarketId};
use jiff::Timestamp;
use platform::auth::KeyCache;
use platform::calls::Peers;
use platform::{Config, Ctx, Outcome, Problem, Process, Service};
use tower::ServiceExt;
use uuid::Uuid;

use crate::{calls, import_levels, release, reserve, ship_out, store};

/// Inventory alone, with a `customers` that lets every key in.
struct House {
    ctx: Ctx,
    routes: Router,
    _folder: tempfile::TempDir,
}

#[derive(Debug, Clone)]
enum Heard {
    Placed(OrderPlaced),
    Cancelled(OrderId),
    Dispatched(ShipmentDispatched),
}

async fn answer_key(_: Ctx, _: AuthenticateKey) -> Result<Option<StaffPrincipal>, Problem> {
    let (staff, key) = (Id::from_uuid(Uuid::from_u128(1)), Id::from_uuid(Uuid::from_u128(2)));
    Ok(Some(StaffPrincipal { staff, key, permissions: Permission::ALL.to_vec() }))
}

async fn react(tx: &mut Tx, heard: &Heard) -> Result<(), Problem> {
    let outcome = match heard {
        Heard::Placed(placed) => reserve::reserve(tx, placed).await?,
        Heard::Cancelled(order) => release::release(tx, *order).await?,
        Heard::Dispatched(dispatched) => ship_out::ship_out(tx, dispatched).await?,
    };
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Later(why) => Err(Problem::unavailable(why)),
    }
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("souk.db").display());
        let db = Db::open(&Options::new(url), Clock::fixed(Timestamp::UNIX_EPOCH), Ids::counted())
            .await
            .expect("a database");
        migrate::migrate(&db, &[("inventory", store::MIGRATIONS)]).await.expect("a schema");
        let peers = Peers::new(&BTreeMap::new(), None, Clock::System).expect("peers");
        let config = Arc::new(Config::defaults());
        let ctx = Ctx::new(db, peers.clone(), Arc::clone(&config), KeyCache::default());
        let service = crate::service(&ctx);
        let (ctx, routes) = (service.ctx.clone(), Router::from(service.routes.clone()));
        let customers = Service::new("customers", &ctx).answers::<AuthenticateKey, _, _>(answer_key);
        Process::new(config, peers).settle(&[service, customers]);
        Self { ctx, routes, _folder: folder }
    }

    /// `Err`: parked, and nothing of it is left.
    async fn hear(&self, heard: Heard) -> Result<(), Problem> {
        self.ctx.db.write(heard, |tx, heard| Box::pin(react(tx, heard))).await
    }

    /// As the bus does: what can't be applied yet comes again, after the rest.
    async fn settle(&self, mut waiting: Vec<Heard>) {
        for _ in 0..10 {
            let mut parked = Vec::new();
            for heard in std::mem::take(&mut waiting) {
                if let Err(problem) = self.hear(heard.clone()).await {
                    assert!(problem.is_unavailable(), "{problem:?}");
                    parked.push(heard);
                }
            }
            waiting = parked;
        }
        assert!(waiting.is_empty(), "never applied: {waiting:?}");
    }

    async fn stock(&self, variant: VariantId, on_hand: i64) -> LocationId {
        import_levels(&self.ctx, "Main", vec![(variant, on_hand)]).await.expect("a stocktake");
        store::location_named(&self.ctx.db, "Main").await.expect("a read").expect("a location")
    }

    async fn levels(&self) -> Vec<LevelFact> {
        calls::level_facts(self.ctx.clone(), InventoryLevelFacts { after: None, limit: 500 }).await.expect("facts")
    }

    async fn orders(&self, orders: Vec<OrderId>) -> Vec<InventoryOrderFact> {
        calls::order_facts(self.ctx.clone(), InventoryOrderFacts { orders }).await.expect("facts")
    }

    /// `(event, its data)` of all that inventory said.
    async fn said(&self, name: &str) -> Vec<serde_json::Value> {
        let page = outbox::page(&self.ctx.db, Uuid::nil(), 500).await.expect("the outbox");
        let of_name = page.into_iter().filter(|event| event.name == name);
        of_name.map(|event| serde_json::from_str(&event.data).expect("JSON")).collect()
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: serde_json::Value,
    ) -> (u16, serde_json::Value) {
        let mut request = Request::builder().method(method).uri(path).header("authorization", "Bearer k");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.header("content-type", "application/json").body(Body::from(body.to_string()));
        let response = self.routes.clone().oneshot(request.expect("a request")).await.expect("an answer");
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

fn variant(number: u128) -> VariantId {
    VariantId::from_uuid(Uuid::from_u128(number))
}

fn order(number: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(number))
}

fn placed(number: u128, lines: &[(VariantId, i64)]) -> Heard {
    let line = |(at, (variant, quantity)): (usize, &(VariantId, i64))| OrderedLine {
        line: LineId::from_uuid(Uuid::from_u128(number * 100 + at as u128)),
        variant: *variant,
        quantity: *quantity,
        requires_shipping: true,
    };
    Heard::Placed(OrderPlaced {
        order: order(number),
        cart: CartId::from_uuid(Uuid::from_u128(number)),
        cart_version: 1,
        market: "default".parse::<MarketId>().expect("a market"),
        lines: lines.iter().enumerate().map(line).collect(),
        placed_at: Timestamp::UNIX_EPOCH,
    })
}

fn dispatched(number: u128, location: LocationId, lines: &[(VariantId, i64)]) -> Heard {
    let line = |(variant, quantity): &(VariantId, i64)| ShippedLine {
        line: LineId::from_uuid(variant.uuid()),
        variant: *variant,
        quantity: *quantity,
    };
    let shipment = ShipmentId::from_uuid(Uuid::from_u128(number));
    Heard::Dispatched(ShipmentDispatched {
        shipment,
        order: order(number),
        location,
        lines: lines.iter().map(line).collect(),
    })
}

#[tokio::test]
async fn two_buyers_race_for_the_last_unit() {
    let house = House::open().await;
    let teapot = variant(1);
    house.stock(teapot, 1).await;
    let race = (1..=50).map(|number| house.hear(placed(number, &[(teapot, 1)])));
    for result in futures::future::join_all(race).await {
        result.expect("an answer for each");
    }
    assert_eq!(house.said("stock.reserved").await.len(), 1);
    let rejected = house.said("stock.rejected").await;
    assert_eq!(rejected.len(), 49);
    assert_eq!(rejected[0]["shortages"][0]["available"], 0);
    let flips: Vec<_> = house
        .said("stock.availability_changed")
        .await
        .into_iter()
        .map(|event| (event["availability"].clone(), event["version"].clone()))
        .collect();
    assert_eq!(flips, [("in".into(), 1.into()), ("out".into(), 2.into())]);
    let level = &house.levels().await[0];
    assert_eq!((level.on_hand, level.reserved, level.ledger_reserved, level.held), (1, 1, 1, 1));
}

#[tokio::test]
async fn an_order_that_misses_one_line_holds_nothing() {
    let house = House::open().await;
    house.stock(variant(1), 5).await;
    house.stock(variant(2), 1).await;
    house.hear(placed(1, &[(variant(1), 2), (variant(2), 1), (variant(2), 1)])).await.expect("applied");
    let rejected = house.said("stock.rejected").await;
    assert_eq!(rejected[0]["shortages"].as_array().map(Vec::len), Some(1));
    assert_eq!(rejected[0]["shortages"][0]["requested"], 2);
    assert!(house.levels().await.iter().all(|level| level.reserved == 0));
}

#[tokio::test]
async fn a_cancellation_before_its_placing_leaves_nothing_held_and_nothing_said() {
    let house = House::open().await;
    house.stock(variant(1), 5).await;
    house.hear(Heard::Cancelled(order(1))).await.expect("applied");
    house.hear(placed(1, &[(variant(1), 2)])).await.expect("applied");
    assert_eq!(house.levels().await[0].reserved, 0);
    assert!(house.said("stock.reserved").await.is_empty() && house.said("stock.released").await.is_empty());
}

#[tokio::test]
async fn a_parcel_that_left_while_its_order_was_cancelled_is_gone_all_the_same() {
    let teapot = [(variant(1), 2)];
    for cancelled_first in [true, false] {
        let house = House::open().await;
        let location = house.stock(variant(1), 5).await;
        let (cancelled, dispatched) = (Heard::Cancelled(order(1)), dispatched(1, location, &teapot));
        let mut events = vec![placed(1, &teapot), dispatched, cancelled];
        if cancelled_first {
            events.swap(1, 2);
        }
        house.settle(events).await;
        let level = &house.levels().await[0];
        assert_eq!((level.on_hand, level.reserved, level.shortfall), (3, 0, 0));
    }
}

#[tokio::test]
async fn a_one_line_reservation_costs_six_statements() {
    let house = House::open().await;
    house.stock(variant(1), 5).await;
    let cost = Arc::new(Cost::default());
    work::scope("test", None, Arc::clone(&cost), house.hear(placed(1, &[(variant(1), 2)]))).await.expect("applied");
    // And one that writes what it said.
    assert_eq!(cost.statements(), 7);
}

#[tokio::test]
async fn a_second_stocktake_changes_nothing_and_one_below_the_holds_is_a_shortfall() {
    let house = House::open().await;
    let counts: Vec<(VariantId, i64)> = (1..=1_201).map(|number| (variant(number), 3)).collect();
    assert_eq!(import_levels(&house.ctx, "Main", counts.clone()).await.expect("imported"), 1_201);
    assert_eq!(import_levels(&house.ctx, "Main", counts).await.expect("imported"), 0);
    house.hear(placed(1, &[(variant(7), 3)])).await.expect("applied");
    assert_eq!(import_levels(&house.ctx, "Main", vec![(variant(7), 1)]).await.expect("imported"), 1);
    let level = house.levels().await.into_iter().find(|level| level.variant == variant(7)).expect("a level");
    assert_eq!((level.on_hand, level.reserved, level.shortfall, level.ledger_on_hand), (1, 3, 2, 1));
    assert!(import_levels(&house.ctx, "Main", vec![(variant(7), -1)]).await.is_err());
}

#[tokio::test]
async fn staff_put_stock_on_a_shelf_and_take_no_more_than_lies_there() {
    let house = House::open().await;
    let (status, location) = house.send("POST", "/v1/admin/locations", None, serde_json::json!({"name": "Main"})).await;
    assert_eq!(status, 201, "{location}");
    let (status, refused) = house.send("POST", "/v1/admin/locations", None, serde_json::json!({"name": "Main"})).await;
    assert_eq!((status, &refused["code"]), (409, &"inventory.location_exists".into()));
    let adjust = |quantity: i64| serde_json::json!({"variant": variant(1), "location": location["id"], "quantity": quantity, "reason": "delivery", "low_threshold": 2});
    for _ in 0..2 {
        let (status, level) = house.send("POST", "/v1/admin/stock/adjustments", Some("k1"), adjust(5)).await;
        assert_eq!((status, &level["on_hand"], &level["available"]), (201, &5.into(), &5.into()), "{level}");
    }
    let (status, refused) = house.send("POST", "/v1/admin/stock/adjustments", None, adjust(-6)).await;
    assert_eq!((status, &refused["code"]), (409, &"inventory.below_zero".into()));
    let (status, refused) = house.send("POST", "/v1/admin/stock/adjustments", None, adjust(0)).await;
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &"/quantity".into()));
    house.send("POST", "/v1/admin/stock/adjustments", None, adjust(-3)).await;
    let (_, levels) =
        house.send("GET", &format!("/v1/admin/stock/levels?variant={}", variant(1)), None, ().into()).await;
    assert_eq!((&levels["items"][0]["on_hand"], &levels["next"]), (&2.into(), &serde_json::Value::Null));
    let path = format!("/v1/admin/stock/movements?variant={}&limit=1", variant(1));
    let (_, ledger) = house.send("GET", &path, None, ().into()).await;
    assert_eq!(
        (&ledger["items"][0]["on_hand_change"], &ledger["items"][0]["kind"]),
        (&(-3).into(), &"adjusted".into())
    );
    let path = format!("{path}&cursor={}", ledger["next"].as_str().expect("a next page"));
    let (_, ledger) = house.send("GET", &path, None, ().into()).await;
    assert_eq!(ledger["items"][0]["kind"], "received");
    let (_, all) = house.send("GET", "/v1/admin/locations", None, ().into()).await;
    assert_eq!(all["items"][0]["name"], "Main");
    let availability: Vec<_> =
        house.said("stock.availability_changed").await.into_iter().map(|event| event["availability"].clone()).collect();
    assert_eq!(availability, ["in", "low"]);
    assert_eq!(house.said("audit.recorded").await.len(), 3);
}

#[tokio::test]
async fn a_cancellation_says_released_once_and_gives_the_stock_back() {
    let house = House::open().await;
    house.stock(variant(1), 2).await;
    house.hear(placed(1, &[(variant(1), 2)])).await.expect("applied");
    for _ in 0..2 {
        house.hear(Heard::Cancelled(order(1))).await.expect("applied");
    }
    assert_eq!(house.said("stock.released").await.len(), 1);
    assert_eq!(house.levels().await[0].reserved, 0);
    let fact = &house.orders(vec![order(1), order(2)]).await[..];
    assert_eq!(fact.len(), 1);
    assert_eq!((fact[0].held, fact[0].released, fact[0].shipped), (0, 2, 0));
}
