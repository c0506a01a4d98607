//! Zones and methods.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use contracts::shipping::{ShippingMethodId, ShippingZoneId};
use platform::http::{Body, IfMatch, List, OptionalKey, Page, Path, Query, Tagged, created};
use platform::{Ctx, Problem, Staff, can};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tag;
use crate::error::Error;
use crate::method::{EditShippingMethod, NewShippingMethod, ShippingMethodView};
use crate::zone::{EditShippingZone, NewShippingZone, ShippingZoneView};
use crate::{add_method, add_zone, edit_method, edit_zone, show_zones};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(create_shipping_zone, list_shipping_zones))
        .routes(routes!(get_shipping_zone, edit_shipping_zone))
        .routes(routes!(create_shipping_method, list_shipping_methods))
        .routes(routes!(get_shipping_method, edit_shipping_method))
}

/// Makes a zone: countries, regions and postcodes that share shipping methods.
///
/// An address belongs to one zone, the one with the most specific rule: the most characters of the postcode,
/// then a region, then the narrower range of postcodes, then the older zone.
#[utoipa::path(post, path = "/v1/admin/shipping/zones", request_body = NewShippingZone, security(("staff" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body make one zone.")),
    responses((status = 201, body = ShippingZoneView, description = "The zone with its methods")))]
async fn create_shipping_zone(
    State(ctx): State<Ctx>,
    staff: Staff<can::ShippingWrite>,
    key: OptionalKey,
    body: Body<NewShippingZone>,
) -> Result<Response, Error> {
    let (view, repeat) = add_zone::add(&ctx, staff, key, body).await?;
    Ok(created(&format!("/v1/admin/shipping/zones/{}", view.id), view, repeat))
}

/// The zones, the oldest first, the archived too.
#[utoipa::path(get, path = "/v1/admin/shipping/zones", params(Page), security(("staff" = [])),
    responses((status = 200, body = List<ShippingZoneView>, description = "A page of zones")))]
async fn list_shipping_zones(
    State(ctx): State<Ctx>,
    _: Staff<can::ShippingWrite>,
    Query(page): Query<Page>,
) -> Result<Json<List<ShippingZoneView>>, Problem> {
    Ok(Json(show_zones::list(&ctx, &page).await?))
}

/// A zone with its methods.
#[utoipa::path(get, path = "/v1/admin/shipping/zones/{zone}", params(("zone" = ShippingZoneId, Path)), security(("staff" = [])),
    responses((status = 200, body = ShippingZoneView, description = "The zone"), (status = 304, description = "As the ETag that was sent")))]
async fn get_shipping_zone(
    State(ctx): State<Ctx>,
    _: Staff<can::ShippingWrite>,
    Path(zone): Path<ShippingZoneId>,
    headers: HeaderMap,
) -> Result<Tagged<ShippingZoneView>, Error> {
    let view = show_zones::view_one(&ctx, zone).await?;
    Ok(Tagged::new(&headers, tag(view.version, &view)?, view))
}

/// Changes where a zone lies; archives it, or brings it back. Its methods have routes of their own.
#[utoipa::path(patch, path = "/v1/admin/shipping/zones/{zone}", request_body = EditShippingZone, security(("staff" = [])),
    params(("zone" = ShippingZoneId, Path), ("If-Match" = String, Header, description = "The ETag that the edit is made on")),
    responses((status = 200, body = ShippingZoneView, description = "As it is now")))]
async fn edit_shipping_zone(
    State(ctx): State<Ctx>,
    staff: Staff<can::ShippingWrite>,
    Path(zone): Path<ShippingZoneId>,
    IfMatch(version): IfMatch,
    body: Body<EditShippingZone>,
) -> Result<Tagged<ShippingZoneView>, Error> {
    let view = edit_zone::edit_zone(&ctx, staff, zone, version, body.into_inner()).await?;
    Ok(Tagged::new(&HeaderMap::new(), tag(view.version, &view)?, view))
}

/// Adds a method to a zone, or a place where buyers fetch their goods.
#[utoipa::path(post, path = "/v1/admin/shipping/methods", request_body = NewShippingMethod, security(("staff" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body make one method.")),
    responses((status = 201, body = ShippingMethodView, description = "The method with its rates")))]
async fn create_shipping_method(
    State(ctx): State<Ctx>,
    staff: Staff<can::ShippingWrite>,
    key: OptionalKey,
    body: Body<NewShippingMethod>,
) -> Result<Response, Error> {
    let (view, repeat) = add_method::add(&ctx, staff, key, body).await?;
    Ok(created(&format!("/v1/admin/shipping/methods/{}", view.id), view, repeat))
}

/// The methods of all zones and places, the oldest first, the archived too.
#[utoipa::path(get, path = "/v1/admin/shipping/methods", params(Page), security(("staff" = [])),
    responses((status = 200, body = List<ShippingMethodView>, description = "A page of methods")))]
async fn list_shipping_methods(
    State(ctx): State<Ctx>,
    _: Staff<can::ShippingWrite>,
    Query(page): Query<Page>,
) -> Result<Json<List<ShippingMethodView>>, Problem> {
    Ok(Json(show_zones::list_methods(&ctx, &page).await?))
}

/// A method with its rates.
#[utoipa::path(get, path = "/v1/admin/shipping/methods/{method}", params(("method" = ShippingMethodId, Path)), security(("staff" = [])),
    responses((status = 200, body = ShippingMethodView, description = "The method"), (status = 304, description = "As the ETag that was sent")))]
async fn get_shipping_method(
    State(ctx): State<Ctx>,
    _: Staff<can::ShippingWrite>,
    Path(method): Path<ShippingMethodId>,
    headers: HeaderMap,
) -> Result<Tagged<ShippingMethodView>, Error> {
    let view = show_zones::view_method(&ctx, method).await?;
    Ok(Tagged::new(&headers, tag(view.version, &view)?, view))
}

/// Changes what a method costs; archives it, or brings it back.
#[utoipa::path(patch, path = "/v1/admin/shipping/methods/{method}", request_body = EditShippingMethod, security(("staff" = [])),
    params(("method" = ShippingMethodId, Path), ("If-Match" = String, Header, description = "The ETag that the edit is made on")),
    responses((status = 200, body = ShippingMethodView, description = "As it is now")))]
async fn edit_shipping_method(
    State(ctx): State<Ctx>,
    staff: Staff<can::ShippingWrite>,
    Path(method): Path<ShippingMethodId>,
    IfMatch(version): IfMatch,
    body: Body<EditShippingMethod>,
) -> Result<Tagged<ShippingMethodView>, Error> {
    let view = edit_method::edit_method(&ctx, staff, method, version, body.into_inner()).await?;
    Ok(Tagged::new(&HeaderMap::new(), tag(view.version, &view)?, view))
}
