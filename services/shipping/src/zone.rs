//! The noun *zone*: countries that share shipping methods.

use contracts::shipping::{ShippingMethodId, ShippingZoneId};
use contracts::values::is_country;
use contracts::{MarketId, Money, TaxClass};
use platform::problem::FieldProblem;
use platform::{Config, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShippingZone {
    /// Unique in the shop.
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(example = "Home", min_length = 1, max_length = 100)]
    pub name: String,
    /// ISO 3166-1 alpha-2.
    #[garde(length(min = 1, max = 250), inner(custom(is_country)))]
    #[schema(example = json!(["AT", "DE"]), min_items = 1, max_items = 250)]
    pub countries: Vec<String>,
    #[garde(length(min = 1, max = 50), dive)]
    #[schema(min_items = 1, max_items = 50)]
    pub methods: Vec<NewShippingMethod>,
}

#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShippingMethod {
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(example = "Standard, 2 to 4 days", min_length = 1, max_length = 100)]
    pub name: String,
    #[garde(skip)]
    #[serde(default = "default_market")]
    #[schema(default = "default")]
    pub market: MarketId,
    /// In the market's currency. In a tax-inclusive market it holds the tax.
    #[garde(skip)]
    pub price: Money,
    #[garde(skip)]
    #[serde(default = "TaxClass::standard")]
    #[schema(default = "standard")]
    pub tax_class: TaxClass,
}

fn default_market() -> MarketId {
    "default".parse().expect("`default` is a market's name")
}

impl NewShippingZone {
    /// What the shop's settings say against it.
    ///
    /// Errors: a field problem for each method whose market is none or whose price is negative or foreign to it.
    pub fn check(&self, config: &Config) -> Result<(), Problem> {
        let wrong: Vec<FieldProblem> =
            self.methods.iter().enumerate().filter_map(|(at, method)| method.wrong(at, config)).collect();
        if wrong.is_empty() { Ok(()) } else { Err(Problem::fields(wrong)) }
    }
}

impl NewShippingMethod {
    fn wrong(&self, at: usize, config: &Config) -> Option<FieldProblem> {
        let field =
            |name: &str, detail: String| Some(FieldProblem { pointer: format!("/methods/{at}/{name}"), detail });
        let Some(market) = config.markets.get(&self.market) else {
            let known: Vec<&str> = config.markets.keys().map(MarketId::as_str).collect();
            return field(
                "market",
                format!("there is no market `{}`; this shop has: {}", self.market, known.join(", ")),
            );
        };
        if self.price.currency != market.currency {
            return field("price/currency", format!("the market `{}` sells in {}", self.market, market.currency));
        }
        if self.price.amount < 0 {
            return field("price/amount", "a price is 0 or more".to_owned());
        }
        None
    }
}

/// A zone, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShippingZoneView {
    pub id: ShippingZoneId,
    pub name: String,
    pub countries: Vec<String>,
    /// In the order they were given.
    pub methods: Vec<ShippingMethodView>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShippingMethodView {
    pub id: ShippingMethodId,
    pub name: String,
    pub market: MarketId,
    pub price: Money,
    pub tax_class: TaxClass,
}

#[cfg(test)]
mod tests {
    use contracts::Currency;

    use super::*;

    fn method(market: &str, price: Money) -> NewShippingMethod {
        let market = market.parse().expect("a market's name");
        NewShippingMethod { name: "Standard".to_owned(), market, price, tax_class: TaxClass::standard() }
    }

    #[test]
    fn each_wrong_method_is_named() {
        let eur = |amount| Money::new(amount, Currency::EUR);
        let methods = vec![
            method("default", eur(0)),
            method("moon", eur(1)),
            method("default", Money::new(1, Currency::USD)),
            method("default", eur(-1)),
        ];
        let zone = NewShippingZone { name: "Home".to_owned(), countries: vec!["AT".to_owned()], methods };
        let problem = zone.check(&Config::defaults()).expect_err("a refusal");
        let pointers: Vec<&str> = problem.errors.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(pointers, ["/methods/1/market", "/methods/2/price/currency", "/methods/3/price/amount"]);
    }
}
