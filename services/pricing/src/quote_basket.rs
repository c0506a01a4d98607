//! Answers what a basket costs.

use contracts::pricing::{Quote, QuoteBasket, TaxPlace};
use platform::{Ctx, Problem};

use crate::error::Error;
use crate::quote::Taxing;
use crate::reverse_charge::owed;
use crate::{quote, store};

/// As [`QuoteBasket`] says: lines of one basket.
pub const LINES_MAX: usize = 100;

/// Quotes a basket with the rates of where it goes, or of the market's first country: one statement.
///
/// Errors: `NoTaxRate`, `MixedCurrencies`, `AmountTooLarge`, `TooManyLines`; a field problem where there is no
/// such market.
pub async fn quote_basket(ctx: Ctx, basket: QuoteBasket) -> Result<Quote, Problem> {
    Ok(quoted(&ctx, &basket).await?)
}

async fn quoted(ctx: &Ctx, basket: &QuoteBasket) -> Result<Quote, Error> {
    if basket.lines.len() > LINES_MAX {
        return Err(Error::TooManyLines { lines: basket.lines.len(), lines_max: LINES_MAX });
    }
    let market = ctx.market(&basket.market)?;
    let first = || TaxPlace { country: market.countries[0].clone(), region: None, tax_id: None };
    let place = basket.ship_to.clone().unwrap_or_else(first);
    let rates = store::rates(&ctx.db, &place).await?;
    let owed = owed(&ctx.config.pricing, &place);
    quote::quote(basket, &Taxing { tax_inclusive: market.tax_inclusive, rates, owed })
}
