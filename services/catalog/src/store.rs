//! Every statement of catalog: those of the product here, the others by noun beside it.

use std::collections::BTreeMap;

use ::store::{FromRow, Json, Migration, Result, Row, Sql, Tx, migrations, params, rows, statements};
use contracts::catalog::{BrandId, CategoryId, ProductId, ProductStatus};
use contracts::{Currency, ExternalRef, MarketId};
use serde::de::DeserializeOwned;

use crate::product::{BrandView, EditProduct, NewProduct};
use crate::slug::sort_key;
use crate::variant::VariantSize;

pub mod attributes;
pub mod brands;
pub mod categories;
pub mod export;
pub mod import;
pub mod listing;
pub mod show;
pub mod staff_list;
pub mod variants;

pub const MIGRATIONS: &[Migration] = migrations!["0001_catalog" (release 1)];

/// Every statement of every file.
pub fn all() -> Vec<&'static Sql> {
    [
        ALL,
        attributes::ALL,
        brands::ALL,
        categories::ALL,
        export::ALL,
        import::ALL,
        listing::ALL,
        listing::LISTS,
        show::ALL,
        staff_list::ALL,
        variants::ALL,
    ]
    .concat()
}

statements! {
    INSERT = "INSERT INTO catalog_product (id, slug, title, title_key, description, brand_id, status, options, attributes,
            images, metadata, external_source, external_id, version, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $14) ON CONFLICT DO NOTHING";
    BY_EXTERNAL_REF = "SELECT id FROM catalog_product WHERE external_source = $1 AND external_id = $2";
    BY_SLUG = "SELECT id FROM catalog_product WHERE slug = $1";
    /// Takes the product for this transaction: its variants, options and categories change under it alone.
    TAKE = "UPDATE catalog_product SET version = version + 1, updated_at = $3 WHERE id = $1 AND version = $2
        RETURNING version, status, slug, options";
    TOUCH = "UPDATE catalog_product SET version = version + 1, updated_at = $2 WHERE id = $1
        RETURNING version, status, slug, options";
    VERSION = "SELECT version FROM catalog_product WHERE id = $1";
    EDIT = "UPDATE catalog_product SET title = COALESCE($2, title), title_key = COALESCE($3, title_key),
            slug = COALESCE($4, slug), description = COALESCE($5, description),
            brand_id = CASE WHEN $6 THEN CAST($7 AS @id) ELSE brand_id END, status = COALESCE($8, status),
            options = COALESCE($9, options), attributes = COALESCE($10, attributes), images = COALESCE($11, images),
            metadata = COALESCE($12, metadata),
            external_source = CASE WHEN $13 THEN CAST($14 AS TEXT) ELSE external_source END,
            external_id = CASE WHEN $13 THEN CAST($15 AS TEXT) ELSE external_id END
        WHERE id = $1 RETURNING status, slug";
    PUT_CATEGORIES = "INSERT INTO catalog_product_category (product_id, category_id, position)
        SELECT r.product_id, r.category_id, r.position FROM @rows($1: product_id @id, category_id @id, position @int) AS r
        WHERE true ON CONFLICT (product_id, category_id) DO UPDATE SET position = excluded.position";
    REMOVE_CATEGORIES = "DELETE FROM catalog_product_category WHERE product_id IN (SELECT r.id FROM @rows($1: id @id) AS r)";
}

/// A price of a market: what a statement that shows products needs of it.
#[derive(Debug, Clone)]
pub struct InMarket {
    pub id: MarketId,
    pub currency: Currency,
}

/// A product that this transaction has taken.
#[derive(Debug)]
pub struct Taken {
    pub version: i64,
    pub status: ProductStatus,
    pub slug: String,
    pub options: Vec<String>,
}

impl FromRow for Taken {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { version: row.take()?, status: row.take()?, slug: row.take()?, options: json(row)? })
    }
}

/// `false` where the slug or the external reference is taken.
pub async fn insert(
    tx: &mut Tx,
    id: ProductId,
    slug: &str,
    brand: Option<BrandId>,
    product: &NewProduct,
) -> Result<bool> {
    let now = tx.now();
    let (source, external_id) = split(product.external_ref.as_ref());
    let params = params![
        id,
        slug,
        product.title,
        sort_key(&product.title),
        product.description,
        brand,
        product.status,
        Json(&product.options),
        Json(&product.attributes),
        Json(&product.images),
        Json(&product.metadata),
        source,
        external_id,
        now
    ];
    Ok(tx.exec(&INSERT, params).await? == 1)
}

pub async fn has_external_ref(tx: &mut Tx, external: &ExternalRef) -> Result<Option<ProductId>> {
    let found: Option<(ProductId,)> = tx.opt(&BY_EXTERNAL_REF, params![external.source, external.id]).await?;
    Ok(found.map(|(id,)| id))
}

pub async fn by_slug(tx: &mut Tx, slug: &str) -> Result<Option<ProductId>> {
    let found: Option<(ProductId,)> = tx.opt(&BY_SLUG, params![slug]).await?;
    Ok(found.map(|(id,)| id))
}

/// Takes the product at this version; `None` where it is at another, or is not there.
pub async fn take(tx: &mut Tx, id: ProductId, version: i64) -> Result<Option<Taken>> {
    let now = tx.now();
    tx.opt(&TAKE, params![id, version, now]).await
}

/// Takes the product at whatever version it is.
pub async fn touch(tx: &mut Tx, id: ProductId) -> Result<Option<Taken>> {
    let now = tx.now();
    tx.opt(&TOUCH, params![id, now]).await
}

pub async fn version(tx: &mut Tx, id: ProductId) -> Result<Option<i64>> {
    let found: Option<(i64,)> = tx.opt(&VERSION, params![id]).await?;
    Ok(found.map(|(version,)| version))
}

/// Changes what a product's own row says; returns its status and slug. The product was taken before.
pub async fn edit(
    tx: &mut Tx,
    id: ProductId,
    edit: &EditProduct,
    brand: Option<BrandId>,
) -> Result<(ProductStatus, String)> {
    let external_ref = edit.external_ref.clone().flatten();
    let (source, external_id) = split(external_ref.as_ref());
    let params = params![
        id,
        edit.title,
        edit.title.as_deref().map(sort_key),
        edit.slug,
        edit.description,
        edit.brand.is_some(),
        brand,
        edit.status,
        edit.options.as_ref().map(Json),
        edit.attributes.as_ref().map(Json),
        edit.images.as_ref().map(Json),
        edit.metadata.as_ref().map(Json),
        edit.external_ref.is_some(),
        source,
        external_id
    ];
    tx.one(&EDIT, params).await
}

/// Puts products into categories, each in this order.
pub async fn put_categories(tx: &mut Tx, of: &[(ProductId, Vec<CategoryId>)]) -> Result<()> {
    let placed = of.iter().flat_map(|(product, categories)| {
        categories.iter().zip(0_i64..).map(move |(category, position)| params![product, category, position])
    });
    tx.exec(&PUT_CATEGORIES, params![rows(placed)]).await.map(drop)
}

pub async fn remove_categories(tx: &mut Tx, products: &[ProductId]) -> Result<()> {
    tx.exec(&REMOVE_CATEGORIES, params![rows(products.iter().map(|id| params![id]))]).await.map(drop)
}

/// Source and id of what a thing is called elsewhere.
pub fn split(external: Option<&ExternalRef>) -> (Option<&str>, Option<&str>) {
    external.map(|external| (external.source.as_str(), external.id.as_str())).unzip()
}

fn json<T: DeserializeOwned>(row: &mut Row) -> Result<T> {
    row.take().map(|Json(value)| value)
}

/// A document, where there is one.
fn json_or_none<T: DeserializeOwned>(row: &mut Row) -> Result<Option<T>> {
    let value: Option<Json<T>> = row.take()?;
    Ok(value.map(|Json(value)| value))
}

/// Id, slug and name, or three times nothing.
fn brand(row: &mut Row) -> Result<Option<BrandView>> {
    let (id, slug, name): (Option<BrandId>, Option<String>, Option<String>) = (row.take()?, row.take()?, row.take()?);
    let brand = id.zip(slug).zip(name);
    Ok(brand.map(|((id, slug), name)| BrandView { id, slug, name }))
}

fn external_ref(row: &mut Row) -> Result<Option<ExternalRef>> {
    let (source, id): (Option<String>, Option<String>) = (row.take()?, row.take()?);
    Ok(source.zip(id).map(|(source, id)| ExternalRef { source, id }))
}

fn size(row: &mut Row) -> Result<Option<VariantSize>> {
    let (length, width, height): (Option<i64>, Option<i64>, Option<i64>) = (row.take()?, row.take()?, row.take()?);
    let sides = length.zip(width).zip(height);
    Ok(sides.map(|((length_mm, width_mm), height_mm)| VariantSize { length_mm, width_mm, height_mm }))
}

/// By a name of its own: what was found of what was asked.
fn by_name<T>(found: Vec<(String, T)>) -> BTreeMap<String, T> {
    found.into_iter().collect()
}
