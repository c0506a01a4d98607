//! The trace: every amount of a quote, step by step, for a person.

use contracts::carts::LineId;
use contracts::pricing::{BasketLine, QuoteBasket, ShippingCharge, TraceStep};
use contracts::{Currency, Money};
use rust_decimal::Decimal;

use super::{How, Taxed, Taxing};
use crate::reverse_charge::Owed;
use crate::zone::TaxRate;

/// Digits behind the smallest unit that a step shows before it is rounded.
const DIGITS_MORE: u32 = 4;

pub(super) struct Trace {
    place: String,
    steps: Vec<TraceStep>,
}

impl Trace {
    pub(super) fn new(currency: Currency, taxing: &Taxing) -> Self {
        let mut trace = Self { place: taxing.rates.place().to_owned(), steps: Vec::new() };
        match &taxing.owed {
            Owed::Shop => {}
            Owed::ShopAllTheSame(why) | Owed::Buyer(why) => trace.step(None, why.clone(), Money::zero(currency)),
        }
        trace
    }

    pub(super) fn line(&mut self, line: &BasketLine, taxed: &Taxed) {
        let quantity = line.quantity.get();
        let text = format!("{quantity} x {} at {}", line.title, line.unit_price);
        self.step(Some(line.line), text, taxed.amount);
        self.taxed(Some(line.line), taxed);
        if let Some(text) = units(taxed.total, quantity) {
            self.step(Some(line.line), text, taxed.total);
        }
    }

    pub(super) fn shipping(&mut self, charge: &ShippingCharge, taxed: &Taxed) {
        self.step(None, format!("shipping: {}, taxed as {} goods", charge.name, charge.tax_class), taxed.amount);
        self.taxed(None, taxed);
    }

    pub(super) fn total(mut self, basket: &QuoteBasket, total: Money) -> Vec<TraceStep> {
        let parts = match (basket.lines.len(), &basket.shipping) {
            (0, None) => "total: an empty basket".to_owned(),
            (0, Some(_)) => "total: the shipping".to_owned(),
            (1, None) => "total: the line".to_owned(),
            (1, Some(_)) => "total: the line and the shipping".to_owned(),
            (lines, None) => format!("total: the {lines} lines"),
            (lines, Some(_)) => format!("total: the {lines} lines and the shipping"),
        };
        self.step(None, parts, total);
        self.steps
    }

    fn taxed(&mut self, line: Option<LineId>, taxed: &Taxed) {
        let (amount, net) = (number(taxed.amount), taxed.net);
        match &taxed.how {
            How::Within(rate) => {
                self.step(line, format!("{} in it: {}", self.of(rate), formula(taxed.amount, rate, true)), taxed.tax);
                self.step(line, format!("without tax: {amount} - {}", number(taxed.tax)), net);
            }
            How::OnTop(rate) => {
                self.step(line, format!("{} on it: {}", self.of(rate), formula(taxed.amount, rate, false)), taxed.tax);
                self.step(line, format!("with tax: {amount} + {}", number(taxed.tax)), taxed.total);
            }
            How::TakenOut(rate, tax) => {
                let text = format!("reverse charge takes {} out: {}", self.of(rate), formula(taxed.amount, rate, true));
                self.step(line, text, Money::new(-tax.amount, tax.currency));
                self.step(line, format!("without tax: {amount} - {}", number(*tax)), net);
            }
            How::LeftOut => self.step(line, "no tax on it: reverse charge".to_owned(), taxed.tax),
        }
    }

    /// `VAT 20 % of AT`.
    fn of(&self, rate: &TaxRate) -> String {
        format!("{} of {}", label(rate.rate, &rate.name), self.place)
    }

    fn step(&mut self, line: Option<LineId>, text: String, amount: Money) {
        self.steps.push(TraceStep { line, text, amount });
    }
}

/// `VAT 20 %`, also where the name says the rate already.
pub(super) fn label(rate: Decimal, name: &str) -> String {
    let percent = format!("{} %", (rate * Decimal::ONE_HUNDRED).normalize());
    if name.ends_with(&percent) { name.to_owned() } else { format!("{name} {percent}") }
}

/// `39.98 x 0.2 / 1.2 = 6.6633…, rounded half up`.
fn formula(amount: Money, rate: &TaxRate, tax_inclusive: bool) -> String {
    let rate = rate.rate.normalize();
    let calculation = match tax_inclusive {
        true => format!("{} x {rate} / {}", number(amount), (Decimal::ONE + rate).normalize()),
        false => format!("{} x {rate}", number(amount)),
    };
    let exact = decimal(amount).checked_mul(rate);
    let exact = exact.and_then(|tax| if tax_inclusive { tax.checked_div(Decimal::ONE + rate) } else { Some(tax) });
    let digits = amount.currency.exponent();
    match exact.map(|exact| exact.normalize()) {
        None => format!("{calculation}, rounded half up"),
        Some(exact) if exact.scale() <= digits => calculation,
        Some(exact) if exact.scale() <= digits + DIGITS_MORE => format!("{calculation} = {exact}, rounded half up"),
        Some(exact) => format!("{calculation} = {}…, rounded half up", exact.trunc_with_scale(digits + DIGITS_MORE)),
    }
}

/// How a total lies on units that can't share it evenly.
fn units(total: Money, quantity: i64) -> Option<String> {
    let (each, odd) = (total.amount / quantity, total.amount % quantity);
    let unit = |amount| number(Money::new(amount, total.currency));
    let even = quantity - odd;
    (odd != 0)
        .then(|| format!("over its units, should one go back: {even} x {} and {odd} x {}", unit(each), unit(each + 1)))
}

fn number(amount: Money) -> String {
    decimal(amount).to_string()
}

fn decimal(amount: Money) -> Decimal {
    Decimal::new(amount.amount, amount.currency.exponent())
}
