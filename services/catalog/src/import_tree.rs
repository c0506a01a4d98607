//! Takes in what products stand on, as an export tells it: categories, brands and attributes.

use ::store::Tx;
use contracts::catalog::{CategoryChanged, CategoryId};
use platform::{Ctx, Problem};

use crate::Error;
use crate::category::{Node, Tree};
use crate::import_parts::{find_paths, free_slug};
use crate::imported::{ImportFault, ImportedAttribute, ImportedBrand, ImportedCategoryPart, ImportedPart};
use crate::store::{categories, import as store};

/// As many as one transaction takes.
pub const PARTS_MAX: usize = 500;

/// What became of the parts of one import.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ImportedParts {
    /// What the shop has already stays as it is.
    pub created: u64,
    /// The place among the parts given, and what is wrong there.
    pub faults: Vec<(usize, ImportFault)>,
}

/// Takes in up to [`PARTS_MAX`] categories, brands and attributes in one transaction; what can't be is refused by
/// itself. The categories above a category are told before it, or here already.
pub async fn import_parts(ctx: &Ctx, parts: Vec<ImportedPart>) -> Result<ImportedParts, Error> {
    if parts.len() > PARTS_MAX {
        return Err(Problem::field("/parts", format!("are at most {PARTS_MAX} at once, not {}", parts.len())).into());
    }
    let (mut fit, mut faults) = (Vec::with_capacity(parts.len()), Vec::new());
    for (index, part) in parts.into_iter().enumerate() {
        match part.refusal() {
            Some(fault) => faults.push((index, fault)),
            None => fit.push((index, part)),
        }
    }
    let mut done = ctx.db.write(fit, |tx, fit| Box::pin(import(tx, fit))).await?;
    done.faults.append(&mut faults);
    done.faults.sort_by_key(|(index, _)| *index);
    Ok(done)
}

async fn import(tx: &mut Tx, parts: &[(usize, ImportedPart)]) -> Result<ImportedParts, Error> {
    let (mut trees, mut brands, mut attributes) = (Vec::new(), Vec::new(), Vec::new());
    for (index, part) in parts {
        match part {
            ImportedPart::Category(category) => trees.push((*index, category)),
            ImportedPart::Brand(brand) => brands.push(brand),
            ImportedPart::Attribute(attribute) => attributes.push(attribute),
        }
    }
    let mut done = ImportedParts::default();
    let brands: Vec<&ImportedBrand> = brands;
    let attributes: Vec<&ImportedAttribute> = attributes;
    done.created += store::name_brands(tx, &brands).await?;
    done.created += store::declare_attributes(tx, &attributes).await?;
    if !trees.is_empty() {
        plant(tx, &trees, &mut done).await?;
    }
    Ok(done)
}

async fn plant(tx: &mut Tx, asked: &[(usize, &ImportedCategoryPart)], done: &mut ImportedParts) -> Result<(), Error> {
    let known = find_paths(tx, asked.iter().map(|(_, category)| category.titles.as_slice())).await?;
    if asked.iter().all(|(_, category)| known.contains_key(category.titles.as_slice())) {
        return Ok(());
    }
    let mut tree = categories::lock_tree(tx).await?;
    let (mut new, mut described) = (Vec::new(), Vec::new());
    for (index, category) in asked {
        match grow(tx, &mut tree, category) {
            Ok(None) => {}
            Ok(Some(id)) => {
                new.push(id);
                if !category.description.is_empty() {
                    described.push((id, category.description.as_str()));
                }
            }
            Err(why) => done.faults.push((*index, why)),
        }
    }
    if !new.is_empty() {
        categories::insert(tx, &tree, &new, "").await?;
        store::describe_categories(tx, &described).await?;
        new.iter().for_each(|category| tx.say(&CategoryChanged { category: *category }));
    }
    done.created += new.len() as u64;
    Ok(())
}

fn walk(tree: &Tree, titles: &[String]) -> Option<CategoryId> {
    titles.iter().try_fold(None, |at, title| tree.child(at, title).map(Some)).flatten()
}

/// `None` where it is here.
fn grow(tx: &Tx, tree: &mut Tree, category: &ImportedCategoryPart) -> Result<Option<CategoryId>, ImportFault> {
    let bad = |code, text: String| Err(ImportFault::new(code, "titles", text));
    let Some((title, above)) = category.titles.split_last() else { return Ok(None) };
    let parent = walk(tree, above);
    if parent.is_none() && !above.is_empty() {
        return bad("unknown_category", format!("there is no category `{}` for it to be in", above.join(" > ")));
    }
    if tree.child(parent, title).is_some() {
        return Ok(None);
    }
    let id: CategoryId = tx.ids().next();
    let slug = match category.slug.as_ref().filter(|slug| !tree.has_slug(slug)) {
        Some(slug) => slug.clone(),
        None => free_slug(tree, parent, title, id),
    };
    let position = category.position.unwrap_or_else(|| tree.next_position(parent));
    match tree.put(Node { id, parent, slug, title: title.clone(), position }) {
        Ok(()) => Ok(Some(id)),
        Err(_) => {
            bad("bad_category", format!("the category `{}` can't be where it should go", category.titles.join(" > ")))
        }
    }
}
