//! The sample shop in `examples/sample`, compiled in, and how staff open it over the API.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use contracts::MarketId;
use include_dir::{Dir, include_dir};
use platform::Config;
use platform::config::Market;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::Api;
use super::{say, text};

const PRODUCTS: &str = include_str!("../../../../../examples/sample/products.ndjson");
const STOCK: &str = include_str!("../../../../../examples/sample/stock.csv");
const SHOP: &str = include_str!("../../../../../examples/sample/shop.toml");
static PICTURES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../examples/sample/media");
/// Lines of one stocktake.
const COUNTED_MAX: usize = 500;

/// `shop.toml`: settings, and the bodies of requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    markets: BTreeMap<MarketId, Market>,
    locations: Vec<Value>,
    tax_zones: Vec<Value>,
    shipping_zones: Vec<Value>,
    shipping_methods: Vec<Value>,
    categories: Vec<Value>,
}

/// A line of `stock.csv`.
#[derive(Debug, Deserialize)]
struct Count {
    sku: String,
    location: String,
    quantity: i64,
}

impl Sample {
    pub(super) fn read() -> Result<Self, String> {
        toml::from_str(SHOP).map_err(|error| format!("examples/sample/shop.toml: {error}"))
    }

    /// Its markets, and its pictures in the shop's folder.
    pub(super) fn settle_into(&self, config: &mut Config, folder: &Path) -> Result<(), String> {
        config.markets.extend(self.markets.clone());
        config.offer_every_payment();
        let media = folder.join("media");
        let failed = |error: std::io::Error| format!("{}: {error}", media.display());
        std::fs::create_dir_all(&media).map_err(failed)?;
        PICTURES.extract(&media).map_err(failed)?;
        config.server.media_folder = media.display().to_string();
        Ok(())
    }

    /// As staff: locations, taxes, shipping, categories, products, and what is in stock of them.
    pub(super) async fn set_up(&self, api: &Api) -> Result<(), String> {
        let mut locations = HashMap::new();
        for location in &self.locations {
            let made = api.staff("/v1/admin/locations", location).await?;
            locations.insert(text(&made, "name")?, made["id"].clone());
        }
        for zone in &self.tax_zones {
            api.staff("/v1/admin/tax/zones", zone).await?;
        }
        for zone in &self.shipping_zones {
            api.staff("/v1/admin/shipping/zones", zone).await?;
        }
        for method in &self.shipping_methods {
            api.staff("/v1/admin/shipping/methods", method).await?;
        }
        for category in &self.categories {
            api.staff("/v1/admin/categories", category).await?;
        }
        let (products, variants) = products(api).await?;
        stock(api, &locations, &variants).await?;
        say(&format!(
            "Staff set it up: {} markets, {} locations, {} tax zones, {} shipping zones, {} categories,\n\
             {products} products with {} variants and their pictures.\n",
            self.markets.len(),
            locations.len(),
            self.tax_zones.len(),
            self.shipping_zones.len(),
            self.categories.len(),
            variants.len()
        ));
        Ok(())
    }
}

/// How many, and the variants' ids by SKU.
async fn products(api: &Api) -> Result<(usize, HashMap<String, Value>), String> {
    let (mut count, mut variants) = (0, HashMap::new());
    for line in PRODUCTS.lines().filter(|line| !line.trim().is_empty()) {
        let product: Value =
            serde_json::from_str(line).map_err(|error| format!("examples/sample/products.ndjson: {error}"))?;
        let made = api.staff("/v1/admin/products", &product).await?;
        for variant in made["variants"].as_array().into_iter().flatten() {
            variants.insert(text(variant, "sku")?, variant["id"].clone());
        }
        count += 1;
    }
    Ok((count, variants))
}

/// Counts what lies at each location.
async fn stock(api: &Api, locations: &HashMap<String, Value>, variants: &HashMap<String, Value>) -> Result<(), String> {
    let mut counted: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for count in csv::Reader::from_reader(STOCK.as_bytes()).deserialize::<Count>() {
        let count = count.map_err(|error| format!("examples/sample/stock.csv: {error}"))?;
        let variant = variants
            .get(&count.sku)
            .ok_or_else(|| format!("examples/sample/stock.csv: no variant has the SKU {}", count.sku))?;
        let line = json!({ "variant": variant, "counted": count.quantity });
        counted.entry(count.location).or_default().push(line);
    }
    for (location, lines) in counted {
        let id =
            locations.get(&location).ok_or_else(|| format!("examples/sample/stock.csv: no location is {location}"))?;
        for lines in lines.chunks(COUNTED_MAX) {
            let body = json!({ "location": id, "lines": lines, "note": "opening stock" });
            api.staff("/v1/admin/stocktakes", &body).await?;
        }
    }
    Ok(())
}
