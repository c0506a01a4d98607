//! `cargo xtask next-release`: this tree as the next release would be (`crates/bench/next-release.patch` on it), built as
//! `souk-next` beside the normal binary, for a rolling upgrade across two builds.

use crate::process::{output, run};
use crate::root;
use crate::test::{FAULTS_BINARY, target_folder};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const PATCH: &str = "crates/bench/next-release.patch";

/// Builds it, and prints where it is.
pub fn next_release() -> Result<(), String> {
    let target = target_folder()?;
    let tree = target.join("next-release");
    let staged = staged(&target)?;
    make_alike(staged.path(), &tree).map_err(|why| format!("{}: {why}", tree.display()))?;
    let built = build(&tree, &target)?;
    let binary = target.join("debug/souk-next");
    replace(&built, &binary).map_err(|why| format!("{}: {why}", binary.display()))?;
    println!("next-release: {}", binary.display());
    Ok(())
}

/// The tracked files as they are in this checkout, with the patch on them, in a folder of their own: what fails here
/// leaves the last tree as it was.
fn staged(target: &Path) -> Result<TempDir, String> {
    let tracked = output(Command::new("git").args(["ls-files", "-z"]).current_dir(root()))?;
    let copied = || {
        fs::create_dir_all(target)?;
        let staged = tempfile::Builder::new().prefix("next-release-").tempdir_in(target)?;
        // A file that was deleted is tracked until that is committed.
        for file in tracked.split_terminator('\0').filter(|file| root().join(file).exists()) {
            copy(&root().join(file), &staged.path().join(file))?;
        }
        Ok(staged)
    };
    let staged = copied().map_err(|why: io::Error| format!("the tracked files could not be copied: {why}"))?;
    apply(&root().join(PATCH), staged.path(), &[])?;
    Ok(staged)
}

/// `git apply` in a folder that is no repository.
pub fn apply(patch: &Path, folder: &Path, options: &[&str]) -> Result<(), String> {
    let mut git = Command::new("git");
    git.arg("apply").args(options).arg(patch).current_dir(folder);
    // The folder may lie inside of one: there git would pass over every file without a word.
    git.env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder));
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        git.env_remove(name);
    }
    output(&mut git).map(drop)
}

/// Makes `to` hold what `from` holds. What is alike already keeps its time, so that cargo builds little.
fn make_alike(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let wanted = files(from)?;
    for gone in files(to)?.difference(&wanted) {
        fs::remove_file(to.join(gone))?;
        // Fails at the first folder that still holds something.
        let _ = gone.ancestors().skip(1).try_for_each(|folder| fs::remove_dir(to.join(folder)));
    }
    for file in &wanted {
        let (new, old) = (from.join(file), to.join(file));
        if !fs::read(&old).is_ok_and(|old| fs::read(&new).is_ok_and(|new| new == old)) {
            copy(&new, &old)?;
        }
    }
    Ok(())
}

/// Every file below, by its path from there.
fn files(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let (mut found, mut folders) = (BTreeSet::new(), vec![PathBuf::new()]);
    while let Some(inner) = folders.pop() {
        for entry in folder.join(&inner).read_dir()? {
            let entry = entry?;
            let path = inner.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                found.insert(path);
            }
        }
    }
    Ok(found)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).map(drop)
}

/// The dependencies are those of the normal build, and its binary stays: what cargo makes on its way it shares, what it
/// hands out goes elsewhere. Crates of the workspace don't meet, since the patch gives them another version: cargo
/// would take those of one tree for the other's, by their path in the workspace and the times of their files.
fn build(tree: &Path, target: &Path) -> Result<PathBuf, String> {
    let handed_out = target.join("next-release-built");
    let mut cargo = Command::new("cargo");
    cargo.args(FAULTS_BINARY).current_dir(tree);
    cargo.env("CARGO_BUILD_BUILD_DIR", target).env("CARGO_TARGET_DIR", &handed_out);
    run(&mut cargo)?;
    Ok(handed_out.join("debug/souk"))
}

/// At once, and also where the old one runs.
fn replace(built: &Path, binary: &Path) -> io::Result<()> {
    let beside = binary.with_extension("new");
    copy(built, &beside)?;
    fs::rename(beside, binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_keeps_its_time_and_what_is_gone_goes_with_its_folders() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let write = |file: PathBuf, text: &str| {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        for (file, text) in [("a/same", "1"), ("a/changed", "2"), ("new/one", "3")] {
            write(from.join(file), text);
        }
        for (file, text) in [("a/same", "1"), ("a/changed", "1"), ("old/deep/one", "1")] {
            write(to.join(file), text);
        }
        let time = |file: &str| to.join(file).metadata().unwrap().modified().unwrap();
        let before = time("a/same");
        make_alike(&from, &to).unwrap();
        assert_eq!(files(&to).unwrap(), files(&from).unwrap());
        assert_eq!(fs::read(to.join("a/changed")).unwrap(), b"2");
        assert_eq!(time("a/same"), before);
        assert!(!to.join("old").exists() && to.exists());
    }
}
