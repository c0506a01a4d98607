//! How much of each variant lies where, and for whom it is held.
//!
//! Owns: locations, levels, policies, reservations, transfers, stocktakes, the movement ledger, availability.
//! Never: ends a hold by itself (orders and shipping say when), holds a part of an order, or knows what a variant is.
//! Says: stock.reserved, stock.rejected, stock.released, stock.availability_changed (audit.recorded for staff).
//! Hears: order.placed, order.lines_cancelled, order.cancelled, order.completed, shipment.dispatched.

mod add_location;
mod adjust;
mod allocation;
mod book;
mod calls;
mod edit_location;
mod error;
mod hand_over;
mod http;
mod import;
mod known;
mod level;
mod location;
mod move_stock;
mod movement;
mod once;
mod reactions;
mod release;
mod reservation;
mod reserve;
mod set_stock;
mod ship_out;
mod stocktake;
mod store;
mod take_stock;
#[cfg(test)]
mod tests;
mod transfer;

use contracts::catalog::ResolveVariants;
use platform::{Ctx, Service};

pub use error::Error;
#[cfg(test)]
use import::import_levels;
pub use import::{
    CountFault, ExportedLevel, ImportedCount, ImportedCounts, ImportedLocation, export_levels, export_locations,
    import_counts, import_locations, refused_location,
};
pub use level::UNITS_MAX;

/// The service, ready to run wherever `souk` puts it.
pub fn service(ctx: &Ctx) -> Service {
    Service::new("inventory", ctx)
        .migrations(store::MIGRATIONS)
        .statements(store::ALL)
        .statements(store::facts::ALL)
        .statements(store::import::ALL)
        .statements(store::ledger::ALL)
        .statements(store::locations::ALL)
        .statements(store::orders::ALL)
        .statements(store::stocktakes::ALL)
        .statements(store::transfers::ALL)
        .codes(error::CODES)
        .routes(http::routes())
        .asks::<ResolveVariants>()
        .answers(calls::level_facts)
        .answers(calls::order_facts)
        .reacts(reactions::on_order_placed)
        .reacts(reactions::on_order_lines_cancelled)
        .reacts(reactions::on_order_cancelled)
        .reacts(reactions::on_order_completed)
        .reacts(reactions::on_shipment_dispatched)
        .does(edit_location::refresh_location)
}
