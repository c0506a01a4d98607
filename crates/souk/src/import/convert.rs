//! From the rows of a product to the product, by the map.

use std::collections::BTreeMap;

use catalog::{Image, ImportedCategory, ImportedPrice, ImportedProduct, ImportedVariant, VariantSize, VariantStatus};
use contracts::catalog::ProductStatus;
use contracts::{Currency, ExternalRef, MarketId, Metadata, TaxClass};
use serde_json::{Number, Value};

use super::fault::Fault;
use super::map::{
    AttributeKind, AttributeMap, ImportMap, MeasureMap, PriceMap, ProductMap, SizeMap, VariantMap, product_status,
};
use super::markets::{Markets, Unplaced, currency};
use super::number::{self, DecimalMark, shown};
use super::template::{Fields, Scope, Template, is_empty, text_of};
use super::text::{Text, flag, texts};

/// A map that fits the shop.
#[derive(Debug, Clone)]
pub struct Converter {
    map: ImportMap,
    product: ProductMap,
    variant: VariantMap,
    source: String,
    prices: Vec<PlacedPrice>,
    markets: Markets,
}

#[derive(Debug, Clone)]
struct PlacedPrice {
    map: PriceMap,
    /// Where every row's is for the same market.
    place: Option<(MarketId, Currency)>,
}

/// A product with where its parts stand in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    pub product: ImportedProduct,
    pub line: u64,
    /// Of each variant.
    pub variant_lines: Vec<u64>,
}

/// By line.
pub type Faults = Vec<(u64, Fault)>;

impl Converter {
    /// Errors: what no row of this map could do in this shop.
    pub fn new(map: ImportMap, markets: Markets) -> Result<Self, String> {
        let (Some(product), Some(variant)) = (map.product.clone(), map.variant.clone()) else {
            return Err("it has no [product] and [variant]: it is for lists of stock or prices".to_owned());
        };
        let place = |price: &PriceMap| {
            let text = price.currency.as_ref().or(map.currency.as_ref());
            let market = price.market.as_ref().or(map.market.as_ref());
            match text.map(Text::constant) {
                Some(None) => Ok(None),
                said => markets.place(market, currency(said.flatten().unwrap_or_default())?).map(Some),
            }
        };
        let placed = |price: &PriceMap| Ok::<_, Unplaced>(PlacedPrice { place: place(price)?, map: price.clone() });
        let prices = variant.price.iter().chain(&variant.prices).map(placed).collect::<Result<_, _>>();
        let prices = prices.map_err(|why| why.to_string())?;
        let source = map.source.clone().unwrap_or_default();
        Ok(Self { product, variant, source, prices, markets, map })
    }

    /// The product that these rows are: one row, or more that say the same group. Faults of single variants leave
    /// those out; without a variant there is no product.
    pub fn convert(&self, rows: &[(u64, Fields)]) -> (Option<Converted>, Faults) {
        let mut faults = Vec::new();
        let Some((line, first)) = rows.first() else { return (None, faults) };
        let converted = self.product(first).and_then(|product| {
            let mut converted = Converted { product, line: *line, variant_lines: Vec::new() };
            match &self.map.rows.variants {
                Some(list) => self.listed_variants(&mut converted, first, list)?,
                None => self.row_variants(&mut converted, rows, &mut faults),
            }
            self.name_options(&mut converted, first);
            Ok(converted)
        });
        match converted {
            Ok(converted) if !converted.product.variants.is_empty() => (Some(converted), faults),
            Ok(_) if !faults.is_empty() => (None, faults),
            Ok(_) => {
                faults.push((*line, Fault::field("missing", "variant.sku", "sku is missing")));
                (None, faults)
            }
            Err(fault) => {
                faults.push((*line, fault));
                (None, faults)
            }
        }
    }

    /// What the first row says of the product itself.
    fn product(&self, row: &Fields) -> Result<ImportedProduct, Fault> {
        let (map, scope) = (&self.product, Scope::of(row));
        let title = required("title", &map.title, scope)?;
        let id = required("id", &map.id, scope)?;
        let (status, status_if_new) = status(map, scope)?;
        Ok(ImportedProduct {
            external_ref: Some(ExternalRef { source: self.source.clone(), id }),
            slug: said(&map.slug, scope),
            title,
            description: said(&map.description, scope).unwrap_or_default(),
            brand: said(&map.brand, scope),
            status,
            status_if_new,
            categories: categories(map, scope),
            options: Vec::new(),
            attributes: attributes(map, self.map.decimal, scope)?,
            images: self.images(row),
            tax_class: None,
            metadata: metadata("product.metadata", &map.metadata, scope)?,
            variants: Vec::new(),
            left_out: Vec::new(),
        })
    }

    fn images(&self, row: &Fields) -> Vec<Image> {
        let scope = Scope::of(row);
        let alt = said(&self.product.image_alt, scope);
        texts(&self.product.images, scope).into_iter().map(|url| Image { url, alt: alt.clone() }).collect()
    }

    /// Each row of a group may add a variant, and its pictures.
    fn row_variants(&self, converted: &mut Converted, rows: &[(u64, Fields)], faults: &mut Faults) {
        let first = &rows[0].1;
        for (at, (line, row)) in rows.iter().enumerate() {
            if at > 0 {
                for image in self.images(row) {
                    if converted.product.images.iter().all(|before| before.url != image.url) {
                        converted.product.images.push(image);
                    }
                }
            }
            let scope = Scope::within(row, first);
            if rows.len() > 1 && !self.adds_a_variant(scope) {
                continue;
            }
            match self.variant(scope) {
                Ok(variant) => {
                    converted.product.variants.push(variant);
                    converted.variant_lines.push(*line);
                }
                Err(fault) => {
                    converted.product.left_out.push(self.variant.sku.text(scope));
                    faults.push((*line, fault));
                }
            }
        }
    }

    fn adds_a_variant(&self, scope: Scope<'_>) -> bool {
        match &self.map.rows.variant_if {
            Some(template) => !template.text(scope).is_empty(),
            None => !self.variant.sku.text(scope).is_empty(),
        }
    }

    /// The entries of a list in the row. One that is wrong is the row's fault: it is one row.
    fn listed_variants(&self, converted: &mut Converted, row: &Fields, list: &str) -> Result<(), Fault> {
        let entries = match Scope::of(row).look_up(list) {
            Some(Value::Array(entries)) => entries,
            Some(Value::Null) | None => return Ok(()),
            Some(_) => return Err(Fault::field("bad_value", "rows.variants", format!("`{list}` is no list"))),
        };
        for (at, entry) in entries.iter().enumerate() {
            let variant = match entry.as_object() {
                Some(entry) => self.variant(Scope::within(entry, row)),
                None => Err(Fault::field("bad_value", "rows.variants", "is no object")),
            };
            let variant =
                variant.map_err(|fault| Fault { text: format!("variant {}: {}", at + 1, fault.text), ..fault })?;
            converted.product.variants.push(variant);
            converted.variant_lines.push(converted.line);
        }
        Ok(())
    }

    fn variant(&self, scope: Scope<'_>) -> Result<ImportedVariant, Fault> {
        let map = &self.variant;
        let mark = self.map.decimal;
        Ok(ImportedVariant {
            sku: required("sku", &map.sku, scope)?,
            title: said(&map.title, scope),
            status: VariantStatus::Active,
            options: self.option_values(scope),
            images: texts(&map.images, scope).into_iter().map(Image::new).collect(),
            tax_class: tax_class(&map.tax_class, scope)?,
            weight_g: map.weight.as_ref().map_or(Ok(0), |weight| weight_g(weight, mark, scope))?,
            size: map.size.as_ref().map_or(Ok(None), |size| variant_size(size, mark, scope))?,
            hs_code: said(&map.hs_code, scope).map(|code| code.replace(['.', ' '], "")),
            origin: said(&map.origin, scope).map(|code| code.to_ascii_uppercase()),
            requires_shipping: match said(&map.requires_shipping, scope) {
                Some(text) => flag(&text).map_err(|why| Fault::field("bad_value", "variant.requires_shipping", why))?,
                None => true,
            },
            metadata: metadata("variant.metadata", &map.metadata, scope)?,
            external_ref: said(&map.id, scope).map(|id| ExternalRef { source: self.source.clone(), id }),
            prices: self.prices.iter().map(|price| self.price(price, scope)).collect::<Result<_, _>>()?,
        })
    }

    /// Option values by the place of their option in the map; the names come with [`Converter::name_options`].
    fn option_values(&self, scope: Scope<'_>) -> BTreeMap<String, String> {
        let values = self.variant.options.iter().enumerate().filter_map(|(place, option)| {
            let value = option.value.text(scope);
            let is_said = !value.is_empty() && option.none.as_ref() != Some(&value);
            is_said.then(|| (place.to_string(), value))
        });
        values.collect()
    }

    /// An option is the product's where one of its variants has a value of it. The first row names it.
    fn name_options(&self, converted: &mut Converted, first: &Fields) {
        let mut names = BTreeMap::new();
        for (place, option) in self.variant.options.iter().enumerate() {
            let place = place.to_string();
            if converted.product.variants.iter().any(|variant| variant.options.contains_key(&place)) {
                let name = option.name.text(Scope::of(first));
                converted.product.options.push(name.clone());
                names.insert(place, name);
            }
        }
        for variant in &mut converted.product.variants {
            variant.options = std::mem::take(&mut variant.options)
                .into_iter()
                .filter_map(|(place, value)| Some((names.get(&place)?.clone(), value)))
                .collect();
        }
    }

    /// `amount` is `None` where the row says no price.
    fn price(&self, price: &PlacedPrice, scope: Scope<'_>) -> Result<ImportedPrice, Fault> {
        let (market, currency) = match &price.place {
            Some(place) => place.clone(),
            None => self.place(price, scope)?,
        };
        let amount = match price.map.from.value(scope) {
            None => None,
            Some(value) => {
                let amount = number::amount(&value, price.map.unit, self.map.decimal, currency);
                let bad = |why: String| {
                    Fault::field("bad_price", "variant.price", format!("price `{}` {why}", shown(&value)))
                };
                Some(amount.map_err(bad)?)
            }
        };
        Ok(ImportedPrice { market, currency: Some(currency), amount })
    }

    fn place(&self, price: &PlacedPrice, scope: Scope<'_>) -> Result<(MarketId, Currency), Fault> {
        let text = price.map.currency.as_ref().or(self.map.currency.as_ref());
        let text = text.map(|text| text.text(scope)).unwrap_or_default();
        let market = price.map.market.as_ref().or(self.map.market.as_ref());
        let placed = currency(&text).and_then(|currency| self.markets.place(market, currency));
        placed.map_err(|why| Fault::field(why.code(), "variant.price", why.to_string()))
    }

    /// What a row of the same product as the next says; `None` where each row is one.
    pub fn group(&self, scope: Scope<'_>) -> Option<String> {
        self.map.rows.group.as_ref().map(|template| template.text(scope))
    }

    /// The fields that each text reads; those that a row can't be without come first.
    pub fn fields(&self) -> (Vec<&[String]>, Vec<&[String]>) {
        let (product, variant) = (&self.product, &self.variant);
        let group = self.map.rows.group.iter().flat_map(Template::fields);
        let required = [&product.id, &product.title, &variant.sku].into_iter().flat_map(Text::templates);
        let required = required.flat_map(Template::fields).chain(group).collect();
        let texts = [&product.slug, &product.description, &product.brand, &product.status, &product.image_alt];
        let more = [&variant.title, &variant.tax_class, &variant.hs_code, &variant.origin, &variant.requires_shipping];
        let options = variant.options.iter().flat_map(|option| [&option.name, &option.value]);
        let texts = texts.into_iter().chain(more).flatten().chain(options);
        let texts = texts.chain(product.metadata.values()).chain(variant.metadata.values()).flat_map(Text::templates);
        let items =
            product.categories.iter().chain(&product.images).chain(&variant.images).map(super::text::Item::template);
        let prices = self.prices.iter().map(|price| &price.map.from);
        let weight = variant.weight.iter().map(|weight| &weight.from);
        let attributes = product.attributes.values().map(|attribute| match attribute {
            AttributeMap::One(template) => template,
            AttributeMap::Typed(typed) => &typed.from,
            AttributeMap::List(split) => &split.from,
        });
        let templates = texts.chain(items).chain(prices).chain(weight).chain(attributes);
        (required, templates.flat_map(Template::fields).collect())
    }
}

fn said(text: &Option<Text>, scope: Scope<'_>) -> Option<String> {
    text.as_ref().map(|text| text.text(scope)).filter(|text| !text.is_empty())
}

fn required(name: &'static str, text: &Text, scope: Scope<'_>) -> Result<String, Fault> {
    let text = text.text(scope);
    if text.is_empty() { Err(Fault::field("missing", name, format!("{name} is missing"))) } else { Ok(text) }
}

/// What the map says for every row is for new products alone; what a row says holds.
fn status(map: &ProductMap, scope: Scope<'_>) -> Result<(Option<ProductStatus>, ProductStatus), Fault> {
    let Some(text) = &map.status else { return Ok((None, ProductStatus::Active)) };
    let said = text.text(scope);
    let known = match said.as_str() {
        "" => Some(ProductStatus::Active),
        said => product_status(said),
    };
    let Some(status) = known else {
        return Err(Fault::field("bad_value", "status", format!("`{said}` is none of draft, active, archived")));
    };
    Ok((text.constant().is_none().then_some(status), status))
}

fn categories(map: &ProductMap, scope: Scope<'_>) -> Vec<ImportedCategory> {
    let mut paths: Vec<ImportedCategory> = Vec::new();
    for text in texts(&map.categories, scope) {
        let parts = text.split(&map.category_separator).map(str::trim).filter(|part| !part.is_empty());
        let path = ImportedCategory::Titles(parts.map(str::to_owned).collect());
        if path != ImportedCategory::Titles(Vec::new()) && !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

fn attributes(map: &ProductMap, mark: DecimalMark, scope: Scope<'_>) -> Result<Fields, Fault> {
    let bad = |text: String| Fault::field("bad_value", "attributes", text);
    let from = map.attributes_from.as_ref().and_then(|path| Some((path, scope.look_up(path)?)));
    let mut attributes = match from {
        Some((_, Value::Object(all))) => {
            all.iter().filter_map(|(name, value)| Some((name.clone(), plain(value)?))).collect()
        }
        Some((_, Value::Null)) | None => Fields::new(),
        Some((path, _)) => return Err(bad(format!("`{path}` is no object of attributes"))),
    };
    for (name, attribute) in &map.attributes {
        let value = match attribute {
            AttributeMap::One(template) => template.value(scope).as_ref().and_then(plain),
            AttributeMap::List(split) => {
                let item = super::text::Item::Parts(split.clone());
                Some(texts(&[item], scope).join(", ")).filter(|text| !text.is_empty()).map(Value::String)
            }
            AttributeMap::Typed(typed) => match typed.from.value(scope) {
                Some(value) => Some(
                    typed_value(&value, typed.kind, mark)
                        .ok_or_else(|| bad(format!("`{name}`: `{}` is no {}", shown(&value), typed.kind.name())))?,
                ),
                None => None,
            },
        };
        attributes.extend(value.map(|value| (name.clone(), value)));
    }
    Ok(attributes)
}

/// An attribute is a text, a number or a boolean: lists and objects become texts.
fn plain(value: &Value) -> Option<Value> {
    match value {
        value if is_empty(value) => None,
        Value::Array(_) | Value::Object(_) => Some(Value::String(text_of(value).into_owned())),
        value => Some(value.clone()),
    }
}

fn typed_value(value: &Value, kind: AttributeKind, mark: DecimalMark) -> Option<Value> {
    let text = text_of(value);
    match kind {
        AttributeKind::Text => Some(Value::String(text.into_owned())),
        AttributeKind::Boolean => flag(text.trim()).ok().map(Value::Bool),
        AttributeKind::Number if value.is_number() => Some(value.clone()),
        AttributeKind::Number => {
            let text = text.trim();
            let text = if mark == DecimalMark::Comma { text.replace(',', ".") } else { text.to_owned() };
            text.parse::<Number>().ok().map(Value::Number)
        }
    }
}

fn metadata(field: &'static str, map: &BTreeMap<String, Text>, scope: Scope<'_>) -> Result<Metadata, Fault> {
    let notes = map.iter().map(|(name, text)| (name.clone(), text.text(scope)));
    let notes: BTreeMap<String, String> = notes.filter(|(_, text)| !text.is_empty()).collect();
    Metadata::try_from(notes).map_err(|why| Fault::field("too_long", field, why))
}

fn tax_class(text: &Option<Text>, scope: Scope<'_>) -> Result<Option<TaxClass>, Fault> {
    let class = said(text, scope).map(TaxClass::try_from).transpose();
    class.map_err(|why| Fault::field("bad_value", "variant.tax_class", why))
}

fn weight_g(map: &MeasureMap, mark: DecimalMark, scope: Scope<'_>) -> Result<i64, Fault> {
    let Some(value) = map.from.value(scope) else { return Ok(0) };
    let bad = |why: &str| Fault::field("bad_weight", "variant.weight", format!("weight `{}` {why}", shown(&value)));
    let unit = map.unit.text(scope);
    let unit = number::grams_per(&unit).ok_or_else(|| bad(&format!("is in `{unit}`, none of g, kg, mg, lb, oz")))?;
    number::measure(&value, mark, unit).ok_or_else(|| bad("is no decimal number from 0 up"))
}

/// `None` where a side is missing, or is nothing.
fn variant_size(map: &SizeMap, mark: DecimalMark, scope: Scope<'_>) -> Result<Option<VariantSize>, Fault> {
    let unit = map.unit.text(scope);
    let side = |template: &Template| {
        let Some(value) = template.value(scope) else { return Ok(0) };
        let bad = |why: &str| Fault::field("bad_size", "variant.size", format!("size `{}` {why}", shown(&value)));
        let unit =
            number::millimetres_per(&unit).ok_or_else(|| bad(&format!("is in `{unit}`, none of mm, cm, m, in, ft")))?;
        number::measure(&value, mark, unit).ok_or_else(|| bad("is no decimal number from 0 up"))
    };
    let (length_mm, width_mm, height_mm) = (side(&map.length)?, side(&map.width)?, side(&map.height)?);
    let is_said = length_mm > 0 && width_mm > 0 && height_mm > 0;
    Ok(is_said.then_some(VariantSize { length_mm, width_mm, height_mm }))
}

impl AttributeKind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}
