//! The fault program itself: a short run counts and is clean; with a bug in every process it finds that bug, by name.

#![allow(clippy::disallowed_methods, reason = "it reads where the binary under test is")]

use std::collections::BTreeSet;
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
    let (code, said, report) =
        faults(&["--seed", "1", "--orders-min", "20", "--faults", "duplicates,gateway-kill,clock"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(report["orders_acknowledged"].as_u64().is_some_and(|orders| orders >= 20), "{report:#}");
    let strikes = report["strikes"].as_array().expect("strikes");
    assert!(strikes.len() == 4 && strikes.iter().all(|strike| strike["fired"] == 1), "{report:#}");
}

/// A bug, the faults that bring it to light, and what has to be found: by what buyers and the gateway know, and by the
/// audit.
struct Planted {
    bug: &'static str,
    faults: &'static str,
    orders_min: &'static str,
    violations: &'static [&'static str],
    findings: &'static [&'static str],
}

impl Planted {
    fn is_caught(&self) {
        let Self { bug, faults: groups, orders_min, violations, findings } = self;
        let arguments = ["--seed", "1", "--bugs", bug, "--faults", groups, "--orders-min", orders_min];
        let (code, said, report) = faults(&[&arguments[..], &["--settle-seconds-max", "30"]].concat());
        assert_eq!(code, Some(1), "{said}");
        let names = |list: &str, field: &str| -> BTreeSet<&str> {
            let all = report[list].as_array().expect("a list").iter();
            all.map(|one| one[field].as_str().expect("a name")).collect()
        };
        // What follows from it may be found as well: an oversold shop has orders that end in no way.
        let (kinds, invariants) = (names("violations", "kind"), names("findings", "invariant"));
        assert!(violations.iter().all(|kind| kinds.contains(kind)), "{kinds:?}: {said}");
        assert!(findings.iter().all(|invariant| invariants.contains(invariant)), "{invariants:?}: {said}");
    }
}

macro_rules! planted {
    ($($name:ident: $bug:literal in $orders_min:literal orders and $faults:literal
        is $($violation:literal)* and $($finding:literal)*;)+) => {$(
        #[test]
        fn $name() {
            let (violations, findings) = (&[$($violation),*], &[$($finding),*]);
            Planted { bug: $bug, faults: $faults, orders_min: $orders_min, violations, findings }.is_caught();
        }
    )+};
}

planted! {
    an_inbox_that_is_dropped: "bug.inbox.is_dropped" in "20" orders and "duplicates" is and "I7";
    stock_that_is_looked_at_and_then_taken: "bug.inventory.oversells" in "50" orders and "duplicates" is "oversold" and "I1";
    a_new_key_for_each_try: "bug.payments.new_key_each_try" in "20" orders and "gateway" is "charged_twice" and;
    a_new_key_for_each_try_of_a_refund: "bug.payments.new_key_each_refund" in "20" orders and "gateway" is "refunded_twice" and;
    an_event_past_the_outbox: "bug.orders.says_past_the_outbox" in "20" orders and "duplicates" is and "I13";
    an_event_that_is_acknowledged_and_lost: "bug.relay.loses" in "20" orders and "duplicates" is and "I7";
    money_that_is_kept: "bug.payments.keeps_money_of_cancelled" in "20" orders and "duplicates" is "charged_twice" and "I5";
}
