//! Attributes and the values that products are filtered by.

use std::collections::BTreeMap;

use ::store::{Db, FromRow, Result, Row, Tx, params, rows, statements};
use contracts::catalog::{AttributeId, ProductId};

use super::by_name;
use crate::attribute::{
    AttributeType, AttributeView, Attributes, Declared, EditAttribute, Filtered, NewAttribute, filtered,
};

statements! {
    KNOWN = "SELECT a.key, a.id, a.type FROM @rows($1: key @text) AS wanted JOIN catalog_attribute a ON a.key = wanted.key";
    INSERT = "INSERT INTO catalog_attribute (id, key, label, type, unit, filterable, version, created_at, updated_at)
        SELECT r.id, r.key, r.label, r.type, r.unit, r.filterable, 1, CAST($2 AS BIGINT), CAST($2 AS BIGINT)
        FROM @rows($1: id @id, key @text, label @text, type @text, unit @text, filterable @bool) AS r
        WHERE true ON CONFLICT DO NOTHING";
    EDIT = "UPDATE catalog_attribute SET label = COALESCE($3, label),
            unit = CASE WHEN $4 THEN CAST($5 AS TEXT) ELSE unit END, filterable = COALESCE($6, filterable),
            version = version + 1, updated_at = $7
        WHERE key = $1 AND version = $2 RETURNING id";
    SHOW = "SELECT key, label, type, unit, filterable, version FROM catalog_attribute WHERE key = $1";
    VERSION = "SELECT version FROM catalog_attribute WHERE key = $1";
    /// Where `$3` is false, those that a product has a value of which buyers see.
    LIST = "SELECT a.key, a.label, a.type, a.unit, a.filterable, a.version FROM catalog_attribute a
        WHERE a.key > $1 AND (a.filterable OR NOT $2) AND ($3
            OR EXISTS (SELECT 1 FROM catalog_attribute_value v JOIN catalog_product p ON p.id = v.product_id
                WHERE v.attribute_id = a.id AND v.text_value IS NOT NULL AND p.status = 'active')
            OR EXISTS (SELECT 1 FROM catalog_attribute_value v JOIN catalog_product p ON p.id = v.product_id
                WHERE v.attribute_id = a.id AND v.number_micros IS NOT NULL AND p.status = 'active'))
        ORDER BY a.key LIMIT $4";
    PUT_VALUES = "INSERT INTO catalog_attribute_value (product_id, attribute_id, text_value, number_micros)
        SELECT r.product_id, r.attribute_id, r.text_value, r.number_micros
        FROM @rows($1: product_id @id, attribute_id @id, text_value @text, number_micros @int) AS r
        WHERE true ON CONFLICT (product_id, attribute_id) DO UPDATE
        SET text_value = excluded.text_value, number_micros = excluded.number_micros";
    REMOVE_VALUES = "DELETE FROM catalog_attribute_value WHERE product_id IN (SELECT r.id FROM @rows($1: id @id) AS r)";
}

impl FromRow for AttributeView {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            key: row.take()?,
            label: row.take()?,
            kind: row.take()?,
            unit: row.take()?,
            filterable: row.take()?,
            version: row.take()?,
        })
    }
}

/// The attributes of these keys. One that is new to the shop is declared, with the type that comes with it first.
pub async fn declare<'a>(
    tx: &mut Tx,
    used: impl IntoIterator<Item = (&'a str, AttributeType)>,
) -> Result<BTreeMap<String, Declared>> {
    let mut wanted: BTreeMap<&str, AttributeType> = BTreeMap::new();
    for (key, kind) in used {
        wanted.entry(key).or_insert(kind);
    }
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut known = find(tx, wanted.keys().copied()).await?;
    let missing: Vec<_> = wanted.iter().filter(|(key, _)| !known.contains_key(**key)).collect();
    if !missing.is_empty() {
        let now = tx.now();
        let new = missing
            .iter()
            .map(|(key, kind)| params![tx.ids().next::<AttributeId>(), **key, **key, **kind, None::<String>, true]);
        let new = rows(new);
        tx.exec(&INSERT, params![new, now]).await?;
        // What another transaction declared meanwhile is found as that one has it.
        known.extend(find(tx, missing.iter().map(|(key, _)| **key)).await?);
    }
    Ok(known)
}

async fn find<'a>(tx: &mut Tx, keys: impl Iterator<Item = &'a str>) -> Result<BTreeMap<String, Declared>> {
    let found: Vec<(String, AttributeId, AttributeType)> =
        tx.all(&KNOWN, params![rows(keys.map(|key| params![key]))]).await?;
    Ok(by_name(found.into_iter().map(|(key, id, kind)| (key, Declared { id, kind })).collect()))
}

/// `false` where the key is declared already.
pub async fn insert(tx: &mut Tx, id: AttributeId, attribute: &NewAttribute) -> Result<bool> {
    let now = tx.now();
    let label = attribute.label.as_ref().unwrap_or(&attribute.key);
    let filterable = attribute.filterable.unwrap_or(true);
    let new = rows([params![id, attribute.key, label, attribute.kind, attribute.unit, filterable]]);
    Ok(tx.exec(&INSERT, params![new, now]).await? == 1)
}

/// `None` where it is not at this version.
pub async fn edit(tx: &mut Tx, key: &str, version: i64, edit: &EditAttribute) -> Result<Option<AttributeId>> {
    let now = tx.now();
    let (has_unit, unit) = (edit.unit.is_some(), edit.unit.clone().flatten());
    let params = params![key, version, edit.label, has_unit, unit, edit.filterable, now];
    let found: Option<(AttributeId,)> = tx.opt(&EDIT, params).await?;
    Ok(found.map(|(id,)| id))
}

pub async fn version(tx: &mut Tx, key: &str) -> Result<Option<i64>> {
    let found: Option<(i64,)> = tx.opt(&VERSION, params![key]).await?;
    Ok(found.map(|(version,)| version))
}

pub async fn show(db: &Db, key: &str) -> Result<Option<AttributeView>> {
    db.opt(&SHOW, params![key]).await
}

/// Up to `limit` attributes whose key comes after one. Buyers see those of products that they see.
pub async fn list(
    db: &Db,
    after: &str,
    only_filterable: bool,
    is_staff: bool,
    limit: i64,
) -> Result<Vec<AttributeView>> {
    db.all(&LIST, params![after, only_filterable, is_staff, limit]).await
}

/// Makes products found by their attributes. Those that they had before were removed.
pub async fn put_values(
    tx: &mut Tx,
    of: impl IntoIterator<Item = (ProductId, &Attributes)>,
    declared: &BTreeMap<String, Declared>,
) -> Result<()> {
    let mut values = Vec::new();
    for (product, attributes) in of {
        for (key, value) in attributes {
            let Some((Declared { id, .. }, value)) = declared.get(key).zip(filtered(value)) else { continue };
            let (text, number) = match value {
                Filtered::Text(text) => (Some(text), None),
                Filtered::Number(number) => (None, Some(number)),
            };
            values.push(params![product, id, text, number]);
        }
    }
    if values.is_empty() {
        return Ok(());
    }
    tx.exec(&PUT_VALUES, params![rows(values)]).await.map(drop)
}

pub async fn remove_values(tx: &mut Tx, products: &[ProductId]) -> Result<()> {
    tx.exec(&REMOVE_VALUES, params![rows(products.iter().map(|id| params![id]))]).await.map(drop)
}
