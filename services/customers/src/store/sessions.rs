//! Sessions of customers.

use ::store::{Db, FromRow, Result, Row, Tx, params, statements};
use contracts::customers::{CustomerId, SessionId};
use jiff::Timestamp;

use crate::customer::SessionView;
use crate::session::{EndedBecause, LIVING_MAX, Session};

statements! {
    // The account's row is held, so that of this and another password one comes first.
    BEGIN = "INSERT INTO customers_session (id, customer_id, seed, generation, created_at, refreshed_at, expires_at)
        SELECT $1, account.id, $3, $4, $5, $6, $7 FROM customers_customer AS account
        WHERE account.id = $2 AND account.password_hash = $8 @for_update";
    SESSION = "SELECT id, customer_id, seed, generation, created_at, refreshed_at, expires_at, ended_at
        FROM customers_session WHERE id = $1";
    NEWEST = "SELECT id, created_at, refreshed_at, expires_at, ended_at, ended_because
        FROM customers_session WHERE customer_id = $1 ORDER BY id DESC LIMIT $2";
    ROTATE = "UPDATE customers_session SET generation = generation + 1, refreshed_at = $3, expires_at = $4
        WHERE id = $1 AND ended_at IS NULL AND expires_at > $3 AND generation = $2";
    END = "UPDATE customers_session SET ended_at = $3, ended_because = $4
        WHERE id = $2 AND customer_id = $1 AND ended_at IS NULL RETURNING id";
    END_ALL = "UPDATE customers_session SET ended_at = $2, ended_because = $3
        WHERE customer_id = $1 AND ended_at IS NULL AND expires_at > $2 RETURNING id";
    END_OTHERS = "UPDATE customers_session SET ended_at = $3, ended_because = $4
        WHERE customer_id = $1 AND id <> $2 AND ended_at IS NULL AND expires_at > $3 RETURNING id";
    END_BEYOND = "UPDATE customers_session SET ended_at = $2, ended_because = $3 WHERE id IN (
            SELECT id FROM customers_session WHERE customer_id = $1 AND ended_at IS NULL
            ORDER BY refreshed_at DESC, id DESC LIMIT $5 OFFSET $4)
        RETURNING id";
    PRUNE = "DELETE FROM customers_session WHERE id IN (
            SELECT id FROM customers_session WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
}

/// Begins a session where this is still the hash of the account's password; `false` where it is another by now.
pub async fn begin(tx: &mut Tx, session: &Session, password_hash: &str) -> Result<bool> {
    let Session { id, customer, seed, generation, created_at, refreshed_at, expires_at, .. } = session;
    let params = params![id, customer, seed, generation, created_at, refreshed_at, expires_at, password_hash];
    Ok(tx.exec(&BEGIN, params).await? == 1)
}

pub async fn session(db: &Db, session: SessionId) -> Result<Option<Session>> {
    db.opt(&SESSION, params![session]).await
}

/// The newest of a customer, for staff.
pub async fn newest(db: &Db, customer: CustomerId, limit: i64) -> Result<Vec<SessionView>> {
    db.all(&NEWEST, params![customer, limit]).await
}

/// Uses up the refresh token of this generation. `false`: another request did, or the session ended.
pub async fn rotate(tx: &mut Tx, session: SessionId, generation: i64, expires_at: Timestamp) -> Result<bool> {
    let now = tx.now();
    Ok(tx.exec(&ROTATE, params![session, generation, now, expires_at]).await? == 1)
}

/// Ends one; returns it if it was alive.
pub async fn end(
    tx: &mut Tx,
    customer: CustomerId,
    session: SessionId,
    because: EndedBecause,
) -> Result<Vec<SessionId>> {
    let now = tx.now();
    ids(tx.all(&END, params![customer, session, now, because]).await?)
}

pub async fn end_all(tx: &mut Tx, customer: CustomerId, because: EndedBecause) -> Result<Vec<SessionId>> {
    let now = tx.now();
    ids(tx.all(&END_ALL, params![customer, now, because]).await?)
}

/// Ends all but one.
pub async fn end_others(
    tx: &mut Tx,
    customer: CustomerId,
    kept: SessionId,
    because: EndedBecause,
) -> Result<Vec<SessionId>> {
    let now = tx.now();
    ids(tx.all(&END_OTHERS, params![customer, kept, now, because]).await?)
}

/// Ends those beyond [`LIVING_MAX`], the ones that were not used for longest.
pub async fn end_beyond(tx: &mut Tx, customer: CustomerId) -> Result<Vec<SessionId>> {
    let now = tx.now();
    ids(tx.all(&END_BEYOND, params![customer, now, EndedBecause::TooMany, LIVING_MAX, LIVING_MAX]).await?)
}

/// Forgets up to `limit` that could not be used any more at a time.
pub async fn prune(tx: &mut Tx, expired_before: Timestamp, limit: i64) -> Result<u64> {
    tx.exec(&PRUNE, params![expired_before, limit]).await
}

fn ids(rows: Vec<(SessionId,)>) -> Result<Vec<SessionId>> {
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

::store::name_values!(EndedBecause);

impl FromRow for Session {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            customer: row.take()?,
            seed: row.take()?,
            generation: row.take()?,
            created_at: row.take()?,
            refreshed_at: row.take()?,
            expires_at: row.take()?,
            ended_at: row.take()?,
        })
    }
}

impl FromRow for SessionView {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            created_at: row.take()?,
            refreshed_at: row.take()?,
            expires_at: row.take()?,
            ended_at: row.take()?,
            ended_because: row.take()?,
        })
    }
}
