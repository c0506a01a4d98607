//! Takes products in from elsewhere, hundreds at a time.

use std::collections::BTreeSet;

use ::store::Tx;
use contracts::catalog::{ProductId, ProductsChanged, VariantId};
use platform::{Ctx, Problem};

use crate::Error;
use crate::create_product::with_id;
use crate::imported::ImportedProduct;
use crate::slug::slug;
use crate::store::import as store;

/// As many as one transaction and one `products.changed` take.
pub const PRODUCTS_MAX: usize = 500;

/// What became of the products of one import.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub created: u64,
    pub updated: u64,
    /// Imported with the same content before. What staff changed since stays.
    pub unchanged: u64,
    pub refused: Vec<Refusal>,
    /// Every variant of this import by its SKU, also where nothing changed.
    pub variants: Vec<(String, VariantId)>,
}

/// A product that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its place among the products given.
    pub index: usize,
    pub why: String,
}

/// Creates or updates up to [`PRODUCTS_MAX`] products by their source and id, in one transaction and a
/// fixed number of statements. One that can't be taken in is refused by itself.
pub async fn import_products(ctx: &Ctx, products: Vec<ImportedProduct>) -> Result<Imported, Error> {
    if products.len() > PRODUCTS_MAX {
        return Err(
            Problem::field("/products", format!("are at most {PRODUCTS_MAX} at once, not {}", products.len())).into()
        );
    }
    let (candidates, refused) = candidates(products);
    ctx.db.write((candidates, refused), |tx, (candidates, refused)| Box::pin(import(tx, candidates, refused))).await
}

/// A product that is fit to be taken in.
#[derive(Debug)]
pub struct Candidate {
    index: usize,
    pub product: ImportedProduct,
    pub content_sha256: String,
}

/// Leaves out what is wrong in itself, or said twice.
fn candidates(products: Vec<ImportedProduct>) -> (Vec<Candidate>, Vec<Refusal>) {
    let (mut ids, mut skus) = (BTreeSet::new(), BTreeSet::new());
    let (mut candidates, mut refused) = (Vec::with_capacity(products.len()), Vec::new());
    for (index, product) in products.into_iter().enumerate() {
        let why = if let Some(why) = product.refusal() {
            Some(why)
        } else if !ids.insert((product.source.clone(), product.id.clone())) {
            Some(format!("the id `{}` came shortly before", product.id))
        } else if !skus.insert(product.sku.clone()) {
            Some(format!("the SKU `{}` came shortly before", product.sku))
        } else {
            None
        };
        match why {
            Some(why) => refused.push(Refusal { index, why }),
            None => candidates.push(Candidate { index, content_sha256: product.content_sha256(), product }),
        }
    }
    (candidates, refused)
}

async fn import(tx: &mut Tx, candidates: &[Candidate], refused: &[Refusal]) -> Result<Imported, Error> {
    let mut done = Imported { refused: refused.to_vec(), ..Imported::default() };
    let known = store::known(tx, candidates).await?;
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for candidate in candidates {
        match known.get(&(candidate.product.source.clone(), candidate.product.id.clone())) {
            None => new.push(candidate),
            Some(known) if known.content_sha256.as_ref() == Some(&candidate.content_sha256) => {
                done.unchanged += 1;
                done.variants.push((candidate.product.sku.clone(), known.ids.1));
            }
            Some(known) => changed.push((candidate, known.ids)),
        }
    }
    refuse_taken_skus(tx, &mut new, &mut changed, &mut done).await?;
    let mut products = create(tx, &new, &mut done).await?;
    products.extend(update(tx, &changed, &mut done).await?);
    done.refused.sort_by_key(|refusal| refusal.index);
    if let Some(first) = products.first().copied() {
        tx.say(&ProductsChanged { first, products });
    }
    Ok(done)
}

/// Ids of a product that was here before, and of its variant.
pub type Ids = (ProductId, VariantId);

async fn refuse_taken_skus(
    tx: &mut Tx,
    new: &mut Vec<&Candidate>,
    changed: &mut Vec<(&Candidate, Ids)>,
    done: &mut Imported,
) -> Result<(), Error> {
    if new.is_empty() && changed.is_empty() {
        return Ok(());
    }
    let skus = new
        .iter()
        .copied()
        .chain(changed.iter().map(|(candidate, _)| *candidate))
        .map(|candidate| candidate.product.sku.as_str());
    let taken = crate::store::skus_taken(tx, skus).await?;
    let mut is_free = |candidate: &Candidate, own: Option<ProductId>| {
        let is_free = taken.get(&candidate.product.sku).is_none_or(|owner| Some(*owner) == own);
        if !is_free {
            done.refuse(candidate, format!("the SKU `{}` belongs to another product", candidate.product.sku));
        }
        is_free
    };
    new.retain(|candidate| is_free(candidate, None));
    changed.retain(|(candidate, (product, _))| is_free(candidate, Some(*product)));
    Ok(())
}

async fn create(tx: &mut Tx, new: &[&Candidate], done: &mut Imported) -> Result<Vec<ProductId>, Error> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(Ids, String, &Candidate)> = new
        .iter()
        .map(|candidate| {
            let slug = format!("{}-{}", slug(&candidate.product.title), slug(&candidate.product.id));
            ((tx.ids().next(), tx.ids().next()), slug, *candidate)
        })
        .collect();
    let mut inserted = store::insert_products(tx, &rows).await?;
    let again: Vec<_> = rows
        .iter()
        .filter(|((product, _), ..)| !inserted.contains(product))
        .map(|(ids, slug, candidate)| (*ids, with_id(slug, ids.0), *candidate))
        .collect();
    if !again.is_empty() {
        inserted.extend(store::insert_products(tx, &again).await?);
    }
    let placed: Vec<(Ids, &Candidate)> = rows
        .iter()
        .filter(|((id, _), ..)| inserted.contains(id))
        .map(|(ids, _, candidate)| (*ids, *candidate))
        .collect();
    let variants = store::insert_variants(tx, &placed).await?;
    let (complete, bare): (Vec<_>, Vec<_>) = placed.iter().partition(|((_, variant), _)| variants.contains(variant));
    // Another import was faster: with the SKU, or with the product itself.
    store::remove_bare(tx, bare.iter().map(|((product, _), _)| *product)).await?;
    let created: BTreeSet<ProductId> = complete.iter().map(|((product, _), _)| *product).collect();
    for ((product, variant), _, candidate) in &rows {
        if created.contains(product) {
            done.created += 1;
            done.variants.push((candidate.product.sku.clone(), *variant));
        } else {
            done.refuse(candidate, "it was taken in by another import at the same time: import it again".to_owned());
        }
    }
    put_prices(tx, complete.iter().map(|((_, variant), candidate)| (*variant, *candidate))).await?;
    Ok(complete.iter().map(|((product, _), _)| *product).collect())
}

async fn update(tx: &mut Tx, changed: &[(&Candidate, Ids)], done: &mut Imported) -> Result<Vec<ProductId>, Error> {
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    store::update_products(tx, changed).await?;
    store::update_variants(tx, changed).await?;
    store::remove_prices(tx, changed).await?;
    put_prices(tx, changed.iter().map(|(candidate, (_, variant))| (*variant, *candidate))).await?;
    done.updated += changed.len() as u64;
    done.variants.extend(changed.iter().map(|(candidate, (_, variant))| (candidate.product.sku.clone(), *variant)));
    Ok(changed.iter().map(|(_, (product, _))| *product).collect())
}

async fn put_prices(tx: &mut Tx, of: impl Iterator<Item = (VariantId, &Candidate)>) -> Result<(), Error> {
    let priced = |(variant, candidate): (VariantId, &Candidate)| {
        Some((variant, candidate.product.market.clone(), candidate.product.price?))
    };
    let prices: Vec<_> = of.filter_map(priced).collect();
    if !prices.is_empty() {
        crate::store::put_prices(tx, &prices).await?;
    }
    Ok(())
}

impl Imported {
    fn refuse(&mut self, candidate: &Candidate, why: String) {
        self.refused.push(Refusal { index: candidate.index, why });
    }
}
