//! `souk import`: brings products in from a file, by a map, and counts them into stock.
//!
//! The file is read on a thread of its own, in batches of [`BATCH_ROWS`] through a short queue: what
//! lies in memory does not grow with the file. Doing it again changes nothing; after an end half-way
//! it goes on where it stopped by being done again.

mod convert;
mod map;
mod report;
mod rows;
mod template;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use catalog::ImportedProduct;
use contracts::Currency;
use contracts::catalog::VariantId;
use platform::Ctx;
use platform::telemetry::Stopwatch;
use tokio::sync::mpsc;

use map::ImportMap;
use report::Refusals;
use rows::Source;

pub use report::Report;

/// Rows of one transaction.
const BATCH_ROWS: usize = 500;
/// Batches between the reading thread and the database.
const QUEUE_BATCHES: usize = 2;

/// What to import.
#[derive(Debug, Clone)]
pub struct Options {
    pub file: PathBuf,
    pub map: PathBuf,
    /// Set the stock of each variant to this many.
    pub stock: Option<i64>,
    /// Where the stock lies; made where it does not exist.
    pub location: String,
    /// Gets a line of JSON for each row that was refused.
    pub report: PathBuf,
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub bytes_read: u64,
    pub bytes_total: u64,
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub refused: u64,
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
    #[error("the catalogue could not take the products in: {0}; import again to go on")]
    Catalog(#[from] catalog::Error),
    #[error("the stock could not be set: {0}; import again to go on")]
    Inventory(#[from] inventory::Error),
}

/// Rows that were read and converted.
#[derive(Debug, Default)]
struct Batch {
    products: Vec<ImportedProduct>,
    /// The line of each of `products`.
    lines: Vec<u64>,
    refused: Vec<(u64, String)>,
}

/// Imports a file. Bad rows are counted, written to the report, and stop nothing.
pub async fn run(
    catalog: &Ctx,
    inventory: &Ctx,
    options: Options,
    progress: impl Fn(Progress),
) -> Result<Report, ImportError> {
    let watch = Stopwatch::start();
    let map = Arc::new(ImportMap::read(&options.map)?);
    let market = catalog
        .market(&map.market)
        .map_err(|problem| ImportError::Map { path: options.map.clone(), reason: problem.detail })?;
    if let Some(stock) = options.stock.filter(|stock| *stock < 0) {
        return Err(ImportError::Refused(format!("a stock of {stock} is not possible")));
    }
    let source = Source::open(&options.file)?;
    let bytes_total = source.bytes_total;
    let (checked, by) = (source.clone(), Arc::clone(&map));
    on_a_thread(move || checked.check(&by)).await?;

    let mut refusals = Refusals::open(&options.report)?;
    let mut report = Report { report: options.report.clone(), ..Report::default() };
    let bytes_read = Arc::new(AtomicU64::new(0));
    let (sender, mut batches) = mpsc::channel(QUEUE_BATCHES);
    let (count, currency) = (Arc::clone(&bytes_read), market.currency);
    let reading = on_a_thread(move || read(&source, &map, currency, count, &sender));
    let writing = async {
        while let Some(batch) = batches.recv().await {
            let stocked = take_in(catalog, batch, &mut report, &mut refusals).await?;
            if let Some(stock) = options.stock {
                let levels = stocked.into_iter().map(|variant| (variant, stock)).collect();
                report.stocked += inventory::import_levels(inventory, &options.location, levels).await?;
            }
            progress(report.progress(bytes_read.load(Relaxed), bytes_total));
        }
        // The reading thread stops when nobody takes its batches.
        drop(batches);
        Ok::<(), ImportError>(())
    };
    let (read, written) = tokio::join!(reading, writing);
    written.and(read)?;
    refusals.close()?;
    report.seconds = watch.seconds();
    report.memory_peak_megabytes = report::memory_peak_megabytes();
    Ok(report)
}

/// Reads and converts the whole file, batch by batch.
fn read(
    source: &Source,
    map: &ImportMap,
    currency: Currency,
    count: Arc<AtomicU64>,
    sender: &mpsc::Sender<Batch>,
) -> Result<(), ImportError> {
    let mut batch = Batch::default();
    for row in source.rows(count)? {
        let row = row?;
        match row.fields.and_then(|fields| convert::convert(map, currency, &fields)) {
            Ok(product) => {
                batch.products.push(product);
                batch.lines.push(row.line);
            }
            Err(why) => batch.refused.push((row.line, why)),
        }
        let is_full = batch.products.len() >= BATCH_ROWS || batch.refused.len() >= BATCH_ROWS;
        // A closed queue: the other side failed, and says why.
        if is_full && sender.blocking_send(std::mem::take(&mut batch)).is_err() {
            return Ok(());
        }
    }
    let _ = sender.blocking_send(batch);
    Ok(())
}

/// Returns the variants of the batch.
async fn take_in(
    catalog: &Ctx,
    batch: Batch,
    report: &mut Report,
    refusals: &mut Refusals,
) -> Result<Vec<VariantId>, ImportError> {
    let Batch { products, lines, mut refused } = batch;
    let unpriced: Vec<bool> = products.iter().map(|product| product.price.is_none()).collect();
    let imported = catalog::import_products(catalog, products).await?;
    let mut without_price = unpriced.iter().filter(|unpriced| **unpriced).count();
    for refusal in imported.refused {
        without_price -= usize::from(unpriced[refusal.index]);
        refused.push((lines[refusal.index], refusal.why));
    }
    report.created += imported.created;
    report.updated += imported.updated;
    report.unchanged += imported.unchanged;
    report.without_price += without_price as u64;
    report.refused += refused.len() as u64;
    refused.sort_unstable();
    refusals.write(&refused)?;
    Ok(imported.variants.into_iter().map(|(_, variant)| variant).collect())
}

/// Files are read on a thread that may wait.
async fn on_a_thread(work: impl FnOnce() -> Result<(), ImportError> + Send + 'static) -> Result<(), ImportError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panic) => Err(ImportError::Refused(format!("reading the file failed: {panic}"))),
    }
}
