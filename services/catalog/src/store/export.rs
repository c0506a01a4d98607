//! The statements of an export: a page each.

use std::collections::BTreeMap;

use ::store::{Db, FromRow, Result, Row, Tx, params, rows, statements};
use contracts::catalog::{CategoryId, ProductId, VariantId};
use contracts::{Currency, Id, MarketId, Money};
use uuid::Uuid;

use super::{external_ref, json, size};
use crate::imported::{ImportedCategory, ImportedProduct, ImportedVariant};

statements! {
    CATEGORIES = "SELECT id, parent_id, depth, slug, title, description, position FROM catalog_category
        WHERE (depth, id) > ($1, $2) ORDER BY depth, id LIMIT $3";
    PRODUCTS = "SELECT p.id, p.slug, p.title, p.description, b.name, p.status, p.options, p.attributes, p.images, p.metadata,
            p.external_source, p.external_id
        FROM catalog_product p LEFT JOIN catalog_brand b ON b.id = p.brand_id
        WHERE p.id > $1 ORDER BY p.id LIMIT $2";
    // bounded: by the products asked for and their VARIANTS_EVER_MAX
    VARIANTS = "SELECT v.product_id, v.id, v.sku, v.title, v.status, v.options, v.images, v.tax_class, v.weight_g, v.length_mm,
            v.width_mm, v.height_mm, v.hs_code, v.origin, v.requires_shipping, v.metadata, v.external_source, v.external_id
        FROM @rows($1: id @id) AS wanted JOIN catalog_variant v ON v.product_id = wanted.id
        ORDER BY v.product_id, v.position, v.id";
    // bounded: as above, and by the markets of the shop's settings
    PRICES = "SELECT pr.variant_id, pr.market, pr.currency, pr.amount_minor
        FROM @rows($1: id @id) AS wanted JOIN catalog_variant v ON v.product_id = wanted.id
        JOIN catalog_price pr ON pr.variant_id = v.id ORDER BY pr.variant_id, pr.market, pr.currency";
    // bounded: by the products asked for and their CATEGORIES_MAX
    CATEGORIES_OF = "SELECT pc.product_id, c.slug
        FROM @rows($1: id @id) AS wanted JOIN catalog_product_category pc ON pc.product_id = wanted.id
        JOIN catalog_category c ON c.id = pc.category_id ORDER BY pc.product_id, pc.position, c.id";
    PRICE_LIST = "SELECT v.id, v.sku, pr.market, pr.currency, pr.amount_minor
        FROM (SELECT id, sku FROM catalog_variant WHERE id > $1 ORDER BY id LIMIT $2) AS v
        LEFT JOIN catalog_price pr ON pr.variant_id = v.id
        ORDER BY v.id, pr.market, pr.currency -- bounded: by the limit of its variants";
}

/// A category as its table has it.
#[derive(Debug)]
pub struct ExportedCategory {
    pub id: CategoryId,
    pub parent: Option<CategoryId>,
    pub depth: i64,
    pub slug: String,
    pub title: String,
    pub description: String,
    pub position: i64,
}

impl FromRow for ExportedCategory {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            parent: row.take()?,
            depth: row.take()?,
            slug: row.take()?,
            title: row.take()?,
            description: row.take()?,
            position: row.take()?,
        })
    }
}

/// Up to `limit` categories, parents before children.
pub async fn categories(db: &Db, after: Option<(i64, CategoryId)>, limit: i64) -> Result<Vec<ExportedCategory>> {
    let (depth, id) = after.map_or((0, Uuid::nil()), |(depth, id)| (depth, id.uuid()));
    db.all(&CATEGORIES, params![depth, id, limit]).await
}

struct ProductRow(ProductId, ImportedProduct);

impl FromRow for ProductRow {
    fn from_row(row: &mut Row) -> Result<Self> {
        let id = row.take()?;
        let slug = row.take()?;
        let mut product = ImportedProduct { slug: Some(slug), ..ImportedProduct::titled(row.take()?) };
        product.description = row.take()?;
        product.brand = row.take()?;
        product.status = Some(row.take()?);
        product.options = json(row)?;
        product.attributes = json(row)?;
        product.images = json(row)?;
        product.metadata = json(row)?;
        product.external_ref = external_ref(row)?;
        Ok(Self(id, product))
    }
}

struct VariantRow(ProductId, VariantId, ImportedVariant);

impl FromRow for VariantRow {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (product, id) = (row.take()?, row.take()?);
        let variant = ImportedVariant {
            sku: row.take()?,
            title: row.take()?,
            status: row.take()?,
            options: json(row)?,
            images: json(row)?,
            tax_class: Some(row.take()?),
            weight_g: row.take()?,
            size: size(row)?,
            hs_code: row.take()?,
            origin: row.take()?,
            requires_shipping: row.take()?,
            metadata: json(row)?,
            external_ref: external_ref(row)?,
            prices: Vec::new(),
        };
        Ok(Self(product, id, variant))
    }
}

/// Up to `limit` products whole, and the last one's id.
pub async fn products(
    tx: &mut Tx,
    after: Option<ProductId>,
    limit: i64,
) -> Result<(Vec<(ImportedProduct, Vec<VariantId>)>, Vec<(VariantId, Money, MarketId)>, Option<ProductId>)> {
    let after = after.map_or(Uuid::nil(), Id::uuid);
    let found: Vec<ProductRow> = tx.all(&PRODUCTS, params![after, limit]).await?;
    let last = found.last().map(|ProductRow(id, _)| *id);
    let ids = rows(found.iter().map(|ProductRow(id, _)| params![id]));
    let mut places = BTreeMap::new();
    let mut products = Vec::with_capacity(found.len());
    for ProductRow(id, product) in found {
        places.insert(id, products.len());
        products.push((product, Vec::new()));
    }
    for VariantRow(product, id, variant) in tx.all(&VARIANTS, params![ids]).await? {
        if let Some((whole, variants)) = places.get(&product).and_then(|place| products.get_mut(*place)) {
            whole.variants.push(variant);
            variants.push(id);
        }
    }
    let categories: Vec<(ProductId, String)> = tx.all(&CATEGORIES_OF, params![ids]).await?;
    for (product, slug) in categories {
        if let Some((whole, _)) = places.get(&product).and_then(|place| products.get_mut(*place)) {
            whole.categories.push(ImportedCategory::Slug(slug));
        }
    }
    let prices: Vec<(VariantId, MarketId, Currency, i64)> = tx.all(&PRICES, params![ids]).await?;
    let price = |(variant, market, currency, amount)| (variant, Money::new(amount, currency), market);
    Ok((products, prices.into_iter().map(price).collect(), last))
}

/// A variant beside one of its prices.
#[derive(Debug)]
pub struct ListedVariant {
    pub id: VariantId,
    pub sku: String,
    pub price: Option<(MarketId, Money)>,
}

impl FromRow for ListedVariant {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, sku) = (row.take()?, row.take()?);
        let (market, currency, amount): (Option<MarketId>, Option<Currency>, Option<i64>) =
            (row.take()?, row.take()?, row.take()?);
        let price = market.zip(currency).zip(amount);
        Ok(Self { id, sku, price: price.map(|((market, currency), amount)| (market, Money::new(amount, currency))) })
    }
}

/// The prices of up to `limit` variants; a variant without one comes once.
pub async fn price_list(db: &Db, after: Option<VariantId>, limit: i64) -> Result<Vec<ListedVariant>> {
    db.all(&PRICE_LIST, params![after.map_or(Uuid::nil(), Id::uuid), limit]).await
}
