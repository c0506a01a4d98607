//! The real binary as a child: for `kill -9`, exit codes and what the command line prints.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use contracts::customers::Role;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{Client, Database, Staff};

/// Machine time for a process to serve, or to end.
const PATIENCE: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A setting in the environment: `("SOUK_AUDIT__SETTLE_SECONDS", "0")`, `("FAILPOINTS", "…")`.
pub type Setting<'a> = (&'a str, &'a str);

/// `souk serve` on a database, in a process of its own. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    pub client: Client,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// How a process ended, or what a command answered.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Died by SIGKILL, as a power cut would end it.
    pub fn is_killed(&self) -> bool {
        self.status.signal() == Some(Signal::KILL.as_raw())
    }
}

impl Process {
    /// Starts it and waits until it serves.
    ///
    /// # Panics
    /// Where it ends before that, with what it said.
    pub async fn serve(database: &Database, settings: &[Setting<'_>]) -> Self {
        Self::try_serve(database, settings).await.unwrap_or_else(|ended| panic!("souk serve ended: {ended:#?}"))
    }

    /// As [`Process::serve`], where a failpoint may end it before it serves.
    pub async fn try_serve(database: &Database, settings: &[Setting<'_>]) -> Result<Self, Ended> {
        let base = |said: &str| said.lines().find_map(|line| Some(line.strip_prefix("souk serves on ")?.to_owned()));
        let (mut process, base) = Self::start(database, settings, &["serve"], base).await?;
        process.client = Client::new(base);
        Ok(process)
    }

    /// `souk demo` in the test's folder, when it has bought from itself; with its staff's key.
    ///
    /// # Panics
    /// Where it ends before that, with what it said.
    pub async fn demo(database: &Database) -> (Self, String) {
        let key = |said: &str| Some(said.split_once("staff key: ")?.1.lines().next()?.to_owned());
        let ready = |said: &str| {
            let base = said.split_once("is open on ")?.1.split(',').next()?;
            Some((base.to_owned(), key(said)?))
        };
        let started = Self::start(database, &[], &["demo"], ready).await;
        let (mut process, (base, key)) = started.unwrap_or_else(|ended| panic!("souk demo ended: {ended:#?}"));
        process.client = Client::new(base);
        (process, key)
    }

    /// Starts a command that goes on by itself, and waits until what it has printed is as meant.
    ///
    /// # Panics
    /// Where it ends before that, with what it said.
    pub async fn follow(
        database: &Database,
        settings: &[Setting<'_>],
        arguments: &[&str],
        ready: impl Fn(&str) -> bool,
    ) -> Self {
        let started = Self::start(database, settings, arguments, |said| ready(said).then_some(())).await;
        started.unwrap_or_else(|ended| panic!("souk {} ended: {ended:#?}", arguments.join(" "))).0
    }

    /// Starts it and waits until what it prints is `ready`.
    async fn start<T>(
        database: &Database,
        settings: &[Setting<'_>],
        arguments: &[&str],
        ready: impl Fn(&str) -> Option<T>,
    ) -> Result<(Self, T), Ended> {
        let name = uuid::Uuid::now_v7().simple().to_string();
        let (stdout, stderr) =
            (database.folder().join(format!("{name}.out")), database.folder().join(format!("{name}.err")));
        let file = |path: &PathBuf| Stdio::from(File::create(path).expect("a file in the test's folder"));
        let child = command(database, settings)
            .args(arguments)
            .env("SOUK_SERVER__LISTEN", "127.0.0.1:0")
            .stdout(file(&stdout))
            .stderr(file(&stderr))
            .spawn()
            .expect("the binary starts");
        let mut process = Self { client: Client::new(""), child, stdout, stderr };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let said = process.stdout();
            if let Some(ready) = ready(&said) {
                return Ok((process, ready));
            }
            if let Some(status) = process.child.try_wait().expect("our own child") {
                return Err(Ended { status, stdout: said, stderr: process.stderr() });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        panic!("`souk {}` is not ready after {PATIENCE:?}: {}", arguments.join(" "), process.stderr());
    }

    /// What it has printed.
    pub fn stdout(&self) -> String {
        std::fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    /// What it has written to standard error.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// Waits for its own end.
    pub async fn ended(mut self) -> Ended {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                return Ended { status, stdout: String::new(), stderr: self.stderr() };
            }
            assert!(begun.elapsed() < PATIENCE, "it still runs after {PATIENCE:?}: {}", self.stderr());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Tells it to end (SIGTERM), waits, and expects that it drained in time.
    pub async fn stop(self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, Signal::TERM).expect("our own child");
        let ended = self.ended().await;
        assert!(ended.status.success(), "{ended:#?}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command of the binary to its end.
pub fn souk(database: &Database, settings: &[Setting<'_>], arguments: &[&str]) -> Ended {
    let output = command(database, settings).args(arguments).output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A new member of staff, by `souk staff add`.
pub fn add_staff(database: &Database, client: &Client, role: Role) -> Staff {
    let email = format!("{}@example.com", role.as_str());
    let added = souk(database, &[], &["staff", "add", &email, "--role", role.as_str()]);
    assert!(added.status.success(), "{added:#?}");
    Staff::new(client, added.stdout.trim().lines().last().expect("it prints the key"))
}

/// Which invariants `souk audit --json` finds broken just now, and the whole answer.
pub fn audit(database: &Database, settings: &[Setting<'_>]) -> (Vec<String>, Ended) {
    let mut with = vec![("SOUK_AUDIT__SETTLE_SECONDS", "0")];
    with.extend_from_slice(settings);
    let ended = souk(database, &with, &["audit", "--json"]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:#?}"));
    let findings = report["findings"].as_array().expect("a report lists its findings");
    let mut broken: Vec<String> =
        findings.iter().filter_map(|finding| finding["invariant"].as_str().map(str::to_owned)).collect();
    broken.sort();
    broken.dedup();
    assert_eq!(ended.status.success(), broken.is_empty(), "exit status 1 means findings: {ended:#?}");
    (broken, ended)
}

/// The binary in the test's folder, with nothing of the environment but what is meant.
fn command(database: &Database, settings: &[Setting<'_>]) -> Command {
    let mut command = Command::new(binary());
    command
        .current_dir(database.folder())
        .env_clear()
        .env("SOUK_DATABASE__URL", &database.url)
        .env("SOUK_NOTIFICATIONS__FOLDER", database.folder().join("mails"))
        .envs(settings.iter().copied())
        .stdin(Stdio::null());
    command
}

/// The dev build with failpoints.
fn binary() -> PathBuf {
    let here = crate::repository().join("target/debug/souk");
    let path = std::env::var_os("SOUK_TEST_BINARY").map_or(here, PathBuf::from);
    assert!(path.exists(), "{} is missing: run `cargo xtask test`, which builds it with failpoints", path.display());
    path
}
