//! Where parcels can go, for how much, and the parcels themselves.
//!
//! Owns: zones, methods with their prices, shipments and their tracking.
//! Never: knows where a parcel goes (it asks `orders` when staff look), moves stock, or takes money.
//! Says: shipment.created, shipment.dispatched, shipment.delivered (audit.recorded for staff).
//! Hears: order.confirmed, order.cancelled.

mod add_zone;
mod calls;
mod cancel_shipment;
mod create_shipment;
mod deliver;
mod dispatch;
mod error;
mod http;
mod list_shipments;
mod list_zones;
mod reactions;
mod shipment;
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
        .statements(store::ALL)
        .codes(error::CODES)
        .routes(http::routes())
        .asks::<GetShipTo>()
        .answers(calls::get_options)
        .reacts(reactions::on_order_confirmed)
        .reacts(reactions::on_order_cancelled)
}
