//! `cargo xtask image`: the binary of the image, built as deploy/Containerfile builds it, runs where nothing else is:
//! a root folder with it, certificates and what every engine adds (names, random numbers), as the image's user.

mod names;

use crate::process::{output, run, shown};
use crate::root;
use crate::test::{cargo, target_folder};
use names::NameServer;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const CHROOT: &str = "/usr/sbin/chroot";
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// A host of the hosts file, one of the name server, and one that nobody knows.
const IN_HOSTS: &str = "database.in-hosts.test";
const IN_DNS: &str = "database.in-dns.test";
const NOWHERE: &str = "database.nowhere.test";
const START_SECONDS: u64 = 30;
/// Above `server.shutdown_seconds_max`.
const STOP_SECONDS: u64 = 30;
const POLL_MILLIS: u64 = 100;

/// Builds it, where none is given, and proves it; says what was seen.
pub fn image(given: Option<PathBuf>) -> Result<(), String> {
    if !geteuid().is_root() {
        return Err(
            "only root gives a process another root folder and user: run `sudo -E cargo xtask image`".to_owned()
        );
    }
    let binary = given.map_or_else(build, Ok)?;
    let linked = linked(&binary)?;
    let image = Image::around(&binary)?;
    let version = image.version()?;
    image.serves()?;
    image.finds_names()?;
    let size = fs::metadata(&binary).map_err(|why| why.to_string())?.len() / 1_000_000;
    println!("image: ok. {version}, {size} MB, {linked}");
    println!(
        "  serves, checks its health, stops and finds names by file and by DNS in a root of its own, as user {}",
        image.user
    );
    Ok(())
}

fn build() -> Result<PathBuf, String> {
    let rustc = output(Command::new("rustc").arg("-vV"))?;
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc -vV names no host")?;
    let mut build = cargo();
    build.args(["build", "--locked", "--release", "--target", host, "-p", "souk", "--bin", "souk"]);
    run(build.env("RUSTFLAGS", "-C target-feature=+crt-static"))?;
    Ok(target_folder()?.join(host).join("release/souk"))
}

/// What `ldd` says of it; an error where it wants a library.
fn linked(binary: &Path) -> Result<String, String> {
    let said = Command::new("ldd").arg(binary).output().map_err(|why| format!("ldd: {why}"))?;
    let said = String::from_utf8_lossy(&said.stdout).trim().to_owned() + String::from_utf8_lossy(&said.stderr).trim();
    let is_static = ["statically linked", "not a dynamic executable"].iter().any(|words| said.contains(words));
    if is_static { Ok(said) } else { Err(format!("{} wants libraries:\n{said}", binary.display())) }
}

/// A folder that is laid out as the image is.
struct Image {
    folder: TempDir,
    user: u32,
}

impl Image {
    fn around(binary: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(root().join("deploy/Containerfile")).map_err(|why| why.to_string())?;
        let user = text.lines().find_map(|line| line.strip_prefix("USER ")?.split(':').next()?.parse().ok());
        let user = user.ok_or("deploy/Containerfile names no user by number")?;
        let folder = tempfile::Builder::new().prefix("souk-image-").tempdir().map_err(|why| why.to_string())?;
        lay_out(folder.path(), binary, user).map_err(|why| format!("{}: {why}", folder.path().display()))?;
        // Every engine makes them, and a static binary has its random numbers from there: it can't look at run time
        // whether glibc has `getrandom`.
        for (device, minor) in [("random", "8"), ("urandom", "9")] {
            run(Command::new("mknod")
                .arg("-m666")
                .arg(folder.path().join("dev").join(device))
                .args(["c", "1", minor]))?;
        }
        Ok(Self { folder, user })
    }

    /// The binary in there, with the settings that its folders want.
    fn souk(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(CHROOT);
        command
            .arg(format!("--userspec={0}:{0}", self.user))
            .arg("--groups=")
            .arg(self.folder.path())
            .arg("/souk")
            .args(arguments)
            .env_clear()
            .env("SOUK_DATABASE__URL", "sqlite:/data/souk.db")
            .env("SOUK_SERVER__SECRETS_FILE", "/data/souk.key")
            .env("SOUK_NOTIFICATIONS__FOLDER", "/data/mails")
            .envs(settings.iter().copied())
            .stdin(Stdio::null());
        command
    }

    fn version(&self) -> Result<String, String> {
        output(&mut self.souk(&["--version"], &[])).map(|said| said.trim().to_owned())
    }

    /// `souk serve` until its own `souk health` is content; then it ends when it is told to.
    fn serves(&self) -> Result<(), String> {
        let free =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).map_err(|why| why.to_string())?;
        let listen = [("SOUK_SERVER__LISTEN", free.to_string())];
        let listen = listen.each_ref().map(|(key, value)| (*key, value.as_str()));
        let mut serve = self.souk(&["serve"], &listen);
        let mut running = Running(serve.spawn().map_err(|why| format!("{}: {why}", shown(&serve)))?);
        let begun = Instant::now();
        while let Err(why) = output(&mut self.souk(&["health"], &listen)) {
            if running.0.try_wait().map_err(|why| why.to_string())?.is_some()
                || begun.elapsed().as_secs() > START_SECONDS
            {
                return Err(format!("it does not serve: {why}"));
            }
            thread::sleep(Duration::from_millis(POLL_MILLIS));
        }
        let owner = fs::metadata(self.folder.path().join("data/souk.db")).map_err(|why| why.to_string())?.uid();
        if owner != self.user {
            return Err(format!("it runs as user {owner}, not {}", self.user));
        }
        running.stop()?;
        match output(&mut self.souk(&["health"], &listen)) {
            Ok(said) => Err(format!("it has ended, and `souk health` says {said}")),
            Err(_) => Ok(()),
        }
    }

    /// A host is looked up in the hosts file and at a name server: then it is reached, and refuses.
    fn finds_names(&self) -> Result<(), String> {
        let _server = NameServer::start(IN_DNS, &self.folder.path().join("etc/resolv.conf"))?;
        for (host, expected) in [(IN_HOSTS, "refused"), (IN_DNS, "refused"), (NOWHERE, "lookup")] {
            let url = format!("postgres://souk@{host}:1/souk");
            let said = self.souk(&["migrate"], &[("SOUK_DATABASE__URL", &url)]).output();
            let said = said.map_err(|why| why.to_string())?;
            let said = String::from_utf8_lossy(&said.stderr).trim().to_owned();
            if !said.to_lowercase().contains(expected) {
                return Err(format!("{host}: expected `{expected}`, and it says: {said}"));
            }
            println!("  {host}: {said}");
        }
        Ok(())
    }
}

/// Killed when dropped.
struct Running(Child);

impl Running {
    fn stop(&mut self) -> Result<(), String> {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).ok_or("no process id")?;
        kill_process(pid, Signal::TERM).map_err(|why| why.to_string())?;
        let begun = Instant::now();
        loop {
            match self.0.try_wait().map_err(|why| why.to_string())? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("it ended badly ({status})")),
                None if begun.elapsed().as_secs() > STOP_SECONDS => return Err("it does not end".to_owned()),
                None => thread::sleep(Duration::from_millis(POLL_MILLIS)),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As deploy/Containerfile does; hosts and resolv.conf are the engine's part.
fn lay_out(folder: &Path, binary: &Path, user: u32) -> std::io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    fs::copy(binary, folder.join("souk"))?;
    for made in ["etc/ssl/certs", "data/media", "dev", "tmp"] {
        fs::create_dir_all(folder.join(made))?;
    }
    fs::set_permissions(folder.join("tmp"), Permissions::from_mode(0o1777))?;
    for owned in ["data", "data/media"] {
        chown(folder.join(owned), Some(user), Some(user))?;
    }
    fs::copy(CERTIFICATES, folder.join(CERTIFICATES.trim_start_matches('/')))?;
    fs::write(folder.join("etc/nsswitch.conf"), "hosts: files dns\n")?;
    fs::write(folder.join("etc/hosts"), format!("127.0.0.1 localhost\n127.0.0.1 {IN_HOSTS}\n"))
}
