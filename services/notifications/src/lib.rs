//! Mails to buyers about their orders.
//!
//! Owns: templates and the messages made from them
//! Never: keeps a name or an address: they are asked for when a message is sent
//! Says: `notification.failed`
//! Hears: `order.confirmed` `order.cancelled` `shipment.dispatched`

mod http;
mod jobs;
mod mail;
mod message;
mod reactions;
mod send;
mod store;
mod template;

#[cfg(test)]
mod tests;

use contracts::orders::{GetOrderContact, OrderCancelled, OrderConfirmed};
use contracts::shipping::ShipmentDispatched;
use platform::{Ctx, Service};

pub use message::MessageView;

static MIGRATIONS: &[::store::Migration] = ::store::migrations!["0001_notifications" (release 1)];

pub fn service(ctx: &Ctx) -> Service {
    Service::new("notifications", ctx)
        .migrations(MIGRATIONS)
        .statements(store::ALL)
        .routes(http::routes())
        .asks::<GetOrderContact>()
        .reacts::<OrderConfirmed, _>(reactions::on_order_confirmed)
        .reacts::<OrderCancelled, _>(reactions::on_order_cancelled)
        .reacts::<ShipmentDispatched, _>(reactions::on_shipment_dispatched)
        .does::<jobs::SendMessage, _, _>(jobs::send_message)
}
