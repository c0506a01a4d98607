//! How much of each variant lies where, and for whom it is held.
//!
//! Owns: locations, stock levels, reservations, the movement ledger and each variant's availability.
//! Never: ends a hold by itself (only `orders` does, by cancelling), holds part of an order, or splits one over locations.
//! Says: stock.reserved, stock.rejected, stock.released, stock.availability_changed (audit.recorded for staff).
//! Hears: order.placed, order.cancelled, shipment.dispatched.

mod add_location;
mod adjust;
mod book;
mod calls;
mod error;
mod http;
mod import;
mod level;
mod location;
mod movement;
mod reactions;
mod release;
mod reservation;
mod reserve;
mod ship_out;
mod store;
#[cfg(test)]
mod tests;

use platform::{Ctx, Service};

pub use error::Error;
pub use import::import_levels;

/// The service, ready to run wherever `souk` puts it.
pub fn service(ctx: &Ctx) -> Service {
    Service::new("inventory", ctx)
        .migrations(store::MIGRATIONS)
        .statements(store::ALL)
        .codes(error::CODES)
        .routes(http::routes())
        .answers(calls::level_facts)
        .answers(calls::order_facts)
        .reacts(reactions::on_order_placed)
        .reacts(reactions::on_order_cancelled)
        .reacts(reactions::on_shipment_dispatched)
}
