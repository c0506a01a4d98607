//! A variant: what is put into a cart; and what it costs in a market.

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalog::VariantId;
use contracts::inventory::Availability;
use contracts::values::is_country;
use contracts::{Currency, ExternalRef, MarketId, Metadata, Money, TaxClass};
use garde::Validate;
use platform::Config;
use platform::problem::FieldProblem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::product::field;

pub const SKU_CHARS_MAX: usize = 100;
pub const WEIGHT_G_MAX: i64 = 10_000_000;
const SIDE_MM_MAX: i64 = 100_000;
const PRICES_MAX: usize = 50;
const OPTION_CHARS_MAX: usize = 100;
/// Ten thousand million in a currency of two decimals: sums of many lines stay far from 64 bits.
pub const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000;

/// A variant as one market sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VariantView {
    pub id: VariantId,
    pub sku: String,
    pub title: Option<String>,
    /// Its value of each of the product's options.
    pub options: BTreeMap<String, String>,
    /// Null: not for sale in this market.
    pub price: Option<Money>,
    pub availability: Availability,
    #[serde(skip)]
    pub availability_version: i64,
    pub tax_class: TaxClass,
    pub weight_g: i64,
    pub size: Option<VariantSize>,
    /// The customs code of the Harmonized System.
    pub hs_code: Option<String>,
    /// ISO 3166-1 alpha-2 of where it was made.
    pub origin: Option<String>,
    pub requires_shipping: bool,
    /// Staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<ExternalRef>,
}

/// How large it is when packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantSize {
    #[garde(range(min = 1, max = SIDE_MM_MAX))]
    #[schema(minimum = 1, maximum = 100_000)]
    pub length_mm: i64,
    #[garde(range(min = 1, max = SIDE_MM_MAX))]
    #[schema(minimum = 1, maximum = 100_000)]
    pub width_mm: i64,
    #[garde(range(min = 1, max = SIDE_MM_MAX))]
    #[schema(minimum = 1, maximum = 100_000)]
    pub height_mm: i64,
}

/// A variant to be made.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVariant {
    /// The shop's own name of it: one variant has it.
    #[garde(length(chars, min = 1, max = SKU_CHARS_MAX))]
    #[schema(example = "SHIRT-M", max_length = 100)]
    pub sku: String,
    #[garde(inner(length(chars, min = 1, max = 200)))]
    #[schema(max_length = 200)]
    pub title: Option<String>,
    /// A value for each of the product's options.
    #[serde(default)]
    #[garde(custom(are_option_values))]
    #[schema(example = json!({ "Size": "M" }))]
    pub options: BTreeMap<String, String>,
    /// `standard` if not said.
    #[serde(default = "TaxClass::standard")]
    #[garde(skip)]
    pub tax_class: TaxClass,
    #[serde(default)]
    #[garde(range(min = 0, max = WEIGHT_G_MAX))]
    #[schema(minimum = 0, maximum = 10_000_000)]
    pub weight_g: i64,
    #[garde(dive)]
    pub size: Option<VariantSize>,
    /// The customs code of the Harmonized System: 6 to 10 digits.
    #[garde(inner(custom(is_hs_code)))]
    #[schema(example = "620520", pattern = "^[0-9]{6,10}$")]
    pub hs_code: Option<String>,
    /// ISO 3166-1 alpha-2 of where it was made.
    #[garde(inner(custom(is_country)))]
    #[schema(example = "PT", pattern = "^[A-Z]{2}$")]
    pub origin: Option<String>,
    /// `true` if not said; `false` for what is not a thing.
    #[serde(default = "yes")]
    #[garde(skip)]
    pub requires_shipping: bool,
    #[serde(default)]
    #[garde(skip)]
    pub metadata: Metadata,
    #[garde(dive)]
    pub external_ref: Option<ExternalRef>,
    /// At most one a market; without one it is not for sale there.
    #[serde(default)]
    #[garde(length(max = PRICES_MAX), dive)]
    #[schema(max_items = 50)]
    pub prices: Vec<NewPrice>,
}

impl NewVariant {
    /// Each price names a market of the shop, once, in that market's currency.
    pub(crate) fn check_prices(&self, config: &Config, at: usize) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        let mut markets = BTreeSet::new();
        for (place, price) in self.prices.iter().enumerate() {
            let pointer = |name: &str| format!("/variants/{at}/prices/{place}/{name}");
            match config.market(&price.market) {
                Err(problem) => problems.push(field(
                    pointer("market"),
                    problem.errors.into_iter().map(|error| error.detail).collect::<String>(),
                )),
                Ok(market) => {
                    let detail = other_currency(price.currency, market.currency);
                    problems.extend(detail.map(|detail| field(pointer("currency"), detail)));
                }
            }
            if !markets.insert(&price.market) {
                problems.push(field(pointer("market"), "has a price before this one"));
            }
        }
        problems
    }
}

/// What a variant costs in a market.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrice {
    /// `default` if not said.
    #[serde(default = "default_market")]
    #[garde(skip)]
    pub market: MarketId,
    /// Minor units of the market's currency; with the tax or without it, as the market says.
    #[garde(range(min = 0, max = AMOUNT_MINOR_MAX))]
    #[schema(minimum = 0, example = 1999)]
    pub amount: i64,
    /// The market's, if said.
    #[garde(skip)]
    pub currency: Option<Currency>,
}

/// What a variant shall cost.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPrice {
    /// Minor units of the market's currency; with the tax or without it, as the market says.
    #[garde(range(min = 0, max = AMOUNT_MINOR_MAX))]
    #[schema(minimum = 0, example = 1999)]
    pub amount: i64,
    /// The market's, if said.
    #[garde(skip)]
    pub currency: Option<Currency>,
}

/// Why a price in this currency can't be one of the market's.
pub fn other_currency(said: Option<Currency>, market: Currency) -> Option<String> {
    let other = said.filter(|said| *said != market)?;
    Some(format!("is {other}, but the market's currency is {market}: prices are not converted"))
}

/// The market of a shop that has one.
pub fn default_market() -> MarketId {
    "default".parse().expect("a valid name")
}

fn yes() -> bool {
    true
}

fn are_option_values(options: &BTreeMap<String, String>, _: &()) -> garde::Result {
    match options.iter().find(|(_, value)| !(1..=OPTION_CHARS_MAX).contains(&value.chars().count())) {
        Some((name, _)) => {
            Err(garde::Error::new(format!("the value of `{name}` has 1 to {OPTION_CHARS_MAX} characters")))
        }
        None => Ok(()),
    }
}

fn is_hs_code(code: &str, _: &()) -> garde::Result {
    if (6..=10).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err(garde::Error::new("is 6 to 10 digits of the Harmonized System, without dots"))
    }
}
