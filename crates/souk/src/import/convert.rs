//! From a row to a product, by the map.

use catalog::ImportedProduct;
use contracts::{Currency, Metadata, Money};
use serde_json::Value;

use super::map::{ImportMap, ListItem, PriceMap, PriceUnit, ProductMap, WeightMap, WeightUnit};
use super::template::{Fields, is_empty, look_up, text_of};

/// The product that a row is; the error says to a person what is wrong with the row.
pub fn convert(map: &ImportMap, currency: Currency, row: &Fields) -> Result<ImportedProduct, String> {
    let product = &map.product;
    let text = |template: &Option<super::template::Template>| {
        template.as_ref().map(|template| template.text(row)).unwrap_or_default()
    };
    let metadata = product.metadata.iter().map(|(name, template)| (name.clone(), template.text(row)));
    Ok(ImportedProduct {
        source: map.source.clone(),
        id: product.id.text(row),
        sku: product.sku.text(row),
        title: product.title.text(row),
        description: text(&product.description),
        brand: Some(text(&product.brand)).filter(|brand| !brand.is_empty()),
        status: product.status,
        attributes: attributes(product, row)?,
        images: images(product, row),
        metadata: Metadata::try_from(
            metadata.filter(|(_, value)| !value.is_empty()).collect::<std::collections::BTreeMap<_, _>>(),
        )?,
        tax_class: product.tax_class.clone(),
        weight_g: product.weight.as_ref().map_or(Ok(0), |weight| weight_g(weight, row))?,
        requires_shipping: product.requires_shipping,
        market: map.market.clone(),
        price: match &product.price {
            Some(price) => amount(price, currency, row)?.map(|amount| Money::new(amount, currency)),
            None => None,
        },
    })
}

fn attributes(product: &ProductMap, row: &Fields) -> Result<Fields, String> {
    let from = product.attributes_from.as_ref().and_then(|path| Some((path, look_up(row, path)?)));
    let mut attributes = match from {
        Some((_, Value::Object(all))) => all
            .iter()
            .filter(|(_, value)| !is_empty(value))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        Some((_, Value::Null)) | None => Fields::new(),
        Some((path, _)) => return Err(format!("`{path}` is no object of attributes")),
    };
    attributes
        .extend(product.attributes.iter().filter_map(|(name, template)| Some((name.clone(), template.value(row)?))));
    Ok(attributes)
}

/// Each once, in the map's order.
fn images(product: &ProductMap, row: &Fields) -> Vec<String> {
    let mut images: Vec<String> = Vec::new();
    for item in &product.images {
        let found: Vec<String> = match item {
            ListItem::One(template) => match template.value(row) {
                Some(Value::Array(all)) => all.iter().map(text_of).collect(),
                _ => vec![template.text(row)],
            },
            ListItem::Many(split) => split.from.text(row).split(&split.split).map(str::to_owned).collect(),
        };
        for image in found.iter().map(|image| image.trim()) {
            if !image.is_empty() && !images.iter().any(|before| before == image) {
                images.push(image.to_owned());
            }
        }
    }
    images
}

/// Minor units; `None` where the row says no price.
fn amount(price: &PriceMap, currency: Currency, row: &Fields) -> Result<Option<i64>, String> {
    let Some(value) = look_up(row, &price.field).filter(|value| !is_empty(value)) else { return Ok(None) };
    let digits = match price.unit {
        PriceUnit::Minor => 0,
        PriceUnit::Major => currency.exponent(),
    };
    let bad = |why: &str| format!("price `{}` {why}", shown(value));
    let (amount, is_exact) = decimal(value, digits).ok_or_else(|| bad("is no decimal number from 0 up, like 19.99"))?;
    if is_exact { Ok(Some(amount)) } else { Err(bad(&format!("has more decimals than {currency} has"))) }
}

/// Rounded down to the gram.
fn weight_g(weight: &WeightMap, row: &Fields) -> Result<i64, String> {
    let Some(value) = look_up(row, &weight.field).filter(|value| !is_empty(value)) else { return Ok(0) };
    let digits = match weight.unit {
        WeightUnit::G => 0,
        WeightUnit::Kg => 3,
    };
    let (grams, _) =
        decimal(value, digits).ok_or_else(|| format!("weight `{}` is no decimal number from 0 up", shown(value)))?;
    Ok(grams)
}

/// `19.99` at two digits is 1999, and exact; `19.999` is 1999, and not. Without floats.
fn decimal(value: &Value, digits: u32) -> Option<(i64, bool)> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let digits = digits as usize;
    let kept: String = fraction.chars().chain(std::iter::repeat('0')).take(digits).collect();
    let is_exact = fraction.bytes().skip(digits).all(|digit| digit == b'0');
    Some((format!("{whole}{kept}").parse().ok()?, is_exact))
}

fn shown(value: &Value) -> String {
    text_of(value).chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MAP: &str = r#"
        source = "test"
        [product]
        id = "{id}"
        sku = "t-{id}"
        title = "{brand} {kind}"
        brand = "{brand}"
        images = ["{image}", "{more}", { from = "{list}", split = "|" }]
        attributes_from = "attrs"
        attributes.ean = "{ean}"
        metadata.page = "{url}"
        weight = { field = "kg", unit = "kg" }
        price = { field = "price", unit = "major" }
    "#;

    fn product(row: Value) -> Result<ImportedProduct, String> {
        let map = ImportMap::parse(MAP).expect("a map");
        convert(&map, Currency::EUR, row.as_object().expect("an object"))
    }

    #[test]
    fn a_row_becomes_a_product() {
        let row = json!({ "id": 7, "brand": "HP", "kind": "Ink", "image": "a", "more": ["b", "a"], "list": "c | d|", "ean": ["1"],
            "attrs": { "width": 56.5, "none": null }, "url": "u", "kg": "1.2509", "price": 28.99 });
        let product = product(row).expect("a product");
        assert_eq!((product.sku.as_str(), product.title.as_str(), product.weight_g), ("t-7", "HP Ink", 1250));
        assert_eq!(product.images, ["a", "b", "c", "d"]);
        assert_eq!(Value::Object(product.attributes), json!({ "width": 56.5, "ean": ["1"] }));
        assert_eq!((product.price, product.metadata.get("page")), (Some(Money::new(2899, Currency::EUR)), Some("u")));
    }

    #[test]
    fn prices_are_read_without_floats() {
        let price = |price: Value| {
            product(json!({ "id": 1, "kind": "x", "price": price }))
                .map(|product| product.price.map(|price| price.amount))
        };
        assert_eq!(price(json!("19.9")), Ok(Some(1990)));
        assert_eq!(price(json!(0)), Ok(Some(0)));
        assert_eq!(price(json!("19.990")), Ok(Some(1999)));
        assert_eq!((price(json!(null)), price(json!(" "))), (Ok(None), Ok(None)));
        for wrong in [
            json!(-1),
            json!("1,99"),
            json!("1.999"),
            json!("free"),
            json!(true),
            json!("99999999999999999999"),
            json!(".5"),
        ] {
            assert!(price(wrong.clone()).is_err_and(|why| why.starts_with("price `")), "{wrong}");
        }
    }

    #[test]
    fn attributes_that_are_no_object_are_refused() {
        let refused = product(json!({ "id": 1, "kind": "x", "attrs": "wide" }));
        assert_eq!(refused, Err("`attrs` is no object of attributes".to_owned()));
    }
}
