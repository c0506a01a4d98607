//! What imported products share: brands, categories and attributes, which are made where there are none.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use ::store::Tx;
use contracts::catalog::{BrandId, CategoryChanged, CategoryId};
use serde_json::{Number, Value};

use crate::Error;
use crate::attribute::{AttributeType, Attributes, Declared, type_of};
use crate::category::{Misplaced, Node, Tree};
use crate::import_products::{Candidate, Imported, Todo};
use crate::imported::{ImportFault, ImportedCategory, ImportedProduct};
use crate::slug::{slug, with_hash};
use crate::store::{attributes, brands, categories, import as store};

/// By what the products call them.
#[derive(Debug)]
pub struct Parts {
    brands: BTreeMap<String, BrandId>,
    categories: BTreeMap<ImportedCategory, CategoryId>,
    pub declared: BTreeMap<String, Declared>,
}

impl Parts {
    /// Refuses products whose category can't be.
    pub async fn gather(tx: &mut Tx, todo: &mut Vec<Todo<'_>>, done: &mut Imported) -> Result<Self, Error> {
        let named = todo.iter().flat_map(|(candidate, _)| &candidate.product.categories);
        let (categories, why) = find_categories(tx, named).await?;
        todo.retain(|(candidate, _)| {
            let missing = candidate.product.categories.iter().find(|category| !categories.contains_key(category));
            done.faults.extend(missing.map(|missing| (candidate.index, no_category(missing, &why))));
            missing.is_none()
        });
        let brands = todo.iter().filter_map(|(candidate, _)| candidate.product.brand.as_deref());
        let brands = brands::ensure(tx, brands).await?;
        let used = todo.iter().flat_map(|(candidate, _)| &candidate.product.attributes);
        let used = used.filter_map(|(key, value)| Some((key.as_str(), type_of(value).ok()?)));
        let declared = attributes::declare(tx, used).await?;
        Ok(Self { brands, categories, declared })
    }

    pub fn brand(&self, product: &ImportedProduct) -> Option<BrandId> {
        product.brand.as_ref().and_then(|name| self.brands.get(name)).copied()
    }

    /// Each once: a slug and a path may name the same.
    pub fn categories(&self, product: &ImportedProduct) -> Vec<CategoryId> {
        let mut found: Vec<CategoryId> = Vec::new();
        for id in product.categories.iter().filter_map(|category| self.categories.get(category)) {
            if !found.contains(id) {
                found.push(*id);
            }
        }
        found
    }
}

fn no_category(category: &ImportedCategory, why: &BTreeMap<ImportedCategory, Misplaced>) -> ImportFault {
    match (category, why.get(category)) {
        (ImportedCategory::Slug(slug), _) => {
            ImportFault::new("unknown_category", "categories", format!("there is no category `{slug}`"))
        }
        (ImportedCategory::Titles(titles), Some(Misplaced::TooMany)) => {
            let text = format!("the shop has too many categories for `{}`", titles.join(" > "));
            ImportFault::new("too_many", "categories", text)
        }
        (ImportedCategory::Titles(titles), _) => {
            let text = format!("the category `{}` can't be where it should go", titles.join(" > "));
            ImportFault::new("bad_category", "categories", text)
        }
    }
}

type Found = (BTreeMap<ImportedCategory, CategoryId>, BTreeMap<ImportedCategory, Misplaced>);

/// Paths of titles are made where there are none.
async fn find_categories<'a>(tx: &mut Tx, named: impl Iterator<Item = &'a ImportedCategory>) -> Result<Found, Error> {
    let mut wanted: Vec<&ImportedCategory> = named.collect();
    wanted.sort_unstable();
    wanted.dedup();
    let slugs = wanted.iter().filter_map(|category| match category {
        ImportedCategory::Slug(slug) => Some(slug.as_str()),
        ImportedCategory::Titles(_) => None,
    });
    let mut found: BTreeMap<ImportedCategory, CategoryId> =
        categories::find(tx, slugs).await?.into_iter().map(|(slug, id)| (ImportedCategory::Slug(slug), id)).collect();
    let paths: Vec<(&ImportedCategory, &[String])> = wanted
        .iter()
        .filter_map(|category| match category {
            ImportedCategory::Titles(titles) => Some((*category, titles.as_slice())),
            ImportedCategory::Slug(_) => None,
        })
        .collect();
    let known = find_paths(tx, paths.iter().map(|(_, titles)| *titles)).await?;
    let missing: Vec<_> = paths.iter().filter(|(_, titles)| !known.contains_key(titles)).copied().collect();
    found.extend(paths.iter().filter_map(|(name, titles)| Some(((*name).clone(), *known.get(titles)?))));
    let (made, why) = make(tx, &missing).await?;
    found.extend(made);
    Ok((found, why))
}

/// The categories that are here of these paths and of what is above them: a statement for each level of the tree.
pub async fn find_paths<'a>(
    tx: &mut Tx,
    paths: impl Iterator<Item = &'a [String]>,
) -> Result<BTreeMap<&'a [String], CategoryId>, Error> {
    let mut levels: BTreeMap<usize, BTreeSet<&[String]>> = BTreeMap::new();
    for path in paths {
        for depth in 1..=path.len() {
            levels.entry(depth).or_default().insert(&path[..depth]);
        }
    }
    let mut found: BTreeMap<&[String], CategoryId> = BTreeMap::new();
    for level in levels.into_values() {
        let asked: Vec<(&[String], Option<CategoryId>, &str)> = level
            .into_iter()
            .filter_map(|path| {
                let (title, above) = path.split_last()?;
                let parent = if above.is_empty() { None } else { Some(*found.get(above)?) };
                Some((path, parent, title.as_str()))
            })
            .collect();
        let here = store::children(tx, asked.iter().map(|(_, parent, title)| (*parent, *title))).await?;
        found.extend(here.into_iter().filter_map(|(place, id)| Some((asked.get(place)?.0, id))));
    }
    Ok(found)
}

/// Makes what is missing of these paths; the tree is this transaction's from here on.
async fn make(tx: &mut Tx, paths: &[(&ImportedCategory, &[String])]) -> Result<Found, Error> {
    let (mut made, mut why, mut new) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    if paths.is_empty() {
        return Ok((made, why));
    }
    let mut tree = categories::lock_tree(tx).await?;
    for (name, titles) in paths {
        match grow(tx, &mut tree, titles, &mut new) {
            Ok(Some(id)) => drop(made.insert((*name).clone(), id)),
            Ok(None) => {}
            Err(misplaced) => drop(why.insert((*name).clone(), misplaced)),
        }
    }
    insert(tx, &tree, &new).await?;
    Ok((made, why))
}

async fn insert(tx: &mut Tx, tree: &Tree, new: &[CategoryId]) -> Result<(), Error> {
    if new.is_empty() {
        return Ok(());
    }
    categories::insert(tx, tree, new, "").await?;
    new.iter().for_each(|category| tx.say(&CategoryChanged { category: *category }));
    Ok(())
}

fn grow(
    tx: &Tx,
    tree: &mut Tree,
    titles: &[String],
    new: &mut Vec<CategoryId>,
) -> Result<Option<CategoryId>, Misplaced> {
    let mut at = None;
    for title in titles {
        at = match tree.child(at, title) {
            Some(child) => Some(child),
            None => {
                let id: CategoryId = tx.ids().next();
                let slug = free_slug(tree, at, title, id);
                tree.put(Node { id, parent: at, slug, title: title.clone(), position: tree.next_position(at) })?;
                new.push(id);
                Some(id)
            }
        };
    }
    Ok(at)
}

/// The title's; where another category has that, with the parent's before it; else with something of its own.
pub fn free_slug(tree: &Tree, parent: Option<CategoryId>, title: &str, id: CategoryId) -> String {
    let short = slug(title);
    let longer = parent.and_then(|parent| Some(slug(&format!("{} {title}", tree.get(parent)?.slug))));
    let last = || with_hash(&short, &id.to_string());
    [Some(short.clone()), longer].into_iter().flatten().find(|slug| !tree.has_slug(slug)).unwrap_or_else(last)
}

/// The product's attributes, each of its attribute's type. What can't be of that type is left out, and noted.
pub fn fitting<'a>(candidate: &'a Candidate, parts: &Parts, done: &mut Imported) -> Cow<'a, Attributes> {
    let attributes = &candidate.product.attributes;
    let is_other = |(key, value): &(&String, &Value)| {
        let declared = parts.declared.get(*key).map(|declared| declared.kind);
        declared.is_some_and(|kind| type_of(value) != Ok(kind))
    };
    if !attributes.iter().any(|attribute| is_other(&attribute)) {
        return Cow::Borrowed(attributes);
    }
    let mut fitting = Attributes::new();
    for (key, value) in attributes {
        let Some(Declared { kind, .. }) = parts.declared.get(key) else { continue };
        match as_type(value, *kind) {
            Some(value) => drop(fitting.insert(key.clone(), value)),
            None => {
                let shown: String = value.to_string().chars().take(40).collect();
                let text = format!("`{key}` is left out: {shown} is no {kind}");
                done.faults.push((candidate.index, ImportFault::note("bad_attribute", "attributes", text)));
            }
        }
    }
    Cow::Owned(fitting)
}

fn as_type(value: &Value, kind: AttributeType) -> Option<Value> {
    let other = match (kind, value) {
        (AttributeType::Text, Value::Number(number)) => Value::String(number.to_string()),
        (AttributeType::Text, Value::Bool(flag)) => Value::String(flag.to_string()),
        (AttributeType::Number, Value::String(text)) => Value::Number(text.trim().parse::<Number>().ok()?),
        (AttributeType::Boolean, Value::String(text)) => Value::Bool(text.trim().parse().ok()?),
        _ => value.clone(),
    };
    (type_of(&other) == Ok(kind)).then_some(other)
}
