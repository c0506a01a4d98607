//! Accounts of customers.

use ::store::{Db, FromRow, Json, Result, Row, Tx, params, statements};
use contracts::Id;
use contracts::customers::{CustomerContact, CustomerId};
use uuid::Uuid;

use crate::customer::CustomerView;

statements! {
    INSERT = "INSERT INTO customers_customer (id, email, password_hash, name, phone, locale, market, metadata, version, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9) ON CONFLICT (email) DO NOTHING";
    CREDENTIALS = "SELECT id, password_hash FROM customers_customer WHERE email = $1";
    CREDENTIALS_OF = "SELECT email, password_hash FROM customers_customer WHERE id = $1";
    CUSTOMER = "SELECT id, email, name, phone, locale, market, metadata, version, created_at, updated_at
        FROM customers_customer WHERE id = $1";
    CUSTOMERS_BEFORE = "SELECT id, email, name, phone, locale, market, metadata, version, created_at, updated_at
        FROM customers_customer WHERE id < $1 ORDER BY id DESC LIMIT $2";
    CUSTOMERS_OF_EMAIL = "SELECT id, email, name, phone, locale, market, metadata, version, created_at, updated_at
        FROM customers_customer WHERE id < $1 AND email = $3 ORDER BY id DESC LIMIT $2";
    UPDATE = "UPDATE customers_customer SET name = $3, phone = $4, locale = $5, market = $6, metadata = $7, version = version + 1, updated_at = $8
        WHERE version = $2 AND id = $1 RETURNING version";
    SET_PASSWORD = "UPDATE customers_customer SET password_hash = $3 WHERE password_hash = $2 AND id = $1";
    LOCK = "SELECT id FROM customers_customer WHERE id = $1 @for_update";
    CONTACT = "SELECT id, email, name, locale FROM customers_customer WHERE id = $1";
}

/// `false`: the e-mail has an account.
pub async fn insert(tx: &mut Tx, customer: &CustomerView, password_hash: &str) -> Result<bool> {
    let CustomerView { id, email, name, phone, locale, market, metadata, created_at, .. } = customer;
    let params = params![id, email, password_hash, name, phone, locale, market, Json(metadata), created_at];
    Ok(tx.exec(&INSERT, params).await? == 1)
}

/// Whose account this is, and the hash of its password.
pub async fn credentials(db: &Db, email: &str) -> Result<Option<(CustomerId, String)>> {
    db.opt(&CREDENTIALS, params![email]).await
}

/// The e-mail of an account, and the hash of its password.
pub async fn credentials_of(db: &Db, customer: CustomerId) -> Result<Option<(String, String)>> {
    db.opt(&CREDENTIALS_OF, params![customer]).await
}

pub async fn customer(db: &Db, customer: CustomerId) -> Result<Option<CustomerView>> {
    db.opt(&CUSTOMER, params![customer]).await
}

/// A page of accounts, newest first; of one e-mail alone where it is named.
pub async fn customers_before(
    db: &Db,
    before: Option<CustomerId>,
    email: Option<&str>,
    limit: i64,
) -> Result<Vec<CustomerView>> {
    let before = before.unwrap_or(CustomerId::from_uuid(Uuid::max()));
    match email {
        Some(email) => db.all(&CUSTOMERS_OF_EMAIL, params![before, limit, email]).await,
        None => db.all(&CUSTOMERS_BEFORE, params![before, limit]).await,
    }
}

/// Writes the profile if it still has the version it was read at; returns the new one.
pub async fn update(tx: &mut Tx, after: &CustomerView) -> Result<Option<i64>> {
    let CustomerView { id, version, name, phone, locale, market, metadata, .. } = after;
    let now = tx.now();
    let params = params![id, version, name, phone, locale, market, Json(metadata), now];
    let updated: Option<(i64,)> = tx.opt(&UPDATE, params).await?;
    Ok(updated.map(|(version,)| version))
}

/// `false`: the password was changed meanwhile.
pub async fn set_password(tx: &mut Tx, customer: CustomerId, before: &str, after: &str) -> Result<bool> {
    Ok(tx.exec(&SET_PASSWORD, params![customer, before, after]).await? == 1)
}

/// Whoever changes an address book goes one by one. `false`: there is no such customer.
pub async fn lock(tx: &mut Tx, customer: CustomerId) -> Result<bool> {
    Ok(tx.opt::<(CustomerId,)>(&LOCK, params![customer]).await?.is_some())
}

pub async fn contact(db: &Db, customer: CustomerId) -> Result<Option<CustomerContact>> {
    let contact = db.opt(&CONTACT, params![customer]).await?;
    Ok(contact.map(|(customer, email, name, locale)| CustomerContact { customer, email, name, locale }))
}

impl FromRow for CustomerView {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            email: row.take()?,
            name: row.take()?,
            phone: row.take()?,
            locale: row.take()?,
            market: row.take()?,
            metadata: row.take::<Json<_>>()?.0,
            version: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
        })
    }
}
