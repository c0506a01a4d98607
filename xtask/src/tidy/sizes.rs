//! Nothing grows past what one reads in one go.

use super::Finding;
use super::tree::Tree;
use syn::visit::{self, Visit};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Rule: a Rust file has at most 500 lines.
pub fn file_length(tree: &Tree) -> Vec<Finding> {
    let lengths = tree.sources.iter().filter(|source| source.path.ends_with(".rs"));
    lengths
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(source, lines)| Finding {
            path: source.path.clone(),
            line: FILE_LINES_MAX + 1,
            item: String::new(),
            says: format!(
                "{lines} lines, more than {FILE_LINES_MAX}: it holds two nouns or two verbs, split it by name"
            ),
        })
        .collect()
}

/// Rule: a function's body, braces included, spans at most 70 lines; tests too.
pub fn function_length(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.rust() {
        let mut functions = Functions { path: source.path, findings: &mut findings };
        functions.visit_file(&source.syntax);
    }
    findings
}

struct Functions<'a> {
    path: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let braces = body.brace_token.span;
        let lines = braces.close().end().line - braces.open().start().line + 1;
        if lines > FUNCTION_LINES_MAX {
            let says = format!(
                "fn {} spans {lines} lines, more than {FUNCTION_LINES_MAX}: keep the flow here, move pure parts below",
                signature.ident
            );
            let item = signature.ident.to_string();
            let line = signature.ident.span().start().line;
            self.findings.push(Finding { path: self.path.to_owned(), line, item, says });
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.measure(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_hundred_lines_are_a_file_and_one_more_are_two() {
        let path = "crates/a/src/lib.rs";
        assert!(file_length(&Tree::planted(&[(path, &"//\n".repeat(500))])).is_empty());
        assert_eq!(file_length(&Tree::planted(&[(path, &"//\n".repeat(501))])).len(), 1);
    }

    #[test]
    fn seventy_lines_are_a_function_wherever_it_stands() {
        let body = |lines: usize| format!("fn long() {{\n{}}}\n", "    x();\n".repeat(lines - 2));
        let red = |text: String| function_length(&Tree::planted(&[("crates/a/src/lib.rs", &text)])).len();
        assert_eq!(red(body(70)), 0);
        assert_eq!(red(body(71)), 1);
        assert_eq!(red(format!("impl A {{\n{}}}", body(71))), 1);
        assert_eq!(red(format!("trait A {{\n{}}}", body(71))), 1);
        assert_eq!(red(format!("#[cfg(test)]\nmod tests {{\n#[test]\n{}}}", body(71))), 1);
    }
}
