//! The routes of `carts`. A cart is its customer's, or of whoever sends its token.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use contracts::carts::{CartId, LineId};
use contracts::shipping::ShippingOption;
use platform::auth::sha256_hex;
use platform::http::{Body, List, OptionalKey, Page, Path, Query, Tagged, created};
use platform::{Buyer, CartToken, ClientAddress, Ctx, OptionalSession, Problem, Session};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::change_cart::{self, ChangeCart};
use crate::change_lines::{self, AddLine, ChangeLine};
use crate::create_cart::{self, NewCart};
use crate::error::Error;
use crate::list_carts::CartListItem;
use crate::view::{CartView, OpenedCart};
use crate::{claim, list_carts, shipping_options, show_cart};

const ETAG_CHARS: usize = 32;

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(open_cart, list_own_carts))
        .routes(routes!(get_cart, patch_cart))
        .routes(routes!(claim_cart))
        .routes(routes!(add_cart_line))
        .routes(routes!(patch_cart_line, delete_cart_line))
        .routes(routes!(list_cart_shipping_options))
}

/// Opens a cart, empty or with lines, addresses and the way to send it: a customer's, or a guest's with its
/// token. That is shown this once, so an `Idempotency-Key` can't repeat the answer: open another.
#[utoipa::path(post, path = "/v1/carts", request_body = NewCart, security((), ("session" = []), ("session_cookie" = [])),
    responses((status = 201, body = OpenedCart, description = "The cart, and a guest's token")))]
async fn open_cart(
    State(ctx): State<Ctx>,
    from: ClientAddress,
    OptionalSession(session): OptionalSession,
    body: Body<NewCart>,
) -> Result<Response, Error> {
    let customer = session.map(|session| session.customer);
    let opened = create_cart::create_cart(&ctx, from, customer, body.into_inner()).await?;
    Ok(created(&format!("/v1/carts/{}", opened.cart.id), opened, false))
}

/// Your open carts, the newest first.
#[utoipa::path(get, path = "/v1/carts", params(Page), security(("session" = []), ("session_cookie" = [])),
    responses((status = 200, body = List<CartListItem>, description = "A page of carts")))]
async fn list_own_carts(
    State(ctx): State<Ctx>,
    session: Session,
    Query(page): Query<Page>,
) -> Result<Json<List<CartListItem>>, Problem> {
    Ok(Json(list_carts::list(&ctx, session.customer, &page).await?))
}

/// Makes a guest's cart yours: send your session and the cart's token, which opens nothing from then on. What
/// lies in your own open cart of that market joins into it. Asked again, you get the same cart.
#[utoipa::path(post, path = "/v1/carts/{cart}/claim", params(("cart" = CartId, Path)),
    security(("session" = [], "buyer" = []), ("session_cookie" = [], "buyer" = [])),
    responses((status = 200, body = CartView, description = "The cart, now yours; `carts.ordered` where it became an order")))]
async fn claim_cart(
    State(ctx): State<Ctx>,
    session: Session,
    token: CartToken,
    Path(cart): Path<CartId>,
) -> Result<Json<CartView>, Error> {
    Ok(Json(claim::claim(&ctx, session.customer, token.sha256, cart).await?))
}

/// The cart, priced now.
#[utoipa::path(get, path = "/v1/carts/{cart}", params(("cart" = CartId, Path)), security(("buyer" = []), ("session" = []), ("session_cookie" = [])),
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

/// Says who buys, where it goes and how; null takes a field away.
#[utoipa::path(patch, path = "/v1/carts/{cart}", params(("cart" = CartId, Path)), request_body = ChangeCart, security(("buyer" = []), ("session" = []), ("session_cookie" = [])),
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
#[utoipa::path(post, path = "/v1/carts/{cart}/lines", request_body = AddLine, security(("buyer" = []), ("session" = []), ("session_cookie" = [])),
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

/// Another quantity of a line, or other metadata.
#[utoipa::path(patch, path = "/v1/carts/{cart}/lines/{line}", request_body = ChangeLine, security(("buyer" = []), ("session" = []), ("session_cookie" = [])),
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
#[utoipa::path(delete, path = "/v1/carts/{cart}/lines/{line}", security(("buyer" = []), ("session" = []), ("session_cookie" = [])),
    params(("cart" = CartId, Path), ("line" = LineId, Path)),
    responses((status = 200, body = CartView, description = "The whole cart")))]
async fn delete_cart_line(
    State(ctx): State<Ctx>,
    buyer: Buyer,
    Path((cart, line)): Path<(CartId, LineId)>,
) -> Result<Json<CartView>, Error> {
    Ok(Json(change_lines::remove_line(&ctx, &buyer, cart, line).await?))
}

/// How the cart can be sent to its address, and where it can be fetched; cheapest first.
#[utoipa::path(get, path = "/v1/carts/{cart}/shipping-options", params(("cart" = CartId, Path)), security(("buyer" = []), ("session" = []), ("session_cookie" = [])),
    responses((status = 200, body = List<ShippingOption>, description = "Choose one as `shipping_method`; without an address, where it can be fetched")))]
async fn list_cart_shipping_options(
    State(ctx): State<Ctx>,
    buyer: Buyer,
    Path(cart): Path<CartId>,
) -> Result<Json<List<ShippingOption>>, Error> {
    Ok(Json(shipping_options::shipping_options(&ctx, &buyer, cart).await?))
}
