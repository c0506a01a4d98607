//! `cargo xtask tidy`: the rules of the house that no compiler knows. It reads sources and builds nothing.
//!
//! Each file here holds one group of rules, with planted samples that turn each rule red.

mod columns;
mod dependencies;
mod exceptions;
mod markers;
mod patches;
mod routes;
mod sizes;
mod sql;
pub mod tree;

use crate::root;
use std::time::Instant;
use tree::Tree;

/// A rule reads the sources and says what breaks it.
type Rule = (&'static str, fn(&Tree) -> Vec<Finding>);

const RULES: [Rule; 13] = [
    ("unreadable", tree::unreadable),
    ("file_length", sizes::file_length),
    ("function_length", sizes::function_length),
    ("service_dependency", dependencies::service_dependency),
    ("unfinished", markers::unfinished),
    ("ignored_test", markers::ignored_test),
    ("service_doc", markers::service_doc),
    ("sql_outside_store", sql::sql_outside_store),
    ("unbounded_list", sql::unbounded_list),
    ("admin_permission", routes::admin_permission),
    ("untold_route", routes::untold_route),
    ("unused_column", columns::unused_column),
    ("stale_patch", patches::stale_patch),
];

/// Fails when a rule is broken without an exception, or an exception is no longer needed.
pub fn tidy() -> Result<(), String> {
    let begun = Instant::now();
    let root = root();
    let tree = Tree::read(&root)?;
    let exceptions = exceptions::read(&root.join(exceptions::FILE))?;
    let findings = findings(&tree, &exceptions);
    for (rule, finding) in &findings {
        println!("{}:{}: {} [{rule}]", finding.path, finding.line, finding.says);
    }
    let (files, seconds) = (tree.sources.len(), begun.elapsed().as_secs_f64());
    if findings.is_empty() {
        println!("tidy: ok, {files} files in {seconds:.2}s");
        return Ok(());
    }
    Err(format!("tidy: {} to mend in {files} files, in {seconds:.2}s", findings.len()))
}

/// One thing to mend: where it is, and what to do about it.
#[derive(Debug)]
pub struct Finding {
    pub path: String,
    pub line: usize,
    /// What in the file it is about (a function, a column, a route); empty where it is the file itself.
    pub item: String,
    pub says: String,
}

/// What remains after the exceptions, by path and line; each with its rule.
fn findings(tree: &Tree, exceptions: &exceptions::Exceptions) -> Vec<(&'static str, Finding)> {
    let names = RULES.map(|(name, _)| name);
    let found = RULES.iter().flat_map(|(name, rule)| rule(tree).into_iter().map(move |finding| (*name, finding)));
    let mut left = exceptions::without_excused(found.collect(), exceptions, &names);
    left.sort_by(|(_, a), (_, b)| (&a.path, a.line, &a.item).cmp(&(&b.path, b.line, &b.item)));
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_red_on_one_bad_tree() {
        let long_file = "\n".repeat(501);
        let long_function = format!("fn long() {{\n{}}}", "    work();\n".repeat(70));
        let tree = Tree::planted(&[
            ("crates/souk/src/broken.rs", "fn {"),
            ("crates/souk/src/file.rs", &long_file),
            ("crates/souk/src/function.rs", &long_function),
            ("services/carts/Cargo.toml", "[package]\nname = \"carts\"\n[dependencies]\norders.workspace = true"),
            ("services/orders/Cargo.toml", "[package]\nname = \"orders\""),
            ("services/orders/src/lib.rs", "fn later() { todo!() }"),
            ("services/orders/src/tests.rs", "#[test]\n#[ignore]\nfn slow() {}"),
            ("services/orders/src/place.rs", r#"const Q: &str = "INSERT INTO orders_order VALUES ($1)";"#),
            ("services/orders/src/store.rs", r#"statements! { ALL = "SELECT id FROM orders_order ORDER BY id"; }"#),
            ("services/orders/src/http.rs", "#[utoipa::path(get, path = \"/v1/admin/orders\")]\nasync fn list() {}"),
            ("services/orders/migrations/0001.sql", "CREATE TABLE orders_order (id @id, total @money)"),
            ("crates/bench/next.patch", "--- a/Cargo.toml\n+++ b/Cargo.toml\n@@ -1 +1 @@\n-old\n+new\n"),
        ]);
        let mut red = findings(&tree, &Default::default()).into_iter().map(|(rule, _)| rule).collect::<Vec<_>>();
        red.sort_unstable();
        red.dedup();
        let mut all = RULES.map(|(name, _)| name);
        all.sort_unstable();
        assert_eq!(red, all);
    }

    #[test]
    fn a_good_tree_is_green() {
        let tree = Tree::planted(&[
            ("services/orders/Cargo.toml", "[package]\nname = \"orders\"\n[dependencies]\nstore.workspace = true"),
            (
                "services/orders/src/lib.rs",
                "//! Owns: orders.\n//! Never: money.\n//! Says: order.placed\n//! Hears: none\n",
            ),
            ("services/orders/src/store.rs", r#"statements! { ONE = "SELECT id FROM orders_order WHERE id = $1"; }"#),
            (
                "services/orders/src/http.rs",
                "#[utoipa::path(get, path = \"/v1/admin/orders/{id}\")]\nasync fn read(staff: Staff<Read>) {}",
            ),
            ("services/orders/migrations/0001.sql", "CREATE TABLE orders_order (id @id PRIMARY KEY)"),
            ("crates/testkit/tests/it/staff.rs", r#"fn s() { get(format!("/v1/admin/orders/{id}")); }"#),
        ]);
        assert!(findings(&tree, &Default::default()).is_empty());
    }
}
