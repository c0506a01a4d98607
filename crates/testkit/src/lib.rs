//! Boots a whole shop for tests, in any topology, and asks it over HTTP as its users do.
//!
//! [`Shop`] runs in the test's own process, with a clock and ids that the test holds; [`Process`] is the
//! real binary, for what only a process can show (`kill -9`, exit codes). Both are asked by [`Client`],
//! [`Buyer`] and [`Staff`]: the public API alone. The stories are `tests/it/`.
#![allow(clippy::disallowed_methods, reason = "tests measure real time and read where their servers are")]
#![allow(clippy::print_stdout, reason = "a test shows what it printed when it fails")]

mod broker;
mod buyer;
mod client;
mod database;
mod distributed;
mod front;
pub mod pages;
mod process;
pub mod psp;
mod receiver;
mod settle;
mod shop;
mod smtp;
mod staff;

pub use broker::Broker;
pub use buyer::{Buyer, TOKEN_DECLINED, TOKEN_NEEDS_ACTION, TOKEN_OK, TOKEN_SILENT, TOKEN_SLOW};
pub use client::{Answer, Ask, Client};
pub use database::{Database, Topology};
pub use front::{Front, routes};
pub use process::{Ended, Process, Setting, add_staff, audit, souk};
pub use psp::FakePsp;
pub use receiver::{Receiver, Told};
pub use settle::{Waiting, waiting};
pub use shop::{Shop, ShopOptions};
pub use smtp::Smtp;
pub use staff::{Product, Staff};

/// The root of this checkout: as cargo says at run time, since checkouts may share one target folder.
pub fn repository() -> std::path::PathBuf {
    let said = std::env::var_os("CARGO_MANIFEST_DIR");
    std::path::PathBuf::from(said.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into())).join("../..")
}

/// The instant at which every shop of a test begins.
pub const NOON: jiff::Timestamp = jiff::Timestamp::constant(1_795_348_800, 0);

/// Runs each story on every topology, as a test of its own: `stories! { file: a_sentence another_one; }`.
#[macro_export]
macro_rules! stories {
    ($($file:ident: $($name:ident)+;)*) => {
        $crate::stories!(@on sqlite Sqlite [$($file: $($name)+;)*]);
        $crate::stories!(@on postgres Postgres [$($file: $($name)+;)*]);
        $crate::stories!(@on sqlite_disturbed SqliteDisturbed [$($file: $($name)+;)*]);
        $crate::stories!(@on postgres_disturbed PostgresDisturbed [$($file: $($name)+;)*]);
        $crate::stories!(@on distributed Distributed [$($file: $($name)+;)*]);
    };
    (@on $module:ident $topology:ident [$($file:ident: $($name:ident)+;)*]) => {
        mod $module {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$file::$name($crate::Topology::$topology).await;
                }
            )+)*
        }
    };
}
