//! Tells endpoints what happened: a delivery for each that wants to know, in the transaction that hears it.

use ::store::Tx;
use contracts::notifications::{WebhookDeliveryId, WebhookEndpointId, WebhookEventId};
use contracts::{Event, Id};
use jiff::Timestamp;
use platform::Problem;
use serde::Serialize;

use crate::jobs::Deliver;
use crate::store::{deliveries, endpoints};

/// What is sent: the body of Standard Webhooks.
#[derive(Debug, Serialize)]
struct Told<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    /// When it happened.
    timestamp: Timestamp,
    data: &'a T,
}

/// One statement where nobody listens.
pub async fn tell<E: Event>(tx: &mut Tx, event: &E) -> Result<(), Problem> {
    let listening = endpoints::listening(tx).await?;
    let wanting: Vec<WebhookEndpointId> =
        listening.iter().filter(|endpoint| endpoint.wants(E::NAME)).map(|endpoint| endpoint.id).collect();
    if wanting.is_empty() {
        return Ok(());
    }
    let (id, said_at) = tx.heard().ok_or_else(|| Problem::internal("told outside a reaction"))?;
    let told = Told { kind: E::NAME, timestamp: said_at, data: event };
    put_in(tx, WebhookEventId::from_uuid(id), &told, &wanting).await.map(drop)
}

/// Something that is told to one endpoint alone, which the caller holds.
pub async fn tell_one(
    tx: &mut Tx,
    endpoint: WebhookEndpointId,
    kind: &str,
    data: &impl Serialize,
) -> Result<WebhookDeliveryId, Problem> {
    let (event, timestamp) = (tx.ids().next(), tx.now());
    let told = Told { kind, timestamp, data };
    let made = put_in(tx, event, &told, &[endpoint]).await?;
    made.first().copied().ok_or_else(|| Problem::internal("a delivery was asked for and not made"))
}

async fn put_in<T: Serialize>(
    tx: &mut Tx,
    event: WebhookEventId,
    told: &Told<'_, T>,
    wanting: &[WebhookEndpointId],
) -> Result<Vec<WebhookDeliveryId>, Problem> {
    let body = serde_json::to_string(told).map_err(|error| Problem::internal(error.to_string()))?;
    let made: Vec<(WebhookDeliveryId, WebhookEndpointId)> =
        wanting.iter().map(|endpoint| (tx.ids().next(), *endpoint)).collect();
    deliveries::insert(tx, event, told.kind, &body, &made).await?;
    for endpoint in wanting {
        tx.start(&Deliver { endpoint: *endpoint });
    }
    Ok(made.into_iter().map(|(delivery, _)| delivery).collect())
}
