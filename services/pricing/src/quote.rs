//! The arithmetic of a quote. Pure: the same basket and rates, the same quote.
//!
//! Tax is rounded half up once per line, on the line's amount; shipping is taxed by its own class and rounded
//! like a line. Every total is a sum of rounded lines, so no unit is lost or made between a line and a total.
//! What a part of a line's units carries is `Money::units` of its total, in every service.

mod explain;
#[cfg(test)]
mod tests;

use contracts::pricing::{AmountKind, AmountRow, Quote, QuoteBasket, QuotedLine, QuotedShipping};
use contracts::{Money, MoneyError, TaxClass};
use rust_decimal::Decimal;

use crate::error::Error;
use crate::reverse_charge::Owed;
use crate::zone::{Rates, TaxRate};
use explain::{Trace, label};

/// How the tax of a line is named where the buyer owes it.
pub const REVERSE_CHARGE: &str = "Reverse charge";

/// What a basket is taxed by: its market, where it goes, and who buys.
#[derive(Debug, Clone)]
pub struct Taxing {
    /// Prices hold the tax.
    pub tax_inclusive: bool,
    pub rates: Rates,
    pub owed: Owed,
}

/// An amount with its tax. `net + tax = total`, always.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Taxed {
    /// As the market writes prices: with tax or without.
    amount: Money,
    net: Money,
    tax: Money,
    total: Money,
    rate: Decimal,
    name: String,
    how: How,
}

/// How an amount came to its tax.
#[derive(Debug, Clone, PartialEq, Eq)]
enum How {
    /// The price holds it.
    Within(TaxRate),
    /// It comes on top.
    OnTop(TaxRate),
    /// The price held it, and the buyer owes it elsewhere.
    TakenOut(TaxRate, Money),
    /// The price never held it, and the buyer owes it elsewhere.
    LeftOut,
}

/// What the basket costs, and why.
///
/// Errors: `NoTaxRate`, `MixedCurrencies` where a price is not in the basket's currency, `AmountTooLarge`
/// beyond 64 bits.
pub fn quote(basket: &QuoteBasket, taxing: &Taxing) -> Result<Quote, Error> {
    let mut sums = Sums::new(Money::zero(basket.currency));
    let mut trace = Trace::new(basket.currency, taxing);
    let mut lines = Vec::with_capacity(basket.lines.len());
    for line in &basket.lines {
        let subtotal = line.unit_price.times(line.quantity.get())?;
        let taxed = taxing.tax(subtotal, &line.tax_class)?;
        sums.items = sums.items.plus(taxing.shown(&taxed))?;
        sums.add(&taxed)?;
        trace.line(line, &taxed);
        lines.push(QuotedLine {
            line: line.line,
            variant: line.variant,
            quantity: line.quantity,
            unit_price: line.unit_price,
            subtotal,
            net: taxed.net,
            tax: taxed.tax,
            total: taxed.total,
            tax_rate: taxed.rate,
            tax_name: taxed.name,
        });
    }
    let mut shipping = None;
    if let Some(charge) = &basket.shipping {
        let taxed = taxing.tax(charge.price, &charge.tax_class)?;
        sums.add(&taxed)?;
        sums.shipping = Some((charge.name.clone(), taxing.shown(&taxed)));
        trace.shipping(charge, &taxed);
        shipping = Some(QuotedShipping {
            method: charge.method,
            name: charge.name.clone(),
            price: charge.price,
            net: taxed.net,
            tax: taxed.tax,
            total: taxed.total,
            tax_rate: taxed.rate,
            tax_name: taxed.name,
        });
    }
    Ok(Quote {
        currency: basket.currency,
        tax_inclusive: taxing.tax_inclusive,
        reverse_charge: taxing.is_reverse(),
        lines,
        shipping,
        total: sums.total,
        trace: trace.total(basket, sums.total),
        amounts: sums.rows(taxing.tax_inclusive && !taxing.is_reverse()),
    })
}

impl Taxing {
    fn is_reverse(&self) -> bool {
        matches!(self.owed, Owed::Buyer(_))
    }

    /// What stands in the rows of items and shipping: prices as the market writes them, without tax where the
    /// buyer owes it.
    fn shown(&self, taxed: &Taxed) -> Money {
        if self.is_reverse() { taxed.net } else { taxed.amount }
    }

    fn tax(&self, amount: Money, class: &TaxClass) -> Result<Taxed, Error> {
        let zero = Money::zero(amount.currency);
        let free = |net, how| Taxed {
            amount,
            net,
            tax: zero,
            total: net,
            rate: Decimal::ZERO,
            name: REVERSE_CHARGE.to_owned(),
            how,
        };
        if self.is_reverse() && !self.tax_inclusive {
            return Ok(free(amount, How::LeftOut));
        }
        let rate = self.rates.of_class(class)?.clone();
        let tax = Money::new(tax_of(amount.amount, rate.rate, self.tax_inclusive)?, amount.currency);
        if self.is_reverse() {
            return Ok(free(amount.minus(tax)?, How::TakenOut(rate, tax)));
        }
        let (rate_of, name) = (rate.rate, rate.name.clone());
        let (net, total, how) = match self.tax_inclusive {
            true => (amount.minus(tax)?, amount, How::Within(rate)),
            false => (amount, amount.plus(tax)?, How::OnTop(rate)),
        };
        Ok(Taxed { amount, net, tax, total, rate: rate_of, name, how })
    }
}

/// What has been added up so far.
struct Sums {
    items: Money,
    shipping: Option<(String, Money)>,
    /// One entry for each rate and name, in order of first use.
    taxes: Vec<(Decimal, String, Money)>,
    total: Money,
}

impl Sums {
    fn new(zero: Money) -> Self {
        Self { items: zero, shipping: None, taxes: Vec::new(), total: zero }
    }

    fn add(&mut self, taxed: &Taxed) -> Result<(), MoneyError> {
        self.total = self.total.plus(taxed.total)?;
        match self.taxes.iter_mut().find(|(rate, name, _)| *rate == taxed.rate && *name == taxed.name) {
            Some((.., sum)) => *sum = sum.plus(taxed.tax)?,
            None => self.taxes.push((taxed.rate, taxed.name.clone(), taxed.tax)),
        }
        Ok(())
    }

    fn rows(self, taxes_included: bool) -> Vec<AmountRow> {
        let row = |kind, label, amount| AmountRow { kind, label, amount, included: false };
        let items = row(AmountKind::Items, "Items".to_owned(), self.items);
        let shipping = self.shipping.map(|(name, amount)| row(AmountKind::Shipping, name, amount));
        let taxes = self.taxes.into_iter().map(|(rate, name, amount)| AmountRow {
            included: taxes_included,
            ..row(AmountKind::Tax, label(rate, &name), amount)
        });
        std::iter::once(items).chain(shipping).chain(taxes).collect()
    }
}

/// The tax of an amount in minor units, rounded half up: `gross · r / (1 + r)` of prices that hold it,
/// `net · r` of prices that don't. Exact: the rate is a fraction of integers here.
fn tax_of(amount: i64, rate: Decimal, tax_inclusive: bool) -> Result<i64, MoneyError> {
    let (rate, one) = (rate.mantissa(), 10_i128.pow(rate.scale()));
    let whole = if tax_inclusive { one + rate } else { one };
    let share = i128::from(amount).checked_mul(rate).ok_or(MoneyError::Overflow)?;
    let half_up = share.checked_mul(2).and_then(|twice| twice.checked_add(whole)).ok_or(MoneyError::Overflow)?;
    i64::try_from(half_up.div_euclid(2 * whole)).map_err(|_| MoneyError::Overflow)
}
