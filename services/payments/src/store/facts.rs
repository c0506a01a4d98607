//! Every statement by which the audit looks at payments.

use ::store::{Db, FromRow, Result, Row, params, statements};
use contracts::Id;
use contracts::carts::LineId;
use contracts::orders::OrderId;
use contracts::payments::{GatewayFact, PaymentFact, PaymentId, RefundedUnitsFact};
use platform::audit::Makes;
use uuid::Uuid;

use super::ids;

statements! {
    IDS_AFTER = "SELECT id FROM payments_payment WHERE id > $1 ORDER BY id LIMIT $2";
    IDS_OF_ORDERS = "SELECT id FROM payments_payment
        WHERE order_id IN (SELECT id FROM @rows($1: id @id) AS asked) ORDER BY id -- bounded: an order's payments, each";
    /// What its keyed routes made: attempts, refunds of staff, receipts.
    EXISTING_ATTEMPTS = "SELECT attempt_id FROM payments_payment
            WHERE attempt_id IN (SELECT id FROM @rows($1: id @id) AS asked)
        UNION ALL SELECT id FROM payments_attempt WHERE id IN (SELECT id FROM @rows($1: id @id) AS asked)";
    EXISTING_REFUNDS = "SELECT id FROM payments_refund WHERE id IN (SELECT id FROM @rows($1: id @id) AS asked)";
    MADE_REFUNDS = "SELECT id, created_at FROM payments_refund WHERE cause = 'staff' AND id > $1 ORDER BY id LIMIT $2";
    EXISTING_RECEIPTS = "SELECT id FROM payments_receipt WHERE id IN (SELECT id FROM @rows($1: id @id) AS asked)";
    MADE_RECEIPTS = "SELECT id, created_at FROM payments_receipt WHERE id > $1 ORDER BY id LIMIT $2";
    /// A refund that was refused gave nothing back.
    REFUNDED_UNITS = "SELECT r.order_id, l.line_id, CAST(SUM(l.quantity) AS BIGINT), CAST(SUM(l.amount_minor) AS BIGINT)
        FROM payments_refund r JOIN payments_refund_line l ON l.refund_id = r.id
        WHERE r.order_id IN (SELECT id FROM @rows($1: id @id) AS asked) AND r.state IN ('pending', 'done', 'partial')
        GROUP BY r.order_id, l.line_id ORDER BY r.order_id, l.line_id -- bounded: the lines of the orders asked for";
    /// A refused refund is mended when a later one was made, or nothing is left to give back.
    FACTS = "WITH asked AS (SELECT id FROM @rows($1: id @id) AS listed),
        booked AS (
            SELECT payment_id,
                SUM(CASE WHEN kind = 'authorized' THEN amount_minor ELSE 0 END) AS authorized,
                SUM(CASE WHEN kind = 'captured' THEN amount_minor ELSE 0 END) AS captured,
                SUM(CASE WHEN kind = 'voided' THEN amount_minor ELSE 0 END) AS voided,
                SUM(CASE WHEN kind = 'refunded' THEN amount_minor ELSE 0 END) AS refunded
            FROM payments_ledger WHERE payment_id IN (SELECT id FROM asked) GROUP BY payment_id),
        charged AS (
            SELECT payment_id, SUM(CASE WHEN authorized_minor > 0 THEN 1 ELSE 0 END) AS charges,
                SUM(CASE WHEN authorized_minor > voided_minor + refunded_minor THEN 1 ELSE 0 END) AS kept,
                SUM(authorized_minor) AS authorized, SUM(captured_minor) AS captured,
                SUM(voided_minor) AS voided, SUM(refunded_minor) AS refunded
            FROM payments_test_charge WHERE payment_id IN (SELECT id FROM asked) GROUP BY payment_id)
        SELECT p.id, p.order_id, p.method, p.amount_minor, a.currency,
            CAST(COALESCE(b.authorized, 0) AS BIGINT), CAST(COALESCE(b.captured, 0) AS BIGINT),
            CAST(COALESCE(b.voided, 0) AS BIGINT), CAST(COALESCE(b.refunded, 0) AS BIGINT),
            CAST(COALESCE(c.charges, 0) AS BIGINT), CAST(COALESCE(c.kept, 0) AS BIGINT),
            CAST(COALESCE(c.authorized, 0) AS BIGINT), CAST(COALESCE(c.captured, 0) AS BIGINT),
            CAST(COALESCE(c.voided, 0) AS BIGINT), CAST(COALESCE(c.refunded, 0) AS BIGINT),
            CASE WHEN p.state IN ('pending', 'unknown') OR (p.state = 'action_required' AND a.order_cancelled)
                THEN 1 ELSE 0 END
            + (SELECT COUNT(*) FROM payments_operation o WHERE o.payment_id = p.id AND o.state = 'pending'),
            (SELECT COUNT(*) FROM payments_operation o WHERE o.payment_id = p.id AND o.state = 'failed'
                AND (o.kind <> 'refund' OR (p.captured_minor > p.refunding_minor + p.refunded_minor
                    AND NOT EXISTS (SELECT 1 FROM payments_operation later WHERE later.payment_id = o.payment_id
                        AND later.kind = 'refund' AND later.state <> 'failed' AND later.id > o.id)))),
            a.order_cancelled, CASE WHEN a.updated_at > p.updated_at THEN a.updated_at ELSE p.updated_at END
        FROM payments_payment p JOIN payments_account a ON a.order_id = p.order_id
        LEFT JOIN booked b ON b.payment_id = p.id LEFT JOIN charged c ON c.payment_id = p.id
        WHERE p.id IN (SELECT id FROM asked) ORDER BY p.id -- bounded: the ids that are asked for";
}

/// What is made under a key and stays.
pub const MAKES: [Makes; 3] = [
    Makes { route: crate::pay::ROUTE, existing: &EXISTING_ATTEMPTS, made: None },
    Makes { route: crate::make_refund::ROUTE, existing: &EXISTING_REFUNDS, made: Some(&MADE_REFUNDS) },
    Makes { route: crate::receive::ROUTE, existing: &EXISTING_RECEIPTS, made: Some(&MADE_RECEIPTS) },
];

/// By id, after one.
pub async fn after(db: &Db, after: Option<PaymentId>, limit: i64) -> Result<Vec<MethodFact>> {
    let after = after.map_or(Uuid::nil(), Id::uuid);
    let page: Vec<(PaymentId,)> = db.all(&IDS_AFTER, params![after, limit]).await?;
    facts(db, page).await
}

pub async fn of_orders(db: &Db, orders: &[OrderId]) -> Result<Vec<MethodFact>> {
    let page: Vec<(PaymentId,)> = db.all(&IDS_OF_ORDERS, params![ids(orders.iter().copied())]).await?;
    facts(db, page).await
}

/// What went back for units of these orders, or is about to.
pub async fn refunded_units(db: &Db, orders: &[OrderId]) -> Result<Vec<RefundedUnitsFact>> {
    let found: Vec<(OrderId, LineId, i64, i64)> = db.all(&REFUNDED_UNITS, params![ids(orders.iter().copied())]).await?;
    let fact = |(order, line, quantity, amount)| RefundedUnitsFact { order, line, quantity, amount };
    Ok(found.into_iter().map(fact).collect())
}

async fn facts(db: &Db, page: Vec<(PaymentId,)>) -> Result<Vec<MethodFact>> {
    if page.is_empty() {
        return Ok(Vec::new());
    }
    db.all(&FACTS, params![ids(page.into_iter().map(|(id,)| id))]).await
}

/// A payment's fact and its way to pay. The gateway's part is the test bank's.
#[derive(Debug)]
pub struct MethodFact {
    pub method: String,
    pub fact: PaymentFact,
}

impl FromRow for MethodFact {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (payment, order, method) = (row.take()?, row.take()?, row.take()?);
        let fact = PaymentFact {
            payment,
            order,
            amount: super::money(row)?,
            authorized: row.take()?,
            captured: row.take()?,
            voided: row.take()?,
            refunded: row.take()?,
            gateway: Some(GatewayFact {
                charges: row.take()?,
                charges_kept: row.take()?,
                authorized: row.take()?,
                captured: row.take()?,
                voided: row.take()?,
                refunded: row.take()?,
            }),
            open: row.take()?,
            failed: row.take()?,
            order_cancelled: row.take()?,
            updated_at: row.take()?,
        };
        Ok(Self { method, fact })
    }
}
