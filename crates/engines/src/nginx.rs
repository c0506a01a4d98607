//! nginx, on a configuration that is given.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::program::{command, free_port, stop, tell, wait_until};

const PROGRAM: &str = "/usr/sbin/nginx";
const START_SECONDS: u64 = 20;
const PORT_TRIES: usize = 5;

/// A running nginx. Dropping it stops it and removes its folder.
#[derive(Debug)]
pub struct Nginx {
    server: Child,
    port: u16,
    folder: TempDir,
}

impl Nginx {
    /// Starts nginx on files that `write` puts into its folder for a port of 127.0.0.1; one of them is `nginx.conf`.
    pub fn start(write: impl Fn(&Path, u16) -> std::io::Result<()>) -> Result<Self, String> {
        if !Path::new(PROGRAM).exists() {
            return Err("nginx is missing: `apt-get install -y nginx-light`".to_owned());
        }
        let mut last = String::new();
        for _ in 0..PORT_TRIES {
            match Self::start_once(&write) {
                Ok(nginx) => return Ok(nginx),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    fn start_once(write: &impl Fn(&Path, u16) -> std::io::Result<()>) -> Result<Self, String> {
        let failed = |why: std::io::Error| format!("nginx's folder or port: {why}");
        let folder = tempfile::Builder::new().prefix("souk-nginx-").tempdir().map_err(failed)?;
        let port = free_port().map_err(failed)?;
        write(folder.path(), port).map_err(failed)?;
        let log = folder.path().join("start.log");
        let file = fs::File::create(&log).map_err(failed)?;
        let mut server = command(Path::new(PROGRAM), "TERM", None, folder.path())
            .arg("-p")
            .arg(folder.path())
            .args(["-c", "nginx.conf", "-e", "error.log", "-g", "daemon off;"])
            .stderr(file)
            .spawn()
            .map_err(|why| format!("cannot start nginx: {why}"))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let answers = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok();
        wait_until(&mut server, START_SECONDS, answers).map_err(|why| {
            stop(&mut server, Signal::TERM);
            format!("nginx {why}: {}", fs::read_to_string(&log).unwrap_or_default().trim())
        })?;
        Ok(Self { server, port, folder })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    /// Where it runs: its logs are here.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Reads its configuration again.
    pub fn reload(&mut self) {
        tell(&mut self.server, Signal::HUP);
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        stop(&mut self.server, Signal::TERM);
    }
}
