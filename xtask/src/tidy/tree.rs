//! The sources that rules read: every `.rs`, `.sql`, `.patch` and `Cargo.toml` of the workspace, Rust already parsed.

use super::Finding;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::fs;
use std::path::Path;
use std::str::FromStr;

const FOLDERS: [&str; 4] = ["crates", "examples", "services", "xtask"];

/// The workspace, as text and syntax.
pub struct Tree {
    pub sources: Vec<Source>,
}

/// A file; `path` is relative to the root, with `/`.
pub struct Source {
    pub path: String,
    pub text: String,
    kind: Kind,
}

enum Kind {
    Rust(Box<Rust>),
    /// A Rust file that does not parse: its line, and the parser's words.
    Broken(usize, String),
    Other,
}

/// A parsed file. Syntax stops at macro bodies; tokens go through them.
pub struct Rust {
    pub syntax: syn::File,
    pub tokens: TokenStream,
    /// Every string literal, those in macro bodies too; doc comments are none.
    pub strings: Vec<Text>,
}

/// A string literal's value, and the line it begins on.
pub struct Text {
    pub value: String,
    pub line: usize,
}

/// A Rust file together with its syntax.
pub struct RustSource<'a> {
    pub path: &'a str,
    pub text: &'a str,
    rust: &'a Rust,
}

impl std::ops::Deref for RustSource<'_> {
    type Target = Rust;
    fn deref(&self) -> &Rust {
        self.rust
    }
}

impl Tree {
    /// Reads the checkout at `root`, in the order of paths.
    pub fn read(root: &Path) -> Result<Self, String> {
        // Cargo has read it before anything here runs; a folder that a test lays out has none.
        let manifest = fs::read_to_string(root.join("Cargo.toml")).ok();
        let mut sources =
            manifest.into_iter().map(|text| Source::new("Cargo.toml".to_owned(), text)).collect::<Vec<_>>();
        for folder in FOLDERS {
            read_folder(&root.join(folder), folder, &mut sources)?;
        }
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { sources })
    }

    /// A tree for tests, from `(path, text)`.
    #[cfg(test)]
    pub fn planted(files: &[(&str, &str)]) -> Self {
        let sources = files.iter().map(|(path, text)| Source::new((*path).to_owned(), (*text).to_owned()));
        Self { sources: sources.collect() }
    }

    /// The Rust files that parse.
    pub fn rust(&self) -> impl Iterator<Item = RustSource<'_>> {
        self.sources.iter().filter_map(|source| match &source.kind {
            Kind::Rust(rust) => Some(RustSource { path: &source.path, text: &source.text, rust }),
            Kind::Broken(..) | Kind::Other => None,
        })
    }
}

impl Source {
    fn new(path: String, text: String) -> Self {
        let kind = if path.ends_with(".rs") { Kind::of_rust(&text) } else { Kind::Other };
        Self { path, text, kind }
    }
}

impl Kind {
    fn of_rust(text: &str) -> Self {
        let tokens = match TokenStream::from_str(text) {
            Ok(tokens) => tokens,
            Err(why) => return Self::Broken(why.span().start().line, why.to_string()),
        };
        match syn::parse2::<syn::File>(tokens.clone()) {
            Ok(syntax) => {
                let mut strings = Vec::new();
                collect_strings(&tokens, &mut strings);
                Self::Rust(Box::new(Rust { syntax, tokens, strings }))
            }
            Err(why) => Self::Broken(why.span().start().line, why.to_string()),
        }
    }
}

/// Rule: a file that does not parse escapes every other rule.
pub fn unreadable(tree: &Tree) -> Vec<Finding> {
    let broken = tree.sources.iter().filter_map(|source| match &source.kind {
        Kind::Broken(line, why) => Some((source, *line, why)),
        Kind::Rust(_) | Kind::Other => None,
    });
    broken
        .map(|(source, line, why)| Finding {
            path: source.path.clone(),
            line,
            item: String::new(),
            says: format!("does not parse ({why}): no rule can read it"),
        })
        .collect()
}

/// The service a path lies in: `orders` for `services/orders/…`.
pub fn service_of(path: &str) -> Option<&str> {
    path.strip_prefix("services/")?.split_once('/').map(|(service, _)| service)
}

/// Whether the file holds its service's statements: `src/store.rs`, or `src/store/*.rs` where one file got too long.
pub fn is_service_store(path: &str) -> bool {
    let Some(service) = service_of(path) else { return false };
    let inside = path.strip_prefix(&format!("services/{service}/src/")).unwrap_or_default();
    inside == "store.rs" || inside.starts_with("store/")
}

/// Shows every position of every token sequence to `see`: the tokens from there to the end of their group.
pub fn walk(tokens: &TokenStream, see: &mut impl FnMut(&[TokenTree])) {
    let sequence = tokens.clone().into_iter().collect::<Vec<_>>();
    for at in 0..sequence.len() {
        see(&sequence[at..]);
        if let TokenTree::Group(group) = &sequence[at] {
            walk(&group.stream(), see);
        }
    }
}

fn collect_strings(tokens: &TokenStream, into: &mut Vec<Text>) {
    for token in tokens.clone() {
        match token {
            TokenTree::Group(group) if !is_doc(&group) => collect_strings(&group.stream(), into),
            TokenTree::Literal(literal) => {
                let line = literal.span().start().line;
                if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                    into.push(Text { value: text.value(), line });
                }
            }
            TokenTree::Group(_) | TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

/// A doc comment reaches us as `[doc = "…"]`.
fn is_doc(group: &proc_macro2::Group) -> bool {
    group.delimiter() == Delimiter::Bracket
        && matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(name)) if name == "doc")
}

fn read_folder(folder: &Path, name: &str, into: &mut Vec<Source>) -> Result<(), String> {
    let Ok(entries) = folder.read_dir() else { return Ok(()) };
    for entry in entries.flatten() {
        let file_name = entry.file_name().to_string_lossy().into_owned();
        let (path, name) = (entry.path(), format!("{name}/{file_name}"));
        if path.is_dir() {
            if file_name != "target" && !file_name.starts_with('.') {
                read_folder(&path, &name, into)?;
            }
        } else if is_source(&file_name) {
            let text = fs::read_to_string(&path).map_err(|why| format!("{name}: {why}"))?;
            into.push(Source::new(name, text));
        }
    }
    Ok(())
}

fn is_source(file_name: &str) -> bool {
    file_name == "Cargo.toml" || [".rs", ".sql", ".patch"].iter().any(|ending| file_name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_out_of_macros_and_not_out_of_doc_comments() {
        let tree = Tree::planted(&[(
            "services/orders/src/store.rs",
            "/// SELECT is a word here.\nstatements! {\n    ONE = \"SELECT 1\";\n    TWO = r#\"SELECT 2\"#;\n}\n",
        )]);
        let file = tree.rust().next().unwrap();
        let found = file.strings.iter().map(|text| (text.value.as_str(), text.line)).collect::<Vec<_>>();
        assert_eq!(found, [("SELECT 1", 3), ("SELECT 2", 4)]);
    }

    #[test]
    fn a_file_that_does_not_parse_is_named_with_its_line() {
        let tree = Tree::planted(&[("crates/a/src/lib.rs", "fn ok() {}\nfn {}")]);
        assert_eq!(unreadable(&tree)[0].line, 2);
    }

    #[test]
    fn only_the_store_of_a_service_holds_its_statements() {
        assert!(is_service_store("services/orders/src/store.rs"));
        assert!(is_service_store("services/orders/src/store/lines.rs"));
        assert!(!is_service_store("services/orders/src/restore.rs"));
        assert!(!is_service_store("crates/store/src/lib.rs"));
    }
}
