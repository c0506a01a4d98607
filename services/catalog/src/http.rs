//! The routes of catalog.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use contracts::catalog::{ProductId, VariantId};
use contracts::{Id, MarketId, Money};
use platform::http::{Body, IfMatch, List, OptionalKey, Page, Path, Query, Replay, Tagged, created, replayed};
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::product::{EditProduct, NewProduct, ProductListItem, ProductView};
use crate::variant::SetPrice;
use crate::{Error, browse, create_product as create, edit_product as edit, set_price as price};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(list_products))
        .routes(routes!(show_product))
        .routes(routes!(create_product))
        .routes(routes!(show_any_product, edit_product))
        .routes(routes!(set_price))
}

/// Which market's prices to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SeenFrom {
    /// `default` if not said.
    market: Option<MarketId>,
}

/// Which part of the list, as who sees it from where.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ProductsPage {
    /// `default` if not said.
    market: Option<MarketId>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// The products of the shop, newest first.
#[utoipa::path(get, path = "/v1/products", params(ProductsPage),
    responses((status = 200, body = List<ProductListItem>, description = "A page of the products that are in the shop")))]
async fn list_products(
    State(ctx): State<Ctx>,
    Query(ProductsPage { market, limit, cursor }): Query<ProductsPage>,
) -> Result<Json<List<ProductListItem>>, Error> {
    Ok(Json(browse::list_products(&ctx, &Page { limit, cursor }, market).await?))
}

/// A product with its variants and their prices in a market.
#[utoipa::path(get, path = "/v1/products/{product}", params(("product" = String, Path, description = "Its id or its slug"), SeenFrom),
    responses((status = 200, body = ProductView, description = "The product"), (status = 304, description = "It is as you know it")))]
async fn show_product(
    State(ctx): State<Ctx>,
    Path(product): Path<String>,
    Query(seen): Query<SeenFrom>,
    headers: HeaderMap,
) -> Result<Tagged<ProductView>, Error> {
    let product = browse::show_product(&ctx, &product, seen.market, false).await?;
    Ok(Tagged::new(&headers, product.tag(), product))
}

/// Makes a product with its variants and prices.
#[utoipa::path(post, path = "/v1/admin/products", request_body = NewProduct, security(("staff" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body make one product")),
    responses((status = 201, body = ProductView, description = "Made; `Location` names it")))]
async fn create_product(
    State(ctx): State<Ctx>,
    staff: Staff<can::CatalogWrite>,
    key: OptionalKey,
    body: Body<NewProduct>,
) -> Result<Response, Error> {
    let key = match key.look_up(&ctx.db, staff.principal(), "POST /v1/admin/products", &body).await? {
        Some(Replay::Made(made)) => return made_product(&ctx, ProductId::from_uuid(made.resource), true).await,
        Some(Replay::New(key)) => Some(key),
        None => None,
    };
    match (create::create_product(&ctx, staff.actor(), key.clone(), body.into_inner()).await?, key) {
        (Some(product), _) => made_product(&ctx, product, false).await,
        (None, Some(key)) => {
            let made = replayed(&ctx.db, &key).await?;
            made_product(&ctx, ProductId::from_uuid(made.resource), true).await
        }
        (None, None) => Err(Problem::internal("a claim was lost without a key").into()),
    }
}

async fn made_product(ctx: &Ctx, product: ProductId, repeat: bool) -> Result<Response, Error> {
    let shown = browse::show_product(ctx, &product.to_string(), None, true).await?;
    Ok(created(&format!("/v1/admin/products/{product}"), shown, repeat))
}

/// A product of any status, with what integrators noted.
#[utoipa::path(get, path = "/v1/admin/products/{product}", security(("staff" = [])),
    params(("product" = String, Path, description = "Its id or its slug"), SeenFrom),
    responses((status = 200, body = ProductView, description = "The product"), (status = 304, description = "It is as you know it")))]
async fn show_any_product(
    State(ctx): State<Ctx>,
    _: Staff<can::CatalogWrite>,
    Path(product): Path<String>,
    Query(seen): Query<SeenFrom>,
    headers: HeaderMap,
) -> Result<Tagged<ProductView>, Error> {
    let product = browse::show_product(&ctx, &product, seen.market, true).await?;
    Ok(Tagged::new(&headers, product.tag(), product))
}

/// Changes what a product says; archives it, or brings it back.
#[utoipa::path(patch, path = "/v1/admin/products/{product}", request_body = EditProduct, security(("staff" = [])),
    params(("product" = ProductId, Path, description = "Its id"), ("If-Match" = String, Header, description = "The ETag that the edit is made on")),
    responses((status = 200, body = ProductView, description = "As it is now")))]
async fn edit_product(
    State(ctx): State<Ctx>,
    staff: Staff<can::CatalogWrite>,
    Path(product): Path<ProductId>,
    IfMatch(version): IfMatch,
    headers: HeaderMap,
    body: Body<EditProduct>,
) -> Result<Tagged<ProductView>, Error> {
    edit::edit_product(&ctx, staff.actor(), product, version, body.into_inner()).await?;
    let product = browse::show_product(&ctx, &product.to_string(), None, true).await?;
    Ok(Tagged::new(&headers, product.tag(), product))
}

/// Says what a variant costs in a market.
#[utoipa::path(put, path = "/v1/admin/variants/{variant}/prices/{market}", request_body = SetPrice, security(("staff" = [])),
    params(("variant" = VariantId, Path, description = "Its id"), ("market" = MarketId, Path, description = "A market of the shop")),
    responses((status = 200, body = Money, description = "The price in force")))]
async fn set_price(
    State(ctx): State<Ctx>,
    staff: Staff<can::CatalogWrite>,
    Path((variant, market)): Path<(VariantId, MarketId)>,
    body: Body<SetPrice>,
) -> Result<Json<Money>, Error> {
    Ok(Json(price::set_price(&ctx, staff.actor(), variant, market, &body).await?))
}
