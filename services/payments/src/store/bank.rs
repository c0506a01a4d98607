//! Every statement on the test bank's books.

use ::store::{Db, FromRow, Result, Row, Tx, params, statements};
use contracts::Money;
use contracts::payments::{AttemptId, OperationId, PaymentOperation};

use crate::test_bank::{Charge, ChargeState, NewCharge};

statements! {
    CHARGE = "INSERT INTO payments_test_charge (key, reference, payment_id, currency, amount_minor, state, reason,
            authorized_minor, captured_minor, voided_minor, refunded_minor, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, $9)
        ON CONFLICT (key) DO NOTHING";
    BY_KEY = "SELECT key, reference, amount_minor, currency, state, reason FROM payments_test_charge WHERE key = $1";
    BY_REFERENCE = "SELECT key, reference, amount_minor, currency, state, reason FROM payments_test_charge WHERE reference = $1";
    /// Only a charge that waits for its buyer can be answered.
    ANSWER = "UPDATE payments_test_charge SET state = $2, reason = $3,
            authorized_minor = CASE WHEN $2 = 'authorized' THEN amount_minor ELSE 0 END
        WHERE key = $1 AND state = 'action_required'";
    MOVE = "INSERT INTO payments_test_movement (key, reference, kind, amount_minor, at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (key) DO NOTHING";
    /// Never more captured and voided than was authorised, never more refunded than was captured.
    APPLY = "UPDATE payments_test_charge SET captured_minor = captured_minor + $2, voided_minor = voided_minor + $3,
            refunded_minor = refunded_minor + $4
        WHERE reference = $1 AND captured_minor + $2 + voided_minor + $3 <= authorized_minor
        AND refunded_minor + $4 <= captured_minor + $2";
}

/// Makes a charge, once per key; `false` where the key made one before.
pub async fn charge(tx: &mut Tx, new: &NewCharge) -> Result<bool> {
    let now = tx.now();
    let (currency, amount) = (new.amount.currency, new.amount.amount);
    let authorized = if new.state == ChargeState::Authorized { amount } else { 0 };
    let params = params![new.key, new.reference, new.payment, currency, amount, new.state, new.reason, authorized, now];
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

/// Notes a movement of money, once per key; `false` where the key moved it before.
pub async fn note_movement(
    tx: &mut Tx,
    key: OperationId,
    reference: &str,
    kind: PaymentOperation,
    amount_minor: i64,
) -> Result<bool> {
    let now = tx.now();
    Ok(tx.exec(&MOVE, params![key, reference, kind, amount_minor, now]).await? == 1)
}

/// Moves a charge's money; `false` where there is not that much.
pub async fn apply(tx: &mut Tx, reference: &str, captured: i64, voided: i64, refunded: i64) -> Result<bool> {
    Ok(tx.exec(&APPLY, params![reference, captured, voided, refunded]).await? == 1)
}

impl FromRow for Charge {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (key, reference) = (row.take()?, row.take()?);
        let amount = Money::new(row.take()?, row.take()?);
        Ok(Self { key, reference, amount, state: row.take()?, reason: row.take()? })
    }
}
