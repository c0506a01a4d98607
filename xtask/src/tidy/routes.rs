//! Routes: staff routes ask for a permission, and a story walks each of them.

use super::Finding;
use super::tree::{Tree, service_of};
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

const STORIES: [&str; 3] = ["crates/outside/src/", "crates/testkit/tests/it/", "crates/testkit/src/"];
/// What a path may begin with, so that no `nest` hides where a route really is.
const WHOLE_PATHS: [&str; 2] = ["/v1/", "/.well-known/"];

/// Rule: the check is the argument. A handler under `/v1/admin` takes a `Staff<Permission>`.
/// Each route's path is one whole literal, so that this rule and the next can read it.
pub fn admin_permission(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for route in routes(tree) {
        let says = match &route.path {
            Some(path) if !WHOLE_PATHS.iter().any(|begin| path.starts_with(begin)) => {
                format!("route {path}: write its whole path, from /v1 on")
            }
            Some(path) if path.starts_with("/v1/admin") && !route.asks_permission => {
                format!("{path} without a permission: take a `Staff<…>` argument in fn {}", route.handler)
            }
            Some(_) => continue,
            None => format!("fn {}: write the route's path as one string literal", route.handler),
        };
        findings.push(route.finding(says));
    }
    findings
}

/// Rule: a story names every route: what its path begins with, and each fixed part after a parameter.
pub fn untold_route(tree: &Tree) -> Vec<Finding> {
    let stories = tree.rust().filter(|source| STORIES.iter().any(|folder| source.path.starts_with(folder)));
    let told = stories.flat_map(|source| source.strings.iter().map(|text| text.value.clone()).collect::<Vec<_>>());
    let told = told.collect::<Vec<_>>();
    let mut findings = Vec::new();
    for route in routes(tree) {
        let Some(path) = route.path.as_deref().filter(|path| path.starts_with("/v1/")) else {
            continue;
        };
        if !is_told(path, &told) {
            let says = format!("{path} is in no story: walk it over HTTP in crates/testkit/tests/it/");
            findings.push(route.finding(says));
        }
    }
    findings
}

fn is_told(path: &str, told: &[String]) -> bool {
    let parts = fixed_parts(path);
    parts.iter().enumerate().all(|(at, part)| {
        // `/v1/orders` is not told by `/v1/orders/1`, nor `/cancel` by `/cancellations`.
        let is_last = at + 1 == parts.len() && !path.ends_with('}');
        told.iter().any(|text| {
            text.match_indices(part).any(|(from, _)| {
                let next = text[from + part.len()..].chars().next();
                !is_last || !next.is_some_and(|next| next.is_alphanumeric() || "/-_".contains(next))
            })
        })
    })
}

/// `/v1/orders/` and `/cancel` of `/v1/orders/{id}/cancel`.
fn fixed_parts(path: &str) -> Vec<&str> {
    let parts = path.split('{').map(|part| part.split_once('}').map_or(part, |(_, fixed)| fixed));
    parts.filter(|part| !part.is_empty() && *part != "/").collect()
}

struct Route {
    file: String,
    line: usize,
    handler: String,
    /// None where it is not a literal.
    path: Option<String>,
    asks_permission: bool,
}

impl Route {
    fn finding(&self, says: String) -> Finding {
        let item = self.path.clone().unwrap_or_else(|| self.handler.clone());
        Finding { path: self.file.clone(), line: self.line, item, says }
    }
}

fn routes(tree: &Tree) -> Vec<Route> {
    let mut routes = Vec::new();
    for source in tree.rust().filter(|source| service_of(source.path).is_some()) {
        let mut handlers = Handlers { file: source.path, routes: &mut routes };
        handlers.visit_file(&source.syntax);
    }
    routes
}

struct Handlers<'a> {
    file: &'a str,
    routes: &'a mut Vec<Route>,
}

impl<'ast> Visit<'ast> for Handlers<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        for attribute in &function.attrs {
            let syn::Meta::List(list) = &attribute.meta else {
                continue;
            };
            let names = list.path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>();
            if names == ["utoipa", "path"] {
                self.routes.push(Route {
                    file: self.file.to_owned(),
                    line: function.sig.ident.span().start().line,
                    handler: function.sig.ident.to_string(),
                    path: path_literal(&list.tokens),
                    asks_permission: function.sig.inputs.iter().any(is_staff),
                });
            }
        }
        visit::visit_item_fn(self, function);
    }
}

/// The literal after `path =`.
fn path_literal(arguments: &TokenStream) -> Option<String> {
    let tokens = arguments.clone().into_iter().collect::<Vec<_>>();
    tokens.windows(3).find_map(|window| match window {
        [TokenTree::Ident(name), TokenTree::Punct(equals), TokenTree::Literal(value)]
            if name == "path" && equals.as_char() == '=' =>
        {
            match syn::Lit::new(value.clone()) {
                syn::Lit::Str(text) => Some(text.value()),
                _ => None,
            }
        }
        _ => None,
    })
}

/// An argument of the type `Staff<…>` itself: inside an `Option` it would ask for nothing.
fn is_staff(argument: &syn::FnArg) -> bool {
    let syn::FnArg::Typed(argument) = argument else {
        return false;
    };
    let syn::Type::Path(kind) = argument.ty.as_ref() else {
        return false;
    };
    kind.path.segments.last().is_some_and(|last| {
        last.ident == "Staff"
            && matches!(&last.arguments, syn::PathArguments::AngleBracketed(of) if !of.args.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop(route: &str, arguments: &str, story: &str) -> Tree {
        let http =
            format!("#[utoipa::path(get, path = {route}, responses((status = 200)))]\nasync fn h({arguments}) {{}}");
        Tree::planted(&[
            ("services/orders/src/http.rs", &http),
            ("crates/testkit/tests/it/buying.rs", &format!("fn s() {{ get({story}); }}")),
        ])
    }

    #[test]
    fn a_staff_route_takes_its_permission_as_an_argument() {
        let red = |arguments: &str| admin_permission(&shop(r#""/v1/admin/orders""#, arguments, "\"\"")).len();
        assert_eq!(red("body: Json<A>"), 1);
        assert_eq!(red("staff: Staff"), 1);
        assert_eq!(red("staff: Option<Staff<Refund>>"), 1);
        assert_eq!(red("staff: Staff<Refund>, body: Json<A>"), 0);
        assert_eq!(red("Staff(who, ..): platform::auth::Staff<Refund>"), 0);
    }

    #[test]
    fn a_path_is_whole_and_literal() {
        assert_eq!(admin_permission(&shop("\"/admin/orders\"", "", "\"\"")).len(), 1);
        assert_eq!(admin_permission(&shop("ORDERS", "", "\"\"")).len(), 1);
        assert!(admin_permission(&shop("\"/v1/orders\"", "", "\"\"")).is_empty());
    }

    #[test]
    fn a_route_is_told_by_its_fixed_parts() {
        let red = |story: &str| untold_route(&shop("\"/v1/orders/{id}/cancel\"", "", story)).len();
        assert_eq!(red("\"/v1/carts/1\""), 1);
        assert_eq!(red(r#"format!("/v1/orders/{id}")"#), 1);
        assert_eq!(red(r#"format!("/v1/orders/{id}/cancellations")"#), 1);
        assert_eq!(red(r#"format!("/v1/orders/{id}/cancel?why=late")"#), 0);
        assert_eq!(red(r#""/v1/orders/", "/cancel""#), 0);
    }

    #[test]
    fn a_collection_is_not_told_by_its_items() {
        let red = |story: &str| untold_route(&shop("\"/v1/orders\"", "", story)).len();
        assert_eq!(red(r#"format!("/v1/orders/{id}")"#), 1);
        assert_eq!(red(r#""/v1/orders?limit=3""#), 0);
    }

    #[test]
    fn an_item_is_told_by_what_it_begins_with() {
        let red = |story: &str| untold_route(&shop("\"/v1/orders/{id}\"", "", story)).len();
        assert_eq!(red("\"/v1/orders\""), 1);
        assert_eq!(red(r#"format!("/v1/orders/{id}")"#), 0);
    }
}
