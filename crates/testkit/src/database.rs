//! Where a shop of a test keeps its data: a folder of its own, or a fresh database of the test's server.

use std::path::Path;

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// How a shop runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// One process on SQLite.
    Sqlite,
    /// One process on PostgreSQL.
    Postgres,
    /// As the first; every delivery comes twice and in any order.
    SqliteDisturbed,
    /// As the second; every delivery comes twice and in any order.
    PostgresDisturbed,
    /// A server for each service, on PostgreSQL: events through RabbitMQ, calls over HTTP, behind nginx.
    Distributed,
}

impl Topology {
    pub fn is_postgres(self) -> bool {
        matches!(self, Self::Postgres | Self::PostgresDisturbed | Self::Distributed)
    }

    pub fn is_disturbed(self) -> bool {
        matches!(self, Self::SqliteDisturbed | Self::PostgresDisturbed)
    }

    /// With a fresh, empty database.
    pub async fn database(self) -> Database {
        if self.is_postgres() { Database::postgres().await } else { Database::sqlite() }
    }
}

/// A fresh database; a folder beside it for mails. Both are gone after [`Database::remove`].
#[derive(Debug)]
pub struct Database {
    pub url: String,
    folder: TempDir,
    /// The maintenance database's URL, and the name of ours on that server.
    postgres: Option<(String, String)>,
}

impl Database {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("souk.db").display());
        Self { url, folder, postgres: None }
    }

    pub async fn postgres() -> Self {
        let admin = std::env::var("SOUK_TEST_POSTGRES").expect("SOUK_TEST_POSTGRES is not set: run `cargo xtask test`");
        let name = format!("souk_story_{}", Uuid::now_v7().simple());
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        connect(&admin).await.batch_execute(&create).await.expect("a fresh database");
        let (server, _) = admin.rsplit_once('/').expect("SOUK_TEST_POSTGRES is postgres://user@host:port/postgres");
        let url = format!("{server}/{name}");
        Self { url, folder: tempfile::tempdir().expect("a folder"), postgres: Some((admin, name)) }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub async fn remove(self) {
        if let Some((admin, name)) = &self.postgres {
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            connect(admin).await.batch_execute(&drop).await.expect("the database is dropped");
        }
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.expect("the PostgreSQL of SOUK_TEST_POSTGRES answers");
    tokio::spawn(connection);
    client
}
