//! A real mail server for stories: aiosmtpd (Debian's `python3-aiosmtpd`), as a child of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const PYTHON: &str = "/usr/bin/python3";
const HANDLER: &str = include_str!("smtp_handler.py");
/// Machine time for it to listen.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Takes mails on a port of this machine and keeps them. Killed when dropped.
#[derive(Debug)]
pub struct Smtp {
    pub port: u16,
    folder: TempDir,
    child: Option<Child>,
}

impl Smtp {
    /// One that listens.
    pub async fn start() -> Self {
        let mut smtp = Self::asleep();
        smtp.wake().await;
        smtp
    }

    /// One that does not listen yet: nobody is at its port.
    pub fn asleep() -> Self {
        let port = engines::free_port().expect("a free port");
        Self { port, folder: tempfile::tempdir().expect("a folder"), child: None }
    }

    /// Lets it listen.
    pub async fn wake(&mut self) {
        std::fs::write(self.folder.path().join("smtp_handler.py"), HANDLER).expect("a file in the test's folder");
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig=KILL", PYTHON, "-m", "aiosmtpd", "-n", "-c", "smtp_handler.Keeper"])
            .args(["-l", &format!("127.0.0.1:{}", self.port)])
            .arg(self.folder.path())
            .env("PYTHONPATH", self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("setpriv is there");
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            if let Some(status) = child.try_wait().expect("our own child") {
                panic!("aiosmtpd ended ({status}): is python3-aiosmtpd installed? `cargo xtask test --install`");
            }
            assert!(begun.elapsed() < PATIENCE, "aiosmtpd does not listen after {PATIENCE:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.child = Some(child);
    }

    /// The setting `notifications.smtp.url`.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// From now on it takes mails to everybody.
    pub fn open_to_all(&self) {
        std::fs::write(self.folder.path().join("open"), "").expect("a file in the test's folder");
    }

    /// The mails it took, in order, as another program than ours reads them: `headers` by lower-case name, `text`,
    /// `html`, the envelope, and what is wrong with them in `defects`.
    pub fn mails(&self) -> Vec<Value> {
        let mut paths: Vec<_> = std::fs::read_dir(self.folder.path())
            .expect("the test's folder")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        paths.sort();
        paths.iter().map(|path| read(path)).collect()
    }

    /// The mails to an address.
    pub fn mails_to(&self, address: &str) -> Vec<Value> {
        self.mails().into_iter().filter(|mail| mail["envelope_to"][0] == address).collect()
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON")
}

impl Drop for Smtp {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Fails only where it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
