//! `souk backup`: a running shop's tables as of one instant, verified.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use contracts::SERVICES;
use platform::Config;
use store::Options;
use store::snapshot::{MIGRATIONS, Snapshot};

use super::format::{Head, Line, Reader, Writer};
use super::{Progress, ROWS_BETWEEN_REPORTS, Summary};

/// Writes the shop's tables to `file`, which must not exist, reads it back, and compares. The shop may go on
/// serving: what it commits meanwhile is not in the file.
pub async fn backup(
    config: &Config,
    now: jiff::Timestamp,
    file: &Path,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<Summary, String> {
    let options = options(config)?;
    if file.exists() {
        return Err(format!("{} is there already: give another name", file.display()));
    }
    let part = part(file);
    let prefixes: Vec<&str> = SERVICES.into_iter().chain(["souk"]).collect();
    let mut shop = Snapshot::open(&options, &prefixes).await.map_err(|error| error.to_string())?;
    let migrations = shop.migrations().await.map_err(|error| error.to_string())?;
    let tables: Vec<_> = shop.tables().iter().filter(|table| table.name != MIGRATIONS).cloned().collect();
    let head = Head::new(now, migrations, &tables);
    // It holds names and addresses: nobody else's to read.
    let out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part);
    let mut writer = Writer::new(out.map_err(|error| format!("{}: {error}", part.display()))?, &head)?;
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
    finish(&part, file)?;
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

/// Half a backup never has a backup's name.
fn part(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    file.with_file_name(name)
}

fn finish(part: &Path, file: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", file.display());
    std::fs::rename(part, file).map_err(failed)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}
