//! The shop's master secret, and what is derived of it: signing keys, links, signatures of webhooks.
//! None of them is in the database.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::Server;

/// As `openssl rand -hex 16` writes 128 bits; a made one has 256.
const SECRET_CHARS_MIN: usize = 32;
const SECRETS_MAX: usize = 10;

/// One or more master secrets, newest first: the first makes, all are believed. `Debug` hides them.
#[derive(Clone)]
pub struct Secrets {
    masters: Arc<[String]>,
}

impl Secrets {
    /// From the setting `server.secrets`, else from the file `server.secrets_file`; where that is missing
    /// ([`Secrets::make`] was not asked for it), random ones for this process alone.
    ///
    /// Errors: the mend, as one line: too short, not readable, or readable for others.
    pub fn open(server: &Server) -> Result<Self, String> {
        if server.secrets.trim().is_empty() {
            return Self::from_file(Path::new(&server.secrets_file));
        }
        Self::read(&server.secrets).map_err(|why| format!("setting `server.secrets`: {why}"))
    }

    /// Makes the file `server.secrets_file` with a random secret, for its owner alone to read, where it is
    /// missing and the setting `server.secrets` is empty. Before a shop serves for the first time.
    pub fn make(server: &Server) -> Result<(), String> {
        let path = Path::new(&server.secrets_file);
        if !server.secrets.trim().is_empty() || path.exists() {
            return Ok(());
        }
        make(path).map_err(|error| format!("setting `server.secrets_file`: {}: {error}", path.display()))
    }

    /// Processes of one shop sign and believe with the same secrets: none of them makes its own.
    pub fn must_be_given(server: &Server) -> Result<(), String> {
        if !server.secrets.trim().is_empty() || Path::new(&server.secrets_file).exists() {
            return Ok(());
        }
        Err(format!(
            "setting `server.secrets`: with `--services` all processes of the shop share their secrets; give each the \
             same 32 random characters or more, or the same file as `server.secrets_file` ({} is missing)",
            server.secrets_file
        ))
    }

    /// Random, and gone with the process: for tests, and commands that sign nothing.
    pub fn random() -> Self {
        Self { masters: [crate::auth::new_secret("")].into() }
    }

    /// 256 bits for one purpose and these parts, of the newest master secret.
    pub fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        derive(self.masters.first().map_or("", String::as_str), purpose, parts)
    }

    /// The same of every master secret, newest first: to recognise what an older one made.
    pub fn derive_all(&self, purpose: &str, parts: &[&[u8]]) -> Vec<[u8; 32]> {
        self.masters.iter().map(|master| derive(master, purpose, parts)).collect()
    }

    fn from_file(path: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("setting `server.secrets_file`: {}: {error}", path.display());
        let mode = match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::random()),
            Err(error) => return Err(failed(error)),
            Ok(metadata) => metadata.permissions().mode(),
        };
        if mode & 0o077 != 0 {
            let path = path.display();
            return Err(format!(
                "setting `server.secrets_file`: others may read {path}: run `chmod 600 {path}`, and if they did, put a new secret before the old one"
            ));
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Self::read(&text).map_err(|why| format!("setting `server.secrets_file`: {}: {why}", path.display()))
    }

    /// Secrets are parted by white space.
    fn read(text: &str) -> Result<Self, String> {
        let masters: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if masters.is_empty() || masters.len() > SECRETS_MAX {
            return Err(format!("holds 1 to {SECRETS_MAX} secrets, the newest first"));
        }
        if masters.iter().any(|master| master.chars().count() < SECRET_CHARS_MIN) {
            return Err(format!(
                "a secret has at least {SECRET_CHARS_MIN} characters, such as `openssl rand -base64 32` makes"
            ));
        }
        Ok(Self { masters: masters.into() })
    }
}

/// Whole or not at all: another process may make it at the same moment, and the first one's holds.
fn make(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unfinished = folder.join(format!(".{}", crate::auth::new_secret("souk-key-")));
    let written = write(&unfinished).and_then(|()| std::fs::hard_link(&unfinished, path));
    std::fs::remove_file(&unfinished)?;
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => std::fs::File::open(folder)?.sync_all(),
    }
}

fn write(path: &Path) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", crate::auth::new_secret(""))?;
    file.sync_all()
}

/// HMAC-SHA256 over purpose and parts, each behind its length, so that no two lists read the same.
fn derive(master: &str, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(master.as_bytes()).expect("HMAC takes a key of any length");
    for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(secrets: &str, file: &Path) -> Server {
        let mut server = crate::Config::defaults().server;
        (server.secrets, server.secrets_file) = (secrets.to_owned(), file.display().to_string());
        server
    }

    #[test]
    fn the_file_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("souk.key");
        let for_now = Secrets::open(&server("", &path)).expect("random");
        Secrets::make(&server("", &path)).expect("made");
        let first = Secrets::open(&server("", &path)).expect("read");
        assert_ne!(for_now.derive("a", &[]), first.derive("a", &[]));
        Secrets::make(&server("", &path)).expect("there already");
        let again = Secrets::open(&server("", &path)).expect("read");
        assert_eq!(first.derive("a", &[]), again.derive("a", &[]));
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing unfinished is left");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("a mode");
        assert!(Secrets::open(&server("", &path)).expect_err("readable for others").contains("chmod 600"));
    }

    #[test]
    fn the_setting_comes_before_the_file_and_is_long_enough() {
        let path = Path::new("/nowhere/souk.key");
        let (old, new) = ("o".repeat(32), "n".repeat(32));
        let one = Secrets::open(&server(&old, path)).expect("a secret");
        let both = Secrets::open(&server(&format!("{new} {old}"), path)).expect("two secrets");
        assert_ne!(one.derive("a", &[]), both.derive("a", &[]));
        assert_eq!(both.derive_all("a", &[])[0], both.derive("a", &[]));
        assert_eq!(both.derive_all("a", &[])[1], one.derive("a", &[]), "what the old one made is recognised");
        assert!(Secrets::open(&server("short", path)).expect_err("too short").contains("server.secrets"));
        assert!(Secrets::make(&server("", path)).expect_err("no such folder").contains("/nowhere/souk.key"));
        assert!(Secrets::make(&server(&old, path)).is_ok(), "nothing is made where the setting holds it");
    }

    #[test]
    fn every_purpose_and_list_of_parts_has_its_own() {
        let secrets = Secrets::random();
        let all = [
            secrets.derive("a", &[]),
            secrets.derive("b", &[]),
            secrets.derive("a", &[b""]),
            secrets.derive("a", &[b"bc", b"d"]),
            secrets.derive("a", &[b"b", b"cd"]),
            Secrets::random().derive("a", &[]),
        ];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", Secrets::random()), "Secrets(…)");
    }
}
