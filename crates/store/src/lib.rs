//! The database seam: SQLite or PostgreSQL behind one small API.
//!
//! A service writes its statements once ([`statements!`]), reads with [`Db::opt`], [`Db::all`] and
//! [`Db::read`], and changes with [`Db::write`]: a function over a transaction that may run again.
//! Events ([`Tx::say`]) and jobs ([`Tx::start`]) leave with the transaction that made them true.
//!
//! - no ORM, no query builder: a statement is a text that both databases understand;
//! - on SQLite one writer thread commits transactions in groups; a group is answered after its one
//!   durable commit;
//! - a transaction waits for nothing but its database.

pub mod clock;
mod db;
mod error;
pub mod fault;
pub mod idempotency;
pub mod inbox;
pub mod job;
pub mod letter;
pub mod migrate;
pub mod outbox;
mod postgres;
pub mod snapshot;
mod sql;
mod sqlite;
pub mod stray;
mod tx;
mod value;
pub mod work;

pub use clock::{Clock, Ids};
pub use db::{AloneGuard, Db, Options, Write};
pub use error::{Error, Result};
pub use job::{Job, StartedJob};
pub use migrate::Migration;
pub use outbox::Envelope;
pub use sql::{Dialect, Sql, render};
pub use tx::{Mark, Tx};
pub use value::{FromRow, FromValue, Json, Row, ToValue, Value, rows};
#[doc(hidden)]
pub use value::{from_id, from_name, name_of};

/// A boxed future that may hold the transaction it works on.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn std::future::Future<Output = T> + Send + 'a>>;

/// Every statement of the platform's own tables, for the test that prepares them.
pub fn statements() -> impl Iterator<Item = &'static Sql> {
    [migrate::ALL, outbox::ALL, inbox::ALL, job::ALL, letter::ALL, idempotency::ALL, stray::ALL]
        .into_iter()
        .flatten()
        .copied()
}
