//! Sends deliveries again: one, or all that failed.

use ::store::Tx;
use contracts::notifications::{WebhookDeliveryId, WebhookEndpointId};
use garde::Validate;
use jiff::Timestamp;
use platform::{Ctx, Staff, can};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::delivery::DeliveryView;
use crate::error::Error;
use crate::jobs::Deliver;
use crate::store::{deliveries, endpoints};

/// One request begins so many anew; ask again for more.
const REPLAYED_MAX: i64 = 1_000;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReplayFailedDeliveries)]
pub struct ReplayFailed {
    /// Deliveries that were made then or later.
    #[garde(skip)]
    pub since: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReplayedDeliveries)]
pub struct Replayed {
    /// How many are sent again: at most 1000, the oldest first.
    pub replayed: u64,
    /// There may be more: ask again.
    pub more: bool,
}

/// Sends a delivery again, with the same `webhook-id`, whatever became of it.
///
/// Errors: `NoDelivery`, `NoEndpoint` where that was deleted, `EndpointDisabled`.
pub async fn replay_one(
    ctx: &Ctx,
    staff: Staff<can::NotificationsWrite>,
    id: WebhookDeliveryId,
) -> Result<DeliveryView, Error> {
    let endpoint = deliveries::delivery(&ctx.db, id).await?.ok_or(Error::NoDelivery)?.endpoint;
    let input = (staff.actor(), endpoint, id);
    let replay = ctx.db.write(input, |tx, (staff, endpoint, id)| Box::pin(replay_in(tx, staff, *endpoint, *id)));
    replay.await?;
    deliveries::delivery(&ctx.db, id).await?.ok_or(Error::NoDelivery)
}

async fn replay_in(
    tx: &mut Tx,
    staff: &Staff<()>,
    endpoint: WebhookEndpointId,
    id: WebhookDeliveryId,
) -> Result<(), Error> {
    hold_enabled(tx, endpoint).await?;
    if !deliveries::replay(tx, id).await? {
        return Err(Error::NoDelivery);
    }
    tx.start(&Deliver { endpoint });
    staff.records(tx, "notifications.replay_delivery", id, &[]);
    Ok(())
}

/// Sends again what failed for good since a time.
///
/// Errors: `NoEndpoint`, `EndpointDisabled`.
pub async fn replay_failed(
    ctx: &Ctx,
    staff: Staff<can::NotificationsWrite>,
    endpoint: WebhookEndpointId,
    body: ReplayFailed,
) -> Result<Replayed, Error> {
    let input = (staff.actor(), endpoint, body.since);
    let replay = ctx.db.write(input, |tx, (staff, id, since)| Box::pin(replay_failed_in(tx, staff, *id, *since)));
    let replayed = replay.await?;
    Ok(Replayed { replayed, more: replayed == REPLAYED_MAX as u64 })
}

async fn replay_failed_in(
    tx: &mut Tx,
    staff: &Staff<()>,
    endpoint: WebhookEndpointId,
    since: Timestamp,
) -> Result<u64, Error> {
    hold_enabled(tx, endpoint).await?;
    let replayed = deliveries::replay_failed(tx, endpoint, since, REPLAYED_MAX).await?;
    if replayed > 0 {
        tx.start(&Deliver { endpoint });
    }
    staff.records(tx, "notifications.replay_failed", endpoint, &[]);
    Ok(replayed)
}

async fn hold_enabled(tx: &mut Tx, endpoint: WebhookEndpointId) -> Result<(), Error> {
    let endpoint = endpoints::hold(tx, endpoint).await?.ok_or(Error::NoEndpoint)?;
    if endpoint.is_enabled() { Ok(()) } else { Err(Error::EndpointDisabled) }
}
