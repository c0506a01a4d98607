//! Takes products in from elsewhere, hundreds at a time.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ::store::Tx;
use contracts::catalog::{ProductId, ProductsChanged};
use platform::auth::sha256_hex;
use platform::{Ctx, Problem};

use crate::Error;
use crate::attribute::Attributes;
use crate::import_parts::{Parts, fitting};
use crate::import_variants::{replace_variants, written_variants};
use crate::imported::{ImportFault, ImportedProduct};
use crate::slug::{slug, with_id};
use crate::store::import::{self as store, Known, Written};
use crate::store::{attributes, listing};

/// As many as one transaction and one `products.changed` take.
pub const PRODUCTS_MAX: usize = 500;

/// What became of the products of one import.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub created: u64,
    pub updated: u64,
    /// Imported whole with the same content before. What staff changed since stays.
    pub unchanged: u64,
    /// The place among the products given, and what is wrong there.
    pub faults: Vec<(usize, ImportFault)>,
}

/// Creates or updates up to [`PRODUCTS_MAX`] products by their reference or slug, in one transaction and a fixed
/// number of statements. One that can't be taken in is refused by itself.
pub async fn import_products(ctx: &Ctx, products: Vec<ImportedProduct>) -> Result<Imported, Error> {
    if products.len() > PRODUCTS_MAX {
        return Err(
            Problem::field("/products", format!("are at most {PRODUCTS_MAX} at once, not {}", products.len())).into()
        );
    }
    let asked = candidates(ctx, products);
    ctx.db.write(asked, |tx, (candidates, faults)| Box::pin(import(tx, candidates, faults))).await
}

/// A product that is fit to be taken in.
#[derive(Debug)]
pub struct Candidate {
    pub index: usize,
    pub product: ImportedProduct,
    content_sha256: String,
}

type Faults = Vec<(usize, ImportFault)>;

/// Leaves out what is wrong in itself, or said twice.
fn candidates(ctx: &Ctx, products: Vec<ImportedProduct>) -> (Vec<Candidate>, Faults) {
    let (mut names, mut skus) = (BTreeSet::new(), BTreeSet::new());
    let (mut candidates, mut faults) = (Vec::with_capacity(products.len()), Vec::new());
    for (index, mut product) in products.into_iter().enumerate() {
        let content_sha256 = product.content_sha256();
        let notes = product.trim();
        let refusal = product.refusal().or_else(|| product.place_prices(&ctx.config));
        let refusal = refusal.or_else(|| {
            let name = product.name();
            let again = || ImportFault::new("duplicate_id", "id", format!("`{name}` came before in this file"));
            (!names.insert(name.clone())).then(again)
        });
        let refusal = refusal.or_else(|| {
            let again = product.variants.iter().position(|variant| !skus.insert(variant.sku.clone()))?;
            let text = format!("the SKU `{}` came before in this file", product.variants[again].sku);
            Some(ImportFault::new("duplicate_sku", "variants.sku", text).of_variant(again))
        });
        match refusal {
            Some(refusal) => faults.push((index, refusal)),
            None => {
                faults.extend(notes.into_iter().map(|note| (index, note)));
                candidates.push(Candidate { index, product, content_sha256 });
            }
        }
    }
    (candidates, faults)
}

async fn import(tx: &mut Tx, candidates: &[Candidate], faults: &[(usize, ImportFault)]) -> Result<Imported, Error> {
    let mut done = Imported { faults: faults.to_vec(), ..Imported::default() };
    let asked = candidates.iter().map(|candidate| &candidate.product).enumerate();
    let mut known = store::known(tx, asked).await?;
    let mut todo = Vec::new();
    for (place, candidate) in candidates.iter().enumerate() {
        match known.remove(&place) {
            Some(Known { content_sha256: Some(before), .. }) if before == candidate.content_sha256 => {
                done.unchanged += 1;
            }
            known => todo.push((candidate, known)),
        }
    }
    if !todo.is_empty() {
        refuse_taken_skus(tx, &mut todo, &mut done).await?;
        let products = put(tx, todo, &mut done).await?;
        if let Some(first) = products.first().copied() {
            tx.say(&ProductsChanged { first, products });
        }
    }
    done.faults.sort_by_key(|(index, _)| *index);
    Ok(done)
}

/// A product to be written, and which one it is where it is here already.
pub type Todo<'a> = (&'a Candidate, Option<Known>);

async fn refuse_taken_skus(tx: &mut Tx, todo: &mut Vec<Todo<'_>>, done: &mut Imported) -> Result<(), Error> {
    let skus = todo.iter().flat_map(|(candidate, _)| &candidate.product.variants).map(|variant| variant.sku.as_str());
    let taken = crate::store::variants::skus_taken(tx, skus).await?;
    todo.retain(|(candidate, own)| {
        let own = own.as_ref().map(|known| known.id);
        let is_taken = |sku: &String| taken.get(sku).is_some_and(|(_, owner)| Some(*owner) != own);
        let variants = &candidate.product.variants;
        let Some(at) = variants.iter().position(|variant| is_taken(&variant.sku)) else { return true };
        let text = format!("the SKU `{}` belongs to another product", variants[at].sku);
        done.faults.push((candidate.index, ImportFault::new("sku_taken", "variants.sku", text).of_variant(at)));
        false
    });
    Ok(())
}

/// Returns the products that were written.
async fn put(tx: &mut Tx, mut todo: Vec<Todo<'_>>, done: &mut Imported) -> Result<Vec<ProductId>, Error> {
    let parts = Parts::gather(tx, &mut todo, done).await?;
    let slugs: Vec<String> = todo.iter().map(|(candidate, _)| new_slug(&candidate.product)).collect();
    let fitted: Vec<_> = todo.iter().map(|(candidate, _)| fit(candidate, &parts, done)).collect();
    let told = done.faults.len();
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (((candidate, known), slug), (attributes, content_sha256)) in todo.iter().zip(&slugs).zip(&fitted) {
        if known.as_ref().is_some_and(|known| known.content_sha256.as_ref() == Some(content_sha256)) {
            done.unchanged += 1;
            continue;
        }
        let written = Written {
            id: known.as_ref().map_or_else(|| tx.ids().next(), |known| known.id),
            slug,
            product: &candidate.product,
            attributes,
            brand: parts.brand(&candidate.product),
            categories: parts.categories(&candidate.product),
            content_sha256,
        };
        let todo = if known.is_some() { &mut changed } else { &mut new };
        todo.push((candidate.index, written));
    }
    let created = create(tx, &new, done).await?;
    let updated = update(tx, &changed, done).await?;
    let is_new = |(_, written): &&(usize, Written<'_>)| created.contains(&written.id);
    let written: Vec<&Written<'_>> = new.iter().filter(is_new).chain(&changed).map(|(_, written)| written).collect();
    // Variants that the shop could not take may fit another time.
    let in_part: BTreeSet<usize> = done.faults[told..].iter().map(|(index, _)| *index).collect();
    let in_part = new.iter().chain(&changed).filter(|(index, _)| in_part.contains(index));
    let in_part: Vec<ProductId> = in_part.map(|(_, written)| written.id).collect();
    if !in_part.is_empty() {
        store::forget_content(tx, &in_part).await?;
    }
    let places: Vec<_> = written.iter().map(|written| (written.id, written.categories.clone())).collect();
    crate::store::put_categories(tx, &places).await?;
    let values = written.iter().map(|written| (written.id, written.attributes));
    attributes::put_values(tx, values, &parts.declared).await?;
    listing::fill(tx, &Vec::from_iter(created.iter().copied())).await?;
    listing::refresh(tx, &updated).await?;
    Ok(written.iter().map(|written| written.id).collect())
}

/// What can be taken of the attributes, and the name of what was taken: without all of them it is another one than
/// the row's, so that the row is looked at again when it comes again.
fn fit<'a>(candidate: &'a Candidate, parts: &Parts, done: &mut Imported) -> (Cow<'a, Attributes>, String) {
    let told = done.faults.len();
    let attributes = fitting(candidate, parts, done);
    let left_out = done.faults[told..].iter().map(|(_, fault)| fault.text.as_str());
    let left_out = left_out.collect::<Vec<_>>().join("\n");
    let row = &candidate.content_sha256;
    let name = if left_out.is_empty() { row.clone() } else { sha256_hex(format!("{row}\n{left_out}").as_bytes()) };
    (attributes, name)
}

async fn create(tx: &mut Tx, new: &[(usize, Written<'_>)], done: &mut Imported) -> Result<BTreeSet<ProductId>, Error> {
    if new.is_empty() {
        return Ok(BTreeSet::new());
    }
    let products: Vec<Written<'_>> = new.iter().map(|(_, written)| written.copy(written.slug)).collect();
    let mut inserted = store::insert_products(tx, &products).await?;
    // A slug of the title's may be taken: then it is made longer. One that the file says is what was asked for.
    let longer: Vec<String> = products.iter().map(|written| with_id(written.slug, written.id)).collect();
    let again = products.iter().zip(&longer).filter(|(written, _)| !inserted.contains(&written.id));
    let again: Vec<Written<'_>> = again
        .filter(|(written, _)| written.product.slug.is_none())
        .map(|(written, longer)| written.copy(longer))
        .collect();
    if !again.is_empty() {
        inserted.extend(store::insert_products(tx, &again).await?);
    }
    let variants: Vec<_> = products
        .iter()
        .filter(|written| inserted.contains(&written.id))
        .flat_map(|written| written_variants(tx.ids(), written.id, written.product))
        .collect();
    let placed = store::insert_variants(tx, &variants).await?;
    // Another import was faster with a SKU, or a variant's reference belongs to another one.
    let bare: BTreeSet<ProductId> =
        variants.iter().filter(|variant| !placed.contains(&variant.id)).map(|variant| variant.product).collect();
    store::remove_products(tx, &bare).await?;
    let created: BTreeSet<ProductId> = inserted.difference(&bare).copied().collect();
    for (index, written) in new.iter().filter(|(_, written)| !created.contains(&written.id)) {
        done.faults.push((*index, conflict(written, inserted.contains(&written.id))));
    }
    let kept: Vec<_> = variants.iter().filter(|variant| created.contains(&variant.product)).collect();
    crate::import_variants::put_prices(tx, &kept).await?;
    done.created += created.len() as u64;
    Ok(created)
}

fn conflict(written: &Written<'_>, was_inserted: bool) -> ImportFault {
    match &written.product.slug {
        Some(slug) if !was_inserted => {
            ImportFault::new("slug_taken", "slug", format!("the slug `{slug}` belongs to another product"))
        }
        _ => ImportFault::new("conflict", "id", "a variant's reference belongs to another one, or was taken just now"),
    }
}

async fn update(tx: &mut Tx, changed: &[(usize, Written<'_>)], done: &mut Imported) -> Result<Vec<ProductId>, Error> {
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let products: Vec<Written<'_>> = changed.iter().map(|(_, written)| written.copy(written.slug)).collect();
    let ids: Vec<ProductId> = products.iter().map(|written| written.id).collect();
    // The rows of the products are this transaction's from here on.
    store::update_products(tx, &products).await?;
    crate::store::remove_categories(tx, &ids).await?;
    attributes::remove_values(tx, &ids).await?;
    replace_variants(tx, changed, done).await?;
    done.updated += changed.len() as u64;
    Ok(ids)
}

/// The file's, else one of the title and of what the product is called elsewhere.
fn new_slug(product: &ImportedProduct) -> String {
    match (&product.slug, &product.external_ref) {
        (None, Some(external)) => format!("{}-{}", slug(&product.title), slug(&external.id)),
        _ => product.own_slug(),
    }
}
