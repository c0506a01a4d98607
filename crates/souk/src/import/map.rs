//! Maps: which field of a row is which of a product, a count or a price. TOML; `examples/maps/` shows them.

use std::collections::BTreeMap;
use std::path::Path;

use contracts::MarketId;
use contracts::catalog::ProductStatus;
use serde::Deserialize;

use super::ImportError;
use super::number::{DecimalMark, PriceUnit, grams_per, millimetres_per};
use super::template::Template;
use super::text::{Item, Split, Text, table};

/// A map that is whole: every template reads, every key is known.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportMap {
    /// The system that the ids come from. With the id it says which product a row is.
    pub source: Option<String>,
    /// The market that the prices are for; without it, one that sells in their currency.
    pub market: Option<MarketId>,
    /// ISO 4217, of all prices; without it, the market's.
    pub currency: Option<Text>,
    #[serde(default)]
    pub decimal: DecimalMark,
    /// Of a table; without it, what its first line has most of.
    pub delimiter: Option<char>,
    #[serde(default)]
    pub rows: RowsMap,
    pub product: Option<ProductMap>,
    pub variant: Option<VariantMap>,
    pub stock: Option<StockMap>,
    pub price: Option<PriceListMap>,
}

/// How rows make products. Without any of it, a row is a product with one variant.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowsMap {
    /// Rows that follow each other and say the same here are one product: the first says what it is, each may add a
    /// variant and images.
    pub group: Option<Template>,
    /// Of a group: a row that says nothing here adds no variant. Without it, one without a SKU.
    pub variant_if: Option<Template>,
    /// The field that lists the variants of a row, an object each.
    pub variants: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductMap {
    /// What `source` calls it.
    pub id: Text,
    pub slug: Option<Text>,
    pub title: Text,
    pub description: Option<Text>,
    pub brand: Option<Text>,
    /// `active` if not said. What is the same for all rows is for new products; later the shop decides.
    pub status: Option<Text>,
    /// Paths from the root, such as `Shoes > Sandals`. The first is where the product is at home.
    #[serde(default)]
    pub categories: Vec<Item>,
    #[serde(default = "arrow")]
    pub category_separator: String,
    /// URLs; a field that holds a list gives all of them.
    #[serde(default)]
    pub images: Vec<Item>,
    /// What the images of a row show, in words.
    pub image_alt: Option<Text>,
    /// A field that holds an object: all of it becomes attributes.
    pub attributes_from: Option<String>,
    /// Further attributes, by name.
    #[serde(default)]
    pub attributes: BTreeMap<String, AttributeMap>,
    #[serde(default)]
    pub metadata: BTreeMap<String, Text>,
}

/// An attribute: a field that stands alone keeps its type.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum AttributeMap {
    One(Template),
    Typed(TypedAttribute),
    /// Its parts, joined by `, `.
    List(Split),
}

impl TryFrom<toml::Value> for AttributeMap {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        match &value {
            toml::Value::String(text) => Template::try_from(text.clone()).map(Self::One),
            toml::Value::Table(entries) if entries.contains_key("split") => table(value).map(Self::List),
            toml::Value::Table(_) => table(value).map(Self::Typed),
            _ => {
                Err("write \"{field}\", { from = \"{field}\", type = \"number\" } or { from = …, split = … }"
                    .to_owned())
            }
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypedAttribute {
    pub from: Template,
    #[serde(rename = "type")]
    pub kind: AttributeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeKind {
    Text,
    Number,
    Boolean,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantMap {
    /// What `source` calls it, where it has a name of its own.
    pub id: Option<Text>,
    pub sku: Text,
    pub title: Option<Text>,
    /// What the variants of a product differ in, in the order to ask.
    #[serde(default)]
    pub options: Vec<OptionMap>,
    /// A row without a price is taken in and not for sale.
    pub price: Option<PriceMap>,
    /// Prices in further markets.
    #[serde(default)]
    pub prices: Vec<PriceMap>,
    pub tax_class: Option<Text>,
    pub weight: Option<MeasureMap>,
    pub size: Option<SizeMap>,
    pub hs_code: Option<Text>,
    pub origin: Option<Text>,
    pub requires_shipping: Option<Text>,
    #[serde(default)]
    pub images: Vec<Item>,
    #[serde(default)]
    pub metadata: BTreeMap<String, Text>,
}

/// An option without a value in a row is none of its variant's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionMap {
    pub name: Text,
    pub value: Text,
    /// A value that stands for none.
    pub none: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceMap {
    pub from: Template,
    pub unit: PriceUnit,
    /// Else the map's.
    pub market: Option<MarketId>,
    /// Else the map's.
    pub currency: Option<Text>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureMap {
    pub from: Template,
    /// `g`, `kg`, `mg`, `lb`, `oz`.
    pub unit: Text,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizeMap {
    pub length: Template,
    pub width: Template,
    pub height: Template,
    /// `mm`, `cm`, `m`, `in`, `ft`.
    pub unit: Text,
}

/// A stock list: a count a row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StockMap {
    pub sku: Text,
    /// By its name. Where a row says none, the one of the command.
    pub location: Option<Text>,
    pub quantity: Template,
    /// `deny`, `backorder` or `untracked`; what is not said stays.
    pub policy: Option<Text>,
    pub low_threshold: Option<Template>,
}

/// A price list: a price a row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceListMap {
    pub sku: Text,
    /// Else the map's.
    pub market: Option<Text>,
    /// Else the map's.
    pub currency: Option<Text>,
    pub amount: Template,
    pub unit: PriceUnit,
}

/// The columns of a list without a map.
const BUILT_IN: &str = r#"
    [stock]
    sku = "{sku}"
    location = "{location}"
    quantity = "{quantity|on_hand}"
    policy = "{policy}"
    low_threshold = "{low_threshold}"

    [price]
    sku = "{sku}"
    market = "{market}"
    currency = "{currency}"
    amount = "{amount}"
    unit = "minor"
"#;

impl ImportMap {
    /// Errors: `Map`, with the line and the key at fault.
    pub fn read(path: &Path) -> Result<Self, ImportError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ImportError::Unreadable { path: path.into(), reason: error.to_string() })?;
        Self::parse(&text).map_err(|reason| ImportError::Map { path: path.into(), reason })
    }

    /// For stock and price lists as `souk export` writes them.
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("the map of this program reads")
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let map: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if let Some(source) = &map.source
            && !(1..=64).contains(&source.len())
        {
            return Err("`source` has 1 to 64 characters: it names the system that the ids come from".to_owned());
        }
        if map.delimiter.is_some_and(|delimiter| !delimiter.is_ascii()) {
            return Err("`delimiter` is one ASCII character, such as \";\"".to_owned());
        }
        if map.product.is_some() != map.variant.is_some() {
            return Err("[product] and [variant] are there together: a product has at least one variant".to_owned());
        }
        if map.product.is_some() && map.source.is_none() {
            return Err("`source` is missing: name the system that the ids come from".to_owned());
        }
        if map.rows.group.is_some() && map.rows.variants.is_some() {
            return Err("`rows.group` and `rows.variants` exclude each other".to_owned());
        }
        map.check_constants()?;
        Ok(map)
    }

    /// What would be the same for every row and must not, or is wrong in every row.
    fn check_constants(&self) -> Result<(), String> {
        let product = self.product.iter().flat_map(|map| [("product.id", &map.id), ("product.title", &map.title)]);
        let sku = self.variant.iter().map(|map| ("variant.sku", &map.sku));
        let lists = self.stock.iter().map(|map| ("stock.sku", &map.sku));
        let lists = lists.chain(self.price.iter().map(|map| ("price.sku", &map.sku)));
        for (name, text) in product.chain(sku).chain(lists) {
            if text.constant().is_some() {
                return Err(format!("`{name}` reads no field: it would be the same for every row"));
            }
        }
        let mut weight = self.variant.iter().filter_map(|map| map.weight.as_ref()?.unit.constant());
        if let Some(unit) = weight.find(|unit| grams_per(unit).is_none()) {
            return Err(format!("`variant.weight.unit`: `{unit}` is none of g, kg, mg, lb, oz"));
        }
        let mut size = self.variant.iter().filter_map(|map| map.size.as_ref()?.unit.constant());
        if let Some(unit) = size.find(|unit| millimetres_per(unit).is_none()) {
            return Err(format!("`variant.size.unit`: `{unit}` is none of mm, cm, m, in, ft"));
        }
        let status = self.product.as_ref().and_then(|map| map.status.as_ref()?.constant());
        if let Some(wrong) = status.filter(|status| product_status(status).is_none()) {
            return Err(format!("`product.status`: `{wrong}` is none of draft, active, archived"));
        }
        Ok(())
    }
}

/// In capitals or not.
pub fn product_status(text: &str) -> Option<ProductStatus> {
    match text.to_ascii_lowercase().as_str() {
        "draft" => Some(ProductStatus::Draft),
        "active" => Some(ProductStatus::Active),
        "archived" => Some(ProductStatus::Archived),
        _ => None,
    }
}

fn arrow() -> String {
    ">".to_owned()
}
