//! Routes for staff.

use axum::Json;
use axum::extract::State;
use contracts::notifications::MessageId;
use contracts::orders::OrderId;
use platform::http::{List, Page, Query};
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::message::MessageView;
use crate::store;

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(list_messages))
}

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MessageFilter {
    /// Only messages about this order.
    order: Option<OrderId>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Messages to buyers, newest first.
#[utoipa::path(get, path = "/v1/admin/messages", params(MessageFilter), security(("staff" = [])),
    responses((status = 200, body = List<MessageView>, description = "A page of messages")))]
async fn list_messages(
    _: Staff<can::OrdersRead>,
    State(ctx): State<Ctx>,
    Query(filter): Query<MessageFilter>,
) -> Result<Json<List<MessageView>>, Problem> {
    let page = Page { limit: filter.limit, cursor: filter.cursor };
    let (limit, before) = (page.limit()?, page.after::<MessageId>()?);
    let messages = store::messages_before(&ctx.db, before, filter.order, limit + 1).await?;
    Ok(Json(List::of(messages, limit, |message| message.id)))
}
