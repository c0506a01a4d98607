//! `souk backup`: a running shop's tables as of one instant, verified.

use std::path::Path;

use contracts::SERVICES;
use platform::Config;
use store::Options;
use store::snapshot::{MIGRATIONS, Snapshot};

use super::format::{Head, Line, Reader, Writer};
use super::{Progress, ROWS_BETWEEN_REPORTS, Summary};
use crate::whole;

/// Writes the shop's tables to `file`, which must not exist, reads it back, and compares. The shop may go on
/// serving: what it commits meanwhile is not in the file.
pub async fn backup(
    config: &Config,
    now: jiff::Timestamp,
    file: &Path,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<Summary, String> {
    let options = options(config)?;
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => format!("{} is there already: give another name", file.display()),
        _ => format!("{}: {error}", file.display()),
    };
    if file.symlink_metadata().is_ok() {
        return Err(failed(std::io::ErrorKind::AlreadyExists.into()));
    }
    let mut shop = Snapshot::open(&options, &prefixes()).await.map_err(|error| error.to_string())?;
    let migrations = shop.migrations().await.map_err(|error| error.to_string())?;
    let tables: Vec<_> = shop.tables().iter().filter(|table| table.name != MIGRATIONS).cloned().collect();
    let head = Head::new(now, migrations, &tables);
    // It holds names and addresses: nobody else's to read.
    let (out, part) = whole::part_of(file, 0o600).map_err(failed)?.into_parts();
    let mut writer = Writer::new(out, &head)?;
    let mut done = 0;
    for table in &tables {
        writer.table(&table.name)?;
        let mut sink = |row| {
            writer.row(row).map_err(store::Error::Unavailable)?;
            done += 1;
            if done % ROWS_BETWEEN_REPORTS == 0 {
                progress(Progress { doing: format!("writing {}", table.name), rows: done, rows_total: head.rows() });
            }
            Ok(())
        };
        shop.read(table, &mut sink).await.map_err(|error| error.to_string())?;
    }
    let bytes = writer.end()?;
    progress(Progress { doing: "checking".to_owned(), rows: done, rows_total: head.rows() });
    verify(&part, &head)?;
    part.persist_noclobber(file).map_err(|error| failed(error.error))?;
    whole::keep(file).map_err(failed)?;
    Ok(Summary { tables: tables.len() as u64, rows: done, bytes })
}

/// Reads the whole file; its own checksum, and the counts that its head promised.
pub(super) fn verify(path: &Path, head: &Head) -> Result<(), String> {
    let mut reader = Reader::open(path)?;
    if reader.head != *head {
        return Err("the backup does not begin as it was written".to_owned());
    }
    let mut found: Vec<(String, u64)> = Vec::new();
    loop {
        match reader.next()? {
            Line::Table(name) => found.push((name, 0)),
            Line::Row(_) => found.last_mut().ok_or("a row comes before its table")?.1 += 1,
            Line::End => break,
        }
    }
    let promised: Vec<_> = head.tables.iter().map(|table| (table.name.clone(), table.rows)).collect();
    if found == promised { Ok(()) } else { Err("the backup holds other rows than its head promises".to_owned()) }
}

pub(super) fn options(config: &Config) -> Result<Options, String> {
    if !config.database.services.is_empty() {
        return Err("services with databases of their own have no instant in common: \
                    back each up with PostgreSQL's own tools (`pg_dump`)"
            .to_owned());
    }
    Ok(Options::new(&config.database.url))
}

/// What a shop's tables begin with.
pub(super) fn prefixes() -> Vec<&'static str> {
    SERVICES.into_iter().chain(["souk"]).collect()
}
