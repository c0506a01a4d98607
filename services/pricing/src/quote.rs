//! The arithmetic of a quote. Pure: the same basket and rates, the same quote.
//!
//! Tax is rounded half up once per line, on the line's amount; shipping is rounded like a line. Every
//! total is a sum of rounded lines, so no unit is lost or made between a line and a total.

use contracts::pricing::{AmountKind, AmountRow, Quote, QuoteBasket, QuotedLine, QuotedShipping, TraceStep};
use contracts::{Money, MoneyError, TaxClass};
use rust_decimal::Decimal;

use crate::zone::Rates;

/// How the lines of a place without a rate name their tax.
pub const NO_TAX: &str = "no tax";

/// What the basket costs, and why.
///
/// Errors: `Mixed` where a price is not in the basket's currency, `Overflow` beyond 64 bits.
pub fn quote(basket: &QuoteBasket, tax_inclusive: bool, rates: &Rates) -> Result<Quote, MoneyError> {
    let zero = Money::zero(basket.currency);
    let mut sums = Sums { items: zero, taxes: Vec::new(), total: zero, trace: Vec::new(), tax_inclusive };
    let mut lines = Vec::with_capacity(basket.lines.len());
    for line in &basket.lines {
        let subtotal = line.unit_price.times(line.quantity.get())?;
        sums.items = sums.items.plus(subtotal)?;
        sums.explain(format!("{} x {} at {}", line.quantity.get(), line.title, line.unit_price), subtotal);
        let taxed = sums.tax(subtotal, rates, &line.tax_class)?;
        lines.push(QuotedLine {
            line: line.line,
            variant: line.variant,
            quantity: line.quantity,
            unit_price: line.unit_price,
            subtotal,
            tax: taxed.tax,
            total: taxed.total,
            tax_rate: taxed.rate,
            tax_name: taxed.name,
        });
    }
    let mut shipping = None;
    if let Some(charge) = &basket.shipping {
        sums.explain(format!("shipping: {}", charge.name), charge.price);
        let taxed = sums.tax(charge.price, rates, &charge.tax_class)?;
        shipping = Some(QuotedShipping {
            method: charge.method,
            name: charge.name.clone(),
            price: charge.price,
            tax: taxed.tax,
            total: taxed.total,
            tax_rate: taxed.rate,
            tax_name: taxed.name,
        });
    }
    sums.explain("total".to_owned(), sums.total);
    let amounts = sums.rows(shipping.as_ref());
    Ok(Quote {
        currency: basket.currency,
        tax_inclusive,
        lines,
        shipping,
        amounts,
        total: sums.total,
        trace: sums.trace,
    })
}

/// What has been added up so far.
struct Sums {
    items: Money,
    /// One entry for each rate and name, in order of first use.
    taxes: Vec<(Decimal, String, Money)>,
    total: Money,
    trace: Vec<TraceStep>,
    tax_inclusive: bool,
}

struct Taxed {
    rate: Decimal,
    name: String,
    tax: Money,
    /// With its tax.
    total: Money,
}

impl Sums {
    /// Taxes one line, or the shipping, and adds both to the totals.
    fn tax(&mut self, amount: Money, rates: &Rates, class: &TaxClass) -> Result<Taxed, MoneyError> {
        let Some(rate) = rates.of_class(class) else {
            self.total = self.total.plus(amount)?;
            let text = format!("{NO_TAX}: there is no rate for {class} goods in {}", rates.place());
            self.explain(text, Money::zero(amount.currency));
            let tax = Money::zero(amount.currency);
            return Ok(Taxed { rate: Decimal::ZERO, name: NO_TAX.to_owned(), tax, total: amount });
        };
        let tax = Money::new(tax_of(amount.amount, rate.rate, self.tax_inclusive)?, amount.currency);
        let total = if self.tax_inclusive { amount } else { amount.plus(tax)? };
        self.total = self.total.plus(total)?;
        let how = if self.tax_inclusive { "included in" } else { "on" };
        self.explain(format!("{} {how} {amount}", label(rate.rate, &rate.name)), tax);
        match self.taxes.iter_mut().find(|(known, name, _)| *known == rate.rate && *name == rate.name) {
            Some((.., sum)) => *sum = sum.plus(tax)?,
            None => self.taxes.push((rate.rate, rate.name.clone(), tax)),
        }
        Ok(Taxed { rate: rate.rate, name: rate.name.clone(), tax, total })
    }

    fn explain(&mut self, text: String, amount: Money) {
        self.trace.push(TraceStep { text, amount });
    }

    fn rows(&self, shipping: Option<&QuotedShipping>) -> Vec<AmountRow> {
        let items =
            AmountRow { kind: AmountKind::Items, label: "Items".to_owned(), amount: self.items, included: false };
        let shipping = shipping.map(|shipping| AmountRow {
            kind: AmountKind::Shipping,
            label: shipping.name.clone(),
            amount: shipping.price,
            included: false,
        });
        let taxes = self.taxes.iter().map(|(rate, name, amount)| AmountRow {
            kind: AmountKind::Tax,
            label: label(*rate, name),
            amount: *amount,
            included: self.tax_inclusive,
        });
        std::iter::once(items).chain(shipping).chain(taxes).collect()
    }
}

/// `VAT 20 %`.
fn label(rate: Decimal, name: &str) -> String {
    format!("{name} {} %", (rate * Decimal::ONE_HUNDRED).normalize())
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

#[cfg(test)]
mod tests {
    use contracts::carts::LineId;
    use contracts::catalog::VariantId;
    use contracts::pricing::{BasketLine, ShippingCharge, TaxPlace};
    use contracts::shipping::ShippingMethodId;
    use contracts::{Currency, Id};
    use proptest::prelude::*;

    use super::*;
    use crate::zone::TaxRate;

    fn rates(rows: &[(&str, &str)]) -> Rates {
        let place = TaxPlace { country: "AT".into(), region: None };
        let row = |(class, rate): &(&str, &str)| {
            let rate = TaxRate { rate: rate.parse().expect("a decimal"), name: "VAT".into() };
            (String::new(), class.parse().expect("a class"), rate)
        };
        Rates::of(&place, rows.iter().map(row))
    }

    fn line(quantity: i64, price: i64, class: &str) -> BasketLine {
        BasketLine {
            line: LineId::from_uuid(uuid::Uuid::nil()),
            variant: VariantId::from_uuid(uuid::Uuid::nil()),
            title: "Teapot".into(),
            quantity: quantity.try_into().expect("a quantity"),
            unit_price: Money::new(price, Currency::EUR),
            tax_class: class.parse().expect("a class"),
        }
    }

    fn basket(lines: Vec<BasketLine>, shipping: Option<i64>) -> QuoteBasket {
        let shipping = shipping.map(|price| ShippingCharge {
            method: ShippingMethodId::from_uuid(uuid::Uuid::nil()),
            name: "Standard".into(),
            price: Money::new(price, Currency::EUR),
            tax_class: TaxClass::standard(),
        });
        let market = "default".parse().expect("a market");
        QuoteBasket { market, currency: Currency::EUR, ship_to: None, lines, shipping }
    }

    #[test]
    fn a_quote_says_why_it_costs_what_it_costs() {
        let basket = basket(vec![line(2, 1999, "standard"), line(1, 1000, "books")], Some(490));
        let quote = quote(&basket, true, &rates(&[("standard", "0.20")])).expect("a quote");
        let steps: Vec<String> = quote.trace.iter().map(|step| format!("{} = {}", step.text, step.amount)).collect();
        assert_eq!(
            steps,
            [
                "2 x Teapot at 19.99 EUR = 39.98 EUR",
                "VAT 20 % included in 39.98 EUR = 6.66 EUR",
                "1 x Teapot at 10.00 EUR = 10.00 EUR",
                "no tax: there is no rate for books goods in AT = 0.00 EUR",
                "shipping: Standard = 4.90 EUR",
                "VAT 20 % included in 4.90 EUR = 0.82 EUR",
                "total = 54.88 EUR",
            ]
        );
        let rows: Vec<_> =
            quote.amounts.iter().map(|row| (row.label.as_str(), row.amount.amount, row.included)).collect();
        assert_eq!(rows, [("Items", 4998, false), ("Standard", 490, false), ("VAT 20 %", 748, true)]);
        assert_eq!((quote.lines[1].tax_name.as_str(), quote.lines[1].tax_rate), (NO_TAX, Decimal::ZERO));
    }

    #[test]
    fn tax_comes_on_top_of_prices_without_it() {
        let basket = basket(vec![line(3, 333, "standard"), line(1, 100, "reduced")], None);
        let quote = quote(&basket, false, &rates(&[("standard", "0.2"), ("reduced", "0.1")])).expect("a quote");
        let rows: Vec<_> =
            quote.amounts.iter().map(|row| (row.label.as_str(), row.amount.amount, row.included)).collect();
        assert_eq!(rows, [("Items", 1099, false), ("VAT 20 %", 200, false), ("VAT 10 %", 10, false)]);
        assert_eq!(quote.total.amount, 1309);
    }

    #[test]
    fn half_a_unit_is_rounded_up() {
        let tax = |amount, rate: &str, inclusive| tax_of(amount, rate.parse().expect("a decimal"), inclusive);
        assert_eq!(tax(25, "0.1", false), Ok(3));
        assert_eq!(tax(24, "0.1", false), Ok(2));
        assert_eq!(tax(3, "0.2", true), Ok(1));
        assert_eq!(tax(2, "0.2", true), Ok(0));
        assert_eq!(tax(119, "0.19", true), Ok(19));
    }

    #[test]
    fn other_currencies_and_endless_amounts_are_refused() {
        let mut mixed = basket(vec![line(1, 100, "standard")], None);
        mixed.lines[0].unit_price.currency = Currency::USD;
        assert_eq!(quote(&mixed, true, &rates(&[])), Err(MoneyError::Mixed(Currency::EUR, Currency::USD)));
        let mut mixed = basket(vec![], Some(1));
        mixed.currency = Currency::USD;
        assert!(matches!(quote(&mixed, true, &rates(&[])), Err(MoneyError::Mixed(..))));
        let endless = basket(vec![line(2, i64::MAX, "standard")], None);
        assert_eq!(quote(&endless, true, &rates(&[])), Err(MoneyError::Overflow));
        let twice = basket(vec![line(1, i64::MAX, "standard"), line(1, 1, "standard")], None);
        assert_eq!(quote(&twice, true, &rates(&[])), Err(MoneyError::Overflow));
    }

    fn baskets() -> impl Strategy<Value = QuoteBasket> {
        let class = prop::sample::select(vec!["standard", "reduced", "zero", "untaxed"]);
        let lines = prop::collection::vec((1_i64..=1_000, 0_i64..=1_000_000, class), 0..12);
        (lines, prop::option::of(0_i64..10_000)).prop_map(|(lines, shipping)| {
            basket(lines.into_iter().map(|(quantity, price, class)| line(quantity, price, class)).collect(), shipping)
        })
    }

    fn decimals() -> impl Strategy<Value = Decimal> {
        (0_i64..=1_000_000).prop_map(|millionths| Decimal::new(millionths, 6))
    }

    proptest! {
        #[test]
        fn rows_and_lines_sum_to_the_total(basket in baskets(), rate in decimals(), inclusive: bool) {
            let rates = rates(&[("standard", &rate.to_string()), ("reduced", "0.07"), ("zero", "0")]);
            let quote = quote(&basket, inclusive, &rates).expect("a quote");
            let rows: i64 = quote.amounts.iter().filter(|row| !row.included).map(|row| row.amount.amount).sum();
            prop_assert_eq!(rows, quote.total.amount);
            let lines: i64 = quote.lines.iter().map(|line| line.total.amount).sum();
            prop_assert_eq!(lines + quote.shipping.as_ref().map_or(0, |shipping| shipping.total.amount), quote.total.amount);
            let taxes: i64 = quote.lines.iter().map(|line| line.tax.amount).chain(quote.shipping.iter().map(|s| s.tax.amount)).sum();
            let tax_rows: i64 = quote.amounts.iter().filter(|row| row.kind == AmountKind::Tax).map(|row| row.amount.amount).sum();
            prop_assert_eq!(taxes, tax_rows);
            for line in &quote.lines {
                prop_assert!(line.tax_rate != Decimal::ZERO || line.tax.amount == 0);
                prop_assert!((0..=line.total.amount).contains(&line.tax.amount));
            }
        }

        /// Refunding the units of a line one by one returns the line.
        #[test]
        fn splitting_a_line_into_units_never_loses_one(basket in baskets(), inclusive: bool) {
            let quote = quote(&basket, inclusive, &rates(&[("standard", "0.19")])).expect("a quote");
            for line in &quote.lines {
                let units = vec![1; usize::try_from(line.quantity.get()).expect("a small number")];
                for whole in [line.subtotal, line.tax, line.total] {
                    let parts = whole.allocate(&units).expect("weights");
                    prop_assert_eq!(parts.iter().map(|part| part.amount).sum::<i64>(), whole.amount);
                }
            }
        }

        /// Tax put on top of a net price is what is found in the gross price that it makes.
        #[test]
        fn what_is_added_is_what_is_included(net in 0_i64..1_000_000_000_000, rate in decimals()) {
            let added = tax_of(net, rate, false).expect("a tax");
            prop_assert_eq!(tax_of(net + added, rate, true), Ok(added));
        }

        #[test]
        fn a_tax_is_off_by_at_most_half_a_unit(amount in 0_i64..1_000_000_000_000, rate in decimals(), inclusive: bool) {
            let tax = Decimal::from(tax_of(amount, rate, inclusive).expect("a tax"));
            let exact = Decimal::from(amount) * rate / if inclusive { Decimal::ONE + rate } else { Decimal::ONE };
            prop_assert!((tax - exact).abs() <= Decimal::new(5, 1) + Decimal::new(1, 12));
        }
    }
}
