//! `souk export`: products, stock or prices as lines of JSON that `souk import` reads back without a map.
//!
//! Page by page: what lies in memory does not grow with the shop. Ids stay here: a product is known by its reference
//! or slug, a variant by its SKU, a location by its name.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use catalog::ProductExport;
use contracts::catalog::{ResolveVariants, VariantId};
use contracts::inventory::StockPolicy;
use flate2::Compression;
use flate2::write::GzEncoder;
use inventory::ImportedLocation;
use platform::Ctx;
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::import::Kind;
use crate::whole;

/// Levels of a page, and variants whose SKUs are asked for at once.
const LEVELS: i64 = 500;

/// Why an export ended.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("{path} can't be written: {reason}", path = path.display())]
    Unwritable { path: PathBuf, reason: io::Error },
    #[error("the catalogue could not be read: {0}")]
    Catalog(#[from] catalog::Error),
    #[error("the stock could not be read: {0}")]
    Inventory(#[from] inventory::Error),
    #[error("the catalogue could not be asked: {0}")]
    Asked(#[from] platform::Problem),
}

/// How an export ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    pub lines: u64,
    /// Levels of variants that the catalogue does not know; nobody could count them again.
    pub unknown: u64,
}

/// Writes everything of a kind into a file (gzip where its name ends in `.gz`), or to standard output. A file is
/// there when it is whole, and only then.
pub async fn run(
    catalog: &Ctx,
    inventory: &Ctx,
    kind: Kind,
    file: Option<&Path>,
    progress: impl Fn(u64),
) -> Result<Exported, ExportError> {
    let mut lines = Lines::open(file)?;
    match kind {
        Kind::Products => products(catalog, &mut lines, progress).await?,
        Kind::Stock => stock(inventory, &mut lines, progress).await?,
        Kind::Prices => prices(catalog, &mut lines, progress).await?,
    }
    lines.close()
}

async fn products(ctx: &Ctx, lines: &mut Lines, progress: impl Fn(u64)) -> Result<(), ExportError> {
    let mut export = ProductExport::default();
    while let Some(page) = export.next(ctx).await? {
        page.iter().try_for_each(|line| lines.write(line))?;
        progress(lines.done.lines);
    }
    Ok(())
}

async fn prices(ctx: &Ctx, lines: &mut Lines, progress: impl Fn(u64)) -> Result<(), ExportError> {
    let mut after = None;
    loop {
        let (page, last) = catalog::export_prices(ctx, after).await?;
        page.iter().try_for_each(|line| lines.write(line))?;
        progress(lines.done.lines);
        match last {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}

/// A line of a stock list.
#[derive(Debug, Serialize)]
struct Level<'a> {
    sku: &'a str,
    location: &'a str,
    quantity: i64,
    policy: StockPolicy,
    low_threshold: i64,
}

/// A location, before what lies there.
#[derive(Debug, Serialize)]
struct Place {
    kind: &'static str,
    #[serde(flatten)]
    location: ImportedLocation,
}

async fn stock(ctx: &Ctx, lines: &mut Lines, progress: impl Fn(u64)) -> Result<(), ExportError> {
    for location in inventory::export_locations(ctx).await? {
        lines.write(&Place { kind: "location", location })?;
    }
    let mut after = None;
    loop {
        let page = inventory::export_levels(ctx, after, LEVELS).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some((last.variant, last.location));
        let mut variants: Vec<VariantId> = page.iter().map(|level| level.variant).collect();
        variants.dedup();
        let found = ctx.call(ResolveVariants { variants, skus: Vec::new() }).await?;
        let skus: HashMap<VariantId, String> = found.into_iter().map(|found| (found.variant, found.sku)).collect();
        for level in &page {
            match skus.get(&level.variant) {
                Some(sku) => lines.write(&Level {
                    sku,
                    location: &level.location_name,
                    quantity: level.on_hand,
                    policy: level.policy,
                    low_threshold: level.low_threshold,
                })?,
                None => lines.done.unknown += 1,
            }
        }
        progress(lines.done.lines);
    }
}

/// Where the lines go.
struct Lines {
    path: PathBuf,
    /// Beside the file until it is whole; gone when that does not come.
    part: Option<NamedTempFile>,
    sink: Sink,
    done: Exported,
}

enum Sink {
    Plain(BufWriter<Box<dyn Write + Send>>),
    Gzip(GzEncoder<BufWriter<File>>),
}

impl Lines {
    fn open(file: Option<&Path>) -> Result<Self, ExportError> {
        let Some(path) = file else {
            let sink = Sink::Plain(BufWriter::new(Box::new(io::stdout())));
            return Ok(Self { path: "standard output".into(), part: None, sink, done: Exported::default() });
        };
        let part_and_file = || {
            // A pipe or a device can't be replaced.
            if path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir()) {
                return Ok((None, OpenOptions::new().write(true).open(path)?));
            }
            let part = whole::part_of(path, 0o666)?;
            let file = part.as_file().try_clone()?;
            Ok((Some(part), file))
        };
        let opened = part_and_file();
        let (part, file) = opened.map_err(|reason| ExportError::Unwritable { path: path.into(), reason })?;
        let sink = if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz")) {
            Sink::Gzip(GzEncoder::new(BufWriter::new(file), Compression::default()))
        } else {
            Sink::Plain(BufWriter::new(Box::new(file)))
        };
        Ok(Self { path: path.into(), part, sink, done: Exported::default() })
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), ExportError> {
        let mut text = serde_json::to_vec(line).expect("a line is plain data");
        text.push(b'\n');
        let written = match &mut self.sink {
            Sink::Plain(sink) => sink.write_all(&text),
            Sink::Gzip(sink) => sink.write_all(&text),
        };
        self.done.lines += 1;
        written.map_err(|reason| ExportError::Unwritable { path: self.path.clone(), reason })
    }

    /// An earlier file of the name is there until the new one is on the disk.
    fn close(self) -> Result<Exported, ExportError> {
        let Self { path, part, sink, done } = self;
        let flushed = match sink {
            Sink::Plain(mut sink) => sink.flush(),
            Sink::Gzip(sink) => sink.finish().and_then(|mut sink| sink.flush()),
        };
        let placed = flushed.and_then(|()| {
            let Some(part) = part else { return Ok(()) };
            part.as_file().sync_all()?;
            part.persist(&path).map_err(|error| error.error)?;
            whole::keep(&path)
        });
        placed.map_err(|reason| ExportError::Unwritable { path, reason })?;
        Ok(done)
    }
}
