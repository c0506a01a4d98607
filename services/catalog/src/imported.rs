//! A product as an import brings it and an export gives it: a line of the catalogue's own format.
//!
//! The names are those of `POST /v1/admin/products`, so that what the one takes, the other takes too.

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalog::ProductStatus;
use contracts::values::is_country;
use contracts::{Currency, ExternalRef, MarketId, Metadata, TaxClass};
use platform::Config;
use serde::{Deserialize, Serialize};

use crate::attribute::{AttributeType, Attributes, type_of};
use crate::media::{ALT_CHARS_MAX, IMAGES_MAX, Image, is_link};
use crate::product::{
    BRAND_CHARS_MAX, CATEGORIES_MAX, DESCRIPTION_CHARS_MAX, OPTION_CHARS_MAX, OPTIONS_MAX, TITLE_CHARS_MAX,
    VARIANTS_MAX,
};
use crate::slug::{is_slug, slug};
use crate::variant::{
    AMOUNT_MINOR_MAX, SKU_CHARS_MAX, VARIANT_IMAGES_MAX, VARIANTS_EVER_MAX, VariantSize, VariantStatus, WEIGHT_G_MAX,
    are_option_values, default_market, is_hs_code, option_problems, other_currency,
};

/// What it shall be. `external_ref`, else the slug (its own, or one of the title) says which product it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedProduct {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<ExternalRef>,
    /// Of a product that is new; later the shop decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    pub title: String,
    #[serde(default)]
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// `None`: as the shop has it; `status_if_new` of a product that is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ProductStatus>,
    #[serde(skip, default = "draft")]
    pub status_if_new: ProductStatus,
    /// The first is where it is at home.
    #[serde(default)]
    pub categories: Vec<ImportedCategory>,
    #[serde(default)]
    pub options: Vec<String>,
    #[serde(default)]
    pub attributes: Attributes,
    #[serde(default)]
    pub images: Vec<Image>,
    /// Of the variants that say none; `standard` if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<TaxClass>,
    #[serde(default)]
    pub metadata: Metadata,
    /// All of them: one that the product had before and that is neither here nor left out is taken out.
    pub variants: Vec<ImportedVariant>,
    /// The SKUs of variants that the file names and that could not be read: in the shop they stay as they are. With
    /// an empty one it may be any.
    #[serde(skip)]
    pub left_out: Vec<String>,
}

/// A category by its slug, or by the titles from the root to it; the latter is made where there is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ImportedCategory {
    Slug(String),
    Titles(Vec<String>),
}

/// The SKU says which variant of its product it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedVariant {
    pub sku: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default = "active")]
    pub status: VariantStatus,
    /// A value for each of the product's options.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    #[serde(default)]
    pub images: Vec<Image>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<TaxClass>,
    #[serde(default)]
    pub weight_g: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<VariantSize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hs_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    #[serde(default = "yes")]
    pub requires_shipping: bool,
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<ExternalRef>,
    /// In the markets that are named; in others it stays as it is.
    #[serde(default)]
    pub prices: Vec<ImportedPrice>,
}

/// What a variant costs in a market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedPrice {
    #[serde(default = "default_market")]
    pub market: MarketId,
    /// The market's, if said.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Minor units; `None`: not for sale there.
    pub amount: Option<i64>,
}

/// What products stand on, told before them. What the shop has of it already stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ImportedPart {
    Category(ImportedCategoryPart),
    Brand(ImportedBrand),
    Attribute(ImportedAttribute),
}

/// A category below those that are told before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedCategoryPart {
    /// The titles from the root to it.
    pub titles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    #[serde(default)]
    pub description: String,
    /// After its siblings if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedBrand {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedAttribute {
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(rename = "type")]
    pub kind: AttributeType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(default = "yes")]
    pub filterable: bool,
}

impl ImportedPart {
    /// Why it can't be taken in.
    pub fn refusal(&self) -> Option<ImportFault> {
        let slug_of = |slug: &Option<String>| {
            let wrong = slug.as_ref().filter(|slug| is_slug(slug, &()).is_err())?;
            let text = format!("the slug `{}` is not 1 to 200 of a-z, 0-9 and -", shown(wrong));
            Some(ImportFault::new("bad_value", "slug", text))
        };
        match self {
            Self::Category(category) => ImportedCategory::Titles(category.titles.clone())
                .refusal()
                .or_else(|| slug_of(&category.slug))
                .or_else(|| length("description", &category.description, 0, crate::category::DESCRIPTION_CHARS_MAX)),
            Self::Brand(brand) => length("name", &brand.name, 1, BRAND_CHARS_MAX).or_else(|| slug_of(&brand.slug)),
            Self::Attribute(attribute) => {
                let wrong = crate::attribute::is_key(&attribute.key, &()).err();
                let wrong = wrong.map(|why| ImportFault::new("bad_value", "key", format!("the key {why}")));
                wrong
                    .or_else(|| length("label", attribute.label.as_deref()?, 1, crate::attribute::LABEL_CHARS_MAX))
                    .or_else(|| length("unit", attribute.unit.as_deref()?, 1, crate::attribute::UNIT_CHARS_MAX))
            }
        }
    }
}

/// Why something can't be taken in; for the person who mends the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportFault {
    /// The same for the same kind of fault, such as `sku_taken`.
    pub code: &'static str,
    /// As `variants.sku`.
    pub field: &'static str,
    /// The place among the product's variants, where it is one's.
    pub variant: Option<usize>,
    pub text: String,
    /// Whether the whole was left out. Else it came in, without what is named here.
    pub left_out: bool,
}

impl ImportFault {
    pub fn new(code: &'static str, field: &'static str, text: impl Into<String>) -> Self {
        Self { code, field, variant: None, text: text.into(), left_out: true }
    }

    pub fn note(code: &'static str, field: &'static str, text: impl Into<String>) -> Self {
        Self { left_out: false, ..Self::new(code, field, text) }
    }

    pub fn of_variant(mut self, variant: usize) -> Self {
        self.variant = Some(variant);
        self
    }
}

impl ImportedProduct {
    /// Nothing yet: for who fills it in.
    pub fn titled(title: String) -> Self {
        Self {
            external_ref: None,
            slug: None,
            title,
            description: String::new(),
            brand: None,
            status: None,
            status_if_new: ProductStatus::Draft,
            categories: Vec::new(),
            options: Vec::new(),
            attributes: Attributes::new(),
            images: Vec::new(),
            tax_class: None,
            metadata: Metadata::default(),
            variants: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Leaves out what is not worth losing the product for, and says what: pictures that are nowhere or too
    /// many, and attributes that no attribute can be.
    pub fn trim(&mut self) -> Vec<ImportFault> {
        let mut left_out = Vec::new();
        trim_images(&mut self.images, IMAGES_MAX, "images", &mut left_out);
        for (at, variant) in self.variants.iter_mut().enumerate() {
            let before = left_out.len();
            trim_images(&mut variant.images, VARIANT_IMAGES_MAX, "variants.images", &mut left_out);
            left_out[before..].iter_mut().for_each(|fault| fault.variant = Some(at));
        }
        self.attributes.retain(|key, value| {
            let why = match crate::attribute::is_key(key, &()) {
                Err(error) => error.to_string(),
                Ok(()) => match type_of(value) {
                    Err(why) => why,
                    Ok(_) => return true,
                },
            };
            left_out.push(ImportFault::note("bad_attribute", "attributes", format!("`{}` {why}", shown(key))));
            false
        });
        left_out
    }

    /// Why it can't be taken in.
    pub fn refusal(&self) -> Option<ImportFault> {
        self.refused_texts()
            .or_else(|| self.refused_lists())
            .or_else(|| {
                self.variants.iter().enumerate().find_map(|(at, variant)| Some(variant.refusal()?.of_variant(at)))
            })
            .or_else(|| self.refused_options())
    }

    fn refused_texts(&self) -> Option<ImportFault> {
        let slug = self.slug.as_deref().filter(|slug| is_slug(slug, &()).is_err());
        if let Some(slug) = slug {
            let text = format!("the slug `{}` is not 1 to 200 of a-z, 0-9 and -", shown(slug));
            return Some(ImportFault::new("bad_value", "slug", text));
        }
        length("title", &self.title, 1, TITLE_CHARS_MAX)
            .or_else(|| length("description", &self.description, 0, DESCRIPTION_CHARS_MAX))
            .or_else(|| length("brand", self.brand.as_deref()?, 1, BRAND_CHARS_MAX))
            .or_else(|| refused_ref(self.external_ref.as_ref()?))
    }

    fn refused_lists(&self) -> Option<ImportFault> {
        let most = [
            ("categories", self.categories.len(), CATEGORIES_MAX),
            ("options", self.options.len(), OPTIONS_MAX),
            ("variants", self.active().count(), VARIANTS_MAX),
            ("variants", self.variants.len(), usize::try_from(VARIANTS_EVER_MAX).unwrap_or(usize::MAX)),
        ];
        if let Some((field, count, max)) = most.into_iter().find(|(_, count, max)| count > max) {
            return Some(ImportFault::new("too_many", field, format!("there are {count} {field}, {max} is the most")));
        }
        if self.variants.is_empty() {
            return Some(ImportFault::new("missing", "variants", "there is no variant"));
        }
        if let Err(error) = crate::attribute::fits(&self.attributes, &()) {
            return Some(ImportFault::new("too_many", "attributes", format!("attributes {error}")));
        }
        let has_nul = serde_json::to_string(&(&self.attributes, &self.metadata, &self.images))
            .is_ok_and(|text| text.contains("\\u0000"));
        if has_nul {
            let text = "attributes, metadata or images have the character U+0000";
            return Some(ImportFault::new("forbidden_character", "attributes", text));
        }
        self.categories.iter().find_map(ImportedCategory::refusal)
    }

    fn active(&self) -> impl Iterator<Item = &ImportedVariant> {
        self.variants.iter().filter(|variant| variant.status == VariantStatus::Active)
    }

    fn refused_options(&self) -> Option<ImportFault> {
        let name = self.options.iter().find_map(|name| length("options", name, 1, OPTION_CHARS_MAX));
        if name.is_some() {
            return name;
        }
        // One that was taken out may be like another.
        let options = self.active().map(|variant| &variant.options);
        let problems = option_problems(&self.options, options, |at| at.to_string());
        let problem = problems.into_iter().next()?;
        let text = format!("the options {}", problem.detail);
        Some(ImportFault {
            variant: problem.pointer.parse().ok(),
            ..ImportFault::new("bad_options", "variants.options", text)
        })
    }

    /// Gives each price its market's currency; what is wrong with one is for the person who mends the file.
    pub fn place_prices(&mut self, config: &Config) -> Option<ImportFault> {
        for (at, variant) in self.variants.iter_mut().enumerate() {
            let mut markets = BTreeSet::new();
            for price in &mut variant.prices {
                if let Err(why) = price.place(config) {
                    return Some(why.of_variant(at));
                }
                if !markets.insert(price.market.clone()) {
                    let text = format!("the market `{}` has two prices", price.market);
                    return Some(ImportFault::new("bad_price", "variants.prices", text).of_variant(at));
                }
            }
        }
        None
    }

    /// Which product it is, for who looks for another of the same.
    pub fn name(&self) -> String {
        match &self.external_ref {
            Some(external) => format!("{} of {}", external.id, external.source),
            None => self.own_slug(),
        }
    }

    /// The slug that a product without a reference is known by.
    pub fn own_slug(&self) -> String {
        self.slug.clone().unwrap_or_else(|| slug(&self.title))
    }

    /// SHA-256 of everything it shall be: the same again changes nothing.
    pub fn content_sha256(&self) -> String {
        let content = serde_json::to_vec(&(self, self.status_if_new, &self.left_out)).expect("a product is plain data");
        platform::auth::sha256_hex(&content)
    }
}

impl ImportedVariant {
    fn refusal(&self) -> Option<ImportFault> {
        length("variants.sku", &self.sku, 1, SKU_CHARS_MAX)
            .or_else(|| length("variants.title", self.title.as_deref()?, 1, 200))
            .or_else(|| refused_ref(self.external_ref.as_ref()?))
            .or_else(|| self.refused_values())
            .or_else(|| self.prices.iter().find_map(ImportedPrice::refusal))
    }

    fn refused_values(&self) -> Option<ImportFault> {
        let bad = |field, text: String| Some(ImportFault::new("bad_value", field, text));
        if !(0..=WEIGHT_G_MAX).contains(&self.weight_g) {
            let text = format!("the weight is {} g, from 0 to {WEIGHT_G_MAX} is possible", self.weight_g);
            return bad("variants.weight_g", text);
        }
        if let Some(Err(error)) = self.size.map(|size| garde::Validate::validate(&size)) {
            let text = error.iter().next().map(|(side, error)| format!("{side} {error}")).unwrap_or_default();
            return bad("variants.size", text);
        }
        if let Some(Err(error)) = self.hs_code.as_deref().map(|code| is_hs_code(code, &())) {
            return bad("variants.hs_code", format!("the HS code {error}"));
        }
        if let Some(Err(error)) = self.origin.as_deref().map(|code| is_country(code, &())) {
            return bad("variants.origin", format!("the origin {error}"));
        }
        if let Err(error) = are_option_values(&self.options, &()) {
            return bad("variants.options", error.to_string());
        }
        let has_nul =
            serde_json::to_string(&(&self.options, &self.metadata)).is_ok_and(|text| text.contains("\\u0000"));
        has_nul.then(|| {
            let text = "options or metadata have the character U+0000";
            ImportFault::new("forbidden_character", "variants.metadata", text)
        })
    }
}

impl ImportedPrice {
    /// Errors: an unknown market, or another currency than its own.
    pub fn place(&mut self, config: &Config) -> Result<(), ImportFault> {
        let bad = |code, text: String| ImportFault::new(code, "variants.prices", text);
        let market = config.markets.get(&self.market);
        let market = market.ok_or_else(|| bad("unknown_market", format!("there is no market `{}`", self.market)))?;
        if let Some(other) = other_currency(self.currency, market.currency) {
            return Err(bad("bad_currency", format!("the price {other}")));
        }
        self.currency = Some(market.currency);
        Ok(())
    }

    pub fn refusal(&self) -> Option<ImportFault> {
        let amount = self.amount.filter(|amount| !(0..=AMOUNT_MINOR_MAX).contains(amount))?;
        let text = format!("the price is {amount}, from 0 to {AMOUNT_MINOR_MAX} minor units is possible");
        Some(ImportFault::new("bad_price", "variants.prices", text))
    }
}

impl ImportedCategory {
    fn refusal(&self) -> Option<ImportFault> {
        match self {
            Self::Slug(slug) => length("categories", slug, 1, 200),
            Self::Titles(titles) if titles.is_empty() => {
                Some(ImportFault::new("missing", "categories", "a category has no title"))
            }
            Self::Titles(titles) if titles.len() > crate::category::DEPTH_MAX => {
                let text = format!("a category lies {} deep, {} is the most", titles.len(), crate::category::DEPTH_MAX);
                Some(ImportFault::new("too_many", "categories", text))
            }
            Self::Titles(titles) => {
                titles.iter().find_map(|title| length("categories", title, 1, crate::category::TITLE_CHARS_MAX))
            }
        }
    }
}

fn trim_images(images: &mut Vec<Image>, max: usize, field: &'static str, left_out: &mut Vec<ImportFault>) {
    images.retain_mut(|image| {
        image.alt = image.alt.take().map(|alt| alt.chars().take(ALT_CHARS_MAX).collect());
        let is_fit = is_link(&image.url, &()).is_ok();
        if !is_fit {
            let text = format!("`{}` is no address of a picture", shown(&image.url));
            left_out.push(ImportFault::note("bad_image", field, text));
        }
        is_fit
    });
    if images.len() > max {
        let text = format!("of {} images the first {max} are taken", images.len());
        left_out.push(ImportFault::note("too_many", field, text));
        images.truncate(max);
    }
}

fn refused_ref(external: &ExternalRef) -> Option<ImportFault> {
    length("source", &external.source, 1, 64).or_else(|| length("id", &external.id, 1, 200))
}

fn length(field: &'static str, text: &str, min: usize, max: usize) -> Option<ImportFault> {
    let name = field.rsplit('.').next().unwrap_or(field);
    let chars = text.chars().count();
    if chars < min {
        return Some(ImportFault::new("missing", field, format!("{name} is missing")));
    }
    if chars > max {
        return Some(ImportFault::new("too_long", field, format!("{name} has {chars} characters, {max} is the most")));
    }
    let nul = text.contains('\0');
    nul.then(|| ImportFault::new("forbidden_character", field, format!("{name} has the character U+0000")))
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

fn draft() -> ProductStatus {
    ProductStatus::Draft
}

fn active() -> VariantStatus {
    VariantStatus::Active
}

fn yes() -> bool {
    true
}
