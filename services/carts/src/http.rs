//! The routes of `carts`. Whoever sends a cart's token is its buyer.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use contracts::carts::{CartId, LineId};
use contracts::shipping::ShippingOption;
use platform::auth::{Buyer, sha256_hex};
use platform::http::{Body, List, OptionalKey, Path, Tagged, created};
use platform::{Ctx, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::change_cart::{self, ChangeCart};
use crate::change_lines::{self, AddLine, ChangeLine};
use crate::create_cart::{self, NewCart};
use crate::error::Error;
use crate::view::{CartView, OpenedCart};
use crate::{shipping_options, show_cart};

const ETAG_CHARS: usize = 32;

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(open_cart))
        .routes(routes!(get_cart, patch_cart))
        .routes(routes!(add_cart_line))
        .routes(routes!(patch_cart_line, delete_cart_line))
        .routes(routes!(list_cart_shipping_options))
}

/// Opens a cart. Its token is shown this once, so an `Idempotency-Key` can't repeat the answer: open another.
#[utoipa::path(post, path = "/v1/carts", request_body = NewCart, security(()),
    responses((status = 201, body = OpenedCart, description = "The empty cart with its token")))]
async fn open_cart(State(ctx): State<Ctx>, body: Body<NewCart>) -> Result<Response, Error> {
    let opened = create_cart::create_cart(&ctx, body.into_inner()).await?;
    Ok(created(&format!("/v1/carts/{}", opened.cart.id), opened, false))
}

/// The cart, priced now.
#[utoipa::path(get, path = "/v1/carts/{cart}", params(("cart" = CartId, Path)), security(("buyer" = [])),
    responses((status = 200, body = CartView, description = "The cart"), (status = 304, description = "As the ETag that was sent")))]
async fn get_cart(
    State(ctx): State<Ctx>,
    buyer: Buyer,
    Path(cart): Path<CartId>,
    headers: HeaderMap,
) -> Result<Tagged<CartView>, Error> {
    let view = show_cart::show_cart(&ctx, &buyer, cart).await?;
    let bytes = serde_json::to_vec(&view).map_err(|error| Problem::internal(error.to_string()))?;
    let tag = format!("{}.{:.width$}", view.version, sha256_hex(&bytes), width = ETAG_CHARS);
    Ok(Tagged::new(&headers, tag, view))
}

/// Says who buys, where it goes and how.
#[utoipa::path(patch, path = "/v1/carts/{cart}", params(("cart" = CartId, Path)), request_body = ChangeCart, security(("buyer" = [])),
    responses((status = 200, body = CartView, description = "The cart; `carts.ordered` where it became an order")))]
async fn patch_cart(
    State(ctx): State<Ctx>,
    buyer: Buyer,
    Path(cart): Path<CartId>,
    body: Body<ChangeCart>,
) -> Result<Json<CartView>, Error> {
    Ok(Json(change_cart::change_cart(&ctx, &buyer, cart, body.into_inner()).await?))
}

/// Puts a variant into the cart; more of one that is there lets its line grow.
#[utoipa::path(post, path = "/v1/carts/{cart}/lines", request_body = AddLine, security(("buyer" = [])),
    params(("cart" = CartId, Path), ("Idempotency-Key" = Option<String>, Header, description = "The same key and body add once")),
    responses((status = 201, body = CartView, description = "The whole cart")))]
async fn add_cart_line(
    State(ctx): State<Ctx>,
    buyer: Buyer,
    Path(cart): Path<CartId>,
    key: OptionalKey,
    body: Body<AddLine>,
) -> Result<Response, Error> {
    let replay = key.look_up(&ctx.db, cart.to_string(), "POST /v1/carts/{cart}/lines", &body).await?;
    let (view, repeat) = change_lines::add_line(&ctx, &buyer, cart, replay, body.into_inner()).await?;
    Ok(created(&format!("/v1/carts/{cart}"), view, repeat))
}

/// Another quantity of a line.
#[utoipa::path(patch, path = "/v1/carts/{cart}/lines/{line}", request_body = ChangeLine, security(("buyer" = [])),
    params(("cart" = CartId, Path), ("line" = LineId, Path)),
    responses((status = 200, body = CartView, description = "The whole cart")))]
async fn patch_cart_line(
    State(ctx): State<Ctx>,
    buyer: Buyer,
    Path((cart, line)): Path<(CartId, LineId)>,
    body: Body<ChangeLine>,
) -> Result<Json<CartView>, Error> {
    Ok(Json(change_lines::change_line(&ctx, &buyer, cart, line, body.into_inner()).await?))
}

/// Takes a line out of the cart.
#[utoipa::path(delete, path = "/v1/carts/{cart}/lines/{line}", security(("buyer" = [])),
    params(("cart" = CartId, Path), ("line" = LineId, Path)),
    responses((status = 200, body = CartView, description = "The whole cart")))]
async fn delete_cart_line(
    State(ctx): State<Ctx>,
    buyer: Buyer,
    Path((cart, line)): Path<(CartId, LineId)>,
) -> Result<Json<CartView>, Error> {
    Ok(Json(change_lines::remove_line(&ctx, &buyer, cart, line).await?))
}

/// How the cart can be sent to its address, cheapest first.
#[utoipa::path(get, path = "/v1/carts/{cart}/shipping-options", params(("cart" = CartId, Path)), security(("buyer" = [])),
    responses((status = 200, body = List<ShippingOption>, description = "Choose one as `shipping_method`; `carts.address_missing` without an address")))]
async fn list_cart_shipping_options(
    State(ctx): State<Ctx>,
    buyer: Buyer,
    Path(cart): Path<CartId>,
) -> Result<Json<List<ShippingOption>>, Error> {
    Ok(Json(shipping_options::shipping_options(&ctx, &buyer, cart).await?))
}
