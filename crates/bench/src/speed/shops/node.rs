//! What the two shops of Node.js have in common: their folder, their process, their first answer.

use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tokio::process::{Child, Command};

use crate::speed::http::{Http, Reply};

/// Of the one thing that all want; of all others there is more than a run sells.
pub const HOT_STOCK: u32 = 100;
const START_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// For all packages, or for a catalogue of some ten thousand products.
const WORK_MAX: Duration = Duration::from_secs(45 * 60);
/// Beside the packages: what they were installed from.
const INSTALLED: &str = ".bench-installed";
/// What the shops are told in their environment, each the way its makers document. The last is for both.
const SETTINGS: [(&str, &str); 4] = [
    ("VENDURE_DISABLE_TELEMETRY", "true"),
    ("MEDUSA_DISABLE_TELEMETRY", "true"),
    ("LOG_LEVEL", "warn"),
    ("NODE_ENV", "production"),
];

/// A command in a shop's folder. It ends with its handle, and what it prints goes to the log.
pub fn command(program: &str, folder: &Path, log: &Path) -> Result<Command, String> {
    let opened = |log: &Path| -> std::io::Result<(File, File)> {
        let file = OpenOptions::new().create(true).append(true).open(log)?;
        Ok((file.try_clone()?, file))
    };
    let (out, err) = opened(log).map_err(|why| format!("{}: {why}", log.display()))?;
    let mut command = Command::new(program);
    command.current_dir(folder).envs(SETTINGS).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    Ok(command)
}

/// Runs a command to its good end.
pub async fn run(command: &mut Command, log: &Path) -> Result<(), String> {
    let line = command_line(command);
    let told = |why: String| format!("{line}: {why}; see {}", log.display());
    let mut child = command.spawn().map_err(|why| told(why.to_string()))?;
    match tokio::time::timeout(WORK_MAX, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(told(status.to_string())),
        Ok(Err(why)) => Err(told(why.to_string())),
        Err(_) => Err(told(format!("not done in {} s", WORK_MAX.as_secs()))),
    }
}

/// Copies a shop's sources, and installs its packages unless these very ones are there from an earlier run. Answers
/// whether anything of it is new.
pub async fn install(source: &Path, into: &Path, npm: &[&str]) -> Result<bool, String> {
    fs::create_dir_all(into).map_err(|why| format!("{}: {why}", into.display()))?;
    let is_changed = copy(source, into).map_err(|why| format!("{} to {}: {why}", source.display(), into.display()))?;
    let (marker, log) = (into.join(INSTALLED), into.join("install.log"));
    let wanted = read(&into.join("package.json"))? + &read(&into.join("package-lock.json"))?;
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(is_changed);
    }
    run(command("npm", into, &log)?.args(npm).args(["--no-audit", "--no-fund"]), &log).await?;
    // Last, so that half an installation is none.
    fs::write(&marker, wanted).map_err(|why| format!("{}: {why}", marker.display()))?;
    Ok(true)
}

/// Starts a server and waits for its first good answer to a look at the catalogue.
pub async fn start(
    command: &mut Command,
    port: u16,
    log: &Path,
    look: impl AsyncFn(&mut Http) -> Result<(), String>,
) -> Result<Child, String> {
    let line = command_line(command);
    let mut child = command.spawn().map_err(|why| format!("{line}: {why}"))?;
    let mut http = Http::to(SocketAddr::from(([127, 0, 0, 1], port)));
    let begun = Instant::now();
    loop {
        let looked = tokio::time::timeout(START_MAX, look(&mut http)).await;
        let Err(why) = looked.unwrap_or_else(|_| Err("no answer".to_owned())) else { return Ok(child) };
        if let Some(status) = child.try_wait().map_err(|why| why.to_string())? {
            return Err(format!("{line} ended: {status}; see {}", log.display()));
        }
        if begun.elapsed() > START_MAX {
            return Err(format!("no good answer in {} s, the last: {why}; see {}", START_MAX.as_secs(), log.display()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The body of an answer of this status.
pub fn parsed<T: DeserializeOwned>(reply: &Reply, meant: u16) -> Result<T, String> {
    reply.must_be(meant)?;
    serde_json::from_slice(&reply.body).map_err(|why| format!("an answer that is not what was meant: {why}"))
}

/// What a seed wrote for the load.
pub fn seeded<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    serde_json::from_str(&read(path)?).map_err(|why| format!("{}: {why}", path.display()))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))
}

/// Copies the files that differ: whether there were any. Nobody edits the copies, so what is gone from the sources stays.
fn copy(source: &Path, into: &Path) -> std::io::Result<bool> {
    let mut is_changed = false;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let (from, to) = (entry.path(), into.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&to)?;
            is_changed |= copy(&from, &to)?;
        } else if fs::read(&from)? != fs::read(&to).unwrap_or_default() {
            fs::copy(&from, &to)?;
            is_changed = true;
        }
    }
    Ok(is_changed)
}

fn command_line(command: &Command) -> String {
    let command = command.as_std();
    let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
    std::iter::once(command.get_program().to_string_lossy().into_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
