//! Messages to buyers.

use axum::Json;
use axum::extract::State;
use contracts::notifications::MessageId;
use contracts::orders::OrderId;
use platform::http::{List, Page, Path, Query};
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::Error;
use crate::message::{MessageState, MessageView};
use crate::resend;
use crate::store::messages::{self, Which};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(list_messages)).routes(routes!(resend_message))
}

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MessageFilter {
    /// Only messages about this order.
    order: Option<OrderId>,
    /// Only messages in this state.
    #[param(inline)]
    state: Option<MessageState>,
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
    _: Staff<can::NotificationsRead>,
    State(ctx): State<Ctx>,
    Query(filter): Query<MessageFilter>,
) -> Result<Json<List<MessageView>>, Problem> {
    let page = Page { limit: filter.limit, cursor: filter.cursor };
    let (limit, before) = (page.limit()?, page.after::<MessageId>()?);
    let which = Which { order: filter.order, state: filter.state };
    let messages = messages::before(&ctx.db, before, which, limit + 1).await?;
    Ok(Json(List::of(messages, limit, |message| message.id)))
}

/// Sends a message again, to the address that the order, or the account, has now.
#[utoipa::path(post, path = "/v1/admin/messages/{message}/resend", params(("message" = MessageId, Path)), security(("staff" = [])),
    responses((status = 202, body = MessageView, description = "The message, to be sent once more")))]
async fn resend_message(
    staff: Staff<can::NotificationsWrite>,
    State(ctx): State<Ctx>,
    Path(message): Path<MessageId>,
) -> Result<(axum::http::StatusCode, Json<MessageView>), Error> {
    let message = resend::resend(&ctx, staff, message).await?;
    Ok((axum::http::StatusCode::ACCEPTED, Json(message)))
}
