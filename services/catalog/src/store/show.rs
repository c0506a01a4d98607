//! A product with its variants, prices and categories, in one statement.

use ::store::{Db, FromRow, Result, Row, Value, params, statements};
use contracts::Money;
use contracts::catalog::ProductId;

use super::{InMarket, brand, external_ref, json, size};
use crate::product::{CategoryRef, ProductView};
use crate::variant::VariantView;

statements! {
    /// A row for the product (kind 0), for each variant (1) and for each category (2): what is long comes once.
    /// Each column means what its first line calls it; below, the variant's and the category's own stand in.
    SHOW = "WITH wanted AS (
            SELECT COALESCE(CAST($1 AS @id), (SELECT id FROM catalog_product WHERE slug = $2)) AS id)
        SELECT 0 AS kind, 0 AS place, p.id AS id, p.slug, p.title, p.status, p.options, p.images, p.metadata, p.external_source,
            p.external_id, p.version,
            p.description, p.attributes, b.id AS brand_id, b.slug, b.name, p.created_at, p.updated_at,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM wanted w JOIN catalog_product p ON p.id = w.id LEFT JOIN catalog_brand b ON b.id = p.brand_id
        UNION ALL
        SELECT 1, v.position, v.id, v.sku, v.title, v.status, v.options, v.images, v.metadata, v.external_source,
            v.external_id, NULL,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            v.tax_class, v.weight_g, v.length_mm, v.width_mm, v.height_mm, v.hs_code, v.origin, v.requires_shipping,
            v.availability, pr.amount_minor
        FROM wanted w JOIN catalog_variant v ON v.product_id = w.id
        LEFT JOIN catalog_price pr ON pr.variant_id = v.id AND pr.market = $3 AND pr.currency = $4
        WHERE v.status = 'active' OR $5
        UNION ALL
        SELECT 2, pc.position, c.id, c.slug, c.title, c.path, NULL, NULL, NULL, NULL,
            NULL, NULL,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        -- CROSS: SQLite, which knows nothing of how many there are, would begin with all products' categories.
        FROM wanted w CROSS JOIN catalog_product_category pc JOIN catalog_category c ON c.id = pc.category_id
        WHERE pc.product_id = w.id
        ORDER BY kind, place, id LIMIT 1000";
}

/// The product with this id or slug, of any status; with the variants that were taken out where `is_staff`.
pub async fn show(
    db: &Db,
    id: Option<ProductId>,
    slug: &str,
    market: InMarket,
    is_staff: bool,
) -> Result<Option<ProductView>> {
    let parts: Vec<Part> = db.all(&SHOW, params![id, slug, market.id, market.currency, is_staff]).await?;
    let mut parts = parts.into_iter();
    let Some(Part::Product(mut product)) = parts.next() else { return Ok(None) };
    for part in parts {
        match part {
            Part::Variant(variant, amount) => {
                let price = amount.map(|amount| Money::new(amount, market.currency));
                product.variants.push(VariantView { price, ..*variant });
            }
            Part::Category(category) => product.categories.push(category),
            Part::Product(_) => {}
        }
    }
    product.market = market.id;
    Ok(Some(*product))
}

/// A row of [`SHOW`].
enum Part {
    Product(Box<ProductView>),
    /// Beside its price in minor units.
    Variant(Box<VariantView>, Option<i64>),
    Category(CategoryRef),
}

impl FromRow for Part {
    fn from_row(row: &mut Row) -> Result<Self> {
        let kind: i64 = row.take()?;
        let _place: i64 = row.take()?;
        match kind {
            0 => Ok(Self::Product(Box::new(product(row)?))),
            1 => {
                let (variant, amount) = variant(row)?;
                Ok(Self::Variant(Box::new(variant), amount))
            }
            _ => Ok(Self::Category(CategoryRef {
                id: row.take()?,
                slug: row.take()?,
                title: row.take()?,
                path: row.take()?,
            })),
        }
    }
}

fn product(row: &mut Row) -> Result<ProductView> {
    let (id, slug, title, status) = (row.take()?, row.take()?, row.take()?, row.take()?);
    let (options, images, metadata, external_ref) = (json(row)?, json(row)?, json(row)?, external_ref(row)?);
    Ok(ProductView {
        id,
        slug,
        title,
        status,
        options,
        images,
        metadata: Some(metadata),
        external_ref,
        version: row.take()?,
        description: row.take()?,
        attributes: json(row)?,
        brand: brand(row)?,
        created_at: row.take()?,
        updated_at: row.take()?,
        market: crate::variant::default_market(),
        categories: Vec::new(),
        variants: Vec::new(),
    })
}

fn variant(row: &mut Row) -> Result<(VariantView, Option<i64>)> {
    let (id, sku, title, status) = (row.take()?, row.take()?, row.take()?, row.take()?);
    let (options, images, metadata, external_ref) = (json(row)?, json(row)?, json(row)?, external_ref(row)?);
    skip(row, 8)?;
    let (tax_class, weight_g, size) = (row.take()?, row.take()?, size(row)?);
    let (hs_code, origin, requires_shipping) = (row.take()?, row.take()?, row.take()?);
    let view = VariantView {
        id,
        sku,
        title,
        status,
        options,
        images,
        price: None,
        availability: row.take()?,
        tax_class,
        weight_g,
        size,
        hs_code,
        origin,
        requires_shipping,
        metadata: Some(metadata),
        external_ref,
    };
    Ok((view, row.take()?))
}

/// Passes over columns that are the product's.
fn skip(row: &mut Row, columns: usize) -> Result<()> {
    for _ in 0..columns {
        let _: Value = row.take()?;
    }
    Ok(())
}
