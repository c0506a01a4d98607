//! On which machine a run was: without it a figure says nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

pub fn facts(folder: &Path) -> BTreeMap<&'static str, String> {
    let cpu = named("/proc/cpuinfo", "model name").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = named("/proc/meminfo", "MemTotal").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    BTreeMap::from([
        ("processor", format!("{cpu}, {cores} cores, shared by shop, database and load program")),
        ("memory", memory),
        ("kernel", kernel.trim().to_owned()),
        ("disk", said("df", &["--output=source,fstype", &folder.display().to_string()])),
        ("load before", load.trim().to_owned()),
    ])
}

/// Of the checkout that this runs in.
pub fn commit() -> String {
    said("git", &["describe", "--always", "--dirty", "--abbrev=12"])
}

/// The last line that a program prints; empty where it is missing.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.trim().lines().last().unwrap_or_default().to_owned()
}

fn named(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
