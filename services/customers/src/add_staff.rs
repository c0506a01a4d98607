//! Adds a member of staff; for `souk staff add`.

use ::store::Tx;
use contracts::customers::{ApiKeyId, Role, StaffId};
use jiff::Timestamp;
use platform::{Ctx, auth};

use crate::Error;
use crate::email::Email;
use crate::staff::{StaffKeyView, StaffView};
use crate::store::staff as store;

/// Secret scanners know keys by this beginning.
pub const KEY_PREFIX: &str = "souk_sk_";
const KEY_NAME: &str = "souk staff add";

/// A new member of staff, and the one time their key can be read.
pub struct NewStaff {
    pub staff: StaffView,
    /// Shown once: only its SHA-256 is kept.
    pub key: String,
}

/// What is written: the key is not among it.
pub struct StaffToAdd {
    pub id: StaffId,
    pub email: Email,
    pub role: Role,
    pub key: ApiKeyId,
    pub key_sha256: String,
    pub key_name: &'static str,
    pub at: Timestamp,
}

/// Adds a member with their first key: both, or neither.
///
/// Errors: [`Error::StaffEmailTaken`]; a problem at `/email` where it is no address.
pub async fn add_staff(ctx: &Ctx, email: &str, role: Role) -> Result<NewStaff, Error> {
    let key = auth::new_secret(KEY_PREFIX);
    let staff = StaffToAdd {
        id: ctx.ids.next(),
        email: Email::parse(email)?,
        role,
        key: ctx.ids.next(),
        key_sha256: auth::sha256_hex(key.as_bytes()),
        key_name: KEY_NAME,
        at: ctx.clock.now(),
    };
    let view = view_of(&staff);
    ctx.db.write(staff, |tx, staff| Box::pin(insert(tx, staff))).await?;
    Ok(NewStaff { staff: view, key })
}

async fn insert(tx: &mut Tx, staff: &StaffToAdd) -> Result<(), Error> {
    if !store::insert_staff(tx, staff).await? {
        return Err(Error::StaffEmailTaken);
    }
    Ok(store::insert_key(tx, staff).await?)
}

fn view_of(staff: &StaffToAdd) -> StaffView {
    let key = StaffKeyView { id: staff.key, name: staff.key_name.to_owned(), created_at: staff.at, revoked_at: None };
    StaffView {
        id: staff.id,
        email: staff.email.as_str().to_owned(),
        role: staff.role,
        active: true,
        created_at: staff.at,
        keys: vec![key],
    }
}

impl std::fmt::Debug for NewStaff {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewStaff").field("staff", &self.staff.id).finish_non_exhaustive()
    }
}
