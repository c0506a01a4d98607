//! The tree of categories.

use std::collections::{BTreeMap, BTreeSet};

use ::store::{Db, FromRow, Result, Row, Tx, params, rows, statements};
use contracts::Id;
use contracts::catalog::{CategoryId, ProductId};
use uuid::Uuid;

use crate::category::{CATEGORIES_EVER_MAX, CategoryPage, CategoryView, Node, Place, Tree};
use crate::product::CategoryRef;
use crate::slug::is_slug;

statements! {
    LOCK = "INSERT INTO catalog_tree (id, version) VALUES (1, 1)
        ON CONFLICT (id) DO UPDATE SET version = catalog_tree.version + 1 RETURNING version";
    TREE = "SELECT id, parent_id, slug, title, position FROM catalog_category ORDER BY id LIMIT $1";
    INSERT = "INSERT INTO catalog_category (id, parent_id, slug, path, depth, title, description, position, version,
            created_at, updated_at)
        SELECT r.id, r.parent_id, r.slug, r.path, r.depth, r.title, r.description, r.position, 1,
            CAST($2 AS BIGINT), CAST($2 AS BIGINT)
        FROM @rows($1: id @id, parent_id @id, slug @text, path @text, depth @int, title @text, description @text,
            position @int) AS r
        WHERE true";
    EDIT = "UPDATE catalog_category SET title = $3, slug = $4, parent_id = $5, depth = $6, path = $7,
            position = $8, description = COALESCE($9, description), version = version + 1, updated_at = $10
        WHERE id = $1 AND version = $2";
    PLACE = "UPDATE catalog_category SET path = r.path, depth = r.depth
        FROM @rows($1: id @id, path @text, depth @int) AS r WHERE catalog_category.id = r.id";
    ADD_LINES = "INSERT INTO catalog_category_ancestor (category_id, ancestor_id)
        SELECT r.category_id, r.ancestor_id FROM @rows($1: category_id @id, ancestor_id @id) AS r WHERE true";
    REMOVE_LINES = "DELETE FROM catalog_category_ancestor WHERE category_id IN (SELECT r.id FROM @rows($1: id @id) AS r)";
    VERSION = "SELECT version FROM catalog_category WHERE id = $1";
    /// Waits for those who put a product in just now.
    TAKE = "SELECT version FROM catalog_category WHERE id = $1 @for_update";
    IS_USED = "SELECT 1 FROM catalog_category WHERE parent_id = $1
        UNION ALL SELECT 1 FROM catalog_product_category WHERE category_id = $1 LIMIT 1";
    DELETE = "DELETE FROM catalog_category WHERE id = $1";
    FIND = "SELECT wanted.name, c.id
        FROM @rows($1: name @text, id @id) AS wanted JOIN catalog_category c ON c.slug = wanted.name OR c.id = wanted.id";
    SHOW = "WITH wanted AS (
            SELECT id, parent_id FROM catalog_category WHERE id = CAST($1 AS @id) OR slug = $2),
        found AS (
            SELECT 0 AS kind, id FROM wanted
            UNION ALL
            SELECT 1, a.ancestor_id FROM catalog_category_ancestor a
                WHERE a.category_id = (SELECT id FROM wanted) AND a.ancestor_id <> a.category_id
            UNION ALL
            SELECT 2, c.id FROM catalog_category c WHERE c.parent_id = (SELECT id FROM wanted))
        SELECT f.kind, c.id, c.slug, c.title, c.description, c.path, c.depth, c.parent_id, c.position, c.version,
            c.created_at, c.updated_at
        FROM found f JOIN catalog_category c ON c.id = f.id
        ORDER BY f.kind, c.depth, c.position, c.title LIMIT 1011";
    LIST = "SELECT id, slug, title, description, path, depth, parent_id, position, version, created_at, updated_at
        FROM catalog_category
        WHERE path > $1
            AND (CAST($2 AS TEXT) IS NULL
                OR parent_id = (SELECT id FROM catalog_category WHERE slug = CAST($2 AS TEXT) OR id = CAST($3 AS @id)))
            AND (parent_id IS NULL OR NOT $4)
        ORDER BY path LIMIT $5";
    WHOLE = "SELECT parent_id, id, slug, title, path FROM catalog_category WHERE depth <= $1
        ORDER BY depth, position, title LIMIT $2";
    PRODUCTS_BELOW = "SELECT DISTINCT pc.product_id FROM catalog_category_ancestor a
        JOIN catalog_product_category pc ON pc.category_id = a.category_id
        WHERE a.ancestor_id = $1 AND pc.product_id > $2
        ORDER BY pc.product_id LIMIT $3";
}

const CATEGORIES_LIMIT: i64 = CATEGORIES_EVER_MAX as i64;

/// The tree, which is this transaction's alone until its end.
pub async fn lock_tree(tx: &mut Tx) -> Result<Tree> {
    let _: (i64,) = tx.one(&LOCK, params![]).await?;
    let nodes: Vec<Node> = tx.all(&TREE, params![CATEGORIES_LIMIT]).await?;
    Ok(Tree::new(nodes))
}

impl FromRow for Node {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { id: row.take()?, parent: row.take()?, slug: row.take()?, title: row.take()?, position: row.take()? })
    }
}

/// Inserts categories of the locked tree, parents before children.
pub async fn insert(tx: &mut Tx, tree: &Tree, new: &[CategoryId], description: &str) -> Result<()> {
    let now = tx.now();
    let places: Vec<Place> = new.iter().map(|id| tree.place(*id)).collect();
    let nodes = places.iter().filter_map(|place| Some((place, tree.get(place.id)?)));
    let new = rows(nodes.map(|(place, node)| {
        params![node.id, node.parent, node.slug, place.path, depth(place), node.title, description, node.position]
    }));
    tx.exec(&INSERT, params![new, now]).await?;
    add_lines(tx, &places).await
}

/// `false` where it is not at this version. The tree is locked and holds the category as it shall be.
pub async fn edit(tx: &mut Tx, tree: &Tree, id: CategoryId, version: i64, description: Option<&str>) -> Result<bool> {
    let now = tx.now();
    let Some(node) = tree.get(id) else { return Ok(false) };
    let place = tree.place(id);
    let params = params![
        id,
        version,
        node.title,
        node.slug,
        node.parent,
        depth(&place),
        place.path,
        node.position,
        description,
        now
    ];
    Ok(tx.exec(&EDIT, params).await? == 1)
}

/// Writes where these categories are now. Changing their paths also waits for those who put a product in just now.
pub async fn place(tx: &mut Tx, places: &[Place]) -> Result<()> {
    let placed = rows(places.iter().map(|place| params![place.id, place.path, depth(place)]));
    tx.exec(&PLACE, params![placed]).await?;
    tx.exec(&REMOVE_LINES, params![rows(places.iter().map(|place| params![place.id]))]).await?;
    add_lines(tx, places).await
}

async fn add_lines(tx: &mut Tx, places: &[Place]) -> Result<()> {
    let lines = places.iter().flat_map(|place| place.line.iter().map(|above| params![place.id, above]));
    tx.exec(&ADD_LINES, params![rows(lines)]).await.map(drop)
}

fn depth(place: &Place) -> i64 {
    i64::try_from(place.line.len()).unwrap_or(i64::MAX)
}

pub async fn version(tx: &mut Tx, id: CategoryId) -> Result<Option<i64>> {
    let found: Option<(i64,)> = tx.opt(&VERSION, params![id]).await?;
    Ok(found.map(|(version,)| version))
}

/// The version of a category that nobody puts a product into until the end of this transaction.
pub async fn take(tx: &mut Tx, id: CategoryId) -> Result<Option<i64>> {
    let found: Option<(i64,)> = tx.opt(&TAKE, params![id]).await?;
    Ok(found.map(|(version,)| version))
}

/// Whether it has a category or a product of any status in it.
pub async fn is_used(tx: &mut Tx, id: CategoryId) -> Result<bool> {
    let found: Option<(i64,)> = tx.opt(&IS_USED, params![id]).await?;
    Ok(found.is_some())
}

pub async fn delete(tx: &mut Tx, id: CategoryId) -> Result<()> {
    tx.exec(&REMOVE_LINES, params![rows([params![id]])]).await?;
    tx.exec(&DELETE, params![id]).await.map(drop)
}

/// Categories by slug or id; those that are unknown are left out.
pub async fn find<'a>(tx: &mut Tx, names: impl IntoIterator<Item = &'a str>) -> Result<BTreeMap<String, CategoryId>> {
    let names: BTreeSet<&str> = names.into_iter().collect();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let wanted = rows(names.iter().map(|name| params![*name, name.parse::<CategoryId>().ok()]));
    let found: Vec<(String, CategoryId)> = tx.all(&FIND, params![wanted]).await?;
    Ok(super::by_name(found))
}

impl FromRow for CategoryView {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            slug: row.take()?,
            title: row.take()?,
            description: row.take()?,
            path: row.take()?,
            depth: row.take()?,
            parent: row.take()?,
            position: row.take()?,
            version: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
        })
    }
}

/// One of [`SHOW`]'s rows: the category itself, one above it, or one right below it.
struct Kin {
    kind: i64,
    category: CategoryView,
}

impl FromRow for Kin {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { kind: row.take()?, category: CategoryView::from_row(row)? })
    }
}

/// A category by slug or id.
pub async fn show(db: &Db, name: &str) -> Result<Option<CategoryPage>> {
    let id: Option<CategoryId> = name.parse().ok();
    if id.is_none() && is_slug(name, &()).is_err() {
        return Ok(None);
    }
    let kin: Vec<Kin> = db.all(&SHOW, params![id, name]).await?;
    let mut kin = kin.into_iter();
    let Some(Kin { category, .. }) = kin.next() else { return Ok(None) };
    let (mut ancestors, mut children) = (Vec::new(), Vec::new());
    for Kin { kind, category } in kin {
        let list = if kind == 1 { &mut ancestors } else { &mut children };
        list.push(CategoryRef { id: category.id, slug: category.slug, title: category.title, path: category.path });
    }
    Ok(Some(CategoryPage { category, ancestors, children }))
}

/// Which categories a list has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Below {
    Any,
    /// Those that are in no other.
    Roots,
    /// The children of one, by slug or id.
    Parent(String),
}

/// Up to `limit` categories whose path comes after one.
pub async fn list(db: &Db, after: &str, below: &Below, limit: i64) -> Result<Vec<CategoryView>> {
    let parent = if let Below::Parent(name) = below { Some(name) } else { None };
    let id: Option<CategoryId> = parent.and_then(|name| name.parse().ok());
    db.all(&LIST, params![after, parent, id, *below == Below::Roots, limit]).await
}

struct Whole(Option<CategoryId>, CategoryRef);

impl FromRow for Whole {
    fn from_row(row: &mut Row) -> Result<Self> {
        let parent = row.take()?;
        let category = CategoryRef { id: row.take()?, slug: row.take()?, title: row.take()?, path: row.take()? };
        Ok(Self(parent, category))
    }
}

/// Every category down to a depth beside its parent, parents first, siblings in their order.
pub async fn whole(db: &Db, depth_max: i64) -> Result<Vec<(Option<CategoryId>, CategoryRef)>> {
    let all: Vec<Whole> = db.all(&WHOLE, params![depth_max, CATEGORIES_LIMIT]).await?;
    Ok(all.into_iter().map(|Whole(parent, category)| (parent, category)).collect())
}

/// Up to `limit` products in a category or below it that come after one.
pub async fn products_below(
    tx: &mut Tx,
    category: CategoryId,
    after: Option<ProductId>,
    limit: i64,
) -> Result<Vec<ProductId>> {
    let after = after.map_or(Uuid::nil(), Id::uuid);
    let found: Vec<(ProductId,)> = tx.all(&PRODUCTS_BELOW, params![category, after, limit]).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}
