//! `cargo xtask check`: what every commit must pass. Runs all of it, then names what failed.

use crate::process::{interrupted, run};
use crate::{root, tidy, tools};
use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// One part of the check: its name, and what it runs.
type Step = (&'static str, fn() -> Result<(), String>);

const STEPS: [Step; 4] = [("fmt", fmt), ("tidy", tidy::tidy), ("deny", deny), ("clippy", clippy)];

/// Fails when any part failed; the error names the parts.
pub fn check() -> Result<(), String> {
    let begun = Instant::now();
    let mut failed = Vec::new();
    for (name, step) in STEPS {
        println!("==> {name}");
        if let Err(why) = step() {
            eprintln!("{name}: {why}");
            failed.push(name);
        }
        if interrupted() {
            return Err("interrupted".to_owned());
        }
    }
    if !failed.is_empty() {
        return Err(format!("check failed: {}", failed.join(", ")));
    }
    println!("check: ok, in {:.1}s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn fmt() -> Result<(), String> {
    run(cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<(), String> {
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]))
}

fn deny() -> Result<(), String> {
    let program = tools::cargo_deny()?;
    run(Command::new(&program).args(["check", "bans", "licenses", "sources"]).current_dir(root()))?;
    match advisories() {
        Some(_) => run(Command::new(&program).args(["check", "--disable-fetch", "advisories"]).current_dir(root())),
        None => {
            println!("advisories: not checked, no database on this machine (`cargo deny fetch db` brings it)");
            Ok(())
        }
    }
}

/// The folder of advisories that cargo-deny keeps, where it holds one.
fn advisories() -> Option<PathBuf> {
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = cargo_home.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))?;
    let databases = home.join("advisory-dbs");
    databases.read_dir().ok()?.flatten().find(|entry| entry.path().is_dir()).map(|entry| entry.path())
}

fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root());
    cargo
}
