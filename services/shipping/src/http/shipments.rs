//! Shipments and their parcels.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use contracts::inventory::LocationId;
use contracts::orders::OrderId;
use contracts::shipping::ShipmentId;
use platform::http::{Body, IfMatch, List, Page, Path, Query, Tagged};
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tag;
use crate::dispatch::DispatchShipment;
use crate::edit_shipment::EditShipment;
use crate::error::Error;
use crate::shipment::{PackingSlip, ShipmentState, ShipmentView};
use crate::store::shipments::Which;
use crate::{deliver, dispatch, edit_shipment, show_shipments};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(list_all_shipments))
        .routes(routes!(get_shipment, patch_shipment))
        .routes(routes!(get_packing_slip))
        .routes(routes!(dispatch_shipment))
        .routes(routes!(deliver_shipment))
        .routes(routes!(lose_shipment))
}

/// Which shipments, and which part of their list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichShipments {
    /// Only of this order.
    order: Option<OrderId>,
    /// Only in this state.
    state: Option<ShipmentState>,
    /// Only what lies, or lay, here.
    location: Option<LocationId>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// The shipments, the newest first, with where they go.
#[utoipa::path(get, path = "/v1/admin/shipments", params(WhichShipments), security(("staff" = [])),
    responses((status = 200, body = List<ShipmentView>, description = "A page of shipments")))]
async fn list_all_shipments(
    State(ctx): State<Ctx>,
    _: Staff<can::OrdersRead>,
    Query(asked): Query<WhichShipments>,
) -> Result<Json<List<ShipmentView>>, Problem> {
    let WhichShipments { order, state, location, limit, cursor } = asked;
    Ok(Json(show_shipments::list(&ctx, Which { order, state, location }, &Page { limit, cursor }).await?))
}

/// A shipment with its parcels and where it goes.
#[utoipa::path(get, path = "/v1/admin/shipments/{shipment}", params(("shipment" = ShipmentId, Path)), security(("staff" = [])),
    responses((status = 200, body = ShipmentView, description = "The shipment"), (status = 304, description = "As the ETag that was sent")))]
async fn get_shipment(
    State(ctx): State<Ctx>,
    _: Staff<can::OrdersRead>,
    Path(shipment): Path<ShipmentId>,
    headers: HeaderMap,
) -> Result<Tagged<ShipmentView>, Error> {
    let view = show_shipments::view_one(&ctx, shipment).await?;
    Ok(Tagged::new(&headers, tag(view.version, &view)?, view))
}

/// Corrects the parcels of what has left, and what integrators noted.
#[utoipa::path(patch, path = "/v1/admin/shipments/{shipment}", request_body = EditShipment, security(("staff" = [])),
    params(("shipment" = ShipmentId, Path), ("If-Match" = String, Header, description = "The ETag that the edit is made on")),
    responses((status = 200, body = ShipmentView, description = "As it is now")))]
async fn patch_shipment(
    State(ctx): State<Ctx>,
    staff: Staff<can::OrdersWrite>,
    Path(shipment): Path<ShipmentId>,
    IfMatch(version): IfMatch,
    body: Body<EditShipment>,
) -> Result<Tagged<ShipmentView>, Error> {
    let view = edit_shipment::edit_shipment(&ctx, staff, shipment, version, body.into_inner()).await?;
    Ok(Tagged::new(&HeaderMap::new(), tag(view.version, &view)?, view))
}

/// What is laid into the parcels, as data for printing.
#[utoipa::path(get, path = "/v1/admin/shipments/{shipment}/packing-slip", params(("shipment" = ShipmentId, Path)), security(("staff" = [])),
    responses((status = 200, body = PackingSlip, description = "The slip: what is sent, without prices")))]
async fn get_packing_slip(
    State(ctx): State<Ctx>,
    _: Staff<can::OrdersRead>,
    Path(shipment): Path<ShipmentId>,
) -> Result<Json<PackingSlip>, Error> {
    Ok(Json(show_shipments::packing_slip(&ctx, shipment).await?))
}

/// The parcels left the house, or wait at their pickup point. With `lines`, only these leave, and the rest
/// is another shipment from then on. A repeat changes nothing and answers the same; one with other lines or parcels
/// than what left is refused.
#[utoipa::path(post, path = "/v1/admin/shipments/{shipment}/dispatch", request_body = DispatchShipment, security(("staff" = [])),
    params(("shipment" = ShipmentId, Path)),
    responses((status = 200, body = ShipmentView, description = "The shipment, dispatched")))]
async fn dispatch_shipment(
    State(ctx): State<Ctx>,
    staff: Staff<can::OrdersWrite>,
    Path(shipment): Path<ShipmentId>,
    body: Body<DispatchShipment>,
) -> Result<Json<ShipmentView>, Error> {
    Ok(Json(dispatch::dispatch(&ctx, staff, shipment, body.into_inner()).await?))
}

/// The parcels arrived, or were fetched; also where they were given up and turned up. A repeat changes nothing and answers the same.
#[utoipa::path(post, path = "/v1/admin/shipments/{shipment}/deliver", security(("staff" = [])),
    params(("shipment" = ShipmentId, Path)),
    responses((status = 200, body = ShipmentView, description = "The shipment, delivered")))]
async fn deliver_shipment(
    State(ctx): State<Ctx>,
    staff: Staff<can::OrdersWrite>,
    Path(shipment): Path<ShipmentId>,
) -> Result<Json<ShipmentView>, Error> {
    Ok(Json(deliver::deliver(&ctx, staff, shipment).await?))
}

/// The parcels will not arrive: a person decides on a refund. Should they turn up, deliver them. A repeat changes nothing and answers the same.
#[utoipa::path(post, path = "/v1/admin/shipments/{shipment}/lost", security(("staff" = [])),
    params(("shipment" = ShipmentId, Path)),
    responses((status = 200, body = ShipmentView, description = "The shipment, lost")))]
async fn lose_shipment(
    State(ctx): State<Ctx>,
    staff: Staff<can::OrdersWrite>,
    Path(shipment): Path<ShipmentId>,
) -> Result<Json<ShipmentView>, Error> {
    Ok(Json(deliver::lose(&ctx, staff, shipment).await?))
}
