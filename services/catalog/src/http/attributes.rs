//! Attributes: what buyers read, and how staff writes them.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Json};
use platform::http::{Body, IfMatch, List, Page, Path, Query, Tagged, created};
use platform::{Ctx, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::attribute::{AttributeView, EditAttribute, NewAttribute};
use crate::hot::Hot;
use crate::{Error, browse, declare_attribute as declare, edit_attribute as edit};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(list_attributes))
        .routes(routes!(show_attribute))
        .routes(routes!(list_every_attribute, declare_attribute))
        .routes(routes!(edit_attribute))
}

/// Which attributes, and which part of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AttributesQuery {
    /// `true`: those that lists may be filtered by.
    filterable: Option<bool>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// What the products in the shop are described and found by, by key.
#[utoipa::path(get, path = "/v1/attributes", params(AttributesQuery),
    responses((status = 200, body = List<AttributeView>, description = "A page of the attributes")))]
async fn list_attributes(
    State(ctx): State<Ctx>,
    Query(asked): Query<AttributesQuery>,
) -> Result<Json<List<AttributeView>>, Error> {
    let page = Page { limit: asked.limit, cursor: asked.cursor };
    Ok(Json(browse::list_attributes(&ctx, &page, asked.filterable.unwrap_or(false), false).await?))
}

/// Every attribute, by key; also those that no product in the shop has.
#[utoipa::path(get, path = "/v1/admin/attributes", params(AttributesQuery), security(("staff" = [])),
    responses((status = 200, body = List<AttributeView>, description = "A page of the attributes")))]
async fn list_every_attribute(
    State(ctx): State<Ctx>,
    _: Staff<can::CatalogWrite>,
    Query(asked): Query<AttributesQuery>,
) -> Result<Json<List<AttributeView>>, Error> {
    let page = Page { limit: asked.limit, cursor: asked.cursor };
    Ok(Json(browse::list_attributes(&ctx, &page, asked.filterable.unwrap_or(false), true).await?))
}

/// An attribute.
#[utoipa::path(get, path = "/v1/attributes/{attribute}", params(("attribute" = String, Path, description = "Its key")),
    responses((status = 200, body = AttributeView, description = "The attribute"), (status = 304, description = "It is as you know it")))]
async fn show_attribute(
    State(ctx): State<Ctx>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Tagged<AttributeView>, Error> {
    let attribute = browse::show_attribute(&ctx, &key).await?;
    Ok(Tagged::new(&headers, attribute.version, attribute))
}

/// Declares an attribute before products use it.
#[utoipa::path(post, path = "/v1/admin/attributes", request_body = NewAttribute, security(("staff" = [])),
    responses((status = 201, body = AttributeView, description = "Declared")))]
async fn declare_attribute(
    State(ctx): State<Ctx>,
    staff: Staff<can::CatalogWrite>,
    body: Body<NewAttribute>,
) -> Result<Response, Error> {
    let key = body.key.clone();
    declare::declare_attribute(&ctx, staff.actor(), body.into_inner()).await?;
    Ok(created(&format!("/v1/attributes/{}", escaped(&key)), browse::show_attribute(&ctx, &key).await?, false))
}

/// A key as a part of an address (RFC 3986): what is not unreserved is escaped.
fn escaped(key: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    key.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Changes what people read of an attribute, and whether lists are filtered by it.
#[utoipa::path(patch, path = "/v1/admin/attributes/{attribute}", request_body = EditAttribute, security(("staff" = [])),
    params(("attribute" = String, Path, description = "Its key"), ("If-Match" = String, Header, description = "The ETag that the edit is made on")),
    responses((status = 200, body = AttributeView, description = "As it is now")))]
async fn edit_attribute(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    staff: Staff<can::CatalogWrite>,
    Path(key): Path<String>,
    IfMatch(version): IfMatch,
    body: Body<EditAttribute>,
) -> Result<Tagged<AttributeView>, Error> {
    // Found first: a key that no text can hold is asked of no statement.
    browse::show_attribute(&ctx, &key).await?;
    edit::edit_attribute(&ctx, staff.actor(), key.clone(), version, body.into_inner()).await?;
    hot.forget(&[]);
    let attribute = browse::show_attribute(&ctx, &key).await?;
    Ok(Tagged::new(&HeaderMap::new(), attribute.version, attribute))
}
