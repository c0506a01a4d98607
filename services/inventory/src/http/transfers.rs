//! `/v1/admin/transfers`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::Id;
use contracts::inventory::TransferId;
use platform::http::{Body, List, OptionalKey, Page, Path, Query, created};
use platform::problem::Kind;
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::error::Error;
use crate::once::Begun;
use crate::transfer::{NewTransfer, TransferListItem, TransferReceipt, TransferState, TransferView};
use crate::{move_stock, store};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(create_transfer, list_transfers))
        .routes(routes!(show_transfer))
        .routes(routes!(ship_transfer))
        .routes(routes!(receive_transfer))
        .routes(routes!(cancel_transfer))
}

/// Plans to bring goods from one location to another; with `at_once` they are there already.
#[utoipa::path(post, path = "/v1/admin/transfers", request_body = NewTransfer, security(("staff" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body are one transfer.")),
    responses((status = 201, body = TransferView, description = "The transfer; `Location` names it")))]
async fn create_transfer(
    State(ctx): State<Ctx>,
    staff: Staff<can::InventoryWrite>,
    key: OptionalKey,
    body: Body<NewTransfer>,
) -> Result<Response, Error> {
    let replay = key.look_up(&ctx.db, staff.principal(), "POST /v1/admin/transfers", &body).await?;
    let (view, repeat) = move_stock::create_transfer(&ctx, staff.actor(), replay.into(), body.into_inner()).await?;
    Ok(created(&format!("/v1/admin/transfers/{}", view.id), view, repeat))
}

/// Which transfers, and which part of their list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfTransfers {
    /// Only those.
    state: Option<TransferState>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// The transfers, the newest first.
#[utoipa::path(get, path = "/v1/admin/transfers", params(OfTransfers), security(("staff" = [])),
    responses((status = 200, body = List<TransferListItem>, description = "A page of transfers")))]
async fn list_transfers(
    State(ctx): State<Ctx>,
    _: Staff<can::InventoryWrite>,
    Query(OfTransfers { state, limit, cursor }): Query<OfTransfers>,
) -> Result<Json<List<TransferListItem>>, Problem> {
    let page = Page { limit, cursor };
    let (limit, before) = (page.limit()?, page.after()?.unwrap_or(TransferId::from_uuid(Uuid::max())));
    let found = store::transfers::transfers(&ctx.db, state, before, limit + 1).await?;
    Ok(Json(List::of(found, limit, |transfer| transfer.id)))
}

/// One transfer with its lines.
#[utoipa::path(get, path = "/v1/admin/transfers/{transfer}", security(("staff" = [])),
    params(("transfer" = TransferId, Path, description = "Its id")),
    responses((status = 200, body = TransferView, description = "The transfer")))]
async fn show_transfer(
    State(ctx): State<Ctx>,
    _: Staff<can::InventoryWrite>,
    Path(transfer): Path<TransferId>,
) -> Result<Json<TransferView>, Error> {
    Ok(Json(move_stock::show_transfer(&ctx, transfer).await?))
}

/// The goods leave the one location: never what orders were promised there. They are in transit then.
#[utoipa::path(post, path = "/v1/admin/transfers/{transfer}/ship", security(("staff" = [])),
    params(("transfer" = TransferId, Path, description = "Its id")),
    responses((status = 200, body = TransferView, description = "As it is now")))]
async fn ship_transfer(
    State(ctx): State<Ctx>,
    staff: Staff<can::InventoryWrite>,
    Path(transfer): Path<TransferId>,
) -> Result<Json<TransferView>, Error> {
    Ok(Json(move_stock::ship_transfer(&ctx, staff.actor(), transfer).await?))
}

/// The goods lie at the other location, all or a part of them, or were lost on the way.
#[utoipa::path(post, path = "/v1/admin/transfers/{transfer}/receive", request_body = TransferReceipt, security(("staff" = [])),
    params(("transfer" = TransferId, Path, description = "Its id"), ("Idempotency-Key" = Option<String>, Header, description = "The same key and body are one receipt.")),
    responses((status = 200, body = TransferView, description = "As it is now")))]
async fn receive_transfer(
    State(ctx): State<Ctx>,
    staff: Staff<can::InventoryWrite>,
    Path(transfer): Path<TransferId>,
    key: OptionalKey,
    body: Body<TransferReceipt>,
) -> Result<Response, Error> {
    let route = "POST /v1/admin/transfers/{transfer}/receive";
    let begun = Begun::from(key.look_up(&ctx.db, staff.principal(), route, &body).await?);
    if matches!(&begun, Begun::Made(made) if *made != transfer.uuid()) {
        let detail = "this Idempotency-Key was sent for another transfer before: send a new key for a new request";
        return Err(Problem::new(Kind::Conflict, "request.key_reused", detail).into());
    }
    let receipt = body.into_inner();
    let (view, repeat) = move_stock::receive_transfer(&ctx, staff.actor(), begun, transfer, receipt).await?;
    let mut response = Json(view).into_response();
    if repeat {
        response.headers_mut().insert("idempotent-replayed", axum::http::HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Gives up a plan. What is in transit has to arrive somewhere first.
#[utoipa::path(post, path = "/v1/admin/transfers/{transfer}/cancel", security(("staff" = [])),
    params(("transfer" = TransferId, Path, description = "Its id")),
    responses((status = 200, body = TransferView, description = "As it is now")))]
async fn cancel_transfer(
    State(ctx): State<Ctx>,
    staff: Staff<can::InventoryWrite>,
    Path(transfer): Path<TransferId>,
) -> Result<Json<TransferView>, Error> {
    Ok(Json(move_stock::cancel_transfer(&ctx, staff.actor(), transfer).await?))
}
