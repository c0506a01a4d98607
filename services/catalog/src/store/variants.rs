//! Variants and their prices.

use std::collections::BTreeMap;

use ::store::{Db, FromRow, Json, Result, Row, Tx, Value, params, rows, statements};
use contracts::catalog::{GetVariants, ProductId, ResolveVariants, ResolvedVariant, VariantForSale, VariantId};
use contracts::inventory::Availability;
use contracts::{Currency, MarketId, Money, TaxClass};

use super::{by_name, json, split};
use crate::product::ArrangedVariant;
use crate::variant::{EditVariant, MarketPrice, NewVariant, VariantStatus};

statements! {
    FOR_SALE = "SELECT v.id, v.product_id, CASE v.status WHEN 'archived' THEN 'archived' ELSE p.status END, p.title, v.title,
            v.sku, p.options, v.options, COALESCE(v.images -> 0 ->> 'url', p.images -> 0 ->> 'url'),
            pr.amount_minor, v.tax_class, v.weight_g, v.requires_shipping, v.availability
        FROM @rows($1: id @id) AS wanted
        JOIN catalog_variant v ON v.id = wanted.id
        JOIN catalog_product p ON p.id = v.product_id
        LEFT JOIN catalog_price pr ON pr.variant_id = v.id AND pr.market = $2 AND pr.currency = $3";
    RESOLVE = "SELECT v.id, v.sku, v.product_id FROM catalog_variant v
        WHERE v.id IN (SELECT r.id FROM @rows($1: id @id) AS r) OR v.sku IN (SELECT r.sku FROM @rows($2: sku @text) AS r)
        LIMIT 500";
    INSERT = "INSERT INTO catalog_variant (id, product_id, position, sku, title, status, options, images, tax_class, weight_g,
            length_mm, width_mm, height_mm, hs_code, origin, requires_shipping, metadata, external_source, external_id,
            availability, availability_version)
        SELECT r.id, r.product_id, r.position, r.sku, r.title, 'active', r.options, r.images, r.tax_class, r.weight_g,
            r.length_mm, r.width_mm, r.height_mm, r.hs_code, r.origin, r.requires_shipping, r.metadata, r.external_source,
            r.external_id, 'out', 0
        FROM @rows($1: id @id, product_id @id, position @int, sku @text, title @text, options @json, images @json,
            tax_class @text, weight_g @int, length_mm @int, width_mm @int, height_mm @int, hs_code @text, origin @text,
            requires_shipping @bool, metadata @json, external_source @text, external_id @text) AS r
        WHERE true ON CONFLICT DO NOTHING RETURNING id";
    /// bounded: one product's, at most VARIANTS_EVER_MAX
    OF_PRODUCT = "SELECT id, position, status, options FROM catalog_variant WHERE product_id = $1 ORDER BY position, id";
    EDIT = "UPDATE catalog_variant SET sku = COALESCE($3, sku), title = CASE WHEN $4 THEN CAST($5 AS TEXT) ELSE title END,
            status = COALESCE($6, status), options = COALESCE($7, options), images = COALESCE($8, images),
            tax_class = COALESCE($9, tax_class), weight_g = COALESCE($10, weight_g),
            length_mm = CASE WHEN $11 THEN CAST($12 AS BIGINT) ELSE length_mm END,
            width_mm = CASE WHEN $11 THEN CAST($13 AS BIGINT) ELSE width_mm END,
            height_mm = CASE WHEN $11 THEN CAST($14 AS BIGINT) ELSE height_mm END,
            hs_code = CASE WHEN $15 THEN CAST($16 AS TEXT) ELSE hs_code END,
            origin = CASE WHEN $17 THEN CAST($18 AS TEXT) ELSE origin END,
            requires_shipping = COALESCE($19, requires_shipping), metadata = COALESCE($20, metadata),
            external_source = CASE WHEN $21 THEN CAST($22 AS TEXT) ELSE external_source END,
            external_id = CASE WHEN $21 THEN CAST($23 AS TEXT) ELSE external_id END
        WHERE id = $1 AND product_id = $2";
    ARRANGE = "UPDATE catalog_variant SET position = r.position, options = COALESCE(r.options, catalog_variant.options)
        FROM @rows($1: id @id, position @int, options @json) AS r WHERE catalog_variant.id = r.id";
    SET_TAX_CLASS = "UPDATE catalog_variant SET tax_class = $2 WHERE product_id = $1";
    SKUS_TAKEN = "SELECT v.sku, v.id, v.product_id FROM @rows($1: sku @text) AS wanted JOIN catalog_variant v ON v.sku = wanted.sku";
    BY_EXTERNAL_REF = "SELECT id FROM catalog_variant WHERE external_source = $1 AND external_id = $2";
    PRODUCT_OF = "SELECT product_id FROM catalog_variant WHERE id = $1";
    SET_AVAILABILITY = "UPDATE catalog_variant SET availability = $2, availability_version = $3
        WHERE id = $1 AND availability_version < $3";
    PUT_PRICES = "INSERT INTO catalog_price (variant_id, market, currency, amount_minor)
        SELECT r.variant_id, r.market, r.currency, r.amount_minor
        FROM @rows($1: variant_id @id, market @text, currency @text, amount_minor @money) AS r
        WHERE true ON CONFLICT (variant_id, market, currency) DO UPDATE SET amount_minor = excluded.amount_minor
        WHERE catalog_price.amount_minor <> excluded.amount_minor";
    REMOVE_PRICE = "DELETE FROM catalog_price WHERE variant_id = $1 AND market = $2";
    /// bounded: one price a market and currency of the shop's settings
    PRICES_OF = "SELECT market, currency, amount_minor FROM catalog_price WHERE variant_id = $1 ORDER BY market, currency";
}

/// The call's variants; those that are unknown are left out.
pub async fn for_sale(db: &Db, call: &GetVariants) -> Result<Vec<VariantForSale>> {
    let wanted = rows(call.variants.iter().map(|id| params![id]));
    let found: Vec<ForSale> = db.all(&FOR_SALE, params![wanted, call.market, call.currency]).await?;
    Ok(found.into_iter().map(|found| found.variant(call.currency)).collect())
}

/// The call's variants; those that are unknown are left out.
pub async fn resolve(db: &Db, call: &ResolveVariants) -> Result<Vec<ResolvedVariant>> {
    let ids = rows(call.variants.iter().map(|id| params![id]));
    let skus = rows(call.skus.iter().map(|sku| params![sku]));
    let found: Vec<(VariantId, String, ProductId)> = db.all(&RESOLVE, params![ids, skus]).await?;
    Ok(found.into_iter().map(|(variant, sku, product)| ResolvedVariant { variant, product, sku }).collect())
}

/// Inserts variants, the first at this position; returns the ids of those whose SKU and reference were free.
pub async fn insert(
    tx: &mut Tx,
    product: ProductId,
    position: i64,
    tax_class: &TaxClass,
    variants: &[(VariantId, &NewVariant)],
) -> Result<Vec<VariantId>> {
    let row = |((id, variant), position): (&(VariantId, &NewVariant), i64)| {
        variant_row(*id, product, position, tax_class, variant)
    };
    let variants = rows(variants.iter().zip(position..).map(row));
    let inserted: Vec<(VariantId,)> = tx.all(&INSERT, params![variants]).await?;
    Ok(inserted.into_iter().map(|(id,)| id).collect())
}

fn variant_row(
    id: VariantId,
    product: ProductId,
    position: i64,
    tax_class: &TaxClass,
    variant: &NewVariant,
) -> Vec<Value> {
    let size = variant.size;
    let (source, external_id) = split(variant.external_ref.as_ref());
    params![
        id,
        product,
        position,
        variant.sku,
        variant.title,
        Json(&variant.options),
        Json(&variant.images),
        variant.tax_class.as_ref().unwrap_or(tax_class),
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

/// A variant, as its product knows it.
#[derive(Debug, Clone)]
pub struct Sibling {
    pub id: VariantId,
    pub position: i64,
    pub status: VariantStatus,
    pub options: BTreeMap<String, String>,
}

impl FromRow for Sibling {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { id: row.take()?, position: row.take()?, status: row.take()?, options: json(row)? })
    }
}

/// All variants of a product in their order, with those that were taken out. The product was taken before.
pub async fn of_product(tx: &mut Tx, product: ProductId) -> Result<Vec<Sibling>> {
    tx.all(&OF_PRODUCT, params![product]).await
}

/// Changes a variant of a product that was taken before; `false` where the product has none of this id.
pub async fn edit(tx: &mut Tx, product: ProductId, id: VariantId, edit: &EditVariant) -> Result<bool> {
    let size = edit.size.flatten();
    let external_ref = edit.external_ref.clone().flatten();
    let (source, external_id) = split(external_ref.as_ref());
    let params = params![
        id,
        product,
        edit.sku,
        edit.title.is_some(),
        edit.title.clone().flatten(),
        edit.status,
        edit.options.as_ref().map(Json),
        edit.images.as_ref().map(Json),
        edit.tax_class,
        edit.weight_g,
        edit.size.is_some(),
        size.map(|size| size.length_mm),
        size.map(|size| size.width_mm),
        size.map(|size| size.height_mm),
        edit.hs_code.is_some(),
        edit.hs_code.clone().flatten(),
        edit.origin.is_some(),
        edit.origin.clone().flatten(),
        edit.requires_shipping,
        edit.metadata.as_ref().map(Json),
        edit.external_ref.is_some(),
        source,
        external_id
    ];
    Ok(tx.exec(&EDIT, params).await? == 1)
}

/// Gives the variants of one product this order and, where said, their options.
pub async fn arrange(tx: &mut Tx, arranged: &[ArrangedVariant]) -> Result<()> {
    let places = arranged.iter().zip(0_i64..);
    let arranged = rows(places.map(|(variant, place)| params![variant.id, place, variant.options.as_ref().map(Json)]));
    tx.exec(&ARRANGE, params![arranged]).await.map(drop)
}

pub async fn set_tax_class(tx: &mut Tx, product: ProductId, tax_class: &TaxClass) -> Result<()> {
    tx.exec(&SET_TAX_CLASS, params![product, tax_class]).await.map(drop)
}

/// Which of these SKUs a variant has: it and its product.
pub async fn skus_taken(
    tx: &mut Tx,
    skus: impl IntoIterator<Item = &str>,
) -> Result<BTreeMap<String, (VariantId, ProductId)>> {
    let wanted = rows(skus.into_iter().map(|sku| params![sku]));
    let taken: Vec<(String, VariantId, ProductId)> = tx.all(&SKUS_TAKEN, params![wanted]).await?;
    Ok(by_name(taken.into_iter().map(|(sku, variant, product)| (sku, (variant, product))).collect()))
}

pub async fn by_external_ref(tx: &mut Tx, source: &str, id: &str) -> Result<Option<VariantId>> {
    let found: Option<(VariantId,)> = tx.opt(&BY_EXTERNAL_REF, params![source, id]).await?;
    Ok(found.map(|(id,)| id))
}

pub async fn product_of(tx: &mut Tx, variant: VariantId) -> Result<Option<ProductId>> {
    let found: Option<(ProductId,)> = tx.opt(&PRODUCT_OF, params![variant]).await?;
    Ok(found.map(|(product,)| product))
}

pub async fn is_known(db: &Db, variant: VariantId) -> Result<bool> {
    let found: Option<(ProductId,)> = db.opt(&PRODUCT_OF, params![variant]).await?;
    Ok(found.is_some())
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

/// Sets prices; returns how many are other than before.
pub async fn put_prices(tx: &mut Tx, prices: &[(VariantId, MarketId, Money)]) -> Result<u64> {
    if prices.is_empty() {
        return Ok(0);
    }
    let prices =
        rows(prices.iter().map(|(variant, market, price)| params![variant, market, price.currency, price.amount]));
    tx.exec(&PUT_PRICES, params![prices]).await
}

/// `false` where there was none.
pub async fn remove_price(tx: &mut Tx, variant: VariantId, market: &MarketId) -> Result<bool> {
    Ok(tx.exec(&REMOVE_PRICE, params![variant, market]).await? > 0)
}

/// What a variant costs in every market.
pub async fn prices_of(db: &Db, variant: VariantId) -> Result<Vec<MarketPrice>> {
    let prices: Vec<(MarketId, Currency, i64)> = db.all(&PRICES_OF, params![variant]).await?;
    let price = |(market, currency, amount): (MarketId, Currency, i64)| MarketPrice {
        market,
        price: Money::new(amount, currency),
    };
    Ok(prices.into_iter().map(price).collect())
}

/// A variant for sale before its option values have met their order, and its amount its currency.
struct ForSale {
    variant: VariantForSale,
    option_names: Vec<String>,
    options: BTreeMap<String, String>,
    amount_minor: Option<i64>,
}

impl FromRow for ForSale {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (variant, product, status, product_title) = (row.take()?, row.take()?, row.take()?, row.take()?);
        let (variant_title, sku, option_names, options) = (row.take()?, row.take()?, json(row)?, json(row)?);
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
        Ok(Self { variant, option_names, options, amount_minor })
    }
}

impl ForSale {
    fn variant(mut self, currency: Currency) -> VariantForSale {
        let value = |name: String| self.options.remove(&name).map(|value| (name, value));
        VariantForSale {
            options: self.option_names.into_iter().filter_map(value).collect(),
            unit_price: self.amount_minor.map(|amount| Money::new(amount, currency)),
            ..self.variant
        }
    }
}
