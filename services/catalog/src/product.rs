//! A product: what a page of the shop shows, and how staff writes it.

use std::collections::BTreeSet;

use contracts::catalog::{ProductId, ProductStatus};
use contracts::inventory::Availability;
use contracts::{ExternalRef, MarketId, Metadata, Money};
use garde::Validate;
use jiff::Timestamp;
use platform::Config;
use platform::problem::FieldProblem;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::slug::is_slug;
use crate::variant::{NewVariant, VariantView};

pub const TITLE_CHARS_MAX: usize = 300;
pub const DESCRIPTION_CHARS_MAX: usize = 20_000;
pub const BRAND_CHARS_MAX: usize = 100;
pub const IMAGES_MAX: usize = 20;
pub const IMAGE_CHARS_MAX: usize = 2_000;
pub const ATTRIBUTES_MAX: usize = 500;
pub const ATTRIBUTES_BYTES_MAX: usize = 65_536;
pub const VARIANTS_MAX: usize = 100;
pub const OPTIONS_MAX: usize = 5;

/// Names and values of the shop's own choice.
pub type Attributes = Map<String, Value>;

/// A product with its variants, as one market sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProductView {
    pub id: ProductId,
    #[schema(example = "hp-80-original-cyan")]
    pub slug: String,
    pub title: String,
    pub description: String,
    pub brand: Option<String>,
    pub status: ProductStatus,
    /// What its variants differ in, such as `Size`, in the order to ask.
    pub options: Vec<String>,
    #[schema(value_type = Object)]
    pub attributes: Attributes,
    /// URLs; the first stands for the product.
    pub images: Vec<String>,
    /// The market that the prices are for.
    pub market: MarketId,
    pub variants: Vec<VariantView>,
    /// Staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<ExternalRef>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ProductView {
    /// Changes whenever the answer does: every edit and price moves the version, every flip of
    /// availability its own count.
    pub fn tag(&self) -> String {
        format!("{}.{}", self.version, self.variants.iter().map(|variant| variant.availability_version).sum::<i64>())
    }

    /// Without what integrators note for themselves.
    pub fn for_buyers(mut self) -> Self {
        self.metadata = None;
        self.external_ref = None;
        for variant in &mut self.variants {
            variant.metadata = None;
            variant.external_ref = None;
        }
        self
    }
}

/// A product in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProductListItem {
    pub id: ProductId,
    pub slug: String,
    pub title: String,
    pub brand: Option<String>,
    pub image: Option<String>,
    /// The cheapest variant's price; null where none is for sale in the market.
    pub price_min: Option<Money>,
    /// The dearest variant's price.
    pub price_max: Option<Money>,
    /// The best of its variants'.
    pub availability: Availability,
}

/// A product to be made, with its variants.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    #[garde(length(chars, min = 1, max = TITLE_CHARS_MAX))]
    #[schema(example = "Linen shirt", max_length = 300)]
    pub title: String,
    /// Made from the title where it is left out.
    #[garde(inner(custom(is_slug)))]
    #[schema(example = "linen-shirt", max_length = 200)]
    pub slug: Option<String>,
    #[serde(default)]
    #[garde(length(chars, max = DESCRIPTION_CHARS_MAX))]
    #[schema(max_length = 20_000)]
    pub description: String,
    #[garde(inner(length(chars, min = 1, max = BRAND_CHARS_MAX)))]
    #[schema(max_length = 100)]
    pub brand: Option<String>,
    /// `draft` if not said: nobody but staff sees it.
    #[serde(default = "draft")]
    #[garde(skip)]
    pub status: ProductStatus,
    /// What the variants differ in; each variant says its value of each.
    #[serde(default)]
    #[garde(length(max = OPTIONS_MAX), inner(length(chars, min = 1, max = 50)))]
    #[schema(example = json!(["Size"]), max_items = 5)]
    pub options: Vec<String>,
    #[serde(default)]
    #[garde(custom(fits))]
    #[schema(value_type = Object)]
    pub attributes: Attributes,
    /// URLs; the first stands for the product.
    #[serde(default)]
    #[garde(length(max = IMAGES_MAX), inner(length(chars, min = 1, max = IMAGE_CHARS_MAX)))]
    #[schema(max_items = 20)]
    pub images: Vec<String>,
    #[serde(default)]
    #[garde(skip)]
    pub metadata: Metadata,
    #[garde(dive)]
    pub external_ref: Option<ExternalRef>,
    #[garde(length(min = 1, max = VARIANTS_MAX), dive)]
    #[schema(min_items = 1, max_items = 100)]
    pub variants: Vec<NewVariant>,
}

impl NewProduct {
    /// What no field can know alone: options, doubled SKUs, markets and their currencies.
    pub fn check(&self, config: &Config) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        let names: BTreeSet<&str> = self.options.iter().map(String::as_str).collect();
        if names.len() < self.options.len() {
            problems.push(field("/options", "names an option twice"));
        }
        let (mut skus, mut combinations) = (BTreeSet::new(), BTreeSet::new());
        for (at, variant) in self.variants.iter().enumerate() {
            if !skus.insert(&variant.sku) {
                problems.push(field(format!("/variants/{at}/sku"), "is the SKU of a variant before it"));
            }
            if !variant.options.keys().map(String::as_str).eq(names.iter().copied()) {
                let detail = format!(
                    "gives one value for each of the product's options, which are: {}",
                    self.options.join(", ")
                );
                problems.push(field(format!("/variants/{at}/options"), detail));
            } else if !combinations.insert(&variant.options) {
                problems.push(field(format!("/variants/{at}/options"), "are those of a variant before it"));
            }
            problems.extend(variant.check_prices(config, at));
        }
        problems
    }
}

/// What staff changes of a product; what is left out stays.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditProduct {
    #[garde(inner(length(chars, min = 1, max = TITLE_CHARS_MAX)))]
    #[schema(max_length = 300)]
    pub title: Option<String>,
    #[garde(inner(length(chars, max = DESCRIPTION_CHARS_MAX)))]
    #[schema(max_length = 20_000)]
    pub description: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[garde(inner(inner(length(chars, min = 1, max = BRAND_CHARS_MAX))))]
    #[schema(value_type = Option<String>, max_length = 100)]
    pub brand: Option<Option<String>>,
    /// `archived` takes it out of the shop, `active` brings it back.
    #[garde(skip)]
    pub status: Option<ProductStatus>,
    /// All of them anew.
    #[garde(inner(custom(fits)))]
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<Attributes>,
    /// All of it anew.
    #[garde(skip)]
    pub metadata: Option<Metadata>,
}

impl EditProduct {
    /// The names of what is changed, for the audit log.
    pub fn fields(&self) -> Vec<&'static str> {
        [
            ("title", self.title.is_some()),
            ("description", self.description.is_some()),
            ("brand", self.brand.is_some()),
            ("status", self.status.is_some()),
            ("attributes", self.attributes.is_some()),
            ("metadata", self.metadata.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_said)| is_said.then_some(name))
        .collect()
    }
}

pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> FieldProblem {
    FieldProblem { pointer: pointer.into(), detail: detail.into() }
}

/// For garde: not too many attributes, and not too long ones.
pub fn fits(attributes: &Attributes, _: &()) -> garde::Result {
    let bytes = serde_json::to_vec(attributes).map_or(usize::MAX, |text| text.len());
    if attributes.len() <= ATTRIBUTES_MAX && bytes <= ATTRIBUTES_BYTES_MAX {
        return Ok(());
    }
    Err(garde::Error::new(format!("are at most {ATTRIBUTES_MAX} names and {ATTRIBUTES_BYTES_MAX} bytes of JSON")))
}

fn draft() -> ProductStatus {
    ProductStatus::Draft
}

/// Tells `null` from a field that is left out.
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: serde_json::Value) -> Vec<String> {
        let product: NewProduct = serde_json::from_value(body).expect("a product");
        product.check(&Config::defaults()).into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn a_variant_says_its_value_of_each_option_and_no_other_has_the_same() {
        let shirt = |options: serde_json::Value| {
            serde_json::json!({ "title": "Shirt", "options": ["Size"], "variants": [
                { "sku": "a", "options": { "Size": "S" } }, { "sku": "b", "options": options },
            ] })
        };
        assert!(refused(shirt(serde_json::json!({ "Size": "M" }))).is_empty());
        assert_eq!(refused(shirt(serde_json::json!({ "Size": "S" }))), ["/variants/1/options"]);
        assert_eq!(refused(shirt(serde_json::json!({ "Colour": "red" }))), ["/variants/1/options"]);
        assert_eq!(refused(shirt(serde_json::json!({}))), ["/variants/1/options"]);
    }

    #[test]
    fn a_doubled_sku_and_a_price_nobody_could_pay_are_pointed_at() {
        let body = serde_json::json!({ "title": "Shirt", "options": ["Size"], "variants": [
            { "sku": "a", "options": { "Size": "S" }, "prices": [{ "amount": 1, "currency": "USD" }, { "market": "mars", "amount": 1 }] },
            { "sku": "a", "options": { "Size": "M" }, "prices": [{ "amount": 1 }, { "amount": 2 }] },
        ] });
        let expected = [
            "/variants/0/prices/0/currency",
            "/variants/0/prices/1/market",
            "/variants/1/sku",
            "/variants/1/prices/1/market",
        ];
        assert_eq!(refused(body), expected);
    }

    #[test]
    fn null_takes_a_brand_away_and_nothing_leaves_it() {
        let edit = |text: &str| serde_json::from_str::<EditProduct>(text).expect("an edit").brand;
        assert_eq!(edit("{}"), None);
        assert_eq!(edit(r#"{"brand":null}"#), Some(None));
        assert_eq!(edit(r#"{"brand":"HP"}"#), Some(Some("HP".to_owned())));
    }
}
