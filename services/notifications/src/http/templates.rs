//! Templates.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use platform::http::{Body, List, Path};
use platform::{Ctx, Problem, Staff, can};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::Error;
use crate::message::Template;
use crate::preview::{self, MessagePreview, PreviewMessage, TemplateView};
use crate::send::Office;

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(list_templates)).routes(routes!(preview_template))
}

/// The messages that the shop sends, and the languages they are written in.
#[utoipa::path(get, path = "/v1/admin/templates", security(("staff" = [])),
    responses((status = 200, body = List<TemplateView>, description = "All of them")))]
async fn list_templates(
    _: Staff<can::NotificationsRead>,
    Extension(office): Extension<Arc<Office>>,
) -> Result<Json<List<TemplateView>>, Error> {
    Ok(Json(List { items: preview::templates(&office.templates).await?, next: None }))
}

/// What a message would look like; nothing is sent. With an `order` the key needs `orders:read` as well.
#[utoipa::path(post, path = "/v1/admin/templates/{template}/preview", request_body = PreviewMessage, security(("staff" = [])),
    params(("template" = Template, Path)),
    responses((status = 200, body = MessagePreview, description = "Subject, text and HTML")))]
async fn preview_template(
    _: Staff<can::NotificationsRead>,
    orders: Result<Staff<can::OrdersRead>, Problem>,
    State(ctx): State<Ctx>,
    Extension(office): Extension<Arc<Office>>,
    Path(template): Path<Template>,
    body: Body<PreviewMessage>,
) -> Result<Json<MessagePreview>, Error> {
    if body.order.is_some() {
        orders?;
    }
    Ok(Json(preview::preview(&ctx, &office.templates, template, body.into_inner()).await?))
}
