//! Routes for staff.

mod messages;
mod templates;
mod webhooks;

use std::sync::Arc;

use axum::Extension;
use platform::Ctx;
use utoipa_axum::router::OpenApiRouter;

use crate::outgoing::Outgoing;
use crate::send::Office;

pub fn routes(office: Arc<Office>, outgoing: Arc<Outgoing>) -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .merge(messages::routes())
        .merge(templates::routes())
        .merge(webhooks::routes())
        .layer(Extension(office))
        .layer(Extension(outgoing))
}
