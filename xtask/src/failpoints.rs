//! The proof that a release holds no failpoint: every name in the sources is sought in both binaries.

use crate::process::shown;
use crate::tidy::tree::{Tree, walk};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

/// How many failpoints there are; an error where `release` holds one, or `faults` lacks one.
///
/// That the faults binary holds them all is the control: without it, a name misread here would prove nothing.
pub fn release_holds_none(root: &Path, release: &Path, faults: &Path) -> Result<usize, String> {
    let names = names(&Tree::read(root)?);
    if names.is_empty() {
        return Err("no `fault::point(\"…\")` in services/ or crates/: this check would prove nothing".to_owned());
    }
    let mut wrong = Vec::new();
    for name in &names {
        if holds(release, name)? {
            wrong.push(format!("the release binary {} holds the failpoint {name:?}", release.display()));
        }
        if !holds(faults, name)? {
            wrong.push(format!("the faults binary {} lacks the failpoint {name:?}", faults.display()));
        }
    }
    if wrong.is_empty() { Ok(names.len()) } else { Err(wrong.join("\n")) }
}

/// The names planted in what ships: `fault::point("name"…)` and `fault::planted("name"…)`, tests left out.
fn names(tree: &Tree) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in tree.rust().filter(|source| ships(source.path)) {
        walk(&source.tokens, &mut |tokens| names.extend(name_at(tokens)));
    }
    names
}

fn ships(path: &str) -> bool {
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/") || path.starts_with("crates/testkit/");
    (path.starts_with("services/") || path.starts_with("crates/")) && !is_test
}

/// The name where these tokens begin with `fault :: point ("name"`.
fn name_at(tokens: &[TokenTree]) -> Option<String> {
    let [TokenTree::Ident(module), TokenTree::Punct(a), TokenTree::Punct(b), TokenTree::Ident(function), call, ..] =
        tokens
    else {
        return None;
    };
    let is_fault = module == "fault" && a.as_char() == ':' && b.as_char() == ':';
    match call {
        TokenTree::Group(group)
            if is_fault
                && (function == "point" || function == "planted")
                && group.delimiter() == Delimiter::Parenthesis =>
        {
            first_string(group.stream())
        }
        _ => None,
    }
}

fn first_string(arguments: TokenStream) -> Option<String> {
    match arguments.into_iter().next()? {
        TokenTree::Literal(literal) => match syn::Lit::new(literal) {
            syn::Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a file holds these bytes. `grep` reads a binary of a hundred megabytes in the time we would need for one.
fn holds(file: &Path, name: &str) -> Result<bool, String> {
    let mut grep = Command::new("grep");
    grep.args(["-qaF", "-e", name, "--"]).arg(file).env("LC_ALL", "C").stdin(Stdio::null());
    let status = grep.status().map_err(|why| format!("cannot start `{}`: {why}", shown(&grep)))?;
    match status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => Err(format!("`{}` failed ({status})", shown(&grep))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const PLANTED: &str = r#"
        fn relay() { fault::point("relay.before_mark")?; if store::fault::planted("oversell") {} }
        fn other() { hold!(fault::point("inside.macro", 3)); point("not.this"); fault::other("nor.this"); }
    "#;

    fn shop(release: &str, faults: &str) -> Result<usize, String> {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("crates/store/src")).unwrap();
        fs::write(root.path().join("crates/store/src/relay.rs"), PLANTED).unwrap();
        let (first, second) = (root.path().join("release"), root.path().join("faults"));
        fs::write(&first, format!("\0\x7f{release}\0")).unwrap();
        fs::write(&second, format!("\0\x7f{faults}\0")).unwrap();
        release_holds_none(root.path(), &first, &second)
    }

    #[test]
    fn names_are_read_through_macros_and_not_from_tests() {
        let tree = Tree::planted(&[
            ("crates/store/src/relay.rs", PLANTED),
            ("services/orders/src/tests.rs", r#"fn t() { fault::point("only.in.tests"); }"#),
        ]);
        assert_eq!(names(&tree), ["inside.macro", "oversell", "relay.before_mark"].map(str::to_owned).into());
    }

    #[test]
    fn a_failpoint_in_the_release_is_found_and_so_is_one_missing_from_the_control() {
        let all = "relay.before_mark oversell inside.macro";
        assert_eq!(shop("nothing", all), Ok(3));
        assert!(shop("xrelay.before_markx", all).unwrap_err().contains("release binary"));
        assert!(shop("nothing", "oversell inside.macro").unwrap_err().contains("lacks the failpoint"));
    }

    #[test]
    fn no_failpoint_at_all_is_no_proof() {
        let empty = tempfile::tempdir().unwrap();
        let missing = empty.path().join("souk");
        assert!(release_holds_none(empty.path(), &missing, &missing).unwrap_err().contains("prove nothing"));
    }
}
