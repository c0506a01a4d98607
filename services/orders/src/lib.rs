//! Orders, their state machine and history.
//!
//! Owns: orders with their lines as they were sold, the saga that takes each from placed to completed, and its history.
//! Never: prices a basket, holds stock, moves money or sends a parcel; it says what is due and hears what was done.
//! Says: order.placed order.payable order.confirmed order.capture_due order.cancelled order.completed
//! Hears: stock.reserved stock.rejected payment.* shipment.*
//!
//! Read `saga.rs` (the transition table), then `order.rs` (what an order is and what each step does to
//! it; pure), then the verbs: `place.rs`, `advance.rs` (every reaction), `cancel.rs`, `read.rs`.

mod advance;
mod calls;
mod cancel;
mod capture;
mod error;
mod http;
mod jobs;
mod order;
mod place;
mod reactions;
mod read;
mod saga;
mod sale;
mod states;
mod store;
#[cfg(test)]
mod tests;
mod view;
mod waiters;

use contracts::carts::GetBasket;
use contracts::inventory::{StockRejected, StockReserved};
use contracts::orders::{
    GetOrderContact, GetPaymentInstruction, GetShipTo, OrderCancelled, OrderConfirmed, OrderFacts,
};
use contracts::payments::{
    GetNextAction, PaymentActionRequired, PaymentAuthorized, PaymentCaptured, PaymentDeclined, PaymentFailed,
    PaymentRefunded, PaymentVoided,
};
use contracts::shipping::{ShipmentCreated, ShipmentDelivered, ShipmentDispatched};
use platform::{Ctx, Service};

pub use self::store::PERSONAL;
use self::waiters::Waiters;

pub fn service(ctx: &Ctx) -> Service {
    let waiters = Waiters::default();
    let service = Service::new("orders", ctx)
        .migrations(store::MIGRATIONS)
        .statements(store::ALL)
        .codes(error::CODES)
        .routes(http::routes(waiters.clone()))
        .asks::<GetBasket>()
        .asks::<GetNextAction>()
        .answers::<GetPaymentInstruction, _, _>(calls::payment_instruction)
        .answers::<GetOrderContact, _, _>(calls::contact)
        .answers::<GetShipTo, _, _>(calls::ship_to)
        .answers::<OrderFacts, _, _>(calls::facts)
        .does::<jobs::Expire, _, _>(jobs::expire);
    wakes(hears(service), &waiters)
}

/// Every event that moves an order: all by the same path.
fn hears(service: Service) -> Service {
    service
        .reacts::<StockReserved, _>(reactions::hear)
        .reacts::<StockRejected, _>(reactions::hear)
        .reacts::<PaymentAuthorized, _>(reactions::hear)
        .reacts::<PaymentDeclined, _>(reactions::hear)
        .reacts::<PaymentActionRequired, _>(reactions::hear)
        .reacts::<PaymentCaptured, _>(reactions::hear)
        .reacts::<PaymentVoided, _>(reactions::hear)
        .reacts::<PaymentRefunded, _>(reactions::hear)
        .reacts::<PaymentFailed, _>(reactions::hear)
        .reacts::<ShipmentCreated, _>(reactions::hear)
        .reacts::<ShipmentDispatched, _>(reactions::hear)
        .reacts::<ShipmentDelivered, _>(reactions::hear)
}

/// What ends the waiting of a buyer who asked with `Prefer: wait`.
fn wakes(service: Service, waiters: &Waiters) -> Service {
    let (confirmed, cancelled, declined, action) = (waiters.clone(), waiters.clone(), waiters.clone(), waiters.clone());
    service
        .watches(move |event: &OrderConfirmed| confirmed.wake(event.order))
        .watches(move |event: &OrderCancelled| cancelled.wake(event.order))
        .watches(move |event: &PaymentDeclined| declined.wake(event.order))
        .watches(move |event: &PaymentActionRequired| action.wake(event.order))
}
