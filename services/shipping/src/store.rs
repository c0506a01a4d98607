//! Every statement of shipping.

use contracts::carts::LineId;
use contracts::catalog::VariantId;
use contracts::inventory::LocationId;
use contracts::orders::OrderId;
use contracts::shipping::{
    GetShippingOptions, ShipmentId, ShippedLine, ShippingMethodId, ShippingOption, ShippingZoneId,
};
use contracts::{Currency, Money};
use store::{Db, FromRow, Migration, Result, Row, Tx, Value, migrations, name_values, params, rows, statements};

use crate::shipment::{Shipment, ShipmentState};
use crate::zone::{NewShippingZone, ShippingMethodView};

pub const MIGRATIONS: &[Migration] = migrations!["0001_shipping" (release 1)];

/// What one basket is offered.
const OPTIONS_MAX: i64 = 100;

name_values!(ShipmentState);

statements! {
    INSERT_ZONE = "INSERT INTO shipping_zone (id, name) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    INSERT_COUNTRIES = "INSERT INTO shipping_zone_country (country, zone_id)
        SELECT country, $1 FROM @rows($2: country @text) AS served WHERE true ON CONFLICT (country, zone_id) DO NOTHING";
    INSERT_METHODS = "INSERT INTO shipping_method (id, zone_id, name, market, currency, amount_minor, tax_class, position)
        SELECT id, $1, name, market, currency, amount_minor, tax_class, position
        FROM @rows($2: id @id, name @text, market @text, currency @text, amount_minor @money, tax_class @text, position @int) AS new_method";
    ZONES = "SELECT id, name FROM shipping_zone WHERE id > $1 ORDER BY id LIMIT $2";
    ZONE = "SELECT id, name FROM shipping_zone WHERE id = $1";
    // bounded: at most 250 countries a zone of the page
    COUNTRIES = "SELECT zone_id, country FROM shipping_zone_country
        WHERE zone_id IN (SELECT id FROM @rows($1: id @id) AS asked) ORDER BY zone_id, country";
    // bounded: at most 50 methods a zone of the page
    METHODS = "SELECT zone_id, id, name, market, amount_minor, currency, tax_class FROM shipping_method
        WHERE zone_id IN (SELECT id FROM @rows($1: id @id) AS asked) ORDER BY zone_id, position";
    OPTIONS = "SELECT m.id, m.name, m.amount_minor, m.currency, m.tax_class
        FROM shipping_zone_country AS c JOIN shipping_method AS m ON m.zone_id = c.zone_id
        WHERE c.country = $1 AND m.market = $2 AND m.currency = $3 ORDER BY m.amount_minor, m.id LIMIT $4";

    OPEN_ORDER = "INSERT INTO shipping_order (order_id, cancelled) VALUES ($1, $2) ON CONFLICT (order_id) DO NOTHING";
    CANCEL_ORDER = "INSERT INTO shipping_order (order_id, cancelled) VALUES ($1, $2)
        ON CONFLICT (order_id) DO UPDATE SET cancelled = excluded.cancelled";
    INSERT_SHIPMENT = "INSERT INTO shipping_shipment (id, order_id, location_id, state, version, created_at)
        VALUES ($1, $2, $3, 'pending', 1, $4)";
    INSERT_LINES = "INSERT INTO shipping_shipment_line (shipment_id, line_id, variant_id, quantity)
        SELECT $1, line_id, variant_id, quantity FROM @rows($2: line_id @id, variant_id @id, quantity @int) AS packed";
    CANCEL_PENDING = "UPDATE shipping_shipment SET state = 'cancelled', version = version + 1
        WHERE order_id = $1 AND state = 'pending'";
    DISPATCH = "UPDATE shipping_shipment SET state = 'dispatched', carrier = $2, tracking_number = $3, dispatched_at = $4, version = version + 1
        WHERE id = $1 AND state = 'pending' RETURNING order_id, location_id";
    DELIVER = "UPDATE shipping_shipment SET state = 'delivered', delivered_at = $2, version = version + 1
        WHERE id = $1 AND state = 'dispatched' RETURNING order_id";
    STATE = "SELECT state FROM shipping_shipment WHERE id = $1";
    SHIPMENT = "SELECT id, order_id, location_id, state, carrier, tracking_number, version, created_at, dispatched_at, delivered_at
        FROM shipping_shipment WHERE id = $1";
    SHIPMENTS = "SELECT id, order_id, location_id, state, carrier, tracking_number, version, created_at, dispatched_at, delivered_at
        FROM shipping_shipment WHERE id < $1 ORDER BY id DESC LIMIT $2";
    SHIPMENTS_IN = "SELECT id, order_id, location_id, state, carrier, tracking_number, version, created_at, dispatched_at, delivered_at
        FROM shipping_shipment WHERE state = $3 AND id < $1 ORDER BY id DESC LIMIT $2";
    SHIPMENTS_OF = "SELECT id, order_id, location_id, state, carrier, tracking_number, version, created_at, dispatched_at, delivered_at
        FROM shipping_shipment WHERE order_id = $3 AND id < $1
        AND state IN (SELECT state FROM @rows($4: state @text) AS asked) ORDER BY id DESC LIMIT $2";
    // bounded: at most 100 lines a shipment of the page
    LINES = "SELECT shipment_id, line_id, variant_id, quantity FROM shipping_shipment_line
        WHERE shipment_id IN (SELECT id FROM @rows($1: id @id) AS asked) ORDER BY shipment_id, line_id";
}

impl FromRow for Shipment {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            order: row.take()?,
            location: row.take()?,
            state: row.take()?,
            carrier: row.take()?,
            tracking_number: row.take()?,
            version: row.take()?,
            created_at: row.take()?,
            dispatched_at: row.take()?,
            delivered_at: row.take()?,
        })
    }
}

struct MethodOf(ShippingZoneId, ShippingMethodView);

impl FromRow for MethodOf {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (zone, id, name, market) = (row.take()?, row.take()?, row.take()?, row.take()?);
        let price = Money::new(row.take()?, row.take()?);
        Ok(Self(zone, ShippingMethodView { id, name, market, price, tax_class: row.take()? }))
    }
}

fn ids<I: store::ToValue>(ids: &[I]) -> Value {
    rows(ids.iter().map(|id| params![id]))
}

/// `false`: the name is taken.
pub async fn insert_zone(tx: &mut Tx, id: ShippingZoneId, zone: &NewShippingZone) -> Result<bool> {
    if tx.exec(&INSERT_ZONE, params![id, zone.name]).await? == 0 {
        return Ok(false);
    }
    let countries = rows(zone.countries.iter().map(|country| params![country]));
    tx.exec(&INSERT_COUNTRIES, params![id, countries]).await?;
    let ids = tx.ids().clone();
    let methods = rows((0_i64..).zip(&zone.methods).map(|(position, method)| {
        let (method_id, price) = (ids.next::<ShippingMethodId>(), method.price);
        params![method_id, method.name, method.market, price.currency, price.amount, method.tax_class, position]
    }));
    tx.exec(&INSERT_METHODS, params![id, methods]).await?;
    Ok(true)
}

pub async fn zone(db: &Db, id: ShippingZoneId) -> Result<(ShippingZoneId, String)> {
    db.one(&ZONE, params![id]).await
}

pub async fn zones(db: &Db, after: ShippingZoneId, limit: i64) -> Result<Vec<(ShippingZoneId, String)>> {
    db.all(&ZONES, params![after, limit]).await
}

pub async fn countries(db: &Db, zones: &[ShippingZoneId]) -> Result<Vec<(ShippingZoneId, String)>> {
    db.all(&COUNTRIES, params![ids(zones)]).await
}

pub async fn methods(db: &Db, zones: &[ShippingZoneId]) -> Result<Vec<(ShippingZoneId, ShippingMethodView)>> {
    let methods: Vec<MethodOf> = db.all(&METHODS, params![ids(zones)]).await?;
    Ok(methods.into_iter().map(|MethodOf(zone, method)| (zone, method)).collect())
}

/// The cheapest first, at most 100.
pub async fn options(db: &Db, ask: &GetShippingOptions) -> Result<Vec<ShippingOption>> {
    let params = params![ask.country, ask.market, ask.currency, OPTIONS_MAX];
    let options: Vec<(ShippingMethodId, String, i64, Currency, contracts::TaxClass)> = db.all(&OPTIONS, params).await?;
    let option = |(method, name, amount, currency, tax_class)| {
        let price = Money::new(amount, currency);
        ShippingOption { method, name, price, tax_class }
    };
    Ok(options.into_iter().map(option).collect())
}

/// `false`: the order is known already, perhaps cancelled.
pub async fn open_order(tx: &mut Tx, order: OrderId) -> Result<bool> {
    Ok(tx.exec(&OPEN_ORDER, params![order, false]).await? == 1)
}

pub async fn cancel_order(tx: &mut Tx, order: OrderId) -> Result<()> {
    tx.exec(&CANCEL_ORDER, params![order, true]).await.map(drop)
}

pub async fn insert_shipment(
    tx: &mut Tx,
    id: ShipmentId,
    order: OrderId,
    location: LocationId,
    lines: &[ShippedLine],
) -> Result<()> {
    let now = tx.now();
    tx.exec(&INSERT_SHIPMENT, params![id, order, location, now]).await?;
    let lines = rows(lines.iter().map(|line| params![line.line, line.variant, line.quantity]));
    tx.exec(&INSERT_LINES, params![id, lines]).await.map(drop)
}

pub async fn cancel_pending(tx: &mut Tx, order: OrderId) -> Result<()> {
    tx.exec(&CANCEL_PENDING, params![order]).await.map(drop)
}

/// `None`: it is not pending.
pub async fn dispatch(
    tx: &mut Tx,
    id: ShipmentId,
    carrier: Option<&str>,
    tracking_number: Option<&str>,
) -> Result<Option<(OrderId, LocationId)>> {
    let now = tx.now();
    tx.opt(&DISPATCH, params![id, carrier, tracking_number, now]).await
}

/// `None`: it is not dispatched.
pub async fn deliver(tx: &mut Tx, id: ShipmentId) -> Result<Option<OrderId>> {
    let now = tx.now();
    Ok(tx.opt(&DELIVER, params![id, now]).await?.map(|(order,)| order))
}

pub async fn state(tx: &mut Tx, id: ShipmentId) -> Result<Option<ShipmentState>> {
    Ok(tx.opt(&STATE, params![id]).await?.map(|(state,)| state))
}

pub async fn packed(tx: &mut Tx, shipment: ShipmentId) -> Result<Vec<ShippedLine>> {
    let lines: Vec<LineRow> = tx.all(&LINES, params![ids(&[shipment])]).await?;
    Ok(lines.into_iter().map(|line| shipped_line(line).1).collect())
}

pub async fn shipment(db: &Db, id: ShipmentId) -> Result<Shipment> {
    db.one(&SHIPMENT, params![id]).await
}

/// The newest first.
pub async fn shipments(
    db: &Db,
    order: Option<OrderId>,
    state: Option<ShipmentState>,
    before: ShipmentId,
    limit: i64,
) -> Result<Vec<Shipment>> {
    match (order, state) {
        (Some(order), state) => {
            let states = rows(
                ShipmentState::ALL
                    .into_iter()
                    .filter(|one| state.is_none_or(|state| state == *one))
                    .map(|state| params![state]),
            );
            db.all(&SHIPMENTS_OF, params![before, limit, order, states]).await
        }
        (None, Some(state)) => db.all(&SHIPMENTS_IN, params![before, limit, state]).await,
        (None, None) => db.all(&SHIPMENTS, params![before, limit]).await,
    }
}

type LineRow = (ShipmentId, LineId, VariantId, i64);

fn shipped_line((shipment, line, variant, quantity): LineRow) -> (ShipmentId, ShippedLine) {
    (shipment, ShippedLine { line, variant, quantity })
}

pub async fn lines(db: &Db, shipments: &[ShipmentId]) -> Result<Vec<(ShipmentId, ShippedLine)>> {
    let lines: Vec<LineRow> = db.all(&LINES, params![ids(shipments)]).await?;
    Ok(lines.into_iter().map(shipped_line).collect())
}
