//! `souk import` and `souk export`: what a file brings, and what it gives back.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use contracts::MarketId;
use indicatif::{ProgressBar, ProgressStyle};

use super::{say, say_aside};
use crate::export;
use crate::import::{self, Kind, Options, Progress};
use crate::wire::Shop;

/// Everything that could be taken in was; some rows could not.
const LEFT_OUT: u8 = 3;

/// `souk import products FILE` brings products in; `stock` and `prices` bring in lists of them.
#[derive(Debug, Args)]
pub(crate) struct Import {
    #[command(subcommand)]
    what: ImportWhat,
}

#[derive(Debug, Subcommand)]
enum ImportWhat {
    /// Products with their variants, prices, categories and attributes.
    Products(ImportProducts),
    /// What is on hand: a count a row, by SKU and location.
    Stock {
        #[command(flatten)]
        file: ImportFile,
        /// Where the stock of rows lies that say no location; made where it does not exist.
        #[arg(long, default_value = "main")]
        location: String,
    },
    /// What variants cost: a price a row, by SKU, market and currency.
    Prices {
        #[command(flatten)]
        file: ImportFile,
        /// The market of rows that say none.
        #[arg(long)]
        market: Option<MarketId>,
    },
}

#[derive(Debug, Args)]
struct ImportProducts {
    #[command(flatten)]
    file: ImportFile,
    /// The market of the prices, whatever the map says.
    #[arg(long)]
    market: Option<MarketId>,
    /// Count this many of each variant into stock.
    #[arg(long)]
    stock: Option<i64>,
    /// Where that stock lies; made where it does not exist.
    #[arg(long, default_value = "main")]
    location: String,
}

#[derive(Debug, Args)]
struct ImportFile {
    /// .ndjson, .jsonl, .json (an array), .csv or .tsv, gzip (.gz) or not.
    file: PathBuf,
    /// Which field of the file is which of ours (examples/maps/). Without it: as `souk export` writes it.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Rows that could not be taken are written here: line, code, field, text.
    #[arg(long, value_name = "FILE", default_value = "import-report.ndjson")]
    report: PathBuf,
}

impl ImportFile {
    fn options(self, kind: Kind) -> Options {
        let Self { file, map, report } = self;
        Options { kind, file, map, market: None, stock: None, location: "main".to_owned(), report }
    }
}

impl ImportProducts {
    fn options(self) -> Options {
        let Self { file, market, stock, location } = self;
        Options { market, stock, location, ..file.options(Kind::Products) }
    }
}

impl Import {
    fn options(self) -> Options {
        match self.what {
            ImportWhat::Products(products) => products.options(),
            ImportWhat::Stock { file, location } => Options { location, ..file.options(Kind::Stock) },
            ImportWhat::Prices { file, market } => Options { market, ..file.options(Kind::Prices) },
        }
    }

    /// 0: all rows are in. 3: all but those of the report. An error may come half-way; importing again goes on.
    pub(crate) async fn run(self, shop: &Shop) -> Result<ExitCode, String> {
        let options = self.options();
        let bar = bar("{bar:30} {percent:>3} %  {msg}  {elapsed}")?;
        let progress = |at: Progress| {
            bar.set_length(at.bytes_total);
            bar.set_position(at.bytes_read);
            bar.set_message(format!("{} rows, {} left out", at.rows, at.left_out));
        };
        let imported = import::run(shop.ctx("catalog"), shop.ctx("inventory"), options, progress).await;
        bar.finish_and_clear();
        let report = imported.map_err(|error| error.to_string())?;
        say(&report.to_string());
        Ok(if report.left_out > 0 { ExitCode::from(LEFT_OUT) } else { ExitCode::SUCCESS })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    /// Categories, brands, attributes, and products with their variants and prices.
    Products(ExportFile),
    /// Locations, and what is on hand of each SKU there.
    Stock(ExportFile),
    /// What each SKU costs in each market.
    Prices(ExportFile),
}

#[derive(Debug, Args)]
pub(crate) struct ExportFile {
    /// NDJSON, gzip where it ends in .gz; standard output if not said.
    file: Option<PathBuf>,
}

impl Export {
    pub(crate) async fn run(self, shop: &Shop) -> Result<(), String> {
        let (kind, ExportFile { file }) = match self {
            Self::Products(file) => (Kind::Products, file),
            Self::Stock(file) => (Kind::Stock, file),
            Self::Prices(file) => (Kind::Prices, file),
        };
        let bar = bar("{spinner} {msg}  {elapsed}")?;
        let progress = |lines: u64| {
            bar.set_message(format!("{lines} lines"));
            bar.tick();
        };
        let exported = export::run(shop.ctx("catalog"), shop.ctx("inventory"), kind, file.as_deref(), progress).await;
        bar.finish_and_clear();
        let exported = exported.map_err(|error| error.to_string())?;
        say_aside(&format!("{} lines", exported.lines));
        if exported.unknown > 0 {
            say_aside(&format!("{} levels are of variants that the catalogue does not know", exported.unknown));
        }
        Ok(())
    }
}

/// On standard error, and only where a person looks at it.
fn bar(style: &str) -> Result<ProgressBar, String> {
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template(style).map_err(|error| error.to_string())?);
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}
