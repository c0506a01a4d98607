//! The variants of imported products: what is new, what is other than before, and what is gone.

use std::collections::{BTreeMap, BTreeSet};

use ::store::{Ids, Tx};
use contracts::catalog::{ProductId, VariantId};
use contracts::{MarketId, Money, TaxClass};

use crate::Error;
use crate::import_products::Imported;
use crate::imported::{ImportFault, ImportedProduct, ImportedVariant};
use crate::store::import::{self as store, KnownVariant, Written, WrittenVariant};
use crate::variant::VARIANTS_EVER_MAX;

/// The variants of a product that is new, in the file's order.
pub fn written_variants<'a>(ids: &Ids, product: ProductId, of: &'a ImportedProduct) -> Vec<WrittenVariant<'a>> {
    let variants = of.variants.iter().zip(0_i64..);
    variants.map(|(variant, position)| written(ids.next(), product, position, of, variant)).collect()
}

fn written<'a>(
    id: VariantId,
    product: ProductId,
    position: i64,
    of: &'a ImportedProduct,
    variant: &'a ImportedVariant,
) -> WrittenVariant<'a> {
    let tax_class = variant.tax_class.clone().or_else(|| of.tax_class.clone()).unwrap_or_else(TaxClass::standard);
    WrittenVariant { id, product, position, variant, tax_class }
}

/// Gives products of the shop the variants that the file has of them. One that the file has no more is taken out.
pub async fn replace_variants(tx: &mut Tx, changed: &[(usize, Written<'_>)], done: &mut Imported) -> Result<(), Error> {
    let mut before = store::variants_of(tx, changed.iter().map(|(_, written)| written.id)).await?;
    let (mut new, mut other, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for (index, product) in changed {
        let known = before.remove(&product.id).unwrap_or_default();
        let matched = matched(&known, product.product);
        let added = matched.iter().filter(|id| id.is_none()).count();
        let room = usize::try_from(VARIANTS_EVER_MAX).unwrap_or(usize::MAX).saturating_sub(known.len());
        if added > room {
            let text = format!(
                "its new variants are left out: with those taken out it would have more than {VARIANTS_EVER_MAX}"
            );
            done.faults.push((*index, ImportFault::note("too_many", "variants", text)));
        }
        for ((variant, id), position) in product.product.variants.iter().zip(&matched).zip(0_i64..) {
            match id {
                Some(id) => other.push(written(*id, product.id, position, product.product, variant)),
                None if added > room => {}
                None => new.push((*index, written(tx.ids().next(), product.id, position, product.product, variant))),
            }
        }
        let kept: BTreeSet<VariantId> = matched.iter().flatten().copied().collect();
        let is_gone = |variant: &&KnownVariant| !kept.contains(&variant.id) && !is_left_out(variant, product.product);
        gone.extend(known.iter().filter(is_gone).map(|variant| variant.id));
    }
    store::archive_variants(tx, &gone).await?;
    store::update_variants(tx, &other).await?;
    let (places, new): (Vec<usize>, Vec<WrittenVariant<'_>>) = new.into_iter().unzip();
    let placed = store::insert_variants(tx, &new).await?;
    for (index, variant) in places.iter().zip(&new).filter(|(_, variant)| !placed.contains(&variant.id)) {
        let text = format!("the variant `{}` is left out: its reference belongs to another one", variant.variant.sku);
        done.faults.push((*index, ImportFault::note("conflict", "variants.external_ref", text)));
    }
    let kept: Vec<_> = other.iter().chain(new.iter().filter(|variant| placed.contains(&variant.id))).collect();
    remove_prices(tx, &kept).await?;
    put_prices(tx, &kept).await
}

/// Which variant of the shop each of the file's is: the SKU says it; where there is one of each, they are the same.
fn matched(known: &[KnownVariant], product: &ImportedProduct) -> Vec<Option<VariantId>> {
    let by_sku: BTreeMap<&str, VariantId> = known.iter().map(|known| (known.sku.as_str(), known.id)).collect();
    match (known, product.variants.as_slice()) {
        ([known], [_]) if product.left_out.is_empty() => vec![Some(known.id)],
        (_, variants) => variants.iter().map(|variant| by_sku.get(variant.sku.as_str()).copied()).collect(),
    }
}

/// Whether the file may have named it in a row that could not be read.
fn is_left_out(known: &KnownVariant, product: &ImportedProduct) -> bool {
    product.left_out.iter().any(|sku| sku.is_empty() || *sku == known.sku)
}

pub async fn put_prices(tx: &mut Tx, of: &[&WrittenVariant<'_>]) -> Result<(), Error> {
    let mut prices: Vec<(VariantId, MarketId, Money)> = Vec::new();
    for written in of {
        for price in &written.variant.prices {
            if let (Some(amount), Some(currency)) = (price.amount, price.currency) {
                prices.push((written.id, price.market.clone(), Money::new(amount, currency)));
            }
        }
    }
    crate::store::variants::put_prices(tx, &prices).await?;
    Ok(())
}

/// Of those that the file says are not for sale in a market.
async fn remove_prices(tx: &mut Tx, of: &[&WrittenVariant<'_>]) -> Result<(), Error> {
    let unpriced: Vec<(VariantId, MarketId)> = of
        .iter()
        .flat_map(|written| {
            let none = written.variant.prices.iter().filter(|price| price.amount.is_none());
            none.map(|price| (written.id, price.market.clone()))
        })
        .collect();
    store::remove_prices(tx, &unpriced).await?;
    Ok(())
}
