//! One process of the shop: started, signalled, awaited by its own handle.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::Clock;

/// Machine time for a process to serve, or to end, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A program with its settings. Killed when dropped, and by the kernel where we are.
#[derive(Debug)]
pub struct Unit {
    pub name: String,
    pub service: &'static str,
    pub address: SocketAddr,
    program: PathBuf,
    arguments: Vec<String>,
    settings: Vec<(String, String)>,
    failpoints: Vec<String>,
    folder: PathBuf,
    starts: u32,
    child: Option<Child>,
}

/// What a unit is started with, again and again.
#[derive(Debug)]
pub struct Start {
    pub name: String,
    pub service: &'static str,
    pub address: SocketAddr,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub settings: Vec<(String, String)>,
    /// Armed at each start.
    pub failpoints: Vec<String>,
    pub folder: PathBuf,
}

impl Unit {
    pub fn new(start: Start) -> Self {
        let Start { name, service, address, program, arguments, settings, failpoints, folder } = start;
        Self { name, service, address, program, arguments, settings, failpoints, folder, starts: 0, child: None }
    }

    /// Another build, from the next start on.
    pub fn set_program(&mut self, program: &Path) {
        program.clone_into(&mut self.program);
    }

    /// Starts it; call it on the main thread, at whose end the kernel kills it.
    pub fn start(&mut self) -> Result<(), String> {
        self.start_with(None, &[])
    }

    /// Starts it so that it dies at a named point.
    pub fn start_armed(&mut self, failpoint: &str) -> Result<(), String> {
        self.start_with(Some(failpoint), &[])
    }

    /// Starts it on a clock that can step.
    pub fn start_on(&mut self, clock: &Clock) -> Result<(), String> {
        self.start_with(None, &clock.settings())
    }

    fn start_with(&mut self, failpoint: Option<&str>, settings: &[(String, String)]) -> Result<(), String> {
        self.starts += 1;
        let file = |end: &str| {
            let path = self.log(end);
            File::create(&path).map(Stdio::from).map_err(|why| format!("{}: {why}", path.display()))
        };
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig=KILL").arg(&self.program).args(&self.arguments);
        command.current_dir(&self.folder).stdin(Stdio::null());
        command.env_clear().envs(self.settings.iter().chain(settings).cloned());
        let armed: Vec<&str> = self.failpoints.iter().map(String::as_str).chain(failpoint).collect();
        if !armed.is_empty() {
            command.env("FAILPOINTS", armed.join(";"));
        }
        let child = command.stdout(file("out")?).stderr(file("err")?).spawn();
        self.child = Some(child.map_err(|why| format!("{} does not start: {why}", self.program.display()))?);
        Ok(())
    }

    /// Waits until it says that it serves.
    pub async fn ready(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            if std::fs::read_to_string(self.log("out")).is_ok_and(|said| said.contains(" serves on http")) {
                return Ok(());
            }
            if let Some(status) = self.ended() {
                return Err(format!("{} ended ({status}): {}", self.name, self.last_words()));
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("{} does not serve after {PATIENCE:?}: {}", self.name, self.last_words()));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().ok().flatten())
    }

    pub fn is_up(&mut self) -> bool {
        self.child.is_some() && self.ended().is_none()
    }

    /// SIGTERM, and its end in that time; killed after it. How it ended, or why not.
    pub async fn stop(&mut self, within: Duration) -> Result<ExitStatus, String> {
        self.signal(Signal::TERM);
        let ended = self.end(within).await;
        self.kill();
        ended
    }

    /// Waits for its end.
    async fn end(&mut self, within: Duration) -> Result<ExitStatus, String> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            if begun.elapsed() > within {
                return Err(format!("{} still runs after {within:?}", self.name));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            // Fails only where it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn signal(&mut self, signal: Signal) {
        let pid = self.child.as_ref().and_then(|child| i32::try_from(child.id()).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| self.is_up()) {
            // Not reaped yet, so the id is still its own.
            let _ = kill_process(pid, signal);
        }
    }

    /// Whether it came to an armed fault point and died there.
    pub fn died_at(&mut self, point: &str) -> bool {
        let is_killed = self.ended().is_some_and(|status| status.signal() == Some(Signal::KILL.as_raw()));
        is_killed && self.stderr().contains(&format!("fault point reached: {point}"))
    }

    fn stderr(&self) -> String {
        std::fs::read_to_string(self.log("err")).unwrap_or_default()
    }

    fn last_words(&self) -> String {
        let said = self.stderr();
        let lines: Vec<&str> = said.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn log(&self, end: &str) -> PathBuf {
        self.folder.join(format!("{}-{:03}.{end}", self.name, self.starts))
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        self.kill();
    }
}
