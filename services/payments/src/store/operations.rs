//! Every statement on operations.

use ::store::{Db, FromRow, Result, Row, Tx, params, rows, statements};
use contracts::Money;
use contracts::payments::{OperationId, PaymentId, PaymentOperation};
use uuid::Uuid;

use crate::operation::{Operation, OperationState, OperationView};

statements! {
    INSERT = "INSERT INTO payments_operation
            (id, payment_id, method, kind, cause_kind, cause, amount_minor, state, key, tries, gateway_ref, reason, created_at,
            updated_at)
        SELECT id, payment_id, method, kind, cause_kind, cause, amount_minor, state, key, 1, gateway_ref, $2, $3, $3
        FROM @rows($1: id @id, payment_id @id, method @text, kind @text, cause_kind @text, cause @id, amount_minor @money, state @text,
            key @id, gateway_ref @text) AS new
        WHERE true ON CONFLICT (cause, cause_kind, payment_id) DO NOTHING RETURNING id";
    KNOWN = "SELECT id FROM payments_operation WHERE cause = $1 AND kind = $2 LIMIT 1";
    ONE = "SELECT o.id, o.payment_id, p.order_id, o.method, o.kind, o.cause_kind, o.cause, o.amount_minor, a.currency,
            o.state, o.key, o.gateway_ref
        FROM payments_operation o JOIN payments_payment p ON p.id = o.payment_id
        JOIN payments_account a ON a.order_id = p.order_id WHERE o.id = $1";
    END = "UPDATE payments_operation SET state = $2, reason = $3, updated_at = $4 WHERE id = $1 AND state = 'pending'";
    /// By less than all of it, or it is withdrawn.
    SHRINK = "UPDATE payments_operation SET amount_minor = amount_minor - $2,
            state = CASE WHEN amount_minor = $2 THEN 'withdrawn' ELSE state END,
            reason = CASE WHEN amount_minor = $2 THEN 'lines_cancelled' ELSE reason END, updated_at = $3
        WHERE id = $1 AND state = 'pending'";
    BEGIN_AGAIN = "UPDATE payments_operation SET state = 'pending', reason = NULL, key = $2, tries = tries + 1, updated_at = $3
        WHERE id = $1 AND state = 'failed' AND kind IN ('capture', 'void')";
    PENDING_CAPTURES = "SELECT o.id, o.payment_id, p.order_id, o.method, o.kind, o.cause_kind, o.cause, o.amount_minor,
            a.currency, o.state, o.key, o.gateway_ref
        FROM payments_operation o JOIN payments_payment p ON p.id = o.payment_id
        JOIN payments_account a ON a.order_id = p.order_id
        WHERE o.payment_id = $1 AND o.kind = 'capture' AND o.state = 'pending'
        ORDER BY o.id -- bounded: a capture for each of an order's shipments";
    FAILED_CAPTURES = "SELECT CAST(COALESCE(SUM(o.amount_minor), 0) AS BIGINT)
        FROM payments_operation o JOIN payments_payment p ON p.id = o.payment_id
        WHERE p.order_id = $1 AND o.kind = 'capture' AND o.state = 'failed'";
    OF_PAYMENT = "SELECT o.id, o.kind, o.cause_kind, o.amount_minor, a.currency, o.state, o.tries, o.reason, o.created_at,
            o.updated_at
        FROM payments_operation o JOIN payments_payment p ON p.id = o.payment_id
        JOIN payments_account a ON a.order_id = p.order_id WHERE o.payment_id = $1 ORDER BY o.id LIMIT $2";
}

/// Adds operations, all of one kind and cause; returns those that were not there before.
pub async fn insert(tx: &mut Tx, new: &[Operation], reason: Option<&str>) -> Result<Vec<OperationId>> {
    let now = tx.now();
    let row = |new: &Operation| {
        let Operation { id, payment, method, kind, cause_kind, cause, amount, state, key, reference, .. } = new;
        params![id, payment, method, kind, cause_kind, cause, amount.amount, state, key, reference]
    };
    let inserted: Vec<(OperationId,)> = tx.all(&INSERT, params![rows(new.iter().map(row)), reason, now]).await?;
    Ok(inserted.into_iter().map(|(id,)| id).collect())
}

/// Whether this cause has an operation of this kind, on whichever payment.
pub async fn is_known(tx: &mut Tx, cause: Uuid, kind: PaymentOperation) -> Result<bool> {
    Ok(tx.opt::<(OperationId,)>(&KNOWN, params![cause, kind]).await?.is_some())
}

pub async fn find(db: &Db, id: OperationId) -> Result<Option<Operation>> {
    db.opt(&ONE, params![id]).await
}

pub async fn find_in(tx: &mut Tx, id: OperationId) -> Result<Option<Operation>> {
    tx.opt(&ONE, params![id]).await
}

/// Writes an operation's outcome; `false` where it had one before.
pub async fn end(tx: &mut Tx, id: OperationId, state: OperationState, reason: Option<&str>) -> Result<bool> {
    let now = tx.now();
    Ok(tx.exec(&END, params![id, state, reason, now]).await? == 1)
}

/// An operation without an outcome is for so much less; for nothing any more, it is withdrawn.
pub async fn shrink(tx: &mut Tx, id: OperationId, less: i64) -> Result<()> {
    let now = tx.now();
    tx.exec(&SHRINK, params![id, less, now]).await.map(drop)
}

/// Begins a refused capture or void anew under another key; `false` where it is no such.
pub async fn begin_again(tx: &mut Tx, id: OperationId, key: OperationId) -> Result<bool> {
    let now = tx.now();
    Ok(tx.exec(&BEGIN_AGAIN, params![id, key, now]).await? == 1)
}

/// A payment's captures without an outcome, the first first.
pub async fn pending_captures(tx: &mut Tx, payment: PaymentId) -> Result<Vec<Operation>> {
    tx.all(&PENDING_CAPTURES, params![payment]).await
}

/// The same outside a transaction.
pub async fn pending_captures_of(db: &Db, payment: PaymentId) -> Result<Vec<Operation>> {
    db.all(&PENDING_CAPTURES, params![payment]).await
}

/// What captures of the order's payments the gateways refused, in sum.
pub async fn failed_captures(tx: &mut Tx, order: contracts::orders::OrderId) -> Result<i64> {
    let (sum,): (i64,) = tx.one(&FAILED_CAPTURES, params![order]).await?;
    Ok(sum)
}

/// A payment's operations in the order they were begun, at most `limit`.
pub async fn of_payment(db: &Db, payment: PaymentId, limit: i64) -> Result<Vec<OperationView>> {
    db.all(&OF_PAYMENT, params![payment, limit]).await
}

impl FromRow for Operation {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            payment: row.take()?,
            order: row.take()?,
            method: row.take()?,
            kind: row.take()?,
            cause_kind: row.take()?,
            cause: row.take()?,
            amount: super::money(row)?,
            state: row.take()?,
            key: row.take()?,
            reference: row.take()?,
        })
    }
}

impl FromRow for OperationView {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, kind, cause) = (row.take()?, row.take()?, row.take()?);
        let amount: Money = super::money(row)?;
        let (state, tries, reason) = (row.take()?, row.take()?, row.take()?);
        Ok(Self { id, kind, cause, amount, state, tries, reason, created_at: row.take()?, updated_at: row.take()? })
    }
}
