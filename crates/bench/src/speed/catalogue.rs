//! The catalogue that all shops sell in a run: made, the same for the same number of products, in Souk's import format.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde_json::json;

/// What everyone wants: the first product of each catalogue.
pub const HOT: &str = "hot";
pub const HOT_SKU: &str = "HOT";
pub const CATEGORIES: [&str; 24] = [
    "shirts", "trousers", "jackets", "shoes", "hats", "bags", "belts", "socks", "lamps", "chairs", "tables", "shelves",
    "rugs", "plates", "cups", "knives", "pans", "teas", "coffees", "spices", "books", "games", "tools", "plants",
];
const MATERIALS: [&str; 12] =
    ["linen", "wool", "cotton", "leather", "oak", "walnut", "steel", "brass", "glass", "clay", "cork", "paper"];
const BRANDS: [&str; 8] = ["Nile", "Ponto", "Argo", "Meridian", "Sahara", "Levant", "Atlas", "Zephyr"];
const SENTENCES: [&str; 8] = [
    "Made in small runs by people who have done it for years.",
    "It is plain on purpose, and every part of it can be mended.",
    "The finish darkens a little with use, which most owners come to like.",
    "Wash or wipe it cold; heat and bleach shorten its life.",
    "Measured by hand, so a few millimetres are no defect.",
    "The box is paper, without a plastic film.",
    "Two years of warranty, and spare parts for ten.",
    "Buyers keep writing that it is heavier than it looks.",
];

/// The price of a product, in cents: from 4.90 to 199.00.
pub fn price(number: usize) -> i64 {
    490 + (number as i64 * 7_919) % 19_411
}

pub fn slug(number: usize) -> String {
    if number == 0 { HOT.to_owned() } else { format!("{}-{number:07}", kind(number)) }
}

pub fn category(number: usize) -> &'static str {
    CATEGORIES[number % CATEGORIES.len()]
}

pub fn sku(number: usize) -> String {
    if number == 0 { HOT_SKU.to_owned() } else { format!("B-{number:07}") }
}

/// Writes so many products as Souk imports them (NDJSON), and what is in stock of each (CSV).
pub fn write(products: usize, catalogue: &Path, stock: &Path) -> Result<(), String> {
    let categories = CATEGORIES.map(|name| json!({ "kind": "category", "slug": name, "titles": [title(name)] }));
    lines(catalogue, categories.into_iter().chain((0..products).map(product)))?;
    let counts = (0..products).map(|number| format!("{},1000000", sku(number)));
    lines(stock, std::iter::once("sku,quantity".to_owned()).chain(counts))
}

/// The same products, one a line, without a line of anything else.
pub fn write_plain(products: usize, catalogue: &Path) -> Result<(), String> {
    lines(catalogue, (0..products).map(product))
}

fn lines(path: &Path, lines: impl Iterator<Item = impl std::fmt::Display>) -> Result<(), String> {
    let write = || {
        let mut file = BufWriter::new(File::create(path)?);
        for line in lines {
            writeln!(file, "{line}")?;
        }
        file.flush()
    };
    write().map_err(|why: std::io::Error| format!("{}: {why}", path.display()))
}

fn product(number: usize) -> serde_json::Value {
    json!({
        "slug": slug(number),
        "title": format!("{} {number}", title(&kind(number).replace('-', " "))),
        "description": description(number),
        "brand": BRANDS[number % BRANDS.len()],
        "status": "active",
        "categories": [category(number)],
        "tax_class": "standard",
        "attributes": { "material": MATERIALS[number / 24 % MATERIALS.len()], "season": number % 4 + 1 },
        "images": [{ "url": format!("/media/{}.jpg", slug(number)), "alt": "From the front" }],
        "variants": [{
            "sku": sku(number),
            "weight_g": 200 + number % 1_800,
            "prices": [{ "market": "default", "amount": price(number), "currency": "EUR" }],
        }],
    })
}

fn kind(number: usize) -> String {
    format!("{}-{}", MATERIALS[number / 24 % MATERIALS.len()], category(number))
}

/// About 500 characters, other ones for each.
fn description(number: usize) -> String {
    let mut text = String::with_capacity(600);
    for at in 0..8 {
        let sentence = SENTENCES[(number * 3 + at * 5) % SENTENCES.len()];
        // Writing to a String can't fail.
        let _ = write!(text, "{sentence} ");
    }
    text.trim_end().to_owned()
}

fn title(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
