//! Shipping's verbs on a throw-away database, with fake peers.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::store::{Clock, Db, Ids, Options, Tx, migrate, outbox};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use contracts::carts::LineId;
use contracts::catalog::VariantId;
use contracts::customers::{AuthenticateKey, Permission, StaffPrincipal};
use contracts::inventory::LocationId;
use contracts::orders::{GetShipTo, OrderConfirmed, OrderId, OrderedLine, ShipTo};
use contracts::shipping::GetShippingOptions;
use contracts::{Address, Currency, Id, Money};
use jiff::Timestamp;
use platform::auth::KeyCache;
use platform::calls::Peers;
use platform::{Config, Ctx, Outcome, Problem, Process, Service};
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use crate::{calls, cancel_shipment, create_shipment, store};

/// Shipping alone, with a `customers` that lets every key in and an `orders` that knows every address.
struct House {
    ctx: Ctx,
    routes: Router,
    _folder: tempfile::TempDir,
}

#[derive(Debug, Clone)]
enum Heard {
    Confirmed(OrderConfirmed),
    Cancelled(OrderId),
}

async fn answer_key(_: Ctx, _: AuthenticateKey) -> Result<Option<StaffPrincipal>, Problem> {
    let (staff, key) = (Id::from_uuid(Uuid::from_u128(1)), Id::from_uuid(Uuid::from_u128(2)));
    Ok(Some(StaffPrincipal { staff, key, permissions: Permission::ALL.to_vec() }))
}

async fn answer_ship_to(_: Ctx, ask: GetShipTo) -> Result<Vec<ShipTo>, Problem> {
    let address = json!({"name": "Ada", "line1": "Ring 1", "city": "Wien", "country": "AT"});
    let address: Address = serde_json::from_value(address).expect("an address");
    let to = |order: &OrderId| ShipTo { order: *order, number: "S-1".to_owned(), address: address.clone() };
    Ok(ask.orders.iter().map(to).collect())
}

async fn react(tx: &mut Tx, heard: &Heard) -> Result<(), Problem> {
    let outcome = match heard {
        Heard::Confirmed(confirmed) => create_shipment::create_shipment(tx, confirmed).await?,
        Heard::Cancelled(order) => cancel_shipment::cancel_shipment(tx, *order).await?,
    };
    assert_eq!(outcome, Outcome::Done);
    Ok(())
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("souk.db").display());
        let db = Db::open(&Options::new(url), Clock::fixed(Timestamp::UNIX_EPOCH), Ids::counted())
            .await
            .expect("a database");
        migrate::migrate(&db, &[("shipping", store::MIGRATIONS)]).await.expect("a schema");
        let peers = Peers::new(&BTreeMap::new(), None, Clock::System).expect("peers");
        let config = Arc::new(Config::defaults());
        let ctx = Ctx::new(db, peers.clone(), Arc::clone(&config), KeyCache::default());
        let service = crate::service(&ctx);
        let (ctx, routes) = (service.ctx.clone(), Router::from(service.routes.clone()));
        let customers = Service::new("customers", &ctx).answers::<AuthenticateKey, _, _>(answer_key);
        let orders = Service::new("orders", &ctx).answers::<GetShipTo, _, _>(answer_ship_to);
        Process::new(config, peers).settle(&[service, customers, orders]);
        Self { ctx, routes, _folder: folder }
    }

    async fn hear(&self, heard: Heard) {
        self.ctx.db.write(heard, |tx, heard| Box::pin(react(tx, heard))).await.expect("applied");
    }

    async fn said(&self) -> Vec<String> {
        let page = outbox::page(&self.ctx.db, Uuid::nil(), 500).await.expect("the outbox");
        page.into_iter().map(|event| event.name).filter(|name| name != "audit.recorded").collect()
    }

    async fn send(&self, method: &str, path: &str, key: Option<&str>, body: Value) -> (u16, Value) {
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

    async fn shipments(&self, query: &str) -> Vec<Value> {
        let (status, page) = self.send("GET", &format!("/v1/admin/shipments?{query}"), None, Value::Null).await;
        assert_eq!(status, 200, "{page}");
        page["items"].as_array().expect("a list").clone()
    }
}

fn order(number: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(number))
}

/// Its first line is shipped, its second is a download; `ships` = false: only the download.
fn confirmed(number: u128, ships: bool) -> Heard {
    let line = |at: u128| OrderedLine {
        line: LineId::from_uuid(Uuid::from_u128(number * 10 + at)),
        variant: VariantId::from_uuid(Uuid::from_u128(at)),
        quantity: 2,
        requires_shipping: at == 1,
    };
    Heard::Confirmed(OrderConfirmed {
        order: order(number),
        market: "default".parse().expect("a market"),
        location: LocationId::from_uuid(Uuid::from_u128(7)),
        shipping_method: None,
        lines: if ships { vec![line(1), line(2)] } else { vec![line(2)] },
        total: Money::new(100, Currency::EUR),
    })
}

#[tokio::test]
async fn a_parcel_goes_its_way_once() {
    let house = House::open().await;
    house.hear(confirmed(1, true)).await;
    let shipment = house.shipments("state=pending").await.remove(0);
    assert_eq!((&shipment["ship_to"]["city"], &shipment["order_number"]), (&"Wien".into(), &"S-1".into()));
    assert_eq!(shipment["lines"].as_array().map(Vec::len), Some(1), "a download is in no parcel");
    let path = format!("/v1/admin/shipments/{}", shipment["id"].as_str().expect("an id"));
    let (status, early) = house.send("POST", &format!("{path}/deliver"), None, Value::Null).await;
    assert_eq!((status, &early["code"]), (409, &"shipping.not_dispatched".into()));
    let (_, first) = house
        .send("POST", &format!("{path}/dispatch"), None, json!({"carrier": "Post", "tracking_number": "RR1"}))
        .await;
    let (status, second) = house.send("POST", &format!("{path}/dispatch"), None, json!({})).await;
    assert_eq!((status, &first), (200, &second));
    assert_eq!(
        (&first["state"], &first["tracking_number"], &first["version"]),
        (&"dispatched".into(), &"RR1".into(), &2.into())
    );
    for _ in 0..2 {
        let (status, delivered) = house.send("POST", &format!("{path}/deliver"), None, Value::Null).await;
        assert_eq!((status, &delivered["state"]), (200, &"delivered".into()));
    }
    house.hear(Heard::Cancelled(order(1))).await;
    assert_eq!(house.shipments(&format!("order={}&state=delivered", order(1))).await.len(), 1);
    assert_eq!(house.said().await, ["shipment.created", "shipment.dispatched", "shipment.delivered"]);
}

#[tokio::test]
async fn a_cancelled_parcel_stays_here() {
    let house = House::open().await;
    house.hear(confirmed(1, true)).await;
    house.hear(Heard::Cancelled(order(1))).await;
    let shipment = house.shipments("").await.remove(0);
    assert_eq!(shipment["state"], "cancelled");
    let path = format!("/v1/admin/shipments/{}/dispatch", shipment["id"].as_str().expect("an id"));
    let (status, refused) = house.send("POST", &path, None, json!({})).await;
    assert_eq!((status, &refused["code"]), (409, &"shipping.cancelled".into()));
    let unknown =
        format!("/v1/admin/shipments/{}/dispatch", contracts::shipping::ShipmentId::from_uuid(Uuid::from_u128(99)));
    assert_eq!(house.send("POST", &unknown, None, json!({})).await.0, 404);
}

#[tokio::test]
async fn an_order_of_downloads_has_no_parcel() {
    let house = House::open().await;
    house.hear(confirmed(1, false)).await;
    assert!(house.shipments("").await.is_empty() && house.said().await.is_empty());
}

#[tokio::test]
async fn a_zone_offers_its_methods_the_cheapest_first() {
    let house = House::open().await;
    let method = |name: &str, amount: i64| json!({"name": name, "market": "default", "price": {"amount": amount, "currency": "EUR"}});
    let zone = json!({"name": "Home", "countries": ["AT", "DE"], "methods": [method("Express", 990), method("Standard", 490)]});
    let (status, made) = house.send("POST", "/v1/admin/shipping/zones", Some("k1"), zone.clone()).await;
    assert_eq!(
        (status, &made["methods"][0]["name"], &made["countries"]),
        (201, &"Express".into(), &json!(["AT", "DE"])),
        "{made}"
    );
    let (status, again) = house.send("POST", "/v1/admin/shipping/zones", Some("k1"), zone.clone()).await;
    assert_eq!((status, &again), (201, &made));
    let (status, refused) = house.send("POST", "/v1/admin/shipping/zones", None, zone).await;
    assert_eq!((status, &refused["code"]), (409, &"shipping.zone_exists".into()));
    let (status, refused) = house
        .send(
            "POST",
            "/v1/admin/shipping/zones",
            None,
            json!({"name": "x", "countries": ["at"], "methods": [method("a", 1)]}),
        )
        .await;
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &"/countries/0".into()), "{refused}");
    let (_, all) = house.send("GET", "/v1/admin/shipping/zones", None, Value::Null).await;
    assert_eq!((&all["items"][0], &all["next"]), (&made, &Value::Null));
    let ask = |country: &str, currency| {
        let (market, country) = ("default".parse().expect("a market"), country.to_owned());
        calls::get_options(house.ctx.clone(), GetShippingOptions { market, currency, country })
    };
    let names: Vec<String> =
        ask("DE", Currency::EUR).await.expect("options").into_iter().map(|option| option.name).collect();
    assert_eq!(names, ["Standard", "Express"]);
    assert!(ask("FR", Currency::EUR).await.expect("options").is_empty());
    assert!(ask("DE", Currency::USD).await.expect("options").is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn a_cancelled_order_has_no_parcel_to_pack_whatever_comes_first(
        deliveries in Just((1..=4_u128).flat_map(|number| [(number, 0), (number, 0), (number, 1), (number, 1)]).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(shuffled(deliveries));
    }
}

/// Orders 1 to 4 are confirmed, the even ones cancelled too; each event comes twice.
async fn shuffled(deliveries: Vec<(u128, u8)>) {
    let house = House::open().await;
    for (number, kind) in deliveries {
        match kind {
            0 => house.hear(confirmed(number, true)).await,
            _ if number % 2 == 0 => house.hear(Heard::Cancelled(order(number))).await,
            _ => {}
        }
    }
    let pending = house.shipments("state=pending").await;
    let mut orders: Vec<&str> = pending.iter().filter_map(|shipment| shipment["order"].as_str()).collect();
    orders.sort_unstable();
    assert_eq!(orders, [order(1).to_string(), order(3).to_string()]);
}
