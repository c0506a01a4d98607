//! Stock lists: a count a row.

use contracts::catalog::{ResolveVariants, VariantId};
use contracts::inventory::StockPolicy;
use inventory::{ImportedCount, ImportedLocation};
use serde_json::Value;

use super::fault::Fault;
use super::map::{ImportMap, StockMap};
use super::number::{balance, count, shown};
use super::pipeline::{Batch, Convert, pump};
use super::rows::{Row, Source};
use super::seen::Seen;
use super::template::{Fields, Scope, Template};
use super::text::Text;
use super::{ImportError, Progress, Run};

/// Makes counts of rows.
pub struct Rows {
    map: StockMap,
    /// A row that says nothing here counts nothing.
    counts_if: Option<Template>,
    /// Of rows that say none.
    location: String,
    seen: Seen,
}

/// One thing that a file brings. Locations stand in the own format alone, before what is counted there.
pub enum Item {
    Count(Counted),
    Location(u64, ImportedLocation),
}

/// A row.
pub struct Counted {
    line: u64,
    sku: String,
    location: String,
    on_hand: i64,
    policy: Option<StockPolicy>,
    low_threshold: Option<i64>,
}

impl Rows {
    pub fn new(map: ImportMap, location: String) -> Result<Self, String> {
        let counts_if = map.rows.variant_if;
        let map = map.stock.ok_or("it has no [stock]: it is not for lists of stock")?;
        Ok(Self { map, counts_if, location, seen: Seen::default() })
    }

    pub fn fields(&self) -> (Vec<&[String]>, Vec<&[String]>) {
        let map = &self.map;
        let required = map.sku.templates().into_iter().chain([&map.quantity]);
        let texts = map.location.iter().chain(&map.policy).flat_map(Text::templates);
        let others = texts.chain(&map.low_threshold);
        (required.flat_map(Template::fields).collect(), others.flat_map(Template::fields).collect())
    }

    fn is_passed_over(&self, row: &Row) -> bool {
        let condition = self.counts_if.as_ref().zip(row.fields.as_ref().ok());
        condition.is_some_and(|(template, fields)| template.text(Scope::of(fields)).is_empty())
    }

    fn counted(&mut self, line: u64, row: &Fields) -> Result<Counted, Fault> {
        let (map, scope) = (&self.map, Scope::of(row));
        let said = |text: &Option<Text>| text.as_ref().map(|text| text.text(scope)).filter(|text| !text.is_empty());
        let sku = map.sku.text(scope);
        if sku.is_empty() {
            return Err(Fault::field("missing", "stock.sku", "sku is missing"));
        }
        Fault::of_sku("stock.sku", &sku)?;
        let quantity = map
            .quantity
            .value(scope)
            .ok_or_else(|| Fault::field("missing", "stock.quantity", "quantity is missing"))?;
        let on_hand = balance(&quantity).ok_or_else(|| bad("stock.quantity", "quantity", &quantity))?;
        let low_threshold = map.low_threshold.as_ref().and_then(|template| template.value(scope));
        let low_threshold = low_threshold
            .map(|value| count(&value).ok_or_else(|| bad("stock.low_threshold", "low_threshold", &value)))
            .transpose()?;
        let policy = said(&map.policy).map(|policy| {
            serde_json::from_value(Value::String(policy.clone())).map_err(|_| {
                let text = format!("`{policy}` is none of deny, backorder, untracked");
                Fault::field("bad_value", "stock.policy", text)
            })
        });
        let policy = policy.transpose()?;
        let location = said(&map.location).unwrap_or_else(|| self.location.clone());
        let name = format!("{location}\n{sku}");
        self.seen.first("count", &name).map_err(|why| {
            let text = why.text("SKU", &format!("{sku}` at `{location}"));
            Fault::field(why.code("duplicate_sku"), "stock.sku", text)
        })?;
        Ok(Counted { line, sku, location, on_hand, policy, low_threshold })
    }
}

fn bad(field: &'static str, name: &str, value: &Value) -> Fault {
    Fault::field("bad_quantity", field, format!("{name} `{}` is no whole number", shown(value)))
}

impl Convert for Rows {
    type Item = Item;

    fn row(&mut self, row: Row, batch: &mut Batch<Item>) {
        let line = row.line;
        if self.is_passed_over(&row) {
            return;
        }
        let item = row.fields.and_then(|mut fields| match fields.remove("kind") {
            Some(kind) if kind == "location" => match serde_json::from_value(Value::Object(fields)) {
                Ok(location) => Ok(Item::Location(line, location)),
                Err(error) => Err(Fault::row("bad_value", error.to_string())),
            },
            _ => self.counted(line, &fields).map(Item::Count),
        });
        match item {
            Ok(item) => batch.items.push(item),
            Err(fault) => batch.refuse(line, fault),
        }
    }
}

/// Takes the file into the stock, batch by batch.
pub async fn import<P: Fn(Progress)>(run: &mut Run<'_, P>, source: Source, rows: Rows) -> Result<(), ImportError> {
    run.report.add("stock levels changed", 0);
    pump(source, rows, async |batch, bytes_read| {
        run.report.rows += batch.rows;
        let mut faults = batch.faults;
        let (mut locations, mut counts) = (Vec::new(), Vec::new());
        for item in batch.items {
            match item {
                Item::Location(line, location) => locations.push((line, location)),
                Item::Count(counted) => counts.push(counted),
            }
        }
        take_locations(run, locations, &mut faults).await?;
        take_counts(run, counts, &mut faults).await?;
        run.faults.write(&mut run.report, faults)?;
        run.show(bytes_read);
        Ok(())
    })
    .await
}

async fn take_locations<P: Fn(Progress)>(
    run: &mut Run<'_, P>,
    locations: Vec<(u64, ImportedLocation)>,
    faults: &mut Vec<(u64, Fault)>,
) -> Result<(), ImportError> {
    if locations.is_empty() {
        return Ok(());
    }
    let (lines, locations): (Vec<u64>, Vec<ImportedLocation>) = locations.into_iter().unzip();
    let (created, refused) = inventory::import_locations(run.inventory, locations).await?;
    run.report.add("locations created", created);
    faults.extend(refused.into_iter().map(|(index, fault)| (lines[index], fault.into())));
    Ok(())
}

async fn take_counts<P: Fn(Progress)>(
    run: &mut Run<'_, P>,
    counts: Vec<Counted>,
    faults: &mut Vec<(u64, Fault)>,
) -> Result<(), ImportError> {
    if counts.is_empty() {
        return Ok(());
    }
    let call = ResolveVariants { variants: Vec::new(), skus: counts.iter().map(|count| count.sku.clone()).collect() };
    let found = run.inventory.call(call).await?;
    let variants: std::collections::HashMap<String, VariantId> =
        found.into_iter().map(|found| (found.sku, found.variant)).collect();
    let (mut lines, mut known) = (Vec::with_capacity(counts.len()), Vec::with_capacity(counts.len()));
    for count in counts {
        match variants.get(&count.sku) {
            Some(variant) => {
                lines.push(count.line);
                known.push(ImportedCount {
                    policy: count.policy,
                    low_threshold: count.low_threshold,
                    ..ImportedCount::new(*variant, &count.location, count.on_hand)
                });
            }
            None => {
                let text = format!("there is no variant with the SKU `{}`", count.sku);
                faults.push((count.line, Fault::field("unknown_sku", "stock.sku", text)));
            }
        }
    }
    let imported = inventory::import_counts(run.inventory, known).await?;
    run.report.add("stock levels changed", imported.changed);
    faults.extend(imported.faults.into_iter().map(|(index, fault)| (lines[index], fault.into())));
    Ok(())
}
