//! Rule 1 of the design: a service never imports a service.

use super::Finding;
use super::tree::{Source, Tree, service_of};
use std::collections::BTreeSet;
use toml::{Table, Value};

/// What a service may stand on, of ours.
const ALLOWED: [&str; 3] = ["contracts", "platform", "store"];
const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Rule: of our own crates a service depends on contracts, platform and store only; in tests too.
pub fn service_dependency(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.sources.iter().filter(|source| source.path.ends_with("Cargo.toml"));
    let manifests = manifests.map(|source| (source, source.text.parse::<Table>())).collect::<Vec<_>>();
    let ours = manifests.iter().filter_map(|(_, manifest)| package_name(manifest.as_ref().ok()?));
    let ours = ours.collect::<BTreeSet<_>>();
    let mut findings = Vec::new();
    for (source, manifest) in &manifests {
        let Some(service) = service_of(&source.path) else {
            continue;
        };
        let Ok(manifest) = manifest else {
            findings.push(finding(source, "", "does not parse: no rule can read it".to_owned()));
            continue;
        };
        for (name, dependency) in dependencies(manifest) {
            if ours.contains(dependency) && dependency != service && !ALLOWED.contains(&dependency) {
                let says = format!(
                    "{service} depends on {dependency}: ask it by a call or hear its events (crates/contracts); \
                     a service stands on contracts, platform and store alone"
                );
                findings.push(finding(source, name, says));
            }
        }
    }
    findings
}

fn package_name(manifest: &Table) -> Option<&str> {
    manifest.get("package")?.get("name")?.as_str()
}

/// Each dependency as it is called here, and as its package is called.
fn dependencies(manifest: &Table) -> Vec<(&str, &str)> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    let places = std::iter::once(manifest).chain(targets);
    let tables = places.flat_map(|place| TABLES.iter().filter_map(|name| place.get(*name)?.as_table()));
    tables
        .flatten()
        .map(|(name, dependency)| {
            let package = dependency.get("package").and_then(Value::as_str);
            (name.as_str(), package.unwrap_or(name))
        })
        .collect()
}

fn finding(source: &Source, name: &str, says: String) -> Finding {
    let line = source.text.lines().position(|line| !name.is_empty() && line.trim_start().starts_with(name));
    Finding { path: source.path.clone(), line: line.map_or(1, |at| at + 1), item: name.to_owned(), says }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn red(dependencies: &str) -> Vec<(usize, String)> {
        let carts = format!("[package]\nname = \"carts\"\n{dependencies}");
        let tree = Tree::planted(&[
            ("services/carts/Cargo.toml", &carts),
            ("services/orders/Cargo.toml", "[package]\nname = \"orders\""),
            ("crates/store/Cargo.toml", "[package]\nname = \"store\""),
            ("crates/souk/Cargo.toml", "[package]\nname = \"souk\"\n[dependencies]\norders.workspace = true"),
        ]);
        service_dependency(&tree).into_iter().map(|finding| (finding.line, finding.item)).collect()
    }

    #[test]
    fn a_service_never_imports_a_service_by_any_name() {
        assert_eq!(red("[dependencies]\norders.workspace = true"), [(4, "orders".to_owned())]);
        assert_eq!(red("[dev-dependencies]\norders = { path = \"../orders\" }").len(), 1);
        assert_eq!(red("[dependencies]\nother = { package = \"orders\", path = \"x\" }"), [(4, "other".to_owned())]);
        assert_eq!(red("[target.'cfg(unix)'.dependencies]\norders.workspace = true").len(), 1);
        assert_eq!(red("[dependencies.orders]\nworkspace = true").len(), 1);
    }

    #[test]
    fn a_service_stands_on_the_ground_floor_and_on_what_is_not_ours() {
        assert!(red("[dependencies]\nstore.workspace = true\nserde = \"1\"").is_empty());
        assert_eq!(red("[dependencies]\nsouk.workspace = true").len(), 1);
    }
}
