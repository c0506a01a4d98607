//! Every SQL statement of orders.

use ::store::{Db, Error, FromRow, Json, Migration, Result, Row, Tx, Value, migrations, params, rows, statements};
use contracts::orders::{CancelReason, OrderId, OrderStatus, PaymentInstruction, ShipTo};
use contracts::payments::AttemptId;
use contracts::pricing::{AmountRow, QuotedShipping};
use contracts::{Currency, Money};
use jiff::Timestamp;
use uuid::Uuid;

use crate::order::{Change, Entry, Hold, Holds, LastTry, Order, OrderShipment, PaymentOutcome, Sums};
use crate::sale::{Line, Sale};
use crate::view::{HistoryEntry, OrderListItem};

pub const MIGRATIONS: &[Migration] = migrations!["0001_orders" (release 1)];

/// Columns of personal data: export and erasure walk this list.
pub const PERSONAL: &[&str] = &[
    "orders_order.buyer_sha256",
    "orders_order.email",
    "orders_order.shipping_address",
    "orders_order.payment_token",
    "orders_order.metadata",
    "orders_line.metadata",
    "orders_history.note",
];

::store::name_values!(Hold, PaymentOutcome);

statements! {
    INSERT = "INSERT INTO orders_order (id, number, cart_id, cart_version, buyer_sha256, market, currency, locale,
            email, shipping_address, shipping, payment_method, payment_token, amounts, trace, total_minor, metadata,
            placed_at, status, stock_hold, authorized_minor, capture_due_minor, captured_minor, voided_minor,
            refunded_minor, shipments, version, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
            0, 0, 0, 0, 0, $21, $22, $18)
        ON CONFLICT DO NOTHING";
    INSERT_LINES = "INSERT INTO orders_line (order_id, id, variant_id, product_title, variant_title, sku, options, image,
            quantity, cancelled, shipped, unit_price_minor, subtotal_minor, tax_minor, total_minor, tax_class, tax_rate,
            tax_name, weight_g, requires_shipping, metadata)
        SELECT $1, id, variant_id, product_title, variant_title, sku, options, image, quantity, 0, 0,
            unit_price_minor, subtotal_minor, tax_minor, total_minor, tax_class, tax_rate, tax_name, weight_g,
            requires_shipping, metadata
        FROM @rows($2: id @id, variant_id @id, product_title @text, variant_title @text, sku @text, options @json,
            image @text, quantity @int, unit_price_minor @money, subtotal_minor @money, tax_minor @money,
            total_minor @money, tax_class @text, tax_rate @text, tax_name @text, weight_g @int,
            requires_shipping @bool, metadata @json) AS r";
    INSERT_HISTORY = "INSERT INTO orders_history (order_id, sequence, at, event, source, status, note)
        SELECT $1, sequence, $2, event, source, status, note
        FROM @rows($3: sequence @int, event @text, source @text, status @text, note @text) AS r";
    /// $2: the buyer whose order it must be; NULL: anybody's.
    FIND = "SELECT id, number, cart_id, cart_version, buyer_sha256, market, currency, locale, email, shipping_address,
            shipping, payment_method, payment_token, amounts, trace, total_minor, metadata, placed_at, status,
            stock_hold, location_id, authorized_minor, capture_due_minor, captured_minor, voided_minor, refunded_minor,
            payment_attempt_id, payment_outcome, shipments, cancel_reason, version, updated_at
        FROM orders_order WHERE id = $1 AND buyer_sha256 = COALESCE($2, buyer_sha256)";
    /// As `FIND`, and nobody else changes the order before this transaction ends.
    LOCK = "SELECT id, number, cart_id, cart_version, buyer_sha256, market, currency, locale, email, shipping_address,
            shipping, payment_method, payment_token, amounts, trace, total_minor, metadata, placed_at, status,
            stock_hold, location_id, authorized_minor, capture_due_minor, captured_minor, voided_minor, refunded_minor,
            payment_attempt_id, payment_outcome, shipments, cancel_reason, version, updated_at
        FROM orders_order WHERE id = $1 AND buyer_sha256 = COALESCE($2, buyer_sha256) @for_update";
    LINES = "SELECT id, variant_id, product_title, variant_title, sku, options, image, quantity, cancelled, shipped,
            unit_price_minor, subtotal_minor, tax_minor, total_minor, tax_class, tax_rate, tax_name, weight_g,
            requires_shipping, metadata
        FROM orders_line WHERE order_id = $1 ORDER BY id -- bounded: a cart's lines";
    HISTORY = "SELECT at, event, source, status, note FROM orders_history
        WHERE order_id = $1 ORDER BY sequence DESC LIMIT $2";
    UPDATE = "UPDATE orders_order SET status = $4, stock_hold = $5, location_id = $6, payment_token = $7,
            authorized_minor = $8, capture_due_minor = $9, captured_minor = $10, voided_minor = $11,
            refunded_minor = $12, payment_attempt_id = $13, payment_outcome = $14, shipments = $15,
            cancel_reason = $16, version = $17, updated_at = $18
        WHERE id = $1 AND status = $2 AND version = $3";
    UPDATE_LINES = "UPDATE orders_line SET cancelled = r.cancelled, shipped = r.shipped
        FROM @rows($2: id @id, cancelled @int, shipped @int) AS r
        WHERE orders_line.order_id = $1 AND orders_line.id = r.id";
    LIVING_OF_CART = "SELECT id FROM orders_order WHERE cart_id = $1 AND buyer_sha256 = $2 AND status <> 'cancelled'";
    INSTRUCTION = "SELECT status, currency, total_minor, payment_method, payment_token
        FROM orders_order WHERE id = $1 AND buyer_sha256 = COALESCE($2, buyer_sha256)";
    SHIP_TO = "SELECT id, number, shipping_address FROM orders_order
        WHERE shipping_address IS NOT NULL AND id IN (SELECT id FROM @rows($1: id @id) AS r)
        -- bounded: the orders asked for";
    NEWEST = "SELECT id, number, status, currency, total_minor, authorized_minor, captured_minor, voided_minor,
            refunded_minor, shipments, placed_at,
            (SELECT CAST(COALESCE(SUM(quantity - cancelled - shipped), 0) AS BIGINT) FROM orders_line
                WHERE order_id = orders_order.id AND requires_shipping) AS to_ship,
            (SELECT CAST(COALESCE(SUM(shipped), 0) AS BIGINT) FROM orders_line WHERE order_id = orders_order.id) AS shipped
        FROM orders_order WHERE (placed_at, id) < ($1, $2) ORDER BY placed_at DESC, id DESC LIMIT $3";
    NEWEST_OF_STATUS = "SELECT id, number, status, currency, total_minor, authorized_minor, captured_minor, voided_minor,
            refunded_minor, shipments, placed_at,
            (SELECT CAST(COALESCE(SUM(quantity - cancelled - shipped), 0) AS BIGINT) FROM orders_line
                WHERE order_id = orders_order.id AND requires_shipping) AS to_ship,
            (SELECT CAST(COALESCE(SUM(shipped), 0) AS BIGINT) FROM orders_line WHERE order_id = orders_order.id) AS shipped
        FROM orders_order WHERE status = $4 AND (placed_at, id) < ($1, $2) ORDER BY placed_at DESC, id DESC LIMIT $3";
    FACTS = "SELECT id, status, currency, total_minor, amounts, shipping, captured_minor, version, updated_at
        FROM orders_order WHERE id > $1 ORDER BY id LIMIT $2";
    FACT_LINES = "SELECT order_id, CAST(SUM(total_minor) AS BIGINT), CAST(SUM(quantity) AS BIGINT),
            CAST(SUM(CASE WHEN requires_shipping THEN quantity ELSE 0 END) AS BIGINT), CAST(SUM(shipped) AS BIGINT)
        FROM orders_line WHERE order_id IN (SELECT id FROM @rows($1: id @id) AS r)
        GROUP BY order_id -- bounded: the orders of a page";
    FACT_HISTORY = "SELECT order_id, sequence, status FROM orders_history
        WHERE order_id IN (SELECT id FROM @rows($1: id @id) AS r)
        ORDER BY order_id, sequence -- bounded: the orders of a page";
}

/// Entries of history that are shown: the newest. An order has about ten.
pub const HISTORY_SHOWN_MAX: i64 = 100;

/// Inserts the order under this number; `false` where the number is taken, or the cart has a living order.
pub async fn insert(tx: &mut Tx, order: &Order, number: &str) -> Result<bool> {
    let sale = &order.sale;
    let params = params![
        order.id,
        number,
        sale.cart,
        sale.cart_version,
        sale.buyer_sha256,
        sale.market,
        sale.currency(),
        sale.locale,
        sale.email,
        sale.shipping_address.as_ref().map(Json),
        sale.shipping.as_ref().map(Json),
        sale.payment_method,
        order.payment_token,
        Json(&sale.amounts),
        Json(&sale.trace),
        sale.total.amount,
        Json(&sale.metadata),
        sale.placed_at,
        order.status,
        order.holds.stock,
        Json(&order.shipments),
        order.version,
    ];
    Ok(tx.exec(&INSERT, params).await? == 1)
}

pub async fn insert_lines(tx: &mut Tx, order: &Order) -> Result<()> {
    let lines = rows(order.lines.iter().map(|line| {
        params![
            line.id,
            line.variant,
            line.product_title,
            line.variant_title,
            line.sku,
            Json(&line.options),
            line.image,
            line.quantity,
            line.unit_price_minor,
            line.subtotal_minor,
            line.tax_minor,
            line.total_minor,
            line.tax_class,
            line.tax_rate,
            line.tax_name,
            line.weight_g,
            line.requires_shipping,
            Json(&line.metadata),
        ]
    }));
    tx.exec(&INSERT_LINES, params![order.id, lines]).await.map(drop)
}

/// Appends to the history after the `length` entries that are there.
pub async fn append_history(tx: &mut Tx, order: OrderId, length: i64, entries: &[Entry]) -> Result<()> {
    let now = tx.now();
    let entries = rows(
        (length + 1..)
            .zip(entries)
            .map(|(sequence, entry)| params![sequence, entry.event, entry.source, entry.status, entry.note]),
    );
    tx.exec(&INSERT_HISTORY, params![order, now, entries]).await.map(drop)
}

/// The order with its lines, theirs where a buyer is named.
pub async fn find(tx: &mut Tx, id: OrderId, buyer_sha256: Option<&str>) -> Result<Option<Order>> {
    let order = tx.opt(&FIND, params![id, buyer_sha256]).await?;
    with_lines(tx, order).await
}

/// As [`find`], for a transaction that goes on to change it.
pub async fn lock(tx: &mut Tx, id: OrderId, buyer_sha256: Option<&str>) -> Result<Option<Order>> {
    let order = tx.opt(&LOCK, params![id, buyer_sha256]).await?;
    with_lines(tx, order).await
}

async fn with_lines(tx: &mut Tx, order: Option<Order>) -> Result<Option<Order>> {
    let Some(order) = order else { return Ok(None) };
    let lines = tx.all(&LINES, params![order.id]).await?;
    Ok(Some(Order { lines, ..order }))
}

/// The newest [`HISTORY_SHOWN_MAX`] entries, oldest first.
pub async fn history(tx: &mut Tx, order: OrderId) -> Result<Vec<HistoryEntry>> {
    let mut entries: Vec<HistoryEntry> = tx.all(&HISTORY, params![order, HISTORY_SHOWN_MAX]).await?;
    entries.reverse();
    Ok(entries)
}

/// Writes what a step changed; `false` where the order is no longer as it was `before`.
pub async fn update(tx: &mut Tx, before: &Order, change: &Change) -> Result<bool> {
    let (after, now) = (&change.after, tx.now());
    let params = params![
        before.id,
        before.status,
        before.version,
        after.status,
        after.holds.stock,
        after.location,
        after.payment_token,
        after.money.authorized,
        after.money.capture_due,
        after.money.captured,
        after.money.voided,
        after.money.refunded,
        after.last_try.map(|last| last.attempt),
        after.last_try.map(|last| last.outcome),
        Json(&after.shipments),
        after.cancel_reason,
        after.version,
        now,
    ];
    Ok(tx.exec(&UPDATE, params).await? == 1)
}

/// Writes how far the units of these lines have come.
pub async fn update_lines(tx: &mut Tx, order: OrderId, lines: &[Line]) -> Result<()> {
    let lines = rows(lines.iter().map(|line| params![line.id, line.cancelled, line.shipped]));
    tx.exec(&UPDATE_LINES, params![order, lines]).await.map(drop)
}

/// The order that a cart has become, if it is not cancelled.
pub async fn living_of_cart(db: &Db, cart: contracts::carts::CartId, buyer_sha256: &str) -> Result<Option<OrderId>> {
    let row: Option<(OrderId,)> = db.opt(&LIVING_OF_CART, params![cart, buyer_sha256]).await?;
    Ok(row.map(|(order,)| order))
}

/// As [`living_of_cart`], in the transaction that would place another.
pub async fn living_beside(tx: &mut Tx, sale: &Sale) -> Result<Option<OrderId>> {
    let row: Option<(OrderId,)> = tx.opt(&LIVING_OF_CART, params![sale.cart, sale.buyer_sha256]).await?;
    Ok(row.map(|(order,)| order))
}

pub async fn instruction(db: &Db, order: OrderId, buyer_sha256: Option<&str>) -> Result<Option<PaymentInstruction>> {
    let row: Option<(OrderStatus, Currency, i64, String, Option<String>)> =
        db.opt(&INSTRUCTION, params![order, buyer_sha256]).await?;
    Ok(row.map(|(status, currency, total_minor, method, token)| {
        let total = Money::new(total_minor, currency);
        PaymentInstruction { order, status, total, method, token }
    }))
}

pub async fn ship_to(db: &Db, orders: &[OrderId]) -> Result<Vec<ShipTo>> {
    let found: Vec<(OrderId, String, Json<contracts::Address>)> = db.all(&SHIP_TO, params![ids(orders)]).await?;
    Ok(found.into_iter().map(|(order, number, Json(address))| ShipTo { order, number, address }).collect())
}

/// Up to `limit` orders, newest first, after a place in the list.
pub async fn newest(
    db: &Db,
    status: Option<OrderStatus>,
    after: Option<(Timestamp, OrderId)>,
    limit: i64,
) -> Result<Vec<OrderListItem>> {
    let (at, id) = match after {
        Some((at, id)) => (at, contracts::Id::uuid(id)),
        None => (Timestamp::MAX, Uuid::max()),
    };
    match status {
        Some(status) => db.all(&NEWEST_OF_STATUS, params![at, id, limit, status]).await,
        None => db.all(&NEWEST, params![at, id, limit]).await,
    }
}

/// An order as the audit asks for it.
pub struct FactOrder {
    pub id: OrderId,
    pub status: OrderStatus,
    pub total: Money,
    pub amounts: Vec<AmountRow>,
    pub shipping: Option<QuotedShipping>,
    pub captured_minor: i64,
    pub version: i64,
    pub updated_at: Timestamp,
}

/// The sums of an order's lines.
#[derive(Debug)]
pub struct FactLines {
    pub order: OrderId,
    pub total_minor: i64,
    pub ordered: i64,
    pub to_ship: i64,
    pub shipped: i64,
}

impl FactLines {
    pub fn none(order: OrderId) -> Self {
        Self { order, total_minor: 0, ordered: 0, to_ship: 0, shipped: 0 }
    }
}

type FactEntry = (OrderId, i64, OrderStatus);

/// A page of orders by id, the sums of their lines, and their histories in order.
pub async fn facts(tx: &mut Tx, after: Uuid, limit: i64) -> Result<(Vec<FactOrder>, Vec<FactLines>, Vec<FactEntry>)> {
    let orders: Vec<FactOrder> = tx.all(&FACTS, params![after, limit]).await?;
    let ids = rows(orders.iter().map(|order| params![order.id]));
    let lines = tx.all(&FACT_LINES, params![ids]).await?;
    let history = tx.all(&FACT_HISTORY, params![ids]).await?;
    Ok((orders, lines, history))
}

fn ids(orders: &[OrderId]) -> Value {
    rows(orders.iter().map(|order| params![order]))
}

impl FromRow for Order {
    /// Without its lines.
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, number) = (row.take()?, row.take()?);
        let (cart, cart_version, buyer_sha256) = (row.take()?, row.take()?, row.take()?);
        let (market, currency, locale, email) = (row.take()?, row.take::<Currency>()?, row.take()?, row.take()?);
        let (shipping_address, shipping) = (json(row)?, json(row)?);
        let (payment_method, payment_token) = (row.take()?, row.take()?);
        let (Json(amounts), Json(trace)) = (row.take()?, row.take()?);
        let total = Money::new(row.take()?, currency);
        let (Json(metadata), placed_at) = (row.take()?, row.take()?);
        Ok(Self {
            id,
            number,
            sale: Sale {
                cart,
                cart_version,
                buyer_sha256,
                market,
                locale,
                email,
                shipping_address,
                shipping,
                payment_method,
                amounts,
                trace,
                total,
                metadata,
                placed_at,
            },
            lines: Vec::new(),
            status: row.take()?,
            holds: Holds { stock: row.take()? },
            location: row.take()?,
            payment_token,
            money: Sums {
                authorized: row.take()?,
                capture_due: row.take()?,
                captured: row.take()?,
                voided: row.take()?,
                refunded: row.take()?,
            },
            last_try: last_try(row.take()?, row.take()?),
            shipments: row.take::<Json<Vec<OrderShipment>>>()?.0,
            cancel_reason: row.take::<Option<CancelReason>>()?,
            version: row.take()?,
            updated_at: row.take()?,
        })
    }
}

fn json<T: serde::de::DeserializeOwned>(row: &mut Row) -> Result<Option<T>, Error> {
    Ok(row.take::<Option<Json<T>>>()?.map(|Json(value)| value))
}

fn last_try(attempt: Option<AttemptId>, outcome: Option<PaymentOutcome>) -> Option<LastTry> {
    Some(LastTry { attempt: attempt?, outcome: outcome? })
}

impl FromRow for Line {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            variant: row.take()?,
            product_title: row.take()?,
            variant_title: row.take()?,
            sku: row.take()?,
            options: row.take::<Json<Vec<(String, String)>>>()?.0,
            image: row.take()?,
            quantity: row.take()?,
            cancelled: row.take()?,
            shipped: row.take()?,
            unit_price_minor: row.take()?,
            subtotal_minor: row.take()?,
            tax_minor: row.take()?,
            total_minor: row.take()?,
            tax_class: row.take()?,
            tax_rate: row.take()?,
            tax_name: row.take()?,
            weight_g: row.take()?,
            requires_shipping: row.take()?,
            metadata: row.take::<Json<contracts::Metadata>>()?.0,
        })
    }
}

impl FromRow for FactOrder {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, status, currency) = (row.take()?, row.take()?, row.take::<Currency>()?);
        Ok(Self {
            id,
            status,
            total: Money::new(row.take()?, currency),
            amounts: row.take::<Json<Vec<AmountRow>>>()?.0,
            shipping: json(row)?,
            captured_minor: row.take()?,
            version: row.take()?,
            updated_at: row.take()?,
        })
    }
}

impl FromRow for FactLines {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (order, total_minor, ordered) = (row.take()?, row.take()?, row.take()?);
        Ok(Self { order, total_minor, ordered, to_ship: row.take()?, shipped: row.take()? })
    }
}

impl FromRow for HistoryEntry {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { at: row.take()?, event: row.take()?, source: row.take()?, status: row.take()?, note: row.take()? })
    }
}

impl FromRow for OrderListItem {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, number, status, currency) = (row.take()?, row.take()?, row.take()?, row.take::<Currency>()?);
        let total = Money::new(row.take()?, currency);
        let money = Sums {
            authorized: row.take()?,
            capture_due: 0,
            captured: row.take()?,
            voided: row.take()?,
            refunded: row.take()?,
        };
        let (Json(shipments), placed_at): (Json<Vec<OrderShipment>>, _) = (row.take()?, row.take()?);
        let (to_ship, shipped) = (row.take()?, row.take()?);
        let all_arrived = shipments.iter().all(|shipment| shipment.delivered);
        Ok(Self {
            id,
            number,
            status,
            payment_state: crate::states::payment_state(total.amount, money),
            fulfilment_state: crate::states::fulfilment_state(to_ship, shipped, all_arrived),
            total,
            placed_at,
        })
    }
}
