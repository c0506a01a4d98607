//! The routes of customers: each one line into a verb.

mod accounts;
mod addresses;
mod sessions;
mod staff;

use axum::Extension;
use platform::Ctx;
use utoipa_axum::router::OpenApiRouter;

use crate::desk::Desk;

pub fn routes(desk: Desk) -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .merge(accounts::routes())
        .merge(addresses::routes())
        .merge(sessions::routes())
        .merge(staff::routes())
        .layer(Extension(desk))
}
