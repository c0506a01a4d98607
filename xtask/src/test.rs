//! `cargo xtask test`: every test of the workspace on a private PostgreSQL and RabbitMQ, then the release binary's own check.

use crate::process::{interrupted, output, run, run_watched};
use crate::services::Services;
use crate::{failpoints, root, tools};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What the binary is built with that fault stories start: the dev build, with failpoints.
pub const FAULTS_BINARY: [&str; 5] = ["build", "--workspace", "--all-features", "--bin", "souk"];

const RELEASE_TEST: &str = "release_holds_no_failpoint";

/// Runs the tests whose name contains `filter`, or all. `install` gets missing Debian packages first.
pub fn test(install: bool, filter: Option<&str>) -> Result<(), String> {
    let begun = Instant::now();
    tools::require_for_tests(install)?;
    let target = target_folder()?;
    let faults_binary = build_with_faults(&target)?;
    let mut tally = Tally::default();
    let tested = {
        let services = Services::start()?;
        cargo_test(&services, &faults_binary, filter, &mut tally)
    };
    if interrupted() {
        return tested;
    }
    let is_wanted = filter.is_none_or(|filter| RELEASE_TEST.contains(filter));
    let released = if is_wanted { release_test(&target, &faults_binary, &mut tally) } else { Ok(()) };
    let outcome = tested.and(released).and_then(|()| tally.ran_something(filter));
    println!("\n{}", tally.closing_line(outcome.is_ok(), begun.elapsed().as_secs_f64()));
    outcome
}

/// The binary that fault stories start.
///
/// Asked for together with the tests, or cargo picks other features for what both need (a dev-dependency adds some)
/// and compiles the shop twice.
fn build_with_faults(target: &Path) -> Result<PathBuf, String> {
    run(cargo().args(FAULTS_BINARY).arg("--tests"))?;
    Ok(target.join("debug/souk"))
}

fn cargo_test(services: &Services, binary: &Path, filter: Option<&str>, tally: &mut Tally) -> Result<(), String> {
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--all-features", "--no-fail-fast"]).args(filter);
    if filter.is_some() {
        // Who asks for one test wants to see what it prints.
        tests.args(["--", "--nocapture"]);
    }
    tests.env("SOUK_TEST_BINARY", binary);
    services.tell(&mut tests);
    run_watched(&mut tests, |line| tally.see(line))
}

/// Speaks as cargo test does, since it is a test: what it builds and reads is not a crate's but the repository's.
fn release_test(target: &Path, faults_binary: &Path, tally: &mut Tally) -> Result<(), String> {
    println!("\n     Running {RELEASE_TEST} (xtask)\n\nrunning 1 test");
    let begun = Instant::now();
    let outcome = run(cargo().args(["build", "--quiet", "--release", "-p", "souk"]))
        .and_then(|()| failpoints::release_holds_none(&root(), &target.join("release/souk"), faults_binary));
    let (verdict, counts) = match &outcome {
        Ok(_) => ("ok", "ok. 1 passed; 0 failed"),
        Err(_) => ("FAILED", "FAILED. 0 passed; 1 failed"),
    };
    println!("test {RELEASE_TEST} ... {verdict}");
    match &outcome {
        Ok(names) => println!("  ({names} failpoints: each in the faults binary, none in the release binary)"),
        Err(why) => println!("\nfailures:\n\n---- {RELEASE_TEST} ----\n{why}"),
    }
    let seconds = begun.elapsed().as_secs_f64();
    let result = format!("test result: {counts}; 0 ignored; 0 measured; 0 filtered out; finished in {seconds:.2}s");
    println!("\n{result}");
    tally.see(&result);
    outcome.map(drop).map_err(|why| format!("{RELEASE_TEST}: {why}"))
}

/// The sums of cargo test's `test result:` lines, one for each test binary.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Tally {
    fn see(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        self.passed += count(result, "passed");
        self.failed += count(result, "failed");
        self.ignored += count(result, "ignored");
    }

    /// A misspelt filter proves nothing, and must not look as if it did.
    fn ran_something(&self, filter: Option<&str>) -> Result<(), String> {
        match filter {
            Some(filter) if self.passed == 0 => Err(format!("no test's name contains {filter:?}")),
            _ => Ok(()),
        }
    }

    /// Begins with `total:` and not with `test result:`, so that who adds up the results counts nothing twice.
    fn closing_line(&self, passed: bool, seconds: f64) -> String {
        let verdict = if passed { "ok" } else { "FAILED" };
        let Self { passed, failed, ignored } = self;
        format!("total: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; finished in {seconds:.2}s")
    }
}

/// The number before a word in `ok. 3 passed; 0 failed; …`.
fn count(result: &str, word: &str) -> u64 {
    let words = result.split([' ', ';']).collect::<Vec<_>>();
    let at = words.iter().position(|found| *found == word).and_then(|at| at.checked_sub(1));
    at.and_then(|at| words[at].parse().ok()).unwrap_or(0)
}

/// Where cargo puts what it builds: its own word.
pub fn target_folder() -> Result<PathBuf, String> {
    let metadata = output(cargo().args(["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata =
        serde_json::from_str::<serde_json::Value>(&metadata).map_err(|why| format!("cargo metadata: {why}"))?;
    let folder = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    folder.map(PathBuf::from).ok_or_else(|| "cargo metadata names no target_directory".to_owned())
}

pub fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root());
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_adds_up_every_binary() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s",
            "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        ] {
            tally.see(line);
        }
        assert!(Tally::default().ran_something(Some("tow_buyers")).is_err());
        assert!(tally.ran_something(Some("two_buyers")).is_ok());
        let said = tally.closing_line(false, 1.5);
        assert_eq!(said, "total: FAILED. 7 passed; 2 failed; 1 ignored; finished in 1.50s");
    }
}
