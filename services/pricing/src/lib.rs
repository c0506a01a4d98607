//! What a basket costs, and why.
//!
//! Owns: tax zones and their rates.
//! Never: knows a cart, converts a currency, or rounds anything but a line.
//! Says: nothing of its own.
//! Hears: nothing.

mod create_zone;
mod edit_zone;
mod error;
mod http;
mod list_zones;
mod quote;
mod quote_basket;
mod reverse_charge;
mod store;
#[cfg(test)]
mod tests;
mod vat;
mod zone;

use contracts::customers::AuthenticateKey;
use platform::{Ctx, Service};

/// The service, ready to run.
pub fn service(ctx: &Ctx) -> Service {
    Service::new("pricing", ctx)
        .migrations(store::MIGRATIONS)
        .statements(store::ALL)
        .codes(error::CODES)
        .routes(http::routes())
        .asks::<AuthenticateKey>()
        .answers(quote_basket::quote_basket)
}
