//! Categories: what buyers read, and how staff writes them.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use contracts::catalog::CategoryId;
use platform::http::{Body, IfMatch, List, OptionalKey, Page, Path, Query, Replay, Tagged, created, replayed};
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::named;
use crate::category::{CategoryPage, CategoryTree, CategoryView, EditCategory, NewCategory};
use crate::hot::Hot;
use crate::store::categories::Below;
use crate::{Error, browse, create_category as create, delete_category as delete, edit_category as edit};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(list_categories))
        .routes(routes!(show_category_tree))
        .routes(routes!(show_category))
        .routes(routes!(create_category))
        .routes(routes!(edit_category, delete_category))
}

/// Which categories, and which part of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CategoriesQuery {
    /// Those right below this one, by slug or id.
    #[param(min_length = 1, max_length = 200)]
    parent: Option<String>,
    /// `true`: those that are in no other. Not with `parent`.
    roots: Option<bool>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Categories, by their path.
#[utoipa::path(get, path = "/v1/categories", params(CategoriesQuery),
    responses((status = 200, body = List<CategoryView>, description = "A page of the categories"), (status = 304, description = "It is as you know it")))]
async fn list_categories(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    Query(asked): Query<CategoriesQuery>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    if let Some(page) = hot.place(&uri).get() {
        return Ok(page.answer(&headers));
    }
    let below = match (asked.parent, asked.roots) {
        (None, None | Some(false)) => Below::Any,
        (None, Some(true)) => Below::Roots,
        (Some(parent), None) => Below::Parent(named("parent", parent)?),
        (Some(_), Some(_)) => return Err(Problem::field("roots", "is not said with `parent`: a root has none").into()),
    };
    let page = Page { limit: asked.limit, cursor: asked.cursor };
    let page = browse::list_categories(&ctx, hot.place(&uri), &page, &below).await?;
    Ok(page.answer(&headers))
}

/// How much of the tree.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TreeQuery {
    /// How many levels: 1 to 10, all if not said.
    #[param(minimum = 1, maximum = 10)]
    depth: Option<i64>,
}

/// The tree of categories, as a menu draws it.
#[utoipa::path(get, path = "/v1/category-tree", params(TreeQuery),
    responses((status = 200, body = CategoryTree, description = "The tree; siblings in their order"), (status = 304, description = "It is as you know it")))]
async fn show_category_tree(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    Query(asked): Query<TreeQuery>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    if let Some(page) = hot.place(&uri).get() {
        return Ok(page.answer(&headers));
    }
    let page = browse::show_category_tree(&ctx, hot.place(&uri), asked.depth).await?;
    Ok(page.answer(&headers))
}

/// A category with what is above it and right below it.
#[utoipa::path(get, path = "/v1/categories/{category}", params(("category" = String, Path, description = "Its id or its slug")),
    responses((status = 200, body = CategoryPage, description = "The category"), (status = 304, description = "It is as you know it")))]
async fn show_category(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    Path(category): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    if let Some(page) = hot.place(&uri).get() {
        return Ok(page.answer(&headers));
    }
    let page = browse::show_category(&ctx, hot.place(&uri), &category).await?;
    Ok(page.answer(&headers))
}

/// Makes a category.
#[utoipa::path(post, path = "/v1/admin/categories", request_body = NewCategory, security(("staff" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body make one category")),
    responses((status = 201, body = CategoryPage, description = "Made; `Location` names it")))]
async fn create_category(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    staff: Staff<can::CatalogWrite>,
    key: OptionalKey,
    body: Body<NewCategory>,
) -> Result<Response, Error> {
    let key = match key.look_up(&ctx.db, staff.principal(), "POST /v1/admin/categories", &body).await? {
        Some(Replay::Made(made)) => return made_category(&ctx, made.resource, true).await,
        Some(Replay::New(key)) => Some(key),
        None => None,
    };
    match (create::create_category(&ctx, staff.actor(), key.clone(), body.into_inner()).await?, key) {
        (Some(category), _) => {
            hot.forget_all();
            made_category(&ctx, contracts::Id::uuid(category), false).await
        }
        (None, Some(key)) => made_category(&ctx, replayed(&ctx.db, &key).await?.resource, true).await,
        (None, None) => Err(Problem::internal("a claim was lost without a key").into()),
    }
}

async fn made_category(ctx: &Ctx, category: uuid::Uuid, repeat: bool) -> Result<Response, Error> {
    let category: CategoryId = contracts::Id::from_uuid(category);
    let shown = browse::find_category(ctx, &category.to_string()).await?;
    Ok(created(&format!("/v1/categories/{category}"), shown, repeat))
}

/// Changes what a category says, or moves it with all that is below it.
#[utoipa::path(patch, path = "/v1/admin/categories/{category}", request_body = EditCategory, security(("staff" = [])),
    params(("category" = CategoryId, Path, description = "Its id"), ("If-Match" = String, Header, description = "The ETag that the edit is made on")),
    responses((status = 200, body = CategoryPage, description = "As it is now")))]
async fn edit_category(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    staff: Staff<can::CatalogWrite>,
    Path(category): Path<CategoryId>,
    IfMatch(version): IfMatch,
    body: Body<EditCategory>,
) -> Result<Tagged<CategoryPage>, Error> {
    edit::edit_category(&ctx, staff.actor(), category, version, body.into_inner()).await?;
    hot.forget_all();
    let page = browse::find_category(&ctx, &category.to_string()).await?;
    Ok(Tagged::new(&HeaderMap::new(), page.category.version, page))
}

/// Deletes a category that holds neither categories nor products.
#[utoipa::path(delete, path = "/v1/admin/categories/{category}", security(("staff" = [])),
    params(("category" = CategoryId, Path, description = "Its id"), ("If-Match" = String, Header, description = "The ETag that the edit is made on")),
    responses((status = 204, description = "It is gone")))]
async fn delete_category(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    staff: Staff<can::CatalogWrite>,
    Path(category): Path<CategoryId>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, Error> {
    delete::delete_category(&ctx, staff.actor(), category, version).await?;
    hot.forget_all();
    Ok(StatusCode::NO_CONTENT)
}
