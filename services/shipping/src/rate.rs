//! What a method costs in a market: the same for all, by weight, or by what the goods cost. Pure.

use contracts::{Currency, MarketId};
use platform::Config;
use platform::problem::FieldProblem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub const STEPS_MAX: usize = 50;
/// A billion of the currency's units, and grams of a shipload: sums stay far from the end of 64 bits.
const AMOUNT_MAX: i64 = 100_000_000_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShippingRateKind {
    /// The same for every basket: `amount`.
    #[default]
    Flat,
    /// By `steps` of grams.
    Weight,
    /// By `steps` of what the goods cost, in the currency's minor units.
    Total,
}

/// What a method costs in a market, in minor units of the market's currency. In a tax-inclusive market
/// that holds the tax.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShippingRate {
    #[garde(skip)]
    #[serde(default = "default_market")]
    #[schema(default = "default")]
    pub market: MarketId,
    #[garde(skip)]
    #[serde(default)]
    pub kind: ShippingRateKind,
    /// For `flat`, and only there.
    #[serde(default)]
    #[garde(inner(range(min = 0, max = AMOUNT_MAX)))]
    #[schema(example = 490, minimum = 0, maximum = 100_000_000_000_i64)]
    pub amount: Option<i64>,
    /// For `weight` and `total`, and only there: the last step whose `from` is reached counts.
    #[serde(default)]
    #[garde(length(max = STEPS_MAX), dive)]
    #[schema(max_items = 50)]
    pub steps: Vec<ShippingRateStep>,
    /// Baskets whose goods cost so much are sent for nothing.
    #[serde(default)]
    #[garde(inner(range(min = 0, max = AMOUNT_MAX)))]
    #[schema(example = 5000, minimum = 0, maximum = 100_000_000_000_i64)]
    pub free_from: Option<i64>,
    /// Heavier baskets are not offered the method.
    #[serde(default)]
    #[garde(inner(range(min = 1, max = AMOUNT_MAX)))]
    #[schema(example = 31500, minimum = 1, maximum = 100_000_000_000_i64)]
    pub weight_g_max: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShippingRateStep {
    /// Grams, or minor units. The first step begins at 0, each further one above the one before.
    #[garde(range(min = 0, max = AMOUNT_MAX))]
    #[schema(example = 2000, minimum = 0, maximum = 100_000_000_000_i64)]
    pub from: i64,
    #[garde(range(min = 0, max = AMOUNT_MAX))]
    #[schema(example = 790, minimum = 0, maximum = 100_000_000_000_i64)]
    pub amount: i64,
}

pub fn default_market() -> MarketId {
    "default".parse().expect("`default` is a market's name")
}

/// A rate that fits its market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    pub market: MarketId,
    pub currency: Currency,
    pub kind: ShippingRateKind,
    /// Never empty; the first begins at 0, and they rise.
    pub steps: Vec<ShippingRateStep>,
    pub free_from: Option<i64>,
    pub weight_g_max: Option<i64>,
}

impl NewShippingRate {
    /// The rate, or what is wrong with its field below `pointer`.
    pub fn check(&self, config: &Config, pointer: &str) -> Result<Rate, FieldProblem> {
        let wrong = |field: &str, detail: String| FieldProblem { pointer: format!("{pointer}/{field}"), detail };
        let Some(market) = config.markets.get(&self.market) else {
            let known: Vec<&str> = config.markets.keys().map(MarketId::as_str).collect();
            return Err(wrong(
                "market",
                format!("there is no market `{}`; this shop has: {}", self.market, known.join(", ")),
            ));
        };
        let steps = match (self.kind, self.amount, self.steps.as_slice()) {
            (ShippingRateKind::Flat, Some(amount), []) => vec![ShippingRateStep { from: 0, amount }],
            (ShippingRateKind::Flat, None, _) => return Err(wrong("amount", "a flat rate has an amount".to_owned())),
            (ShippingRateKind::Flat, Some(_), _) => {
                return Err(wrong("steps", "a flat rate has no steps: say its kind".to_owned()));
            }
            (_, Some(_), _) => return Err(wrong("amount", "a rate by steps has its amounts there".to_owned())),
            (_, None, steps) if rise_from_0(steps) => steps.to_vec(),
            (_, None, _) => return Err(wrong("steps", "begin with a step from 0, and rise".to_owned())),
        };
        let Self { market: id, kind, free_from, weight_g_max, .. } = self.clone();
        Ok(Rate { market: id, currency: market.currency, kind, steps, free_from, weight_g_max })
    }
}

fn rise_from_0(steps: &[ShippingRateStep]) -> bool {
    steps.first().is_some_and(|first| first.from == 0) && steps.windows(2).all(|pair| pair[0].from < pair[1].from)
}

impl Rate {
    /// What a basket pays, in minor units; `None`: it is too heavy.
    pub fn price(&self, weight_g: i64, items_total_minor: i64) -> Option<i64> {
        if self.weight_g_max.is_some_and(|most| weight_g > most) {
            return None;
        }
        if self.free_from.is_some_and(|from| items_total_minor >= from) {
            return Some(0);
        }
        let reached = match self.kind {
            ShippingRateKind::Flat => 0,
            ShippingRateKind::Weight => weight_g,
            ShippingRateKind::Total => items_total_minor,
        };
        self.steps.iter().rev().find(|step| step.from <= reached).map(|step| step.amount)
    }
}

/// A rate, as staff see it: as it was sent, with its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShippingRateView {
    pub market: MarketId,
    pub currency: Currency,
    pub kind: ShippingRateKind,
    pub amount: Option<i64>,
    pub steps: Vec<ShippingRateStep>,
    pub free_from: Option<i64>,
    pub weight_g_max: Option<i64>,
}

impl From<Rate> for ShippingRateView {
    fn from(rate: Rate) -> Self {
        let Rate { market, currency, kind, steps, free_from, weight_g_max } = rate;
        let (amount, steps) = match kind {
            ShippingRateKind::Flat => (steps.first().map(|step| step.amount), Vec::new()),
            ShippingRateKind::Weight | ShippingRateKind::Total => (None, steps),
        };
        Self { market, currency, kind, amount, steps, free_from, weight_g_max }
    }
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    pub fn rate(json: serde_json::Value) -> Result<Rate, String> {
        let rate: NewShippingRate = serde_json::from_value(json).expect("a rate's fields");
        rate.check(&Config::defaults(), "").map_err(|problem| problem.pointer)
    }

    #[test]
    fn a_rate_by_weight_counts_the_last_step_that_is_reached() {
        let steps = serde_json::json!([{"from": 0, "amount": 490}, {"from": 2000, "amount": 790}]);
        let rate = rate(serde_json::json!({"kind": "weight", "steps": steps, "weight_g_max": 30_000})).expect("a rate");
        let price = |weight| rate.price(weight, 0);
        assert_eq!((price(0), price(1999), price(2000)), (Some(490), Some(490), Some(790)));
        assert_eq!((price(30_000), price(30_001)), (Some(790), None));
    }

    #[test]
    fn above_its_bound_it_is_free() {
        let steps = serde_json::json!([{"from": 0, "amount": 490}, {"from": 3000, "amount": 290}]);
        let rate = rate(serde_json::json!({"kind": "total", "steps": steps, "free_from": 5000})).expect("a rate");
        let price = |total| rate.price(1, total);
        assert_eq!((price(2999), price(3000), price(4999), price(5000)), (Some(490), Some(290), Some(290), Some(0)));
    }

    #[test]
    fn what_makes_no_rate_is_refused_at_its_field() {
        let step = |from: i64| serde_json::json!({"from": from, "amount": 1});
        for (json, pointer) in [
            (serde_json::json!({"market": "moon", "amount": 1}), "/market"),
            (serde_json::json!({}), "/amount"),
            (serde_json::json!({"amount": 1, "steps": [step(0)]}), "/steps"),
            (serde_json::json!({"kind": "weight", "amount": 1, "steps": [step(0)]}), "/amount"),
            (serde_json::json!({"kind": "weight"}), "/steps"),
            (serde_json::json!({"kind": "total", "steps": [step(1)]}), "/steps"),
            (serde_json::json!({"kind": "total", "steps": [step(0), step(5), step(5)]}), "/steps"),
        ] {
            assert_eq!(rate(json), Err(pointer.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn every_basket_that_is_not_too_heavy_has_a_price(
            mut froms in prop::collection::btree_set(1_i64..10_000, 0..10),
            kind in prop::sample::select(vec![ShippingRateKind::Weight, ShippingRateKind::Total]),
            weight in 0_i64..20_000, total in 0_i64..20_000,
        ) {
            froms.insert(0);
            let steps: Vec<ShippingRateStep> = froms.iter().map(|from| ShippingRateStep { from: *from, amount: *from }).collect();
            let rate = Rate { market: default_market(), currency: Currency::EUR, kind, steps, free_from: None, weight_g_max: None };
            let reached = if kind == ShippingRateKind::Weight { weight } else { total };
            let expected = froms.iter().copied().filter(|from| *from <= reached).max();
            prop_assert_eq!(rate.price(weight, total), expected);
        }
    }
}
