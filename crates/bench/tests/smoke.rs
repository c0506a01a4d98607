//! The fault program itself: a short run counts, and is clean.

#![allow(clippy::disallowed_methods, reason = "it reads where the binary under test is")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs it on the binary of `cargo xtask test`; its exit status, what it said, and its one report.
fn faults(arguments: &[&str]) -> (Option<i32>, String, Value) {
    let binary = std::env::var("SOUK_TEST_BINARY").expect("SOUK_TEST_BINARY is not set: run `cargo xtask test`");
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("report.json");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.current_dir(root).args(["faults", "--binary", &binary, "--buyers", "6", "--json"]).arg(&json);
    let Output { status, stdout, stderr } = command.args(arguments).output().expect("bench starts");
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    let text = std::fs::read_to_string(&json).unwrap_or_else(|why| panic!("no report ({why}): {said}"));
    let reports: Value = serde_json::from_str(&text).expect("a report is JSON");
    (status.code(), said, reports[0].clone())
}

#[test]
fn a_shop_that_is_broken_for_a_moment_loses_and_doubles_nothing() {
    let (code, said, report) = faults(&["--seed", "1", "--orders-min", "20", "--faults", "duplicates,gateway-kill"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(report["orders_acknowledged"].as_u64().is_some_and(|orders| orders >= 20), "{report:#}");
    let strikes = report["strikes"].as_array().expect("strikes");
    assert!(strikes.len() == 2 && strikes.iter().all(|strike| strike["fired"] == 1), "{report:#}");
}
