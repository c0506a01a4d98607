//! How staff reads and writes variants and prices.

use axum::extract::State;
use axum::response::Response;
use axum::{Extension, Json};
use contracts::catalog::{ProductId, VariantId};
use contracts::{MarketId, Money};
use platform::http::{Body, IfMatch, OptionalKey, Path, Replay, Tagged, created, replayed};
use platform::{Ctx, Problem, Staff, can};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::staff::edited;
use crate::hot::Hot;
use crate::product::ProductView;
use crate::variant::{EditVariant, MarketPrice, NewVariant, SetPrice};
use crate::{Error, add_variant as add, browse, edit_variant as edit, set_price as price, staff_lists};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(add_variant))
        .routes(routes!(edit_variant, remove_variant))
        .routes(routes!(list_prices))
        .routes(routes!(set_price, remove_price))
}

/// Gives a product another variant, after its others.
#[utoipa::path(post, path = "/v1/admin/products/{product}/variants", request_body = NewVariant, security(("staff" = [])),
    params(("product" = ProductId, Path, description = "Its id"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body make one variant")),
    responses((status = 201, body = ProductView, description = "The product with the variant, which is its last")))]
async fn add_variant(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    staff: Staff<can::CatalogWrite>,
    Path(product): Path<ProductId>,
    key: OptionalKey,
    body: Body<NewVariant>,
) -> Result<Response, Error> {
    let route = "POST /v1/admin/products/{product}/variants";
    let principal = format!("{} {product}", staff.principal());
    let key = match key.look_up(&ctx.db, principal, route, &body).await? {
        Some(Replay::Made(_)) => return with_variant(&ctx, product, true).await,
        Some(Replay::New(key)) => Some(key),
        None => None,
    };
    match (add::add_variant(&ctx, staff.actor(), key.clone(), product, body.into_inner()).await?, key) {
        (Some(_), _) => {
            hot.forget(&[product]);
            with_variant(&ctx, product, false).await
        }
        (None, Some(key)) => {
            replayed(&ctx.db, &key).await?;
            with_variant(&ctx, product, true).await
        }
        (None, None) => Err(Problem::internal("a claim was lost without a key").into()),
    }
}

async fn with_variant(ctx: &Ctx, product: ProductId, repeat: bool) -> Result<Response, Error> {
    let shown = browse::show_any_product(ctx, &product.to_string(), None).await?;
    Ok(created(&format!("/v1/admin/products/{product}"), shown, repeat))
}

/// Changes what a variant says, or brings back one that was taken out.
#[utoipa::path(patch, path = "/v1/admin/products/{product}/variants/{variant}", request_body = EditVariant, security(("staff" = [])),
    params(("product" = ProductId, Path, description = "Its product's id"), ("variant" = VariantId, Path, description = "Its id"),
        ("If-Match" = String, Header, description = "The ETag of the product that the edit is made on")),
    responses((status = 200, body = ProductView, description = "The product as it is now")))]
async fn edit_variant(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    staff: Staff<can::CatalogWrite>,
    Path((product, variant)): Path<(ProductId, VariantId)>,
    IfMatch(version): IfMatch,
    body: Body<EditVariant>,
) -> Result<Tagged<ProductView>, Error> {
    edit::edit_variant(&ctx, staff.actor(), product, variant, version, body.into_inner()).await?;
    edited(&ctx, &hot, product).await
}

/// Takes a variant out of its product: buyers don't see it any more, old orders still name it.
#[utoipa::path(delete, path = "/v1/admin/products/{product}/variants/{variant}", security(("staff" = [])),
    params(("product" = ProductId, Path, description = "Its product's id"), ("variant" = VariantId, Path, description = "Its id"),
        ("If-Match" = String, Header, description = "The ETag of the product that the edit is made on")),
    responses((status = 200, body = ProductView, description = "The product as it is now")))]
async fn remove_variant(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    staff: Staff<can::CatalogWrite>,
    Path((product, variant)): Path<(ProductId, VariantId)>,
    IfMatch(version): IfMatch,
) -> Result<Tagged<ProductView>, Error> {
    edit::remove_variant(&ctx, staff.actor(), product, variant, version).await?;
    edited(&ctx, &hot, product).await
}

/// What a variant costs in every market.
#[utoipa::path(get, path = "/v1/admin/variants/{variant}/prices", security(("staff" = [])),
    params(("variant" = VariantId, Path, description = "Its id")),
    responses((status = 200, body = Vec<MarketPrice>, description = "A price for each market that it is for sale in")))]
async fn list_prices(
    State(ctx): State<Ctx>,
    _: Staff<can::CatalogWrite>,
    Path(variant): Path<VariantId>,
) -> Result<Json<Vec<MarketPrice>>, Error> {
    Ok(Json(staff_lists::list_prices(&ctx, variant).await?))
}

/// Says what a variant costs in a market.
#[utoipa::path(put, path = "/v1/admin/variants/{variant}/prices/{market}", request_body = SetPrice, security(("staff" = [])),
    params(("variant" = VariantId, Path, description = "Its id"), ("market" = MarketId, Path, description = "A market of the shop")),
    responses((status = 200, body = Money, description = "The price in force")))]
async fn set_price(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    staff: Staff<can::CatalogWrite>,
    Path((variant, market)): Path<(VariantId, MarketId)>,
    body: Body<SetPrice>,
) -> Result<Json<Money>, Error> {
    let (product, price) = price::set_price(&ctx, staff.actor(), variant, market, &body).await?;
    hot.forget(&[product]);
    Ok(Json(price))
}

/// Takes a variant off sale in a market.
#[utoipa::path(delete, path = "/v1/admin/variants/{variant}/prices/{market}", security(("staff" = [])),
    params(("variant" = VariantId, Path, description = "Its id"), ("market" = MarketId, Path, description = "A market of the shop")),
    responses((status = 204, description = "It is not for sale there")))]
async fn remove_price(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    staff: Staff<can::CatalogWrite>,
    Path((variant, market)): Path<(VariantId, MarketId)>,
) -> Result<axum::http::StatusCode, Error> {
    let product = price::remove_price(&ctx, staff.actor(), variant, market).await?;
    hot.forget(&[product]);
    Ok(axum::http::StatusCode::NO_CONTENT)
}
