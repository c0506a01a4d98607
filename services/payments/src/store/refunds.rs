//! Every statement on refunds.

use std::collections::BTreeMap;

use ::store::{Db, FromRow, Json, Result, Row, Tx, params, rows, statements};
use contracts::carts::LineId;
use contracts::orders::{OrderId, UnitsDue};
use contracts::payments::{RefundId, RefundedLine};
use contracts::{ExternalRef, Id, Money};
use uuid::Uuid;

use crate::refund::{Refund, RefundCause, RefundLineView, RefundState, RefundView, Share};

statements! {
    INSERT = "INSERT INTO payments_refund (id, order_id, cause, amount_minor, refunded_minor, open_operations, state, shipping,
            reason, metadata, external_source, external_id, created_at, updated_at)
        VALUES ($1, $2, $3, $4, 0, $5, $12, $6, $7, $8, $9, $10, $11, $11) ON CONFLICT DO NOTHING";
    INSERT_LINES = "INSERT INTO payments_refund_line (refund_id, line_id, quantity, amount_minor)
        SELECT $1, line_id, quantity, amount_minor FROM @rows($2: line_id @id, quantity @int, amount_minor @money) AS new";
    /// Never more units than were not cancelled, by the order's word or by ours.
    TAKE_UNITS = "INSERT INTO payments_line (order_id, line_id, quantity, refunded, cancelled)
        SELECT $1, line_id, quantity, refunded, cancelled
        FROM @rows($2: line_id @id, quantity @int, refunded @int, cancelled @int) AS new
        WHERE true ON CONFLICT (order_id, line_id) DO UPDATE SET refunded = payments_line.refunded + excluded.refunded
        WHERE payments_line.refunded + excluded.refunded + payments_line.cancelled <= payments_line.quantity
        AND payments_line.refunded + excluded.refunded + excluded.cancelled <= payments_line.quantity";
    /// Heard in any order: the last units are as many as were ever heard of.
    CANCEL_UNITS = "INSERT INTO payments_line (order_id, line_id, quantity, refunded, cancelled)
        SELECT $1, line_id, quantity, 0, cancelled FROM @rows($2: line_id @id, quantity @int, cancelled @int) AS new
        WHERE true ON CONFLICT (order_id, line_id) DO UPDATE SET cancelled =
            CASE WHEN excluded.cancelled > payments_line.cancelled THEN excluded.cancelled ELSE payments_line.cancelled END
        RETURNING line_id, refunded";
    FREE_UNITS = "UPDATE payments_line SET refunded = payments_line.refunded - l.quantity
        FROM payments_refund_line l JOIN payments_refund r ON r.id = l.refund_id
        WHERE r.id = $2 AND r.cause = 'staff' AND payments_line.order_id = $1 AND payments_line.line_id = l.line_id";
    GONE = "SELECT line_id, refunded FROM payments_line WHERE order_id = $1
        ORDER BY line_id -- bounded: an order's lines";
    END_ONE = "UPDATE payments_refund SET open_operations = open_operations - 1, refunded_minor = refunded_minor + $2,
            state = CASE WHEN open_operations > 1 THEN 'pending' WHEN refunded_minor + $2 = amount_minor THEN 'done'
                WHEN refunded_minor + $2 > 0 THEN 'partial' ELSE 'failed' END,
            updated_at = $3
        WHERE id = $1 AND open_operations > 0 RETURNING state, refunded_minor, shipping";
    WAITING = "SELECT id, amount_minor FROM payments_refund WHERE order_id = $1 AND state = 'waiting'
        ORDER BY id -- bounded: one for each cancellation of an order's units";
    BEGIN = "UPDATE payments_refund SET state = 'pending', amount_minor = $2, open_operations = $3, updated_at = $4
        WHERE id = $1 AND state = 'waiting'";
    WITHDRAW = "UPDATE payments_refund SET state = 'withdrawn', updated_at = $2 WHERE id = $1 AND state = 'waiting'";
    WITHDRAW_ALL = "UPDATE payments_refund SET state = 'withdrawn', updated_at = $2
        WHERE order_id = $1 AND state = 'waiting'";
    CAUSE = "SELECT cause FROM payments_refund WHERE id = $1";
    UNITS_OF = "SELECT line_id, quantity FROM payments_refund_line WHERE refund_id = $1
        ORDER BY line_id -- bounded: an order's lines";
    ONE = "SELECT r.id, r.order_id, r.cause, r.state, r.amount_minor, a.currency, r.refunded_minor, r.shipping, r.reason,
            r.metadata, r.external_source, r.external_id, r.created_at, r.updated_at
        FROM payments_refund r JOIN payments_account a ON a.order_id = r.order_id WHERE r.id = $1";
    NEWEST = "SELECT r.id, r.order_id, r.cause, r.state, r.amount_minor, a.currency, r.refunded_minor, r.shipping, r.reason,
            r.metadata, r.external_source, r.external_id, r.created_at, r.updated_at
        FROM payments_refund r JOIN payments_account a ON a.order_id = r.order_id
        WHERE r.id < $1 ORDER BY r.id DESC LIMIT $2";
    NEWEST_OF_ORDER = "SELECT r.id, r.order_id, r.cause, r.state, r.amount_minor, a.currency, r.refunded_minor, r.shipping,
            r.reason, r.metadata, r.external_source, r.external_id, r.created_at, r.updated_at
        FROM payments_refund r JOIN payments_account a ON a.order_id = r.order_id
        WHERE r.order_id = $1 AND r.id < $2 ORDER BY r.id DESC LIMIT $3";
    LINES_OF = "SELECT l.refund_id, l.line_id, l.quantity, l.amount_minor, a.currency
        FROM payments_refund_line l JOIN payments_refund r ON r.id = l.refund_id
        JOIN payments_account a ON a.order_id = r.order_id
        WHERE l.refund_id IN (SELECT id FROM @rows($1: id @id) AS asked)
        ORDER BY l.refund_id, l.line_id -- bounded: a page of refunds with an order's lines each";
}

/// Adds a refund that goes back to so many charges, and waits where that is none; `false` where its id, or its external reference, is taken.
pub async fn insert(tx: &mut Tx, new: &Refund, operations: i64) -> Result<bool> {
    let now = tx.now();
    let (source, external) =
        (new.external_ref.as_ref().map(|one| &one.source), new.external_ref.as_ref().map(|one| &one.id));
    let metadata = Json(&new.metadata);
    let params = params![
        new.id,
        new.order,
        new.cause,
        new.amount,
        operations,
        new.shipping,
        new.reason,
        metadata,
        source,
        external,
        now,
        if operations > 0 { RefundState::Pending } else { RefundState::Waiting }
    ];
    if tx.exec(&INSERT, params).await? == 0 {
        return Ok(false);
    }
    if !new.lines.is_empty() {
        let lines = new.lines.iter().map(|share| params![share.line, share.quantity, share.amount]);
        tx.exec(&INSERT_LINES, params![new.id, rows(lines)]).await?;
    }
    Ok(true)
}

/// Counts units as gone; `false` where a line has not so many left.
pub async fn take_units(tx: &mut Tx, order: OrderId, lines: &[Share]) -> Result<bool> {
    if lines.is_empty() {
        return Ok(true);
    }
    let row = |share: &Share| params![share.line, share.ordered, share.quantity, share.cancelled];
    let table = rows(lines.iter().map(row));
    Ok(tx.exec(&TAKE_UNITS, params![order, table]).await? == lines.len() as u64)
}

/// Notes that the last units of lines were cancelled; returns how many units of each, from the first, went back by
/// staff, or are about to.
pub async fn cancel_units(tx: &mut Tx, order: OrderId, lines: &[UnitsDue]) -> Result<BTreeMap<LineId, i64>> {
    if lines.is_empty() {
        return Ok(BTreeMap::new());
    }
    let table = rows(lines.iter().map(|due| params![due.line, due.of, due.of - due.from]));
    let refunded: Vec<(LineId, i64)> = tx.all(&CANCEL_UNITS, params![order, table]).await?;
    Ok(refunded.into_iter().collect())
}

/// The units that staff refunded, where that came to nothing, are there again.
pub async fn free_units(tx: &mut Tx, order: OrderId, refund: RefundId) -> Result<()> {
    tx.exec(&FREE_UNITS, params![order, refund]).await.map(drop)
}

/// How many units of an order's lines went back, or are about to.
pub async fn gone(tx: &mut Tx, order: OrderId) -> Result<BTreeMap<LineId, i64>> {
    let gone: Vec<(LineId, i64)> = tx.all(&GONE, params![order]).await?;
    Ok(gone.into_iter().collect())
}

/// How a refund stands after one of its operations has ended.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    pub state: RefundState,
    pub refunded: i64,
    pub shipping: bool,
}

/// One of a refund's operations has ended and moved so much.
pub async fn end_one(tx: &mut Tx, refund: RefundId, moved: i64) -> Result<Standing> {
    let now = tx.now();
    tx.one(&END_ONE, params![refund, moved, now]).await
}

/// Refunds of an order that have not begun, with what they are to give back.
pub async fn waiting(tx: &mut Tx, order: OrderId) -> Result<Vec<(RefundId, i64)>> {
    tx.all(&WAITING, params![order]).await
}

/// A refund that waited gives back so much, to so many charges.
pub async fn begin(tx: &mut Tx, refund: RefundId, amount: i64, operations: i64) -> Result<()> {
    let now = tx.now();
    tx.exec(&BEGIN, params![refund, amount, operations, now]).await.map(drop)
}

/// There is nothing left that a refund could give back.
pub async fn withdraw(tx: &mut Tx, refund: RefundId) -> Result<()> {
    let now = tx.now();
    tx.exec(&WITHDRAW, params![refund, now]).await.map(drop)
}

/// No refund of the order waits any more.
pub async fn withdraw_all(tx: &mut Tx, order: OrderId) -> Result<()> {
    let now = tx.now();
    tx.exec(&WITHDRAW_ALL, params![order, now]).await.map(drop)
}

/// What a refund is for; `None`: there is no such refund.
pub async fn cause(tx: &mut Tx, refund: RefundId) -> Result<Option<RefundCause>> {
    Ok(tx.opt::<(RefundCause,)>(&CAUSE, params![refund]).await?.map(|(cause,)| cause))
}

pub async fn units_of(tx: &mut Tx, refund: RefundId) -> Result<Vec<RefundedLine>> {
    let units: Vec<(LineId, i64)> = tx.all(&UNITS_OF, params![refund]).await?;
    Ok(units.into_iter().map(|(line, quantity)| RefundedLine { line, quantity }).collect())
}

pub async fn find(db: &Db, id: RefundId) -> Result<Option<RefundView>> {
    let found = db.opt::<RefundView>(&ONE, params![id]).await?;
    Ok(with_lines(db, found.into_iter().collect()).await?.into_iter().next())
}

/// Newest first, older than `before`; of one order, if that is asked.
pub async fn newest(db: &Db, order: Option<OrderId>, before: Option<RefundId>, limit: i64) -> Result<Vec<RefundView>> {
    let before = before.map_or(Uuid::max(), Id::uuid);
    let found = match order {
        Some(order) => db.all(&NEWEST_OF_ORDER, params![order, before, limit]).await?,
        None => db.all(&NEWEST, params![before, limit]).await?,
    };
    with_lines(db, found).await
}

async fn with_lines(db: &Db, mut refunds: Vec<RefundView>) -> Result<Vec<RefundView>> {
    if refunds.is_empty() {
        return Ok(refunds);
    }
    let asked = super::ids(refunds.iter().map(|refund| refund.id));
    for OfRefund(id, line) in db.all::<OfRefund>(&LINES_OF, params![asked]).await? {
        refunds.iter_mut().filter(|refund| refund.id == id).for_each(|refund| refund.lines.push(line.clone()));
    }
    Ok(refunds)
}

impl FromRow for Standing {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { state: row.take()?, refunded: row.take()?, shipping: row.take()? })
    }
}

impl FromRow for RefundView {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, order, cause, state) = (row.take()?, row.take()?, row.take()?, row.take()?);
        let amount: Money = super::money(row)?;
        let refunded = Money { amount: row.take()?, ..amount };
        let (shipping, reason, Json(metadata)) = (row.take()?, row.take()?, row.take()?);
        let (source, external): (Option<String>, Option<String>) = (row.take()?, row.take()?);
        let external_ref = source.zip(external).map(|(source, id)| ExternalRef { source, id });
        let (created_at, updated_at) = (row.take()?, row.take()?);
        let lines = Vec::new();
        Ok(Self {
            id,
            order,
            cause,
            state,
            amount,
            refunded,
            lines,
            shipping,
            reason,
            metadata,
            external_ref,
            created_at,
            updated_at,
        })
    }
}

struct OfRefund(RefundId, RefundLineView);

impl FromRow for OfRefund {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (refund, line, quantity) = (row.take()?, row.take()?, row.take()?);
        Ok(Self(refund, RefundLineView { line, quantity, amount: super::money(row)? }))
    }
}
