//! The routes of orders for buyers: each one line into a verb. Those of staff are in `http_staff.rs`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use contracts::orders::OrderId;
use platform::http::{Body, List, Page, Path, PreferWait, Query, RequiredKey, Tagged, created};
use platform::{Buyer, Ctx, Problem, Session};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Asker;
use crate::ask_link::{self, AskOrderLink};
use crate::cancel::{self, Cancelled};
use crate::cancellation::{Canceller, UnwantedUnits, Wish};
use crate::place::{self, PlaceOrder, Placed};
use crate::stream::{self, Streams};
use crate::view::{HistoryEntry, OrderListItem, OrderView};
use crate::waiters::Waiters;
use crate::{http_staff, read};

pub fn routes(waiters: Waiters, streams: Streams) -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(place_order, list_own_orders))
        .routes(routes!(get_order))
        .routes(routes!(cancel_order))
        .routes(routes!(stream_order_events))
        .routes(routes!(ask_order_link))
        .merge(http_staff::routes())
        .layer(Extension(waiters))
        .layer(Extension(streams))
}

/// Order a cart. With `Prefer: wait=N` the answer comes when the order is confirmed, cancelled, declined
/// or needs the buyer, at most N seconds later.
#[utoipa::path(post, path = "/v1/orders", request_body = PlaceOrder,
    security(("buyer" = []), ("session" = []), ("session_cookie" = [])),
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
    Buyer(buyer): Buyer,
    key: RequiredKey,
    PreferWait(wait): PreferWait,
    body: Body<PlaceOrder>,
) -> Result<Response, Problem> {
    let Placed { mut view, is_repeat } = place::place(&ctx, buyer.clone(), key, body).await?;
    if let Some(wait) = wait {
        view = read::when_settled(&ctx, &waiters, view.id, &Asker::Buyer(buyer), wait).await?;
    }
    Ok(created(&format!("/v1/orders/{}", view.id), view, is_repeat))
}

/// A customer's own orders, newest first.
#[utoipa::path(get, path = "/v1/orders", params(Page), security(("session" = []), ("session_cookie" = [])),
    responses((status = 200, body = List<OrderListItem>, description = "A page of orders")))]
async fn list_own_orders(
    State(ctx): State<Ctx>,
    session: Session,
    Query(page): Query<Page>,
) -> Result<Json<List<OrderListItem>>, Problem> {
    Ok(Json(read::own(&ctx, session.customer, &page).await?))
}

/// An order, for its buyer, or for a guest who has a link to it.
#[utoipa::path(get, path = "/v1/orders/{order}", params(("order" = OrderId, Path)),
    security(("buyer" = []), ("session" = []), ("session_cookie" = []), ("order_link" = [])),
    responses((status = 200, body = OrderView, description = "The order"), (status = 404, body = Problem, description = "No such order, or not the buyer's")))]
async fn get_order(
    State(ctx): State<Ctx>,
    asker: Asker,
    Path(order): Path<OrderId>,
    headers: HeaderMap,
) -> Result<Tagged<OrderView>, Problem> {
    let view = read::for_buyer(&ctx, order, &asker).await?;
    Ok(Tagged::new(&headers, view.tag(), view))
}

/// What is to be cancelled, and why. Without a body: all that is left.
#[derive(Debug, Clone, Default, Serialize, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// So many units of these lines; not said: all that is left of the order. Before an order is paid for,
    /// it is cancelled whole.
    #[serde(default)]
    #[garde(length(min = 1, max = 100))]
    #[schema(min_items = 1, max_items = 100)]
    lines: Option<Vec<UnwantedUnits>>,
    /// For the history, which the buyer sees.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 500))]
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

impl CancelOrder {
    pub fn wish(body: Option<Body<Self>>, by: Canceller) -> Wish {
        let Self { lines, reason } = body.map(Body::into_inner).unwrap_or_default();
        Wish { by, lines, why: reason }
    }
}

/// Cancel an order, or lines of it, before it leaves the house. What is not confirmed yet, or does not ship,
/// is cancelled at once. Else shipping decides what can still be held back: the answer is 202, the order shows
/// its `cancel_request`, and `Prefer: wait=N` waits for the decision.
#[utoipa::path(post, path = "/v1/orders/{order}/cancel", request_body = Option<CancelOrder>,
    security(("buyer" = []), ("session" = []), ("session_cookie" = []), ("order_link" = [])),
    params(
        ("order" = OrderId, Path),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: up to 30 seconds", example = "wait=10"),
    ),
    responses(
        (status = 200, body = OrderView, description = "Cancelled, now or before"),
        (status = 202, body = OrderView, description = "Asked of shipping, which decides"),
        (status = 409, body = Problem, description = "Too late, or shipping said no"),
    ))]
async fn cancel_order(
    State(ctx): State<Ctx>,
    Extension(waiters): Extension<Waiters>,
    asker: Asker,
    Path(order): Path<OrderId>,
    PreferWait(wait): PreferWait,
    body: Option<Body<CancelOrder>>,
) -> Result<Response, Problem> {
    let wish = CancelOrder::wish(body, Canceller::Buyer);
    let mut cancelled = cancel::by_buyer(&ctx, order, asker.clone(), wish).await?;
    if let (Cancelled::Requested(_), Some(wait)) = (&cancelled, wait) {
        cancelled = cancel::when_decided(&ctx, &waiters, order, &asker, wait).await?;
    }
    Ok(cancelled.for_buyer().into_response())
}

impl IntoResponse for Cancelled {
    fn into_response(self) -> Response {
        match self {
            Self::Done(view) => Json(view).into_response(),
            Self::Requested(view) => (StatusCode::ACCEPTED, Json(view)).into_response(),
        }
    }
}

/// The life of an order as server-sent events: each entry of its history as one event, named as the entry's
/// `event`, its `sequence` as id. Begins with the first entry, or after `Last-Event-ID`, and ends when the
/// order has ended, or after some minutes: then come again with the last id.
#[utoipa::path(get, path = "/v1/orders/{order}/events",
    security(("buyer" = []), ("session" = []), ("session_cookie" = []), ("order_link" = [])),
    params(
        ("order" = OrderId, Path),
        ("Last-Event-ID" = Option<i64>, Header, minimum = 0, description = "The id of the last event that was received", example = 3),
    ),
    responses(
        (status = 200, body = HistoryEntry, content_type = "text/event-stream", description = "Events; `data` of each is an entry of the history"),
        (status = 204, description = "The order has ended, and that event was its last"),
    ))]
async fn stream_order_events(
    State(ctx): State<Ctx>,
    Extension(waiters): Extension<Waiters>,
    Extension(streams): Extension<Streams>,
    asker: Asker,
    Path(order): Path<OrderId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    stream::open(&ctx, &waiters, &streams, order, &asker, last_event_id(&headers)).await
}

/// Browsers send what they were last given; what is no id of this stream begins it anew.
fn last_event_id(headers: &HeaderMap) -> i64 {
    let text = headers.get("last-event-id").and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.trim().parse().ok().filter(|number| *number >= 0).unwrap_or(0)
}

/// Ask for a link to an order, by its number and the e-mail address that it was placed with. If there is such
/// an order, the link goes to that address and opens it for 24 hours by the header `Order-Token`. The answer
/// is the same in any case.
#[utoipa::path(post, path = "/v1/order-links", request_body = AskOrderLink, security(()),
    responses((status = 202, description = "If there is such an order, a mail is on its way")))]
async fn ask_order_link(State(ctx): State<Ctx>, body: Body<AskOrderLink>) -> Result<StatusCode, Problem> {
    ask_link::ask(&ctx, body.into_inner()).await?;
    Ok(StatusCode::ACCEPTED)
}
