//! A private PostgreSQL from Debian's packages: own folder, own port on 127.0.0.1, gone when dropped.

use crate::process::{interrupted, shown};
use crate::tools;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{self, Read};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const START_SECONDS: u64 = 60;
const STOP_SECONDS: u64 = 30;
const POLL_MILLIS: u64 = 20;
/// Another process may take the port between our choosing it and PostgreSQL binding it.
const PORT_TRIES: usize = 5;

/// A running server. Dropping it stops it and removes its folder, on panic too.
/// Where we are killed without a chance to drop, the kernel stops it for us (`setpriv --pdeathsig`).
pub struct Postgres {
    server: Child,
    port: u16,
    _folder: TempDir,
}

impl Postgres {
    /// Starts a durable server (fsync on) with 300 connections, C locale and trust for the user `postgres`.
    pub fn start() -> Result<Self, String> {
        let programs = tools::postgres_programs()?;
        let account = Account::for_server()?;
        let folder = tempfile::Builder::new()
            .prefix("souk-postgres-")
            .tempdir()
            .map_err(|why| format!("no temporary folder: {why}"))?;
        if let Some(Account { uid, gid }) = account {
            chown(folder.path(), Some(uid), Some(gid))
                .map_err(|why| format!("cannot give {} to postgres: {why}", folder.path().display()))?;
        }
        let data = folder.path().join("data");
        initialise(&programs, account, folder.path(), &data)?;
        let (server, port) = serve(&programs, account, folder.path(), &data)?;
        Ok(Self { server, port, _folder: folder })
    }

    /// `postgres://…` of its maintenance database, for a user who may create others.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        stop(&mut self.server);
    }
}

/// `cargo xtask services`: prints where the server is, and stops it at ctrl-c or the end of stdin.
pub fn foreground() -> Result<(), String> {
    let postgres = Postgres::start()?;
    println!("PostgreSQL: {}", postgres.url());
    println!("export SOUK_TEST_POSTGRES={}", postgres.url());
    println!("It stops at ctrl-c or at the end of stdin, and its data goes with it.");
    let ended = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ended);
    thread::spawn(move || {
        let mut ignored = [0; 1024];
        while matches!(io::stdin().read(&mut ignored), Ok(read) if read > 0) {}
        end.store(true, Ordering::Relaxed);
    });
    while !interrupted() && !ended.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(POLL_MILLIS));
    }
    Ok(())
}

/// Whom the server runs as where that is not ourselves: it refuses to run as root.
#[derive(Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    fn for_server() -> Result<Option<Self>, String> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").map_err(|why| format!("/etc/passwd: {why}"))?;
        Self::named("postgres", &users)
            .map(Some)
            .ok_or_else(|| "there is no user `postgres`, and PostgreSQL refuses to run as root".to_owned())
    }

    fn named(name: &str, users: &str) -> Option<Self> {
        let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let user = fields.into_iter().find(|fields| fields.first() == Some(&name))?;
        Some(Self { uid: user.get(2)?.parse().ok()?, gid: user.get(3)?.parse().ok()? })
    }
}

/// A program of PostgreSQL, as the server's account, in its folder. It is `exec`ed: our child is the server itself.
fn command(program: &Path, account: Option<Account>, folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if let Some(Account { uid, gid }) = account {
        command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]);
    }
    command.arg("--pdeathsig=INT").arg(program).current_dir(folder);
    command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

fn initialise(programs: &Path, account: Option<Account>, folder: &Path, data: &Path) -> Result<(), String> {
    let mut initdb = command(&programs.join("initdb"), account, folder);
    initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]);
    initdb.arg("--pgdata").arg(data);
    crate::process::output(&mut initdb).map(drop)
}

fn serve(programs: &Path, account: Option<Account>, folder: &Path, data: &Path) -> Result<(Child, u16), String> {
    let mut last = String::new();
    for _ in 0..PORT_TRIES {
        let port = free_port().map_err(|why| format!("no free port on 127.0.0.1: {why}"))?;
        match serve_on(port, programs, account, folder, data) {
            Ok(server) => return Ok((server, port)),
            Err(why) => last = why,
        }
        if interrupted() {
            break;
        }
    }
    Err(last)
}

fn serve_on(port: u16, programs: &Path, account: Option<Account>, folder: &Path, data: &Path) -> Result<Child, String> {
    let log = folder.join("log");
    let file = fs::File::create(&log).map_err(|why| format!("{}: {why}", log.display()))?;
    let errors = file.try_clone().map_err(|why| format!("{}: {why}", log.display()))?;
    let mut postgres = command(&programs.join("postgres"), account, folder);
    postgres.arg("-D").arg(data).stdout(file).stderr(errors);
    for setting in [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        "unix_socket_directories=".to_owned(),
        "max_connections=300".to_owned(),
        "fsync=on".to_owned(),
        "synchronous_commit=on".to_owned(),
        "full_page_writes=on".to_owned(),
    ] {
        postgres.args(["-c", &setting]);
    }
    let mut server = postgres.spawn().map_err(|why| format!("cannot start `{}`: {why}", shown(&postgres)))?;
    match wait_until_ready(&mut server, &data.join("postmaster.pid")) {
        Ok(()) => Ok(server),
        Err(why) => {
            stop(&mut server);
            let said = fs::read_to_string(&log).unwrap_or_default();
            Err(format!("PostgreSQL {why}; its log:\n{}", said.trim()))
        }
    }
}

/// Reads the state the server itself writes into its own folder: nobody else's server can be mistaken for it.
fn wait_until_ready(server: &mut Child, state: &Path) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(START_SECONDS);
    while Instant::now() < deadline {
        if interrupted() {
            return Err("was interrupted".to_owned());
        }
        if let Ok(Some(status)) = server.try_wait() {
            return Err(format!("ended at once ({status})"));
        }
        if fs::read_to_string(state).is_ok_and(|text| text.lines().nth(7).is_some_and(|line| line.trim() == "ready")) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(POLL_MILLIS));
    }
    Err(format!("was not ready after {START_SECONDS} s"))
}

/// Fast shutdown by our own handle: the child is not reaped yet, so its id is still its own.
fn stop(server: &mut Child) {
    if let Some(process) = i32::try_from(server.id()).ok().and_then(Pid::from_raw)
        && matches!(server.try_wait(), Ok(None))
    {
        let _ = kill_process(process, Signal::INT);
    }
    let deadline = Instant::now() + Duration::from_secs(STOP_SECONDS);
    while matches!(server.try_wait(), Ok(None)) {
        if Instant::now() > deadline {
            let _ = server.kill();
        }
        thread::sleep(Duration::from_millis(POLL_MILLIS));
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The newest of `/usr/lib/postgresql/*/bin` that holds a server.
pub fn newest_programs(installed: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(installed).ok()?.flatten();
    versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse::<u32>().ok()?, version.path().join("bin"))))
        .filter(|(_, programs)| programs.join("postgres").is_file() && programs.join("initdb").is_file())
        .max()
        .map(|(_, programs)| programs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn a_private_postgres_answers_and_leaves_nothing_behind() {
        let postgres = Postgres::start().unwrap();
        let (port, folder) = (postgres.port, postgres._folder.path().to_path_buf());
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
        assert!(folder.is_dir());
        drop(postgres);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        assert!(!folder.exists());
    }

    #[test]
    fn the_newest_version_counts_by_number_and_needs_its_server() {
        let installed = tempfile::tempdir().unwrap();
        for version in ["9", "15"] {
            let programs = installed.path().join(version).join("bin");
            fs::create_dir_all(&programs).unwrap();
            fs::write(programs.join("postgres"), "").unwrap();
            fs::write(programs.join("initdb"), "").unwrap();
        }
        fs::create_dir_all(installed.path().join("16/bin")).unwrap();
        assert_eq!(newest_programs(installed.path()), Some(installed.path().join("15/bin")));
        assert_eq!(newest_programs(&installed.path().join("absent")), None);
    }

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/bash\npostgres2:x:9:9::/:/bin/sh\npostgres:x:102:105::/:/bin/sh\n";
        let account = Account::named("postgres", users).unwrap();
        assert_eq!((account.uid, account.gid), (102, 105));
        assert!(Account::named("nobody", users).is_none());
    }
}
