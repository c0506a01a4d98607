//! The noun *method*: a way to send goods to a zone, or a place where buyers fetch them. Pure.

use std::collections::BTreeSet;

use contracts::shipping::{PickupPoint, ShippingMethodId, ShippingOption, ShippingZoneId};
use contracts::{MarketId, Money, TaxClass};
use jiff::Timestamp;
use platform::problem::FieldProblem;
use platform::{Config, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rate::{NewShippingRate, Rate, ShippingRateView};

pub const RATES_MAX: usize = 50;

/// A method of the zone that is made with it.
#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewZoneMethod {
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(example = "Standard, 2 to 4 days", min_length = 1, max_length = 100)]
    pub name: String,
    #[garde(skip)]
    #[serde(default = "TaxClass::standard")]
    #[schema(default = "standard")]
    pub tax_class: TaxClass,
    /// One for each market that the method is offered in.
    #[garde(length(min = 1, max = RATES_MAX), dive)]
    #[schema(min_items = 1, max_items = 50)]
    pub rates: Vec<NewShippingRate>,
}

/// A method of a zone that is there, or a place where buyers fetch their goods.
#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShippingMethod {
    /// Where it sends to; either this or `pickup`.
    #[serde(default)]
    #[garde(skip)]
    pub zone: Option<ShippingZoneId>,
    /// Where buyers fetch; offered in its rates' markets wherever they live.
    #[serde(default)]
    #[garde(dive)]
    pub pickup: Option<PickupPoint>,
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(example = "Express, next day", min_length = 1, max_length = 100)]
    pub name: String,
    #[garde(skip)]
    #[serde(default = "TaxClass::standard")]
    #[schema(default = "standard")]
    pub tax_class: TaxClass,
    /// One for each market that the method is offered in.
    #[garde(length(min = 1, max = RATES_MAX), dive)]
    #[schema(min_items = 1, max_items = 50)]
    pub rates: Vec<NewShippingRate>,
}

/// What is different about a method; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditShippingMethod {
    #[serde(default)]
    #[garde(inner(length(chars, min = 1, max = 100)))]
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Of a method that is fetched.
    #[serde(default)]
    #[garde(dive)]
    pub pickup: Option<PickupPoint>,
    #[serde(default)]
    #[garde(skip)]
    pub tax_class: Option<TaxClass>,
    /// All of them anew.
    #[serde(default)]
    #[garde(length(min = 1, max = RATES_MAX), dive)]
    #[schema(min_items = 1, max_items = 50)]
    pub rates: Option<Vec<NewShippingRate>>,
    /// An archived method is offered to nobody; what was sold with it keeps its name.
    #[serde(default)]
    #[garde(skip)]
    pub archived: Option<bool>,
}

/// A method that fits its markets, ready to be written.
#[derive(Debug, Clone)]
pub struct MethodToAdd {
    /// Either a zone or a place, once it is written.
    pub zone: Option<ShippingZoneId>,
    pub pickup: Option<PickupPoint>,
    pub name: String,
    pub tax_class: TaxClass,
    pub rates: Vec<Rate>,
}

impl NewZoneMethod {
    /// Its zone is filled in when that has its id.
    pub fn check(&self, config: &Config, pointer: &str) -> Result<MethodToAdd, Vec<FieldProblem>> {
        let rates = check_rates(&self.rates, config, pointer)?;
        Ok(MethodToAdd { zone: None, pickup: None, name: self.name.clone(), tax_class: self.tax_class.clone(), rates })
    }
}

impl NewShippingMethod {
    pub fn check(&self, config: &Config) -> Result<MethodToAdd, Problem> {
        if self.zone.is_some() == self.pickup.is_some() {
            return Err(Problem::field(
                "/zone",
                "a method sends to a zone, or has a place of `pickup`: send one of the two",
            ));
        }
        let rates = check_rates(&self.rates, config, "").map_err(Problem::fields)?;
        let Self { zone, pickup, name, tax_class, .. } = self.clone();
        Ok(MethodToAdd { zone, pickup, name, tax_class, rates })
    }
}

/// The rates, or all that is wrong with them below `pointer`.
pub fn check_rates(rates: &[NewShippingRate], config: &Config, pointer: &str) -> Result<Vec<Rate>, Vec<FieldProblem>> {
    let (mut fit, mut wrong, mut markets) = (Vec::new(), Vec::new(), BTreeSet::<MarketId>::new());
    for (at, rate) in rates.iter().enumerate() {
        let pointer = format!("{pointer}/rates/{at}");
        match rate.check(config, &pointer) {
            Ok(rate) if !markets.insert(rate.market.clone()) => wrong.push(FieldProblem {
                pointer: format!("{pointer}/market"),
                detail: "has a rate above: a method has one for each market".to_owned(),
            }),
            Ok(rate) => fit.push(rate),
            Err(problem) => wrong.push(problem),
        }
    }
    if wrong.is_empty() { Ok(fit) } else { Err(wrong) }
}

impl EditShippingMethod {
    /// The names of what is changed, for the audit log.
    pub fn fields(&self) -> Vec<&'static str> {
        [
            ("name", self.name.is_some()),
            ("pickup", self.pickup.is_some()),
            ("tax_class", self.tax_class.is_some()),
            ("rates", self.rates.is_some()),
            ("archived", self.archived.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_said)| is_said.then_some(name))
        .collect()
    }
}

/// A method with its rate in one market, as a basket meets it.
#[derive(Debug, Clone)]
pub struct Offered {
    pub method: ShippingMethodId,
    pub name: String,
    pub tax_class: TaxClass,
    pub pickup: Option<PickupPoint>,
    pub rate: Rate,
}

/// What a basket is offered, the cheapest first; what is too heavy is left out.
pub fn options(offered: Vec<Offered>, weight_g: i64, items_total_minor: i64, most: usize) -> Vec<ShippingOption> {
    let option = |offered: Offered| {
        let Offered { method, name, tax_class, pickup, rate } = offered;
        let price = Money::new(rate.price(weight_g, items_total_minor)?, rate.currency);
        Some(ShippingOption { method, name, price, tax_class, pickup })
    };
    let mut options: Vec<ShippingOption> = offered.into_iter().filter_map(option).collect();
    options.sort_by_key(|option| (option.price.amount, option.method));
    options.truncate(most);
    options
}

/// A method as its row says.
#[derive(Debug, Clone)]
pub struct Method {
    pub id: ShippingMethodId,
    pub zone: Option<ShippingZoneId>,
    pub pickup: Option<PickupPoint>,
    pub name: String,
    pub tax_class: TaxClass,
    pub archived: bool,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A method, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShippingMethodView {
    pub id: ShippingMethodId,
    /// Null: it is fetched.
    pub zone: Option<ShippingZoneId>,
    /// Null: it is sent.
    pub pickup: Option<PickupPoint>,
    pub name: String,
    pub tax_class: TaxClass,
    pub rates: Vec<ShippingRateView>,
    pub archived: bool,
    pub version: i64,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl ShippingMethodView {
    pub fn of(method: Method, rates: Vec<Rate>) -> Self {
        let Method { id, zone, pickup, name, tax_class, archived, version, created_at, updated_at } = method;
        let rates = rates.into_iter().map(ShippingRateView::from).collect();
        Self { id, zone, pickup, name, tax_class, rates, archived, version, created_at, updated_at }
    }
}

#[cfg(test)]
mod tests {
    use contracts::Id;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::rate::tests::rate;

    #[test]
    fn a_method_sends_or_is_fetched() {
        let place =
            json!({"name": "Shop", "address": {"name": "Souk", "line1": "Ring 1", "city": "Wien", "country": "AT"}});
        let zone = ShippingZoneId::from_uuid(Uuid::nil());
        let check = |zone: Option<ShippingZoneId>, pickup: Option<&serde_json::Value>| {
            let json = json!({"zone": zone, "pickup": pickup, "name": "x", "rates": [{"amount": 0}]});
            let method: NewShippingMethod = serde_json::from_value(json).expect("a method's fields");
            method.check(&Config::defaults()).is_ok()
        };
        assert!(check(Some(zone), None) && check(None, Some(&place)));
        assert!(!check(None, None) && !check(Some(zone), Some(&place)));
    }

    #[test]
    fn a_market_has_one_rate() {
        let rates: Vec<NewShippingRate> = serde_json::from_value(json!([{"amount": 1}, {"amount": 2}])).expect("rates");
        let wrong = check_rates(&rates, &Config::defaults(), "").expect_err("a refusal");
        assert_eq!(wrong[0].pointer, "/rates/1/market");
    }

    #[test]
    fn options_are_sorted_by_what_they_cost_this_basket() {
        let offered = |id: u128, json| Offered {
            method: ShippingMethodId::from_uuid(Uuid::from_u128(id)),
            name: id.to_string(),
            tax_class: TaxClass::standard(),
            pickup: None,
            rate: rate(json).expect("a rate"),
        };
        let all = vec![
            offered(1, json!({"amount": 500})),
            offered(2, json!({"kind": "weight", "steps": [{"from": 0, "amount": 100}, {"from": 1000, "amount": 900}]})),
            offered(3, json!({"amount": 1, "weight_g_max": 10})),
        ];
        let names = |weight, most| -> Vec<String> {
            options(all.clone(), weight, 0, most).into_iter().map(|option| option.name).collect()
        };
        assert_eq!(
            (names(999, 9), names(1000, 9), names(1, 1)),
            (vec!["2".to_owned(), "1".to_owned()], vec!["1".to_owned(), "2".to_owned()], vec!["3".to_owned()])
        );
    }
}
