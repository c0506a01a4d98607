//! Sets what variants cost, hundreds at a time.

use std::collections::{BTreeMap, BTreeSet};

use ::store::Tx;
use contracts::catalog::{ProductId, ProductsChanged, VariantId};
use contracts::{MarketId, Money};
use platform::{Ctx, Problem};

use crate::Error;
use crate::imported::{ImportFault, ImportedPrice};
use crate::store::import::{self as store, PricedVariant};
use crate::store::listing;

/// As many as one transaction takes.
pub const PRICES_MAX: usize = 500;

/// What a SKU shall cost in a market, in that market's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPrice {
    pub sku: String,
    pub market: MarketId,
    pub price: Money,
}

/// What became of the prices of one import.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ImportedPrices {
    pub changed: u64,
    pub unchanged: u64,
    /// The place among the prices given, and what is wrong there.
    pub faults: Vec<(usize, ImportFault)>,
}

/// Sets up to [`PRICES_MAX`] prices in one transaction; one that can't be set is refused by itself. Prices that are in
/// force already change nothing.
pub async fn import_prices(ctx: &Ctx, prices: Vec<ListedPrice>) -> Result<ImportedPrices, Error> {
    if prices.len() > PRICES_MAX {
        let text = format!("are at most {PRICES_MAX} at once, not {}", prices.len());
        return Err(Problem::field("/prices", text).into());
    }
    let (mut fit, mut faults) = (Vec::with_capacity(prices.len()), Vec::new());
    for (index, price) in prices.into_iter().enumerate() {
        let mut checked = ImportedPrice {
            market: price.market.clone(),
            currency: Some(price.price.currency),
            amount: Some(price.price.amount),
        };
        match checked.place(&ctx.config).err().or_else(|| checked.refusal()) {
            Some(fault) => faults.push((index, fault)),
            None => fit.push((index, price)),
        }
    }
    let (changed, mut unknown, asked) = if fit.is_empty() {
        (0, Vec::new(), 0)
    } else {
        let asked = fit.len();
        let (changed, unknown) = ctx.db.write(fit, |tx, fit| Box::pin(set(tx, fit))).await?;
        (changed, unknown, asked)
    };
    let unchanged = (asked - unknown.len()) as u64 - changed;
    faults.append(&mut unknown);
    faults.sort_by_key(|(index, _)| *index);
    Ok(ImportedPrices { changed, unchanged, faults })
}

/// Returns how many were changed, and those of unknown SKUs.
async fn set(tx: &mut Tx, prices: &[(usize, ListedPrice)]) -> Result<(u64, Vec<(usize, ImportFault)>), Error> {
    let found = store::priced_variants(tx, prices.iter().map(|(_, price)| price.sku.as_str())).await?;
    let mut variants: BTreeMap<&str, (VariantId, ProductId)> = BTreeMap::new();
    let mut before: BTreeMap<(VariantId, &MarketId), Money> = BTreeMap::new();
    for PricedVariant { sku, variant, product, price } in &found {
        variants.insert(sku, (*variant, *product));
        before.extend(price.as_ref().map(|(market, price)| ((*variant, market), *price)));
    }
    let (mut changed, mut products, mut unknown) = (Vec::new(), BTreeSet::new(), Vec::new());
    for (index, listed) in prices {
        let Some((variant, product)) = variants.get(listed.sku.as_str()).copied() else {
            let text = format!("there is no variant with the SKU `{}`", listed.sku);
            unknown.push((*index, ImportFault::new("unknown_sku", "sku", text)));
            continue;
        };
        if before.get(&(variant, &listed.market)) != Some(&listed.price) {
            changed.push((variant, listed.market.clone(), listed.price));
            products.insert(product);
        }
    }
    if let Some(first) = products.first().copied() {
        let products = Vec::from_iter(products);
        store::touch_products(tx, &products).await?;
        crate::store::variants::put_prices(tx, &changed).await?;
        listing::refresh(tx, &products).await?;
        tx.say(&ProductsChanged { first, products });
    }
    Ok((changed.len() as u64, unknown))
}
