//! Accounts of customers, as staff with `customers:read` see them.

use contracts::customers::CustomerId;
use platform::http::{List, Page};
use platform::{Ctx, Problem};

use crate::address_book::ADDRESSES_MAX;
use crate::change_profile;
use crate::customer::{CustomerDetailView, CustomerView};
use crate::email::Email;
use crate::{Error, store};

const SESSIONS_MAX: i64 = 20;

/// A page of accounts, newest first; the one with this e-mail alone where it is said.
pub async fn list(ctx: &Ctx, page: &Page, email: Option<&str>) -> Result<List<CustomerView>, Problem> {
    let (limit, before) = (page.limit()?, page.after::<CustomerId>()?);
    let email = email.map(Email::as_compared);
    let customers = store::accounts::customers_before(&ctx.db, before, email.as_deref(), limit + 1).await?;
    Ok(List::of(customers, limit, |customer| customer.id))
}

/// Errors: [`Error::NotFound`].
pub async fn show(ctx: &Ctx, customer: CustomerId) -> Result<CustomerDetailView, Error> {
    Ok(CustomerDetailView {
        customer: change_profile::show(ctx, customer).await?,
        addresses: store::addresses::addresses_after(&ctx.db, customer, None, ADDRESSES_MAX).await?,
        sessions: store::sessions::newest(&ctx.db, customer, SESSIONS_MAX).await?,
    })
}
