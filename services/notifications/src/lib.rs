//! Mails to buyers, and webhooks to other programs.
//!
//! Owns: templates and the messages made from them; webhook endpoints and what they are told
//! Never: keeps a name, an address or a secret: they are asked for, or derived, when something is sent
//! Says: `notification.failed` `webhook_endpoint.disabled` `audit.recorded`
//! Hears: `order.*` `shipment.*` `payment.*` `product.*` `customer.registered` `stock.availability_changed`, as far as there is a template or an endpoint for them

mod amount;
mod ask;
mod change_endpoint;
mod content;
mod create_endpoint;
mod deliver;
mod delivery;
mod endpoint;
mod error;
mod http;
mod jobs;
mod locale;
mod mail;
mod message;
mod outgoing;
mod postbox;
mod preview;
mod reach;
mod reactions;
mod replay;
mod resend;
mod sample;
mod send;
mod signature;
mod store;
mod tell;
mod template;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use contracts::catalog::{ProductArchived, ProductCreated, ProductUpdated};
use contracts::customers::{CustomerRegistered, GetCustomerContact};
use contracts::inventory::StockAvailabilityChanged;
use contracts::orders::{
    GetOrderContact, GetOrderLink, GetPaymentInstruction, OrderCancelled, OrderCompleted, OrderConfirmed,
    OrderLinesCancelled, OrderLinkRequested, OrderPlaced,
};
use contracts::payments::{
    GetNextAction, PaymentActionRequired, PaymentCaptured, PaymentDeclined, PaymentFailed, PaymentRefunded,
};
use contracts::shipping::{GetShipmentContact, ShipmentDelivered, ShipmentDispatched, ShipmentLost};
use platform::{Ctx, Service};

pub use error::Error;
pub use message::MessageView;

use crate::outgoing::{Names, Outgoing, SystemNames};
use crate::postbox::Postbox;
use crate::send::Office;
use crate::template::Templates;

static MIGRATIONS: &[::store::Migration] = ::store::migrations!["0001_notifications" (release 1)];

pub fn service(ctx: &Ctx) -> Service {
    service_with(ctx, Arc::new(SystemNames))
}

fn service_with(ctx: &Ctx, names: Arc<dyn Names>) -> Service {
    let setting = &ctx.config.notifications;
    let office = Arc::new(Office { templates: Templates::new(&setting.templates), postbox: Postbox::new(setting) });
    let outgoing = Arc::new(Outgoing::new(ctx.config.webhooks.allow_private, names));
    let service = Service::new("notifications", ctx)
        .migrations(MIGRATIONS)
        .statements(store::messages::ALL)
        .statements(store::endpoints::ALL)
        .statements(store::deliveries::ALL)
        .codes(error::CODES)
        .routes(http::routes(Arc::clone(&office), Arc::clone(&outgoing)))
        .asks::<GetOrderContact>()
        .asks::<GetOrderLink>()
        .asks::<GetPaymentInstruction>()
        .asks::<GetNextAction>()
        .asks::<GetShipmentContact>()
        .asks::<GetCustomerContact>();
    does(hears(service), office, outgoing)
}

fn hears(service: Service) -> Service {
    service
        .reacts::<OrderPlaced, _>(reactions::on_any::<OrderPlaced>)
        .reacts::<OrderConfirmed, _>(reactions::on_order_confirmed)
        .reacts::<OrderLinesCancelled, _>(reactions::on_any::<OrderLinesCancelled>)
        .reacts::<OrderCancelled, _>(reactions::on_order_cancelled)
        .reacts::<OrderCompleted, _>(reactions::on_any::<OrderCompleted>)
        .reacts::<OrderLinkRequested, _>(reactions::on_link_requested)
        .reacts::<ShipmentDispatched, _>(reactions::on_shipment_dispatched)
        .reacts::<ShipmentDelivered, _>(reactions::on_any::<ShipmentDelivered>)
        .reacts::<ShipmentLost, _>(reactions::on_any::<ShipmentLost>)
        .reacts::<PaymentCaptured, _>(reactions::on_any::<PaymentCaptured>)
        .reacts::<PaymentRefunded, _>(reactions::on_payment_refunded)
        .reacts::<PaymentFailed, _>(reactions::on_any::<PaymentFailed>)
        .reacts::<PaymentActionRequired, _>(reactions::on_action_required)
        .reacts::<PaymentDeclined, _>(reactions::on_payment_declined)
        .reacts::<ProductCreated, _>(reactions::on_any::<ProductCreated>)
        .reacts::<ProductUpdated, _>(reactions::on_any::<ProductUpdated>)
        .reacts::<ProductArchived, _>(reactions::on_any::<ProductArchived>)
        .reacts::<CustomerRegistered, _>(reactions::on_customer_registered)
        .reacts::<StockAvailabilityChanged, _>(reactions::on_any::<StockAvailabilityChanged>)
}

fn does(service: Service, office: Arc<Office>, outgoing: Arc<Outgoing>) -> Service {
    service
        .does::<jobs::SendMessage, _, _>(move |ctx, run, job: jobs::SendMessage| {
            let office = Arc::clone(&office);
            async move { send::send(&ctx, run, job.message, job.sending, &office).await }
        })
        .does::<jobs::Deliver, _, _>(move |ctx, run, job: jobs::Deliver| {
            let outgoing = Arc::clone(&outgoing);
            async move { deliver::deliver(&ctx, run, job.endpoint, &outgoing).await }
        })
        .does::<jobs::DeliverLater, _, _>(|ctx, run, job: jobs::DeliverLater| async move {
            deliver::deliver_later(&ctx, run, job.endpoint).await
        })
        .prunes(deliver::prune)
}
