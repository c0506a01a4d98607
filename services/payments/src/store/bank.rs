//! Every statement on the test bank's books.

use ::store::{Db, FromRow, Result, Row, Tx, params, statements};
use contracts::Money;
use contracts::payments::{AttemptId, OperationId, PaymentOperation};

use crate::test_bank::{Charge, ChargeState, Fault, NewCharge};

statements! {
    CHARGE = "INSERT INTO payments_test_charge (key, reference, payment_id, method, currency, amount_minor, state, reason,
            fault, authorized_minor, captured_minor, voided_minor, refunded_minor, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, 0, $11)
        ON CONFLICT (key) DO NOTHING";
    BY_KEY = "SELECT key, reference, method, amount_minor, currency, state, reason
        FROM payments_test_charge WHERE key = $1";
    BY_REFERENCE = "SELECT key, reference, method, amount_minor, currency, state, reason
        FROM payments_test_charge WHERE reference = $1";
    /// Only a charge that waits for its buyer can be answered.
    ANSWER = "UPDATE payments_test_charge SET state = $2, reason = $3,
            authorized_minor = CASE WHEN $2 = 'authorized' THEN amount_minor ELSE 0 END
        WHERE key = $1 AND state = 'action_required'";
    RELENT = "UPDATE payments_test_charge SET state = 'authorized', reason = NULL, authorized_minor = amount_minor
        WHERE key = $1 AND state IN ('declined', 'withdrawn')";
    SPEND_FAULT = "UPDATE payments_test_charge SET fault = NULL WHERE reference = $1 AND fault = $2";
    MOVED = "SELECT amount_minor FROM payments_test_movement WHERE key = $1";
    MOVE = "INSERT INTO payments_test_movement (key, reference, kind, amount_minor, at) VALUES ($1, $2, $3, $4, $5)";
    /// Never more captured and voided than was authorised, never more refunded than was captured.
    APPLY = "UPDATE payments_test_charge SET captured_minor = captured_minor + $2, voided_minor = voided_minor + $3,
            refunded_minor = refunded_minor + $4
        WHERE reference = $1 AND captured_minor + $2 + voided_minor + $3 <= authorized_minor
        AND refunded_minor + $4 <= captured_minor + $2";
}

/// Makes a charge, once per key; `false` where the key made one before.
pub async fn charge(tx: &mut Tx, new: &NewCharge) -> Result<bool> {
    let now = tx.now();
    let NewCharge { key, reference, payment, method, amount, state, reason, fault } = new;
    let authorized = if *state == ChargeState::Authorized { amount.amount } else { 0 };
    let params =
        params![key, reference, payment, method, amount.currency, amount.amount, state, reason, fault, authorized, now];
    Ok(tx.exec(&CHARGE, params).await? == 1)
}

pub async fn by_key(db: &Db, key: AttemptId) -> Result<Option<Charge>> {
    db.opt(&BY_KEY, params![key]).await
}

pub async fn by_key_in(tx: &mut Tx, key: AttemptId) -> Result<Option<Charge>> {
    tx.opt(&BY_KEY, params![key]).await
}

pub async fn by_reference(db: &Db, reference: &str) -> Result<Option<Charge>> {
    db.opt(&BY_REFERENCE, params![reference]).await
}

/// Ends a charge that waits for its buyer; `false` where it does not.
pub async fn answer(tx: &mut Tx, key: AttemptId, state: ChargeState, reason: Option<&str>) -> Result<bool> {
    Ok(tx.exec(&ANSWER, params![key, state, reason]).await? == 1)
}

/// It had said no, or was told to forget it, and holds the money after all; `false` where it had not.
pub async fn relent(tx: &mut Tx, key: AttemptId) -> Result<bool> {
    Ok(tx.exec(&RELENT, params![key]).await? == 1)
}

/// Does the wrong thing that was planned, once; `false` where nothing, or something else, was planned.
pub async fn spend_fault(tx: &mut Tx, reference: &str, fault: Fault) -> Result<bool> {
    Ok(tx.exec(&SPEND_FAULT, params![reference, fault]).await? == 1)
}

/// Whether this key moved money before.
pub async fn is_moved(tx: &mut Tx, key: OperationId) -> Result<bool> {
    Ok(tx.opt::<(i64,)>(&MOVED, params![key]).await?.is_some())
}

/// Notes a movement of money under its key.
pub async fn note_movement(
    tx: &mut Tx,
    key: OperationId,
    reference: &str,
    kind: PaymentOperation,
    amount_minor: i64,
) -> Result<()> {
    let now = tx.now();
    tx.exec(&MOVE, params![key, reference, kind, amount_minor, now]).await.map(drop)
}

/// Moves a charge's money; `false` where there is not that much.
pub async fn apply(tx: &mut Tx, reference: &str, captured: i64, voided: i64, refunded: i64) -> Result<bool> {
    Ok(tx.exec(&APPLY, params![reference, captured, voided, refunded]).await? == 1)
}

impl FromRow for Charge {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (key, reference, method) = (row.take()?, row.take()?, row.take()?);
        let amount = Money::new(row.take()?, row.take()?);
        Ok(Self { key, reference, method, amount, state: row.take()?, reason: row.take()? })
    }
}
