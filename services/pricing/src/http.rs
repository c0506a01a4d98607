//! The routes of `pricing`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use contracts::pricing::TaxZoneId;
use platform::http::{Body, IfMatch, List, OptionalKey, Page, Path, Query, Tagged, created};
use platform::{Ctx, Staff, can};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::create_zone::{self, NewTaxZone};
use crate::edit_zone::{self, EditTaxZone};
use crate::error::Error;
use crate::list_zones;
use crate::zone::TaxZoneView;

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(create_tax_zone, list_tax_zones)).routes(routes!(
        show_tax_zone,
        edit_tax_zone,
        delete_tax_zone
    ))
}

/// Says which taxes are due in a country, or in a region of one.
#[utoipa::path(post, path = "/v1/admin/tax/zones", request_body = NewTaxZone, security(("staff" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body make one zone")),
    responses((status = 201, body = TaxZoneView, description = "The zone; `Location` names it")))]
async fn create_tax_zone(
    State(ctx): State<Ctx>,
    staff: Staff<can::PricingWrite>,
    key: OptionalKey,
    body: Body<NewTaxZone>,
) -> Result<Response, Error> {
    let replay = key.look_up(&ctx.db, staff.principal(), "POST /v1/admin/tax/zones", &body).await?;
    let (zone, repeat) = create_zone::create_zone(&ctx, staff.actor(), replay, body.into_inner()).await?;
    Ok(created(&format!("/v1/admin/tax/zones/{}", zone.id), zone, repeat))
}

/// The shop's tax zones by country and region.
#[utoipa::path(get, path = "/v1/admin/tax/zones", params(Page), security(("staff" = [])),
    responses((status = 200, body = List<TaxZoneView>, description = "A page of zones, each with its rates")))]
async fn list_tax_zones(
    State(ctx): State<Ctx>,
    _staff: Staff<can::PricingWrite>,
    Query(page): Query<Page>,
) -> Result<Json<List<TaxZoneView>>, Error> {
    Ok(Json(list_zones::list_zones(&ctx, &page).await?))
}

/// One tax zone with its rates.
#[utoipa::path(get, path = "/v1/admin/tax/zones/{zone}", security(("staff" = [])),
    params(("zone" = TaxZoneId, Path, description = "Its id")),
    responses((status = 200, body = TaxZoneView, description = "The zone"), (status = 304, description = "It is as you know it")))]
async fn show_tax_zone(
    State(ctx): State<Ctx>,
    _staff: Staff<can::PricingWrite>,
    Path(zone): Path<TaxZoneId>,
    headers: HeaderMap,
) -> Result<Tagged<TaxZoneView>, Error> {
    let zone = edit_zone::show_zone(&ctx, zone).await?;
    Ok(Tagged::new(&headers, zone.version, zone))
}

/// Renames a tax zone, or puts other rates in the place of all it has. Orders keep what they were sold with.
#[utoipa::path(patch, path = "/v1/admin/tax/zones/{zone}", request_body = EditTaxZone, security(("staff" = [])),
    params(("zone" = TaxZoneId, Path, description = "Its id"), ("If-Match" = String, Header, description = "The ETag that the edit is made on")),
    responses((status = 200, body = TaxZoneView, description = "As it is now")))]
async fn edit_tax_zone(
    State(ctx): State<Ctx>,
    staff: Staff<can::PricingWrite>,
    Path(zone): Path<TaxZoneId>,
    IfMatch(version): IfMatch,
    body: Body<EditTaxZone>,
) -> Result<Tagged<TaxZoneView>, Error> {
    let zone = edit_zone::edit_zone(&ctx, staff.actor(), zone, version, body.into_inner()).await?;
    Ok(Tagged::new(&HeaderMap::new(), zone.version, zone))
}

/// Takes a tax zone away: what goes there then is taxed as its country, or can't be sold there.
#[utoipa::path(delete, path = "/v1/admin/tax/zones/{zone}", security(("staff" = [])),
    params(("zone" = TaxZoneId, Path, description = "Its id"), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 204, description = "It is gone")))]
async fn delete_tax_zone(
    State(ctx): State<Ctx>,
    staff: Staff<can::PricingWrite>,
    Path(zone): Path<TaxZoneId>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, Error> {
    edit_zone::delete_zone(&ctx, staff.actor(), zone, version).await?;
    Ok(StatusCode::NO_CONTENT)
}
