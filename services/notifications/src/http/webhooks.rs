//! Webhook endpoints and what they were told.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Json};
use contracts::notifications::{WebhookDeliveryId, WebhookEndpointId};
use platform::http::{Body, IfMatch, List, OptionalKey, Page, Path, Query, Tagged, created};
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::change_endpoint::{self as change, EditEndpoint};
use crate::create_endpoint::{EndpointWithSecret, NewEndpoint, create_endpoint};
use crate::delivery::{DeliveryState, DeliveryView};
use crate::endpoint::EndpointView;
use crate::error::Error;
use crate::outgoing::Outgoing;
use crate::replay::{self, ReplayFailed, Replayed};
use crate::store::{deliveries, endpoints};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(list_webhook_endpoints, create_webhook_endpoint))
        .routes(routes!(get_webhook_endpoint, edit_webhook_endpoint, delete_webhook_endpoint))
        .routes(routes!(rotate_webhook_secret))
        .routes(routes!(ping_webhook_endpoint))
        .routes(routes!(list_webhook_deliveries))
        .routes(routes!(replay_failed_deliveries))
        .routes(routes!(get_webhook_delivery))
        .routes(routes!(replay_webhook_delivery))
}

/// Webhook endpoints, the oldest first.
#[utoipa::path(get, path = "/v1/admin/webhook-endpoints", params(Page), security(("staff" = [])),
    responses((status = 200, body = List<EndpointView>, description = "A page of endpoints")))]
async fn list_webhook_endpoints(
    _: Staff<can::NotificationsRead>,
    State(ctx): State<Ctx>,
    Query(page): Query<Page>,
) -> Result<Json<List<EndpointView>>, Problem> {
    let (limit, after) = (page.limit()?, page.after::<WebhookEndpointId>()?);
    let now = ctx.clock.now();
    let found = endpoints::after(&ctx.db, after, limit + 1).await?;
    let views = found.into_iter().map(|endpoint| EndpointView::of(endpoint, now)).collect();
    Ok(Json(List::of(views, limit, |endpoint| endpoint.id)))
}

/// Makes a webhook endpoint. Its secret is shown this once; docs/webhooks.md says how to check with it.
#[utoipa::path(post, path = "/v1/admin/webhook-endpoints", request_body = NewEndpoint, security(("staff" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body make one endpoint.")),
    responses((status = 201, body = EndpointWithSecret, description = "The endpoint with its secret")))]
async fn create_webhook_endpoint(
    staff: Staff<can::NotificationsWrite>,
    State(ctx): State<Ctx>,
    Extension(outgoing): Extension<Arc<Outgoing>>,
    key: OptionalKey,
    body: Body<NewEndpoint>,
) -> Result<Response, Error> {
    let (made, repeat) = create_endpoint(&ctx, &outgoing, staff, key, body).await?;
    Ok(created(&format!("/v1/admin/webhook-endpoints/{}", made.endpoint.id), made, repeat))
}

/// A webhook endpoint.
#[utoipa::path(get, path = "/v1/admin/webhook-endpoints/{endpoint}", params(("endpoint" = WebhookEndpointId, Path)), security(("staff" = [])),
    responses((status = 200, body = EndpointView, description = "The endpoint"), (status = 304, description = "As the ETag that was sent")))]
async fn get_webhook_endpoint(
    _: Staff<can::NotificationsRead>,
    State(ctx): State<Ctx>,
    Path(endpoint): Path<WebhookEndpointId>,
    headers: HeaderMap,
) -> Result<Tagged<EndpointView>, Error> {
    let endpoint = endpoints::endpoint(&ctx.db, endpoint).await?.ok_or(Error::NoEndpoint)?;
    Ok(tagged(&headers, EndpointView::of(endpoint, ctx.clock.now())))
}

/// What changes by itself changes the tag, but not the version that an edit needs.
fn tagged(headers: &HeaderMap, view: EndpointView) -> Tagged<EndpointView> {
    let moment = |at: Option<jiff::Timestamp>| at.map_or(0, jiff::Timestamp::as_microsecond);
    let tag = format!("{}.{}.{}", view.version, moment(view.failing_since), moment(view.old_secret_signs_until));
    Tagged::new(headers, tag, view)
}

/// Changes a webhook endpoint that is still as it was read.
#[utoipa::path(patch, path = "/v1/admin/webhook-endpoints/{endpoint}", request_body = EditEndpoint, security(("staff" = [])),
    params(("endpoint" = WebhookEndpointId, Path), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, body = EndpointView, description = "The endpoint as it is now, with its `ETag`")))]
async fn edit_webhook_endpoint(
    staff: Staff<can::NotificationsWrite>,
    State(ctx): State<Ctx>,
    Extension(outgoing): Extension<Arc<Outgoing>>,
    Path(endpoint): Path<WebhookEndpointId>,
    version: IfMatch,
    body: Body<EditEndpoint>,
) -> Result<Tagged<EndpointView>, Error> {
    let view = change::edit_endpoint(&ctx, &outgoing, staff, endpoint, version, body.into_inner()).await?;
    Ok(tagged(&HeaderMap::new(), view))
}

/// Takes a webhook endpoint away. What it was owed is not sent any more.
#[utoipa::path(delete, path = "/v1/admin/webhook-endpoints/{endpoint}", params(("endpoint" = WebhookEndpointId, Path)), security(("staff" = [])),
    responses((status = 204, description = "It is gone")))]
async fn delete_webhook_endpoint(
    staff: Staff<can::NotificationsWrite>,
    State(ctx): State<Ctx>,
    Path(endpoint): Path<WebhookEndpointId>,
) -> Result<StatusCode, Error> {
    change::delete_endpoint(&ctx, staff, endpoint).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives an endpoint a new secret, shown this once. The old one signs beside it for 24 hours.
#[utoipa::path(post, path = "/v1/admin/webhook-endpoints/{endpoint}/rotate-secret", params(("endpoint" = WebhookEndpointId, Path)), security(("staff" = [])),
    responses((status = 200, body = EndpointWithSecret, description = "The endpoint with its new secret")))]
async fn rotate_webhook_secret(
    staff: Staff<can::NotificationsWrite>,
    State(ctx): State<Ctx>,
    Path(endpoint): Path<WebhookEndpointId>,
) -> Result<Json<EndpointWithSecret>, Error> {
    Ok(Json(change::rotate_secret(&ctx, staff, endpoint).await?))
}

/// Sends an endpoint a `webhook.ping`, whatever it asked for.
#[utoipa::path(post, path = "/v1/admin/webhook-endpoints/{endpoint}/ping", params(("endpoint" = WebhookEndpointId, Path)), security(("staff" = [])),
    responses((status = 202, body = DeliveryView, description = "The delivery; read it again to see what came of it")))]
async fn ping_webhook_endpoint(
    staff: Staff<can::NotificationsWrite>,
    State(ctx): State<Ctx>,
    Path(endpoint): Path<WebhookEndpointId>,
) -> Result<(StatusCode, Json<DeliveryView>), Error> {
    Ok((StatusCode::ACCEPTED, Json(change::ping_endpoint(&ctx, staff, endpoint).await?)))
}

/// Which deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeliveryFilter {
    /// Only deliveries in this state.
    #[param(inline)]
    state: Option<DeliveryState>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// What an endpoint was told, newest first.
#[utoipa::path(get, path = "/v1/admin/webhook-endpoints/{endpoint}/deliveries", params(("endpoint" = WebhookEndpointId, Path), DeliveryFilter), security(("staff" = [])),
    responses((status = 200, body = List<DeliveryView>, description = "A page of deliveries")))]
async fn list_webhook_deliveries(
    _: Staff<can::NotificationsRead>,
    State(ctx): State<Ctx>,
    Path(endpoint): Path<WebhookEndpointId>,
    Query(filter): Query<DeliveryFilter>,
) -> Result<Json<List<DeliveryView>>, Error> {
    let page = Page { limit: filter.limit, cursor: filter.cursor };
    let (limit, before) = (page.limit()?, page.after::<WebhookDeliveryId>()?);
    endpoints::endpoint(&ctx.db, endpoint).await?.ok_or(Error::NoEndpoint)?;
    let found = deliveries::before(&ctx.db, endpoint, before, filter.state, limit + 1).await?;
    Ok(Json(List::of(found, limit, |delivery| delivery.id)))
}

/// Sends an endpoint again what failed for good since a time, at most 1000 deliveries.
#[utoipa::path(post, path = "/v1/admin/webhook-endpoints/{endpoint}/replay", request_body = ReplayFailed, params(("endpoint" = WebhookEndpointId, Path)), security(("staff" = [])),
    responses((status = 202, body = Replayed, description = "How many are sent again")))]
async fn replay_failed_deliveries(
    staff: Staff<can::NotificationsWrite>,
    State(ctx): State<Ctx>,
    Path(endpoint): Path<WebhookEndpointId>,
    body: Body<ReplayFailed>,
) -> Result<(StatusCode, Json<Replayed>), Error> {
    Ok((StatusCode::ACCEPTED, Json(replay::replay_failed(&ctx, staff, endpoint, body.into_inner()).await?)))
}

/// A delivery, with what its last try was answered.
#[utoipa::path(get, path = "/v1/admin/webhook-deliveries/{delivery}", params(("delivery" = WebhookDeliveryId, Path)), security(("staff" = [])),
    responses((status = 200, body = DeliveryView, description = "The delivery")))]
async fn get_webhook_delivery(
    _: Staff<can::NotificationsRead>,
    State(ctx): State<Ctx>,
    Path(delivery): Path<WebhookDeliveryId>,
) -> Result<Json<DeliveryView>, Error> {
    Ok(Json(deliveries::delivery(&ctx.db, delivery).await?.ok_or(Error::NoDelivery)?))
}

/// Sends a delivery again at once, with the same `webhook-id`, whatever became of it.
#[utoipa::path(post, path = "/v1/admin/webhook-deliveries/{delivery}/replay", params(("delivery" = WebhookDeliveryId, Path)), security(("staff" = [])),
    responses((status = 202, body = DeliveryView, description = "The delivery, to be sent again")))]
async fn replay_webhook_delivery(
    staff: Staff<can::NotificationsWrite>,
    State(ctx): State<Ctx>,
    Path(delivery): Path<WebhookDeliveryId>,
) -> Result<(StatusCode, Json<DeliveryView>), Error> {
    Ok((StatusCode::ACCEPTED, Json(replay::replay_one(&ctx, staff, delivery).await?)))
}
