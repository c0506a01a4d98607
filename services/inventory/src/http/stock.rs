//! `/v1/admin/stock`: levels, policies, thresholds, adjustments and the ledger; `/v1/stock` for buyers.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use contracts::Id;
use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, MovementId};
use contracts::orders::OrderId;
use jiff::Timestamp;
use platform::http::{Body, List, OptionalKey, Page, Path, Query, Tagged, created};
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::adjust::{StockAdjustment, adjust};
use crate::error::Error;
use crate::level::{AvailabilityView, LevelView, SetPolicy, SetThreshold, VariantStockView};
use crate::movement::{MovementKind, MovementView};
use crate::store::ledger::{Of, Which};
use crate::{set_stock, store};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(adjust_stock))
        .routes(routes!(list_stock_levels))
        .routes(routes!(list_low_stock))
        .routes(routes!(list_stock_movements))
        .routes(routes!(show_variant_stock))
        .routes(routes!(set_stock_policy))
        .routes(routes!(set_stock_threshold))
        .routes(routes!(show_availability))
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
    let replay = key.look_up(&ctx.db, staff.principal(), "POST /v1/admin/stock/adjustments", &body).await?;
    let (view, repeat) = adjust(&ctx, staff.actor(), replay.into(), body.into_inner()).await?;
    Ok(created(&format!("/v1/admin/stock/movements?variant={}", view.variant), view, repeat))
}

/// Of which levels, and which part of their list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfLevels {
    /// One of `variant` and `location` is needed.
    variant: Option<VariantId>,
    location: Option<LocationId>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// The levels of a variant by location, or of a location by variant.
#[utoipa::path(get, path = "/v1/admin/stock/levels", params(OfLevels), security(("staff" = [])),
    responses((status = 200, body = List<LevelView>, description = "A page of levels")))]
async fn list_stock_levels(
    State(ctx): State<Ctx>,
    _: Staff<can::InventoryWrite>,
    Query(OfLevels { variant, location, limit, cursor }): Query<OfLevels>,
) -> Result<Json<List<LevelView>>, Problem> {
    let page = Page { limit, cursor };
    let limit = page.limit()?;
    match (variant, location) {
        (Some(variant), location) => {
            let after = page.after()?.unwrap_or(LocationId::from_uuid(Uuid::nil()));
            let found = store::levels_of_variant(&ctx.db, variant, after, location, limit + 1).await?;
            Ok(Json(List::of(found, limit, |level| level.location)))
        }
        (None, Some(location)) => {
            let after = page.after()?.unwrap_or(VariantId::from_uuid(Uuid::nil()));
            let found = store::levels_at_location(&ctx.db, location, after, limit + 1).await?;
            Ok(Json(List::of(found, limit, |level| level.variant)))
        }
        (None, None) => Err(Problem::field("variant", "is needed, or `location`: whose levels?")),
    }
}

/// Where, and which part of the list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfLow {
    /// Only there.
    location: Option<LocationId>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Levels at or below their threshold, by variant and location: what to order again.
#[utoipa::path(get, path = "/v1/admin/stock/low", params(OfLow), security(("staff" = [])),
    responses((status = 200, body = List<LevelView>, description = "A page of levels")))]
async fn list_low_stock(
    State(ctx): State<Ctx>,
    _: Staff<can::InventoryWrite>,
    Query(OfLow { location, limit, cursor }): Query<OfLow>,
) -> Result<Json<List<LevelView>>, Problem> {
    let page = Page { limit, cursor };
    let start = (VariantId::from_uuid(Uuid::nil()), LocationId::from_uuid(Uuid::nil()));
    let (limit, after) = (page.limit()?, page.after()?.unwrap_or(start));
    let found = store::low_levels(&ctx.db, after, location, limit + 1).await?;
    Ok(Json(List::of(found, limit, |level| (level.variant, level.location))))
}

/// Which movements, and which part of their list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfMovements {
    /// One of `variant`, `location` and `order` is needed.
    variant: Option<VariantId>,
    location: Option<LocationId>,
    order: Option<OrderId>,
    kind: Option<MovementKind>,
    /// At or after this time.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// The ledger of a variant, a location or an order, the newest movement first.
#[utoipa::path(get, path = "/v1/admin/stock/movements", params(OfMovements), security(("staff" = [])),
    responses((status = 200, body = List<MovementView>, description = "A page of the ledger")))]
async fn list_stock_movements(
    State(ctx): State<Ctx>,
    _: Staff<can::InventoryWrite>,
    Query(asked): Query<OfMovements>,
) -> Result<Json<List<MovementView>>, Problem> {
    let page = Page { limit: asked.limit, cursor: asked.cursor };
    let of = match (asked.order, asked.variant, asked.location) {
        (Some(order), variant, location) => Of::Order(order, variant, location),
        (None, Some(variant), location) => Of::Variant(variant, location),
        (None, None, Some(location)) => Of::Location(location),
        (None, None, None) => {
            return Err(Problem::field("variant", "is needed, or `location`, or `order`: whose movements?"));
        }
    };
    let limit = page.limit()?;
    let which = Which {
        kind: asked.kind,
        from: asked.from.unwrap_or(Timestamp::MIN),
        to: asked.to.unwrap_or(Timestamp::MAX),
        before: page.after()?.unwrap_or((Timestamp::MAX, MovementId::from_uuid(Uuid::max()))),
        limit: limit + 1,
    };
    let found = store::ledger::movements(&ctx.db, of, which).await?;
    Ok(Json(List::of(found, limit, |movement| (movement.at, movement.id))))
}

/// A variant over all its locations.
#[utoipa::path(get, path = "/v1/admin/stock/variants/{variant}", security(("staff" = [])),
    params(("variant" = VariantId, Path, description = "Its id")),
    responses((status = 200, body = VariantStockView, description = "Its policy, and what there is of it")))]
async fn show_variant_stock(
    State(ctx): State<Ctx>,
    _: Staff<can::InventoryWrite>,
    Path(variant): Path<VariantId>,
) -> Result<Json<VariantStockView>, Error> {
    Ok(Json(set_stock::show_variant(&ctx, variant).await?))
}

/// Says what happens when more of a variant is asked for than is there.
#[utoipa::path(put, path = "/v1/admin/stock/variants/{variant}/policy", request_body = SetPolicy, security(("staff" = [])),
    params(("variant" = VariantId, Path, description = "Its id")),
    responses((status = 200, body = VariantStockView, description = "As it is now")))]
async fn set_stock_policy(
    State(ctx): State<Ctx>,
    staff: Staff<can::InventoryWrite>,
    Path(variant): Path<VariantId>,
    body: Body<SetPolicy>,
) -> Result<Json<VariantStockView>, Error> {
    Ok(Json(set_stock::set_policy(&ctx, staff.actor(), variant, body.policy).await?))
}

/// Says from when on a level is low; makes the level where there is none.
#[utoipa::path(put, path = "/v1/admin/stock/variants/{variant}/thresholds/{location}", request_body = SetThreshold, security(("staff" = [])),
    params(("variant" = VariantId, Path, description = "Of which variant"), ("location" = LocationId, Path, description = "At which location")),
    responses((status = 200, body = LevelView, description = "The level as it is now")))]
async fn set_stock_threshold(
    State(ctx): State<Ctx>,
    staff: Staff<can::InventoryWrite>,
    Path((variant, location)): Path<(VariantId, LocationId)>,
    body: Body<SetThreshold>,
) -> Result<Json<LevelView>, Error> {
    Ok(Json(set_stock::set_threshold(&ctx, staff.actor(), (variant, location), body.low_threshold).await?))
}

/// Whether a variant can be had: in, low or out. Of one that was never counted nothing is known.
#[utoipa::path(get, path = "/v1/stock/{variant}", params(("variant" = VariantId, Path, description = "A variant's id")),
    responses((status = 200, body = AvailabilityView, description = "What a buyer is told"), (status = 304, description = "It is as you know it")))]
async fn show_availability(
    State(ctx): State<Ctx>,
    Path(variant): Path<VariantId>,
    headers: HeaderMap,
) -> Result<Tagged<AvailabilityView>, Error> {
    let found = store::availability(&ctx.db, variant).await?.ok_or(Error::VariantNotFound)?;
    Ok(Tagged::new(&headers, found.version, found))
}
