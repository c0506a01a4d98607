//! Boots a whole shop for tests, in any topology, and asks it over HTTP as its users do.
//!
//! [`Shop`] runs in the test's own process, with a clock and ids that the test holds; [`Process`] is the
//! real binary, for what only a process can show (`kill -9`, exit codes). Both are asked by [`Client`],
//! [`Buyer`] and [`Staff`]: the public API alone. The stories are `tests/it/`.
#![allow(clippy::disallowed_methods, reason = "tests measure real time and read where their servers are")]
#![allow(clippy::print_stdout, reason = "a test shows what it printed when it fails")]

mod broker;
mod database;
mod distributed;
pub mod pages;
mod process;
mod receiver;
mod settle;
mod shop;
mod smtp;

pub use broker::Broker;
pub use database::{Database, Topology};
pub use outside::*;
pub use process::{Ended, Process, Setting, add_staff, audit, souk};
pub use receiver::{Receiver, Told};
pub use shop::{Shop, ShopOptions};
pub use smtp::Smtp;

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
