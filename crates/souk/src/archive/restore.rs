//! `souk restore`: a backup into an empty database, whole or not at all.

use std::path::{Path, PathBuf};

use platform::{Clock, Config, Ids};
use store::snapshot::{Load, Table};

use super::backup::{options, verify};
use super::format::{Line, Reader};
use super::{Progress, ROWS_BETWEEN_REPORTS, Summary};
use crate::wire::Shop;

/// Checks the whole file first, then fills the configured database, which has to be empty or not there.
pub async fn restore(
    config: &Config,
    file: &Path,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<Summary, String> {
    options(config)?;
    let head = Reader::open(file)?.head;
    progress(Progress { doing: "checking".to_owned(), rows: 0, rows_total: head.rows() });
    verify(file, &head)?;
    let target = Target::of(config)?;
    let into = target.config(config);
    let shop = Shop::open(into.clone(), Clock::System, Ids::Random).await?;
    shop.migrate_as(&head.migrations).await?;
    // Its connections end, so that the load has the database to itself.
    drop(shop);
    let mut load = Load::begin(&options(&into)?).await.map_err(|error| error.to_string())?;
    let rows = fill(&mut load, file, &progress).await?;
    load.commit().await.map_err(|error| error.to_string())?;
    let shop = Shop::open(into, Clock::System, Ids::Random).await?;
    shop.migrate().await?;
    drop(shop);
    target.finish()?;
    let bytes = std::fs::metadata(file).map_err(|error| error.to_string())?.len();
    Ok(Summary { tables: head.tables.len() as u64, rows, bytes })
}

async fn fill(load: &mut Load, file: &Path, progress: &(impl Fn(Progress) + Send + Sync)) -> Result<u64, String> {
    let mut reader = Reader::open(file)?;
    let (total, mut done) = (reader.head.rows(), 0);
    let tables = reader.head.tables.clone();
    // The first line of a table ends the one before.
    let mut next = reader.next()?;
    for head in tables {
        let Line::Table(name) = next else { return Err("the backup's tables are out of order".to_owned()) };
        let table = Table { name, columns: head.columns, rows: head.rows };
        let mut after = None;
        let mut source = || match reader.next().map_err(store::Error::Schema)? {
            Line::Row(row) => {
                done += 1;
                if done % ROWS_BETWEEN_REPORTS == 0 {
                    progress(Progress { doing: format!("filling {}", table.name), rows: done, rows_total: total });
                }
                Ok(Some(row))
            }
            line => {
                after = Some(line);
                Ok(None)
            }
        };
        let filled = load.fill(&table, &mut source).await.map_err(|error| error.to_string())?;
        if filled != table.rows {
            return Err(format!("{} has {filled} rows, not the backup's {}", table.name, table.rows));
        }
        next = after.ok_or("the backup ends within a table")?;
    }
    Ok(done)
}

/// On SQLite a file of another name, which takes its own when it is whole.
struct Target {
    file: Option<(PathBuf, PathBuf)>,
}

impl Target {
    fn of(config: &Config) -> Result<Self, String> {
        let Some(path) = config.database.url.strip_prefix("sqlite:") else { return Ok(Self { file: None }) };
        let path = PathBuf::from(path.trim_start_matches("//"));
        if path.exists() {
            return Err(format!(
                "{} is there already: restore beside it (`SOUK_DATABASE__URL=sqlite:other.db`), or move it away",
                path.display()
            ));
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".restoring");
        let half = path.with_file_name(name);
        for left in [half.clone(), beside(&half, "-wal"), beside(&half, "-shm"), beside(&half, ".lock")] {
            match std::fs::remove_file(&left) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(format!("{}: {error}", left.display()));
                }
                _ => {}
            }
        }
        Ok(Self { file: Some((half, path)) })
    }

    fn config(&self, config: &Config) -> Config {
        let mut config = config.clone();
        if let Some((half, _)) = &self.file {
            config.database.url = format!("sqlite:{}", half.display());
        }
        config
    }

    fn finish(self) -> Result<(), String> {
        let Some((half, path)) = self.file else { return Ok(()) };
        store::snapshot::close(&half).map_err(|error| error.to_string())?;
        std::fs::rename(&half, &path).map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
