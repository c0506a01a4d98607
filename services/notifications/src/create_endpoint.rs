//! Makes a webhook endpoint.

use ::store::{Tx, idempotency};
use contracts::Id;
use contracts::notifications::WebhookEndpointId;
use garde::Validate;
use platform::http::{Body, OptionalKey, Replay, replayed};
use platform::{Ctx, Problem, Staff, can};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::endpoint::{Endpoint, EndpointView, Topic};
use crate::error::Error;
use crate::outgoing::Outgoing;
use crate::signature;
use crate::store::endpoints;

const ROUTE: &str = "POST /v1/admin/webhook-endpoints";
pub const DESCRIPTION_CHARS_MAX: usize = 200;
/// Another may take the place that this one chose.
const TRIES_MAX: usize = 5;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhookEndpoint)]
pub struct NewEndpoint {
    /// Where events are posted to: `https://`, on the public internet.
    #[garde(length(chars, min = 1, max = 2_048))]
    #[schema(example = "https://example.com/souk", min_length = 1, max_length = 2_048)]
    pub url: String,
    /// For staff: whose it is.
    #[garde(inner(length(chars, max = DESCRIPTION_CHARS_MAX)))]
    #[schema(max_length = 200)]
    pub description: Option<String>,
    /// What it is told; `*` is everything.
    #[garde(length(min = 1, max = 50))]
    #[schema(min_items = 1, max_items = 50, example = json!(["order.confirmed", "order.cancelled"]))]
    pub events: Vec<Topic>,
    /// `true` if not said.
    #[garde(skip)]
    pub enabled: Option<bool>,
}

/// An endpoint with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpointWithSecret)]
pub struct EndpointWithSecret {
    #[serde(flatten)]
    pub endpoint: EndpointView,
    /// What the endpoint checks signatures with. Null where a repeat comes after a rotation.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: Option<String>,
}

struct Creating {
    staff: Staff<()>,
    key: Option<idempotency::Key>,
    endpoint: Endpoint,
}

/// Makes an endpoint. The flag says that the key made it before.
///
/// Errors: a field problem at `/url` where it leads into a private network, `TooManyEndpoints`.
pub async fn create_endpoint(
    ctx: &Ctx,
    outgoing: &Outgoing,
    staff: Staff<can::NotificationsWrite>,
    key: OptionalKey,
    body: Body<NewEndpoint>,
) -> Result<(EndpointWithSecret, bool), Error> {
    let key = match key.look_up(&ctx.db, staff.principal(), ROUTE, &body).await? {
        Some(Replay::Made(made)) => return Ok((again(ctx, made.resource).await?, true)),
        Some(Replay::New(key)) => Some(key),
        None => None,
    };
    let new = body.into_inner();
    outgoing.check(&new.url).await.map_err(|why| Problem::field("/url", why))?;
    let endpoint = new.endpoint(ctx);
    let creating = Creating { staff: staff.actor(), key: key.clone(), endpoint: endpoint.clone() };
    let is_mine = ctx.db.write(creating, |tx, creating| Box::pin(insert(tx, creating))).await?;
    match key {
        Some(key) if !is_mine => Ok((again(ctx, replayed(&ctx.db, &key).await?.resource).await?, true)),
        _ => Ok((with_secret(ctx, endpoint), false)),
    }
}

/// `false`: the key made another one meanwhile.
async fn insert(tx: &mut Tx, creating: &Creating) -> Result<bool, Error> {
    let endpoint = &creating.endpoint;
    if let Some(key) = &creating.key
        && !idempotency::claim(tx, key, 201, endpoint.id.uuid()).await?
    {
        return Ok(false);
    }
    for _ in 0..TRIES_MAX {
        if endpoints::insert(tx, endpoint).await? {
            let fields = ["url", "description", "events", "enabled"];
            creating.staff.records(tx, "notifications.create_endpoint", endpoint.id, &fields);
            return Ok(true);
        }
        if endpoints::count(tx).await? >= endpoints::ENDPOINTS_MAX {
            return Err(Error::TooManyEndpoints);
        }
    }
    Err(Problem::unavailable("many endpoints are being made at once").into())
}

async fn again(ctx: &Ctx, made: uuid::Uuid) -> Result<EndpointWithSecret, Error> {
    let endpoint = endpoints::endpoint(&ctx.db, WebhookEndpointId::from_uuid(made)).await?;
    let endpoint = endpoint.ok_or(Error::NoEndpoint)?;
    if endpoint.secret_version > 1 {
        return Ok(EndpointWithSecret { endpoint: EndpointView::of(endpoint, ctx.clock.now()), secret: None });
    }
    Ok(with_secret(ctx, endpoint))
}

/// Shows an endpoint with its newest secret: for whoever has just made that.
pub fn with_secret(ctx: &Ctx, endpoint: Endpoint) -> EndpointWithSecret {
    let secret = signature::secret(ctx, endpoint.id, endpoint.secret_version).shown();
    EndpointWithSecret { endpoint: EndpointView::of(endpoint, ctx.clock.now()), secret: Some(secret) }
}

impl NewEndpoint {
    fn endpoint(self, ctx: &Ctx) -> Endpoint {
        Endpoint {
            id: ctx.ids.next(),
            url: self.url,
            description: self.description,
            events: sorted(self.events),
            disabled: (!self.enabled.unwrap_or(true)).then_some(contracts::notifications::WebhookDisabledReason::Staff),
            secret_version: 1,
            secret_rotated_at: None,
            failing_since: None,
            version: 1,
            created_at: ctx.clock.now(),
        }
    }
}

/// Each once, in one order.
pub fn sorted(mut events: Vec<Topic>) -> Vec<Topic> {
    events.sort_unstable();
    events.dedup();
    events
}
