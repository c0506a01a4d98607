//! Every statement of catalog.

use std::collections::BTreeMap;

use ::store::{Db, FromRow, Json, Migration, Result, Row, Tx, Value, migrations, params, rows, statements};
use contracts::catalog::{GetVariants, ProductId, ProductStatus, VariantForSale, VariantId};
use contracts::inventory::Availability;
use contracts::{Currency, ExternalRef, MarketId, Money};
use uuid::Uuid;

use crate::product::{EditProduct, NewProduct, ProductListItem, ProductView};
use crate::variant::{NewVariant, VariantSize, VariantView};

pub mod import;

pub const MIGRATIONS: &[Migration] = migrations!["0001_catalog" (release 1)];

statements! {
    // bounded: one product's variants, at most VARIANTS_MAX
    SHOW = "SELECT p.id, p.slug, p.title, p.description, p.brand, p.status, p.options, p.attributes, p.images, p.metadata,
            p.external_source, p.external_id, p.version, p.created_at, p.updated_at,
            v.id, v.sku, v.title, v.option_values, pr.amount_minor, v.availability, v.availability_version, v.tax_class,
            v.weight_g, v.length_mm, v.width_mm, v.height_mm, v.hs_code, v.origin, v.requires_shipping, v.metadata,
            v.external_source, v.external_id
        FROM catalog_product p
        JOIN catalog_variant v ON v.product_id = p.id
        LEFT JOIN catalog_price pr ON pr.variant_id = v.id AND pr.market = $3 AND pr.currency = $4
        WHERE p.id = COALESCE(CAST($1 AS @id), (SELECT id FROM catalog_product WHERE slug = $2))
        ORDER BY v.position";
    LIST = "SELECT p.id, p.slug, p.title, p.brand, p.image, MIN(pr.amount_minor), MAX(pr.amount_minor),
            MIN(CASE v.availability WHEN 'in' THEN 0 WHEN 'low' THEN 1 ELSE 2 END)
        FROM (SELECT id, slug, title, brand, images ->> 0 AS image FROM catalog_product
            WHERE status = 'active' AND id < $1 ORDER BY id DESC LIMIT $2) AS p
        JOIN catalog_variant v ON v.product_id = p.id
        LEFT JOIN catalog_price pr ON pr.variant_id = v.id AND pr.market = $3 AND pr.currency = $4
        GROUP BY p.id, p.slug, p.title, p.brand, p.image
        ORDER BY p.id DESC -- bounded: the page above";
    FOR_SALE = "SELECT v.id, v.product_id, p.status, p.title, v.title, v.sku, p.options, v.option_values, p.images ->> 0,
            pr.amount_minor, v.tax_class, v.weight_g, v.requires_shipping, v.availability
        FROM @rows($1: id @id) AS wanted
        JOIN catalog_variant v ON v.id = wanted.id
        JOIN catalog_product p ON p.id = v.product_id
        LEFT JOIN catalog_price pr ON pr.variant_id = v.id AND pr.market = $2 AND pr.currency = $3";
    INSERT_PRODUCT = "INSERT INTO catalog_product (id, slug, title, description, brand, status, options, attributes, images,
            metadata, external_source, external_id, version, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $13, $13) ON CONFLICT DO NOTHING";
    INSERT_VARIANTS = "INSERT INTO catalog_variant (id, product_id, position, sku, title, option_values, tax_class, weight_g,
            length_mm, width_mm, height_mm, hs_code, origin, requires_shipping, metadata, external_source, external_id,
            availability, availability_version)
        SELECT r.id, r.product_id, r.position, r.sku, r.title, r.option_values, r.tax_class, r.weight_g,
            r.length_mm, r.width_mm, r.height_mm, r.hs_code, r.origin, r.requires_shipping, r.metadata, r.external_source,
            r.external_id, 'out', 0
        FROM @rows($1: id @id, product_id @id, position @int, sku @text, title @text, option_values @json, tax_class @text,
            weight_g @int, length_mm @int, width_mm @int, height_mm @int, hs_code @text, origin @text,
            requires_shipping @bool, metadata @json, external_source @text, external_id @text) AS r
        WHERE true ON CONFLICT DO NOTHING RETURNING id";
    PUT_PRICES = "INSERT INTO catalog_price (variant_id, market, currency, amount_minor)
        SELECT r.variant_id, r.market, r.currency, r.amount_minor
        FROM @rows($1: variant_id @id, market @text, currency @text, amount_minor @money) AS r
        WHERE true ON CONFLICT (variant_id, market, currency) DO UPDATE SET amount_minor = excluded.amount_minor
        WHERE catalog_price.amount_minor <> excluded.amount_minor";
    BY_EXTERNAL_REF = "SELECT id FROM catalog_product WHERE external_source = $1 AND external_id = $2";
    SKUS_TAKEN = "SELECT v.sku, v.product_id FROM @rows($1: sku @text) AS wanted JOIN catalog_variant v ON v.sku = wanted.sku";
    EDIT = "UPDATE catalog_product SET title = COALESCE($3, title), description = COALESCE($4, description),
            brand = CASE WHEN $5 THEN $6 ELSE brand END, status = COALESCE($7, status),
            attributes = COALESCE($8, attributes), metadata = COALESCE($9, metadata), version = version + 1, updated_at = $10
        WHERE id = $1 AND version = $2 RETURNING version, status, slug";
    VERSION = "SELECT version FROM catalog_product WHERE id = $1";
    PRODUCT_OF = "SELECT product_id FROM catalog_variant WHERE id = $1";
    TOUCH = "UPDATE catalog_product SET version = version + 1, updated_at = $2 WHERE id = $1";
    SET_AVAILABILITY = "UPDATE catalog_variant SET availability = $2, availability_version = $3
        WHERE id = $1 AND availability_version < $3";
}

/// A price of a market: what a statement that shows products needs of it.
#[derive(Debug, Clone)]
pub struct InMarket {
    pub id: MarketId,
    pub currency: Currency,
}

/// The product with this id or slug, of any status.
pub async fn show(db: &Db, id: Option<ProductId>, slug: &str, market: InMarket) -> Result<Option<ProductView>> {
    let shown: Vec<Shown> = db.all(&SHOW, params![id, slug, market.id, market.currency]).await?;
    let mut shown = shown.into_iter();
    let Some(first) = shown.next() else { return Ok(None) };
    let mut product = first.product;
    product.variants.push(first.variant.view(&product.options, market.currency));
    for next in shown {
        product.variants.push(next.variant.view(&product.options, market.currency));
    }
    product.market = market.id;
    Ok(Some(product))
}

/// Up to `limit` active products that are older than `before`, newest first.
pub async fn list(db: &Db, before: Option<ProductId>, limit: i64, market: &InMarket) -> Result<Vec<ProductListItem>> {
    let before = before.map_or(Uuid::max(), contracts::Id::uuid);
    let listed: Vec<Listed> = db.all(&LIST, params![before, limit, market.id, market.currency]).await?;
    Ok(listed.into_iter().map(|listed| listed.item(market.currency)).collect())
}

/// The call's variants; those that are unknown are left out.
pub async fn for_sale(db: &Db, call: &GetVariants) -> Result<Vec<VariantForSale>> {
    let wanted = rows(call.variants.iter().map(|id| params![id]));
    let found: Vec<ForSale> = db.all(&FOR_SALE, params![wanted, call.market, call.currency]).await?;
    Ok(found.into_iter().map(|found| found.variant(call.currency)).collect())
}

/// `false` where the slug or the external reference is taken.
pub async fn insert_product(tx: &mut Tx, id: ProductId, slug: &str, product: &NewProduct) -> Result<bool> {
    let now = tx.now();
    let (source, external_id) = split(&product.external_ref);
    let params = params![
        id,
        slug,
        product.title,
        product.description,
        product.brand,
        product.status,
        Json(&product.options),
        Json(&product.attributes),
        Json(&product.images),
        Json(&product.metadata),
        source,
        external_id,
        now
    ];
    Ok(tx.exec(&INSERT_PRODUCT, params).await? == 1)
}

/// Inserts variants in this order; returns the ids of those whose SKU and reference were free.
pub async fn insert_variants(
    tx: &mut Tx,
    product: ProductId,
    options: &[String],
    variants: &[(VariantId, &NewVariant)],
) -> Result<Vec<VariantId>> {
    let variants = rows(
        variants
            .iter()
            .zip(0_i64..)
            .map(|((id, variant), position)| variant_row(*id, product, position, options, variant)),
    );
    let inserted: Vec<(VariantId,)> = tx.all(&INSERT_VARIANTS, params![variants]).await?;
    Ok(inserted.into_iter().map(|(id,)| id).collect())
}

fn variant_row(
    id: VariantId,
    product: ProductId,
    position: i64,
    options: &[String],
    variant: &NewVariant,
) -> Vec<Value> {
    let values: Vec<&String> = options.iter().filter_map(|name| variant.options.get(name)).collect();
    let size = variant.size;
    let (source, external_id) = split(&variant.external_ref);
    params![
        id,
        product,
        position,
        variant.sku,
        variant.title,
        Json(values),
        variant.tax_class,
        variant.weight_g,
        size.map(|size| size.length_mm),
        size.map(|size| size.width_mm),
        size.map(|size| size.height_mm),
        variant.hs_code,
        variant.origin,
        variant.requires_shipping,
        Json(&variant.metadata),
        source,
        external_id
    ]
}

/// Sets prices; returns how many are other than before.
pub async fn put_prices(tx: &mut Tx, prices: &[(VariantId, MarketId, Money)]) -> Result<u64> {
    let prices =
        rows(prices.iter().map(|(variant, market, price)| params![variant, market, price.currency, price.amount]));
    tx.exec(&PUT_PRICES, params![prices]).await
}

pub async fn has_external_ref(tx: &mut Tx, external: &ExternalRef) -> Result<bool> {
    let found: Option<(ProductId,)> = tx.opt(&BY_EXTERNAL_REF, params![external.source, external.id]).await?;
    Ok(found.is_some())
}

/// Which of these SKUs a variant has, and of which product.
pub async fn skus_taken(tx: &mut Tx, skus: impl IntoIterator<Item = &str>) -> Result<BTreeMap<String, ProductId>> {
    let wanted = rows(skus.into_iter().map(|sku| params![sku]));
    let taken: Vec<(String, ProductId)> = tx.all(&SKUS_TAKEN, params![wanted]).await?;
    Ok(taken.into_iter().collect())
}

/// The version, status and slug after the edit; `None` where the product is not at `version`.
pub async fn edit(
    tx: &mut Tx,
    id: ProductId,
    version: i64,
    edit: &EditProduct,
) -> Result<Option<(i64, ProductStatus, String)>> {
    let now = tx.now();
    let (has_brand, brand) = (edit.brand.is_some(), edit.brand.clone().flatten());
    let (attributes, metadata) = (edit.attributes.as_ref().map(Json), edit.metadata.as_ref().map(Json));
    let params =
        params![id, version, edit.title, edit.description, has_brand, brand, edit.status, attributes, metadata, now];
    tx.opt(&EDIT, params).await
}

pub async fn version(tx: &mut Tx, id: ProductId) -> Result<Option<i64>> {
    let found: Option<(i64,)> = tx.opt(&VERSION, params![id]).await?;
    Ok(found.map(|(version,)| version))
}

pub async fn product_of(tx: &mut Tx, variant: VariantId) -> Result<Option<ProductId>> {
    let found: Option<(ProductId,)> = tx.opt(&PRODUCT_OF, params![variant]).await?;
    Ok(found.map(|(product,)| product))
}

/// Moves the product's version: what it shows has changed.
pub async fn touch(tx: &mut Tx, product: ProductId) -> Result<()> {
    let now = tx.now();
    tx.exec(&TOUCH, params![product, now]).await.map(drop)
}

/// `false` where the variant is unknown, or heard of a later flip before.
pub async fn set_availability(
    tx: &mut Tx,
    variant: VariantId,
    availability: Availability,
    version: i64,
) -> Result<bool> {
    Ok(tx.exec(&SET_AVAILABILITY, params![variant, availability, version]).await? == 1)
}

fn split(external: &Option<ExternalRef>) -> (Option<&str>, Option<&str>) {
    external.as_ref().map(|external| (external.source.as_str(), external.id.as_str())).unzip()
}

/// A product beside one of its variants.
struct Shown {
    product: ProductView,
    variant: ShownVariant,
}

impl FromRow for Shown {
    fn from_row(row: &mut Row) -> Result<Self> {
        let product = ProductView {
            id: row.take()?,
            slug: row.take()?,
            title: row.take()?,
            description: row.take()?,
            brand: row.take()?,
            status: row.take()?,
            options: json(row)?,
            attributes: json(row)?,
            images: json(row)?,
            metadata: Some(json(row)?),
            external_ref: external_ref(row)?,
            version: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            market: crate::variant::default_market(),
            variants: Vec::new(),
        };
        Ok(Self { product, variant: ShownVariant::from_row(row)? })
    }
}

/// A variant before its option values have met their names, and its amount its currency.
struct ShownVariant {
    view: VariantView,
    option_values: Vec<String>,
    amount_minor: Option<i64>,
}

impl FromRow for ShownVariant {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, sku, title, option_values, amount_minor) =
            (row.take()?, row.take()?, row.take()?, json(row)?, row.take()?);
        let view = VariantView {
            id,
            sku,
            title,
            options: BTreeMap::new(),
            price: None,
            availability: row.take()?,
            availability_version: row.take()?,
            tax_class: row.take()?,
            weight_g: row.take()?,
            size: size(row)?,
            hs_code: row.take()?,
            origin: row.take()?,
            requires_shipping: row.take()?,
            metadata: Some(json(row)?),
            external_ref: external_ref(row)?,
        };
        Ok(Self { view, option_values, amount_minor })
    }
}

impl ShownVariant {
    fn view(self, options: &[String], currency: Currency) -> VariantView {
        VariantView {
            options: options.iter().cloned().zip(self.option_values).collect(),
            price: self.amount_minor.map(|amount| Money::new(amount, currency)),
            ..self.view
        }
    }
}

struct Listed {
    id: ProductId,
    slug: String,
    title: String,
    brand: Option<String>,
    image: Option<String>,
    price_min: Option<i64>,
    price_max: Option<i64>,
    availability: i64,
}

impl FromRow for Listed {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            slug: row.take()?,
            title: row.take()?,
            brand: row.take()?,
            image: row.take()?,
            price_min: row.take()?,
            price_max: row.take()?,
            availability: row.take()?,
        })
    }
}

impl Listed {
    fn item(self, currency: Currency) -> ProductListItem {
        ProductListItem {
            id: self.id,
            slug: self.slug,
            title: self.title,
            brand: self.brand,
            image: self.image,
            price_min: self.price_min.map(|amount| Money::new(amount, currency)),
            price_max: self.price_max.map(|amount| Money::new(amount, currency)),
            availability: match self.availability {
                0 => Availability::In,
                1 => Availability::Low,
                _ => Availability::Out,
            },
        }
    }
}

/// A variant for sale before its option values have met their names, and its amount its currency.
struct ForSale {
    variant: VariantForSale,
    option_names: Vec<String>,
    option_values: Vec<String>,
    amount_minor: Option<i64>,
}

impl FromRow for ForSale {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (variant, product, status, product_title) = (row.take()?, row.take()?, row.take()?, row.take()?);
        let (variant_title, sku, option_names, option_values) = (row.take()?, row.take()?, json(row)?, json(row)?);
        let (image, amount_minor) = (row.take()?, row.take()?);
        let variant = VariantForSale {
            variant,
            product,
            status,
            product_title,
            variant_title,
            sku,
            options: Vec::new(),
            image,
            unit_price: None,
            tax_class: row.take()?,
            weight_g: row.take()?,
            requires_shipping: row.take()?,
            availability: row.take()?,
        };
        Ok(Self { variant, option_names, option_values, amount_minor })
    }
}

impl ForSale {
    fn variant(self, currency: Currency) -> VariantForSale {
        VariantForSale {
            options: self.option_names.into_iter().zip(self.option_values).collect(),
            unit_price: self.amount_minor.map(|amount| Money::new(amount, currency)),
            ..self.variant
        }
    }
}

fn json<T: serde::de::DeserializeOwned>(row: &mut Row) -> Result<T> {
    row.take().map(|Json(value)| value)
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
