//! Shipping's routes: all of them for staff.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use contracts::orders::OrderId;
use contracts::shipping::ShipmentId;
use platform::http::{Body, List, OptionalKey, Page, Path, Query, created};
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::dispatch::DispatchShipment;
use crate::error::Error;
use crate::shipment::{ShipmentState, ShipmentView};
use crate::zone::{NewShippingZone, ShippingZoneView};
use crate::{add_zone, deliver, dispatch, list_shipments, list_zones};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(create_shipping_zone, list_shipping_zones))
        .routes(routes!(list_all_shipments))
        .routes(routes!(dispatch_shipment))
        .routes(routes!(deliver_shipment))
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
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Makes a zone: countries that share shipping methods.
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
    Ok(created("/v1/admin/shipping/zones", view, repeat))
}

/// The zones, the oldest first.
#[utoipa::path(get, path = "/v1/admin/shipping/zones", params(Page), security(("staff" = [])),
    responses((status = 200, body = List<ShippingZoneView>, description = "A page of zones")))]
async fn list_shipping_zones(
    State(ctx): State<Ctx>,
    _: Staff<can::ShippingWrite>,
    Query(page): Query<Page>,
) -> Result<Json<List<ShippingZoneView>>, Problem> {
    Ok(Json(list_zones::list(&ctx, &page).await?))
}

/// The shipments, the newest first, with where they go.
#[utoipa::path(get, path = "/v1/admin/shipments", params(WhichShipments), security(("staff" = [])),
    responses((status = 200, body = List<ShipmentView>, description = "A page of shipments")))]
async fn list_all_shipments(
    State(ctx): State<Ctx>,
    _: Staff<can::OrdersRead>,
    Query(which): Query<WhichShipments>,
) -> Result<Json<List<ShipmentView>>, Problem> {
    let page = Page { limit: which.limit, cursor: which.cursor };
    Ok(Json(list_shipments::list(&ctx, which.order, which.state, &page).await?))
}

/// The parcel left the house. A repeat changes nothing and answers the same.
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

/// The parcel arrived. A repeat changes nothing and answers the same.
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
