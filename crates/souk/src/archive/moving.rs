//! `souk move`: a stopped shop from its SQLite file into PostgreSQL, one database or one a service.
//!
//! Chunk by chunk, each committed with how far it came: killed and started again, it goes on. When all is there, every
//! table is read on both sides and compared.

use std::collections::{BTreeMap, BTreeSet};

use contracts::SERVICES;
use platform::{Clock, Config, Ids, fault};
use sha2::{Digest, Sha256};
use store::snapshot::{Came, Intake, MIGRATIONS, Snapshot, Table};
use store::{AloneGuard, Options, Value};

use super::{Progress, Summary};
use crate::archive::backup::prefixes;
use crate::wire::Shop;

const CHUNK_ROWS: i64 = 2_000;
/// A table whose rows refer to each other is taken in one piece: a shop's categories.
const WHOLE: i64 = i64::MAX;

/// What came of a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub summary: Summary,
    /// Rows that an earlier run had brought over.
    pub were_there: u64,
    /// It was finished before: nothing was done.
    pub was_done: bool,
}

/// A database that services move into.
struct Target {
    services: Vec<&'static str>,
    options: Options,
    intake: Intake,
}

/// Moves the shop of `from` (`sqlite:…`) into `to` (`postgres://…`) and the databases of `[database.services]`.
pub async fn move_shop(
    config: &Config,
    from: &str,
    to: &str,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<Moved, String> {
    let (source, target) = configs(config, from, to)?;
    let _closed = close(source, from).await?;
    let mut shop = Snapshot::open(&Options::new(from), &prefixes()).await.map_err(text)?;
    let migrations = shop.migrations().await.map_err(|error| format!("{from}: {error}"))?;
    let tables: Vec<Table> = shop.tables().iter().filter(|table| table.name != MIGRATIONS).cloned().collect();
    let fingerprint = fingerprint(&mut shop, &tables)?;

    let into = Shop::open(target.clone(), Clock::System, Ids::Random).await?;
    let _alone = alone(&into).await?;
    let targets = targets(&target).await?;
    let mut done = true;
    for one in &targets {
        done &= one.intake.begin(&fingerprint).await.map_err(|error| format!("`--to` can't be filled: {error}"))?;
    }
    let rows = tables.iter().map(|table| table.rows).sum();
    let summary = Summary { tables: tables.len() as u64, rows, bytes: 0 };
    if done {
        return Ok(Moved { summary, were_there: rows, was_done: true });
    }
    into.migrate_as(&migrations).await?;
    let mut at = At { rows: 0, were_there: 0, rows_total: rows, progress: &progress };
    for one in &targets {
        for table in tables_of(&tables, one) {
            bring(&mut shop, one, table, &mut at).await?;
        }
    }
    for one in &targets {
        for table in tables_of(&tables, one) {
            at.say(format!("comparing {}", table.name));
            compare(&mut shop, one, table).await?;
        }
    }
    into.migrate().await?;
    for one in &targets {
        one.intake.finish().await.map_err(text)?;
    }
    Ok(Moved { summary, were_there: at.were_there, was_done: false })
}

/// The settings of the shop that is left, and of the one that it becomes.
fn configs(config: &Config, from: &str, to: &str) -> Result<(Config, Config), String> {
    let path = from.strip_prefix("sqlite:");
    let path = path.ok_or_else(|| format!("`--from {from}`: a shop is moved from an SQLite file: sqlite:souk.db"))?;
    if !std::path::Path::new(path.trim_start_matches("//")).exists() {
        return Err(format!("`--from {from}`: there is no such file"));
    }
    if !to.starts_with("postgres://") && !to.starts_with("postgresql://") {
        return Err("`--to`: a shop is moved into PostgreSQL: postgres://user@host:5432/database".to_owned());
    }
    let (mut source, mut target) = (config.clone(), config.clone());
    from.clone_into(&mut source.database.url);
    source.database.services.clear();
    to.clone_into(&mut target.database.url);
    Ok((source, target))
}

/// Nobody serves on it until the guard is dropped.
async fn close(source: Config, from: &str) -> Result<AloneGuard, String> {
    let shop = Shop::open(source, Clock::System, Ids::Random).await?;
    let guard = shop.ctx("orders").db.lock_alone().await.map_err(text)?;
    guard.ok_or_else(|| format!("a souk serves on {from}: stop it first, what it sells meanwhile would be lost"))
}

async fn alone(shop: &Shop) -> Result<Vec<AloneGuard>, String> {
    let (mut guards, mut locked): (Vec<AloneGuard>, Vec<&store::Db>) = (Vec::new(), Vec::new());
    for db in shop.services.iter().map(|service| &service.ctx.db) {
        if locked.iter().any(|known| known.is_same(db)) {
            continue;
        }
        locked.push(db);
        let guard = db.lock_alone().await.map_err(text)?;
        guards.push(guard.ok_or("a souk serves on the target: stop it first")?);
    }
    Ok(guards)
}

/// Each database once. One that holds a shop which did not come by a move keeps it.
async fn targets(config: &Config) -> Result<Vec<Target>, String> {
    let mut by_url: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
    for service in SERVICES {
        let url = config.database.services.get(service).unwrap_or(&config.database.url);
        by_url.entry(url).or_default().push(service);
    }
    let mut targets = Vec::new();
    for (url, services) in by_url {
        let options = Options::new(url);
        let intake = Intake::open(&options).await.map_err(text)?;
        if !intake.is_begun().await.map_err(text)? {
            let found = Snapshot::open(&options, &prefixes()).await.map_err(text)?;
            if let Some(table) = found.tables().iter().find(|table| table.rows > 0 && table.name != MIGRATIONS) {
                return Err(format!("{} has {} rows already: move into an empty database", table.name, table.rows));
            }
        }
        targets.push(Target { services, options, intake });
    }
    Ok(targets)
}

/// The platform's tables hold rows of every service and go everywhere in part.
fn tables_of<'a>(tables: &'a [Table], target: &'a Target) -> impl Iterator<Item = &'a Table> {
    tables.iter().filter(|table| {
        let owner = table.name.split_once('_').map_or("", |(owner, _)| owner);
        owner == "souk" || target.services.contains(&owner)
    })
}

/// What tells one shop's file, as it is now, from another's.
fn fingerprint(shop: &mut Snapshot, tables: &[Table]) -> Result<String, String> {
    let mut hash = Sha256::new();
    for table in tables {
        hash.update(format!("{} {}\n", table.name, table.rows));
        let first = shop.chunk(table, &SERVICES, i64::MIN, 1).map_err(text)?;
        for cell in first.iter().flat_map(|(_, row)| row) {
            hash.update(canonical(cell, false));
        }
    }
    Ok(super::format::hex(&hash.finalize()))
}

struct At<'a> {
    rows: u64,
    were_there: u64,
    rows_total: u64,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
}

impl At<'_> {
    fn say(&self, doing: String) {
        (self.progress)(Progress { doing, rows: self.rows, rows_total: self.rows_total });
    }
}

/// Brings over what is not there yet.
async fn bring(shop: &mut Snapshot, target: &Target, table: &Table, at: &mut At<'_>) -> Result<(), String> {
    let mut came = target.intake.came(&table.name).await.map_err(text)?;
    if came == Came::default() {
        came.last = i64::MIN;
    }
    at.rows += came.rows;
    at.were_there += came.rows;
    let whole = target.intake.refers_to_itself(&table.name).await.map_err(text)?;
    while !came.done {
        let limit = if whole { WHOLE } else { CHUNK_ROWS };
        let chunk = shop.chunk(table, &target.services, came.last, limit).map_err(text)?;
        came.rows += chunk.len() as u64;
        at.rows += chunk.len() as u64;
        came.last = chunk.last().map_or(came.last, |(number, _)| *number);
        came.done = whole || chunk.len() < CHUNK_ROWS.unsigned_abs() as usize;
        target.intake.take(table, &chunk, came).await.map_err(text)?;
        fault::point("move.chunk");
        at.say(format!("moving {}", table.name));
    }
    Ok(())
}

/// As many rows on both sides, and the same ones.
async fn compare(shop: &mut Snapshot, target: &Target, table: &Table) -> Result<(), String> {
    let mut json: BTreeSet<usize> = BTreeSet::new();
    let mut theirs = Sum::default();
    let mut view = Snapshot::open(&target.options, &prefixes()).await.map_err(text)?;
    let mut sink = |row: Vec<Value>| {
        let is_json = row.iter().enumerate().filter(|(_, cell)| matches!(cell, Value::Json(_)));
        json.extend(is_json.map(|(place, _)| place));
        theirs.add(&row, &json);
        Ok(())
    };
    view.read(table, &mut sink).await.map_err(text)?;
    let (mut ours, mut after) = (Sum::default(), i64::MIN);
    loop {
        let chunk = shop.chunk(table, &target.services, after, CHUNK_ROWS).map_err(text)?;
        let Some((last, _)) = chunk.last() else { break };
        after = *last;
        chunk.iter().for_each(|(_, row)| ours.add(row, &json));
    }
    if ours == theirs {
        return Ok(());
    }
    Err(format!(
        "{} has {} rows there and {} here, or not the same ones: the shop was changed meanwhile; begin again with an \
         empty database",
        table.name, theirs.rows, ours.rows
    ))
}

/// Of rows in any order: how many, and the sum of their digests.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    digests: u128,
}

impl Sum {
    fn add(&mut self, row: &[Value], json: &BTreeSet<usize>) {
        let mut hash = Sha256::new();
        for (place, cell) in row.iter().enumerate() {
            let cell = canonical(cell, json.contains(&place));
            hash.update((cell.len() as u64).to_be_bytes());
            hash.update(cell);
        }
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.finalize()[..16]);
        self.rows += 1;
        self.digests = self.digests.wrapping_add(u128::from_be_bytes(digest));
    }
}

/// A cell as both databases mean it: SQLite has numbers for booleans, and each writes JSON its own way.
fn canonical(cell: &Value, is_json: bool) -> String {
    match cell {
        Value::Null => "null".to_owned(),
        Value::Int(number) => format!("={number}"),
        Value::Bool(flag) => format!("={}", i64::from(*flag)),
        Value::Id(id) => format!("#{id}"),
        Value::Bytes(bytes) => format!("b{bytes:?}"),
        Value::Text(text) | Value::Json(text) if is_json => match serde_json::from_str(text) {
            Ok(json) => format!("j{}", sorted(json)),
            Err(_) => format!("t{text}"),
        },
        Value::Text(text) | Value::Json(text) => format!("t{text}"),
    }
}

/// With the fields of each object by name.
fn sorted(json: serde_json::Value) -> serde_json::Value {
    match json {
        serde_json::Value::Object(fields) => {
            let by_name: BTreeMap<String, serde_json::Value> =
                fields.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            by_name.into_iter().collect()
        }
        serde_json::Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn text(error: store::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(rows: &[&[Value]], json: &[usize]) -> Sum {
        let mut sum = Sum::default();
        rows.iter().for_each(|row| sum.add(row, &json.iter().copied().collect()));
        sum
    }

    #[test]
    fn the_same_rows_are_the_same_in_any_order_and_spelling() {
        let (one, two) = ([Value::Int(1), Value::Text("a".to_owned())], [Value::Bool(false), Value::Null]);
        assert_eq!(sum(&[&one, &two], &[]), sum(&[&two, &one], &[]));
        assert_eq!(sum(&[&[Value::Bool(true)]], &[]), sum(&[&[Value::Int(1)]], &[]));
        let here = [Value::Text(r#"{"b":1,"a":{"d":[2],"c":null}}"#.to_owned())];
        let there = [Value::Json(r#"{"a": {"c": null, "d": [2]}, "b": 1}"#.to_owned())];
        assert_eq!(sum(&[&here], &[0]), sum(&[&there], &[0]));
    }

    #[test]
    fn another_row_is_another_sum() {
        let text = |text: &str| Value::Text(text.to_owned());
        assert_ne!(sum(&[&[text("a")], &[text("b")]], &[]), sum(&[&[text("a")], &[text("c")]], &[]));
        assert_ne!(sum(&[&[text("a")]], &[]), sum(&[&[text("a")], &[text("a")]], &[]));
        assert_ne!(sum(&[&[text("ab"), text("")]], &[]), sum(&[&[text("a"), text("b")]], &[]));
        assert_ne!(sum(&[&[Value::Null]], &[]), sum(&[&[text("null")]], &[]));
        assert_ne!(sum(&[&[Value::Int(1)]], &[]), sum(&[&[text("1")]], &[]));
    }

    #[test]
    fn what_can_not_be_moved_is_refused_by_name() {
        let config = Config::defaults();
        for (from, to, why) in [
            ("postgres://a/b", "postgres://c/d", "--from postgres://a/b"),
            ("sqlite:nowhere/shop.db", "postgres://c/d", "there is no such file"),
        ] {
            assert!(configs(&config, from, to).is_err_and(|refusal| refusal.contains(why)), "{from}");
        }
        let file = tempfile::NamedTempFile::new().expect("a file");
        let from = format!("sqlite:{}", file.path().display());
        assert!(configs(&config, &from, "sqlite:other.db").is_err_and(|refusal| refusal.contains("--to")));
        let (source, target) = configs(&config, &from, "postgres://c/d").expect("it can be moved");
        assert_eq!((source.database.url, target.database.url), (from, "postgres://c/d".to_owned()));
    }
}
