//! `/v1/admin/locations`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use contracts::Id;
use contracts::inventory::LocationId;
use platform::http::{Body, IfMatch, List, OptionalKey, Page, Path, Query, Tagged, created};
use platform::{Ctx, Problem, Staff, can};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::error::Error;
use crate::location::{EditLocation, LocationView, NewLocation};
use crate::{add_location, edit_location, store};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(create_location, list_locations))
        .routes(routes!(show_location, change_location))
}

/// Makes a location that goods can lie at.
///
/// An order is held at one location that has everything: those that its market's setting `locations` names first,
/// then by `priority`. Where none has, it is split over several.
#[utoipa::path(post, path = "/v1/admin/locations", request_body = NewLocation, security(("staff" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body make one location.")),
    responses((status = 201, body = LocationView, description = "The location; `Location` names it")))]
async fn create_location(
    State(ctx): State<Ctx>,
    staff: Staff<can::InventoryWrite>,
    key: OptionalKey,
    body: Body<NewLocation>,
) -> Result<Response, Error> {
    let replay = key.look_up(&ctx.db, staff.principal(), "POST /v1/admin/locations", &body).await?;
    let (location, repeat) = add_location::add_location(&ctx, staff.actor(), replay.into(), body.into_inner()).await?;
    Ok(created(&format!("/v1/admin/locations/{}", location.id), location, repeat))
}

/// The locations, the oldest first.
#[utoipa::path(get, path = "/v1/admin/locations", params(Page), security(("staff" = [])),
    responses((status = 200, body = List<LocationView>, description = "A page of locations")))]
async fn list_locations(
    State(ctx): State<Ctx>,
    _: Staff<can::InventoryWrite>,
    Query(page): Query<Page>,
) -> Result<Json<List<LocationView>>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?.unwrap_or(LocationId::from_uuid(Uuid::nil())));
    let found = store::locations::locations(&ctx.db, after, limit + 1).await?;
    Ok(Json(List::of(found, limit, |location| location.id)))
}

/// One location.
#[utoipa::path(get, path = "/v1/admin/locations/{location}", security(("staff" = [])),
    params(("location" = LocationId, Path, description = "Its id")),
    responses((status = 200, body = LocationView, description = "The location"), (status = 304, description = "It is as you know it")))]
async fn show_location(
    State(ctx): State<Ctx>,
    _: Staff<can::InventoryWrite>,
    Path(location): Path<LocationId>,
    headers: HeaderMap,
) -> Result<Tagged<LocationView>, Error> {
    let location = edit_location::show_location(&ctx, location).await?;
    Ok(Tagged::new(&headers, location.version, location))
}

/// Changes a location. One that is not active holds no new orders; what it holds still leaves from there.
#[utoipa::path(patch, path = "/v1/admin/locations/{location}", request_body = EditLocation, security(("staff" = [])),
    params(("location" = LocationId, Path, description = "Its id"), ("If-Match" = String, Header, description = "The ETag that the edit is made on")),
    responses((status = 200, body = LocationView, description = "As it is now")))]
async fn change_location(
    State(ctx): State<Ctx>,
    staff: Staff<can::InventoryWrite>,
    Path(location): Path<LocationId>,
    IfMatch(version): IfMatch,
    body: Body<EditLocation>,
) -> Result<Tagged<LocationView>, Error> {
    let location = edit_location::edit_location(&ctx, staff.actor(), location, version, body.into_inner()).await?;
    Ok(Tagged::new(&HeaderMap::new(), location.version, location))
}
