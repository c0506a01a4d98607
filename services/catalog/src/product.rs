//! A product: what a page of the shop shows, and how staff writes it.

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalog::{BrandId, CategoryId, ProductId, ProductStatus, VariantId};
use contracts::inventory::Availability;
use contracts::{ExternalRef, MarketId, Metadata, Money, TaxClass};
use garde::Validate;
use jiff::Timestamp;
use platform::Config;
use platform::http::said;
use platform::problem::FieldProblem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, Schema, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};

use crate::attribute::{Attributes, attributes_schema, fits};
use crate::media::{IMAGES_MAX, Image};
use crate::slug::is_slug;
use crate::variant::{NewVariant, VariantView, are_option_values, option_problems, option_values_schema};

pub const TITLE_CHARS_MAX: usize = 300;
pub const DESCRIPTION_CHARS_MAX: usize = 20_000;
pub const BRAND_CHARS_MAX: usize = 100;
pub const CATEGORIES_MAX: usize = 10;
pub const VARIANTS_MAX: usize = 100;
pub const OPTIONS_MAX: usize = 5;
pub const OPTION_CHARS_MAX: usize = 50;

/// Who makes a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BrandView {
    pub id: BrandId,
    #[schema(example = "souk-tea")]
    pub slug: String,
    #[schema(example = "Souk Tea")]
    pub name: String,
}

/// A category, as a product names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CategoryRef {
    pub id: CategoryId,
    #[schema(example = "linen-shirts")]
    pub slug: String,
    #[schema(example = "Linen shirts")]
    pub title: String,
    /// The slugs from the root to it.
    #[schema(example = "clothing/shirts/linen-shirts")]
    pub path: String,
}

/// A product with its variants, as one market sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProductView {
    pub id: ProductId,
    #[schema(example = "hp-80-original-cyan")]
    pub slug: String,
    pub title: String,
    pub description: String,
    pub brand: Option<BrandView>,
    pub status: ProductStatus,
    /// The first is where it is at home.
    pub categories: Vec<CategoryRef>,
    /// What its variants differ in, such as `Size`, in the order to ask.
    pub options: Vec<String>,
    #[schema(schema_with = attributes_schema)]
    pub attributes: Attributes,
    /// The first stands for the product.
    pub images: Vec<Image>,
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
    /// For staff: of everything that is shown, also the names of its brand and categories, which move no version of
    /// the product.
    pub fn tag(&self) -> String {
        crate::hot::tag(self.version, &serde_json::to_vec(self).expect("a product is plain data with text keys"))
    }

    /// Without what integrators note for themselves, and without what was taken out.
    pub fn for_buyers(mut self) -> Self {
        self.metadata = None;
        self.external_ref = None;
        self.variants.retain(|variant| variant.status == crate::variant::VariantStatus::Active);
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
    pub brand: Option<BrandView>,
    pub image: Option<Image>,
    /// The cheapest variant's price: what lists are sorted by.
    pub price_min: Money,
    /// The dearest variant's price.
    pub price_max: Money,
    /// The best of its variants'.
    pub availability: Availability,
}

/// A product in the list of staff.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StaffListItem {
    pub id: ProductId,
    pub slug: String,
    pub title: String,
    pub brand: Option<BrandView>,
    pub image: Option<Image>,
    pub status: ProductStatus,
    /// How many variants it has that were not taken out.
    pub variants: i64,
    pub external_ref: Option<ExternalRef>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A product to be made, with its variants.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    #[garde(length(chars, min = 1, max = TITLE_CHARS_MAX))]
    #[schema(example = "Linen shirt", min_length = 1, max_length = 300)]
    pub title: String,
    /// Made from the title where it is left out. An address that a product had before leads nowhere.
    #[garde(inner(custom(is_slug)))]
    #[schema(example = "linen-shirt", max_length = 200, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub slug: Option<String>,
    #[serde(default)]
    #[garde(length(chars, max = DESCRIPTION_CHARS_MAX))]
    #[schema(max_length = 20_000)]
    pub description: String,
    /// Its name; one that is new to the shop is taken in.
    #[garde(inner(length(chars, min = 1, max = BRAND_CHARS_MAX)))]
    #[schema(example = "Souk Weavers", min_length = 1, max_length = 100)]
    pub brand: Option<String>,
    /// `draft` if not said: nobody but staff sees it.
    #[serde(default = "draft")]
    #[garde(skip)]
    pub status: ProductStatus,
    /// By slug or id; the first is where it is at home.
    #[serde(default)]
    #[garde(length(max = CATEGORIES_MAX), inner(length(chars, min = 1, max = 200)))]
    #[schema(schema_with = categories_schema)]
    pub categories: Vec<String>,
    /// What the variants differ in; each variant says its value of each.
    #[serde(default)]
    #[garde(length(max = OPTIONS_MAX), inner(length(chars, min = 1, max = OPTION_CHARS_MAX)))]
    #[schema(schema_with = options_schema)]
    pub options: Vec<String>,
    #[serde(default)]
    #[garde(custom(fits))]
    #[schema(schema_with = attributes_schema)]
    pub attributes: Attributes,
    /// The first stands for the product.
    #[serde(default)]
    #[garde(length(max = IMAGES_MAX), dive)]
    #[schema(max_items = 20)]
    pub images: Vec<Image>,
    /// Of the variants that say none; `standard` if not said.
    #[garde(skip)]
    pub tax_class: Option<TaxClass>,
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
        let mut problems = doubled("/options", &self.options);
        problems.extend(doubled("/categories", &self.categories));
        let options = self.variants.iter().map(|variant| &variant.options);
        problems.extend(option_problems(&self.options, options, |at| format!("/variants/{at}/options")));
        let mut skus = BTreeSet::new();
        for (at, variant) in self.variants.iter().enumerate() {
            if !skus.insert(&variant.sku) {
                problems.push(field(format!("/variants/{at}/sku"), "is the SKU of a variant before it"));
            }
            problems.extend(variant.check_prices(config, &format!("/variants/{at}")));
        }
        problems
    }
}

/// What staff changes of a product; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditProduct {
    #[garde(inner(length(chars, min = 1, max = TITLE_CHARS_MAX)))]
    #[schema(min_length = 1, max_length = 300)]
    pub title: Option<String>,
    /// The old one is free at once, and leads nowhere.
    #[garde(inner(custom(is_slug)))]
    #[schema(example = "linen-shirt", max_length = 200, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub slug: Option<String>,
    #[garde(inner(length(chars, max = DESCRIPTION_CHARS_MAX)))]
    #[schema(max_length = 20_000)]
    pub description: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[garde(inner(inner(length(chars, min = 1, max = BRAND_CHARS_MAX))))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    pub brand: Option<Option<String>>,
    /// `archived` takes it out of the shop, `active` brings it back.
    #[garde(skip)]
    pub status: Option<ProductStatus>,
    /// All of them anew, by slug or id.
    #[garde(inner(length(max = CATEGORIES_MAX), inner(length(chars, min = 1, max = 200))))]
    #[schema(schema_with = categories_schema)]
    pub categories: Option<Vec<String>>,
    /// All of them anew, in the order to ask. Where it is more than another order, `variants` says the values.
    #[garde(inner(length(max = OPTIONS_MAX), inner(length(chars, min = 1, max = OPTION_CHARS_MAX))))]
    #[schema(schema_with = options_schema)]
    pub options: Option<Vec<String>>,
    /// Every variant that was not taken out, in its new order, with its options where those change.
    #[garde(length(min = 1, max = VARIANTS_MAX), dive)]
    #[schema(min_items = 1, max_items = 100)]
    pub variants: Option<Vec<ArrangedVariant>>,
    /// All of them anew.
    #[garde(inner(custom(fits)))]
    #[schema(schema_with = attributes_schema)]
    pub attributes: Option<Attributes>,
    /// All of them anew.
    #[garde(length(max = IMAGES_MAX), dive)]
    #[schema(max_items = 20)]
    pub images: Option<Vec<Image>>,
    /// Of every variant.
    #[garde(skip)]
    pub tax_class: Option<TaxClass>,
    /// All of it anew.
    #[garde(skip)]
    pub metadata: Option<Metadata>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[garde(dive)]
    #[schema(value_type = Option<ExternalRef>)]
    pub external_ref: Option<Option<ExternalRef>>,
}

/// A variant's place among the others, and what it is called there.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrangedVariant {
    #[garde(skip)]
    pub id: VariantId,
    /// A value for each of the product's options; as they were if not said.
    #[garde(inner(custom(are_option_values)))]
    #[schema(schema_with = option_values_schema)]
    pub options: Option<BTreeMap<String, String>>,
}

impl EditProduct {
    /// What no field can know alone.
    pub fn check(&self) -> Vec<FieldProblem> {
        let mut problems = self.options.as_ref().map(|options| doubled("/options", options)).unwrap_or_default();
        problems.extend(self.categories.iter().flat_map(|categories| doubled("/categories", categories)));
        let mut ids = BTreeSet::new();
        for (at, variant) in self.variants.iter().flatten().enumerate() {
            if !ids.insert(variant.id) {
                problems.push(field(format!("/variants/{at}/id"), "is a variant before it"));
            }
        }
        problems
    }

    /// Whether lists show it otherwise afterwards.
    pub fn is_listed_otherwise(&self) -> bool {
        self.title.is_some() || self.brand.is_some() || self.status.is_some() || self.categories.is_some()
    }

    /// The names of what is changed, for the audit log.
    pub fn fields(&self) -> Vec<&'static str> {
        [
            ("title", self.title.is_some()),
            ("slug", self.slug.is_some()),
            ("description", self.description.is_some()),
            ("brand", self.brand.is_some()),
            ("status", self.status.is_some()),
            ("categories", self.categories.is_some()),
            ("options", self.options.is_some()),
            ("variants", self.variants.is_some()),
            ("attributes", self.attributes.is_some()),
            ("images", self.images.is_some()),
            ("tax_class", self.tax_class.is_some()),
            ("metadata", self.metadata.is_some()),
            ("external_ref", self.external_ref.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_said)| is_said.then_some(name))
        .collect()
    }
}

pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> FieldProblem {
    FieldProblem { pointer: pointer.into(), detail: detail.into() }
}

/// A problem for each name that came before.
fn doubled(pointer: &str, names: &[String]) -> Vec<FieldProblem> {
    let mut seen = BTreeSet::new();
    let again = names.iter().enumerate().filter(|(_, name)| !seen.insert(*name));
    again.map(|(at, _)| field(format!("{pointer}/{at}"), "is named before")).collect()
}

fn categories_schema() -> RefOr<Schema> {
    texts("By slug or id; the first is where it is at home", CATEGORIES_MAX, 200, "linen-shirts")
}

fn options_schema() -> RefOr<Schema> {
    texts("What the variants differ in, in the order to ask", OPTIONS_MAX, OPTION_CHARS_MAX, "Size")
}

/// A list of texts that are not empty.
fn texts(about: &str, items_max: usize, chars_max: usize, example: &str) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(chars_max));
    ArrayBuilder::new()
        .items(text)
        .max_items(Some(items_max))
        .description(Some(about))
        .examples([serde_json::json!([example])])
        .into()
}

fn draft() -> ProductStatus {
    ProductStatus::Draft
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
    fn what_is_named_twice_is_pointed_at() {
        let body = serde_json::json!({ "title": "Shirt", "categories": ["a", "b", "a"], "options": ["x", "x"],
            "variants": [{ "sku": "a", "options": { "x": "1" } }] });
        assert_eq!(refused(body), ["/options/1", "/categories/2"]);
        let id = "var_01jd5zs2xce3nbq7tpv5f8k9wm";
        let edit = serde_json::json!({ "options": ["x", "x"], "variants": [{ "id": id }, { "id": id }] });
        let edit: EditProduct = serde_json::from_value(edit).expect("an edit");
        let pointers: Vec<_> = edit.check().into_iter().map(|problem| problem.pointer).collect();
        assert_eq!(pointers, ["/options/1", "/variants/1/id"]);
    }

    #[test]
    fn null_takes_a_brand_away_and_nothing_leaves_it() {
        let edit = |text: &str| serde_json::from_str::<EditProduct>(text).expect("an edit").brand;
        assert_eq!(edit("{}"), None);
        assert_eq!(edit(r#"{"brand":null}"#), Some(None));
        assert_eq!(edit(r#"{"brand":"HP"}"#), Some(Some("HP".to_owned())));
    }
}
