//! Requests to endpoints: out to the public internet, bounded in number, time and size.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ::store::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::redirect;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use url::Url;

use crate::delivery::Answer;
use crate::reach::{self, PRIVATE};

const CONNECT_MAX: Duration = Duration::from_secs(5);
const WHOLE_MAX: Duration = Duration::from_secs(15);
const LOOK_UP_MAX: Duration = Duration::from_secs(5);
/// Endpoints of one process that are told something at once, so that other jobs keep their places.
const ENDPOINTS_AT_ONCE: usize = 16;
/// And of those to which nothing gets through: they wait for each other, and keep no place from the rest.
const FAILING_AT_ONCE: usize = 4;
/// Requests of one process at once, to all endpoints.
const REQUESTS_AT_ONCE: usize = 32;
/// So much of an answer is kept; the rest is not read.
pub const ANSWER_BYTES_MAX: usize = 1_024;
const ANSWER_HEADERS_MAX: usize = 64;

/// Who says what addresses a name has.
pub trait Names: Send + Sync + 'static {
    fn look_up<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The machine's own resolver.
#[derive(Debug)]
pub struct SystemNames;

impl Names for SystemNames {
    fn look_up<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Looks a name up and refuses it whole where one of its addresses is private: the client connects to what
/// this answers, so nobody can answer differently in between.
#[derive(Clone)]
struct Guard {
    names: Arc<dyn Names>,
    allow_private: bool,
}

impl Guard {
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let found = tokio::time::timeout(LOOK_UP_MAX, self.names.look_up(name)).await;
        let found = found.map_err(|_| format!("`{name}` was not resolved in time"))?;
        let found = found.map_err(|_| format!("`{name}` does not resolve to an address"))?;
        if found.is_empty() {
            return Err(format!("`{name}` does not resolve to an address"));
        }
        if !self.allow_private && !found.iter().all(|address| reach::is_public(*address)) {
            return Err(format!("`{name}` {PRIVATE}"));
        }
        Ok(found)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = guard.addresses(name.as_str()).await?;
            Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// The shop's way out to endpoints; one for a process.
pub struct Outgoing {
    http: reqwest::Client,
    guard: Guard,
    /// Endpoints that are told something now.
    endpoints: Semaphore,
    failing: Semaphore,
    requests: Semaphore,
}

/// What is sent with a body.
#[derive(Debug, Clone)]
pub struct Signed {
    pub id: String,
    pub timestamp: i64,
    pub signature: String,
    pub body: String,
}

impl Outgoing {
    pub fn new(allow_private: bool, names: Arc<dyn Names>) -> Self {
        let guard = Guard { names, allow_private };
        let http = reqwest::Client::builder()
            .user_agent(concat!("Souk/", env!("CARGO_PKG_VERSION"), " (webhooks)"))
            .connect_timeout(CONNECT_MAX)
            .timeout(WHOLE_MAX)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(4)
            .pool_idle_timeout(Duration::from_secs(30))
            .dns_resolver(Arc::new(guard.clone()))
            .build()
            .expect("a client without certificates of its own is always built");
        let (endpoints, failing) = (Semaphore::new(ENDPOINTS_AT_ONCE), Semaphore::new(FAILING_AT_ONCE));
        Self { http, guard, endpoints, failing, requests: Semaphore::new(REQUESTS_AT_ONCE) }
    }

    /// A place to tell an endpoint something, until it is dropped; `None`: others have them all.
    pub fn place(&self, is_failing: bool) -> Option<SemaphorePermit<'_>> {
        let places = if is_failing { &self.failing } else { &self.endpoints };
        places.try_acquire().ok()
    }

    /// Reads an endpoint's address and looks its name up, for the person who typed it.
    pub async fn check(&self, text: &str) -> Result<(), String> {
        let url = reach::read_url(text, self.guard.allow_private)?;
        match reach::name_of(&url) {
            // For development a name may come later.
            Some(name) if !self.guard.allow_private => self.guard.addresses(name).await.map(drop),
            _ => Ok(()),
        }
    }

    /// Sends it once. `None`: there was no free place until `by`, and nothing was sent.
    pub async fn send(&self, url: &str, signed: Signed, by: Instant) -> Option<Answer> {
        let free = tokio::time::timeout_at(by, self.requests.acquire()).await.ok()?;
        let _free = free.ok()?;
        let begun = Instant::now();
        // The address may be a literal, which nobody looks up.
        let answered = match reach::read_url(url, self.guard.allow_private) {
            Ok(url) => self.ask(url, signed).await,
            Err(why) => Err(format!("the address {why}")),
        };
        let duration_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        Some(match answered {
            Ok((status, body)) => {
                Answer { status: Some(i64::from(status)), body: Some(body), error: None, duration_ms }
            }
            Err(why) => Answer { status: None, body: None, error: Some(why), duration_ms },
        })
    }

    async fn ask(&self, url: Url, signed: Signed) -> Result<(u16, String), String> {
        let mut response = self
            .http
            .post(url)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("webhook-id", signed.id)
            .header("webhook-timestamp", signed.timestamp)
            .header("webhook-signature", signed.signature)
            .body(signed.body)
            .send()
            .await
            .map_err(reason)?;
        let status = response.status().as_u16();
        if response.headers().len() > ANSWER_HEADERS_MAX {
            return Err(format!("answered with more than {ANSWER_HEADERS_MAX} headers"));
        }
        let mut bytes = Vec::with_capacity(ANSWER_BYTES_MAX);
        while bytes.len() < ANSWER_BYTES_MAX {
            // The status has been said: what comes of the body changes nothing.
            let Ok(Some(chunk)) = response.chunk().await else { break };
            bytes.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - bytes.len())]);
        }
        Ok((status, shown(&bytes)))
    }
}

/// As text that every database keeps.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|letter| if letter == '\0' { '\u{fffd}' } else { letter }).collect()
}

/// The innermost cause, which is the one that helps.
fn reason(error: reqwest::Error) -> String {
    if error.is_timeout() {
        let what = if error.is_connect() { "did not take the connection" } else { "did not answer" };
        return format!("{what} in time");
    }
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text: String = cause.to_string().chars().filter(|letter| *letter != '\0').take(200).collect();
    if error.is_connect() { format!("could not connect: {text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Vec<&'static str>);

    impl Names for Fixed {
        fn look_up<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
            Box::pin(async { Ok(self.0.iter().map(|address| address.parse().expect("an address")).collect()) })
        }
    }

    async fn checked(url: &str, addresses: &[&'static str], allow_private: bool) -> Result<(), String> {
        let _ = platform::calls::Peers::new(&std::collections::BTreeMap::default(), None, platform::Clock::System);
        Outgoing::new(allow_private, Arc::new(Fixed(addresses.to_vec()))).check(url).await
    }

    #[tokio::test]
    async fn a_name_is_as_good_as_its_worst_address() {
        assert_eq!(checked("https://example.com/", &["93.184.216.34", "2606:4700::1111"], false).await, Ok(()));
        for addresses in
            [&["127.0.0.1"][..], &["93.184.216.34", "10.0.0.1"], &["::ffff:127.0.0.1"], &["2606:4700::1111", "fd00::1"]]
        {
            let why = checked("https://example.com/", addresses, false).await.expect_err("private");
            assert!(why.contains(PRIVATE), "{why}");
            assert_eq!(checked("https://example.com/", addresses, true).await, Ok(()), "for development");
        }
        let why = checked("https://example.com/", &[], false).await.expect_err("no address");
        assert!(why.contains("does not resolve"), "{why}");
    }

    #[tokio::test]
    async fn a_private_address_is_refused_again_when_it_is_sent_to() {
        let _ = platform::calls::Peers::new(&std::collections::BTreeMap::default(), None, platform::Clock::System);
        let outgoing = Outgoing::new(false, Arc::new(Fixed(vec!["127.0.0.1"])));
        let signed = Signed { id: String::new(), timestamp: 0, signature: String::new(), body: String::new() };
        for url in ["https://127.0.0.1:1/", "https://[::1]:1/", "https://example.com:1/", "http://93.184.216.34/"] {
            let by = Instant::now() + WHOLE_MAX;
            let answer = outgoing.send(url, signed.clone(), by).await.expect("a place was free");
            let error = answer.error.expect("nothing was asked");
            assert!(error.contains(PRIVATE) || error.contains("must begin with"), "{url}: {error}");
        }
    }

    #[test]
    fn an_answer_is_kept_as_text() {
        assert_eq!(shown(b"a\0b\xff\n"), "a\u{fffd}b\u{fffd}\n");
    }
}
