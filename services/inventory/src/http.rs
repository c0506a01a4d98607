//! Inventory's routes: all of them for staff.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use contracts::Id;
use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, MovementId};
use platform::http::{Body, List, OptionalKey, Page, Query, created};
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::adjust::{StockAdjustment, adjust};
use crate::error::Error;
use crate::level::LevelView;
use crate::location::{LocationView, NewLocation};
use crate::movement::MovementView;
use crate::{add_location, store};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(create_location, list_locations))
        .routes(routes!(adjust_stock))
        .routes(routes!(list_stock_levels))
        .routes(routes!(list_stock_movements))
}

/// Which variant, and which part of its list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfVariant {
    variant: VariantId,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

impl OfVariant {
    fn page(&self) -> Page {
        Page { limit: self.limit, cursor: self.cursor.clone() }
    }
}

/// Makes a location. Orders are held at the oldest location that has everything.
#[utoipa::path(post, path = "/v1/admin/locations", request_body = NewLocation, security(("staff" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body make one location.")),
    responses((status = 201, body = LocationView, description = "The location")))]
async fn create_location(
    State(ctx): State<Ctx>,
    staff: Staff<can::InventoryWrite>,
    key: OptionalKey,
    body: Body<NewLocation>,
) -> Result<Response, Error> {
    let (view, repeat) = add_location::add(&ctx, staff, key, body).await?;
    Ok(created("/v1/admin/locations", view, repeat))
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
    let found = store::locations(&ctx.db, after, limit + 1).await?;
    Ok(Json(List::of(found, limit, |location| location.id)))
}

/// Puts stock on a shelf or takes it off; makes the level where there is none.
#[utoipa::path(post, path = "/v1/admin/stock/adjustments", request_body = StockAdjustment, security(("staff" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body adjust once.")),
    responses((status = 201, body = LevelView, description = "The level as it is now")))]
async fn adjust_stock(
    State(ctx): State<Ctx>,
    staff: Staff<can::InventoryWrite>,
    key: OptionalKey,
    body: Body<StockAdjustment>,
) -> Result<Response, Error> {
    let (view, repeat) = adjust(&ctx, staff, key, body).await?;
    Ok(created(&format!("/v1/admin/stock/movements?variant={}", view.variant), view, repeat))
}

/// A variant's levels, by location.
#[utoipa::path(get, path = "/v1/admin/stock/levels", params(OfVariant), security(("staff" = [])),
    responses((status = 200, body = List<LevelView>, description = "A page of levels")))]
async fn list_stock_levels(
    State(ctx): State<Ctx>,
    _: Staff<can::InventoryWrite>,
    Query(query): Query<OfVariant>,
) -> Result<Json<List<LevelView>>, Problem> {
    let page = query.page();
    let (limit, after) = (page.limit()?, page.after()?.unwrap_or(LocationId::from_uuid(Uuid::nil())));
    let found = store::levels(&ctx.db, query.variant, after, limit + 1).await?;
    Ok(Json(List::of(found, limit, |level| level.location)))
}

/// A variant's ledger, the newest movement first.
#[utoipa::path(get, path = "/v1/admin/stock/movements", params(OfVariant), security(("staff" = [])),
    responses((status = 200, body = List<MovementView>, description = "A page of the ledger")))]
async fn list_stock_movements(
    State(ctx): State<Ctx>,
    _: Staff<can::InventoryWrite>,
    Query(query): Query<OfVariant>,
) -> Result<Json<List<MovementView>>, Problem> {
    let page = query.page();
    let (limit, before) = (page.limit()?, page.after()?.unwrap_or(MovementId::from_uuid(Uuid::max())));
    let found = store::movements(&ctx.db, query.variant, before, limit + 1).await?;
    Ok(Json(List::of(found, limit, |movement| movement.id)))
}
