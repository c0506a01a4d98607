//! A customer's address book: at most fifty addresses, of which one may be the default for parcels and one
//! for invoices.

use ::store::Tx;
use ::store::idempotency::{self, Key};
use contracts::customers::{CustomerAddressId, CustomerId};
use contracts::{Address, Id};
use garde::Validate;
use platform::http::{List, Page};
use platform::{Ctx, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::customer::CustomerAddressView;
use crate::{Error, store};

pub const ADDRESSES_MAX: i64 = 50;

/// A new entry.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddAddress {
    #[garde(dive)]
    pub address: Address,
    /// It takes the place of the default until now.
    #[serde(default)]
    #[garde(skip)]
    pub default_shipping: bool,
    /// It takes the place of the default until now.
    #[serde(default)]
    #[garde(skip)]
    pub default_billing: bool,
}

/// Changes an entry; what is left out stays.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeAddress {
    /// All of it anew.
    #[garde(dive)]
    pub address: Option<Address>,
    #[garde(skip)]
    pub default_shipping: Option<bool>,
    #[garde(skip)]
    pub default_billing: Option<bool>,
}

struct Adding {
    customer: CustomerId,
    key: Option<Key>,
    body: AddAddress,
}

/// Adds an address. `None`: the key added one before.
///
/// Errors: [`Error::AddressBookFull`].
pub async fn add(
    ctx: &Ctx,
    customer: CustomerId,
    key: Option<Key>,
    body: AddAddress,
) -> Result<Option<CustomerAddressView>, Error> {
    ctx.db.write(Adding { customer, key, body }, |tx, adding| Box::pin(add_in(tx, adding))).await
}

async fn add_in(tx: &mut Tx, adding: &Adding) -> Result<Option<CustomerAddressView>, Error> {
    let Adding { customer, key, body } = adding;
    let (id, now): (CustomerAddressId, _) = (tx.ids().next(), tx.now());
    if let Some(key) = key
        && !idempotency::claim(tx, key, 201, id.uuid()).await?
    {
        return Ok(None);
    }
    let AddAddress { address, default_shipping, default_billing } = body.clone();
    let added =
        CustomerAddressView { id, address, default_shipping, default_billing, created_at: now, updated_at: now };
    if !store::accounts::lock(tx, *customer).await? {
        return Err(Error::NotFound);
    }
    store::addresses::yield_defaults(tx, *customer, &added).await?;
    if !store::addresses::insert(tx, *customer, &added, ADDRESSES_MAX).await? {
        return Err(Error::AddressBookFull { most: ADDRESSES_MAX });
    }
    Ok(Some(added))
}

/// Changes an address.
///
/// Errors: [`Error::AddressNotFound`], also for another customer's.
pub async fn change(
    ctx: &Ctx,
    customer: CustomerId,
    address: CustomerAddressId,
    body: ChangeAddress,
) -> Result<CustomerAddressView, Error> {
    let input = (customer, address, body);
    ctx.db.write(input, |tx, (customer, address, body)| Box::pin(change_in(tx, *customer, *address, body))).await
}

async fn change_in(
    tx: &mut Tx,
    customer: CustomerId,
    address: CustomerAddressId,
    body: &ChangeAddress,
) -> Result<CustomerAddressView, Error> {
    store::accounts::lock(tx, customer).await?;
    let before = store::addresses::address_in(tx, customer, address).await?.ok_or(Error::AddressNotFound)?;
    let after = CustomerAddressView {
        address: body.address.clone().unwrap_or(before.address),
        default_shipping: body.default_shipping.unwrap_or(before.default_shipping),
        default_billing: body.default_billing.unwrap_or(before.default_billing),
        updated_at: tx.now(),
        ..before
    };
    store::addresses::yield_defaults(tx, customer, &after).await?;
    store::addresses::update(tx, customer, &after).await?;
    Ok(after)
}

/// Removes an address; orders keep the copies they have.
///
/// Errors: [`Error::AddressNotFound`].
pub async fn remove(ctx: &Ctx, customer: CustomerId, address: CustomerAddressId) -> Result<(), Error> {
    let removed = ctx.db.write((customer, address), |tx, (customer, address)| {
        Box::pin(store::addresses::delete(tx, *customer, *address))
    });
    if removed.await? { Ok(()) } else { Err(Error::AddressNotFound) }
}

/// Errors: [`Error::AddressNotFound`].
pub async fn show(ctx: &Ctx, customer: CustomerId, address: CustomerAddressId) -> Result<CustomerAddressView, Error> {
    store::addresses::address(&ctx.db, customer, address).await?.ok_or(Error::AddressNotFound)
}

/// A page of the book, oldest first.
pub async fn list(ctx: &Ctx, customer: CustomerId, page: &Page) -> Result<List<CustomerAddressView>, Problem> {
    let (limit, after) = (page.limit()?, page.after::<CustomerAddressId>()?);
    let entries = store::addresses::addresses_after(&ctx.db, customer, after, limit + 1).await?;
    Ok(List::of(entries, limit, |entry| entry.id))
}
