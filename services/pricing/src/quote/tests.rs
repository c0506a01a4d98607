//! Amounts, rows and the trace; and baskets of every kind.

use contracts::carts::LineId;
use contracts::catalog::VariantId;
use contracts::pricing::{BasketLine, ShippingCharge, TaxPlace};
use contracts::shipping::ShippingMethodId;
use contracts::{Currency, Id};
use proptest::prelude::*;

use super::*;
use crate::zone::RateOf;

fn rates(rows: &[(&str, &str)]) -> Rates {
    let place = TaxPlace { country: "AT".into(), region: None, tax_id: None };
    let row = |(class, rate): &(&str, &str)| {
        let rate = TaxRate { rate: rate.parse().expect("a decimal"), name: "VAT".into() };
        RateOf { region: String::new(), class: class.parse().ok(), rate }
    };
    Rates::of(&place, rows.iter().map(row))
}

fn inclusive(rows: &[(&str, &str)]) -> Taxing {
    Taxing { tax_inclusive: true, rates: rates(rows), owed: Owed::Shop }
}

fn exclusive(rows: &[(&str, &str)]) -> Taxing {
    Taxing { tax_inclusive: false, ..inclusive(rows) }
}

fn by_buyer(taxing: Taxing) -> Taxing {
    Taxing { owed: Owed::Buyer("reverse charge: because".into()), ..taxing }
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

fn steps(quote: &Quote) -> Vec<String> {
    quote.trace.iter().map(|step| format!("{} = {}", step.text, step.amount)).collect()
}

fn shown(quote: &Quote) -> Vec<(&str, i64, bool)> {
    quote.amounts.iter().map(|row| (row.label.as_str(), row.amount.amount, row.included)).collect()
}

#[test]
fn a_quote_says_why_it_costs_what_it_costs() {
    let basket = basket(vec![line(2, 1999, "standard"), line(3, 1000, "books")], Some(490));
    let quote = quote(&basket, &inclusive(&[("standard", "0.20"), ("books", "0.1")])).expect("a quote");
    assert_eq!(
        steps(&quote),
        [
            "2 x Teapot at 19.99 EUR = 39.98 EUR",
            "VAT 20 % of AT in it: 39.98 x 0.2 / 1.2 = 6.663333…, rounded half up = 6.66 EUR",
            "without tax: 39.98 - 6.66 = 33.32 EUR",
            "3 x Teapot at 10.00 EUR = 30.00 EUR",
            "VAT 10 % of AT in it: 30.00 x 0.1 / 1.1 = 2.727272…, rounded half up = 2.73 EUR",
            "without tax: 30.00 - 2.73 = 27.27 EUR",
            "shipping: Standard, taxed as standard goods = 4.90 EUR",
            "VAT 20 % of AT in it: 4.90 x 0.2 / 1.2 = 0.816666…, rounded half up = 0.82 EUR",
            "without tax: 4.90 - 0.82 = 4.08 EUR",
            "total: the 2 lines and the shipping = 74.88 EUR",
        ]
    );
    assert_eq!(
        shown(&quote),
        [("Items", 6998, false), ("Standard", 490, false), ("VAT 20 %", 748, true), ("VAT 10 %", 273, true)]
    );
    assert_eq!(quote.trace.iter().filter(|step| step.line.is_some()).count(), 6);
}

#[test]
fn tax_comes_on_top_of_prices_without_it() {
    let basket = basket(vec![line(3, 333, "standard"), line(1, 100, "reduced")], None);
    let quote = quote(&basket, &exclusive(&[("standard", "0.2"), ("reduced", "0.1")])).expect("a quote");
    assert_eq!(shown(&quote), [("Items", 1099, false), ("VAT 20 %", 200, false), ("VAT 10 %", 10, false)]);
    assert_eq!(quote.total.amount, 1309);
    assert_eq!(
        steps(&quote)[..4],
        [
            "3 x Teapot at 3.33 EUR = 9.99 EUR",
            "VAT 20 % of AT on it: 9.99 x 0.2 = 1.998, rounded half up = 2.00 EUR",
            "with tax: 9.99 + 2.00 = 11.99 EUR",
            "over its units, should one go back: 1 x 3.99 and 2 x 4.00 = 11.99 EUR",
        ]
    );
}

#[test]
fn a_rate_that_nobody_named_is_an_error_and_not_nothing() {
    let unknown = basket(vec![line(1, 100, "books")], None);
    let error = quote(&unknown, &inclusive(&[("standard", "0.2")])).expect_err("no rate");
    assert!(matches!(&error, Error::NoTaxRate { class, place } if class == "books" && place == "AT"), "{error}");
    let shipping = basket(vec![line(1, 100, "books")], Some(490));
    assert!(matches!(quote(&shipping, &inclusive(&[("books", "0.1")])), Err(Error::NoTaxRate { .. })));
    let quoted = quote(&unknown, &inclusive(&[("", "0")])).expect("a rate for every other class");
    assert_eq!(quoted.lines[0].tax.amount, 0);
}

#[test]
fn a_buyer_who_owes_the_tax_pays_the_net_price() {
    let basket = basket(vec![line(2, 1999, "standard")], Some(490));
    let taxing = by_buyer(inclusive(&[("standard", "0.2")]));
    let quote_in = quote(&basket, &taxing).expect("a quote");
    assert_eq!(shown(&quote_in), [("Items", 3332, false), ("Standard", 408, false), ("Reverse charge 0 %", 0, false)]);
    let line = &quote_in.lines[0];
    assert_eq!((line.subtotal.amount, line.net.amount, line.tax.amount, line.total.amount), (3998, 3332, 0, 3332));
    assert_eq!(
        (line.tax_name.as_str(), line.tax_rate, quote_in.reverse_charge),
        ("Reverse charge", Decimal::ZERO, true)
    );
    assert_eq!(
        steps(&quote_in)[..4],
        [
            "reverse charge: because = 0.00 EUR",
            "2 x Teapot at 19.99 EUR = 39.98 EUR",
            "reverse charge takes VAT 20 % of AT out: 39.98 x 0.2 / 1.2 = 6.663333…, rounded half up = -6.66 EUR",
            "without tax: 39.98 - 6.66 = 33.32 EUR",
        ]
    );
    let quote_ex = quote(&basket, &by_buyer(exclusive(&[]))).expect("net prices need no rate");
    assert_eq!((quote_ex.total.amount, quote_ex.lines[0].net.amount), (4488, 3998));
}

#[test]
fn a_tax_id_that_changes_nothing_is_explained() {
    let owed = Owed::ShopAllTheSame("the tax id changes nothing: the goods stay in AT".into());
    let taxing = Taxing { owed, ..inclusive(&[("standard", "0.2")]) };
    let quote = quote(&basket(vec![line(1, 1200, "standard")], None), &taxing).expect("a quote");
    assert_eq!((quote.reverse_charge, quote.lines[0].tax.amount), (false, 200));
    assert_eq!(quote.trace[0].text, "the tax id changes nothing: the goods stay in AT");
    assert_eq!(quote.trace[2].text, "VAT 20 % of AT in it: 12.00 x 0.2 / 1.2", "what is exact is not rounded");
}

#[test]
fn a_rate_that_is_in_its_name_is_said_once() {
    let rate = |text: &str| text.parse::<Decimal>().expect("a decimal");
    assert_eq!(label(rate("0.20"), "VAT 20 %"), "VAT 20 %");
    assert_eq!(label(rate("0.2"), "VAT"), "VAT 20 %");
    assert_eq!(label(rate("0.0725"), "CA sales tax"), "CA sales tax 7.25 %");
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
    let taxing = inclusive(&[("standard", "0.2")]);
    let mut mixed = basket(vec![line(1, 100, "standard")], None);
    mixed.lines[0].unit_price.currency = Currency::USD;
    assert!(matches!(quote(&mixed, &taxing), Err(Error::MixedCurrencies { .. })));
    let mut mixed = basket(vec![], Some(1));
    mixed.currency = Currency::USD;
    assert!(matches!(quote(&mixed, &taxing), Err(Error::MixedCurrencies { .. })));
    for prices in [vec![(2, i64::MAX)], vec![(1, i64::MAX), (1, 1)]] {
        let endless =
            basket(prices.into_iter().map(|(quantity, price)| line(quantity, price, "standard")).collect(), None);
        assert!(matches!(quote(&endless, &taxing), Err(Error::AmountTooLarge)));
        assert!(matches!(quote(&endless, &exclusive(&[("", "1")])), Err(Error::AmountTooLarge)));
    }
}

/// Yen has no decimals, the dinar three.
fn currencies() -> impl Strategy<Value = Currency> {
    prop::sample::select(vec!["JPY", "EUR", "KWD"]).prop_map(|code| Currency::from_code(code).expect("a currency"))
}

fn baskets() -> impl Strategy<Value = QuoteBasket> {
    let class = prop::sample::select(vec!["standard", "reduced", "zero", "books"]);
    let price = prop_oneof![0_i64..=300, 0_i64..=1_000_000];
    let lines = prop::collection::vec((prop_oneof![1_i64..=12, 1_i64..=1_000], price, class), 0..8);
    (currencies(), lines, prop::option::of(0_i64..10_000)).prop_map(|(currency, lines, shipping)| {
        let lines = lines.into_iter().map(|(quantity, price, class)| line(quantity, price, class)).collect();
        let mut basket = basket(lines, shipping);
        basket.currency = currency;
        basket.lines.iter_mut().for_each(|line| line.unit_price.currency = currency);
        basket.shipping.iter_mut().for_each(|shipping| shipping.price.currency = currency);
        basket
    })
}

fn decimals() -> impl Strategy<Value = Decimal> {
    (0_i64..=1_000_000).prop_map(|millionths| Decimal::new(millionths, 6))
}

fn taxings() -> impl Strategy<Value = Taxing> {
    (decimals(), decimals(), any::<bool>(), any::<bool>()).prop_map(|(rate, reduced, tax_inclusive, reverse)| {
        let rows = [
            ("standard", rate.to_string()),
            ("reduced", reduced.to_string()),
            ("zero", "0".into()),
            ("", "0.07".into()),
        ];
        let rows: Vec<(&str, &str)> = rows.iter().map(|(class, rate)| (*class, rate.as_str())).collect();
        let taxing = Taxing { tax_inclusive, ..inclusive(&rows) };
        if reverse { by_buyer(taxing) } else { taxing }
    })
}

fn sum(amounts: impl IntoIterator<Item = Money>) -> i64 {
    amounts.into_iter().map(|amount| amount.amount).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn totals_are_sums_of_rounded_lines_and_units_go_back_to_what_was_paid(basket in baskets(), taxing in taxings()) {
        let quote = quote(&basket, &taxing).expect("a quote");
        let total = quote.total.amount;
        prop_assert_eq!(quote.total.currency, basket.currency);
        let lines = || quote.lines.iter();
        let shipping = || quote.shipping.iter();
        prop_assert_eq!(sum(lines().map(|line| line.total).chain(shipping().map(|part| part.total))), total);
        prop_assert_eq!(sum(quote.amounts.iter().filter(|row| !row.included).map(|row| row.amount)), total);
        let taxes = sum(lines().map(|line| line.tax).chain(shipping().map(|part| part.tax)));
        let nets = sum(lines().map(|line| line.net).chain(shipping().map(|part| part.net)));
        prop_assert_eq!(nets + taxes, total);
        prop_assert_eq!(sum(quote.amounts.iter().filter(|row| row.kind == AmountKind::Tax).map(|row| row.amount)), taxes);
        let last = quote.trace.last().expect("a trace ends with the total");
        prop_assert_eq!(last.amount.amount, total);

        let mut refunded = quote.shipping.as_ref().map_or(0, |part| part.total.amount);
        for line in lines() {
            prop_assert_eq!(line.net.amount + line.tax.amount, line.total.amount);
            prop_assert!((0..=line.total.amount).contains(&line.tax.amount));
            prop_assert!(!quote.reverse_charge || line.tax.amount == 0);
            let quantity = line.quantity.get();
            let unit = |at| line.total.units(quantity, at, 1).expect("a unit").amount;
            refunded += (0..quantity).map(unit).sum::<i64>();
        }
        prop_assert_eq!(refunded, total, "refunding every unit one by one returns what was paid");
    }

    /// A buyer who owes the tax pays what another's line is without it.
    #[test]
    fn reverse_charge_is_the_net_of_the_same_basket(basket in baskets(), taxing in taxings()) {
        let with_tax = quote(&basket, &Taxing { owed: Owed::Shop, ..taxing.clone() }).expect("a quote");
        let without = quote(&basket, &by_buyer(taxing)).expect("a quote");
        let nets: Vec<Money> = with_tax.lines.iter().map(|line| line.net).collect();
        let paid: Vec<Money> = without.lines.iter().map(|line| line.total).collect();
        prop_assert_eq!(nets, paid);
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

    #[test]
    fn every_amount_of_the_trace_can_be_written(amount in 0_i64..i64::MAX / 2, rate in decimals(), inclusive: bool) {
        let taxing = Taxing { tax_inclusive: inclusive, ..super::tests::inclusive(&[("", &rate.to_string())]) };
        let quote = quote(&basket(vec![line(1, amount, "tea")], None), &taxing).expect("a quote");
        prop_assert!(quote.trace.iter().all(|step| !step.text.is_empty()));
    }
}
