//! How staff reads and writes products.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Json};
use contracts::catalog::{ProductId, ProductStatus};
use platform::http::{Body, IfMatch, List, OptionalKey, Page, Path, Query, Replay, Tagged, created, replayed};
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{SeenFrom, named};
use crate::hot::Hot;
use crate::product::{BrandView, EditProduct, NewProduct, ProductView, StaffListItem};
use crate::{Error, browse, create_product as create, edit_product as edit, staff_lists};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(list_any_products, create_product))
        .routes(routes!(show_any_product, edit_product))
        .routes(routes!(list_every_brand))
}

/// Which products; at most one of `sku`, `external_source` with `external_id`, and `slug_prefix`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StaffQuery {
    #[param(inline)]
    status: Option<ProductStatus>,
    /// The product that has a variant with this SKU.
    #[param(min_length = 1, max_length = 200)]
    sku: Option<String>,
    /// The system that gave the id.
    #[param(min_length = 1, max_length = 200)]
    external_source: Option<String>,
    /// What that system calls the product.
    #[param(min_length = 1, max_length = 200)]
    external_id: Option<String>,
    /// What the slug begins with; then the list is sorted by slug.
    #[param(min_length = 1, max_length = 200)]
    slug_prefix: Option<String>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Products of any status, newest first.
#[utoipa::path(get, path = "/v1/admin/products", params(StaffQuery), security(("staff" = [])),
    responses((status = 200, body = List<StaffListItem>, description = "A page of the catalogue")))]
async fn list_any_products(
    State(ctx): State<Ctx>,
    _: Staff<can::CatalogWrite>,
    Query(asked): Query<StaffQuery>,
) -> Result<Json<List<StaffListItem>>, Error> {
    let read = |name: &str, value: Option<String>| value.map(|value| named(name, value)).transpose();
    let which = staff_lists::which(
        read("sku", asked.sku)?,
        read("external_source", asked.external_source)?,
        read("external_id", asked.external_id)?,
        read("slug_prefix", asked.slug_prefix)?,
    )?;
    let page = Page { limit: asked.limit, cursor: asked.cursor };
    Ok(Json(staff_lists::list_products(&ctx, &page, &which, asked.status).await?))
}

/// Every brand, by name; also those of drafts and of what is archived.
#[utoipa::path(get, path = "/v1/admin/brands", params(Page), security(("staff" = [])),
    responses((status = 200, body = List<BrandView>, description = "A page of the brands")))]
async fn list_every_brand(
    State(ctx): State<Ctx>,
    _: Staff<can::CatalogWrite>,
    Query(page): Query<Page>,
) -> Result<Json<List<BrandView>>, Error> {
    Ok(Json(browse::list_brands(&ctx, &page, true).await?))
}

/// Makes a product with its variants and prices.
#[utoipa::path(post, path = "/v1/admin/products", request_body = NewProduct, security(("staff" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body make one product")),
    responses((status = 201, body = ProductView, description = "Made; `Location` names it")))]
async fn create_product(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    staff: Staff<can::CatalogWrite>,
    key: OptionalKey,
    body: Body<NewProduct>,
) -> Result<Response, Error> {
    let key = match key.look_up(&ctx.db, staff.principal(), "POST /v1/admin/products", &body).await? {
        Some(Replay::Made(made)) => return made_product(&ctx, made.resource, true).await,
        Some(Replay::New(key)) => Some(key),
        None => None,
    };
    match (create::create_product(&ctx, staff.actor(), key.clone(), body.into_inner()).await?, key) {
        (Some(product), _) => {
            hot.forget(&[product]);
            made_product(&ctx, contracts::Id::uuid(product), false).await
        }
        (None, Some(key)) => made_product(&ctx, replayed(&ctx.db, &key).await?.resource, true).await,
        (None, None) => Err(Problem::internal("a claim was lost without a key").into()),
    }
}

async fn made_product(ctx: &Ctx, product: uuid::Uuid, repeat: bool) -> Result<Response, Error> {
    let product: ProductId = contracts::Id::from_uuid(product);
    let shown = browse::show_any_product(ctx, &product.to_string(), None).await?;
    Ok(created(&format!("/v1/admin/products/{product}"), shown, repeat))
}

/// A product of any status, with what integrators noted and the variants that were taken out.
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
    let product = browse::show_any_product(&ctx, &product, seen.market).await?;
    Ok(Tagged::new(&headers, product.tag(), product))
}

/// Changes what a product says; arranges its options and variants; archives it, or brings it back.
#[utoipa::path(patch, path = "/v1/admin/products/{product}", request_body = EditProduct, security(("staff" = [])),
    params(("product" = ProductId, Path, description = "Its id"), ("If-Match" = String, Header, description = "The ETag that the edit is made on")),
    responses((status = 200, body = ProductView, description = "As it is now")))]
async fn edit_product(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    staff: Staff<can::CatalogWrite>,
    Path(product): Path<ProductId>,
    IfMatch(version): IfMatch,
    body: Body<EditProduct>,
) -> Result<Tagged<ProductView>, Error> {
    edit::edit_product(&ctx, staff.actor(), product, version, body.into_inner()).await?;
    edited(&ctx, &hot, product).await
}

/// The product as an edit left it; the pages that this process kept of it are forgotten.
pub async fn edited(ctx: &Ctx, hot: &Hot, product: ProductId) -> Result<Tagged<ProductView>, Error> {
    hot.forget(&[product]);
    let product = browse::show_any_product(ctx, &product.to_string(), None).await?;
    // What was asked is the edit, so the answer is never "as you know it".
    Ok(Tagged::new(&HeaderMap::new(), product.tag(), product))
}
