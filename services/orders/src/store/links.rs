//! Links that were asked for, and how often.

use ::store::{Db, Result, Tx, params, rows, statements};
use contracts::orders::{OrderId, OrderLinkId};
use jiff::Timestamp;

statements! {
    /// Counts each key; where its window is over it begins a new one. $3: windows that began by then are over.
    COUNT = "INSERT INTO orders_link_ask (key, asks, since)
        SELECT key, 1, $2 FROM @rows($1: key @text) AS r WHERE true
        ON CONFLICT (key) DO UPDATE SET
            asks = CASE WHEN orders_link_ask.since <= $3 THEN 1 ELSE orders_link_ask.asks + 1 END,
            since = CASE WHEN orders_link_ask.since <= $3 THEN excluded.since ELSE orders_link_ask.since END
        RETURNING asks";
    FORGET_ASKS = "DELETE FROM orders_link_ask
        WHERE key IN (SELECT key FROM orders_link_ask WHERE since <= $1 ORDER BY since LIMIT $2)";
    INSERT = "INSERT INTO orders_link (id, order_id, expires_at)
        SELECT $1, id, $2 FROM orders_order WHERE number = $3 AND email_key = $4 RETURNING order_id";
    FORGET = "DELETE FROM orders_link
        WHERE id IN (SELECT id FROM orders_link WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
    FIND = "SELECT order_id, expires_at FROM orders_link WHERE id = $1 AND expires_at > $2";
}

/// What is over, and forgotten while a new one comes: more than one, so that the tables don't grow.
const FORGOTTEN_AT_A_TIME: i64 = 20;

/// Counts an asking under each of these keys; the highest count in its window.
pub async fn count(tx: &mut Tx, keys: &[String], window_began: Timestamp) -> Result<i64> {
    let now = tx.now();
    tx.exec(&FORGET_ASKS, params![window_began, FORGOTTEN_AT_A_TIME]).await?;
    let keys = rows(keys.iter().map(|key| params![key]));
    let counts: Vec<(i64,)> = tx.all(&COUNT, params![keys, now, window_began]).await?;
    Ok(counts.into_iter().map(|(asks,)| asks).max().unwrap_or(0))
}

/// Writes a link to the order with this number, where its e-mail address is this one; returns the order.
pub async fn insert(
    tx: &mut Tx,
    link: OrderLinkId,
    expires_at: Timestamp,
    number: &str,
    email_key: &str,
) -> Result<Option<OrderId>> {
    let now = tx.now();
    tx.exec(&FORGET, params![now, FORGOTTEN_AT_A_TIME]).await?;
    let row: Option<(OrderId,)> = tx.opt(&INSERT, params![link, expires_at, number, email_key]).await?;
    Ok(row.map(|(order,)| order))
}

/// The order that a link leads to, and until when.
pub async fn find(db: &Db, link: OrderLinkId, now: Timestamp) -> Result<Option<(OrderId, Timestamp)>> {
    db.opt(&FIND, params![link, now]).await
}
