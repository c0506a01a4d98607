//! The list of staff: every product, by status, by the beginning of its slug, or by a name that one has.

use ::store::{Db, FromRow, Result, Row, Sql, params};
use contracts::Id;
use contracts::catalog::{ProductId, ProductStatus};
use uuid::Uuid;

use super::{brand, external_ref, json_or_none};
use crate::product::StaffListItem;

/// Declares one statement for each way to find products, so that each is read by an index of its own.
macro_rules! lists {
    ($($name:ident = $which:literal;)*) => {
        $(pub static $name: Sql = Sql::new(concat!(module_path!(), "::", stringify!($name)), concat!(
            "SELECT p.id, p.slug, p.title, b.id, b.slug, b.name, p.images -> 0, p.status,
                (SELECT COUNT(*) FROM catalog_variant v WHERE v.product_id = p.id AND v.status = 'active'),
                p.external_source, p.external_id, p.version, p.created_at, p.updated_at
            FROM catalog_product p LEFT JOIN catalog_brand b ON b.id = p.brand_id WHERE ", $which));)*
        pub static ALL: &[&Sql] = &[$(&$name),*];
    };
}

lists! {
    EVERY = "p.id < $1 ORDER BY p.id DESC LIMIT $2";
    BY_STATUS = "p.status = $3 AND p.id < $1 ORDER BY p.id DESC LIMIT $2";
    BY_SLUG = "p.slug > $1 AND p.slug >= $3 AND p.slug < $4 AND (CAST($5 AS TEXT) IS NULL OR p.status = CAST($5 AS TEXT))
        ORDER BY p.slug LIMIT $2";
    BY_SKU = "p.id < $1 AND p.id = (SELECT v.product_id FROM catalog_variant v WHERE v.sku = $3)
        AND (CAST($4 AS TEXT) IS NULL OR p.status = CAST($4 AS TEXT)) LIMIT $2";
    BY_EXTERNAL_REF = "p.external_source = $3 AND p.external_id = $4 AND p.id < $1
        AND (CAST($5 AS TEXT) IS NULL OR p.status = CAST($5 AS TEXT)) LIMIT $2";
}

/// Which products a list of staff has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    Every,
    /// The one that has a variant with this SKU.
    Sku(String),
    /// The one that a source calls so.
    ExternalRef {
        source: String,
        id: String,
    },
    /// Those whose slug begins so, by slug.
    SlugPrefix(String),
}

impl FromRow for StaffListItem {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            slug: row.take()?,
            title: row.take()?,
            brand: brand(row)?,
            image: json_or_none(row)?,
            status: row.take()?,
            variants: row.take()?,
            external_ref: external_ref(row)?,
            version: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
        })
    }
}

/// Up to `limit` products, newest first, older than `after`; those of a slug by slug, after `after_slug`.
pub async fn list(
    db: &Db,
    which: &Which,
    status: Option<ProductStatus>,
    after: Option<ProductId>,
    after_slug: &str,
    limit: i64,
) -> Result<Vec<StaffListItem>> {
    let after = after.map_or(Uuid::max(), Id::uuid);
    match (which, status) {
        (Which::Every, None) => db.all(&EVERY, params![after, limit]).await,
        (Which::Every, Some(status)) => db.all(&BY_STATUS, params![after, limit, status]).await,
        (Which::Sku(sku), status) => db.all(&BY_SKU, params![after, limit, sku, status]).await,
        (Which::ExternalRef { source, id }, status) => {
            db.all(&BY_EXTERNAL_REF, params![after, limit, source, id, status]).await
        }
        (Which::SlugPrefix(prefix), status) => {
            // The character after every one that a slug may hold.
            let end = format!("{prefix}{{");
            db.all(&BY_SLUG, params![after_slug, limit, prefix, end, status]).await
        }
    }
}
