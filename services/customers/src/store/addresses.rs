//! Address books.

use ::store::{Db, FromRow, Json, Result, Row, Tx, params, rows, statements};
use contracts::Id;
use contracts::customers::{CustomerAddressId, CustomerId};
use uuid::Uuid;

use crate::customer::CustomerAddressView;

statements! {
    INSERT = "INSERT INTO customers_address (id, customer_id, address, default_shipping, default_billing, created_at, updated_at)
        SELECT id, customer_id, address, default_shipping, default_billing, at, at
        FROM @rows($1: id @id, customer_id @id, address @json, default_shipping @bool, default_billing @bool, at @time) AS new
        WHERE (SELECT COUNT(*) FROM customers_address AS own WHERE own.customer_id = new.customer_id) < $2";
    ADDRESS = "SELECT id, address, default_shipping, default_billing, created_at, updated_at
        FROM customers_address WHERE id = $2 AND customer_id = $1";
    ADDRESSES_AFTER = "SELECT id, address, default_shipping, default_billing, created_at, updated_at
        FROM customers_address WHERE customer_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    UPDATE = "UPDATE customers_address SET address = $3, default_shipping = $4, default_billing = $5, updated_at = $6
        WHERE customer_id = $1 AND id = $2";
    YIELD_DEFAULTS = "UPDATE customers_address
        SET default_shipping = (default_shipping AND NOT $3), default_billing = (default_billing AND NOT $4)
        WHERE customer_id = $1 AND id <> $2 AND ((default_shipping AND $3) OR (default_billing AND $4))";
    DELETE = "DELETE FROM customers_address WHERE customer_id = $1 AND id = $2";
}

/// `false`: the book is full. After [`super::accounts::lock`].
pub async fn insert(tx: &mut Tx, customer: CustomerId, entry: &CustomerAddressView, most: i64) -> Result<bool> {
    let CustomerAddressView { id, address, default_shipping, default_billing, created_at, .. } = entry;
    let row = params![id, customer, Json(address), default_shipping, default_billing, created_at];
    Ok(tx.exec(&INSERT, params![rows([row]), most]).await? == 1)
}

pub async fn address(db: &Db, customer: CustomerId, address: CustomerAddressId) -> Result<Option<CustomerAddressView>> {
    db.opt(&ADDRESS, params![customer, address]).await
}

pub async fn address_in(
    tx: &mut Tx,
    customer: CustomerId,
    address: CustomerAddressId,
) -> Result<Option<CustomerAddressView>> {
    tx.opt(&ADDRESS, params![customer, address]).await
}

/// A page of the book, oldest first.
pub async fn addresses_after(
    db: &Db,
    customer: CustomerId,
    after: Option<CustomerAddressId>,
    limit: i64,
) -> Result<Vec<CustomerAddressView>> {
    let after = after.unwrap_or(CustomerAddressId::from_uuid(Uuid::nil()));
    db.all(&ADDRESSES_AFTER, params![customer, after, limit]).await
}

/// Writes an entry anew. After [`super::accounts::lock`].
pub async fn update(tx: &mut Tx, customer: CustomerId, entry: &CustomerAddressView) -> Result<()> {
    let CustomerAddressView { id, address, default_shipping, default_billing, updated_at, .. } = entry;
    let params = params![customer, id, Json(address), default_shipping, default_billing, updated_at];
    tx.exec(&UPDATE, params).await.map(drop)
}

/// What this entry is the default for, no other is any more. After [`super::accounts::lock`].
pub async fn yield_defaults(tx: &mut Tx, customer: CustomerId, entry: &CustomerAddressView) -> Result<()> {
    let CustomerAddressView { id, default_shipping, default_billing, .. } = entry;
    if !default_shipping && !default_billing {
        return Ok(());
    }
    tx.exec(&YIELD_DEFAULTS, params![customer, id, default_shipping, default_billing]).await.map(drop)
}

/// `false`: there was none.
pub async fn delete(tx: &mut Tx, customer: CustomerId, address: CustomerAddressId) -> Result<bool> {
    Ok(tx.exec(&DELETE, params![customer, address]).await? == 1)
}

impl FromRow for CustomerAddressView {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            address: row.take::<Json<_>>()?.0,
            default_shipping: row.take()?,
            default_billing: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
        })
    }
}
