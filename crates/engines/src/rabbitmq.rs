//! RabbitMQ: a node with its own name service, so that no other node of the machine is met.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::program::{command, free_port, stop, tell, wait_until};

const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";
const EPMD: &str = "/usr/bin/epmd";
const LOG: &str = "log/out.log";
const START_SECONDS: u64 = 90;
const PORT_TRIES: usize = 3;
/// AMQP 0-9-1's own greeting; a broker that is ready answers with a method frame.
const GREETING: &[u8] = b"AMQP\x00\x00\x09\x01";

/// A running broker. Dropping it stops it and removes its folder.
#[derive(Debug)]
pub struct RabbitMq {
    server: Child,
    names: Child,
    ports: Ports,
    folder: TempDir,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    amqp: u16,
    names: u16,
    nodes: u16,
}

impl RabbitMq {
    /// Starts a broker for the user `guest`, whose password is `guest`: it listens on 127.0.0.1 alone.
    ///
    /// It lives as long as the thread that calls this, at most.
    pub fn start() -> Result<Self, String> {
        let mut last = String::new();
        for _ in 0..PORT_TRIES {
            match Self::begin()?.ready() {
                Ok(broker) => return Ok(broker),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    /// Starts one and does not wait until it is [`RabbitMq::ready`]: that takes ten seconds.
    pub fn begin() -> Result<Self, String> {
        if !Path::new(SERVER).exists() {
            return Err("RabbitMQ's server is missing: `apt-get install -y rabbitmq-server`".to_owned());
        }
        let failed = |why: std::io::Error| format!("RabbitMQ's folder or ports: {why}");
        let folder = tempfile::Builder::new().prefix("souk-rabbitmq-").tempdir().map_err(failed)?;
        let ports = Ports {
            amqp: free_port().map_err(failed)?,
            names: free_port().map_err(failed)?,
            nodes: free_port().map_err(failed)?,
        };
        for name in ["mnesia", "log"] {
            fs::create_dir(folder.path().join(name)).map_err(failed)?;
        }
        fs::write(folder.path().join("rabbitmq.conf"), conf(ports.amqp)).map_err(failed)?;
        fs::write(folder.path().join("enabled_plugins"), "[].").map_err(failed)?;
        let mut names = command(Path::new(EPMD), "KILL", None, folder.path())
            .args(["-address", "127.0.0.1", "-port", &ports.names.to_string()])
            .spawn()
            .map_err(|why| format!("cannot start epmd: {why}"))?;
        match serve(ports, folder.path()) {
            Ok(server) => Ok(Self { server, names, ports, folder }),
            Err(why) => {
                stop(&mut names, Signal::KILL);
                Err(why)
            }
        }
    }

    /// Waits until it answers.
    pub fn ready(mut self) -> Result<Self, String> {
        self.wait()?;
        Ok(self)
    }

    fn wait(&mut self) -> Result<(), String> {
        let port = self.ports.amqp;
        wait_until(&mut self.server, START_SECONDS, || answers(port)).map_err(|why| {
            let said = fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default();
            format!("RabbitMQ {why}; its log:\n{}", said.trim())
        })
    }

    /// `amqp://…` of its first virtual host.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.ports.amqp)
    }

    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        stop(&mut self.server, Signal::KILL);
    }

    /// Starts it again where it was, on what it wrote.
    pub fn restart(&mut self) -> Result<(), String> {
        self.server = serve(self.ports, self.folder.path())?;
        self.wait()
    }

    /// Stops or continues its process, as a machine that hangs.
    pub fn hang(&mut self, hangs: bool) {
        tell(&mut self.server, if hangs { Signal::STOP } else { Signal::CONT });
    }

    /// Runs `rabbitmqctl` on it.
    pub fn control(&self, arguments: &[&str]) -> Result<String, String> {
        let mut control = node_command(CONTROL, self.ports, self.folder.path());
        let done = control.args(arguments).output().map_err(|why| format!("cannot start rabbitmqctl: {why}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        // Its queues go with its folder: it needs no farewell.
        tell(&mut self.server, Signal::CONT);
        stop(&mut self.server, Signal::KILL);
        stop(&mut self.names, Signal::KILL);
    }
}

fn conf(port: u16) -> String {
    format!(
        "listeners.tcp.1 = 127.0.0.1:{port}\n\
         loopback_users.guest = true\n\
         vm_memory_high_watermark.absolute = 1GiB\n\
         disk_free_limit.absolute = 50MB\n\
         log.file.level = warning\n"
    )
}

fn serve(ports: Ports, folder: &Path) -> Result<Child, String> {
    let log = folder.join(LOG);
    let file = fs::File::create(&log).map_err(|why| format!("{}: {why}", log.display()))?;
    let errors = file.try_clone().map_err(|why| format!("{}: {why}", log.display()))?;
    node_command(SERVER, ports, folder)
        // Else a shell stands between us and the node.
        .env("RUNNING_UNDER_SYSTEMD", "true")
        .stdout(file)
        .stderr(errors)
        .spawn()
        .map_err(|why| format!("cannot start RabbitMQ: {why}"))
}

fn node_command(program: &str, ports: Ports, folder: &Path) -> Command {
    let mut node = command(Path::new(program), "KILL", None, folder);
    let loopback = "-kernel inet_dist_use_interface {127,0,0,1}";
    node.env("HOME", folder)
        .env("LC_ALL", "C.UTF-8")
        .env("RABBITMQ_NODENAME", "souk@localhost")
        .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", folder.join("log"))
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
        .env("RABBITMQ_PID_FILE", folder.join("rabbit.pid"))
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("ERL_EPMD_PORT", ports.names.to_string())
        .env("RABBITMQ_DIST_PORT", ports.nodes.to_string())
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", format!("+S 2:2 +sbwt none {loopback}"))
        .env("RABBITMQ_CTL_ERL_ARGS", loopback);
    node
}

fn answers(port: u16) -> bool {
    let wait = Duration::from_millis(500);
    let Ok(mut stream) = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), wait) else {
        return false;
    };
    let mut first = [0; 1];
    stream.set_read_timeout(Some(wait)).is_ok()
        && stream.write_all(GREETING).is_ok()
        && stream.read_exact(&mut first).is_ok()
        && first == [1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_broker_survives_its_death_and_leaves_nothing_behind() {
        let mut broker = RabbitMq::start().expect("a broker");
        let (port, folder) = (broker.ports.amqp, broker.folder.path().to_path_buf());
        assert!(answers(port));
        broker.kill();
        assert!(!answers(port));
        broker.restart().expect("it starts again");
        assert!(answers(port) && folder.is_dir());
        drop(broker);
        assert!(!answers(port) && !folder.exists());
    }
}
