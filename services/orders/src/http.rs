//! The routes of orders: each one line into a verb.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Json};
use contracts::orders::{OrderId, OrderStatus};
use platform::auth::Buyer;
use platform::http::{Body, List, Page, Path, PreferWait, Query, RequiredKey, Tagged, created};
use platform::{Ctx, Problem, Staff, can};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::place::{PlaceOrder, Placed};
use crate::view::{OrderListItem, OrderView};
use crate::waiters::Waiters;
use crate::{cancel, place, read};

pub fn routes(waiters: Waiters) -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(place_order))
        .routes(routes!(get_order))
        .routes(routes!(cancel_order))
        .routes(routes!(list_orders_as_staff))
        .routes(routes!(get_order_as_staff))
        .routes(routes!(cancel_order_as_staff))
        .layer(Extension(waiters))
}

/// Order a cart. With `Prefer: wait=N` the answer comes when the order is confirmed, cancelled, declined
/// or needs the buyer, at most N seconds later.
#[utoipa::path(post, path = "/v1/orders", request_body = PlaceOrder, security(("buyer" = [])),
    params(
        ("Idempotency-Key" = String, Header, description = "A new UUID for each new order; the same when it is sent again"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: up to 30 seconds", example = "wait=10"),
    ),
    responses(
        (status = 201, body = OrderView, description = "The order as it is now; `Location` names it"),
        (status = 409, body = Problem, description = "The cart is incomplete or ordered, its price changed, or the key was used for another body"),
    ))]
async fn place_order(
    State(ctx): State<Ctx>,
    Extension(waiters): Extension<Waiters>,
    buyer: Buyer,
    key: RequiredKey,
    PreferWait(wait): PreferWait,
    body: Body<PlaceOrder>,
) -> Result<Response, Problem> {
    let Placed { mut view, is_repeat } = place::place(&ctx, buyer.clone(), key, body).await?;
    if let Some(wait) = wait {
        view = read::when_settled(&ctx, &waiters, view.id, &buyer.token_sha256, wait).await?;
    }
    Ok(created(&format!("/v1/orders/{}", view.id), view, is_repeat))
}

/// An order, for its buyer.
#[utoipa::path(get, path = "/v1/orders/{order}", params(("order" = OrderId, Path)), security(("buyer" = [])),
    responses((status = 200, body = OrderView, description = "The order"), (status = 404, body = Problem, description = "No such order, or not the buyer's")))]
async fn get_order(
    State(ctx): State<Ctx>,
    buyer: Buyer,
    Path(order): Path<OrderId>,
    headers: HeaderMap,
) -> Result<Tagged<OrderView>, Problem> {
    let view = read::for_buyer(&ctx, order, &buyer.token_sha256).await?;
    Ok(Tagged::new(&headers, view.tag(), view))
}

/// Cancel an order before anything of it was shipped.
#[utoipa::path(post, path = "/v1/orders/{order}/cancel", params(("order" = OrderId, Path)), security(("buyer" = [])),
    responses((status = 200, body = OrderView, description = "The cancelled order"), (status = 409, body = Problem, description = "Too late")))]
async fn cancel_order(
    State(ctx): State<Ctx>,
    buyer: Buyer,
    Path(order): Path<OrderId>,
) -> Result<Json<OrderView>, Problem> {
    Ok(Json(cancel::by_buyer(&ctx, order, buyer).await?))
}

/// Which orders to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OrderFilter {
    /// Only orders of this status.
    status: Option<OrderStatus>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Orders, newest first.
#[utoipa::path(get, path = "/v1/admin/orders", params(OrderFilter), security(("staff" = [])),
    responses((status = 200, body = List<OrderListItem>, description = "A page of orders")))]
async fn list_orders_as_staff(
    State(ctx): State<Ctx>,
    _: Staff<can::OrdersRead>,
    Query(filter): Query<OrderFilter>,
) -> Result<Json<List<OrderListItem>>, Problem> {
    let page = Page { limit: filter.limit, cursor: filter.cursor };
    Ok(Json(read::list(&ctx, filter.status, &page).await?))
}

/// An order, for staff: with the notes of its history.
#[utoipa::path(get, path = "/v1/admin/orders/{order}", params(("order" = OrderId, Path)), security(("staff" = [])),
    responses((status = 200, body = OrderView, description = "The order"), (status = 404, body = Problem, description = "No such order")))]
async fn get_order_as_staff(
    State(ctx): State<Ctx>,
    _: Staff<can::OrdersRead>,
    Path(order): Path<OrderId>,
    headers: HeaderMap,
) -> Result<Tagged<OrderView>, Problem> {
    let view = read::for_staff(&ctx, order).await?;
    Ok(Tagged::new(&headers, view.tag(), view))
}

/// Why staff cancel.
#[derive(Debug, Clone, Serialize, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct CancelOrder {
    /// For the history; shown to staff only.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 500))]
    #[schema(max_length = 500)]
    note: Option<String>,
}

/// Cancel an order before anything of it was shipped.
#[utoipa::path(post, path = "/v1/admin/orders/{order}/cancel", params(("order" = OrderId, Path)), request_body = CancelOrder,
    security(("staff" = [])),
    responses((status = 200, body = OrderView, description = "The cancelled order"), (status = 409, body = Problem, description = "Too late")))]
async fn cancel_order_as_staff(
    State(ctx): State<Ctx>,
    staff: Staff<can::OrdersWrite>,
    Path(order): Path<OrderId>,
    body: Body<CancelOrder>,
) -> Result<Json<OrderView>, Problem> {
    let note = body.into_inner().note;
    Ok(Json(cancel::by_staff(&ctx, order, staff.actor(), note).await?))
}
