//! `souk restore`: a backup into an empty database, whole or not at all.

use std::path::{Path, PathBuf};

use platform::{Clock, Config, Ids};
use store::snapshot::{Load, MIGRATIONS, Snapshot, Table};
use tempfile::{TempDir, TempPath};

use super::backup::{options, prefixes, verify};
use super::format::{Line, Reader};
use super::{Progress, ROWS_BETWEEN_REPORTS, Summary};
use crate::whole;
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
    let target = Target::of(config).await?;
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

/// What SQLite leaves beside a database whose last process was killed, and would take into one that comes after it.
const LOGS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Where the rows go.
enum Target {
    /// A file in a folder of its own beside where it shall be, which takes its name when it is whole.
    Sqlite {
        folder: TempDir,
        path: PathBuf,
    },
    Postgres,
}

impl Target {
    /// Refuses what is there already, before anything is changed.
    async fn of(config: &Config) -> Result<Self, String> {
        let Some(path) = config.database.url.strip_prefix("sqlite:") else {
            refuse_filled(config).await?;
            return Ok(Self::Postgres);
        };
        let path = PathBuf::from(path.trim_start_matches("//"));
        refuse_left_over(&path)?;
        let folder = tempfile::Builder::new().prefix(".souk-restore-").tempdir_in(whole::folder_of(&path));
        let folder = folder.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self::Sqlite { folder, path })
    }

    fn config(&self, config: &Config) -> Config {
        let mut config = config.clone();
        if let Self::Sqlite { folder, .. } = self {
            config.database.url = format!("sqlite:{}", half(folder).display());
        }
        config
    }

    fn finish(self) -> Result<(), String> {
        let Self::Sqlite { folder, path } = self else { return Ok(()) };
        let half = half(&folder);
        store::snapshot::close(&half).map_err(|error| error.to_string())?;
        refuse_left_over(&path)?;
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let half = TempPath::try_from_path(half).map_err(failed)?;
        half.persist_noclobber(&path).map_err(|error| failed(error.error))?;
        whole::keep(&path).map_err(failed)
    }
}

fn half(folder: &TempDir) -> PathBuf {
    folder.path().join("souk.db")
}

fn refuse_left_over(path: &Path) -> Result<(), String> {
    if path.symlink_metadata().is_ok() {
        return Err(format!(
            "{} is there already: restore beside it (`SOUK_DATABASE__URL=sqlite:other.db`), or move it away",
            path.display()
        ));
    }
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let left: Vec<String> = LOGS
        .into_iter()
        .map(beside)
        .filter(|log| log.symlink_metadata().is_ok())
        .map(|log| log.display().to_string())
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} would be taken into {}: it is of the shop that was there before; move it with that shop's file, \
         or restore beside it (`SOUK_DATABASE__URL=sqlite:other.db`)",
        left.join(" and "),
        path.display()
    ))
}

/// A shop that lives in the database keeps its rows and its schema.
async fn refuse_filled(config: &Config) -> Result<(), String> {
    let found = Snapshot::open(&options(config)?, &prefixes()).await.map_err(|error| error.to_string())?;
    match found.tables().iter().find(|table| table.rows > 0 && table.name != MIGRATIONS) {
        Some(table) => Err(format!("{} has {} rows already: restore into an empty database", table.name, table.rows)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(left: &[&str]) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        left.iter().for_each(|name| std::fs::write(folder.path().join(name), "x").expect("a file"));
        let mut config = Config::defaults();
        config.database.url = format!("sqlite:{}", folder.path().join("souk.db").display());
        Target::of(&config).await.err()
    }

    #[tokio::test]
    async fn what_another_shop_left_is_refused_by_name() {
        assert_eq!(refusal(&["souk.db.lock", "other.db-wal"]).await, None);
        for left in ["souk.db", "souk.db-wal", "souk.db-shm", "souk.db-journal"] {
            let why = refusal(&[left]).await.expect(left);
            assert!(why.contains(&format!("/{left} ")), "{why}");
        }
        let both = refusal(&["souk.db-wal", "souk.db-shm"]).await.expect("both");
        assert!(both.contains("/souk.db-wal and ") && both.contains("/souk.db-shm "), "{both}");
    }

    #[tokio::test]
    async fn a_file_that_appeared_meanwhile_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("souk.db");
        let mut config = Config::defaults();
        config.database.url = format!("sqlite:{}", path.display());
        let target = Target::of(&config).await.expect("nothing is there");
        let Target::Sqlite { folder: beside, .. } = &target else { panic!("a file") };
        std::fs::write(half(beside), "").expect("an empty database");
        std::fs::write(&path, "another shop").expect("a file");
        assert!(target.finish().is_err_and(|why| why.contains("is there already")));
        assert_eq!(std::fs::read_to_string(&path).expect("the other shop"), "another shop");
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing is left behind");
    }
}
