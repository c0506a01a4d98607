//! Where mails are handed over: a mail server, or a folder of `.eml` files.

use std::error::Error;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::{self, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use platform::config::{Notifications, Smtp};
use tokio::sync::{OnceCell, Semaphore};
use url::Url;

use crate::mail::Sealed;

/// A mail waits so long for a free connection, then for its job's next turn: others need its place there.
const FREE_WAIT: Duration = Duration::from_secs(2);
/// What a server says who does not know the shop: no fault of the mail (RFC 4954).
const LOG_IN_CODES: [u16; 4] = [530, 534, 535, 538];

/// Why a mail was not taken. Neither says to whom it went, nor what the server said of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTaken {
    /// To be tried again.
    Yet(String),
    /// Trying again would not help.
    Ever(String),
}

pub enum Postbox {
    Folder(PathBuf),
    Server(Box<Server>),
}

/// A mail server, with a pool of connections.
pub struct Server {
    smtp: Smtp,
    /// Made with the first mail: it needs a runtime, which is not there where a service is described.
    transport: OnceCell<AsyncSmtpTransport<Tokio1Executor>>,
    free: Arc<Semaphore>,
}

impl Postbox {
    pub fn new(setting: &Notifications) -> Self {
        if setting.smtp.url.is_empty() {
            return Self::Folder(PathBuf::from(&setting.folder));
        }
        let free = Arc::new(Semaphore::new(setting.smtp.connections_max as usize));
        Self::Server(Box::new(Server { smtp: setting.smtp.clone(), transport: OnceCell::new(), free }))
    }

    /// Hands a mail over. After a crash it may come twice: with the same `Message-ID`, or as the same file.
    pub async fn hand_over(&self, sealed: Sealed) -> Result<(), NotTaken> {
        match self {
            Self::Folder(folder) => {
                let folder = folder.clone();
                let shown = folder.display().to_string();
                let written = tokio::task::spawn_blocking(move || write(&folder, &sealed.name, &sealed.bytes)).await;
                let failed = |why: String| NotTaken::Yet(format!("`notifications.folder` = {shown}: {why}"));
                written.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
            }
            Self::Server(server) => server.send(&sealed).await,
        }
    }
}

impl Server {
    async fn send(&self, sealed: &Sealed) -> Result<(), NotTaken> {
        let busy = || NotTaken::Yet("every connection to the mail server is in use".to_owned());
        let free = tokio::time::timeout(FREE_WAIT, self.free.acquire()).await.map_err(|_| busy())?;
        let _free = free.map_err(|_| busy())?;
        let transport = self.transport.get_or_try_init(|| async { transport(&self.smtp) }).await?;
        // Longer than each of its steps may take, so that a server that dribbles keeps nobody.
        let whole = Duration::from_secs(self.smtp.seconds_max * 2);
        match tokio::time::timeout(whole, transport.send_raw(&sealed.envelope, &sealed.bytes)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(not_taken(&error)),
            Err(_) => Err(NotTaken::Yet("the mail server did not end in time".to_owned())),
        }
    }
}

fn transport(smtp: &Smtp) -> Result<AsyncSmtpTransport<Tokio1Executor>, NotTaken> {
    let unusable = |why: &str| NotTaken::Yet(format!("setting `notifications.smtp.url`: {why}"));
    let url = address(&smtp.url).map_err(|why| unusable(&why))?;
    let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str())
        .map_err(|_| unusable("is no address of a mail server"))?
        .timeout(Some(Duration::from_secs(smtp.seconds_max)))
        .pool_config(PoolConfig::new().max_size(smtp.connections_max));
    Ok(transport.build())
}

/// The address with what TLS it needs: `smtp://` to another machine is never without.
fn address(setting: &str) -> Result<Url, String> {
    let mut url = Url::parse(setting).map_err(|error| error.to_string())?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if url.scheme() == "smtp" && !is_here {
        url.set_query(Some("tls=required"));
    }
    Ok(url)
}

fn not_taken(error: &smtp::Error) -> NotTaken {
    let Some(code) = error.status() else {
        return NotTaken::Yet(format!("the mail server can't be reached, or broke off: {}", cause(error)));
    };
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    by_answer(&code.to_string(), &said, error.is_permanent())
}

/// What this machine says of the connection; what the server said stays out.
fn cause(error: &smtp::Error) -> String {
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    if error.is_response() {
        return "its answer is not SMTP".to_owned();
    }
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string().chars().take(200).collect()
}

/// By the reply code and the enhanced one (RFC 3463). The text beside them often names the address: it stays here.
fn by_answer(code: &str, said: &str, permanent: bool) -> NotTaken {
    let is_enhanced = |word: &&str| {
        let parts: Vec<&str> = word.split('.').collect();
        parts.len() == 3
            && parts.iter().all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
    };
    let enhanced = said.split_whitespace().find(is_enhanced).map(|word| format!(" {word}")).unwrap_or_default();
    let logs_in = code.parse().is_ok_and(|code: u16| LOG_IN_CODES.contains(&code));
    match (permanent, logs_in) {
        (true, true) => NotTaken::Yet(format!(
            "the mail server does not let the shop in ({code}{enhanced}): look at `notifications.smtp.url`"
        )),
        (true, false) => NotTaken::Ever(format!("the mail server refused it: {code}{enhanced}")),
        (false, _) => NotTaken::Yet(format!("the mail server said not now: {code}{enhanced}")),
    }
}

/// Writes a mail to `<folder>/<name>.eml`; makes the folder. Whole or not at all: the file takes its name when it is
/// written. It is not waited for until it is on the disk, as an order is: the folder is for trying a shop out, and each
/// mail's wait would be one of the database's too. Written again, it is the same file. Blocks.
/// For the shop's own user alone: mails hold names, addresses and links.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let part = folder.join(format!("{name}.part"));
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    std::fs::rename(&part, folder.join(format!("{name}.eml")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_mail_is_a_whole_file_however_often_it_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let mails = folder.path().join("mails");
        write(&mails, "msg_7", b"half").expect("written");
        write(&mails, "msg_7", b"whole").expect("written again");
        let files: Vec<_> =
            std::fs::read_dir(&mails).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
        assert_eq!(files, [mails.join("msg_7.eml")]);
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&mails), mode(&files[0])), (0o700, 0o600), "nobody else reads them");
        assert_eq!(std::fs::read(&files[0]).expect("a file"), b"whole");
    }

    #[test]
    fn only_a_server_on_this_machine_goes_without_tls() {
        let query = |setting: &str| address(setting).expect("an address").query().map(str::to_owned);
        for here in ["smtp://127.0.0.1:2525", "smtp://[::1]:25", "smtp://localhost"] {
            assert_eq!(query(here), None, "{here}");
        }
        for far in ["smtp://mail.example.com", "smtp://a:b@10.0.0.7:25", "smtp://mail.example.com?tls=opportunistic"] {
            assert_eq!(query(far).as_deref(), Some("tls=required"), "{far}");
        }
        assert_eq!(query("smtps://mail.example.com"), None, "TLS from the first byte");
    }

    #[test]
    fn what_a_server_said_is_kept_as_numbers_without_the_address() {
        let said = "550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown";
        assert_eq!(by_answer("550", said, true), NotTaken::Ever("the mail server refused it: 550 5.1.1".into()));
        assert_eq!(
            by_answer("450", "try later ada@example.com", false),
            NotTaken::Yet("the mail server said not now: 450".into())
        );
        let NotTaken::Yet(why) = by_answer("535", "5.7.8 wrong password for shop", true) else { panic!("tried again") };
        assert!(why.contains("535 5.7.8") && why.contains("notifications.smtp.url"), "{why}");
    }
}
