//! The routes of orders for staff: each one line into a verb.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use contracts::MarketId;
use contracts::customers::CustomerId;
use contracts::orders::{OrderId, OrderStatus};
use jiff::Timestamp;
use platform::http::{Body, List, OptionalKey, Page, Path, PreferWait, Query, Tagged, created};
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Asker;
use crate::cancel::{self, Cancelled};
use crate::cancellation::Canceller;
use crate::http::CancelOrder;
use crate::note::{self, AddOrderNote, Noted};
use crate::states::{FulfilmentState, PaymentState};
use crate::store::lists::Filter;
use crate::view::{OrderListItem, OrderView};
use crate::waiters::Waiters;
use crate::{number, read, store};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(list_orders_as_staff))
        .routes(routes!(get_order_as_staff))
        .routes(routes!(cancel_order_as_staff))
        .routes(routes!(add_order_note))
}

/// Which orders to list; each that is said narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OrderFilter {
    status: Option<OrderStatus>,
    payment_state: Option<PaymentState>,
    fulfilment_state: Option<FulfilmentState>,
    market: Option<MarketId>,
    customer: Option<CustomerId>,
    /// The number that people know; small letters will do.
    number: Option<String>,
    /// The address that it was placed with, whole.
    email: Option<String>,
    /// Orders with a line of this SKU.
    sku: Option<String>,
    /// Placed then or later.
    #[param(value_type = Option<String>, format = DateTime)]
    placed_from: Option<Timestamp>,
    /// Placed before that.
    #[param(value_type = Option<String>, format = DateTime)]
    placed_before: Option<Timestamp>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

impl OrderFilter {
    fn split(self) -> (Filter, Page) {
        let page = Page { limit: self.limit, cursor: self.cursor };
        let filter = Filter {
            status: self.status,
            payment_state: self.payment_state,
            fulfilment_state: self.fulfilment_state,
            market: self.market,
            customer: self.customer,
            number: self.number.as_deref().map(number::normalized),
            email_key: self.email.as_deref().map(store::email_key),
            sku: self.sku,
            placed_from: self.placed_from,
            placed_before: self.placed_before,
        };
        (filter, page)
    }
}

/// Orders, newest first.
#[utoipa::path(get, path = "/v1/admin/orders", params(OrderFilter), security(("staff" = [])),
    responses((status = 200, body = List<OrderListItem>, description = "A page of orders")))]
async fn list_orders_as_staff(
    State(ctx): State<Ctx>,
    _: Staff<can::OrdersRead>,
    Query(filter): Query<OrderFilter>,
) -> Result<Json<List<OrderListItem>>, Problem> {
    let (filter, page) = filter.split();
    Ok(Json(read::search(&ctx, &filter, &page).await?))
}

/// An order, for staff: with who of staff did what, and their notes.
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

/// Cancel an order, or lines of it, before it leaves the house: as its buyer can.
#[utoipa::path(post, path = "/v1/admin/orders/{order}/cancel", request_body = Option<CancelOrder>,
    security(("staff" = [])),
    params(
        ("order" = OrderId, Path),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: up to 30 seconds", example = "wait=10"),
    ),
    responses(
        (status = 200, body = OrderView, description = "Cancelled, now or before"),
        (status = 202, body = OrderView, description = "Asked of shipping, which decides"),
        (status = 409, body = Problem, description = "Too late, or shipping said no"),
    ))]
async fn cancel_order_as_staff(
    State(ctx): State<Ctx>,
    Extension(waiters): Extension<Waiters>,
    staff: Staff<can::OrdersWrite>,
    Path(order): Path<OrderId>,
    PreferWait(wait): PreferWait,
    body: Option<Body<CancelOrder>>,
) -> Result<Response, Problem> {
    let wish = CancelOrder::wish(body, Canceller::Staff(staff.id));
    let mut cancelled = cancel::by_staff(&ctx, order, staff.actor(), wish).await?;
    if let (Cancelled::Requested(_), Some(wait)) = (&cancelled, wait) {
        cancelled = cancel::when_decided(&ctx, &waiters, order, &Asker::Shop, wait).await?;
    }
    Ok(cancelled.into_response())
}

/// Write down something about an order for the rest of the staff. The buyer does not see it.
#[utoipa::path(post, path = "/v1/admin/orders/{order}/notes", request_body = AddOrderNote, security(("staff" = [])),
    params(
        ("order" = OrderId, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "A new UUID for each new note; the same when it is sent again"),
    ),
    responses(
        (status = 201, body = OrderView, description = "The order with its notes"),
        (status = 404, body = Problem, description = "No such order"),
    ))]
async fn add_order_note(
    State(ctx): State<Ctx>,
    staff: Staff<can::OrdersWrite>,
    Path(order): Path<OrderId>,
    key: OptionalKey,
    body: Body<AddOrderNote>,
) -> Result<Response, Problem> {
    let Noted { view, is_repeat } = note::add(&ctx, order, staff.actor(), key, body).await?;
    Ok(created(&format!("/v1/admin/orders/{}", view.id), view, is_repeat))
}
