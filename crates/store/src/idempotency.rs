//! Idempotency keys: the same key, the same thing made; kept in the transaction that made it.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{Db, FromRow, Result, Row, Tx, params, statements};

statements! {
    FIND = "SELECT body_sha256, status, resource FROM souk_idempotency
        WHERE service = $1 AND principal = $2 AND route = $3 AND key = $4";
    CLAIM = "INSERT INTO souk_idempotency (service, principal, route, key, body_sha256, status, resource, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (service, principal, route, key) DO NOTHING";
    PRUNE = "DELETE FROM souk_idempotency WHERE service = $1 AND (principal, route, key) IN (
        SELECT principal, route, key FROM souk_idempotency
        WHERE service = $1 AND created_at < $2 ORDER BY created_at LIMIT $3)";
}

/// Who sent which key to which route, with what body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Whose keys they are: a cart, a member of staff; never a name or a token.
    pub principal: String,
    /// `POST /v1/orders`.
    pub route: &'static str,
    pub key: String,
    /// SHA-256 of the body, lower-case hex.
    pub body_sha256: String,
}

/// What a key made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub body_sha256: String,
    /// The HTTP status that was answered.
    pub status: i64,
    pub resource: Uuid,
}

impl FromRow for Made {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { body_sha256: row.take()?, status: row.take()?, resource: row.take()? })
    }
}

/// What this key made before, if anything.
pub async fn find(db: &Db, key: &Key) -> Result<Option<Made>> {
    db.opt(&FIND, params![db.service(), key.principal, key.route, key.key]).await
}

/// Takes the key for a resource; the first statement of its transaction. `false`: it made something
/// before; undo the transaction and [`find`] it. Waits where another transaction holds the key.
pub async fn claim(tx: &mut Tx, key: &Key, status: u16, resource: Uuid) -> Result<bool> {
    let (service, now) = (tx.service(), tx.now());
    let (principal, route, text, body) = (&key.principal, key.route, &key.key, &key.body_sha256);
    let params = params![service, principal, route, text, body, i64::from(status), resource, now];
    Ok(tx.exec(&CLAIM, params).await? == 1)
}

/// Forgets up to `limit` keys made before a time.
pub async fn prune(tx: &mut Tx, created_before: Timestamp, limit: i64) -> Result<u64> {
    let service = tx.service();
    tx.exec(&PRUNE, params![service, created_before, limit]).await
}
