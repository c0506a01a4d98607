//! Changes what a category says, or moves it with all that is below it.

use ::store::Tx;
use contracts::catalog::{CategoryChanged, CategoryId};
use platform::{Ctx, Problem, Staff};

use crate::Error;
use crate::category::{EditCategory, Node};
use crate::create_category::{misplaced, parent};
use crate::jobs::Relist;
use crate::store::categories;

/// Nobody's change is lost: the edit is made on `version` or refused. Lists of products follow a move within moments.
///
/// Errors: `CategoryNotFound`, `CategoryChanged`, `CategorySlugTaken`, `CategoryMisplaced`, and field problems.
pub async fn edit_category(
    ctx: &Ctx,
    staff: Staff<()>,
    category: CategoryId,
    version: i64,
    edit: EditCategory,
) -> Result<(), Error> {
    if edit.fields().is_empty() {
        return Err(Problem::field("", "names no field to change").into());
    }
    let input = (staff, category, version, edit);
    ctx.db
        .write(input, |tx, (staff, category, version, edit)| Box::pin(change(tx, staff, *category, *version, edit)))
        .await
}

async fn change(
    tx: &mut Tx,
    staff: &Staff<()>,
    id: CategoryId,
    version: i64,
    edit: &EditCategory,
) -> Result<(), Error> {
    // Whoever changes the tree waits here for whoever changes it just now, and sees what that one left.
    let mut tree = categories::lock_tree(tx).await?;
    let before = tree.get(id).cloned().ok_or_else(|| Error::CategoryNotFound { category: id.to_string() })?;
    let after = Node {
        id,
        parent: match &edit.parent {
            Some(name) => parent(&tree, name.as_deref())?,
            None => before.parent,
        },
        slug: edit.slug.clone().unwrap_or_else(|| before.slug.clone()),
        title: edit.title.clone().unwrap_or_else(|| before.title.clone()),
        position: edit.position.unwrap_or(before.position),
    };
    if after.slug != before.slug && tree.has_slug(&after.slug) {
        return Err(Error::CategorySlugTaken { slug: after.slug });
    }
    let (is_moved, is_renamed) = (after.parent != before.parent, after.slug != before.slug);
    tree.put(after).map_err(misplaced)?;
    if !categories::edit(tx, &tree, id, version, edit.description.as_deref()).await? {
        let version = categories::version(tx, id).await?.unwrap_or_default();
        return Err(Error::CategoryChanged { version });
    }
    if is_moved || is_renamed {
        categories::place(tx, &tree.places(id)).await?;
    }
    if is_moved {
        tx.start(&Relist { category: id, version: version + 1, after: None });
    }
    tx.say(&CategoryChanged { category: id });
    staff.records(tx, "catalog.edit_category", id, &edit.fields());
    Ok(())
}
