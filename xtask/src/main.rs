//! The repository's own commands: `cargo xtask check`, `test`, `tidy`, `services`, `fuzz-api`, `image`,
//! `next-release`.
//!
//! Everything they start is private to the run (folder, port, process) and is gone when it ends.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line for engineers: it reads the real clock and environment, and it prints"
)]

mod check;
mod failpoints;
mod fuzz;
mod image;
mod next_release;
mod process;
mod services;
mod test;
mod tidy;
mod tools;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Souk's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Formatting, clippy without warnings, tidy, and cargo-deny: what every commit must pass.
    Check,
    /// Every test of the workspace, on a private PostgreSQL and RabbitMQ; then: the release binary holds no failpoint.
    Test {
        /// Install what is missing from Debian's packages (needs root or passwordless sudo).
        #[arg(long)]
        install: bool,
        /// Only the tests whose name contains this.
        filter: Option<String>,
    },
    /// The rules of the house that no compiler knows. Reads sources only.
    Tidy,
    /// Schemathesis over the whole shop's API, with every check and two customers.
    FuzzApi {
        /// For each of the two runs.
        #[arg(long, default_value_t = 300)]
        seconds: u64,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// The binary of the container image, built statically, runs in an empty root as its own user. Wants root.
    Image {
        /// Prove this binary; none is built then.
        #[arg(long, value_name = "FILE")]
        binary: Option<PathBuf>,
    },
    /// The binary of the next release, as crates/bench/next-release.patch makes it, for a rolling upgrade between builds.
    NextRelease,
    /// A private PostgreSQL and RabbitMQ in the foreground, until ctrl-c or the end of stdin.
    Services,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = process::listen_for_signals().and_then(|()| match arguments.command {
        Command::Check => check::check(),
        Command::Test { install, filter } => test::test(install, filter.as_deref()),
        Command::Tidy => tidy::tidy(),
        Command::FuzzApi { seconds, seed } => fuzz::fuzz_api(seconds, seed),
        Command::Image { binary } => image::image(binary),
        Command::NextRelease => next_release::next_release(),
        Command::Services => services::foreground(),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The root of this checkout: as cargo says at run time, since checkouts may share one target folder.
fn root() -> PathBuf {
    let said = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let xtask = said.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    xtask.parent().expect("xtask lies in the root").to_path_buf()
}
