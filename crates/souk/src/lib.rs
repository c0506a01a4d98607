//! Souk as a library: a shop may add its own service crate beside ours and keep everything else.
//!
//! [`wire`] is the one place that decides who runs where. [`cli`] is the command line over it.

pub mod archive;
pub mod audit;
pub mod cli;
mod commands;
pub mod export;
pub mod import;
mod whole;
pub mod wire;
