//! A variant: what is put into a cart; and what it costs in a market.

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalog::VariantId;
use contracts::inventory::Availability;
use contracts::values::is_country;
use contracts::{Currency, ExternalRef, MarketId, Metadata, Money, TaxClass};
use garde::Validate;
use platform::Config;
use platform::http::said;
use platform::problem::FieldProblem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Schema, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};

use crate::media::Image;
use crate::product::field;

pub const SKU_CHARS_MAX: usize = 100;
pub const WEIGHT_G_MAX: i64 = 10_000_000;
const SIDE_MM_MAX: i64 = 100_000;
const PRICES_MAX: usize = 50;
const OPTION_CHARS_MAX: usize = 100;
pub const VARIANT_IMAGES_MAX: usize = 10;
/// With those that were taken out: one product's page stays one page.
pub const VARIANTS_EVER_MAX: i64 = 500;
/// Ten thousand million in a currency of two decimals: sums of many lines stay far from 64 bits.
pub const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000;

/// Whether a variant is one of its product's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VariantStatus {
    Active,
    /// Taken out; old orders still name it.
    Archived,
}

::store::name_values!(VariantStatus);

/// A variant as one market sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VariantView {
    pub id: VariantId,
    pub sku: String,
    pub title: Option<String>,
    /// Buyers are shown active ones alone.
    pub status: VariantStatus,
    /// Its value of each of the product's options.
    pub options: BTreeMap<String, String>,
    /// Its own; where there are none, the product's stand for it.
    pub images: Vec<Image>,
    /// Null: not for sale in this market.
    pub price: Option<Money>,
    pub availability: Availability,
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
    #[schema(example = "SHIRT-M", max_length = 100, min_length = 1)]
    pub sku: String,
    #[garde(inner(length(chars, min = 1, max = 200)))]
    #[schema(max_length = 200, min_length = 1)]
    pub title: Option<String>,
    /// A value for each of the product's options.
    #[serde(default)]
    #[garde(custom(are_option_values))]
    #[schema(schema_with = option_values_schema)]
    pub options: BTreeMap<String, String>,
    /// Its own; where there are none, the product's stand for it.
    #[serde(default)]
    #[garde(length(max = VARIANT_IMAGES_MAX), dive)]
    #[schema(max_items = 10)]
    pub images: Vec<Image>,
    /// The product's if not said, or `standard`.
    #[garde(skip)]
    pub tax_class: Option<TaxClass>,
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
    pub(crate) fn check_prices(&self, config: &Config, at: &str) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        let mut markets = BTreeSet::new();
        for (place, price) in self.prices.iter().enumerate() {
            let pointer = |name: &str| format!("{at}/prices/{place}/{name}");
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

/// What staff changes of a variant; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditVariant {
    #[garde(inner(length(chars, min = 1, max = SKU_CHARS_MAX)))]
    #[schema(min_length = 1, max_length = 100)]
    pub sku: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[garde(inner(inner(length(chars, min = 1, max = 200))))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub title: Option<Option<String>>,
    /// `active` brings back one that was taken out.
    #[garde(skip)]
    pub status: Option<VariantStatus>,
    /// A value for each of the product's options.
    #[garde(inner(custom(are_option_values)))]
    #[schema(schema_with = option_values_schema)]
    pub options: Option<BTreeMap<String, String>>,
    /// All of them anew.
    #[garde(length(max = VARIANT_IMAGES_MAX), dive)]
    #[schema(max_items = 10)]
    pub images: Option<Vec<Image>>,
    #[garde(skip)]
    pub tax_class: Option<TaxClass>,
    #[garde(inner(range(min = 0, max = WEIGHT_G_MAX)))]
    #[schema(minimum = 0, maximum = 10_000_000)]
    pub weight_g: Option<i64>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[garde(dive)]
    #[schema(value_type = Option<VariantSize>)]
    pub size: Option<Option<VariantSize>>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[garde(inner(inner(custom(is_hs_code))))]
    #[schema(value_type = Option<String>, example = "620520", pattern = "^[0-9]{6,10}$")]
    pub hs_code: Option<Option<String>>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[garde(inner(inner(custom(is_country))))]
    #[schema(value_type = Option<String>, example = "PT", pattern = "^[A-Z]{2}$")]
    pub origin: Option<Option<String>>,
    #[garde(skip)]
    pub requires_shipping: Option<bool>,
    /// All of it anew.
    #[garde(skip)]
    pub metadata: Option<Metadata>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[garde(dive)]
    #[schema(value_type = Option<ExternalRef>)]
    pub external_ref: Option<Option<ExternalRef>>,
}

impl EditVariant {
    /// The names of what is changed, for the audit log.
    pub fn fields(&self) -> Vec<&'static str> {
        [
            ("sku", self.sku.is_some()),
            ("title", self.title.is_some()),
            ("status", self.status.is_some()),
            ("options", self.options.is_some()),
            ("images", self.images.is_some()),
            ("tax_class", self.tax_class.is_some()),
            ("weight_g", self.weight_g.is_some()),
            ("size", self.size.is_some()),
            ("hs_code", self.hs_code.is_some()),
            ("origin", self.origin.is_some()),
            ("requires_shipping", self.requires_shipping.is_some()),
            ("metadata", self.metadata.is_some()),
            ("external_ref", self.external_ref.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_said)| is_said.then_some(name))
        .collect()
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
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64, example = 1999)]
    pub amount: i64,
    /// The market's, if said.
    #[garde(skip)]
    pub currency: Option<Currency>,
}

/// What a variant costs in a market of the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MarketPrice {
    pub market: MarketId,
    pub price: Money,
}

/// What a variant shall cost.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPrice {
    /// Minor units of the market's currency; with the tax or without it, as the market says.
    #[garde(range(min = 0, max = AMOUNT_MINOR_MAX))]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64, example = 1999)]
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

/// Variants that leave out an option, know another, or are what one before them is.
pub fn option_problems<'a>(
    names: &[String],
    variants: impl Iterator<Item = &'a BTreeMap<String, String>>,
    pointer: impl Fn(usize) -> String,
) -> Vec<FieldProblem> {
    let sorted: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let (mut problems, mut seen) = (Vec::new(), BTreeSet::new());
    for (at, options) in variants.enumerate() {
        if !options.keys().map(String::as_str).eq(sorted.iter().copied()) {
            let detail = match names {
                [] => "are none: the product has no options".to_owned(),
                names => format!("gives one value for each of the product's options, which are: {}", names.join(", ")),
            };
            problems.push(field(pointer(at), detail));
        } else if !seen.insert(options) {
            problems.push(field(pointer(at), "are those of a variant before it"));
        }
    }
    problems
}

/// A value for each of the product's options.
pub fn option_values_schema() -> RefOr<Schema> {
    let value = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(OPTION_CHARS_MAX));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(ObjectBuilder::new().schema_type(Type::String).min_length(Some(1))))
        .additional_properties(Some(value))
        .description(Some("A value for each of the product's options"))
        .examples([serde_json::json!({ "Size": "M" })])
        .into()
}

/// For garde.
pub fn are_option_values(options: &BTreeMap<String, String>, _: &()) -> garde::Result {
    match options
        .iter()
        .find(|(name, value)| name.is_empty() || !(1..=OPTION_CHARS_MAX).contains(&value.chars().count()))
    {
        Some((name, _)) => {
            Err(garde::Error::new(format!("the value of `{name}` has 1 to {OPTION_CHARS_MAX} characters")))
        }
        None => Ok(()),
    }
}

pub fn is_hs_code(code: &str, _: &()) -> garde::Result {
    if (6..=10).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err(garde::Error::new("is 6 to 10 digits of the Harmonized System, without dots"))
    }
}
