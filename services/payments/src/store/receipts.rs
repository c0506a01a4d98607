//! Every statement on receipts.

use ::store::{Db, FromRow, Result, Row, Tx, params, statements};
use contracts::Money;
use contracts::payments::{PaymentId, ReceiptId};

use crate::receipt::ReceiptView;

statements! {
    INSERT = "INSERT INTO payments_receipt (id, payment_id, amount_minor, note, created_at) VALUES ($1, $2, $3, $4, $5)";
    OF_PAYMENT = "SELECT r.id, r.amount_minor, a.currency, r.note, r.created_at
        FROM payments_receipt r JOIN payments_payment p ON p.id = r.payment_id
        JOIN payments_account a ON a.order_id = p.order_id WHERE r.payment_id = $1 ORDER BY r.id LIMIT $2";
}

pub async fn insert(tx: &mut Tx, id: ReceiptId, payment: PaymentId, amount: i64, note: Option<&str>) -> Result<()> {
    let now = tx.now();
    tx.exec(&INSERT, params![id, payment, amount, note, now]).await.map(drop)
}

/// A payment's receipts in the order they were noted, at most `limit`.
pub async fn of_payment(db: &Db, payment: PaymentId, limit: i64) -> Result<Vec<ReceiptView>> {
    db.all(&OF_PAYMENT, params![payment, limit]).await
}

impl FromRow for ReceiptView {
    fn from_row(row: &mut Row) -> Result<Self> {
        let id = row.take()?;
        let amount: Money = super::money(row)?;
        Ok(Self { id, amount, note: row.take()?, created_at: row.take()? })
    }
}
