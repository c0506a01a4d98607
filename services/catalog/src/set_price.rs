//! Says what a variant costs in a market.

use ::store::Tx;
use contracts::catalog::{PriceChanged, VariantId};
use contracts::{MarketId, Money};
use platform::{Ctx, Problem, Staff};

use crate::variant::{SetPrice, other_currency};
use crate::{Error, store};

/// Returns the price in force; a price that was in force already changes nothing and says nothing.
///
/// Errors: `VariantNotFound`, and field problems for an unknown market or another currency than its own.
pub async fn set_price(
    ctx: &Ctx,
    staff: Staff<()>,
    variant: VariantId,
    market: MarketId,
    price: &SetPrice,
) -> Result<Money, Error> {
    let currency = ctx.market(&market)?.currency;
    if let Some(detail) = other_currency(price.currency, currency) {
        return Err(Problem::field("/currency", detail).into());
    }
    let price = Money::new(price.amount, currency);
    let input = (staff, variant, market, price);
    ctx.db
        .write(input, |tx, (staff, variant, market, price)| Box::pin(set(tx, staff, *variant, market, *price)))
        .await?;
    Ok(price)
}

async fn set(tx: &mut Tx, staff: &Staff<()>, variant: VariantId, market: &MarketId, price: Money) -> Result<(), Error> {
    let product = store::product_of(tx, variant).await?.ok_or(Error::VariantNotFound { variant })?;
    if store::put_prices(tx, &[(variant, market.clone(), price)]).await? == 0 {
        return Ok(());
    }
    store::touch(tx, product).await?;
    tx.say(&PriceChanged { variant, product, market: market.clone(), price });
    staff.records(tx, "catalog.set_price", variant, &["price"]);
    Ok(())
}
