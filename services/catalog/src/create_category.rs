//! Makes a category.

use ::store::Tx;
use ::store::idempotency::{self, Key};
use contracts::Id;
use contracts::catalog::{CategoryChanged, CategoryId};
use platform::{Ctx, Problem, Staff};

use crate::Error;
use crate::category::{CATEGORIES_EVER_MAX, DEPTH_MAX, Misplaced, NewCategory, Node, Tree};
use crate::slug::{slug, with_id};
use crate::store::categories;

/// `None`: the key made one before.
///
/// Errors: `CategorySlugTaken`, `CategoryMisplaced`, and a field problem for an unknown parent.
pub async fn create_category(
    ctx: &Ctx,
    staff: Staff<()>,
    key: Option<Key>,
    category: NewCategory,
) -> Result<Option<CategoryId>, Error> {
    let input = (staff, key, category);
    ctx.db.write(input, |tx, (staff, key, category)| Box::pin(create(tx, staff, key.as_ref(), category))).await
}

async fn create(
    tx: &mut Tx,
    staff: &Staff<()>,
    key: Option<&Key>,
    new: &NewCategory,
) -> Result<Option<CategoryId>, Error> {
    let id: CategoryId = tx.ids().next();
    if let Some(key) = key
        && !idempotency::claim(tx, key, 201, id.uuid()).await?
    {
        return Ok(None);
    }
    let mut tree = categories::lock_tree(tx).await?;
    let parent = parent(&tree, new.parent.as_deref())?;
    let slug = match &new.slug {
        Some(slug) if tree.has_slug(slug) => return Err(Error::CategorySlugTaken { slug: slug.clone() }),
        Some(slug) => slug.clone(),
        None => free_slug(&tree, id, parent, &new.title),
    };
    let position = new.position.unwrap_or_else(|| tree.next_position(parent));
    tree.put(Node { id, parent, slug, title: new.title.clone(), position }).map_err(misplaced)?;
    categories::insert(tx, &tree, &[id], &new.description).await?;
    tx.say(&CategoryChanged { category: id });
    staff.records(tx, "catalog.create_category", id, &["title", "slug", "parent", "position"]);
    Ok(Some(id))
}

/// The category of this slug or id; a field problem where there is none.
pub fn parent(tree: &Tree, name: Option<&str>) -> Result<Option<CategoryId>, Error> {
    let Some(name) = name else { return Ok(None) };
    match tree.find(name) {
        Some(id) => Ok(Some(id)),
        None => Err(Problem::field("/parent", "is no category of the shop").into()),
    }
}

/// Of the title; where that is taken, with the parent's before it; where that is, too, with the end of the id.
pub fn free_slug(tree: &Tree, id: CategoryId, parent: Option<CategoryId>, title: &str) -> String {
    let own = slug(title);
    let with_parent = parent.and_then(|parent| tree.get(parent)).map(|parent| slug(&format!("{} {own}", parent.slug)));
    let free = std::iter::once(own.clone()).chain(with_parent).find(|slug| !tree.has_slug(slug));
    free.unwrap_or_else(|| with_id(&own, id))
}

pub fn misplaced(why: Misplaced) -> Error {
    let why = match why {
        Misplaced::Cycle => "a category can't be moved into itself or into one below it".to_owned(),
        Misplaced::TooDeep => format!("the tree is at most {DEPTH_MAX} categories deep"),
        Misplaced::TitleTaken => "another category there has this title: choose another one".to_owned(),
        Misplaced::TooMany => format!("the shop has at most {CATEGORIES_EVER_MAX} categories"),
    };
    Error::CategoryMisplaced { why }
}
