//! Where parcels can go, for how much, and the parcels themselves.
//!
//! Owns: zones, methods with their rates, pickup points, shipments, parcels and their tracking.
//! Never: knows where a parcel goes (it asks `orders` when staff look), moves stock, or takes money.
//! Says: shipment.created, shipment.dispatched, shipment.delivered, shipment.lost, shipment.cancel_accepted,
//! shipment.cancel_refused (audit.recorded for staff).
//! Hears: order.confirmed, order.cancel_requested, order.cancelled.

mod add_method;
mod add_zone;
mod calls;
mod cancel_shipments;
mod create_shipments;
mod deliver;
mod dispatch;
mod edit_method;
mod edit_shipment;
mod edit_zone;
mod error;
mod hold_back;
mod http;
mod method;
mod packing;
mod parcel;
mod postcode;
mod rate;
mod reactions;
mod shipment;
mod show_shipments;
mod show_zones;
mod store;
#[cfg(test)]
mod tests;
mod zone;

use contracts::orders::GetShipTo;
use platform::{Ctx, Service};

pub use error::Error;

/// The service, ready to run wherever `souk` puts it.
pub fn service(ctx: &Ctx) -> Service {
    Service::new("shipping", ctx)
        .migrations(store::MIGRATIONS)
        .statements(store::zones::ALL)
        .statements(store::shipments::ALL)
        .codes(error::CODES)
        .routes(http::routes())
        .asks::<GetShipTo>()
        .answers(calls::get_options)
        .answers(calls::get_shipment_contact)
        .reacts(reactions::on_order_confirmed)
        .reacts(reactions::on_order_cancel_requested)
        .reacts(reactions::on_order_cancelled)
}
