//! Maps: which field of a row is which of a product. TOML; `examples/maps/` shows one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use contracts::catalog::ProductStatus;
use contracts::{MarketId, TaxClass};
use serde::Deserialize;

use super::ImportError;
use super::template::Template;

/// A map that is whole: every template reads, every key is known.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportMap {
    /// The system that the ids come from. With the id it says which product a row is.
    pub source: String,
    /// The market that the prices are for, in that market's currency.
    #[serde(default = "default_market")]
    pub market: MarketId,
    pub product: ProductMap,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductMap {
    /// What `source` calls it. With `sku` and `title`, what a row can't be without.
    pub id: Template,
    pub sku: Template,
    pub title: Template,
    pub description: Option<Template>,
    pub brand: Option<Template>,
    /// Of products that are new; later the shop decides.
    #[serde(default = "active")]
    pub status: ProductStatus,
    #[serde(default = "TaxClass::standard")]
    pub tax_class: TaxClass,
    #[serde(default = "yes")]
    pub requires_shipping: bool,
    pub weight: Option<WeightMap>,
    /// URLs; a field that holds a list gives all of them.
    #[serde(default)]
    pub images: Vec<ListItem>,
    /// A row without a price is taken in and not for sale.
    pub price: Option<PriceMap>,
    /// A field that holds an object: all of it becomes attributes.
    pub attributes_from: Option<String>,
    /// Further attributes, by name. A field that stands alone keeps its type.
    #[serde(default)]
    pub attributes: BTreeMap<String, Template>,
    #[serde(default)]
    pub metadata: BTreeMap<String, Template>,
}

/// A text, or one that is a list with a separator.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "write \"{field}\" or { from = \"{field}\", split = \"|\" }")]
pub enum ListItem {
    One(Template),
    Many(Split),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    pub from: Template,
    pub split: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceMap {
    pub field: String,
    pub unit: PriceUnit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceUnit {
    /// Cents: `1999`.
    Minor,
    /// Euros: `19.99`.
    Major,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightMap {
    pub field: String,
    pub unit: WeightUnit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightUnit {
    G,
    Kg,
}

impl ImportMap {
    /// Errors: `Map`, with the line and the key at fault.
    pub fn read(path: &Path) -> Result<Self, ImportError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ImportError::Unreadable { path: path.into(), reason: error.to_string() })?;
        Self::parse(&text).map_err(|reason| ImportError::Map { path: path.into(), reason })
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let map: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if map.source.is_empty() {
            return Err("`source` is empty: name the system that the ids come from".to_owned());
        }
        if let Some(name) =
            ["id", "sku", "title"].iter().find(|name| map.product.required(name).fields().next().is_none())
        {
            return Err(format!("`product.{name}` reads no field: it would be the same for every row"));
        }
        Ok(map)
    }

    /// Every field it reads, in order.
    pub fn fields(&self) -> BTreeSet<&str> {
        let product = &self.product;
        let images = product.images.iter().map(|item| match item {
            ListItem::One(template) => template,
            ListItem::Many(split) => &split.from,
        });
        let templates =
            [&product.id, &product.sku, &product.title].into_iter().chain(&product.description).chain(&product.brand);
        let templates = templates.chain(images).chain(product.attributes.values()).chain(product.metadata.values());
        let weight = product.weight.iter().map(|weight| weight.field.as_str());
        let price = product.price.iter().map(|price| price.field.as_str());
        let attributes = product.attributes_from.iter().map(String::as_str);
        templates.flat_map(Template::fields).chain(weight).chain(price).chain(attributes).collect()
    }
}

impl ProductMap {
    fn required(&self, name: &str) -> &Template {
        match name {
            "id" => &self.id,
            "sku" => &self.sku,
            _ => &self.title,
        }
    }
}

fn default_market() -> MarketId {
    "default".parse().expect("a valid name")
}

fn active() -> ProductStatus {
    ProductStatus::Active
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "source = 'x'\n[product]\nid = '{id}'\nsku = 'x-{id}'\ntitle = '{title}'\n";

    #[test]
    fn the_example_is_a_map() {
        let map = ImportMap::parse(include_str!("../../../../examples/maps/icecat.toml")).expect("a map");
        assert_eq!((map.source.as_str(), map.market.as_str()), ("icecat", "default"));
        assert!(map.fields().contains("price_cents") && map.fields().contains("attrs"));
    }

    #[test]
    fn a_wrong_map_is_refused_with_the_key_at_fault() {
        for (line, expected) in [
            ("titel = '{x}'", "unknown field `titel`"),
            ("price = { field = 'p', unit = 'euro' }", "unknown variant `euro`"),
            ("price = { field = 'p', unit = 'minor', currency = 'EUR' }", "unknown field `currency`"),
            ("brand = '{brand'", "`{brand`: write `{field}`"),
            ("images = [{ from = '{a}' }]", "split = \"|\""),
            ("status = 'on'", "unknown variant `on`"),
        ] {
            let error = ImportMap::parse(&format!("{SMALL}{line}\n")).expect_err(line);
            assert!(error.contains(expected), "{line}: {error}");
        }
        let constant = ImportMap::parse(&SMALL.replace("x-{id}", "x")).expect_err("one SKU for all");
        assert!(constant.contains("`product.sku` reads no field"), "{constant}");
        let missing = ImportMap::parse("source = 'x'\n[product]\nid = '{id}'\ntitle = '{t}'\n").expect_err("no SKU");
        assert!(missing.contains("missing field `sku`"), "{missing}");
    }
}
