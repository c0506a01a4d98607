//! Calls that customers answers.

use contracts::customers::{AuthenticateKey, StaffPrincipal};
use platform::{Ctx, Problem};

use crate::store;

/// `None`: not known, revoked, or its holder is no longer active.
pub async fn authenticate_key(ctx: Ctx, call: AuthenticateKey) -> Result<Option<StaffPrincipal>, Problem> {
    let holder = store::key_holder(&ctx.db, &call.key_sha256).await?;
    Ok(holder.map(|(key, staff, role)| StaffPrincipal { staff, key, permissions: role.permissions().to_vec() }))
}
