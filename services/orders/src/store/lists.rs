//! Lists of orders, newest first, and the search of staff: each filter has an index that it can walk.

use ::store::{Db, FromRow, Result, Row, Sql, params, statements};
use contracts::customers::CustomerId;
use contracts::orders::{OrderId, OrderStatus};
use contracts::{Currency, MarketId, Money};
use jiff::Timestamp;
use uuid::Uuid;

use crate::states::{FulfilmentState, PaymentState};
use crate::view::OrderListItem;

/// Which orders; each that is said narrows the list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub status: Option<OrderStatus>,
    pub payment_state: Option<PaymentState>,
    pub fulfilment_state: Option<FulfilmentState>,
    pub market: Option<MarketId>,
    pub customer: Option<CustomerId>,
    pub number: Option<String>,
    pub email_key: Option<String>,
    pub sku: Option<String>,
    pub placed_from: Option<Timestamp>,
    pub placed_before: Option<Timestamp>,
}

statements! {
    /// Each of these walks the index that its name says, newest first, and looks at each order for the filters
    /// that may come with it (`walk` says which). $1, $2: after which place; $3: how many.
    ///
    /// `x = $n OR $n IS NULL`, in this order: PostgreSQL learns the parameter's type from the first, and guesses
    /// from it that many orders pass; guessing few, as of `COALESCE($n, x)`, it would sort them all. For the same
    /// reason the look for a SKU is a sub-select of one row: an EXISTS it would answer by reading every such line.
    NEWEST = "SELECT id, number, status, payment_state, fulfilment_state, market, customer_id, currency, total_minor,
            due_minor, placed_at
        FROM orders_order WHERE (placed_at, id) < ($1, $2)
            AND placed_at >= $4
        ORDER BY placed_at DESC, id DESC LIMIT $3";
    BY_MARKET = "SELECT id, number, status, payment_state, fulfilment_state, market, customer_id, currency, total_minor,
            due_minor, placed_at
        FROM orders_order WHERE market = $5 AND (placed_at, id) < ($1, $2)
            AND placed_at >= $4
        ORDER BY placed_at DESC, id DESC LIMIT $3";
    BY_STATUS = "SELECT id, number, status, payment_state, fulfilment_state, market, customer_id, currency, total_minor,
            due_minor, placed_at
        FROM orders_order WHERE status = $6 AND (placed_at, id) < ($1, $2)
            AND placed_at >= $4 AND (market = $5 OR $5 IS NULL) AND (payment_state = $7 OR $7 IS NULL)
            AND (fulfilment_state = $8 OR $8 IS NULL)
        ORDER BY placed_at DESC, id DESC LIMIT $3";
    BY_PAYMENT = "SELECT id, number, status, payment_state, fulfilment_state, market, customer_id, currency, total_minor,
            due_minor, placed_at
        FROM orders_order WHERE payment_state = $7 AND (placed_at, id) < ($1, $2)
            AND placed_at >= $4 AND (market = $5 OR $5 IS NULL) AND (status = $6 OR $6 IS NULL)
            AND (fulfilment_state = $8 OR $8 IS NULL)
        ORDER BY placed_at DESC, id DESC LIMIT $3";
    BY_FULFILMENT = "SELECT id, number, status, payment_state, fulfilment_state, market, customer_id, currency, total_minor,
            due_minor, placed_at
        FROM orders_order WHERE fulfilment_state = $8 AND (placed_at, id) < ($1, $2)
            AND placed_at >= $4 AND (market = $5 OR $5 IS NULL) AND (status = $6 OR $6 IS NULL)
            AND (payment_state = $7 OR $7 IS NULL)
        ORDER BY placed_at DESC, id DESC LIMIT $3";
    /// Over the lines: an order with two lines of a SKU is there once.
    BY_SKU = "SELECT o.id, o.number, o.status, o.payment_state, o.fulfilment_state, o.market, o.customer_id, o.currency,
            o.total_minor, o.due_minor, o.placed_at
        FROM orders_line AS l JOIN orders_order AS o ON o.id = l.order_id
        WHERE l.sku = $9 AND (l.placed_at, l.order_id) < ($1, $2) AND l.placed_at >= $4
            AND (o.market = $5 OR $5 IS NULL) AND (o.status = $6 OR $6 IS NULL)
            AND (o.payment_state = $7 OR $7 IS NULL) AND (o.fulfilment_state = $8 OR $8 IS NULL)
            AND NOT EXISTS (SELECT 1 FROM orders_line AS other
                WHERE other.order_id = l.order_id AND other.sku = l.sku AND other.id < l.id)
        ORDER BY l.placed_at DESC, l.order_id DESC LIMIT $3";
    BY_EMAIL = "SELECT id, number, status, payment_state, fulfilment_state, market, customer_id, currency, total_minor,
            due_minor, placed_at
        FROM orders_order WHERE email_key = $10 AND (placed_at, id) < ($1, $2)
            AND placed_at >= $4 AND (market = $5 OR $5 IS NULL) AND (status = $6 OR $6 IS NULL)
            AND (payment_state = $7 OR $7 IS NULL) AND (fulfilment_state = $8 OR $8 IS NULL)
            AND COALESCE((SELECT 1 FROM orders_line AS l WHERE l.sku = $9 AND l.placed_at = orders_order.placed_at
                AND l.order_id = orders_order.id LIMIT 1), 0) >= CASE WHEN $9 IS NULL THEN 0 ELSE 1 END
        ORDER BY placed_at DESC, id DESC LIMIT $3";
    BY_CUSTOMER = "SELECT id, number, status, payment_state, fulfilment_state, market, customer_id, currency, total_minor,
            due_minor, placed_at
        FROM orders_order WHERE customer_id = $11 AND (placed_at, id) < ($1, $2)
            AND placed_at >= $4 AND (market = $5 OR $5 IS NULL) AND (status = $6 OR $6 IS NULL)
            AND (payment_state = $7 OR $7 IS NULL) AND (fulfilment_state = $8 OR $8 IS NULL)
            AND COALESCE((SELECT 1 FROM orders_line AS l WHERE l.sku = $9 AND l.placed_at = orders_order.placed_at
                AND l.order_id = orders_order.id LIMIT 1), 0) >= CASE WHEN $9 IS NULL THEN 0 ELSE 1 END
            AND (email_key = $10 OR $10 IS NULL)
        ORDER BY placed_at DESC, id DESC LIMIT $3";
    BY_NUMBER = "SELECT id, number, status, payment_state, fulfilment_state, market, customer_id, currency, total_minor,
            due_minor, placed_at
        FROM orders_order WHERE number = $12 AND (placed_at, id) < ($1, $2)
            AND placed_at >= $4 AND (market = $5 OR $5 IS NULL) AND (status = $6 OR $6 IS NULL)
            AND (payment_state = $7 OR $7 IS NULL) AND (fulfilment_state = $8 OR $8 IS NULL)
            AND COALESCE((SELECT 1 FROM orders_line AS l WHERE l.sku = $9 AND l.placed_at = orders_order.placed_at
                AND l.order_id = orders_order.id LIMIT 1), 0) >= CASE WHEN $9 IS NULL THEN 0 ELSE 1 END
            AND (email_key = $10 OR $10 IS NULL) AND (customer_id = $11 OR $11 IS NULL)
        ORDER BY placed_at DESC, id DESC LIMIT $3";
    OF_CUSTOMER = "SELECT id, number, status, payment_state, fulfilment_state, market, customer_id, currency, total_minor,
            due_minor, placed_at
        FROM orders_order WHERE customer_id = $1 AND (placed_at, id) < ($2, $3)
        ORDER BY placed_at DESC, id DESC LIMIT $4";
}

/// A place in a list: when the last order shown was placed, and its id.
pub type Place = (Timestamp, OrderId);

/// Up to `limit` orders, newest first, after a place in the list.
pub async fn search(db: &Db, filter: &Filter, after: Option<Place>, limit: i64) -> Result<Vec<OrderListItem>> {
    let (at, id) = earlier(filter.placed_before, after);
    let mut params = params![
        at,
        id,
        limit,
        filter.placed_from.unwrap_or(Timestamp::MIN),
        filter.market,
        filter.status,
        filter.payment_state,
        filter.fulfilment_state,
        filter.sku,
        filter.email_key,
        filter.customer,
        filter.number,
    ];
    let (statement, takes) = walk(filter);
    params.truncate(takes);
    db.all(statement, params).await
}

/// The statement that walks the fewest orders for this filter, and how many of the parameters it takes: what
/// belongs to few comes first, then states that orders only pass through, then those that they end in.
fn walk(filter: &Filter) -> (&'static Sql, usize) {
    use {FulfilmentState as F, OrderStatus as S, PaymentState as P};
    let passing_status = matches!(filter.status, Some(S::Placed | S::Payable | S::Confirmed));
    let passing_goods =
        matches!(filter.fulfilment_state, Some(F::Unfulfilled | F::PartiallyShipped | F::Shipped | F::Lost));
    let passing_money =
        matches!(filter.payment_state, Some(P::PartiallyAuthorized | P::Authorized | P::PartiallyCaptured));
    let walks = [
        (filter.number.is_some(), &BY_NUMBER, 12),
        (filter.customer.is_some(), &BY_CUSTOMER, 11),
        (filter.email_key.is_some(), &BY_EMAIL, 10),
        (filter.sku.is_some(), &BY_SKU, 9),
        (passing_status, &BY_STATUS, 8),
        (passing_goods, &BY_FULFILMENT, 8),
        (passing_money, &BY_PAYMENT, 8),
        (filter.payment_state.is_some(), &BY_PAYMENT, 8),
        (filter.fulfilment_state.is_some(), &BY_FULFILMENT, 8),
        (filter.status.is_some(), &BY_STATUS, 8),
        (filter.market.is_some(), &BY_MARKET, 5),
    ];
    let found = walks.into_iter().find(|(serves, ..)| *serves);
    found.map_or((&NEWEST, 4), |(_, statement, takes)| (statement, takes))
}

/// Up to `limit` orders of a customer, newest first.
pub async fn of_customer(
    db: &Db,
    customer: CustomerId,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<OrderListItem>> {
    let (at, id) = earlier(None, after);
    db.all(&OF_CUSTOMER, params![customer, at, id, limit]).await
}

/// What everything listed has to be placed before: the one of both that comes earlier.
fn earlier(before: Option<Timestamp>, after: Option<Place>) -> (Timestamp, Uuid) {
    let before = (before.unwrap_or(Timestamp::MAX), if before.is_some() { Uuid::nil() } else { Uuid::max() });
    after.map_or(before, |(at, id)| before.min((at, contracts::Id::uuid(id))))
}

impl FromRow for OrderListItem {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, number, status) = (row.take()?, row.take()?, row.take()?);
        let (payment_state, fulfilment_state) = (row.take()?, row.take()?);
        let (market, customer, currency) = (row.take()?, row.take()?, row.take::<Currency>()?);
        Ok(Self {
            id,
            number,
            status,
            payment_state,
            fulfilment_state,
            market,
            customer,
            total: Money::new(row.take()?, currency),
            due: Money::new(row.take()?, currency),
            placed_at: row.take()?,
        })
    }
}
