//! Marks that belong, and marks that do not: unfinished work, skipped tests, a service's four lines.

use super::Finding;
use super::tree::{RustSource, Tree, service_of, walk};
use proc_macro2::{Delimiter, TokenTree};

const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];
const SERVICE_LINES: [&str; 4] = ["Owns:", "Never:", "Says:", "Hears:"];

/// Rule: no `todo!`, `unimplemented!` or `dbg!`, inside macros and tests neither.
pub fn unfinished(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.rust() {
        walk(&source.tokens, &mut |tokens| {
            if let [TokenTree::Ident(name), TokenTree::Punct(mark), ..] = tokens
                && mark.as_char() == '!'
                && UNFINISHED.iter().any(|word| name == word)
                && !matches!(tokens.get(2), Some(TokenTree::Punct(next)) if next.as_char() == '=')
            {
                let says = format!("{name}! is not finished work: finish it, or leave it out");
                findings.push(finding(&source, name.span().start().line, says));
            }
        });
    }
    findings
}

/// Rule: a test that is not run is not a test.
pub fn ignored_test(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.rust() {
        walk(&source.tokens, &mut |tokens| {
            if let [TokenTree::Punct(hash), TokenTree::Group(attribute), ..] = tokens
                && hash.as_char() == '#'
                && attribute.delimiter() == Delimiter::Bracket
                && ignores(attribute)
            {
                let says = "#[ignore]: mend the test or delete it; a silent skip proves nothing".to_owned();
                findings.push(finding(&source, hash.span().start().line, says));
            }
        });
    }
    findings
}

/// Rule: a service's `lib.rs` says what it owns, what it never does, what it says and what it hears.
pub fn service_doc(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        let Some(service) = service_of(&source.path) else {
            continue;
        };
        if source.path != format!("services/{service}/src/lib.rs") {
            continue;
        }
        let says_more_than = |word: &str| {
            let lines = source.text.lines().filter_map(|line| line.strip_prefix("//! ")?.strip_prefix(word));
            lines.into_iter().any(|rest| !rest.trim().is_empty())
        };
        for word in SERVICE_LINES.into_iter().filter(|word| !says_more_than(word)) {
            let says = format!("lib.rs lacks its line `//! {word} …`");
            findings.push(Finding { path: source.path.clone(), line: 1, item: word.to_owned(), says });
        }
    }
    findings
}

/// `[ignore]`, `[ignore = "…"]`, or a `cfg_attr` that holds it.
fn ignores(attribute: &proc_macro2::Group) -> bool {
    let mut tokens = attribute.stream().into_iter();
    match tokens.next() {
        Some(TokenTree::Ident(name)) if name == "ignore" => true,
        Some(TokenTree::Ident(name)) if name == "cfg_attr" => {
            let Some(TokenTree::Group(inner)) = tokens.next() else {
                return false;
            };
            inner.stream().into_iter().any(|token| matches!(token, TokenTree::Ident(name) if name == "ignore"))
        }
        _ => false,
    }
}

fn finding(source: &RustSource<'_>, line: usize, says: String) -> Finding {
    Finding { path: source.path.to_owned(), line, item: String::new(), says }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Tree {
        Tree::planted(&[("services/orders/src/lib.rs", text)])
    }

    #[test]
    fn unfinished_work_is_found_inside_macros_and_not_in_words() {
        let red =
            unfinished(&tree("fn a() {\n    json!({ \"a\": todo!() });\n}\nfn b() { dbg!(1); unimplemented!() }"));
        assert_eq!(red.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2, 4, 4]);
        let words = "/// todo!() in a comment\nfn a(todo: u8) -> bool { say(\"dbg!\"); todo != 3 }";
        assert!(unfinished(&tree(words)).is_empty());
    }

    #[test]
    fn an_ignored_test_is_found_in_each_spelling() {
        for spelling in ["#[ignore]", "#[ignore = \"slow\"]", "#[cfg_attr(miri, ignore)]"] {
            let red = ignored_test(&tree(&format!("#[test]\n{spelling}\nfn slow() {{}}")));
            assert_eq!(red[0].line, 2, "{spelling}");
        }
        assert!(ignored_test(&tree("#[test]\nfn ignore() {}")).is_empty());
    }

    #[test]
    fn each_of_the_four_lines_must_say_something() {
        let red = service_doc(&tree("//! Owns: orders.\n//! Never:\n//! Says: order.placed\n"));
        let items = red.iter().map(|finding| finding.item.as_str()).collect::<Vec<_>>();
        assert_eq!(items, ["Never:", "Hears:"]);
        assert!(service_doc(&Tree::planted(&[("crates/store/src/lib.rs", "")])).is_empty());
    }
}
