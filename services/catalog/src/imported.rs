//! A product as an import brings it: one product with one variant, and its price in one market.

use contracts::catalog::ProductStatus;
use contracts::{MarketId, Metadata, Money, TaxClass};
use serde::Serialize;
use serde_json::Value;

use crate::product::{
    Attributes, BRAND_CHARS_MAX, DESCRIPTION_CHARS_MAX, IMAGE_CHARS_MAX, IMAGES_MAX, TITLE_CHARS_MAX, fits,
};
use crate::variant::{AMOUNT_MINOR_MAX, SKU_CHARS_MAX, WEIGHT_G_MAX};

/// `source` and `id` say which product it is; everything else is what it shall be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportedProduct {
    /// The system it comes from, such as `icecat`.
    pub source: String,
    /// What that system calls it.
    pub id: String,
    pub sku: String,
    pub title: String,
    pub description: String,
    pub brand: Option<String>,
    pub status: ProductStatus,
    pub attributes: Attributes,
    /// URLs; the first stands for the product.
    pub images: Vec<String>,
    pub metadata: Metadata,
    pub tax_class: TaxClass,
    pub weight_g: i64,
    pub requires_shipping: bool,
    /// The market that `price` is for.
    pub market: MarketId,
    /// `None`: not for sale there.
    pub price: Option<Money>,
}

impl ImportedProduct {
    /// Why it can't be taken in; for the person who mends the file.
    pub fn refusal(&self) -> Option<String> {
        let texts = [
            ("source", self.source.as_str(), 1, 64),
            ("id", &self.id, 1, 200),
            ("sku", &self.sku, 1, SKU_CHARS_MAX),
            ("title", &self.title, 1, TITLE_CHARS_MAX),
            ("description", &self.description, 0, DESCRIPTION_CHARS_MAX),
            ("brand", self.brand.as_deref().unwrap_or("-"), 1, BRAND_CHARS_MAX),
        ];
        let images = self.images.iter().map(|image| ("images", image.as_str(), 1, IMAGE_CHARS_MAX));
        for (name, text, min, max) in texts.into_iter().chain(images) {
            let chars = text.chars().count();
            if chars < min {
                return Some(format!("{name} is missing"));
            }
            if chars > max {
                return Some(format!("{name} has {chars} characters, {max} is the most"));
            }
            if text.contains('\0') {
                return Some(format!("{name} has the character U+0000"));
            }
        }
        if self.images.len() > IMAGES_MAX {
            return Some(format!("there are {} images, {IMAGES_MAX} is the most", self.images.len()));
        }
        if let Err(error) = fits(&self.attributes, &()) {
            return Some(format!("attributes {error}"));
        }
        let metadata: std::collections::BTreeMap<String, String> = self.metadata.clone().into();
        if has_nul(&Value::Object(self.attributes.clone()))
            || metadata.iter().any(|(key, value)| key.contains('\0') || value.contains('\0'))
        {
            return Some("attributes or metadata have the character U+0000".to_owned());
        }
        if !(0..=WEIGHT_G_MAX).contains(&self.weight_g) {
            return Some(format!("weight_g is {}, from 0 to {WEIGHT_G_MAX} is possible", self.weight_g));
        }
        let price = self.price.filter(|price| !(0..=AMOUNT_MINOR_MAX).contains(&price.amount))?;
        Some(format!("price is {}, from 0 to {AMOUNT_MINOR_MAX} minor units is possible", price.amount))
    }

    /// SHA-256 of everything it shall be: the same again changes nothing.
    pub fn content_sha256(&self) -> String {
        let content = serde_json::to_vec(self).expect("a product is plain data");
        platform::auth::sha256_hex(&content)
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(entries) => entries.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
