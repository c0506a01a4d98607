//! The exceptions: who is excused from which rule, and why. The list may only shrink.

use super::Finding;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

pub const FILE: &str = "xtask/tidy-exceptions.toml";

/// Rule -> who is excused from it.
pub type Exceptions = BTreeMap<String, Vec<Exception>>;

/// Excuses one item of one file; without an item, what the rule says about the file as a whole.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    path: String,
    #[serde(default)]
    item: String,
    reason: String,
}

/// Reads the list. An exception without a reason is an error.
pub fn read(file: &Path) -> Result<Exceptions, String> {
    let text = fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))?;
    let exceptions = toml::from_str::<Exceptions>(&text).map_err(|why| format!("{}: {why}", file.display()))?;
    match exceptions.values().flatten().find(|exception| exception.reason.trim().is_empty()) {
        Some(Exception { path, .. }) => Err(format!("{}: the exception for {path} has no reason", file.display())),
        None => Ok(exceptions),
    }
}

/// The findings that nothing excuses, and one for each exception that excuses nothing.
pub fn without_excused(
    findings: Vec<(&'static str, Finding)>,
    exceptions: &Exceptions,
    rules: &[&str],
) -> Vec<(&'static str, Finding)> {
    let excuses = |rule: &str, exception: &Exception, name: &str, finding: &Finding| {
        rule == name && exception.path == finding.path && exception.item == finding.item
    };
    let all = || exceptions.iter().flat_map(|(rule, list)| list.iter().map(move |exception| (rule, exception)));
    let useless = all()
        .filter(|(rule, exception)| !findings.iter().any(|(name, finding)| excuses(rule, exception, name, finding)))
        .map(|(rule, exception)| ("exceptions", useless(rule, exception, rules)))
        .collect::<Vec<_>>();
    let kept = findings
        .into_iter()
        .filter(|(name, finding)| !all().any(|(rule, exception)| excuses(rule, exception, name, finding)));
    kept.chain(useless).collect()
}

fn useless(rule: &str, exception: &Exception, rules: &[&str]) -> Finding {
    let Exception { path, item, .. } = exception;
    let says = if rules.contains(&rule) {
        format!("{path} {item} keeps {rule} by itself now: remove the exception")
    } else {
        format!("there is no rule {rule}: rename or remove the exception for {path}")
    };
    Finding { path: FILE.to_owned(), line: 1, item: format!("{rule} {path} {item}"), says }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long_function() -> Vec<(&'static str, Finding)> {
        let (path, item) = ("crates/a/src/lib.rs".to_owned(), "long".to_owned());
        vec![("function_length", Finding { path, line: 3, item, says: "too long".to_owned() })]
    }

    fn exception(rule: &str, item: &str) -> Exceptions {
        let text = format!("[[{rule}]]\npath = \"crates/a/src/lib.rs\"\nitem = \"{item}\"\nreason = \"a table\"\n");
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn an_exception_excuses_exactly_its_item() {
        let rules = ["function_length"];
        assert!(without_excused(long_function(), &exception("function_length", "long"), &rules).is_empty());
        assert_eq!(without_excused(long_function(), &exception("function_length", "other"), &rules).len(), 2);
    }

    #[test]
    fn an_exception_that_is_no_longer_needed_is_red() {
        let left = without_excused(Vec::new(), &exception("function_length", "long"), &["function_length"]);
        assert!(left[0].1.says.contains("remove the exception"), "{left:?}");
        let left = without_excused(Vec::new(), &exception("no_such_rule", "long"), &["function_length"]);
        assert!(left[0].1.says.contains("there is no rule"), "{left:?}");
    }

    #[test]
    fn an_exception_needs_a_reason() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "[[file_length]]\npath = \"a.rs\"\nreason = \" \"\n").unwrap();
        assert!(read(file.path()).is_err_and(|why| why.contains("no reason")));
    }
}
