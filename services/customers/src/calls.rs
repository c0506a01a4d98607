//! Calls that customers answers.

use contracts::customers::{AuthenticateKey, CustomerContact, GetCustomerContact, StaffPrincipal};
use platform::{Ctx, Problem};

use crate::{Error, store};

/// `None`: not known, revoked, or its holder is no longer active.
pub async fn authenticate_key(ctx: Ctx, call: AuthenticateKey) -> Result<Option<StaffPrincipal>, Problem> {
    let holder = store::staff::key_holder(&ctx.db, &call.key_sha256).await?;
    Ok(holder.map(|(key, staff, role)| StaffPrincipal { staff, key, permissions: role.permissions().to_vec() }))
}

pub async fn contact(ctx: Ctx, call: GetCustomerContact) -> Result<CustomerContact, Problem> {
    Ok(store::accounts::contact(&ctx.db, call.customer).await?.ok_or(Error::NotFound)?)
}
