//! Products of a file, by a map or in the catalogue's own format.

use std::collections::HashMap;

use catalog::{ImportedPart, ImportedProduct};
use contracts::catalog::ResolveVariants;
use inventory::ImportedCount;
use serde_json::Value;

use super::convert::{Converted, Converter, Faults};
use super::fault::Fault;
use super::pipeline::{BATCH_ROWS, Batch, Convert, pump};
use super::rows::{Row, Source};
use super::seen::Seen;
use super::template::{Fields, Scope};
use super::{ImportError, Progress, Run};

/// Rows of one product, and bytes of them.
const GROUP_ROWS_MAX: usize = 1_000;
const GROUP_BYTES_MAX: usize = 4_194_304;

/// Makes products of rows.
pub struct Rows {
    by: By,
    seen: Seen,
}

enum By {
    Map {
        converter: Box<Converter>,
        group: Option<Group>,
        /// The row before this one could not be read.
        after_lost: bool,
    },
    Own,
}

/// Rows that follow each other and are one product.
struct Group {
    name: String,
    rows: Vec<(u64, Fields)>,
    bytes: usize,
    /// A row among or beside these may be the product's and could not be read: nobody knows its variant.
    has_lost: bool,
}

/// One thing that a file brings. What products stand on comes in the catalogue's own format alone, before them.
pub enum Item {
    Product(Box<Converted>),
    Part(u64, ImportedPart),
}

impl Rows {
    pub fn mapped(converter: Converter) -> Self {
        let by = By::Map { converter: Box::new(converter), group: None, after_lost: false };
        Self { by, seen: Seen::default() }
    }

    pub fn own() -> Self {
        Self { by: By::Own, seen: Seen::default() }
    }

    /// The fields that it can't do without, and the others.
    pub fn fields(&self) -> (Vec<&[String]>, Vec<&[String]>) {
        match &self.by {
            By::Map { converter, .. } => converter.fields(),
            By::Own => (Vec::new(), Vec::new()),
        }
    }
}

impl Convert for Rows {
    type Item = Item;

    fn row(&mut self, row: Row, batch: &mut Batch<Item>) {
        let Self { by, seen } = self;
        let (converter, group, after_lost) = match by {
            By::Own => {
                return match row.fields {
                    Ok(fields) => own(row.line, fields, seen, batch),
                    Err(fault) => batch.refuse(row.line, fault),
                };
            }
            By::Map { converter, group, after_lost } => (converter, group, after_lost),
        };
        let named = row.fields.and_then(|fields| match converter.group(Scope::of(&fields)) {
            Some(name) if name.is_empty() => Err(Fault::field("missing", "rows.group", "its group is missing")),
            name => Ok((name, fields)),
        });
        match named {
            Err(fault) => {
                *after_lost = true;
                group.iter_mut().for_each(|group| group.has_lost = true);
                batch.refuse(row.line, fault);
            }
            Ok((None, fields)) => convert(converter.convert(&[(row.line, fields)]), seen, batch),
            Ok((Some(name), fields)) => {
                let ended = group.take_if(|group| group.name != name);
                ended.into_iter().for_each(|ended| ended.convert(converter, seen, batch));
                let has_lost = std::mem::take(after_lost);
                let group = group.get_or_insert_with(|| Group { name, rows: Vec::new(), bytes: 0, has_lost });
                group.push(row.line, fields, row.bytes, batch);
            }
        }
    }

    fn end(&mut self, batch: &mut Batch<Item>) {
        let Self { by, seen } = self;
        if let By::Map { converter, group, .. } = by {
            group.take().into_iter().for_each(|group| group.convert(converter, seen, batch));
        }
    }
}

impl Group {
    fn push(&mut self, line: u64, fields: Fields, bytes: usize, batch: &mut Batch<Item>) {
        self.bytes += bytes;
        if self.rows.len() < GROUP_ROWS_MAX && self.bytes < GROUP_BYTES_MAX {
            self.rows.push((line, fields));
        } else {
            self.has_lost = true;
            let text = format!("a product has at most {GROUP_ROWS_MAX} rows and {GROUP_BYTES_MAX} bytes");
            batch.refuse(line, Fault::field("too_many", "rows.group", text));
        }
    }

    fn convert(self, converter: &Converter, seen: &mut Seen, batch: &mut Batch<Item>) {
        let (mut converted, faults) = converter.convert(&self.rows);
        if let Some(converted) = converted.as_mut().filter(|_| self.has_lost) {
            converted.product.left_out.push(String::new());
        }
        convert((converted, faults), seen, batch);
    }
}

fn convert((converted, faults): (Option<Converted>, Faults), seen: &mut Seen, batch: &mut Batch<Item>) {
    batch.faults.extend(faults);
    converted.into_iter().for_each(|converted| take(converted, seen, batch));
}

/// A line as `souk export products` writes it. What has no kind is a product.
fn own(line: u64, mut fields: Fields, seen: &mut Seen, batch: &mut Batch<Item>) {
    let is_product = match fields.get("kind") {
        None => true,
        Some(kind) => kind == "product",
    };
    if !is_product {
        return match serde_json::from_value(Value::Object(fields)) {
            Ok(part) => batch.items.push(Item::Part(line, part)),
            Err(error) => batch.refuse(line, Fault::row("bad_value", error.to_string())),
        };
    }
    fields.remove("kind");
    match serde_json::from_value::<ImportedProduct>(Value::Object(fields)) {
        Ok(product) => {
            let variant_lines = vec![line; product.variants.len()];
            take(Converted { product, line, variant_lines }, seen, batch);
        }
        Err(error) => batch.refuse(line, Fault::row("bad_value", error.to_string())),
    }
}

/// Takes a product whose name is new to the file, with the variants whose SKUs are.
fn take(mut converted: Converted, seen: &mut Seen, batch: &mut Batch<Item>) {
    let name = converted.product.name();
    if let Err(why) = seen.first("id", &name) {
        return batch
            .refuse(converted.line, Fault::field(why.code("duplicate_id"), "product.id", why.text("product", &name)));
    }
    let variants = std::mem::take(&mut converted.product.variants);
    for (variant, line) in variants.into_iter().zip(std::mem::take(&mut converted.variant_lines)) {
        match seen.first("sku", &variant.sku) {
            Ok(()) => {
                converted.product.variants.push(variant);
                converted.variant_lines.push(line);
            }
            Err(why) => {
                let text = why.text("SKU", &variant.sku);
                batch.refuse(line, Fault::field(why.code("duplicate_sku"), "variant.sku", text));
                converted.product.left_out.push(variant.sku);
            }
        }
    }
    if !converted.product.variants.is_empty() {
        batch.items.push(Item::Product(Box::new(converted)));
    }
}

/// Takes the file into the catalogue, batch by batch, and into the stock where that was asked for.
pub async fn import<P: Fn(Progress)>(run: &mut Run<'_, P>, source: Source, rows: Rows) -> Result<(), ImportError> {
    for name in ["products created", "products updated", "products unchanged", "variants without price"] {
        run.report.add(name, 0);
    }
    pump(source, rows, async |batch, bytes_read| {
        run.report.rows += batch.rows;
        let mut faults = batch.faults;
        let (mut parts, mut products) = (Vec::new(), Vec::new());
        for item in batch.items {
            match item {
                Item::Product(product) => products.push(*product),
                Item::Part(line, part) => {
                    // Lines are taken in their order: a product may stand on what came right before it.
                    take_products(run, std::mem::take(&mut products), &mut faults).await?;
                    parts.push((line, part));
                }
            }
            if !products.is_empty() {
                take_parts(run, std::mem::take(&mut parts), &mut faults).await?;
            }
        }
        take_parts(run, parts, &mut faults).await?;
        take_products(run, products, &mut faults).await?;
        run.faults.write(&mut run.report, faults)?;
        run.show(bytes_read);
        platform::fault::point("import.batch_taken");
        Ok(())
    })
    .await
}

async fn take_parts<P: Fn(Progress)>(
    run: &mut Run<'_, P>,
    parts: Vec<(u64, ImportedPart)>,
    faults: &mut Vec<(u64, Fault)>,
) -> Result<(), ImportError> {
    if parts.is_empty() {
        return Ok(());
    }
    let (lines, parts): (Vec<u64>, Vec<ImportedPart>) = parts.into_iter().unzip();
    let imported = catalog::import_parts(run.catalog, parts).await?;
    run.report.add("categories, brands, attributes", imported.created);
    faults.extend(imported.faults.into_iter().map(|(index, fault)| (lines[index], fault.into())));
    Ok(())
}

async fn take_products<P: Fn(Progress)>(
    run: &mut Run<'_, P>,
    mut converted: Vec<Converted>,
    faults: &mut Vec<(u64, Fault)>,
) -> Result<(), ImportError> {
    if converted.is_empty() {
        return Ok(());
    }
    let products = converted.iter_mut().map(take_product).collect::<Vec<_>>();
    let skus: Vec<Vec<Sellable>> = products.iter().zip(&converted).map(sellable).collect();
    let imported = catalog::import_products(run.catalog, products).await?;
    let mut is_in = vec![true; converted.len()];
    for (index, fault) in imported.faults {
        is_in[index] &= !fault.left_out;
        let line = fault.variant.and_then(|variant| converted[index].variant_lines.get(variant).copied());
        faults.push((line.unwrap_or(converted[index].line), fault.into()));
    }
    run.report.add("products created", imported.created);
    run.report.add("products updated", imported.updated);
    run.report.add("products unchanged", imported.unchanged);
    let taken = skus.into_iter().zip(is_in).filter(|(_, is_in)| *is_in).flat_map(|(skus, _)| skus);
    let taken: Vec<Sellable> = taken.collect();
    run.report.add("variants without price", taken.iter().filter(|variant| !variant.is_priced).count() as u64);
    if let Some(stock) = run.options.stock {
        count(run, taken, stock, faults).await?;
    }
    Ok(())
}

fn take_product(converted: &mut Converted) -> ImportedProduct {
    std::mem::replace(&mut converted.product, ImportedProduct::titled(String::new()))
}

/// A variant that is in.
struct Sellable {
    line: u64,
    sku: String,
    /// In any market.
    is_priced: bool,
}

fn sellable((product, converted): (&ImportedProduct, &Converted)) -> Vec<Sellable> {
    let is_priced = |variant: &catalog::ImportedVariant| variant.prices.iter().any(|price| price.amount.is_some());
    let variants = product.variants.iter().zip(&converted.variant_lines);
    let variants = variants.map(|(variant, line)| Sellable {
        line: *line,
        sku: variant.sku.clone(),
        is_priced: is_priced(variant),
    });
    variants.collect()
}

/// Counts this many of each SKU into stock.
async fn count<P: Fn(Progress)>(
    run: &mut Run<'_, P>,
    taken: Vec<Sellable>,
    stock: i64,
    faults: &mut Vec<(u64, Fault)>,
) -> Result<(), ImportError> {
    for taken in taken.chunks(BATCH_ROWS) {
        let skus = taken.iter().map(|variant| variant.sku.clone()).collect();
        let found = run.inventory.call(ResolveVariants { variants: Vec::new(), skus }).await?;
        let lines: HashMap<&str, u64> = taken.iter().map(|variant| (variant.sku.as_str(), variant.line)).collect();
        let location = &run.options.location;
        let counts = found.iter().map(|found| ImportedCount::new(found.variant, location, stock)).collect();
        let imported = inventory::import_counts(run.inventory, counts).await?;
        run.report.add("stock levels changed", imported.changed);
        for (index, fault) in imported.faults {
            let line = lines.get(found[index].sku.as_str()).copied().unwrap_or_default();
            // The product is in; its stock is not.
            faults.push((line, Fault { left_out: false, ..fault.into() }));
        }
    }
    Ok(())
}
