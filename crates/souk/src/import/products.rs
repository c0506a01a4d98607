//! Products of a file, by a map or in the catalogue's own format.

use catalog::{ImportedPart, ImportedProduct};
use contracts::catalog::ResolveVariants;
use inventory::ImportedCount;
use serde_json::Value;

use super::convert::{Converted, Converter};
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
    Map { converter: Box<Converter>, group: Option<Group> },
    Own,
}

/// Rows that follow each other and are one product.
struct Group {
    name: String,
    rows: Vec<(u64, Fields)>,
    bytes: usize,
}

/// One thing that a file brings. What products stand on comes in the catalogue's own format alone, before them.
pub enum Item {
    Product(Box<Converted>),
    Part(u64, ImportedPart),
}

impl Rows {
    pub fn mapped(converter: Converter) -> Self {
        Self { by: By::Map { converter: Box::new(converter), group: None }, seen: Seen::default() }
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
        let fields = match row.fields {
            Ok(fields) => fields,
            Err(fault) => return batch.refuse(row.line, fault),
        };
        match by {
            By::Own => own(row.line, fields, seen, batch),
            By::Map { converter, group } => match converter.group(Scope::of(&fields)) {
                None => convert(converter, &[(row.line, fields)], seen, batch),
                Some(name) => {
                    let ended = group.take_if(|group| group.name != name);
                    ended.into_iter().for_each(|ended| ended.convert(converter, seen, batch));
                    let group = group.get_or_insert_with(|| Group { name, rows: Vec::new(), bytes: 0 });
                    group.push(row.line, fields, row.bytes, batch);
                }
            },
        }
    }

    fn end(&mut self, batch: &mut Batch<Item>) {
        let Self { by, seen } = self;
        if let By::Map { converter, group } = by {
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
            let text = format!("a product has at most {GROUP_ROWS_MAX} rows and {GROUP_BYTES_MAX} bytes");
            batch.refuse(line, Fault::field("too_many", "rows.group", text));
        }
    }

    fn convert(self, converter: &Converter, seen: &mut Seen, batch: &mut Batch<Item>) {
        convert(converter, &self.rows, seen, batch);
    }
}

fn convert(converter: &Converter, rows: &[(u64, Fields)], seen: &mut Seen, batch: &mut Batch<Item>) {
    let (converted, faults) = converter.convert(rows);
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
    let skus: Vec<Vec<(String, bool)>> = products.iter().map(sellable).collect();
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
    let taken: Vec<(String, bool)> = taken.collect();
    run.report.add("variants without price", taken.iter().filter(|(_, is_priced)| !is_priced).count() as u64);
    if let Some(stock) = run.options.stock {
        count(run, taken.into_iter().map(|(sku, _)| sku).collect(), stock).await?;
    }
    Ok(())
}

fn take_product(converted: &mut Converted) -> ImportedProduct {
    std::mem::replace(&mut converted.product, ImportedProduct::titled(String::new()))
}

/// The SKUs of a product, and whether each has a price somewhere.
fn sellable(product: &ImportedProduct) -> Vec<(String, bool)> {
    let is_priced = |variant: &catalog::ImportedVariant| variant.prices.iter().any(|price| price.amount.is_some());
    product.variants.iter().map(|variant| (variant.sku.clone(), is_priced(variant))).collect()
}

/// Counts this many of each SKU into stock.
async fn count<P: Fn(Progress)>(run: &mut Run<'_, P>, skus: Vec<String>, stock: i64) -> Result<(), ImportError> {
    for skus in skus.chunks(BATCH_ROWS) {
        let call = ResolveVariants { variants: Vec::new(), skus: skus.to_vec() };
        let found = run.inventory.call(call).await?;
        let location = &run.options.location;
        let counts = found.into_iter().map(|found| ImportedCount::new(found.variant, location, stock)).collect();
        let changed = inventory::import_counts(run.inventory, counts).await?;
        run.report.add("stock levels changed", changed);
    }
    Ok(())
}
