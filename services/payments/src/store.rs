//! Every statement on payments' own tables: accounts, payments and their attempts here, the rest beside.

pub mod bank;
pub mod events;
pub mod facts;
pub mod operations;
pub mod receipts;
pub mod refunds;
pub mod shown;

use ::store::{Db, FromRow, Json, Migration, Result, Row, Sql, Tx, Value, migrations, params, rows, statements};
use contracts::orders::OrderId;
use contracts::payments::{AttemptId, LedgerEntryId, NextAction, PaymentId};
use contracts::{Id, Money};
use uuid::Uuid;

use crate::account::{Account, AccountChange};
use crate::attempt::{Attempt, AttemptState, Outcome};
use crate::ledger::{LedgerKind, Sums};
use crate::payment::Payment;

pub const MIGRATIONS: &[Migration] = migrations!["0001_payments" (release 1)];

/// Columns that hold personal data: export and erasure walk them.
pub const PERSONAL: &[&str] = &["payments_payment.token", "payments_receipt.note"];

/// Every statement of this service.
pub const STATEMENTS: [&[&Sql]; 8] =
    [ALL, bank::ALL, events::ALL, facts::ALL, operations::ALL, receipts::ALL, refunds::ALL, shown::ALL];

statements! {
    OPEN = "INSERT INTO payments_account (order_id, currency, total_minor, order_cancelled, tries, pledged_minor,
            capture_due_minor, capture_ended, refund_due_minor, captured_minor, refunding_minor, refunded_minor,
            shipping_refunded, updated_at)
        VALUES ($1, $2, $3, false, 1, $3, 0, false, 0, 0, 0, 0, false, $4) ON CONFLICT (order_id) DO NOTHING";
    /// Without an account it leaves a tombstone: the order will not become payable any more.
    CANCEL = "INSERT INTO payments_account (order_id, total_minor, order_cancelled, tries, pledged_minor,
            capture_due_minor, capture_ended, refund_due_minor, captured_minor, refunding_minor, refunded_minor,
            shipping_refunded, updated_at)
        VALUES ($1, 0, true, 0, 0, 0, false, 0, 0, 0, 0, false, $2)
        ON CONFLICT (order_id) DO UPDATE SET order_cancelled = true, updated_at = excluded.updated_at
        RETURNING order_id, currency, total_minor, order_cancelled, tries, pledged_minor, capture_due_minor,
            capture_ended, refund_due_minor, captured_minor, refunding_minor, refunded_minor, shipping_refunded";
    LOCK = "SELECT order_id, currency, total_minor, order_cancelled, tries, pledged_minor, capture_due_minor,
            capture_ended, refund_due_minor, captured_minor, refunding_minor, refunded_minor, shipping_refunded
        FROM payments_account WHERE order_id = $1 @for_update";
    ACCOUNT = "SELECT order_id, currency, total_minor, order_cancelled, tries, pledged_minor, capture_due_minor,
            capture_ended, refund_due_minor, captured_minor, refunding_minor, refunded_minor, shipping_refunded
        FROM payments_account WHERE order_id = $1";
    /// Changes nothing where a sum would leave its bounds.
    CHANGE = "UPDATE payments_account SET tries = tries + $2, pledged_minor = pledged_minor + $3,
            capture_due_minor = capture_due_minor + $4, refund_due_minor = refund_due_minor + $5,
            captured_minor = captured_minor + $6, refunding_minor = refunding_minor + $7,
            refunded_minor = refunded_minor + $8, updated_at = $9
        WHERE order_id = $1 AND pledged_minor + $3 >= 0 AND pledged_minor + $3 <= total_minor
        AND refunding_minor + $7 >= 0
        AND refunding_minor + $7 + refunded_minor + $8 <= captured_minor + $6";
    END_CAPTURES = "UPDATE payments_account SET capture_ended = true, updated_at = $2 WHERE order_id = $1";
    /// Sets an amount aside to go back, and the shipping charge with it, never more than was captured.
    SET_ASIDE = "UPDATE payments_account SET refunding_minor = refunding_minor + $2,
            shipping_refunded = shipping_refunded OR $3, updated_at = $4
        WHERE order_id = $1 AND refunding_minor + refunded_minor + $2 <= captured_minor
        AND NOT (shipping_refunded AND $3)";
    TAKE_SHIPPING = "UPDATE payments_account SET shipping_refunded = true, updated_at = $2 WHERE order_id = $1";
    FREE_SHIPPING = "UPDATE payments_account SET shipping_refunded = false, updated_at = $2 WHERE order_id = $1";

    INSERT_PAYMENT = "INSERT INTO payments_payment (id, order_id, number, method, amount_minor, attempt_id, attempt_number,
            state, token, attempted_at, authorized_minor, capturing_minor, captured_minor, voiding_minor, voided_minor,
            refunding_minor, refunded_minor, received_minor, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, 0, 0, 0, 0, 0, 0, 0, 0, $9, $9)";
    KEEP_ATTEMPT = "INSERT INTO payments_attempt (id, payment_id, number, method, amount_minor, state, reason, attempted_at)
        SELECT attempt_id, id, attempt_number, method, amount_minor, state, reason, attempted_at
        FROM payments_payment WHERE id = $1 AND state IN ('declined', 'failed')";
    TRY_AGAIN = "UPDATE payments_payment SET method = $2, amount_minor = $3, attempt_id = $4,
            attempt_number = attempt_number + 1, state = 'pending', token = $5, gateway_ref = NULL, reason = NULL,
            next_action = NULL, attempted_at = $6, updated_at = $6
        WHERE id = $1 AND state IN ('declined', 'failed')";
    SHRINK = "UPDATE payments_payment SET amount_minor = $2, updated_at = $3
        WHERE attempt_id = $1 AND state IN ('pending', 'unknown', 'action_required') AND amount_minor > $2";
    END_ATTEMPT = "UPDATE payments_payment SET state = $2, gateway_ref = COALESCE($3, gateway_ref), reason = $4,
            next_action = $5, token = NULL, authorized_minor = authorized_minor + $6, updated_at = $7
        WHERE attempt_id = $1 AND state IN ('pending', 'unknown', 'action_required') AND state <> $2";
    /// The gateway's word came after the end.
    REVIVE = "UPDATE payments_payment SET state = $2, gateway_ref = $3, reason = $4,
            authorized_minor = authorized_minor + amount_minor, updated_at = $5
        WHERE attempt_id = $1 AND state IN ('declined', 'failed')";
    REVIVE_EARLIER = "UPDATE payments_attempt SET state = 'voided', reason = $2
        WHERE id = $1 AND state IN ('declined', 'failed') RETURNING payment_id";
    MARK_UNKNOWN = "UPDATE payments_payment SET state = 'unknown', updated_at = $2 WHERE attempt_id = $1 AND state = 'pending'";
    VOIDED = "UPDATE payments_payment SET state = 'voided', updated_at = $2
        WHERE id = $1 AND state = 'authorized' AND voided_minor = authorized_minor";
    BOOK = "UPDATE payments_payment SET authorized_minor = authorized_minor + b.authorized,
            capturing_minor = capturing_minor + b.capturing, captured_minor = captured_minor + b.captured,
            voiding_minor = voiding_minor + b.voiding, voided_minor = voided_minor + b.voided,
            refunding_minor = refunding_minor + b.refunding, refunded_minor = refunded_minor + b.refunded,
            received_minor = received_minor + b.received, updated_at = $2
        FROM @rows($1: id @id, authorized @money, capturing @money, captured @money, voiding @money, voided @money,
            refunding @money, refunded @money, received @money) AS b
        WHERE payments_payment.id = b.id";
    NEXT_ACTION = "UPDATE payments_payment SET next_action = $2, updated_at = $3 WHERE id = $1";
    OF_ORDER = "SELECT p.id, p.order_id, p.number, p.method, a.currency, p.amount_minor, p.attempt_id, p.attempt_number,
            p.state, p.gateway_ref, p.reason, p.next_action, p.attempted_at, p.authorized_minor, p.capturing_minor,
            p.captured_minor, p.voiding_minor, p.voided_minor, p.refunding_minor, p.refunded_minor, p.received_minor,
            p.created_at, p.updated_at
        FROM payments_payment p JOIN payments_account a ON a.order_id = p.order_id
        WHERE p.order_id = $1 ORDER BY p.number -- bounded: no more payments than `tries_max`";
    ATTEMPT = "SELECT p.attempt_id, p.id, p.number, p.attempt_number, p.order_id, p.method, p.amount_minor, a.currency,
            p.state, p.gateway_ref, p.attempted_at, p.token, a.order_cancelled, true
        FROM payments_payment p JOIN payments_account a ON a.order_id = p.order_id WHERE p.attempt_id = $1
        UNION ALL
        SELECT e.id, p.id, p.number, e.number, p.order_id, e.method, e.amount_minor, a.currency,
            e.state, CAST(NULL AS TEXT), e.attempted_at, CAST(NULL AS TEXT), a.order_cancelled, false
        FROM payments_attempt e JOIN payments_payment p ON p.id = e.payment_id
        JOIN payments_account a ON a.order_id = p.order_id WHERE e.id = $1";
    WAITING_FOR_BUYER = "SELECT p.next_action FROM payments_payment p JOIN payments_account a ON a.order_id = p.order_id
        WHERE p.order_id = $1 AND p.state = 'action_required' AND NOT a.order_cancelled ORDER BY p.number LIMIT 1";

    ENTER = "INSERT INTO payments_ledger (id, payment_id, kind, source, amount_minor, at) VALUES ($1, $2, $3, $4, $5, $6)";
}

/// Opens an order's account for its first payment; `false` where it was opened, or cancelled, before.
pub async fn open(tx: &mut Tx, order: OrderId, total: Money) -> Result<bool> {
    let now = tx.now();
    Ok(tx.exec(&OPEN, params![order, total.currency, total.amount, now]).await? == 1)
}

/// Notes that the order was cancelled, whether it has an account yet or not. Locks it.
pub async fn cancel(tx: &mut Tx, order: OrderId) -> Result<Account> {
    let now = tx.now();
    tx.one(&CANCEL, params![order, now]).await
}

/// The account, for this transaction alone: the first thing of each that moves an order's money.
pub async fn lock(tx: &mut Tx, order: OrderId) -> Result<Option<Account>> {
    tx.opt(&LOCK, params![order]).await
}

pub async fn account(db: &Db, order: OrderId) -> Result<Option<Account>> {
    db.opt(&ACCOUNT, params![order]).await
}

/// Changes the account's sums; `false` where one would leave its bounds.
pub async fn change(tx: &mut Tx, order: OrderId, change: AccountChange) -> Result<bool> {
    let now = tx.now();
    let AccountChange { tries, pledged, capture_due, refund_due, captured, refunding, refunded } = change;
    let params = params![order, tries, pledged, capture_due, refund_due, captured, refunding, refunded, now];
    Ok(tx.exec(&CHANGE, params).await? == 1)
}

/// The order will ask for no more captures.
pub async fn end_captures(tx: &mut Tx, order: OrderId) -> Result<()> {
    let now = tx.now();
    tx.exec(&END_CAPTURES, params![order, now]).await.map(drop)
}

/// Sets an amount aside to go back, and the shipping charge where it is in it; `false` where there is not that
/// much, or the shipping charge went back before.
pub async fn set_aside(tx: &mut Tx, order: OrderId, amount: i64, shipping: bool) -> Result<bool> {
    let now = tx.now();
    Ok(tx.exec(&SET_ASIDE, params![order, amount, shipping, now]).await? == 1)
}

/// The shipping charge goes back.
pub async fn take_shipping(tx: &mut Tx, order: OrderId) -> Result<()> {
    let now = tx.now();
    tx.exec(&TAKE_SHIPPING, params![order, now]).await.map(drop)
}

/// The shipping charge did not go back after all.
pub async fn free_shipping(tx: &mut Tx, order: OrderId) -> Result<()> {
    let now = tx.now();
    tx.exec(&FREE_SHIPPING, params![order, now]).await.map(drop)
}

/// A payment that is to be made, with its first attempt.
#[derive(Clone)]
pub struct NewPaymentRow<'a> {
    pub id: PaymentId,
    pub order: OrderId,
    pub number: i64,
    pub method: &'a str,
    pub amount: i64,
    pub attempt: AttemptId,
    pub token: Option<&'a str>,
}

pub async fn insert_payment(tx: &mut Tx, new: &NewPaymentRow<'_>) -> Result<()> {
    let now = tx.now();
    let NewPaymentRow { id, order, number, method, amount, attempt, token } = *new;
    let params = params![id, order, number, method, amount, attempt, AttemptState::Pending, token, now];
    tx.exec(&INSERT_PAYMENT, params).await.map(drop)
}

/// Begins a further attempt at a payment whose newest came to nothing, for this amount, in this way.
pub async fn try_again(
    tx: &mut Tx,
    payment: PaymentId,
    attempt: AttemptId,
    (method, amount, token): (&str, i64, Option<&str>),
) -> Result<()> {
    let now = tx.now();
    tx.exec(&KEEP_ATTEMPT, params![payment]).await?;
    tx.exec(&TRY_AGAIN, params![payment, method, amount, attempt, token, now]).await.map(drop)
}

/// The payment is for less than was thought; `false` where it is not for more, or not open.
pub async fn shrink(tx: &mut Tx, attempt: AttemptId, amount: i64) -> Result<bool> {
    let now = tx.now();
    Ok(tx.exec(&SHRINK, params![attempt, amount, now]).await? == 1)
}

/// Writes an attempt's outcome and what it authorised, and forgets its token; `false` where it had this outcome,
/// or a last one, before.
pub async fn end_attempt(tx: &mut Tx, id: AttemptId, outcome: &Outcome, authorized: i64) -> Result<bool> {
    let (now, next_action) = (tx.now(), outcome.next_action().map(Json));
    let (reference, reason) = (outcome.reference(), outcome.reason());
    let params = params![id, outcome.state(), reference, reason, next_action, authorized, now];
    Ok(tx.exec(&END_ATTEMPT, params).await? == 1)
}

/// The gateway holds the money of a payment whose newest attempt had come to nothing; `false` where it has not.
pub async fn revive(
    tx: &mut Tx,
    attempt: AttemptId,
    state: AttemptState,
    reference: Option<&str>,
    reason: Option<&str>,
) -> Result<bool> {
    let now = tx.now();
    Ok(tx.exec(&REVIVE, params![attempt, state, reference, reason, now]).await? == 1)
}

/// The same of an attempt that another one followed: its money is let go.
pub async fn revive_earlier(tx: &mut Tx, attempt: AttemptId, reason: &str) -> Result<bool> {
    Ok(tx.opt::<(PaymentId,)>(&REVIVE_EARLIER, params![attempt, reason]).await?.is_some())
}

/// The gateway did not answer: what became of the attempt has to be looked up.
pub async fn mark_unknown(tx: &mut Tx, id: AttemptId) -> Result<()> {
    let now = tx.now();
    tx.exec(&MARK_UNKNOWN, params![id, now]).await.map(drop)
}

/// The payment is voided, if its whole authorisation was given back.
pub async fn mark_voided(tx: &mut Tx, payment: PaymentId) -> Result<()> {
    let now = tx.now();
    tx.exec(&VOIDED, params![payment, now]).await.map(drop)
}

/// Changes sums of payments.
pub async fn book(tx: &mut Tx, changes: &[(PaymentId, Sums)]) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let now = tx.now();
    let row = |(payment, sums): &(PaymentId, Sums)| {
        let Sums { authorized, capturing, captured, voiding, voided, refunding, refunded, received } = *sums;
        params![payment, authorized, capturing, captured, voiding, voided, refunding, refunded, received]
    };
    tx.exec(&BOOK, params![rows(changes.iter().map(row)), now]).await.map(drop)
}

/// What the buyer must do now, which has changed.
pub async fn set_next_action(tx: &mut Tx, payment: PaymentId, action: &NextAction) -> Result<()> {
    let now = tx.now();
    tx.exec(&NEXT_ACTION, params![payment, Json(action), now]).await.map(drop)
}

/// An order's payments, the first first.
pub async fn payments_in(tx: &mut Tx, order: OrderId) -> Result<Vec<Payment>> {
    tx.all(&OF_ORDER, params![order]).await
}

pub async fn attempt(db: &Db, id: AttemptId) -> Result<Option<Attempt>> {
    db.opt(&ATTEMPT, params![id]).await
}

pub async fn next_action(db: &Db, order: OrderId) -> Result<Option<NextAction>> {
    let found: Option<(Json<NextAction>,)> = db.opt(&WAITING_FOR_BUYER, params![order]).await?;
    Ok(found.map(|(Json(action),)| action))
}

/// Adds a line to the ledger.
pub async fn enter(tx: &mut Tx, payment: PaymentId, kind: LedgerKind, source: Uuid, amount_minor: i64) -> Result<()> {
    let (id, now) = (tx.ids().next::<LedgerEntryId>(), tx.now());
    tx.exec(&ENTER, params![id, payment, kind, source, amount_minor, now]).await.map(drop)
}

fn ids<I: Id>(ids: impl IntoIterator<Item = I>) -> Value {
    rows(ids.into_iter().map(|id| params![id.uuid()]))
}

fn money(row: &mut Row) -> Result<Money> {
    Ok(Money::new(row.take()?, row.take()?))
}

impl FromRow for Account {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            order: row.take()?,
            currency: row.take()?,
            total: row.take()?,
            order_cancelled: row.take()?,
            tries: row.take()?,
            pledged: row.take()?,
            capture_due: row.take()?,
            capture_ended: row.take()?,
            refund_due: row.take()?,
            captured: row.take()?,
            refunding: row.take()?,
            refunded: row.take()?,
            shipping_refunded: row.take()?,
        })
    }
}

impl FromRow for Attempt {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, payment, numbers) = (row.take()?, row.take()?, (row.take()?, row.take()?));
        let (order, method) = (row.take()?, row.take()?);
        let amount = money(row)?;
        let (state, reference, attempted_at, token) = (row.take()?, row.take()?, row.take()?, row.take()?);
        let (order_cancelled, is_newest) = (row.take()?, row.take()?);
        Ok(Self {
            id,
            payment,
            numbers,
            order,
            method,
            amount,
            state,
            reference,
            attempted_at,
            token,
            order_cancelled,
            is_newest,
        })
    }
}

impl FromRow for Payment {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            order: row.take()?,
            number: row.take()?,
            method: row.take()?,
            currency: row.take()?,
            amount: row.take()?,
            attempt: row.take()?,
            attempt_number: row.take()?,
            state: row.take()?,
            reference: row.take()?,
            reason: row.take()?,
            next_action: row.take::<Option<Json<NextAction>>>()?.map(|Json(action)| action),
            attempted_at: row.take()?,
            sums: Sums {
                authorized: row.take()?,
                capturing: row.take()?,
                captured: row.take()?,
                voiding: row.take()?,
                voided: row.take()?,
                refunding: row.take()?,
                refunded: row.take()?,
                received: row.take()?,
            },
            created_at: row.take()?,
            updated_at: row.take()?,
        })
    }
}
