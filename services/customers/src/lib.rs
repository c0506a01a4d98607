//! Staff, their roles and keys, and the shop's one audit log.
//!
//! Owns: staff, their API keys, the audit log and its hash chain
//! Never: keeps a key (only its SHA-256), or changes an audit entry after it is sealed
//! Says: `session.revoked`
//! Hears: `audit.recorded`

mod add_staff;
mod audit_log;
mod calls;
pub mod chain;
mod email;
mod error;
mod http;
mod jobs;
mod reactions;
mod revoke_key;
mod seal;
mod staff;
mod store;
mod verify;

#[cfg(test)]
mod tests;

use contracts::customers::{AuditRecorded, AuthenticateKey, SessionRevoked};
use platform::{Ctx, Service};

pub use add_staff::{NewStaff, add_staff};
pub use audit_log::AuditEntryView;
pub use error::Error;
pub use staff::{StaffKeyView, StaffView};
pub use store::PERSONAL;
pub use verify::verify_audit_log;

static MIGRATIONS: &[::store::Migration] = ::store::migrations!["0001_customers" (release 1)];

pub fn service(ctx: &Ctx) -> Service {
    let forgetful = ctx.clone();
    Service::new("customers", ctx)
        .migrations(MIGRATIONS)
        .statements(store::ALL)
        .codes(error::CODES)
        .routes(http::routes())
        .answers::<AuthenticateKey, _, _>(calls::authenticate_key)
        .reacts::<AuditRecorded, _>(reactions::on_audit_recorded)
        .watches::<SessionRevoked>(move |revoked| forgetful.forget_key(revoked.key))
        .does::<jobs::Seal, _, _>(jobs::seal)
}
