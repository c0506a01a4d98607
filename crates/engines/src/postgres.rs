//! PostgreSQL: durable, with a database for who may create others.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::program::{command, free_port, stop, wait_until};

const INSTALLED: &str = "/usr/lib/postgresql";
const START_SECONDS: u64 = 60;
/// Another process may take the port between our choosing it and PostgreSQL binding it.
const PORT_TRIES: usize = 5;
const RESTART_MAX: Duration = Duration::from_secs(60);
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A running server. Dropping it stops it and removes its folder.
#[derive(Debug)]
pub struct Postgres {
    server: Child,
    port: u16,
    programs: PathBuf,
    account: Option<Account>,
    folder: TempDir,
}

impl Postgres {
    /// Starts a durable server (fsync on) with 300 connections, C locale and trust for the user `postgres`.
    pub fn start() -> Result<Self, String> {
        Self::start_in(&std::env::temp_dir())
    }

    /// The same, with its folder in this one.
    pub fn start_in(parent: &Path) -> Result<Self, String> {
        let programs = newest_programs(Path::new(INSTALLED))
            .ok_or("PostgreSQL's server programs are missing: `apt-get install -y postgresql`")?;
        let account = Account::for_server()?;
        let folder = tempfile::Builder::new()
            .prefix("souk-postgres-")
            .tempdir_in(parent)
            .map_err(|why| format!("no temporary folder: {why}"))?;
        if let Some(Account { uid, gid }) = account {
            chown(folder.path(), Some(uid), Some(gid))
                .map_err(|why| format!("cannot give {} to postgres: {why}", folder.path().display()))?;
        }
        let data = folder.path().join("data");
        initialise(&programs, account, folder.path(), &data)?;
        let (server, port) = serve(&programs, account, folder.path(), &data)?;
        Ok(Self { server, port, programs, account, folder })
    }

    /// `postgres://…` of its maintenance database, for a user who may create others.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Postgres {
    /// Of the server, whose children serve the connections.
    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    /// `kill -9` of the server: its other processes notice, and end.
    pub fn kill(&mut self) {
        // Fails only where it has ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// Starts it again where it was, on what it wrote. Until all processes of the one before have ended it refuses
    /// to share their memory, and is asked again.
    pub fn restart(&mut self) -> Result<(), String> {
        let data = self.folder.path().join("data");
        let begun = Instant::now();
        loop {
            match serve_on(self.port, &self.programs, self.account, self.folder.path(), &data) {
                Ok(server) => {
                    self.server = server;
                    return Ok(());
                }
                Err(why) if begun.elapsed() > RESTART_MAX => return Err(why),
                Err(_) => thread::sleep(AGAIN_AFTER),
            }
        }
    }

    /// Whether it has not ended by itself.
    pub fn is_up(&mut self) -> bool {
        matches!(self.server.try_wait(), Ok(None))
    }

    /// What it said since it was started.
    pub fn said(&self) -> String {
        let bytes = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        stop(&mut self.server, Signal::INT);
    }
}

/// Whom the server runs as where that is not ourselves: it refuses to run as root.
#[derive(Debug, Clone, Copy)]
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
fn program(program: &Path, account: Option<Account>, folder: &Path) -> Command {
    command(program, "INT", account.map(|Account { uid, gid }| (uid, gid)), folder)
}

fn initialise(programs: &Path, account: Option<Account>, folder: &Path, data: &Path) -> Result<(), String> {
    let mut initdb = program(&programs.join("initdb"), account, folder);
    initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]);
    initdb.arg("--pgdata").arg(data);
    let done = initdb.output().map_err(|why| format!("cannot start initdb: {why}"))?;
    let said = || format!("initdb failed ({}): {}", done.status, String::from_utf8_lossy(&done.stderr).trim());
    if done.status.success() { Ok(()) } else { Err(said()) }
}

fn serve(programs: &Path, account: Option<Account>, folder: &Path, data: &Path) -> Result<(Child, u16), String> {
    let mut last = String::new();
    for _ in 0..PORT_TRIES {
        let port = free_port().map_err(|why| format!("no free port on 127.0.0.1: {why}"))?;
        match serve_on(port, programs, account, folder, data) {
            Ok(server) => return Ok((server, port)),
            Err(why) => last = why,
        }
    }
    Err(last)
}

fn serve_on(port: u16, programs: &Path, account: Option<Account>, folder: &Path, data: &Path) -> Result<Child, String> {
    let log = folder.join("log");
    let file = fs::File::create(&log).map_err(|why| format!("{}: {why}", log.display()))?;
    let errors = file.try_clone().map_err(|why| format!("{}: {why}", log.display()))?;
    let mut postgres = program(&programs.join("postgres"), account, folder);
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
    let mut server = postgres.spawn().map_err(|why| format!("cannot start PostgreSQL: {why}"))?;
    // What the server itself writes into its own folder: nobody else's server can be mistaken for it.
    let state = data.join("postmaster.pid");
    // Of this server: after a `kill -9` the file of the one before is still there.
    let pid = server.id().to_string();
    let is_ready = || {
        let text = fs::read_to_string(&state).unwrap_or_default();
        let line = |at: usize| text.lines().nth(at).map(str::trim);
        line(0) == Some(pid.as_str()) && line(7) == Some("ready")
    };
    wait_until(&mut server, START_SECONDS, is_ready).map_err(|why| {
        stop(&mut server, Signal::INT);
        let said = fs::read_to_string(&log).unwrap_or_default();
        format!("PostgreSQL {why}; its log:\n{}", said.trim())
    })?;
    Ok(server)
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
        let (port, folder) = (postgres.port, postgres.folder.path().to_path_buf());
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
        assert!(folder.is_dir());
        drop(postgres);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        assert!(!folder.exists());
    }

    #[test]
    fn it_is_killed_and_comes_back_with_what_it_had() {
        let mut postgres = Postgres::start().unwrap();
        for _ in 0..2 {
            postgres.kill();
            assert!(!postgres.is_up());
            assert!(TcpStream::connect(("127.0.0.1", postgres.port)).is_err());
            postgres.restart().unwrap();
            assert!(postgres.is_up() && TcpStream::connect(("127.0.0.1", postgres.port)).is_ok());
            assert!(postgres.said().contains("automatic recovery in progress"), "{}", postgres.said());
        }
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
