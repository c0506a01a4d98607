//! Shipping alone, with a `customers` that lets every key in and an `orders` that knows every address.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::store::{Clock, Db, Ids, Options, Tx, migrate, outbox};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use contracts::customers::{AuthenticateKey, Permission, StaffPrincipal};
use contracts::inventory::{LocationId, StockHold};
use contracts::orders::{
    CancelRequestId, GetShipTo, LineUnits, OrderCancelRequested, OrderConfirmed, OrderId, OrderStatus, OrderedLine,
    ShipTo, ShipToLine,
};
use contracts::shipping::ShippingMethodId;
use contracts::{Address, Currency, Id, Money};
use jiff::Timestamp;
use platform::calls::Peers;
use platform::{Config, Ctx, Identity, Outcome, Problem, Process, Service};
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

use crate::packing::ordered;
use crate::{cancel_shipments, create_shipments, hold_back, store};

pub struct House {
    pub ctx: Ctx,
    routes: Router,
    _folder: tempfile::TempDir,
}

#[derive(Debug, Clone)]
pub enum Heard {
    Confirmed(OrderConfirmed),
    Asked(OrderCancelRequested),
    Cancelled(OrderId),
}

async fn answer_key(_: Ctx, _: AuthenticateKey) -> Result<Option<StaffPrincipal>, Problem> {
    let (staff, key) = (Id::from_uuid(Uuid::from_u128(1)), Id::from_uuid(Uuid::from_u128(2)));
    Ok(Some(StaffPrincipal { staff, key, permissions: Permission::ALL.to_vec() }))
}

async fn answer_ship_to(_: Ctx, ask: GetShipTo) -> Result<Vec<ShipTo>, Problem> {
    let address = serde_json::json!({"name": "Ada", "line1": "Ring 1", "city": "Wien", "country": "AT"});
    let address: Address = serde_json::from_value(address).expect("an address");
    let line = |number: u128| ShipToLine {
        line: ordered(number, 1, 1, true).line,
        title: format!("Pot {number}"),
        sku: format!("P-{number}"),
        options: vec![("Size".to_owned(), "M".to_owned())],
        weight_g: 100,
    };
    let to = |order: &OrderId| ShipTo {
        order: *order,
        number: "S-1".to_owned(),
        status: OrderStatus::Confirmed,
        address: Some(address.clone()),
        pickup: None,
        lines: vec![line(1), line(2)],
    };
    Ok(ask.orders.iter().map(to).collect())
}

async fn react(tx: &mut Tx, heard: &Heard) -> Result<Outcome, Problem> {
    match heard {
        Heard::Confirmed(confirmed) => create_shipments::create_shipments(tx, confirmed).await,
        Heard::Asked(asked) => hold_back::hold_back(tx, asked).await,
        Heard::Cancelled(order) => cancel_shipments::cancel_shipments(tx, *order).await,
    }
}

impl House {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("souk.db").display());
        let db = Db::open(&Options::new(url), Clock::fixed(Timestamp::UNIX_EPOCH), Ids::counted())
            .await
            .expect("a database");
        migrate::migrate(&db, &[("shipping", store::MIGRATIONS)]).await.expect("a schema");
        for statement in store::zones::ALL.iter().chain(store::shipments::ALL) {
            db.prepare(statement).await.expect("a statement that the database understands");
        }
        let peers = Peers::new(&BTreeMap::new(), None, Clock::System).expect("peers");
        let config = Arc::new(Config::defaults());
        let ctx = Ctx::new(db, peers.clone(), Arc::clone(&config), Identity::default());
        let service = crate::service(&ctx);
        let (ctx, routes) = (service.ctx.clone(), Router::from(service.routes.clone()));
        let customers = Service::new("customers", &ctx).answers::<AuthenticateKey, _, _>(answer_key);
        let orders = Service::new("orders", &ctx).answers::<GetShipTo, _, _>(answer_ship_to);
        Process::new(config, peers).settle(&[service, customers, orders]);
        Self { ctx, routes, _folder: folder }
    }

    pub async fn hear(&self, heard: Heard) -> Outcome {
        self.ctx.db.write(heard, |tx, heard| Box::pin(react(tx, heard))).await.expect("applied")
    }

    /// Names of what was said beside the audit log, in order.
    pub async fn said(&self) -> Vec<String> {
        self.events().await.into_iter().map(|(name, _)| name).collect()
    }

    pub async fn events(&self) -> Vec<(String, Value)> {
        let page = outbox::page(&self.ctx.db, Uuid::nil(), 500).await.expect("the outbox");
        let events = page.into_iter().filter(|event| event.name != "audit.recorded");
        events.map(|event| (event.name, serde_json::from_str(&event.data).expect("JSON"))).collect()
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(path).header("authorization", "Bearer souk_sk_x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("content-type", "application/json").body(Body::from(body.to_string()));
        let response = self.routes.clone().oneshot(request.expect("a request")).await.expect("an answer");
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Must be answered with this status.
    pub async fn must(&self, status: u16, method: &str, path: &str, body: Value) -> Value {
        let (answered, view) = self.send(method, path, &[], body).await;
        assert_eq!(answered, status, "{method} {path}: {view:#}");
        view
    }

    /// On the version that it has.
    pub async fn edit(&self, path: &str, body: Value) -> (u16, Value) {
        let version = self.must(200, "GET", path, Value::Null).await["version"].to_string();
        self.send("PATCH", path, &[("if-match", &version)], body).await
    }

    pub async fn shipments(&self, query: &str) -> Vec<Value> {
        let page = self.must(200, "GET", &format!("/v1/admin/shipments?{query}"), Value::Null).await;
        page["items"].as_array().expect("a list").clone()
    }

    /// Does it to the shipment, and must be answered so.
    pub async fn act(&self, status: u16, shipment: &Value, act: &str, body: Value) -> Value {
        self.must(status, "POST", &format!("{}/{act}", path(shipment)), body).await
    }
}

pub fn path(shipment: &Value) -> String {
    format!("/v1/admin/shipments/{}", shipment["id"].as_str().expect("an id"))
}

pub fn order(number: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(number))
}

pub fn location(number: u128) -> LocationId {
    LocationId::from_uuid(Uuid::from_u128(number))
}

/// Lines of (id, quantity), of which each is its own variant, held by (line, location, quantity). Line 9 is
/// a download.
pub fn confirmed(number: u128, lines: &[(u128, i64)], holds: &[(u128, u128, i64)]) -> OrderConfirmed {
    let line = |(id, quantity): &(u128, i64)| ordered(*id, *id, *quantity, *id != 9);
    let lines: Vec<OrderedLine> = lines.iter().map(line).collect();
    let hold = |(of, at, quantity): &(u128, u128, i64)| {
        let variant = ordered(*of, *of, 1, true).variant;
        StockHold { variant, location: location(*at), quantity: *quantity }
    };
    OrderConfirmed {
        order: order(number),
        market: "default".parse().expect("a market"),
        holds: holds.iter().map(hold).collect(),
        shipping_method: None,
        lines,
        total: Money::new(100, Currency::EUR),
    }
}

/// Three of line 1 and a download, at location 7.
pub fn simple(number: u128) -> Heard {
    Heard::Confirmed(confirmed(number, &[(1, 3), (9, 1)], &[(1, 7, 3)]))
}

pub fn sent_by(method: ShippingMethodId, number: u128) -> Heard {
    Heard::Confirmed(OrderConfirmed { shipping_method: Some(method), ..confirmed(number, &[(1, 3)], &[(1, 7, 3)]) })
}

pub fn asked(number: u128, request: u128, lines: &[(u128, i64)]) -> Heard {
    let units = |(id, quantity): &(u128, i64)| {
        let OrderedLine { line, variant, .. } = ordered(*id, *id, *quantity, true);
        LineUnits { line, variant, quantity: *quantity }
    };
    let request = CancelRequestId::from_uuid(Uuid::from_u128(request));
    Heard::Asked(OrderCancelRequested { order: order(number), request, lines: lines.iter().map(units).collect() })
}

/// Units of each line that are left in it, and that were cancelled.
pub fn units(shipment: &Value) -> Vec<(i64, i64)> {
    let lines = shipment["lines"].as_array().expect("lines");
    lines
        .iter()
        .map(|line| (line["quantity"].as_i64().expect("a number"), line["cancelled"].as_i64().expect("a number")))
        .collect()
}

pub fn unknown_shipment() -> contracts::shipping::ShipmentId {
    Id::from_uuid(Uuid::from_u128(99))
}
