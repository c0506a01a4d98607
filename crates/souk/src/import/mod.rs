//! `souk import`: brings products, counts of stock and prices in from a file, by a map.
//!
//! The file is read through once before anything is changed, so that one that breaks off, or has not one good row,
//! changes nothing. Then a row with a fault goes to the report and stops nothing. Doing it again changes nothing;
//! after an end half-way it goes on where it stopped by being done again.

mod convert;
mod fault;
mod map;
mod markets;
mod number;
mod pipeline;
mod prices;
mod products;
mod report;
mod rows;
mod seen;
mod stock;
mod template;
mod text;

#[cfg(test)]
pub(crate) mod tests;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use contracts::MarketId;
use platform::Ctx;
use platform::telemetry::Stopwatch;

use map::ImportMap;
use pipeline::on_a_thread;
use report::Faults;
use rows::Source;

pub use report::Report;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Products,
    /// A count a row: what is on hand of a SKU at a location.
    Stock,
    /// A price a row: what a SKU costs in a market.
    Prices,
}

/// What to import.
#[derive(Debug, Clone)]
pub struct Options {
    pub kind: Kind,
    pub file: PathBuf,
    /// Without it, the file is as `souk export` writes it.
    pub map: Option<PathBuf>,
    /// The market of products' prices, whatever the map says; of a list of prices, where a row says none.
    pub market: Option<MarketId>,
    /// Of products: set the stock of each variant to this many.
    pub stock: Option<i64>,
    /// Where the stock lies, of rows that say no location; made where it does not exist.
    pub location: String,
    /// Gets a line of JSON for each fault.
    pub report: PathBuf,
}

impl Options {
    fn refuse_impossible(&self) -> Result<(), ImportError> {
        let refused = |text: String| Err(ImportError::Refused(text));
        if let Some(stock) = self.stock.filter(|stock| !(0..=inventory::UNITS_MAX).contains(stock)) {
            return refused(format!("a stock of {stock} is not possible"));
        }
        if let Some(fault) = inventory::refused_location(&self.location) {
            return refused(fault.text);
        }
        // The report is emptied before the first row is read.
        let is_report = |read: &&PathBuf| is_same_file(read, &self.report);
        if let Some(read) = [Some(&self.file), self.map.as_ref()].into_iter().flatten().find(is_report) {
            return refused(format!("the report would overwrite {}: give it another name", read.display()));
        }
        Ok(())
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| path.metadata().ok().map(|file| (file.dev(), file.ino()));
    id(one).is_some_and(|one| id(other) == Some(one))
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub bytes_read: u64,
    pub bytes_total: u64,
    pub rows: u64,
    pub left_out: u64,
}

/// Why an import ended. `Map`, `Unreadable` and `Refused` come before anything is changed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("the map {path} is wrong: {reason}", path = path.display())]
    Map { path: PathBuf, reason: String },
    #[error("{path}: {reason}", path = path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("{0}")]
    Refused(String),
    #[error("the report {path} can't be written: {reason}", path = path.display())]
    Report { path: PathBuf, reason: String },
    #[error("the catalogue could not take the rows in: {0}; import again to go on")]
    Catalog(#[from] catalog::Error),
    #[error("the stock could not be set: {0}; import again to go on")]
    Inventory(#[from] inventory::Error),
    #[error("a service could not be asked: {0}; import again to go on")]
    Asked(#[from] platform::Problem),
}

/// What an import works with while it runs.
struct Run<'a, P> {
    catalog: &'a Ctx,
    inventory: &'a Ctx,
    options: &'a Options,
    report: Report,
    faults: Faults,
    bytes_total: u64,
    progress: &'a P,
}

impl<P: Fn(Progress)> Run<'_, P> {
    /// After each batch.
    fn show(&self, bytes_read: u64) {
        (self.progress)(self.report.progress(bytes_read, self.bytes_total));
    }
}

/// Imports a file. Rows with a fault are counted, written to the report, and stop nothing.
pub async fn run(
    catalog: &Ctx,
    inventory: &Ctx,
    options: Options,
    progress: impl Fn(Progress),
) -> Result<Report, ImportError> {
    let watch = Stopwatch::start();
    options.refuse_impossible()?;
    let map = options.map.as_ref().map(|path| ImportMap::read(path)).transpose()?;
    let map = map.map(|map| ImportMap { market: options.market.clone().or(map.market.clone()), ..map });
    let delimiter = map.as_ref().and_then(|map| u8::try_from(map.delimiter?).ok());
    let source = Source::open(&options.file, delimiter)?;
    let plan = Plan::new(catalog, &options, map, &source)?;
    let checked = source.clone();
    let checked = on_a_thread(move || checked.check()).await?;
    let remarks = plan.missing_columns(&options, checked.columns.as_deref())?;
    let mut run = Run {
        catalog,
        inventory,
        options: &options,
        report: Report { file: options.report.clone(), remarks, ..Report::default() },
        faults: Faults::open(&options.report)?,
        bytes_total: source.bytes_total,
        progress: &progress,
    };
    match plan {
        Plan::Products(products) => products::import(&mut run, source, products).await?,
        Plan::Stock(stock) => stock::import(&mut run, source, stock).await?,
        Plan::Prices(prices) => prices::import(&mut run, source, prices).await?,
    }
    let Run { mut report, faults, .. } = run;
    faults.close()?;
    report.seconds = watch.seconds();
    report.memory_peak_megabytes = report::memory_peak_megabytes();
    Ok(report)
}

/// What becomes of the rows.
#[allow(clippy::large_enum_variant, reason = "there is one of it in an import")]
enum Plan {
    Products(products::Rows),
    Stock(stock::Rows),
    Prices(prices::Rows),
}

impl Plan {
    fn new(ctx: &Ctx, options: &Options, map: Option<ImportMap>, source: &Source) -> Result<Self, ImportError> {
        let markets = markets::Markets::of(&ctx.config);
        let path = options.map.clone().unwrap_or_default();
        let wrong = |reason: String| ImportError::Map { path: path.clone(), reason };
        match options.kind {
            Kind::Products => match map {
                Some(map) => convert::Converter::new(map, markets).map(products::Rows::mapped).map_err(wrong),
                None if source.is_table() => {
                    let reason = "a table of products needs a map: --map FILE (examples/maps/ shows some)";
                    return Err(ImportError::Refused(reason.to_owned()));
                }
                None => Ok(products::Rows::own()),
            }
            .map(Self::Products),
            Kind::Stock => {
                let map = map.unwrap_or_else(ImportMap::built_in);
                stock::Rows::new(map, options.location.clone()).map(Self::Stock).map_err(wrong)
            }
            Kind::Prices => {
                let map = map.unwrap_or_else(|| ImportMap { market: options.market.clone(), ..ImportMap::built_in() });
                prices::Rows::new(map, markets).map(Self::Prices).map_err(wrong)
            }
        }
    }

    /// A column that nothing can do without is missing: an error. Another one: a remark, for it may be a misspelling.
    fn missing_columns(&self, options: &Options, columns: Option<&[String]>) -> Result<Vec<String>, ImportError> {
        let Some(columns) = columns else { return Ok(Vec::new()) };
        let (required, others) = match self {
            Self::Products(rows) => rows.fields(),
            Self::Stock(rows) => rows.fields(),
            Self::Prices(rows) => rows.fields(),
        };
        let is_column = |path: &String| {
            columns.contains(path)
                || path.strip_prefix("row.").is_some_and(|path| columns.iter().any(|column| column == path))
        };
        let is_missing = |paths: &&[String]| !paths.iter().any(is_column);
        if let Some(missing) = required.into_iter().find(is_missing) {
            let reason = format!("the map reads `{}`, the file has: {}", missing.join("` or `"), columns.join(", "));
            return Err(rows::unreadable(&options.file, reason));
        }
        let mut missing: Vec<String> =
            others.into_iter().filter(is_missing).map(|paths| paths.join("` or `")).collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() || options.map.is_none() {
            return Ok(Vec::new());
        }
        Ok(vec![format!("the map reads columns that the file has not: `{}`", missing.join("`, `"))])
    }
}
