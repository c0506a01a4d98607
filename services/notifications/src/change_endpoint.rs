//! Changes a webhook endpoint: what it is, its secret, whether it is there at all.

use ::store::Tx;
use contracts::notifications::{WebhookDeliveryId, WebhookDisabledReason, WebhookEndpointId};
use garde::Validate;
use platform::http::{IfMatch, said};
use platform::{Ctx, Problem, Staff, can};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::create_endpoint::{DESCRIPTION_CHARS_MAX, EndpointWithSecret, sorted, with_secret};
use crate::delivery::DeliveryView;
use crate::endpoint::{Endpoint, EndpointView, PING, Topic};
use crate::error::Error;
use crate::jobs::Deliver;
use crate::outgoing::Outgoing;
use crate::store::{deliveries, endpoints};
use crate::tell;

/// What is left out stays as it is.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EditWebhookEndpoint)]
pub struct EditEndpoint {
    #[garde(inner(length(chars, min = 1, max = 2_048)))]
    #[schema(example = "https://example.com/souk", min_length = 1, max_length = 2_048)]
    pub url: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[garde(inner(inner(length(chars, max = DESCRIPTION_CHARS_MAX))))]
    #[schema(value_type = Option<String>, max_length = 200)]
    pub description: Option<Option<String>>,
    #[garde(inner(length(min = 1, max = 50)))]
    #[schema(min_items = 1, max_items = 50)]
    pub events: Option<Vec<Topic>>,
    /// Switched on again, it gets what was left over, and counts as well.
    #[garde(skip)]
    pub enabled: Option<bool>,
}

impl EditEndpoint {
    fn fields(&self) -> Vec<&'static str> {
        let said = [
            ("url", self.url.is_some()),
            ("description", self.description.is_some()),
            ("events", self.events.is_some()),
            ("enabled", self.enabled.is_some()),
        ];
        said.into_iter().filter(|(_, said)| *said).map(|(name, _)| name).collect()
    }

    fn change(&self, endpoint: &mut Endpoint) {
        if let Some(url) = &self.url {
            endpoint.url.clone_from(url);
        }
        if let Some(description) = &self.description {
            endpoint.description.clone_from(description);
        }
        if let Some(events) = &self.events {
            endpoint.events = sorted(events.clone());
        }
        match self.enabled {
            Some(true) => (endpoint.disabled, endpoint.failing_since) = (None, None),
            Some(false) => endpoint.disabled = endpoint.disabled.or(Some(WebhookDisabledReason::Staff)),
            None => {}
        }
    }
}

/// Changes an endpoint that is still as it was read.
///
/// Errors: `NoEndpoint`, `EndpointChanged`, a field problem at `/url`.
pub async fn edit_endpoint(
    ctx: &Ctx,
    outgoing: &Outgoing,
    staff: Staff<can::NotificationsWrite>,
    id: WebhookEndpointId,
    IfMatch(version): IfMatch,
    edit: EditEndpoint,
) -> Result<EndpointView, Error> {
    if let Some(url) = &edit.url {
        outgoing.check(url).await.map_err(|why| Problem::field("/url", why))?;
    }
    let input = (staff.actor(), id, version, edit);
    let write = ctx.db.write(input, |tx, (staff, id, version, edit)| Box::pin(edit_in(tx, staff, *id, *version, edit)));
    Ok(EndpointView::of(write.await?, ctx.clock.now()))
}

async fn edit_in(
    tx: &mut Tx,
    staff: &Staff<()>,
    id: WebhookEndpointId,
    version: i64,
    edit: &EditEndpoint,
) -> Result<Endpoint, Error> {
    let mut endpoint = endpoints::hold(tx, id).await?.ok_or(Error::NoEndpoint)?;
    if endpoint.version != version {
        return Err(Error::EndpointChanged);
    }
    edit.change(&mut endpoint);
    let events = edit.events.is_some().then_some(endpoint.events.as_slice());
    if !endpoints::edit(tx, &endpoint, events).await? {
        return Err(Error::EndpointChanged);
    }
    endpoint.version += 1;
    if endpoint.is_enabled() {
        tx.start(&Deliver { endpoint: id });
    }
    staff.records(tx, "notifications.edit_endpoint", id, &edit.fields());
    Ok(endpoint)
}

/// Takes an endpoint away; what it was owed is not sent.
pub async fn delete_endpoint(
    ctx: &Ctx,
    staff: Staff<can::NotificationsWrite>,
    id: WebhookEndpointId,
) -> Result<(), Error> {
    ctx.db.write((staff.actor(), id), |tx, (staff, id)| Box::pin(delete_in(tx, staff, *id))).await
}

async fn delete_in(tx: &mut Tx, staff: &Staff<()>, id: WebhookEndpointId) -> Result<(), Error> {
    if !endpoints::delete(tx, id).await? {
        return Err(Error::NoEndpoint);
    }
    staff.records(tx, "notifications.delete_endpoint", id, &[]);
    Ok(())
}

/// Gives an endpoint a new secret. The one before signs beside it for a day; one older stops at once.
pub async fn rotate_secret(
    ctx: &Ctx,
    staff: Staff<can::NotificationsWrite>,
    id: WebhookEndpointId,
) -> Result<EndpointWithSecret, Error> {
    let rotated = ctx.db.write((staff.actor(), id), |tx, (staff, id)| Box::pin(rotate_in(tx, staff, *id)));
    Ok(with_secret(ctx, rotated.await?))
}

async fn rotate_in(tx: &mut Tx, staff: &Staff<()>, id: WebhookEndpointId) -> Result<Endpoint, Error> {
    let endpoint = endpoints::rotate(tx, id).await?.ok_or(Error::NoEndpoint)?;
    staff.records(tx, "notifications.rotate_secret", id, &["secret"]);
    Ok(endpoint)
}

/// What a ping tells.
#[derive(Debug, Serialize)]
struct Ping {
    endpoint: WebhookEndpointId,
}

/// Sends an endpoint a `webhook.ping`, whatever it asked for.
///
/// Errors: `NoEndpoint`, `EndpointDisabled`.
pub async fn ping_endpoint(
    ctx: &Ctx,
    staff: Staff<can::NotificationsWrite>,
    id: WebhookEndpointId,
) -> Result<DeliveryView, Error> {
    let delivery = ctx.db.write((staff.actor(), id), |tx, (staff, id)| Box::pin(ping_in(tx, staff, *id))).await?;
    deliveries::delivery(&ctx.db, delivery).await?.ok_or(Error::NoDelivery)
}

async fn ping_in(tx: &mut Tx, staff: &Staff<()>, id: WebhookEndpointId) -> Result<WebhookDeliveryId, Error> {
    let endpoint = endpoints::hold(tx, id).await?.ok_or(Error::NoEndpoint)?;
    if !endpoint.is_enabled() {
        return Err(Error::EndpointDisabled);
    }
    staff.records(tx, "notifications.ping_endpoint", id, &[]);
    Ok(tell::tell_one(tx, id, PING, &Ping { endpoint: id }).await?)
}
