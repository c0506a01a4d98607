//! Brands: taken in by name with the first product that has one.

use std::collections::{BTreeMap, BTreeSet};

use ::store::{Db, FromRow, Result, Row, Tx, params, rows, statements};
use contracts::catalog::BrandId;

use crate::product::BrandView;
use crate::slug::{slug, sort_key, with_hash};

statements! {
    KNOWN = "SELECT b.name, b.id FROM @rows($1: name @text) AS wanted JOIN catalog_brand b ON b.name = wanted.name";
    INSERT = "INSERT INTO catalog_brand (id, slug, name, name_key)
        SELECT r.id, r.slug, r.name, r.name_key FROM @rows($1: id @id, slug @text, name @text, name_key @text) AS r
        WHERE true ON CONFLICT DO NOTHING";
    /// Where `$3` is false, those that a product has which buyers see.
    LIST = "SELECT b.id, b.slug, b.name, b.name_key FROM catalog_brand b WHERE (b.name_key, b.id) > ($1, $2)
        AND ($3 OR EXISTS (SELECT 1 FROM catalog_product p WHERE p.brand_id = b.id AND p.status = 'active'))
        ORDER BY b.name_key, b.id LIMIT $4";
}

/// The brands of these names; those that are new to the shop are taken in.
pub async fn ensure<'a>(tx: &mut Tx, names: impl IntoIterator<Item = &'a str>) -> Result<BTreeMap<String, BrandId>> {
    let names: BTreeSet<&str> = names.into_iter().collect();
    let mut known = BTreeMap::new();
    // First look; then insert under the name's own slug; where another brand has that, under a longer one.
    for attempt in 0..3 {
        let missing: Vec<&str> = names.iter().copied().filter(|name| !known.contains_key(*name)).collect();
        if missing.is_empty() {
            break;
        }
        if attempt > 0 {
            let new = missing.iter().map(|name| {
                let slug = if attempt == 1 { slug(name) } else { with_hash(&slug(name), name) };
                params![tx.ids().next::<BrandId>(), slug, *name, sort_key(name)]
            });
            let new = rows(new);
            tx.exec(&INSERT, params![new]).await?;
        }
        let found: Vec<(String, BrandId)> =
            tx.all(&KNOWN, params![rows(missing.iter().map(|name| params![*name]))]).await?;
        known.extend(found);
    }
    Ok(known)
}

/// A brand with what the list is sorted by.
#[derive(Debug)]
pub struct ListedBrand {
    pub brand: BrandView,
    pub name_key: String,
}

impl FromRow for ListedBrand {
    fn from_row(row: &mut Row) -> Result<Self> {
        let brand = BrandView { id: row.take()?, slug: row.take()?, name: row.take()? };
        Ok(Self { brand, name_key: row.take()? })
    }
}

/// Up to `limit` brands that come after one, by name. Buyers see those of products that they see.
pub async fn list(db: &Db, after: (String, BrandId), is_staff: bool, limit: i64) -> Result<Vec<ListedBrand>> {
    db.all(&LIST, params![after.0, after.1, is_staff, limit]).await
}
