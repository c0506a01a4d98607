//! Patches that are kept beside the code.

use super::Finding;
use super::tree::{Source, Tree};
use crate::next_release::apply;
use crate::process::output;
use std::path::Path;
use std::process::Command;
use std::{fs, io};
use tempfile::TempDir;

/// Rule: a patch applies to the tree as it is.
pub fn stale_patch(tree: &Tree) -> Vec<Finding> {
    stale(tree, "git")
}

fn stale(tree: &Tree, git: &str) -> Vec<Finding> {
    let patches = tree.sources.iter().filter(|source| source.path.ends_with(".patch"));
    let broken = patches.filter_map(|patch| Some((patch, what_is_wrong(tree, patch, git)?)));
    broken.map(|(patch, says)| Finding { path: patch.path.clone(), line: 1, item: String::new(), says }).collect()
}

fn what_is_wrong(tree: &Tree, patch: &Source, git: &str) -> Option<String> {
    if let Err(why) = output(Command::new(git).arg("--version")) {
        return Some(format!("can't be checked without git ({why}): install it"));
    }
    let folder = match laid_out(tree, patch) {
        Ok(folder) => folder,
        Err(why) => return Some(format!("can't be checked: {why}")),
    };
    let path = &patch.path;
    apply(&folder.path().join(path), folder.path(), &["--check"]).err().map(|why| {
        format!(
            "does not apply any more: {why}\n  To mend it, commit what you have, then `git apply --3way {path}`, settle \
             what conflicts, `git add -A && git diff --cached --output=new.patch && git reset --hard && mv new.patch {path}`"
        )
    })
}

/// A folder with the patch and what is there of the files that it names.
fn laid_out(tree: &Tree, patch: &Source) -> io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    for source in tree.sources.iter().filter(|source| source.path == patch.path || names(patch, &source.path)) {
        let file = folder.path().join(&source.path);
        fs::create_dir_all(file.parent().unwrap_or(Path::new("")))?;
        fs::write(file, &source.text)?;
    }
    Ok(folder)
}

fn names(patch: &Source, path: &str) -> bool {
    let named = |line: &str| line.strip_prefix("--- a/").or(line.strip_prefix("+++ b/")) == Some(path);
    patch.text.lines().any(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "--- a/crates/a/src/lib.rs\n+++ b/crates/a/src/lib.rs\n@@ -1 +1 @@\n-old\n+new\n\
                         --- /dev/null\n+++ b/crates/a/src/made.rs\n@@ -0,0 +1 @@\n+made\n";

    fn red(files: &[(&str, &str)], git: &str) -> Vec<String> {
        let tree = Tree::planted(&[&[("crates/a/next.patch", PATCH)], files].concat());
        stale(&tree, git).into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn a_patch_must_apply_to_the_tree() {
        assert!(red(&[("crates/a/src/lib.rs", "old\n")], "git").is_empty());
        let changed = red(&[("crates/a/src/lib.rs", "other\n")], "git");
        assert!(changed[0].contains("patch failed: crates/a/src/lib.rs:1"), "{changed:?}");
        assert!(changed[0].contains("git apply --3way crates/a/next.patch"), "{changed:?}");
        assert_eq!(red(&[], "git").len(), 1, "the file that it changes is gone");
        let made = red(&[("crates/a/src/lib.rs", "old\n"), ("crates/a/src/made.rs", "made\n")], "git");
        assert!(made[0].contains("already exists"), "{made:?}");
    }

    #[test]
    fn without_git_a_patch_is_not_taken_for_good() {
        let unknown = red(&[("crates/a/src/lib.rs", "old\n")], "no-such-git");
        assert!(unknown[0].contains("without git"), "{unknown:?}");
    }
}
