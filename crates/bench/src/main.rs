//! Programs that load and break a shop. `bench speed`: how fast it is, beside the limit and its peers.
//! `bench faults`: proof by breaking. A shop of real processes sells while it is broken on purpose; then what was
//! acknowledged, what the gateway charged and what `souk audit` says are compared.
//!
//! Exit status: 0, all is well; 1, a fault run lost, doubled, oversold or left something; 2, the run does not count.

#![allow(clippy::disallowed_methods, reason = "a program that measures real time and starts real processes")]

mod faults;
mod speed;
mod unit;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use outside::FakePsp;

/// The same as Souk's: what the limit answers from memory is to be no slower for its allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(name = "bench", about = "Programs that load and break a shop; they print tables")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// How fast a shop is, beside the machine's limit and beside other shops, in one run.
    Speed(speed::Arguments),
    /// A shop of many processes is broken on purpose while it sells, and then audited.
    Faults(faults::Arguments),
    /// The test gateway as a process; `faults` starts it.
    Gateway {
        #[arg(long)]
        listen: String,
        #[arg(long)]
        state: PathBuf,
    },
    /// Answers pages from memory; `speed` starts it.
    LimitServer {
        #[arg(long)]
        listen: String,
        #[arg(long)]
        pages: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return fail(&format!("no runtime: {why}")),
    };
    // On this thread: what it starts ends with the thread that started it.
    match arguments.command {
        Command::Gateway { listen, state } => runtime.block_on(gateway(&listen, &state)),
        Command::Faults(arguments) => runtime.block_on(faults::command(&arguments)),
        Command::Speed(arguments) => runtime.block_on(speed::command(&arguments)),
        Command::LimitServer { listen, pages } => match runtime.block_on(speed::limit::web::serve(&listen, &pages)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => fail(&why),
        },
    }
}

async fn gateway(listen: &str, state: &std::path::Path) -> ExitCode {
    match FakePsp::serve(listen, Some(state)).await {
        Ok(psp) => {
            say(&format!("fakepsp serves on {}", psp.url));
            std::future::pending().await
        }
        Err(why) => fail(&format!("{listen}: {why}")),
    }
}

#[allow(clippy::print_stdout, reason = "a command prints")]
fn say(text: &str) {
    println!("{text}");
}

#[allow(clippy::print_stderr, reason = "a command prints")]
fn fail(why: &str) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::from(2)
}
