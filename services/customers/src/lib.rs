//! Customers' accounts, sessions and addresses; staff, their roles and keys; the shop's one audit log.
//!
//! Owns: accounts, sessions, address books, throttles; staff, their API keys, the audit log and its hash chain
//! Never: keeps a password, a token or a key (only what can't be turned back), or changes a sealed audit entry
//! Says: `customer.registered` `customer.updated` `session.revoked` `staff_key.revoked`
//! Hears: `audit.recorded`

mod add_key;
mod add_staff;
mod address_book;
mod audit_log;
mod calls;
pub mod chain;
mod change_password;
mod change_profile;
mod cookies;
mod customer;
mod desk;
mod email;
mod error;
mod for_staff;
mod hasher;
mod http;
mod jobs;
mod log_in;
mod log_out;
mod password;
mod prune;
mod reactions;
mod refresh;
mod refresh_token;
mod register;
mod revoke_key;
mod seal;
mod session;
mod staff;
mod store;
mod throttle;
mod verify;

#[cfg(test)]
mod tests;

use contracts::customers::{AuditRecorded, AuthenticateKey, GetCustomerContact, GetSigningKeys};
use platform::{Ctx, Service};

use self::desk::Desk;

pub use add_key::add_key;
pub use add_staff::{NewStaff, add_staff};
pub use audit_log::AuditEntryView;
pub use error::Error;
pub use staff::{StaffKeyView, StaffView};
pub use store::PERSONAL;
pub use verify::verify_audit_log;

static MIGRATIONS: &[::store::Migration] = ::store::migrations!["0001_customers" (release 1)];

pub fn service(ctx: &Ctx) -> Service {
    let desk = Desk::new(ctx);
    let keys = desk.signer.public();
    Service::new("customers", ctx)
        .migrations(MIGRATIONS)
        .statements(store::accounts::ALL)
        .statements(store::addresses::ALL)
        .statements(store::sessions::ALL)
        .statements(store::throttle::ALL)
        .statements(store::staff::ALL)
        .codes(error::CODES)
        .routes(http::routes(desk))
        .answers::<AuthenticateKey, _, _>(calls::authenticate_key)
        .answers::<GetCustomerContact, _, _>(calls::contact)
        .answers::<GetSigningKeys, _, _>(move |_, _| {
            let keys = keys.clone();
            async move { Ok(keys) }
        })
        .keeps_impersonal(platform::audit::Impersonal {
            table: "customers_audit_entry",
            page: &store::staff::ENTRY_TEXTS,
        })
        .reacts::<AuditRecorded, _>(reactions::on_audit_recorded)
        .does::<jobs::Seal, _, _>(jobs::seal)
        .does::<jobs::Prune, _, _>(jobs::prune)
}
