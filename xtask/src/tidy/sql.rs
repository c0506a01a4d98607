//! Statements live in the service's store, and every list has a limit.

use super::Finding;
use super::tree::{RustSource, Text, Tree, is_service_store};

/// The seam itself; what reads databases from outside to judge them; and samples of statements in tidy's own tests.
const EXEMPT: [&str; 8] = [
    "crates/store/",
    "crates/platform/tests/",
    "crates/souk/src/import/tests",
    "crates/souk/src/export/tests",
    "crates/outside/",
    "crates/testkit/",
    "crates/bench/",
    "xtask/",
];
const STATEMENTS: [&str; 5] = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "WITH "];

/// Rule: a string that begins as a statement stands in a service's `store.rs`.
pub fn sql_outside_store(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sources = tree.rust().filter(|source| !EXEMPT.iter().any(|folder| source.path.starts_with(folder)));
    for source in sources.filter(|source| !is_service_store(source.path)) {
        for text in source.strings.iter().filter(|text| is_statement(&flat(&text.value))) {
            let begins = flat(&text.value).chars().take(32).collect::<String>();
            let says = format!("a statement (`{begins}…`) outside store.rs: give it a name there");
            findings.push(finding(&source, text, says));
        }
    }
    findings
}

/// Rule: a SELECT that sorts has a LIMIT, or says `-- bounded: why` (in it, or as a `//` line right above it).
pub fn unbounded_list(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.rust().filter(|source| is_service_store(source.path)) {
        for text in &source.strings {
            if is_unbounded(&text.value) && !is_said_to_be_bounded(&source, text) {
                let says = "a list without a limit: add `LIMIT $n`, or `-- bounded: why`".to_owned();
                findings.push(finding(&source, text, says));
            }
        }
    }
    findings
}

/// Whether its outermost query sorts rows and does not limit them.
fn is_unbounded(text: &str) -> bool {
    let statement = flat(text);
    let is_query = statement.starts_with("SELECT ") || statement.starts_with("WITH ");
    let outer = format!(" {} ", outermost(&statement).to_uppercase());
    is_query && outer.contains(" ORDER BY ") && !outer.contains(" LIMIT ")
}

fn is_said_to_be_bounded(source: &RustSource<'_>, text: &Text) -> bool {
    let says_why = |line: &str, mark: &str| {
        line.split_once(mark).is_some_and(|(_, why)| why.trim().chars().any(char::is_alphabetic))
    };
    if text.value.lines().any(|line| says_why(line, "-- bounded:")) {
        return true;
    }
    // The literal may begin on its name's line or on the one after: comments above either count.
    let above = source.text.lines().take(text.line - 1).collect::<Vec<_>>();
    let above = above.iter().rev().map(|line| line.trim());
    let comments = above.skip_while(|line| line.ends_with('=')).take_while(|line| line.starts_with("//"));
    comments.into_iter().any(|line| says_why(line, "bounded:"))
}

fn is_statement(flat: &str) -> bool {
    STATEMENTS.iter().any(|begin| flat.starts_with(begin))
}

/// The statement on one line: SQL comments gone, white space single.
pub fn flat(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_once("--").map_or(line, |(before, _)| before));
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// What stands outside all parentheses.
fn outermost(statement: &str) -> String {
    let mut depth = 0_i32;
    let outer = statement.chars().filter(|letter| {
        depth += i32::from(*letter == '(');
        let is_outer = depth == 0;
        depth -= i32::from(*letter == ')');
        is_outer
    });
    outer.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn finding(source: &RustSource<'_>, text: &Text, says: String) -> Finding {
    Finding { path: source.path.to_owned(), line: text.line, item: String::new(), says }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_outside_the_store_is_found_even_in_a_macro() {
        let text = "fn a() {\n    run!(tx, \"\n        UPDATE orders_order SET a = 1\");\n}";
        let red = |path: &str| sql_outside_store(&Tree::planted(&[(path, text)]));
        assert_eq!(red("services/orders/src/cancel.rs")[0].line, 2);
        assert_eq!(red("crates/souk/src/audit.rs").len(), 1);
        assert!(red("services/orders/src/store.rs").is_empty());
        assert!(red("crates/store/src/outbox.rs").is_empty());
    }

    #[test]
    fn prose_is_no_statement() {
        let text =
            r#"fn a() { say("Select a rate"); say("DELETE /v1/carts/{id}"); say("SELECT"); say("WITHOUT a limit"); }"#;
        assert!(sql_outside_store(&Tree::planted(&[("services/orders/src/a.rs", text)])).is_empty());
    }

    fn red_list(statement: &str) -> usize {
        let text = format!("statements! {{\n    ALL =\n        {statement:?};\n}}");
        unbounded_list(&Tree::planted(&[("services/orders/src/store.rs", &text)])).len()
    }

    #[test]
    fn a_list_has_a_limit_of_its_own() {
        assert_eq!(red_list("SELECT id FROM a\n ORDER BY id"), 1);
        assert_eq!(red_list("SELECT id FROM a ORDER BY id LIMIT $1"), 0);
        assert_eq!(red_list("SELECT id FROM (SELECT id FROM a LIMIT 1) b ORDER BY id"), 1);
        assert_eq!(red_list("WITH p AS (SELECT 1) SELECT * FROM p ORDER BY 1"), 1);
        assert_eq!(red_list("SELECT rank() OVER (ORDER BY id) FROM a WHERE id = $1"), 0);
        assert_eq!(red_list("SELECT id FROM a WHERE id = $1"), 0);
    }

    #[test]
    fn a_bounded_list_says_why() {
        assert_eq!(red_list("SELECT id FROM a ORDER BY id\n-- bounded: at most 200 lines a cart"), 0);
        assert_eq!(red_list("SELECT id FROM a ORDER BY id -- bounded:"), 1);
        let above = "statements! {\n // bounded: nine services\n ALL =\n  \"SELECT id FROM a ORDER BY id\";\n}";
        assert!(unbounded_list(&Tree::planted(&[("services/orders/src/store.rs", above)])).is_empty());
    }
}
