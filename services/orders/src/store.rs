//! Every SQL statement of orders: here what the saga reads and writes; lists, links and facts beside it.

pub mod facts;
pub mod links;
pub mod lists;
pub mod rows;

use ::store::{Db, Error, FromRow, Json, Migration, Result, Row, Sql, Tx, Value, migrations, params, rows, statements};
use contracts::customers::{Buyer, CustomerId};
use contracts::orders::{OrderId, OrderNoteId, OrderStatus, PaymentInstruction};
use contracts::{Currency, Money};

use crate::access::Owner;
use crate::change::{Change, Entry};
use crate::order::{Hold, Order, PaymentOutcome};
use crate::sale::{Line, Sale};
use crate::states::{FulfilmentState, PaymentState};
use crate::view::{HistoryEntry, OrderNote};

pub const MIGRATIONS: &[Migration] = migrations!["0001_orders" (release 1)];

/// Columns of personal data: export and erasure walk this list.
pub const PERSONAL: &[&str] = &[
    "orders_order.customer_id",
    "orders_order.buyer_sha256",
    "orders_order.email",
    "orders_order.email_key",
    "orders_order.shipping_address",
    "orders_order.billing_address",
    "orders_order.payment_token",
    "orders_order.metadata",
    "orders_line.metadata",
    "orders_history.detail",
    "orders_note.text",
    "orders_link_ask.key",
];

/// Every statement, for the test that prepares each on both databases.
pub fn all() -> Vec<&'static Sql> {
    [ALL, facts::ALL, links::ALL, lists::ALL].concat()
}

::store::name_values!(Hold, PaymentOutcome, PaymentState, FulfilmentState);

statements! {
    INSERT = "INSERT INTO orders_order (id, number, cart_id, cart_version, customer_id, buyer_sha256, market, currency,
            locale, email, email_key, shipping_address, billing_address, pickup, shipping, reverse_charge,
            payment_method, payment_token, payment_minor, amounts, trace, total_minor, metadata, placed_at, status,
            stock_hold, due_minor, authorized_minor, capture_due_minor, capture_closed, refund_due_minor,
            captured_minor, voided_minor, refunded_minor, payment_state, fulfilment_state, shipments, version, updated_at,
            paid_by, unpaid_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
            $23, $24, $25, $26, $22, 0, 0, $27, 0, 0, 0, 0, $28, $29, $30, $31, $24, $32, $33)
        ON CONFLICT DO NOTHING";
    INSERT_LINES = "INSERT INTO orders_line (order_id, id, variant_id, product_title, variant_title, sku, placed_at,
            options, image, quantity, cancelled, shipped, refunded, unit_price_minor, subtotal_minor, net_minor,
            tax_minor, total_minor, tax_class, tax_rate, tax_name, weight_g, requires_shipping, metadata)
        SELECT $1, id, variant_id, product_title, variant_title, sku, $2, options, image, quantity, 0, 0, 0,
            unit_price_minor, subtotal_minor, net_minor, tax_minor, total_minor, tax_class, tax_rate, tax_name,
            weight_g, requires_shipping, metadata
        FROM @rows($3: id @id, variant_id @id, product_title @text, variant_title @text, sku @text, options @json,
            image @text, quantity @int, unit_price_minor @money, subtotal_minor @money, net_minor @money,
            tax_minor @money, total_minor @money, tax_class @text, tax_rate @text, tax_name @text, weight_g @int,
            requires_shipping @bool, metadata @json) AS r";
    INSERT_HISTORY = "INSERT INTO orders_history (order_id, sequence, at, event, source, staff_id, status, detail)
        SELECT $1, sequence, $2, event, source, staff_id, status, detail
        FROM @rows($3: sequence @int, event @text, source @text, staff_id @id, status @text, detail @text) AS r";
    /// $2, $3: the customer or the token that it must belong to; $4: or to anybody.
    FIND = "SELECT id, number, cart_id, cart_version, customer_id, buyer_sha256, market, currency, locale, email,
            shipping_address, billing_address, pickup, shipping, reverse_charge, payment_method, payment_minor,
            amounts, trace, total_minor, metadata, placed_at, status, stock_hold, holds, payment_token, due_minor,
            authorized_minor, capture_due_minor, refund_due_minor, captured_minor, voided_minor, refunded_minor,
            capture_closed, payment_attempt_id, payment_outcome, shipments, cancel_request, cancel_reason, version,
            updated_at, paid_by, unpaid_until
        FROM orders_order WHERE id = $1 AND (customer_id = $2 OR buyer_sha256 = $3 OR $4)";
    /// As `FIND`, and nobody else changes the order before this transaction ends.
    LOCK = "SELECT id, number, cart_id, cart_version, customer_id, buyer_sha256, market, currency, locale, email,
            shipping_address, billing_address, pickup, shipping, reverse_charge, payment_method, payment_minor,
            amounts, trace, total_minor, metadata, placed_at, status, stock_hold, holds, payment_token, due_minor,
            authorized_minor, capture_due_minor, refund_due_minor, captured_minor, voided_minor, refunded_minor,
            capture_closed, payment_attempt_id, payment_outcome, shipments, cancel_request, cancel_reason, version,
            updated_at, paid_by, unpaid_until
        FROM orders_order WHERE id = $1 AND (customer_id = $2 OR buyer_sha256 = $3 OR $4) @for_update";
    LINES = "SELECT id, variant_id, product_title, variant_title, sku, options, image, quantity, cancelled, shipped,
            refunded, unit_price_minor, subtotal_minor, net_minor, tax_minor, total_minor, tax_class, tax_rate,
            tax_name, weight_g, requires_shipping, metadata
        FROM orders_line WHERE order_id = $1 ORDER BY id -- bounded: a cart's lines";
    HISTORY = "SELECT sequence, at, event, source, staff_id, status, detail FROM orders_history
        WHERE order_id = $1 ORDER BY sequence DESC LIMIT $2";
    HISTORY_AFTER = "SELECT sequence, at, event, source, staff_id, status, detail FROM orders_history
        WHERE order_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";
    /// As `FIND`, for who only wants to know how far it is.
    STATUS = "SELECT status, version, payment_attempt_id IS NOT NULL FROM orders_order
        WHERE id = $1 AND (customer_id = $2 OR buyer_sha256 = $3 OR $4)";
    UPDATE = "UPDATE orders_order SET status = $4, stock_hold = $5, holds = $6, payment_token = $7, due_minor = $8,
            authorized_minor = $9, capture_due_minor = $10, capture_closed = $11, refund_due_minor = $12,
            captured_minor = $13, voided_minor = $14, refunded_minor = $15, payment_attempt_id = $16,
            payment_outcome = $17, payment_state = $18, fulfilment_state = $19, shipments = $20, cancel_request = $21,
            cancel_reason = $22, version = $23, updated_at = $24, paid_by = $25, unpaid_until = $26
        WHERE id = $1 AND status = $2 AND version = $3";
    UPDATE_LINES = "UPDATE orders_line SET cancelled = r.cancelled, shipped = r.shipped, refunded = r.refunded
        FROM @rows($2: id @id, cancelled @int, shipped @int, refunded @int) AS r
        WHERE orders_line.order_id = $1 AND orders_line.id = r.id";
    LIVING_OF_CART = "SELECT id FROM orders_order
        WHERE cart_id = $1 AND (customer_id = $2 OR buyer_sha256 = $3) AND status <> 'cancelled'";
    LIVING_BESIDE = "SELECT id, customer_id, buyer_sha256 FROM orders_order WHERE cart_id = $1 AND status <> 'cancelled'";
    INSTRUCTION = "SELECT status, currency, total_minor, payment_method, payment_minor, payment_token, number
        FROM orders_order WHERE id = $1 AND (customer_id = $2 OR buyer_sha256 = $3 OR $4)";
    INSERT_NOTE = "INSERT INTO orders_note (id, order_id, staff_id, text, written_at)
        SELECT $1, id, $3, $4, $5 FROM orders_order WHERE id = $2";
    NOTES = "SELECT id, staff_id, text, written_at FROM orders_note WHERE order_id = $1 ORDER BY id DESC LIMIT $2";
    NOTE_ORDER = "SELECT order_id FROM orders_note WHERE id = $1";
}

/// Entries of history that are shown: the newest. An order has about ten.
pub const HISTORY_SHOWN_MAX: i64 = 100;
/// Notes that are shown: the newest.
const NOTES_SHOWN_MAX: i64 = 100;

/// An address as it is searched for: without spaces around, in small letters.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Inserts the order under this number; `false` where the number is taken, or the cart has a living order.
pub async fn insert(tx: &mut Tx, order: &Order, number: &str) -> Result<bool> {
    let sale = &order.sale;
    let params = params![
        order.id,
        number,
        sale.cart,
        sale.cart_version,
        sale.buyer.customer(),
        sale.buyer.token_sha256(),
        sale.market,
        sale.currency(),
        sale.locale,
        sale.email,
        email_key(&sale.email),
        sale.shipping_address.as_ref().map(Json),
        sale.billing_address.as_ref().map(Json),
        sale.pickup.as_ref().map(Json),
        sale.shipping.as_ref().map(Json),
        sale.reverse_charge,
        sale.payment_method,
        order.payment_token,
        sale.payment_minor,
        Json(&sale.amounts),
        Json(&sale.trace),
        sale.total.amount,
        Json(&sale.metadata),
        sale.placed_at,
        order.status,
        order.holds.stock,
        order.capture_closed,
        order.payment_state(),
        order.fulfilment_state(),
        Json(&order.shipments),
        order.version,
        Json(&order.paid_by),
        order.unpaid_until,
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
            line.net_minor,
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
    tx.exec(&INSERT_LINES, params![order.id, order.sale.placed_at, lines]).await.map(drop)
}

/// Appends to the history after the `length` entries that are there.
pub async fn append_history(tx: &mut Tx, order: OrderId, length: i64, entries: &[Entry]) -> Result<()> {
    let now = tx.now();
    let entries = rows((length + 1..).zip(entries).map(|(sequence, entry)| {
        params![sequence, entry.event, entry.source, entry.staff, entry.status, entry.detail]
    }));
    tx.exec(&INSERT_HISTORY, params![order, now, entries]).await.map(drop)
}

/// The order with its lines, where it is theirs.
pub async fn find(tx: &mut Tx, id: OrderId, owner: Owner<'_>) -> Result<Option<Order>> {
    let order = tx.opt(&FIND, params![id, owner.customer, owner.buyer_sha256, owner.any]).await?;
    with_lines(tx, order).await
}

/// As [`find`], for a transaction that goes on to change it.
pub async fn lock(tx: &mut Tx, id: OrderId, owner: Owner<'_>) -> Result<Option<Order>> {
    let order = tx.opt(&LOCK, params![id, owner.customer, owner.buyer_sha256, owner.any]).await?;
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

/// The next entries after one, oldest first, at most [`HISTORY_SHOWN_MAX`].
pub async fn history_after(db: &Db, order: OrderId, sequence: i64) -> Result<Vec<HistoryEntry>> {
    db.all(&HISTORY_AFTER, params![order, sequence, HISTORY_SHOWN_MAX]).await
}

/// Its status, its version and whether a payment was tried, where it is theirs.
pub async fn status(db: &Db, order: OrderId, owner: Owner<'_>) -> Result<Option<(OrderStatus, i64, bool)>> {
    db.opt(&STATUS, params![order, owner.customer, owner.buyer_sha256, owner.any]).await
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
        after.held.as_ref().map(Json),
        after.payment_token,
        after.due_minor,
        after.money.authorized,
        after.money.capture_due,
        after.capture_closed,
        after.money.refund_due,
        after.money.captured,
        after.money.voided,
        after.money.refunded,
        after.last_try.map(|last| last.attempt),
        after.last_try.map(|last| last.outcome),
        after.payment_state(),
        after.fulfilment_state(),
        Json(&after.shipments),
        after.cancel_request.as_ref().map(Json),
        after.cancel_reason,
        after.version,
        now,
        Json(&after.paid_by),
        after.unpaid_until,
    ];
    Ok(tx.exec(&UPDATE, params).await? == 1)
}

/// Writes how far the units of these lines have come.
pub async fn update_lines(tx: &mut Tx, order: OrderId, lines: &[Line]) -> Result<()> {
    let lines = rows(lines.iter().map(|line| params![line.id, line.cancelled, line.shipped, line.refunded]));
    tx.exec(&UPDATE_LINES, params![order, lines]).await.map(drop)
}

/// The order that a buyer's cart has become, if it is not cancelled.
pub async fn living_of_cart(db: &Db, cart: contracts::carts::CartId, buyer: &Buyer) -> Result<Option<OrderId>> {
    let row: Option<(OrderId,)> =
        db.opt(&LIVING_OF_CART, params![cart, buyer.customer(), buyer.token_sha256()]).await?;
    Ok(row.map(|(order,)| order))
}

/// The order that the cart has become, whoever's it is, in the transaction that would place another; and whether it is
/// the same buyer's: the cart may have been claimed since.
pub async fn living_beside(tx: &mut Tx, sale: &Sale) -> Result<Option<(OrderId, bool)>> {
    let row: Option<(OrderId, Option<CustomerId>, Option<String>)> = tx.opt(&LIVING_BESIDE, params![sale.cart]).await?;
    let is_theirs = |customer, token: Option<String>| {
        customer == sale.buyer.customer() && token.as_deref() == sale.buyer.token_sha256()
    };
    Ok(row.map(|(order, customer, token)| (order, is_theirs(customer, token))))
}

pub async fn instruction(db: &Db, order: OrderId, owner: Owner<'_>) -> Result<Option<PaymentInstruction>> {
    type Found = (OrderStatus, Currency, i64, String, Option<i64>, Option<String>, String);
    let row: Option<Found> =
        db.opt(&INSTRUCTION, params![order, owner.customer, owner.buyer_sha256, owner.any]).await?;
    Ok(row.map(|(status, currency, total_minor, method, minor, token, number)| {
        let amount = minor.map(|minor| Money::new(minor, currency));
        PaymentInstruction { order, status, total: Money::new(total_minor, currency), method, amount, token, number }
    }))
}

/// Writes a note; `false` where there is no such order.
pub async fn insert_note(tx: &mut Tx, order: OrderId, note: &OrderNote) -> Result<bool> {
    let params = params![note.id, order, note.staff, note.text, note.written_at];
    Ok(tx.exec(&INSERT_NOTE, params).await? == 1)
}

/// The newest notes, oldest first.
pub async fn notes(tx: &mut Tx, order: OrderId) -> Result<Vec<OrderNote>> {
    let mut notes: Vec<OrderNote> = tx.all(&NOTES, params![order, NOTES_SHOWN_MAX]).await?;
    notes.reverse();
    Ok(notes)
}

/// The order that a note was written on.
pub async fn order_of_note(db: &Db, note: OrderNoteId) -> Result<Option<OrderId>> {
    let row: Option<(OrderId,)> = db.opt(&NOTE_ORDER, params![note]).await?;
    Ok(row.map(|(order,)| order))
}

/// Ids as a parameter of `@rows`.
fn ids(orders: &[OrderId]) -> Value {
    rows(orders.iter().map(|order| params![order]))
}

impl FromRow for OrderNote {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self { id: row.take()?, staff: row.take()?, text: row.take()?, written_at: row.take()? })
    }
}
