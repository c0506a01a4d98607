//! Says what a variant costs in a market, or that it is not for sale there.

use ::store::Tx;
use contracts::catalog::{PriceChanged, ProductId, VariantId};
use contracts::{MarketId, Money};
use platform::{Ctx, Problem, Staff};

use crate::store::variants;
use crate::variant::{SetPrice, other_currency};
use crate::{Error, store};

/// Returns the product and the price in force; a price that was in force already changes nothing and says nothing.
///
/// Errors: `VariantNotFound`, and field problems for an unknown market or another currency than its own.
pub async fn set_price(
    ctx: &Ctx,
    staff: Staff<()>,
    variant: VariantId,
    market: MarketId,
    price: &SetPrice,
) -> Result<(ProductId, Money), Error> {
    let currency = ctx.market(&market)?.currency;
    if let Some(detail) = other_currency(price.currency, currency) {
        return Err(Problem::field("/currency", detail).into());
    }
    let price = Money::new(price.amount, currency);
    let input = (staff, variant, market, price);
    let product = ctx
        .db
        .write(input, |tx, (staff, variant, market, price)| Box::pin(set(tx, staff, *variant, market, *price)))
        .await?;
    Ok((product, price))
}

async fn set(
    tx: &mut Tx,
    staff: &Staff<()>,
    variant: VariantId,
    market: &MarketId,
    price: Money,
) -> Result<ProductId, Error> {
    let product = take_product_of(tx, variant).await?;
    if variants::put_prices(tx, &[(variant, market.clone(), price)]).await? > 0 {
        changed(tx, staff, (product, variant), market, Some(price)).await?;
    }
    Ok(product)
}

/// Takes the variant off sale in a market; one that was not for sale there stays so. Returns its product.
///
/// Errors: `VariantNotFound`, and a field problem for an unknown market.
pub async fn remove_price(
    ctx: &Ctx,
    staff: Staff<()>,
    variant: VariantId,
    market: MarketId,
) -> Result<ProductId, Error> {
    ctx.market(&market)?;
    let input = (staff, variant, market);
    ctx.db.write(input, |tx, (staff, variant, market)| Box::pin(remove(tx, staff, *variant, market))).await
}

async fn remove(tx: &mut Tx, staff: &Staff<()>, variant: VariantId, market: &MarketId) -> Result<ProductId, Error> {
    let product = take_product_of(tx, variant).await?;
    if variants::remove_price(tx, variant, market).await? {
        changed(tx, staff, (product, variant), market, None).await?;
    }
    Ok(product)
}

/// A product is taken before what it holds, here as everywhere.
async fn take_product_of(tx: &mut Tx, variant: VariantId) -> Result<ProductId, Error> {
    let product = variants::product_of(tx, variant).await?.ok_or(Error::VariantNotFound { variant })?;
    store::listing::take(tx, &[product]).await?;
    Ok(product)
}

async fn changed(
    tx: &mut Tx,
    staff: &Staff<()>,
    (product, variant): (ProductId, VariantId),
    market: &MarketId,
    price: Option<Money>,
) -> Result<(), Error> {
    store::touch(tx, product).await?;
    store::listing::refresh(tx, &[product]).await?;
    tx.say(&PriceChanged { variant, product, market: market.clone(), price });
    staff.records(tx, "catalog.set_price", variant, &["price"]);
    Ok(())
}
