//! Every statement on payments' own tables; the test bank's are in [`bank`].

pub mod bank;

use ::store::{Db, FromRow, Json, Migration, Result, Row, Tx, Value, migrations, params, rows, statements};
use contracts::orders::OrderId;
use contracts::payments::{AttemptId, GatewayFact, LedgerEntryId, NextAction, OperationId, PaymentFact, PaymentId};
use contracts::{Id, Money};
use uuid::Uuid;

use crate::attempt::{Attempt, AttemptState, AttemptView, Outcome};
use crate::ledger::{Balance, Change, LedgerKind};
use crate::operation::{NewOperation, Operation, OperationState};
use crate::payment::Payment;

pub const MIGRATIONS: &[Migration] = migrations!["0001_payments" (release 1)];

/// Columns that hold personal data: export and erasure walk them.
pub const PERSONAL: &[&str] = &["payments_attempt.token"];

statements! {
    OPEN = "INSERT INTO payments_payment (id, order_id, method, currency, amount_minor, order_cancelled, tries,
            authorized_minor, capturing_minor, captured_minor, voided_minor, refunded_minor, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, false, 1, 0, 0, 0, 0, 0, $6, $6) ON CONFLICT (order_id) DO NOTHING";
    /// Without a payment it leaves a tombstone: the order will not become payable any more.
    CANCEL = "INSERT INTO payments_payment (id, order_id, amount_minor, order_cancelled, tries,
            authorized_minor, capturing_minor, captured_minor, voided_minor, refunded_minor, created_at, updated_at)
        VALUES ($1, $2, 0, true, 0, 0, 0, 0, 0, 0, $3, $3)
        ON CONFLICT (order_id) DO UPDATE SET order_cancelled = true, updated_at = excluded.updated_at
        RETURNING id, order_id, order_cancelled, tries,
            authorized_minor, capturing_minor, captured_minor, voided_minor, refunded_minor";
    TRY_AGAIN = "UPDATE payments_payment SET tries = tries + 1, method = $2, updated_at = $4
        WHERE order_id = $1 AND method IS NOT NULL AND NOT order_cancelled AND tries < $3 RETURNING id, tries";
    STANDING = "SELECT order_cancelled, tries FROM payments_payment WHERE order_id = $1";
    /// Changes nothing where a sum would leave its bounds.
    BOOK = "UPDATE payments_payment SET authorized_minor = authorized_minor + $2, capturing_minor = capturing_minor + $3,
            captured_minor = captured_minor + $4, voided_minor = voided_minor + $5, refunded_minor = refunded_minor + $6,
            updated_at = $7
        WHERE id = $1 AND authorized_minor + $2 <= amount_minor AND capturing_minor + $3 >= 0
        AND capturing_minor + $3 + captured_minor + $4 + voided_minor + $5 <= authorized_minor + $2
        AND refunded_minor + $6 <= captured_minor + $4
        RETURNING id, order_id, order_cancelled, tries,
            authorized_minor, capturing_minor, captured_minor, voided_minor, refunded_minor";
    TO_CAPTURE = "SELECT p.id, p.currency, p.order_cancelled,
            (SELECT a.id FROM payments_attempt a WHERE a.payment_id = p.id AND a.state = 'authorized')
        FROM payments_payment p WHERE p.order_id = $1 @for_update";
    ENTER = "INSERT INTO payments_ledger (id, payment_id, kind, source, amount_minor, at) VALUES ($1, $2, $3, $4, $5, $6)";

    INSERT_ATTEMPT = "INSERT INTO payments_attempt (id, payment_id, number, state, token, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING";
    ATTEMPT = "SELECT a.id, a.payment_id, p.order_id, p.method, p.amount_minor, p.currency, a.state, a.token, p.order_cancelled
        FROM payments_attempt a JOIN payments_payment p ON p.id = a.payment_id WHERE a.id = $1";
    END_ATTEMPT = "UPDATE payments_attempt SET state = $2, gateway_ref = COALESCE($3, gateway_ref), reason = $4,
            next_action = $5, token = NULL, updated_at = $6
        WHERE id = $1 AND state IN ('pending', 'unknown', 'action_required') AND state <> $2";
    MARK_UNKNOWN = "UPDATE payments_attempt SET state = 'unknown', updated_at = $2 WHERE id = $1 AND state = 'pending'";
    VOID_ATTEMPT = "UPDATE payments_attempt SET state = 'voided', updated_at = $2 WHERE payment_id = $1 AND state = 'authorized'";
    AWAITING_BUYER = "SELECT id FROM payments_attempt WHERE payment_id = $1 AND state = 'action_required'";
    NEXT_ACTION = "SELECT a.next_action FROM payments_attempt a JOIN payments_payment p ON p.id = a.payment_id
        WHERE p.order_id = $1 AND a.state = 'action_required' AND NOT p.order_cancelled";

    INSERT_OPERATION = "INSERT INTO payments_operation
            (id, payment_id, attempt_id, kind, cause, amount_minor, state, reason, created_at, updated_at)
        SELECT $1, a.payment_id, a.id, $3, $4, $5, $6, $7, $8, $8 FROM payments_attempt a
        WHERE a.payment_id = $2 AND a.state = 'authorized' ON CONFLICT (payment_id, kind, cause) DO NOTHING";
    OPERATION = "SELECT o.id, o.payment_id, p.order_id, p.method, o.kind, o.cause, o.amount_minor, p.currency, o.state, a.gateway_ref
        FROM payments_operation o JOIN payments_payment p ON p.id = o.payment_id JOIN payments_attempt a ON a.id = o.attempt_id
        WHERE o.id = $1";
    END_OPERATION = "UPDATE payments_operation SET state = $2, reason = $3, updated_at = $4 WHERE id = $1 AND state = 'pending'";

    BY_ATTEMPT = "SELECT id, order_id, method, amount_minor, currency,
            authorized_minor, captured_minor, voided_minor, refunded_minor, created_at, updated_at
        FROM payments_payment WHERE id = (SELECT payment_id FROM payments_attempt WHERE id = $1)";
    BY_ORDER = "SELECT id, order_id, method, amount_minor, currency,
            authorized_minor, captured_minor, voided_minor, refunded_minor, created_at, updated_at
        FROM payments_payment WHERE order_id = $1 AND method IS NOT NULL";
    NEWEST = "SELECT id, order_id, method, amount_minor, currency,
            authorized_minor, captured_minor, voided_minor, refunded_minor, created_at, updated_at
        FROM payments_payment WHERE id < $1 AND method IS NOT NULL ORDER BY id DESC LIMIT $2";
    ATTEMPTS_OF = "SELECT payment_id, id, number, state, reason, next_action, created_at FROM payments_attempt
        WHERE payment_id IN (SELECT id FROM @rows($1: id @id) AS asked)
        ORDER BY payment_id, number -- bounded: a page of payments with at most `tries_max` each";

    IDS_AFTER = "SELECT id FROM payments_payment WHERE id > $1 AND method IS NOT NULL ORDER BY id LIMIT $2";
    IDS_OF_ORDERS = "SELECT id FROM payments_payment
        WHERE order_id IN (SELECT id FROM @rows($1: id @id) AS asked) AND method IS NOT NULL";
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
        SELECT p.id, p.order_id, p.amount_minor, p.currency,
            CAST(COALESCE(b.authorized, 0) AS BIGINT), CAST(COALESCE(b.captured, 0) AS BIGINT),
            CAST(COALESCE(b.voided, 0) AS BIGINT), CAST(COALESCE(b.refunded, 0) AS BIGINT),
            CAST(COALESCE(c.charges, 0) AS BIGINT), CAST(COALESCE(c.kept, 0) AS BIGINT),
            CAST(COALESCE(c.authorized, 0) AS BIGINT), CAST(COALESCE(c.captured, 0) AS BIGINT),
            CAST(COALESCE(c.voided, 0) AS BIGINT), CAST(COALESCE(c.refunded, 0) AS BIGINT),
            (SELECT COUNT(*) FROM payments_attempt a WHERE a.payment_id = p.id
                AND (a.state IN ('pending', 'unknown') OR (a.state = 'action_required' AND p.order_cancelled)))
            + (SELECT COUNT(*) FROM payments_operation o WHERE o.payment_id = p.id AND o.state = 'pending'),
            p.order_cancelled, p.updated_at
        FROM payments_payment p LEFT JOIN booked b ON b.payment_id = p.id LEFT JOIN charged c ON c.payment_id = p.id
        WHERE p.id IN (SELECT id FROM asked) ORDER BY p.id -- bounded: the ids that are asked for";
}

/// Opens an order's payment with its first try; `false` where it was opened, or cancelled, before.
pub async fn open(tx: &mut Tx, id: PaymentId, order: OrderId, method: &str, amount: Money) -> Result<bool> {
    let now = tx.now();
    Ok(tx.exec(&OPEN, params![id, order, method, amount.currency, amount.amount, now]).await? == 1)
}

/// Notes that the order was cancelled, whether it has a payment yet or not.
pub async fn cancel(tx: &mut Tx, order: OrderId) -> Result<Balance> {
    let (id, now) = (tx.ids().next::<PaymentId>(), tx.now());
    tx.one(&CANCEL, params![id, order, now]).await
}

/// Counts a further try; `None` where the payment takes none. See [`standing`] for why.
pub async fn try_again(tx: &mut Tx, order: OrderId, method: &str, tries_max: i64) -> Result<Option<(PaymentId, i64)>> {
    let now = tx.now();
    tx.opt(&TRY_AGAIN, params![order, method, tries_max, now]).await
}

/// Whether the order was cancelled, and its tries; `None` without a payment.
pub async fn standing(tx: &mut Tx, order: OrderId) -> Result<Option<(bool, i64)>> {
    tx.opt(&STANDING, params![order]).await
}

/// Changes the payment's sums; `None` where one would leave its bounds. Locks the payment: first in its transaction.
pub async fn book(tx: &mut Tx, payment: PaymentId, change: Change) -> Result<Option<Balance>> {
    let now = tx.now();
    let Change { authorized, capturing, captured, voided, refunded } = change;
    tx.opt(&BOOK, params![payment, authorized, capturing, captured, voided, refunded, now]).await
}

/// Adds a line to the ledger.
pub async fn enter(tx: &mut Tx, payment: PaymentId, kind: LedgerKind, source: Uuid, amount_minor: i64) -> Result<()> {
    let (id, now) = (tx.ids().next::<LedgerEntryId>(), tx.now());
    tx.exec(&ENTER, params![id, payment, kind, source, amount_minor, now]).await.map(drop)
}

/// What a capture must know of its payment, which stays locked.
#[derive(Debug)]
pub struct ToCapture {
    pub payment: PaymentId,
    /// `None`: a tombstone.
    pub currency: Option<contracts::Currency>,
    pub order_cancelled: bool,
    pub authorized: Option<AttemptId>,
}

pub async fn to_capture(tx: &mut Tx, order: OrderId) -> Result<Option<ToCapture>> {
    tx.opt(&TO_CAPTURE, params![order]).await
}

/// Adds an attempt; `false` where another one of the payment lives.
pub async fn insert_attempt(
    tx: &mut Tx,
    id: AttemptId,
    payment: PaymentId,
    number: i64,
    state: AttemptState,
    token: Option<&str>,
) -> Result<bool> {
    let now = tx.now();
    Ok(tx.exec(&INSERT_ATTEMPT, params![id, payment, number, state, token, now]).await? == 1)
}

pub async fn attempt(db: &Db, id: AttemptId) -> Result<Option<Attempt>> {
    db.opt(&ATTEMPT, params![id]).await
}

/// Writes an attempt's outcome and forgets its token; `false` where it had this one, or a last one, before.
pub async fn end_attempt(tx: &mut Tx, id: AttemptId, outcome: &Outcome) -> Result<bool> {
    let (now, next_action) = (tx.now(), outcome.next_action().map(Json));
    let params = params![id, outcome.state(), outcome.reference(), outcome.reason(), next_action, now];
    Ok(tx.exec(&END_ATTEMPT, params).await? == 1)
}

/// The gateway did not answer: what became of the attempt has to be looked up.
pub async fn mark_unknown(tx: &mut Tx, id: AttemptId) -> Result<()> {
    let now = tx.now();
    tx.exec(&MARK_UNKNOWN, params![id, now]).await.map(drop)
}

/// The whole authorisation of this payment was given back.
pub async fn void_attempt(tx: &mut Tx, payment: PaymentId) -> Result<()> {
    let now = tx.now();
    tx.exec(&VOID_ATTEMPT, params![payment, now]).await.map(drop)
}

/// The attempt that waits for its buyer, if one does.
pub async fn awaiting_buyer(tx: &mut Tx, payment: PaymentId) -> Result<Option<AttemptId>> {
    Ok(tx.opt::<(AttemptId,)>(&AWAITING_BUYER, params![payment]).await?.map(|(id,)| id))
}

pub async fn next_action(db: &Db, order: OrderId) -> Result<Option<NextAction>> {
    let found: Option<(Json<NextAction>,)> = db.opt(&NEXT_ACTION, params![order]).await?;
    Ok(found.map(|(Json(action),)| action))
}

/// Adds an operation on the payment's authorisation; `false` where its cause has one, or nothing is authorised.
pub async fn insert_operation(tx: &mut Tx, new: &NewOperation) -> Result<bool> {
    let now = tx.now();
    let params = params![new.id, new.payment, new.kind, new.cause, new.amount_minor, new.state, new.reason, now];
    Ok(tx.exec(&INSERT_OPERATION, params).await? == 1)
}

pub async fn operation(db: &Db, id: OperationId) -> Result<Option<Operation>> {
    db.opt(&OPERATION, params![id]).await
}

/// Writes an operation's outcome; `false` where it had one before.
pub async fn end_operation(tx: &mut Tx, id: OperationId, state: OperationState, reason: Option<&str>) -> Result<bool> {
    let now = tx.now();
    Ok(tx.exec(&END_OPERATION, params![id, state, reason, now]).await? == 1)
}

pub async fn by_attempt(db: &Db, attempt: AttemptId) -> Result<Option<Payment>> {
    db.opt(&BY_ATTEMPT, params![attempt]).await
}

pub async fn by_order(db: &Db, order: OrderId) -> Result<Option<Payment>> {
    db.opt(&BY_ORDER, params![order]).await
}

/// Newest first, older than `before`.
pub async fn newest(db: &Db, before: Option<PaymentId>, limit: i64) -> Result<Vec<Payment>> {
    let before = before.map_or(Uuid::max(), Id::uuid);
    db.all(&NEWEST, params![before, limit]).await
}

/// The attempts of a page of payments, in the order they were made.
pub async fn attempts_of(
    db: &Db,
    payments: impl IntoIterator<Item = PaymentId>,
) -> Result<Vec<(PaymentId, AttemptView)>> {
    let found: Vec<OfPayment> = db.all(&ATTEMPTS_OF, params![ids(payments)]).await?;
    Ok(found.into_iter().map(|OfPayment(payment, attempt)| (payment, attempt)).collect())
}

pub async fn facts_after(db: &Db, after: Option<PaymentId>, limit: i64) -> Result<Vec<PaymentFact>> {
    let after = after.map_or(Uuid::nil(), Id::uuid);
    let page: Vec<(PaymentId,)> = db.all(&IDS_AFTER, params![after, limit]).await?;
    facts(db, page).await
}

pub async fn facts_of_orders(db: &Db, orders: &[OrderId]) -> Result<Vec<PaymentFact>> {
    let page: Vec<(PaymentId,)> = db.all(&IDS_OF_ORDERS, params![ids(orders.iter().copied())]).await?;
    facts(db, page).await
}

async fn facts(db: &Db, page: Vec<(PaymentId,)>) -> Result<Vec<PaymentFact>> {
    if page.is_empty() {
        return Ok(Vec::new());
    }
    let facts: Vec<Fact> = db.all(&FACTS, params![ids(page.into_iter().map(|(id,)| id))]).await?;
    Ok(facts.into_iter().map(|Fact(fact)| fact).collect())
}

fn ids<I: Id>(ids: impl IntoIterator<Item = I>) -> Value {
    rows(ids.into_iter().map(|id| params![id.uuid()]))
}

fn money(row: &mut Row) -> Result<Money> {
    Ok(Money::new(row.take()?, row.take()?))
}

impl FromRow for Balance {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            payment: row.take()?,
            order: row.take()?,
            order_cancelled: row.take()?,
            tries: row.take()?,
            authorized: row.take()?,
            capturing: row.take()?,
            captured: row.take()?,
            voided: row.take()?,
            refunded: row.take()?,
        })
    }
}

impl FromRow for ToCapture {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (payment, currency) = (row.take()?, row.take()?);
        Ok(Self { payment, currency, order_cancelled: row.take()?, authorized: row.take()? })
    }
}

impl FromRow for Attempt {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            payment: row.take()?,
            order: row.take()?,
            method: row.take()?,
            amount: money(row)?,
            state: row.take()?,
            token: row.take()?,
            order_cancelled: row.take()?,
        })
    }
}

impl FromRow for Operation {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            payment: row.take()?,
            order: row.take()?,
            method: row.take()?,
            kind: row.take()?,
            cause: row.take()?,
            amount: money(row)?,
            state: row.take()?,
            // None where nothing was charged: then there is nothing to operate on either.
            reference: row.take::<Option<String>>()?.unwrap_or_default(),
        })
    }
}

impl FromRow for Payment {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, order, method) = (row.take()?, row.take()?, row.take()?);
        let amount = money(row)?;
        Ok(Self {
            id,
            order,
            method,
            amount,
            authorized: Money { amount: row.take()?, ..amount },
            captured: Money { amount: row.take()?, ..amount },
            voided: Money { amount: row.take()?, ..amount },
            refunded: Money { amount: row.take()?, ..amount },
            created_at: row.take()?,
            updated_at: row.take()?,
        })
    }
}

struct OfPayment(PaymentId, AttemptView);

impl FromRow for OfPayment {
    fn from_row(row: &mut Row) -> Result<Self> {
        let payment = row.take()?;
        let (id, number, state, reason) = (row.take()?, row.take()?, row.take()?, row.take()?);
        let next_action = row.take::<Option<Json<NextAction>>>()?.map(|Json(action)| action);
        Ok(Self(payment, AttemptView { id, number, state, reason, next_action, created_at: row.take()? }))
    }
}

struct Fact(PaymentFact);

impl FromRow for Fact {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self(PaymentFact {
            payment: row.take()?,
            order: row.take()?,
            amount: money(row)?,
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
            order_cancelled: row.take()?,
            updated_at: row.take()?,
        }))
    }
}
