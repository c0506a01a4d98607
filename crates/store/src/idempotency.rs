//! Idempotency keys: the same key, the same thing made; kept in the transaction that made it.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{Db, FromRow, Result, Row, Tx, fault, params, rows, statements};

statements! {
    FIND = "SELECT body_sha256, status, resource FROM souk_idempotency
        WHERE service = $1 AND principal = $2 AND route = $3 AND key = $4";
    CLAIM = "INSERT INTO souk_idempotency (service, principal, route, key, body_sha256, status, resource, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (service, principal, route, key) DO NOTHING";
    PAGE = "SELECT principal, route, key, body_sha256, status, resource, created_at FROM souk_idempotency
        WHERE service = $1 AND (principal, route, key) > ($2, $3, $4) ORDER BY principal, route, key LIMIT $5";
    NAMING = "SELECT resource, COUNT(*), MIN(status), MAX(status) FROM souk_idempotency
        WHERE service = $1 AND route = $2 AND resource IN (SELECT id FROM @rows($3: id @id) AS asked) GROUP BY resource";
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
    if fault::planted("bug.idempotency.forgets") {
        return Ok(true);
    }
    let (service, now) = (tx.service(), tx.now());
    let (principal, route, text, body) = (&key.principal, key.route, &key.key, &key.body_sha256);
    let params = params![service, principal, route, text, body, i64::from(status), resource, now];
    Ok(tx.exec(&CLAIM, params).await? == 1)
}

/// A key as it is kept; for `souk audit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub principal: String,
    pub route: String,
    pub key: String,
    pub made: Made,
    pub created_at: Timestamp,
}

impl FromRow for Kept {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (principal, route, key) = (row.take()?, row.take()?, row.take()?);
        Ok(Self { principal, route, key, made: Made::from_row(row)?, created_at: row.take()? })
    }
}

/// Keys in the order of principal, route and key, after these.
pub async fn page(db: &Db, after: (String, String, String), limit: i64) -> Result<Vec<Kept>> {
    db.all(&PAGE, params![db.service(), after.0, after.1, after.2, limit]).await
}

/// How many keys of a route name a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub resource: Uuid,
    pub keys: i64,
    /// The lowest and the highest status noted.
    pub statuses: (i64, i64),
}

/// Of these things (at most 500), the ones that keys of the route name.
pub async fn naming(db: &Db, route: &str, things: &[Uuid]) -> Result<Vec<Named>> {
    let things = rows(things.iter().map(|id| params![*id]));
    let named: Vec<(Uuid, i64, i64, i64)> = db.all(&NAMING, params![db.service(), route, things]).await?;
    Ok(named.into_iter().map(|(resource, keys, low, high)| Named { resource, keys, statuses: (low, high) }).collect())
}

/// Forgets up to `limit` keys made before a time.
pub async fn prune(tx: &mut Tx, created_before: Timestamp, limit: i64) -> Result<u64> {
    let service = tx.service();
    tx.exec(&PRUNE, params![service, created_before, limit]).await
}
