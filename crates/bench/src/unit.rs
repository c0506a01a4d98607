//! One process of the shop: started, signalled, awaited by its own handle.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use contracts::SERVICES;
use rustix::process::{Pid, Signal, kill_process};

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

    /// Starts it with more settings, this once.
    pub fn start_also(&mut self, settings: &[(String, String)]) -> Result<(), String> {
        self.start_with(None, settings)
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
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

    /// What it has logged since it was started.
    pub fn stderr(&self) -> String {
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

/// What the units of a shop of many processes have in common.
#[derive(Debug, Clone, Copy)]
pub struct Common<'a> {
    pub program: &'a Path,
    pub settings: &'a [(String, String)],
    pub failpoints: &'a [String],
    pub folder: &'a Path,
}

pub type Addresses = BTreeMap<&'static str, Vec<SocketAddr>>;

/// Free addresses for so many copies of each service.
pub fn addresses(copies: usize) -> Result<Addresses, String> {
    SERVICES
        .into_iter()
        .map(|service| Ok((service, (0..copies).map(|_| free_address()).collect::<Result<_, _>>()?)))
        .collect()
}

/// A process for each address, that knows where the others are.
pub fn units(common: Common<'_>, addresses: &Addresses) -> Vec<Unit> {
    let mut units = Vec::new();
    for (service, copies) in addresses {
        for (copy, address) in copies.iter().enumerate() {
            let mut settings = common.settings.to_vec();
            settings.push(("SOUK_SERVER__LISTEN".to_owned(), address.to_string()));
            for (peer, copies) in addresses.iter().filter(|(peer, _)| *peer != service) {
                let urls: Vec<String> = copies.iter().map(|address| format!("http://{address}")).collect();
                settings.push((format!("SOUK_PEERS__{}", peer.to_uppercase()), urls.join(" ")));
            }
            units.push(Unit::new(Start {
                name: format!("{service}-{copy}"),
                service,
                address: *address,
                program: common.program.to_path_buf(),
                arguments: ["serve", "--services", service].map(str::to_owned).to_vec(),
                settings,
                failpoints: common.failpoints.to_vec(),
                folder: common.folder.to_path_buf(),
            }));
        }
    }
    units
}

pub fn free_address() -> Result<SocketAddr, String> {
    engines::free_port()
        .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
        .map_err(|why| format!("no free port: {why}"))
}

/// The program, by its whole path; `made_by` is how to get it.
pub fn must_exist(program: &Path, argument: &str, made_by: &str) -> Result<PathBuf, String> {
    program
        .canonicalize()
        .map_err(|why| format!("`{argument} {}`: {why}; build it with `{made_by}`", program.display()))
}
