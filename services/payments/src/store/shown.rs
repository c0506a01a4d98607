//! Every statement by which payments are shown.

use ::store::{Db, FromRow, Result, Row, params, statements};
use contracts::Id;
use contracts::orders::OrderId;
use contracts::payments::{AttemptId, NextAction, PaymentId};
use uuid::Uuid;

use super::ids;
use crate::attempt::AttemptView;
use crate::payment::{Payment, Reference};

statements! {
    ONE = "SELECT p.id, p.order_id, p.number, p.method, a.currency, p.amount_minor, p.attempt_id, p.attempt_number,
            p.state, p.gateway_ref, p.reason, p.next_action, p.attempted_at, p.authorized_minor, p.capturing_minor,
            p.captured_minor, p.voiding_minor, p.voided_minor, p.refunding_minor, p.refunded_minor, p.received_minor,
            p.created_at, p.updated_at
        FROM payments_payment p JOIN payments_account a ON a.order_id = p.order_id WHERE p.id = $1";
    BY_ATTEMPT = "SELECT p.id, p.order_id, p.number, p.method, a.currency, p.amount_minor, p.attempt_id, p.attempt_number,
            p.state, p.gateway_ref, p.reason, p.next_action, p.attempted_at, p.authorized_minor, p.capturing_minor,
            p.captured_minor, p.voiding_minor, p.voided_minor, p.refunding_minor, p.refunded_minor, p.received_minor,
            p.created_at, p.updated_at
        FROM payments_payment p JOIN payments_account a ON a.order_id = p.order_id
        WHERE p.attempt_id = $1 OR p.id = (SELECT payment_id FROM payments_attempt WHERE id = $1)";
    NEWEST = "SELECT p.id, p.order_id, p.number, p.method, a.currency, p.amount_minor, p.attempt_id, p.attempt_number,
            p.state, p.gateway_ref, p.reason, p.next_action, p.attempted_at, p.authorized_minor, p.capturing_minor,
            p.captured_minor, p.voiding_minor, p.voided_minor, p.refunding_minor, p.refunded_minor, p.received_minor,
            p.created_at, p.updated_at
        FROM payments_payment p JOIN payments_account a ON a.order_id = p.order_id
        WHERE p.id < $1 ORDER BY p.id DESC LIMIT $2";
    NEWEST_OF_ORDER = "SELECT p.id, p.order_id, p.number, p.method, a.currency, p.amount_minor, p.attempt_id,
            p.attempt_number, p.state, p.gateway_ref, p.reason, p.next_action, p.attempted_at, p.authorized_minor,
            p.capturing_minor, p.captured_minor, p.voiding_minor, p.voided_minor, p.refunding_minor, p.refunded_minor,
            p.received_minor, p.created_at, p.updated_at
        FROM payments_payment p JOIN payments_account a ON a.order_id = p.order_id
        WHERE p.order_id = $1 AND p.id < $2 ORDER BY p.id DESC LIMIT $3";
    NEWEST_BY_REFERENCE = "SELECT p.id, p.order_id, p.number, p.method, a.currency, p.amount_minor, p.attempt_id,
            p.attempt_number, p.state, p.gateway_ref, p.reason, p.next_action, p.attempted_at, p.authorized_minor,
            p.capturing_minor, p.captured_minor, p.voiding_minor, p.voided_minor, p.refunding_minor, p.refunded_minor,
            p.received_minor, p.created_at, p.updated_at
        FROM payments_payment p JOIN payments_account a ON a.order_id = p.order_id
        WHERE p.gateway_ref = $1 AND p.id < $2 ORDER BY p.id DESC LIMIT $3";
    EARLIER_OF = "SELECT e.payment_id, e.id, e.number, e.method, e.amount_minor, a.currency, e.state, e.reason, e.attempted_at
        FROM payments_attempt e JOIN payments_payment p ON p.id = e.payment_id
        JOIN payments_account a ON a.order_id = p.order_id
        WHERE e.payment_id IN (SELECT id FROM @rows($1: id @id) AS asked)
        ORDER BY e.payment_id, e.number -- bounded: a page of payments with at most `tries_max` each";
}

pub async fn find(db: &Db, id: PaymentId) -> Result<Option<Payment>> {
    db.opt(&ONE, params![id]).await
}

pub async fn by_attempt(db: &Db, attempt: AttemptId) -> Result<Option<Payment>> {
    db.opt(&BY_ATTEMPT, params![attempt]).await
}

/// Which payments are shown.
#[derive(Debug, Clone)]
pub enum Which {
    All,
    OfOrder(OrderId),
    WithReference(Reference),
}

/// Newest first, older than `before`.
pub async fn newest(db: &Db, which: &Which, before: Option<PaymentId>, limit: i64) -> Result<Vec<Payment>> {
    let before = before.map_or(Uuid::max(), Id::uuid);
    match which {
        Which::All => db.all(&NEWEST, params![before, limit]).await,
        Which::OfOrder(order) => db.all(&NEWEST_OF_ORDER, params![order, before, limit]).await,
        Which::WithReference(reference) => {
            db.all(&NEWEST_BY_REFERENCE, params![reference.as_str(), before, limit]).await
        }
    }
}

/// The attempts of a page of payments that others followed, in the order they were made.
pub async fn earlier_attempts(
    db: &Db,
    payments: impl IntoIterator<Item = PaymentId>,
) -> Result<Vec<(PaymentId, AttemptView)>> {
    let found: Vec<OfPayment> = db.all(&EARLIER_OF, params![ids(payments)]).await?;
    Ok(found.into_iter().map(|OfPayment(payment, attempt)| (payment, attempt)).collect())
}

struct OfPayment(PaymentId, AttemptView);

impl FromRow for OfPayment {
    fn from_row(row: &mut Row) -> Result<Self> {
        let payment = row.take()?;
        let (id, number, method) = (row.take()?, row.take()?, row.take()?);
        let amount = super::money(row)?;
        let (state, reason) = (row.take()?, row.take()?);
        let (next_action, created_at) = (None::<NextAction>, row.take()?);
        Ok(Self(payment, AttemptView { id, number, method, amount, state, reason, next_action, created_at }))
    }
}
