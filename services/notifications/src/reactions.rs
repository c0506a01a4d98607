//! Reactions: each makes one message, however often and in whatever order its event comes. What a late
//! message would get wrong is seen when it is sent, from the order as it is then.

use ::store::Tx;
use contracts::Id;
use contracts::orders::{OrderCancelled, OrderConfirmed, OrderId};
use contracts::shipping::ShipmentDispatched;
use platform::{Ctx, Outcome, Problem};
use uuid::Uuid;

use crate::jobs::SendMessage;
use crate::message::Template;
use crate::store;

pub async fn on_order_confirmed(_: &Ctx, tx: &mut Tx, event: &OrderConfirmed) -> Result<Outcome, Problem> {
    write_to_buyer(tx, event.order, Template::OrderConfirmed, event.order.uuid()).await
}

pub async fn on_order_cancelled(_: &Ctx, tx: &mut Tx, event: &OrderCancelled) -> Result<Outcome, Problem> {
    write_to_buyer(tx, event.order, Template::OrderCancelled, event.order.uuid()).await
}

pub async fn on_shipment_dispatched(_: &Ctx, tx: &mut Tx, event: &ShipmentDispatched) -> Result<Outcome, Problem> {
    write_to_buyer(tx, event.order, Template::ShipmentDispatched, event.shipment.uuid()).await
}

async fn write_to_buyer(tx: &mut Tx, order: OrderId, template: Template, cause: Uuid) -> Result<Outcome, Problem> {
    if let Some(message) = store::insert(tx, order, template, cause).await? {
        tx.start(&SendMessage { message });
    }
    Ok(Outcome::Done)
}
