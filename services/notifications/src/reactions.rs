//! Reactions: each makes one message, and a delivery for each endpoint that wants to know, however often and in
//! whatever order its event comes. What a late message would get wrong is seen when it is sent, from the order as
//! it is then.

use ::store::Tx;
use contracts::customers::CustomerRegistered;
use contracts::orders::{OrderCancelled, OrderConfirmed, OrderId, OrderLinkRequested};
use contracts::payments::{PaymentActionRequired, PaymentDeclined, PaymentRefunded};
use contracts::shipping::ShipmentDispatched;
use contracts::{Event, Id};
use platform::{Ctx, Outcome, Problem};
use uuid::Uuid;

use crate::jobs::SendMessage;
use crate::message::{About, NewMessage, Template};
use crate::store::messages;
use crate::tell;

/// An event that is only told to endpoints.
pub async fn on_any<E: Event>(_: &Ctx, tx: &mut Tx, event: &E) -> Result<Outcome, Problem> {
    tell::tell(tx, event).await?;
    Ok(Outcome::Done)
}

pub async fn on_order_confirmed(_: &Ctx, tx: &mut Tx, event: &OrderConfirmed) -> Result<Outcome, Problem> {
    write_to_buyer(tx, event.order, Template::OrderConfirmed, event.order.uuid()).await?;
    tell::tell(tx, event).await?;
    Ok(Outcome::Done)
}

pub async fn on_order_cancelled(_: &Ctx, tx: &mut Tx, event: &OrderCancelled) -> Result<Outcome, Problem> {
    write_to_buyer(tx, event.order, Template::OrderCancelled, event.order.uuid()).await?;
    tell::tell(tx, event).await?;
    Ok(Outcome::Done)
}

pub async fn on_shipment_dispatched(_: &Ctx, tx: &mut Tx, event: &ShipmentDispatched) -> Result<Outcome, Problem> {
    write_to_buyer(tx, event.order, Template::ShipmentDispatched, event.shipment.uuid()).await?;
    tell::tell(tx, event).await?;
    Ok(Outcome::Done)
}

pub async fn on_payment_refunded(_: &Ctx, tx: &mut Tx, event: &PaymentRefunded) -> Result<Outcome, Problem> {
    let (template, about) = (Template::OrderRefunded, About::Order(event.order));
    write(tx, NewMessage { template, about, cause: event.refund.uuid(), amount: Some(event.amount) }).await?;
    tell::tell(tx, event).await?;
    Ok(Outcome::Done)
}

pub async fn on_action_required(_: &Ctx, tx: &mut Tx, event: &PaymentActionRequired) -> Result<Outcome, Problem> {
    write_to_buyer(tx, event.order, Template::PaymentNeeded, event.attempt.uuid()).await?;
    Ok(Outcome::Done)
}

/// After the last try there is nothing the buyer could do: the order's timer ends it, and says so.
pub async fn on_payment_declined(_: &Ctx, tx: &mut Tx, event: &PaymentDeclined) -> Result<Outcome, Problem> {
    if event.tries_left > 0 {
        write_to_buyer(tx, event.order, Template::PaymentNeeded, event.attempt.uuid()).await?;
    }
    Ok(Outcome::Done)
}

pub async fn on_link_requested(_: &Ctx, tx: &mut Tx, event: &OrderLinkRequested) -> Result<Outcome, Problem> {
    write_to_buyer(tx, event.order, Template::OrderLink, event.link.uuid()).await?;
    Ok(Outcome::Done)
}

pub async fn on_customer_registered(_: &Ctx, tx: &mut Tx, event: &CustomerRegistered) -> Result<Outcome, Problem> {
    let (template, about) = (Template::Welcome, About::Customer(event.customer));
    write(tx, NewMessage { template, about, cause: event.customer.uuid(), amount: None }).await?;
    tell::tell(tx, event).await?;
    Ok(Outcome::Done)
}

async fn write_to_buyer(tx: &mut Tx, order: OrderId, template: Template, cause: Uuid) -> Result<(), Problem> {
    write(tx, NewMessage { template, about: About::Order(order), cause, amount: None }).await
}

async fn write(tx: &mut Tx, new: NewMessage) -> Result<(), Problem> {
    if let Some(message) = messages::insert(tx, &new).await? {
        tx.start(&SendMessage { message, sending: 1 });
    }
    Ok(())
}
