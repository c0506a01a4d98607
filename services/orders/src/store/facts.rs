//! What others are told of orders: where they go, what they consist of, and the facts that the audit checks.

use ::store::{Db, FromRow, Json, Result, Row, Tx, params, rows, statements};
use contracts::carts::{CartId, LineId};
use contracts::catalog::VariantId;
use contracts::customers::Buyer;
use contracts::orders::{OrderId, OrderStatus, ShipTo, ShipToLine};
use contracts::pricing::{AmountRow, QuotedShipping};
use contracts::shipping::PickupPoint;
use contracts::{Address, Currency, Money};
use jiff::Timestamp;
use uuid::Uuid;

use super::ids;
use super::rows::json;
use crate::sale;

statements! {
    SHIP_TO = "SELECT id, number, status, shipping_address, pickup FROM orders_order
        WHERE (shipping_address IS NOT NULL OR pickup IS NOT NULL) AND id IN (SELECT id FROM @rows($1: id @id) AS r)
        -- bounded: the orders asked for";
    SHIP_TO_LINES = "SELECT order_id, id, product_title, variant_title, sku, options, weight_g FROM orders_line
        WHERE requires_shipping AND order_id IN (SELECT id FROM @rows($1: id @id) AS r)
        ORDER BY order_id, id -- bounded: the lines of the orders asked for";
    FACTS = "SELECT id, cart_id, customer_id, buyer_sha256, status, unpaid_until, currency, total_minor, amounts, shipping, due_minor, captured_minor, refunded_minor,
            version, updated_at
        FROM orders_order WHERE id > $1 ORDER BY id LIMIT $2";
    FACT_LINES = "SELECT order_id, CAST(SUM(total_minor) AS BIGINT), CAST(SUM(quantity) AS BIGINT),
            CAST(SUM(cancelled) AS BIGINT), CAST(SUM(CASE WHEN requires_shipping THEN quantity ELSE 0 END) AS BIGINT),
            CAST(SUM(shipped) AS BIGINT)
        FROM orders_line WHERE order_id IN (SELECT id FROM @rows($1: id @id) AS r)
        GROUP BY order_id -- bounded: the orders of a page";
    FACT_UNITS = "SELECT order_id, variant_id, CAST(SUM(quantity) AS BIGINT) FROM orders_line
        WHERE order_id IN (SELECT id FROM @rows($1: id @id) AS r)
        GROUP BY order_id, variant_id -- bounded: the lines of the orders of a page";
    /// What the route that places orders made.
    EXISTING = "SELECT id FROM orders_order WHERE id IN (SELECT id FROM @rows($1: id @id) AS asked)";
    MADE = "SELECT id, placed_at FROM orders_order WHERE id > $1 ORDER BY id LIMIT $2";
    OPEN = "SELECT status, COUNT(*), MIN(placed_at) FROM orders_order
        WHERE status IN ('placed', 'payable', 'confirmed') GROUP BY status";
    FACT_HISTORY = "SELECT order_id, sequence, status FROM orders_history
        WHERE order_id IN (SELECT id FROM @rows($1: id @id) AS r)
        ORDER BY order_id, sequence -- bounded: the orders of a page";
}

/// Where these orders go, of those that go anywhere.
pub async fn ship_to(db: &Db, orders: &[OrderId]) -> Result<Vec<ShipTo>> {
    type Found = (OrderId, String, OrderStatus, Option<Json<Address>>, Option<Json<PickupPoint>>);
    let orders = ids(orders);
    let found: Vec<Found> = db.all(&SHIP_TO, params![orders]).await?;
    let lines: Vec<Packed> = db.all(&SHIP_TO_LINES, params![orders]).await?;
    let ship_to = |(order, number, status, address, pickup): Found| ShipTo {
        order,
        number,
        status,
        address: address.map(|Json(address)| address),
        pickup: pickup.map(|Json(pickup)| pickup),
        lines: lines.iter().filter(|packed| packed.order == order).map(|packed| packed.line.clone()).collect(),
    };
    Ok(found.into_iter().map(ship_to).collect())
}

struct Packed {
    order: OrderId,
    line: ShipToLine,
}

/// An order as the audit asks for it.
pub struct FactOrder {
    pub id: OrderId,
    pub cart: CartId,
    pub buyer: Buyer,
    pub status: OrderStatus,
    pub unpaid_until: Timestamp,
    pub total: Money,
    pub amounts: Vec<AmountRow>,
    pub shipping: Option<QuotedShipping>,
    pub due_minor: i64,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub version: i64,
    pub updated_at: Timestamp,
}

/// The sums of an order's lines.
#[derive(Debug, Default)]
pub struct FactLines {
    pub total_minor: i64,
    pub ordered: i64,
    pub cancelled: i64,
    pub to_ship: i64,
    pub shipped: i64,
}

type FactUnits = (OrderId, VariantId, i64);
type FactEntry = (OrderId, i64, OrderStatus);
type FactSums = (OrderId, FactLines);

/// A page of orders by id, the sums of their lines, their units, and their histories in order.
pub struct Facts {
    pub orders: Vec<FactOrder>,
    pub lines: Vec<FactSums>,
    pub units: Vec<FactUnits>,
    pub history: Vec<FactEntry>,
}

pub async fn facts(tx: &mut Tx, after: Uuid, limit: i64) -> Result<Facts> {
    let orders: Vec<FactOrder> = tx.all(&FACTS, params![after, limit]).await?;
    let ids = rows(orders.iter().map(|order| params![order.id]));
    let lines: Vec<OfOrder> = tx.all(&FACT_LINES, params![ids]).await?;
    let units = tx.all(&FACT_UNITS, params![ids]).await?;
    let history = tx.all(&FACT_HISTORY, params![ids]).await?;
    let lines = lines.into_iter().map(|OfOrder(order, lines)| (order, lines)).collect();
    Ok(Facts { orders, lines, units, history })
}

/// How many orders are in each status that they do not stay in, and when the oldest of them was placed.
pub async fn open(db: &Db) -> Result<Vec<(OrderStatus, i64, Timestamp)>> {
    db.all(&OPEN, params![]).await
}

struct OfOrder(OrderId, FactLines);

impl FromRow for Packed {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (order, line): (_, LineId) = (row.take()?, row.take()?);
        let (product, variant): (String, Option<String>) = (row.take()?, row.take()?);
        let title = sale::title(&product, variant.as_deref());
        let (sku, Json(options)) = (row.take()?, row.take()?);
        Ok(Self { order, line: ShipToLine { line, title, sku, options, weight_g: row.take()? } })
    }
}

impl FromRow for FactOrder {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, cart, customer, token) = (row.take()?, row.take()?, row.take()?, row.take()?);
        let buyer = super::rows::buyer(customer, token)?;
        let (status, unpaid_until) = (row.take()?, row.take()?);
        let currency = row.take::<Currency>()?;
        Ok(Self {
            unpaid_until,
            id,
            cart,
            buyer,
            status,
            total: Money::new(row.take()?, currency),
            amounts: row.take::<Json<Vec<AmountRow>>>()?.0,
            shipping: json(row)?,
            due_minor: row.take()?,
            captured_minor: row.take()?,
            refunded_minor: row.take()?,
            version: row.take()?,
            updated_at: row.take()?,
        })
    }
}

impl FromRow for OfOrder {
    fn from_row(row: &mut Row) -> Result<Self> {
        let order = row.take()?;
        let lines = FactLines {
            total_minor: row.take()?,
            ordered: row.take()?,
            cancelled: row.take()?,
            to_ship: row.take()?,
            shipped: row.take()?,
        };
        Ok(Self(order, lines))
    }
}
