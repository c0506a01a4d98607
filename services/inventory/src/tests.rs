//! Inventory's verbs on a throw-away database.

mod any_order;
mod several_locations;
mod stocktakes;
mod transfers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ::store::work::{self, Cost};
use ::store::{Clock, Db, Ids, Options, Tx, migrate, outbox};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use contracts::carts::{CartId, LineId};
use contracts::catalog::{ProductId, ResolveVariants, ResolvedVariant, VariantId};
use contracts::customers::{AuthenticateKey, Permission, StaffPrincipal};
use contracts::inventory::{InventoryLevelFacts, InventoryOrderFact, InventoryOrderFacts, LevelFact, LocationId};
use contracts::orders::{CancelRequestId, OrderId, OrderLinesCancelled, OrderPlaced, OrderedLine};
use contracts::shipping::{CancelledPart, ShipmentDispatched, ShipmentId, ShippedLine};
use contracts::{Currency, Id, MarketId, Money};
use jiff::Timestamp;
use platform::auth::Identity;
use platform::calls::Peers;
use platform::{Config, Ctx, Outcome, Problem, Process, Service};
use tower::ServiceExt;
use uuid::Uuid;

use crate::{ImportedCount, calls, hand_over, import_counts, import_levels, release, reserve, ship_out, store};

/// Inventory alone, with a `customers` that lets every key in and a `catalog` that knows [`KNOWN`] variants.
struct House {
    ctx: Ctx,
    routes: Router,
    _folder: tempfile::TempDir,
}

#[derive(Debug, Clone)]
enum Heard {
    Placed(OrderPlaced),
    LinesCancelled(OrderLinesCancelled),
    Cancelled(OrderId),
    Completed(OrderId),
    Dispatched(ShipmentDispatched),
}

/// `variant(1)` to this one are in the catalogue.
const KNOWN: u128 = 100_000;

async fn answer_key(_: Ctx, _: AuthenticateKey) -> Result<Option<StaffPrincipal>, Problem> {
    let (staff, key) = (Id::from_uuid(Uuid::from_u128(1)), Id::from_uuid(Uuid::from_u128(2)));
    Ok(Some(StaffPrincipal { staff, key, permissions: Permission::ALL.to_vec() }))
}

async fn resolve(_: Ctx, call: ResolveVariants) -> Result<Vec<ResolvedVariant>, Problem> {
    let known = call.variants.into_iter().filter(|variant| variant.uuid().as_u128() <= KNOWN);
    let resolved = |variant: VariantId| ResolvedVariant {
        variant,
        product: ProductId::from_uuid(variant.uuid()),
        sku: variant.to_string(),
    };
    Ok(known.map(resolved).collect())
}

async fn react(ctx: &Ctx, tx: &mut Tx, heard: &Heard) -> Result<(), Problem> {
    let outcome = match heard {
        Heard::Placed(placed) => reserve::reserve(ctx, tx, placed).await?,
        Heard::LinesCancelled(cancelled) => release::release_lines(tx, cancelled).await?,
        Heard::Cancelled(order) => release::release_order(tx, *order).await?,
        Heard::Completed(order) => hand_over::hand_over(tx, *order).await?,
        Heard::Dispatched(dispatched) => ship_out::ship_out(tx, dispatched).await?,
    };
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Later(why) => Err(Problem::unavailable(why)),
    }
}

impl House {
    async fn open() -> Self {
        Self::open_with(|_| ()).await
    }

    async fn open_with(edit: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("souk.db").display());
        let db = Db::open(&Options::new(url), Clock::fixed(Timestamp::UNIX_EPOCH), Ids::counted())
            .await
            .expect("a database");
        migrate::migrate(&db, &[("inventory", store::MIGRATIONS)]).await.expect("a schema");
        let peers = Peers::new(&BTreeMap::new(), None, Clock::System).expect("peers");
        let mut config = Config::defaults();
        edit(&mut config);
        let config = Arc::new(config);
        let ctx = Ctx::new(db, peers.clone(), Arc::clone(&config), Identity::default());
        let service = crate::service(&ctx);
        let (ctx, routes) = (service.ctx.clone(), Router::from(service.routes.clone()));
        let customers = Service::new("customers", &ctx).answers::<AuthenticateKey, _, _>(answer_key);
        let catalog = Service::new("catalog", &ctx).answers::<ResolveVariants, _, _>(resolve);
        Process::new(config, peers).settle(&[service, customers, catalog]);
        Self { ctx, routes, _folder: folder }
    }

    /// `Err`: parked, and nothing of it is left.
    async fn hear(&self, heard: Heard) -> Result<(), Problem> {
        self.ctx.db.write((self.ctx.clone(), heard), |tx, (ctx, heard)| Box::pin(react(ctx, tx, heard))).await
    }

    /// As the bus does: a double is dropped, and what can't be applied yet comes again, after the rest.
    async fn settle(&self, mut waiting: Vec<Heard>) {
        let mut applied = BTreeSet::new();
        for _ in 0..10 {
            let mut parked = Vec::new();
            for heard in std::mem::take(&mut waiting) {
                let id = format!("{heard:?}");
                if applied.contains(&id) {
                    continue;
                }
                match self.hear(heard.clone()).await {
                    Ok(()) => drop(applied.insert(id)),
                    Err(problem) => {
                        assert!(problem.is_unavailable(), "{problem:?}");
                        parked.push(heard);
                    }
                }
            }
            waiting = parked;
        }
        assert!(waiting.is_empty(), "never applied: {waiting:?}");
    }

    async fn stock(&self, variant: VariantId, on_hand: i64) -> LocationId {
        self.stock_at("Main", variant, on_hand).await
    }

    async fn stock_at(&self, location: &str, variant: VariantId, on_hand: i64) -> LocationId {
        import_levels(&self.ctx, location, vec![(variant, on_hand)]).await.expect("a stocktake");
        store::locations::named(&self.ctx.db, location).await.expect("a read").expect("a location")
    }

    /// `(on hand, reserved)`
    async fn level(&self, variant: VariantId, location: LocationId) -> (i64, i64) {
        let level = store::level(&self.ctx.db, variant, location).await.expect("a level");
        (level.on_hand, level.reserved)
    }

    /// Every level is the sum of its ledger, and what it reserves is what orders hold.
    async fn must_be_whole(&self) {
        for level in self.levels().await {
            assert_eq!((level.ledger_on_hand, level.ledger_reserved), (level.on_hand, level.reserved), "{level:?}");
            assert_eq!(level.held, level.reserved, "{level:?}");
        }
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

    async fn get(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.send("GET", path, None, ().into()).await;
        assert_eq!(status, 200, "{path} {body}");
        body
    }

    async fn post(&self, path: &str, body: serde_json::Value) -> (u16, serde_json::Value) {
        self.send("POST", path, None, body).await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: serde_json::Value,
    ) -> (u16, serde_json::Value) {
        let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
        self.send_with(method, path, &headers, body).await
    }

    async fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: serde_json::Value,
    ) -> (u16, serde_json::Value) {
        let mut request = Request::builder().method(method).uri(path).header("authorization", "Bearer souk_sk_k");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("content-type", "application/json").body(Body::from(body.to_string()));
        let response = self.routes.clone().oneshot(request.expect("a request")).await.expect("an answer");
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

/// From this number on, variants are not shipped.
const DOWNLOADS: u128 = 50_000;

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
        requires_shipping: variant.uuid().as_u128() < DOWNLOADS,
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
    // One shipment per order and location.
    let shipment = ShipmentId::from_uuid(Uuid::from_u128(location.uuid().as_u128() ^ number));
    Heard::Dispatched(ShipmentDispatched {
        shipment,
        order: order(number),
        location,
        lines: lines.iter().map(line).collect(),
    })
}

fn lines_cancelled(number: u128, parts: &[(VariantId, Option<LocationId>, i64)]) -> Heard {
    let part = |(variant, location, quantity): &(VariantId, Option<LocationId>, i64)| CancelledPart {
        line: LineId::from_uuid(variant.uuid()),
        variant: *variant,
        quantity: *quantity,
        location: *location,
    };
    Heard::LinesCancelled(OrderLinesCancelled {
        order: order(number),
        request: CancelRequestId::from_uuid(Uuid::from_u128(number)),
        parts: parts.iter().map(part).collect(),
        amount: Money::zero(Currency::EUR),
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
    let counts = vec![ImportedCount::new(variant(7), "Main", -1), ImportedCount::new(variant(8), "Main", 4)];
    let imported = import_counts(&house.ctx, counts).await.expect("imported");
    let told: Vec<_> = imported.faults.iter().map(|(index, fault)| (*index, fault.code, fault.field)).collect();
    assert_eq!((imported.changed, told), (1, vec![(0, "bad_quantity", "stock.quantity")]));
    let level = house.levels().await.into_iter().find(|level| level.variant == variant(7)).expect("a level");
    assert_eq!(level.on_hand, 1);
}

#[tokio::test]
async fn staff_put_stock_on_a_shelf_and_take_no_more_than_lies_there() {
    let house = House::open().await;
    let (status, location) = house.send("POST", "/v1/admin/locations", None, serde_json::json!({"name": "Main"})).await;
    assert_eq!(status, 201, "{location}");
    let (status, refused) = house.send("POST", "/v1/admin/locations", None, serde_json::json!({"name": "Main"})).await;
    assert_eq!((status, &refused["code"]), (409, &"inventory.location_exists".into()));
    let adjust = |quantity: i64| serde_json::json!({"variant": variant(1), "location": location["id"], "quantity": quantity, "reason": if quantity > 0 { "received" } else { "damaged" }, "note": "delivery 7"});
    let threshold =
        format!("/v1/admin/stock/variants/{}/thresholds/{}", variant(1), location["id"].as_str().expect("an id"));
    let (status, level) = house.send("PUT", &threshold, None, serde_json::json!({"low_threshold": 2})).await;
    assert_eq!((status, &level["low_threshold"], &level["on_hand"]), (200, &2.into(), &0.into()), "{level}");
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
    assert_eq!((&ledger["items"][0]["reason"], &ledger["items"][0]["note"]), (&"damaged".into(), &"delivery 7".into()));
    let path = format!("{path}&cursor={}", ledger["next"].as_str().expect("a next page"));
    let (_, ledger) = house.send("GET", &path, None, ().into()).await;
    assert_eq!(ledger["items"][0]["kind"], "received");
    let (_, all) = house.send("GET", "/v1/admin/locations", None, ().into()).await;
    assert_eq!(all["items"][0]["name"], "Main");
    let availability: Vec<_> =
        house.said("stock.availability_changed").await.into_iter().map(|event| event["availability"].clone()).collect();
    assert_eq!(availability, ["in", "low"]);
    assert_eq!(house.said("audit.recorded").await.len(), 4);
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
