//! Who and what is around a shop: buyers and staff who ask it over HTTP, the nginx before it, the payment gateway behind
//! it. It knows the public API, and no service: a program that loads or breaks a shop is built without one.
#![allow(clippy::disallowed_methods, reason = "tests measure real time and read where their servers are")]

mod buyer;
mod client;
mod front;
pub mod psp;
mod staff;
mod waiting;

pub use buyer::{Buyer, TOKEN_DECLINED, TOKEN_NEEDS_ACTION, TOKEN_OK, TOKEN_SILENT, TOKEN_SLOW, address};
pub use client::{Answer, Ask, Client};
pub use front::{Front, routes};
pub use psp::FakePsp;
pub use staff::{Product, Staff, new_product};
pub use waiting::{Waiting, waiting};

/// The root of this checkout: as cargo says at run time, since checkouts may share one target folder.
pub fn repository() -> std::path::PathBuf {
    let said = std::env::var_os("CARGO_MANIFEST_DIR");
    std::path::PathBuf::from(said.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into())).join("../..")
}
