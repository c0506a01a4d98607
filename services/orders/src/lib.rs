//! Orders, their state machine and history.
//!
//! Owns: orders with their lines as they were sold, the saga that takes each from placed to completed, its history, notes and links.
//! Never: prices a basket, holds stock, moves money or sends a parcel; it says what is due and hears what was done.
//! Says: order.placed order.payable order.confirmed order.capture_due order.refund_due order.cancel_requested order.lines_cancelled order.cancelled order.completed order.link_requested
//! Hears: stock.reserved stock.rejected payment.* shipment.*
//!
//! Read `saga.rs` (the transition table), then `order.rs`, `change.rs` and `cancellation.rs` (what an order is
//! and what each step does to it; pure), then the verbs: `place.rs`, `advance.rs` (every reaction),
//! `cancel.rs`, `read.rs`, `stream.rs`, `note.rs`, `ask_link.rs`.

mod access;
mod advance;
mod ask_link;
mod calls;
mod cancel;
mod cancellation;
mod capture;
mod change;
mod error;
mod http;
mod http_staff;
mod jobs;
mod link;
mod note;
mod number;
mod order;
mod place;
mod reactions;
mod read;
mod saga;
mod sale;
mod states;
mod store;
mod stream;
#[cfg(test)]
mod tests;
mod view;
mod waiters;

use contracts::carts::GetBasket;
use contracts::inventory::{StockRejected, StockReserved};
use contracts::orders::{
    GetOrderContact, GetOrderLink, GetPaymentInstruction, GetPaymentInstructionByLink, GetRefundable, GetShipTo,
    OrderCancelRequested, OrderCancelled, OrderCaptureDue, OrderCompleted, OrderConfirmed, OrderFacts, OrderId,
    OrderLinesCancelled, OrderPayable, OrderRefundDue,
};
use contracts::payments::{
    GetNextAction, PaymentActionRequired, PaymentAuthorized, PaymentCaptured, PaymentDeclined, PaymentFailed,
    PaymentRefunded, PaymentVoided,
};
use contracts::shipping::{
    ShipmentCancelAccepted, ShipmentCancelRefused, ShipmentCreated, ShipmentDelivered, ShipmentDispatched, ShipmentLost,
};
use contracts::{Event, Id};
use platform::{Ctx, Service};

pub use self::store::PERSONAL;
use self::stream::Streams;
use self::waiters::Waiters;

pub fn service(ctx: &Ctx) -> Service {
    let waiters = Waiters::default();
    let service = Service::new("orders", ctx)
        .migrations(store::MIGRATIONS)
        .statements(&store::all())
        .codes(error::CODES)
        .routes(http::routes(waiters.clone(), Streams::new(ctx)))
        .asks::<GetBasket>()
        .asks::<GetNextAction>()
        .makes(platform::audit::Makes {
            route: place::ROUTE,
            existing: &store::facts::EXISTING,
            made: Some(&store::facts::MADE),
        })
        .answers::<GetPaymentInstruction, _, _>(calls::payment_instruction)
        .answers::<GetPaymentInstructionByLink, _, _>(calls::payment_instruction_by_link)
        .answers::<GetOrderContact, _, _>(calls::contact)
        .answers::<GetRefundable, _, _>(calls::refundable)
        .answers::<GetOrderLink, _, _>(calls::order_link)
        .answers::<GetShipTo, _, _>(calls::ship_to)
        .answers::<OrderFacts, _, _>(calls::order_facts)
        .measures(calls::measures)
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
        .reacts::<ShipmentLost, _>(reactions::hear)
        .reacts::<ShipmentCancelAccepted, _>(reactions::hear)
        .reacts::<ShipmentCancelRefused, _>(reactions::hear)
}

/// What ends the waiting of a buyer, and is news for one who follows an order. Our own events come after their
/// commit; what others said, a waiter may see a moment before we have written it: then it looks again.
fn wakes(service: Service, waiters: &Waiters) -> Service {
    let news = [
        wakes_on::<OrderPayable>,
        wakes_on::<OrderConfirmed>,
        wakes_on::<OrderCaptureDue>,
        wakes_on::<OrderRefundDue>,
        wakes_on::<OrderCancelRequested>,
        wakes_on::<OrderLinesCancelled>,
        wakes_on::<OrderCancelled>,
        wakes_on::<OrderCompleted>,
        wakes_on::<PaymentDeclined>,
        wakes_on::<PaymentActionRequired>,
        wakes_on::<PaymentAuthorized>,
        wakes_on::<PaymentCaptured>,
        wakes_on::<PaymentRefunded>,
        wakes_on::<ShipmentDelivered>,
        wakes_on::<ShipmentCancelRefused>,
    ];
    let all = waiters.clone();
    let service = service.misses(move || all.wake_all());
    news.into_iter().fold(service, |service, wakes_on| wakes_on(service, waiters.clone()))
}

fn wakes_on<E: Event>(service: Service, waiters: Waiters) -> Service {
    service.watches(move |event: &E| waiters.wake(OrderId::from_uuid(event.subject())))
}
