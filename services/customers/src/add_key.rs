//! Makes a member of staff another key; for `souk staff key`.

use ::store::Tx;
use contracts::customers::{ApiKeyId, StaffId};
use jiff::Timestamp;
use platform::{Ctx, auth};

use crate::Error;
use crate::add_staff::KEY_PREFIX;
use crate::email::Email;
use crate::store::staff as store;

const KEY_NAME: &str = "souk staff key";
/// Of one member, those that were revoked too: they are listed without pages.
pub const KEYS_MAX: i64 = 50;

/// What is written: the key is not among it.
pub struct KeyToAdd {
    pub id: ApiKeyId,
    pub key_sha256: String,
    pub name: &'static str,
    pub at: Timestamp,
}

/// Makes a key for a member whose key is lost, and shows it this once. The keys before work on until they are
/// revoked (`POST /v1/admin/staff-keys/{key}/revoke`).
///
/// Errors: [`Error::NoSuchStaff`], [`Error::TooManyKeys`]; a problem at `/email` where it is no address.
pub async fn add_key(ctx: &Ctx, email: &str) -> Result<String, Error> {
    let email = Email::parse(email)?;
    let key = auth::new_secret(KEY_PREFIX);
    let key_sha256 = auth::sha256_hex(key.as_bytes());
    let to_add = KeyToAdd { id: ctx.ids.next(), key_sha256, name: KEY_NAME, at: ctx.clock.now() };
    ctx.db.write((email, to_add), |tx, (email, key)| Box::pin(insert(tx, email, key))).await?;
    Ok(key)
}

async fn insert(tx: &mut Tx, email: &Email, key: &KeyToAdd) -> Result<(), Error> {
    let staff: StaffId = store::lock_staff(tx, email.as_str()).await?.ok_or(Error::NoSuchStaff)?;
    if store::insert_another_key(tx, staff, key).await? { Ok(()) } else { Err(Error::TooManyKeys { most: KEYS_MAX }) }
}
