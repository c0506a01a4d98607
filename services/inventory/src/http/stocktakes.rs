//! `/v1/admin/stocktakes`.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use contracts::Id;
use contracts::inventory::StocktakeId;
use platform::http::{Body, List, OptionalKey, Page, Path, Query, created};
use platform::{Ctx, Problem, Staff, can};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::error::Error;
use crate::stocktake::{NewStocktake, StocktakeListItem, StocktakeView};
use crate::{store, take_stock};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(create_stocktake, list_stocktakes)).routes(routes!(show_stocktake))
}

/// Takes a count over into the books: all lines or none. What orders were promised and a count did not find is
/// kept as a shortfall.
#[utoipa::path(post, path = "/v1/admin/stocktakes", request_body = NewStocktake, security(("staff" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body are one stocktake.")),
    responses((status = 201, body = StocktakeView, description = "What was counted beside what was expected")))]
async fn create_stocktake(
    State(ctx): State<Ctx>,
    staff: Staff<can::InventoryWrite>,
    key: OptionalKey,
    body: Body<NewStocktake>,
) -> Result<Response, Error> {
    let replay = key.look_up(&ctx.db, staff.principal(), "POST /v1/admin/stocktakes", &body).await?;
    let (view, repeat) = take_stock::take_stock(&ctx, staff.actor(), replay.into(), body.into_inner()).await?;
    Ok(created(&format!("/v1/admin/stocktakes/{}", view.id), view, repeat))
}

/// The stocktakes, the newest first.
#[utoipa::path(get, path = "/v1/admin/stocktakes", params(Page), security(("staff" = [])),
    responses((status = 200, body = List<StocktakeListItem>, description = "A page of stocktakes")))]
async fn list_stocktakes(
    State(ctx): State<Ctx>,
    _: Staff<can::InventoryWrite>,
    Query(page): Query<Page>,
) -> Result<Json<List<StocktakeListItem>>, Problem> {
    let (limit, before) = (page.limit()?, page.after()?.unwrap_or(StocktakeId::from_uuid(Uuid::max())));
    let found = store::stocktakes::stocktakes(&ctx.db, before, limit + 1).await?;
    Ok(Json(List::of(found, limit, |stocktake| stocktake.id)))
}

/// One stocktake with its lines.
#[utoipa::path(get, path = "/v1/admin/stocktakes/{stocktake}", security(("staff" = [])),
    params(("stocktake" = StocktakeId, Path, description = "Its id")),
    responses((status = 200, body = StocktakeView, description = "The stocktake")))]
async fn show_stocktake(
    State(ctx): State<Ctx>,
    _: Staff<can::InventoryWrite>,
    Path(stocktake): Path<StocktakeId>,
) -> Result<Json<StocktakeView>, Error> {
    Ok(Json(take_stock::show_stocktake(&ctx, stocktake).await?))
}
