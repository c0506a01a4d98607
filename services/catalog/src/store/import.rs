//! The statements of an import: each for hundreds of products at once.

use std::collections::{BTreeMap, BTreeSet};

use ::store::{Json, Result, Tx, params, rows, statements};
use contracts::catalog::{ProductId, VariantId};

use crate::import_products::{Candidate, Ids};

statements! {
    KNOWN = "SELECT p.external_source, p.external_id, p.id, v.id, p.content_sha256
        FROM @rows($1: source @text, id @text) AS wanted
        JOIN catalog_product p ON p.external_source = wanted.source AND p.external_id = wanted.id
        JOIN catalog_variant v ON v.product_id = p.id AND v.position = 0";
    INSERT_PRODUCTS = "INSERT INTO catalog_product (id, slug, title, description, brand, status, options, attributes, images,
            metadata, external_source, external_id, content_sha256, version, created_at, updated_at)
        SELECT r.id, r.slug, r.title, r.description, r.brand, r.status, r.options, r.attributes, r.images, r.metadata,
            r.external_source, r.external_id, r.content_sha256, 1, CAST($2 AS BIGINT), CAST($2 AS BIGINT)
        FROM @rows($1: id @id, slug @text, title @text, description @text, brand @text, status @text, options @json,
            attributes @json, images @json, metadata @json, external_source @text, external_id @text, content_sha256 @text) AS r
        WHERE true ON CONFLICT DO NOTHING RETURNING id";
    INSERT_VARIANTS = "INSERT INTO catalog_variant (id, product_id, position, sku, option_values, tax_class, weight_g,
            requires_shipping, metadata, availability, availability_version)
        SELECT r.id, r.product_id, 0, r.sku, r.option_values, r.tax_class, r.weight_g, r.requires_shipping, r.metadata, 'out', 0
        FROM @rows($1: id @id, product_id @id, sku @text, option_values @json, tax_class @text, weight_g @int,
            requires_shipping @bool, metadata @json) AS r
        WHERE true ON CONFLICT DO NOTHING RETURNING id";
    REMOVE_BARE = "DELETE FROM catalog_product WHERE id IN (SELECT r.id FROM @rows($1: id @id) AS r)";
    UPDATE_PRODUCTS = "UPDATE catalog_product SET title = r.title, description = r.description, brand = r.brand,
            attributes = r.attributes, images = r.images, metadata = COALESCE(r.metadata, catalog_product.metadata),
            content_sha256 = r.content_sha256, version = catalog_product.version + 1, updated_at = $2
        FROM @rows($1: id @id, title @text, description @text, brand @text, attributes @json, images @json, metadata @json,
            content_sha256 @text) AS r
        WHERE catalog_product.id = r.id";
    UPDATE_VARIANTS = "UPDATE catalog_variant SET sku = r.sku, tax_class = r.tax_class, weight_g = r.weight_g,
            requires_shipping = r.requires_shipping
        FROM @rows($1: id @id, sku @text, tax_class @text, weight_g @int, requires_shipping @bool) AS r
        WHERE catalog_variant.id = r.id";
    REMOVE_PRICES = "DELETE FROM catalog_price WHERE (variant_id, market) IN (
        SELECT r.variant_id, r.market FROM @rows($1: variant_id @id, market @text) AS r)";
}

/// A product that an import brought before.
#[derive(Debug)]
pub struct Known {
    pub ids: Ids,
    /// Of what was imported last; `None` where the product was not made by an import.
    pub content_sha256: Option<String>,
}

/// What is known of these products, by source and id.
pub async fn known(tx: &mut Tx, candidates: &[Candidate]) -> Result<BTreeMap<(String, String), Known>> {
    let wanted = rows(candidates.iter().map(|candidate| params![candidate.product.source, candidate.product.id]));
    let known: Vec<(String, String, ProductId, VariantId, Option<String>)> = tx.all(&KNOWN, params![wanted]).await?;
    let known = known.into_iter().map(|(source, id, product, variant, content_sha256)| {
        ((source, id), Known { ids: (product, variant), content_sha256 })
    });
    Ok(known.collect())
}

/// Returns the products whose slug and reference were free.
pub async fn insert_products(tx: &mut Tx, new: &[(Ids, String, &Candidate)]) -> Result<BTreeSet<ProductId>> {
    let now = tx.now();
    let products = rows(new.iter().map(|((id, _), slug, candidate)| {
        let product = &candidate.product;
        params![
            id,
            slug,
            product.title,
            product.description,
            product.brand,
            product.status,
            Json([(); 0]),
            Json(&product.attributes),
            Json(&product.images),
            Json(&product.metadata),
            product.source,
            product.id,
            candidate.content_sha256
        ]
    }));
    let inserted: Vec<(ProductId,)> = tx.all(&INSERT_PRODUCTS, params![products, now]).await?;
    Ok(inserted.into_iter().map(|(id,)| id).collect())
}

/// Returns the variants whose SKU was free.
pub async fn insert_variants(tx: &mut Tx, new: &[(Ids, &Candidate)]) -> Result<BTreeSet<VariantId>> {
    let no_metadata = contracts::Metadata::default();
    let variants = rows(new.iter().map(|((product_id, id), candidate)| {
        let product = &candidate.product;
        let (tax_class, weight_g, requires_shipping) =
            (&product.tax_class, product.weight_g, product.requires_shipping);
        params![id, product_id, product.sku, Json([(); 0]), tax_class, weight_g, requires_shipping, Json(&no_metadata)]
    }));
    let inserted: Vec<(VariantId,)> = tx.all(&INSERT_VARIANTS, params![variants]).await?;
    Ok(inserted.into_iter().map(|(id,)| id).collect())
}

/// Takes back products of this transaction that could have no variant.
pub async fn remove_bare(tx: &mut Tx, products: impl ExactSizeIterator<Item = ProductId>) -> Result<()> {
    if products.len() == 0 {
        return Ok(());
    }
    let products = rows(products.map(|id| params![id]));
    tx.exec(&REMOVE_BARE, params![products]).await.map(drop)
}

/// Everything but slug and status: those are the shop's once the product is here.
pub async fn update_products(tx: &mut Tx, changed: &[(&Candidate, Ids)]) -> Result<()> {
    let now = tx.now();
    let products = rows(changed.iter().map(|(candidate, (id, _))| {
        let product = &candidate.product;
        // An import without metadata leaves what others noted.
        let metadata = (!product.metadata.is_empty()).then_some(Json(&product.metadata));
        params![
            id,
            product.title,
            product.description,
            product.brand,
            Json(&product.attributes),
            Json(&product.images),
            metadata,
            candidate.content_sha256
        ]
    }));
    tx.exec(&UPDATE_PRODUCTS, params![products, now]).await.map(drop)
}

pub async fn update_variants(tx: &mut Tx, changed: &[(&Candidate, Ids)]) -> Result<()> {
    let variants = rows(changed.iter().map(|(candidate, (_, id))| {
        let product = &candidate.product;
        params![id, product.sku, product.tax_class, product.weight_g, product.requires_shipping]
    }));
    tx.exec(&UPDATE_VARIANTS, params![variants]).await.map(drop)
}

/// Of those that have no price any more.
pub async fn remove_prices(tx: &mut Tx, changed: &[(&Candidate, Ids)]) -> Result<()> {
    let unpriced = changed.iter().filter(|(candidate, _)| candidate.product.price.is_none());
    let unpriced: Vec<_> =
        unpriced.map(|(candidate, (_, variant))| params![variant, candidate.product.market]).collect();
    if unpriced.is_empty() {
        return Ok(());
    }
    tx.exec(&REMOVE_PRICES, params![rows(unpriced)]).await.map(drop)
}
