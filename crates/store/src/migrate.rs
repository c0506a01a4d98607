//! Migrations: each service's own, in order, once; forward only, rendered for the database in hand.
//!
//! A binary runs on a schema at most one release newer than itself and refuses beyond, so that a
//! rollback by one release is always possible. Why not refinery: docs/decisions/migrations.md.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Db, Dialect, Error, Result, Sql, Tx, params, render, statements};

/// The release of this binary, as migrations count it.
pub const RELEASE: i64 = 1;

/// One step of a service's schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// `0001_orders`: sorts in the order of application.
    pub name: &'static str,
    /// The release that brought it.
    pub release: i64,
    pub sql: &'static str,
}

/// `migrations!["0001_start" (release 1)]` reads `migrations/0001_start.sql` of the calling crate.
#[macro_export]
macro_rules! migrations {
    ($($name:literal (release $release:literal)),* $(,)?) => {
        &[$($crate::Migration {
            name: $name,
            release: $release,
            sql: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $name, ".sql")),
        }),*]
    };
}

statements! {
    APPLIED = "SELECT service, name, checksum, release FROM souk_migration ORDER BY service, name -- bounded: a row a migration";
    INSERT = "INSERT INTO souk_migration (service, name, checksum, release, applied_at) VALUES ($1, $2, $3, $4, $5)";
}

/// How long all migrations of a start may take together: a large table takes its time.
const MIGRATING_MAX: Duration = Duration::from_secs(3_600);

/// The platform's own tables.
pub const PLATFORM: &[Migration] = migrations!["0001_platform" (release 1)];

static BOOTSTRAP: Sql = Sql::new(
    "migrate::BOOTSTRAP",
    "CREATE TABLE IF NOT EXISTS souk_migration (
        service @text NOT NULL, name @text NOT NULL, checksum @text NOT NULL, release @int NOT NULL,
        applied_at @time NOT NULL, PRIMARY KEY (service, name))@table",
);

/// Brings the schema of these services up to date; returns the names of what was applied. Safe to run
/// from several processes at once, and again.
pub async fn migrate(db: &Db, services: &[(&'static str, &'static [Migration])]) -> Result<Vec<String>> {
    let mut all = vec![("souk", PLATFORM)];
    all.extend_from_slice(services);
    let dialect = db.dialect();
    db.write_within(MIGRATING_MAX, (all, dialect), |tx, (all, dialect)| Box::pin(apply(tx, all, *dialect))).await
}

async fn apply(tx: &mut Tx, all: &[(&'static str, &'static [Migration])], dialect: Dialect) -> Result<Vec<String>> {
    if dialect == Dialect::Postgres {
        // Waits for another process that migrates, as long as that takes; for a reader of a table less long.
        tx.script("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(7354001)")
            .await?;
        tx.script("SET LOCAL lock_timeout = '10s'").await?;
    }
    tx.script(&render(BOOTSTRAP.text, dialect)).await?;
    let applied: Vec<(String, String, String, i64)> = tx.all(&APPLIED, params![]).await?;
    if let Some((service, name, _, release)) = applied.iter().find(|(.., release)| *release > RELEASE + 1) {
        return Err(Error::Schema(format!(
            "the database was migrated by release {release} ({service} {name}); this binary is release {RELEASE} and \
             runs on at most {}: start a newer souk",
            RELEASE + 1
        )));
    }
    let known: BTreeMap<(&str, &str), &str> = applied
        .iter()
        .map(|(service, name, checksum, _)| ((service.as_str(), name.as_str()), checksum.as_str()))
        .collect();
    let mut done = Vec::new();
    for (service, migrations) in all {
        for migration in *migrations {
            let checksum = checksum(migration.sql);
            match known.get(&(*service, migration.name)) {
                Some(before) if *before == checksum => {}
                Some(_) => {
                    return Err(Error::Schema(format!(
                        "migration {service} {} was changed after it was applied: add a new one instead",
                        migration.name
                    )));
                }
                None => {
                    tx.script(&render(migration.sql, dialect))
                        .await
                        .map_err(|error| in_migration(service, migration, error))?;
                    let now = tx.now();
                    tx.exec(&INSERT, params![*service, migration.name, checksum, migration.release, now]).await?;
                    done.push(format!("{service} {}", migration.name));
                }
            }
        }
    }
    Ok(done)
}

fn in_migration(service: &str, migration: &Migration, error: Error) -> Error {
    match error {
        Error::Statement { reason, .. } => Error::Schema(format!("migration {service} {}: {reason}", migration.name)),
        other => other,
    }
}

/// FNV-1a of the text: it finds an edited file, it keeps no secret.
fn checksum(sql: &str) -> String {
    let hash = sql
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
