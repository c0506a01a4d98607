//! The routes of `pricing`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use platform::http::{Body, List, OptionalKey, Page, Query, created};
use platform::{Ctx, Staff, can};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::create_zone::{self, NewTaxZone};
use crate::error::Error;
use crate::list_zones;
use crate::zone::TaxZoneView;

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(create_tax_zone, list_tax_zones))
}

/// Says which taxes are due in a country, or in a region of one.
#[utoipa::path(post, path = "/v1/admin/tax/zones", request_body = NewTaxZone, security(("staff" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body make one zone")),
    responses((status = 201, body = TaxZoneView, description = "The zone; `pricing.zone_exists` where the place has one")))]
async fn create_tax_zone(
    State(ctx): State<Ctx>,
    staff: Staff<can::PricingWrite>,
    key: OptionalKey,
    body: Body<NewTaxZone>,
) -> Result<Response, Error> {
    let replay = key.look_up(&ctx.db, staff.principal(), "POST /v1/admin/tax/zones", &body).await?;
    let (zone, repeat) = create_zone::create_zone(&ctx, staff.actor(), replay, body.into_inner()).await?;
    Ok(created("/v1/admin/tax/zones", zone, repeat))
}

/// The shop's tax zones by country and region.
#[utoipa::path(get, path = "/v1/admin/tax/zones", params(Page), security(("staff" = [])),
    responses((status = 200, body = List<TaxZoneView>, description = "A page of zones, each with its rates")))]
async fn list_tax_zones(
    State(ctx): State<Ctx>,
    _staff: Staff<can::PricingWrite>,
    Query(page): Query<Page>,
) -> Result<Response, Error> {
    Ok(axum::Json(list_zones::list_zones(&ctx, &page).await?).into_response())
}
