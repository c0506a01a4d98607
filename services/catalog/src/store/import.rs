//! The statements of an import: each for hundreds of products at once.

use std::collections::{BTreeMap, BTreeSet};

use ::store::{FromRow, Json, Result, Row, Tx, Value, params, rows, statements};
use contracts::catalog::{AttributeId, BrandId, CategoryId, ProductId, ProductStatus, VariantId};
use contracts::{Currency, MarketId, Money, TaxClass};

use super::split;
use crate::attribute::Attributes;
use crate::imported::{ImportedAttribute, ImportedBrand, ImportedProduct, ImportedVariant};
use crate::slug::{slug, sort_key};

statements! {
    KNOWN_BY_REF = "SELECT wanted.place, p.id, p.content_sha256
        FROM @rows($1: place @int, source @text, id @text) AS wanted
        JOIN catalog_product p ON p.external_source = wanted.source AND p.external_id = wanted.id";
    KNOWN_BY_SLUG = "SELECT wanted.place, p.id, p.content_sha256
        FROM @rows($1: place @int, slug @text) AS wanted JOIN catalog_product p ON p.slug = wanted.slug";
    INSERT_PRODUCTS = "INSERT INTO catalog_product (id, slug, title, title_key, description, brand_id, status, options,
            attributes, images, metadata, external_source, external_id, content_sha256, version, created_at, updated_at)
        SELECT r.id, r.slug, r.title, r.title_key, r.description, r.brand_id, r.status, r.options, r.attributes, r.images,
            r.metadata, r.external_source, r.external_id, r.content_sha256, 1, CAST($2 AS BIGINT), CAST($2 AS BIGINT)
        FROM @rows($1: id @id, slug @text, title @text, title_key @text, description @text, brand_id @id, status @text,
            options @json, attributes @json, images @json, metadata @json, external_source @text, external_id @text,
            content_sha256 @text) AS r
        WHERE true ON CONFLICT DO NOTHING RETURNING id";
    REMOVE_BARE = "DELETE FROM catalog_product WHERE id IN (SELECT r.id FROM @rows($1: id @id) AS r)";
    REMOVE_VARIANTS = "DELETE FROM catalog_variant WHERE product_id IN (SELECT r.id FROM @rows($1: id @id) AS r)";
    UPDATE_PRODUCTS = "UPDATE catalog_product SET title = r.title, title_key = r.title_key, description = r.description,
            brand_id = r.brand_id, status = COALESCE(r.status, catalog_product.status), options = r.options,
            attributes = r.attributes, images = r.images, metadata = COALESCE(r.metadata, catalog_product.metadata),
            content_sha256 = r.content_sha256, version = catalog_product.version + 1, updated_at = $2
        FROM @rows($1: id @id, title @text, title_key @text, description @text, brand_id @id, status @text, options @json,
            attributes @json, images @json, metadata @json, content_sha256 @text) AS r
        WHERE catalog_product.id = r.id";
    // bounded: by the products asked for, at most 500, and their VARIANTS_EVER_MAX
    VARIANTS_OF = "SELECT v.product_id, v.id, v.sku
        FROM @rows($1: id @id) AS wanted JOIN catalog_variant v ON v.product_id = wanted.id ORDER BY v.product_id, v.position, v.id";
    INSERT_VARIANTS = "INSERT INTO catalog_variant (id, product_id, position, sku, title, status, options, images, tax_class,
            weight_g, length_mm, width_mm, height_mm, hs_code, origin, requires_shipping, metadata, external_source, external_id,
            availability, availability_version)
        SELECT r.id, r.product_id, r.position, r.sku, r.title, r.status, r.options, r.images, r.tax_class, r.weight_g,
            r.length_mm, r.width_mm, r.height_mm, r.hs_code, r.origin, r.requires_shipping, r.metadata, r.external_source,
            r.external_id, 'out', 0
        FROM @rows($1: id @id, product_id @id, position @int, sku @text, title @text, status @text, options @json, images @json,
            tax_class @text, weight_g @int, length_mm @int, width_mm @int, height_mm @int, hs_code @text, origin @text,
            requires_shipping @bool, metadata @json, external_source @text, external_id @text) AS r
        WHERE true ON CONFLICT DO NOTHING RETURNING id";
    UPDATE_VARIANTS = "UPDATE catalog_variant SET position = r.position, sku = r.sku, title = r.title, status = r.status,
            options = r.options, images = r.images, tax_class = r.tax_class, weight_g = r.weight_g, length_mm = r.length_mm,
            width_mm = r.width_mm, height_mm = r.height_mm, hs_code = r.hs_code, origin = r.origin,
            requires_shipping = r.requires_shipping, metadata = COALESCE(r.metadata, catalog_variant.metadata)
        FROM @rows($1: id @id, position @int, sku @text, title @text, status @text, options @json, images @json,
            tax_class @text, weight_g @int, length_mm @int, width_mm @int, height_mm @int, hs_code @text, origin @text,
            requires_shipping @bool, metadata @json) AS r
        WHERE catalog_variant.id = r.id";
    ARCHIVE_VARIANTS = "UPDATE catalog_variant SET status = 'archived' WHERE id IN (SELECT r.id FROM @rows($1: id @id) AS r)";
    REMOVE_PRICES = "DELETE FROM catalog_price WHERE (variant_id, market) IN (
        SELECT r.variant_id, r.market FROM @rows($1: variant_id @id, market @text) AS r)";
    ROOTS = "SELECT wanted.place, c.id FROM @rows($1: place @int, title @text) AS wanted
        JOIN catalog_category c ON c.title = wanted.title AND c.parent_id IS NULL";
    CHILDREN = "SELECT wanted.place, c.id FROM @rows($1: place @int, parent_id @id, title @text) AS wanted
        JOIN catalog_category c ON c.parent_id = wanted.parent_id AND c.title = wanted.title";
    DESCRIBE_CATEGORIES = "UPDATE catalog_category SET description = r.description
        FROM @rows($1: id @id, description @text) AS r WHERE catalog_category.id = r.id";
    DECLARE_ATTRIBUTES = "INSERT INTO catalog_attribute (id, key, label, type, unit, filterable, version, created_at, updated_at)
        SELECT r.id, r.key, r.label, r.type, r.unit, r.filterable, 1, CAST($2 AS BIGINT), CAST($2 AS BIGINT)
        FROM @rows($1: id @id, key @text, label @text, type @text, unit @text, filterable @bool) AS r
        WHERE true ON CONFLICT DO NOTHING";
    NAME_BRANDS = "INSERT INTO catalog_brand (id, slug, name, name_key)
        SELECT r.id, r.slug, r.name, r.name_key FROM @rows($1: id @id, slug @text, name @text, name_key @text) AS r
        WHERE true ON CONFLICT DO NOTHING";
    // bounded: by the SKUs asked for, at most 500
    PRICES_OF_SKUS = "SELECT v.sku, v.id, v.product_id, pr.market, pr.currency, pr.amount_minor
        FROM @rows($1: sku @text) AS wanted JOIN catalog_variant v ON v.sku = wanted.sku
        LEFT JOIN catalog_price pr ON pr.variant_id = v.id";
    FORGET_CONTENT = "UPDATE catalog_product SET content_sha256 = NULL WHERE id IN (SELECT r.id FROM @rows($1: id @id) AS r)";
    TOUCH_PRODUCTS = "UPDATE catalog_product SET version = version + 1, updated_at = $2
        WHERE id IN (SELECT r.id FROM @rows($1: id @id) AS r)";
}

/// A product that is here already.
#[derive(Debug)]
pub struct Known {
    pub id: ProductId,
    /// Of what was taken of the last import; `None` where no import made the product, or a variant was left out.
    pub content_sha256: Option<String>,
}

/// A product as it is to be written.
#[derive(Debug)]
pub struct Written<'a> {
    pub id: ProductId,
    pub slug: &'a str,
    pub product: &'a ImportedProduct,
    pub attributes: &'a Attributes,
    pub brand: Option<BrandId>,
    pub categories: Vec<CategoryId>,
    pub content_sha256: &'a str,
}

impl<'a> Written<'a> {
    /// The same under another slug.
    pub fn copy(&self, slug: &'a str) -> Self {
        Self { slug, categories: self.categories.clone(), ..*self }
    }
}

/// A variant as it is to be written.
#[derive(Debug)]
pub struct WrittenVariant<'a> {
    pub id: VariantId,
    pub product: ProductId,
    pub position: i64,
    pub variant: &'a ImportedVariant,
    pub tax_class: TaxClass,
}

/// What is known of these products, by their place among those asked for.
pub async fn known<'a>(
    tx: &mut Tx,
    asked: impl Iterator<Item = (usize, &'a ImportedProduct)>,
) -> Result<BTreeMap<usize, Known>> {
    let (mut by_ref, mut by_slug) = (Vec::new(), Vec::new());
    for (place, product) in asked {
        let at = i64::try_from(place).unwrap_or(i64::MAX);
        match split(product.external_ref.as_ref()) {
            (Some(source), Some(id)) => by_ref.push(params![at, source, id]),
            _ => by_slug.push(params![at, product.own_slug()]),
        }
    }
    let mut known: Vec<(i64, ProductId, Option<String>)> = Vec::new();
    if !by_ref.is_empty() {
        known = tx.all(&KNOWN_BY_REF, params![rows(by_ref)]).await?;
    }
    if !by_slug.is_empty() {
        known.extend(tx.all::<(i64, ProductId, Option<String>)>(&KNOWN_BY_SLUG, params![rows(by_slug)]).await?);
    }
    let known = known
        .into_iter()
        .filter_map(|(place, id, content_sha256)| Some((usize::try_from(place).ok()?, Known { id, content_sha256 })));
    Ok(known.collect())
}

/// Returns the products whose slug and reference were free.
pub async fn insert_products(tx: &mut Tx, new: &[Written<'_>]) -> Result<BTreeSet<ProductId>> {
    let now = tx.now();
    let products = rows(new.iter().map(|written| {
        let product = written.product;
        let (source, external_id) = split(product.external_ref.as_ref());
        params![
            written.id,
            written.slug,
            product.title,
            sort_key(&product.title),
            product.description,
            written.brand,
            product.status.unwrap_or(product.status_if_new),
            Json(&product.options),
            Json(written.attributes),
            Json(&product.images),
            Json(&product.metadata),
            source,
            external_id,
            written.content_sha256
        ]
    }));
    let inserted: Vec<(ProductId,)> = tx.all(&INSERT_PRODUCTS, params![products, now]).await?;
    Ok(inserted.into_iter().map(|(id,)| id).collect())
}

/// Takes back products of this transaction, with the variants that they got.
pub async fn remove_products(tx: &mut Tx, products: &BTreeSet<ProductId>) -> Result<()> {
    if products.is_empty() {
        return Ok(());
    }
    let ids = rows(products.iter().map(|id| params![id]));
    tx.exec(&REMOVE_VARIANTS, params![ids]).await?;
    tx.exec(&REMOVE_BARE, params![ids]).await.map(drop)
}

/// Everything but the slug and the reference; the status only where the file says it.
pub async fn update_products(tx: &mut Tx, changed: &[Written<'_>]) -> Result<()> {
    let now = tx.now();
    let products = rows(changed.iter().map(|written| {
        let product = written.product;
        // An import without metadata leaves what others noted.
        let metadata = (!product.metadata.is_empty()).then_some(Json(&product.metadata));
        params![
            written.id,
            product.title,
            sort_key(&product.title),
            product.description,
            written.brand,
            product.status.map(status_name),
            Json(&product.options),
            Json(written.attributes),
            Json(&product.images),
            metadata,
            written.content_sha256
        ]
    }));
    tx.exec(&UPDATE_PRODUCTS, params![products, now]).await.map(drop)
}

fn status_name(status: ProductStatus) -> Value {
    ::store::ToValue::to_value(&status)
}

/// A variant that a product has already.
#[derive(Debug)]
pub struct KnownVariant {
    pub id: VariantId,
    pub sku: String,
}

pub async fn variants_of(
    tx: &mut Tx,
    products: impl Iterator<Item = ProductId>,
) -> Result<BTreeMap<ProductId, Vec<KnownVariant>>> {
    let wanted = rows(products.map(|id| params![id]));
    let found: Vec<(ProductId, VariantId, String)> = tx.all(&VARIANTS_OF, params![wanted]).await?;
    let mut variants: BTreeMap<ProductId, Vec<KnownVariant>> = BTreeMap::new();
    for (product, id, sku) in found {
        variants.entry(product).or_default().push(KnownVariant { id, sku });
    }
    Ok(variants)
}

/// Returns the variants whose SKU and reference were free.
pub async fn insert_variants(tx: &mut Tx, new: &[WrittenVariant<'_>]) -> Result<BTreeSet<VariantId>> {
    if new.is_empty() {
        return Ok(BTreeSet::new());
    }
    let variants = rows(new.iter().map(|written| {
        let variant = written.variant;
        let (source, external_id) = split(variant.external_ref.as_ref());
        let mut row = params![written.id, written.product, written.position];
        row.extend(shared(written, Json(&variant.metadata)));
        row.extend(params![source, external_id]);
        row
    }));
    let inserted: Vec<(VariantId,)> = tx.all(&INSERT_VARIANTS, params![variants]).await?;
    Ok(inserted.into_iter().map(|(id,)| id).collect())
}

/// Everything but the reference.
pub async fn update_variants(tx: &mut Tx, changed: &[WrittenVariant<'_>]) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let variants = rows(changed.iter().map(|written| {
        let metadata = &written.variant.metadata;
        let mut row = params![written.id, written.position];
        row.extend(shared(written, (!metadata.is_empty()).then_some(Json(metadata))));
        row
    }));
    tx.exec(&UPDATE_VARIANTS, params![variants]).await.map(drop)
}

/// From the SKU to the metadata: the same for new variants and others.
fn shared(written: &WrittenVariant<'_>, metadata: impl ::store::ToValue) -> Vec<Value> {
    let variant = written.variant;
    let size = variant.size;
    params![
        variant.sku,
        variant.title,
        variant.status,
        Json(&variant.options),
        Json(&variant.images),
        written.tax_class,
        variant.weight_g,
        size.map(|size| size.length_mm),
        size.map(|size| size.width_mm),
        size.map(|size| size.height_mm),
        variant.hs_code,
        variant.origin,
        variant.requires_shipping,
        metadata
    ]
}

pub async fn archive_variants(tx: &mut Tx, variants: &[VariantId]) -> Result<()> {
    if variants.is_empty() {
        return Ok(());
    }
    tx.exec(&ARCHIVE_VARIANTS, params![rows(variants.iter().map(|id| params![id]))]).await.map(drop)
}

pub async fn remove_prices(tx: &mut Tx, unpriced: &[(VariantId, MarketId)]) -> Result<()> {
    if unpriced.is_empty() {
        return Ok(());
    }
    let unpriced = rows(unpriced.iter().map(|(variant, market)| params![variant, market]));
    tx.exec(&REMOVE_PRICES, params![unpriced]).await.map(drop)
}

/// Which of these titles are below these parents (roots, where there is none), by their place among those asked for.
pub async fn children<'a>(
    tx: &mut Tx,
    asked: impl Iterator<Item = (Option<CategoryId>, &'a str)>,
) -> Result<Vec<(usize, CategoryId)>> {
    let (mut below, mut roots) = (Vec::new(), Vec::new());
    for ((parent, title), place) in asked.zip(0_i64..) {
        match parent {
            Some(parent) => below.push(params![place, parent, title]),
            None => roots.push(params![place, title]),
        }
    }
    let mut found: Vec<(i64, CategoryId)> = Vec::new();
    if !roots.is_empty() {
        found = tx.all(&ROOTS, params![rows(roots)]).await?;
    }
    if !below.is_empty() {
        found.extend(tx.all::<(i64, CategoryId)>(&CHILDREN, params![rows(below)]).await?);
    }
    Ok(found.into_iter().filter_map(|(place, id)| Some((usize::try_from(place).ok()?, id))).collect())
}

pub async fn describe_categories(tx: &mut Tx, described: &[(CategoryId, &str)]) -> Result<()> {
    if described.is_empty() {
        return Ok(());
    }
    let described = rows(described.iter().map(|(id, description)| params![id, *description]));
    tx.exec(&DESCRIBE_CATEGORIES, params![described]).await.map(drop)
}

/// Declares what is not declared; returns how many were new.
pub async fn declare_attributes(tx: &mut Tx, attributes: &[&ImportedAttribute]) -> Result<u64> {
    if attributes.is_empty() {
        return Ok(0);
    }
    let now = tx.now();
    let new = attributes.iter().map(|attribute| {
        let label = attribute.label.as_ref().unwrap_or(&attribute.key);
        let id: AttributeId = tx.ids().next();
        params![id, attribute.key, label, attribute.kind, attribute.unit, attribute.filterable]
    });
    let new = rows(new);
    tx.exec(&DECLARE_ATTRIBUTES, params![new, now]).await
}

/// Takes in brands whose name and slug are new; returns how many were.
pub async fn name_brands(tx: &mut Tx, brands: &[&ImportedBrand]) -> Result<u64> {
    if brands.is_empty() {
        return Ok(0);
    }
    let new = brands.iter().map(|brand| {
        let id: BrandId = tx.ids().next();
        let own = || slug(&brand.name);
        params![id, brand.slug.clone().unwrap_or_else(own), brand.name, sort_key(&brand.name)]
    });
    let new = rows(new);
    tx.exec(&NAME_BRANDS, params![new]).await
}

/// A variant beside one of its prices.
#[derive(Debug)]
pub struct PricedVariant {
    pub sku: String,
    pub variant: VariantId,
    pub product: ProductId,
    pub price: Option<(MarketId, Money)>,
}

impl FromRow for PricedVariant {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (sku, variant, product) = (row.take()?, row.take()?, row.take()?);
        let (market, currency, amount): (Option<MarketId>, Option<Currency>, Option<i64>) =
            (row.take()?, row.take()?, row.take()?);
        let price = market.zip(currency).zip(amount);
        let price = price.map(|((market, currency), amount)| (market, Money::new(amount, currency)));
        Ok(Self { sku, variant, product, price })
    }
}

/// The variants of these SKUs, once for each price that they have.
pub async fn priced_variants<'a>(tx: &mut Tx, skus: impl Iterator<Item = &'a str>) -> Result<Vec<PricedVariant>> {
    let skus: BTreeSet<&str> = skus.collect();
    tx.all(&PRICES_OF_SKUS, params![rows(skus.iter().map(|sku| params![*sku]))]).await
}

/// What the file says of these products is not all in: the same again is not unchanged.
pub async fn forget_content(tx: &mut Tx, products: &[ProductId]) -> Result<()> {
    tx.exec(&FORGET_CONTENT, params![rows(products.iter().map(|id| params![id]))]).await.map(drop)
}

/// Moves the versions of these products: what they show changes.
pub async fn touch_products(tx: &mut Tx, products: &[ProductId]) -> Result<()> {
    let now = tx.now();
    tx.exec(&TOUCH_PRODUCTS, params![rows(products.iter().map(|id| params![id])), now]).await.map(drop)
}
