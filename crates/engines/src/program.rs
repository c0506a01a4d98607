//! What every engine is: a child of ours that has to be waited for, and stopped.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::TcpListener;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const STOP_SECONDS: u64 = 30;
const POLL_MILLIS: u64 = 20;
const PORTS: Range<u16> = 10_240..32_768;
const PORT_TRIES: usize = 64;

/// Runs `program` in `folder` with nothing of our environment; it gets `signal` when we die.
pub(crate) fn command(program: &Path, signal: &str, identity: Option<(u32, u32)>, folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if let Some((uid, gid)) = identity {
        command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]);
    }
    command.arg(format!("--pdeathsig={signal}")).arg(program).current_dir(folder);
    command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
    command
}

/// Waits until `ready`; an error where it ended before, or took longer than `seconds`.
pub(crate) fn wait_until(child: &mut Child, seconds: u64, ready: impl Fn() -> bool) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < deadline {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("ended at once ({status})"));
        }
        if ready() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(POLL_MILLIS));
    }
    Err(format!("was not ready after {seconds} s"))
}

/// Stops a child of ours by our own handle: it is not reaped yet, so its id is still its own.
pub(crate) fn stop(child: &mut Child, signal: Signal) {
    tell(child, signal);
    let deadline = Instant::now() + Duration::from_secs(STOP_SECONDS);
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() > deadline {
            let _ = child.kill();
        }
        thread::sleep(Duration::from_millis(POLL_MILLIS));
    }
}

/// Sends a signal to a child that has not ended.
pub(crate) fn tell(child: &mut Child, signal: Signal) {
    if let Some(process) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
        && matches!(child.try_wait(), Ok(None))
    {
        let _ = kill_process(process, signal);
    }
}

/// Debian's libfaketime: `/usr/lib/x86_64-linux-gnu/faketime/…`, or as another machine calls itself.
pub fn libfaketime() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|file| file.exists())
}

/// A port that nobody listens on, below those that Linux gives to connections unless it is told otherwise: a server can
/// be started on it again later.
pub fn free_port() -> io::Result<u16> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..PORT_TRIES {
        // Each has other keys: this is a random number.
        let random = RandomState::new().build_hasher().finish();
        let port = PORTS.start + u16::try_from(random % u64::from(PORTS.end - PORTS.start)).unwrap_or_default();
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) => return Ok(port),
            Err(why) => last = why,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_is_none_that_a_connection_gets() {
        let ports: Vec<u16> = (0..20).map(|_| free_port().unwrap()).collect();
        assert!(ports.iter().all(|port| PORTS.contains(port)) && PORTS.end <= 32_768, "{ports:?}");
        assert!(ports.iter().any(|port| *port != ports[0]), "{ports:?}");
    }
}
