//! fakepsp: a payment gateway for tests, which speaks the part of Stripe's protocol that Souk uses.
//!
//! It is another house: own books, own journal, nothing of Souk's code but the clock that a test holds. Its
//! ledger is the witness of what was charged. Calibrated by the official `stripe` package (`calibrate.py`).

mod api;
mod book;
mod control;
mod faults;
mod money;
mod webhooks;
mod wire;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use store::Clock;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use self::book::{Book, Endpoint, Entry, Moved, Record};
use self::faults::Faults;
pub use self::faults::{Fault, FaultKind};
use self::webhooks::Webhooks;
pub use self::webhooks::signature;

const BODY_BYTES_MAX: usize = 1 << 20;
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Machine time for events to be heard.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Psp {
    base: String,
    book: Mutex<Book>,
    faults: Mutex<Faults>,
    in_flight: Mutex<HashSet<String>>,
    webhooks: Arc<Webhooks>,
}

/// The connection is closed without an answer.
#[derive(Debug)]
pub(crate) struct Hangup;

impl std::fmt::Display for Hangup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it hangs up, as it was told to")
    }
}

impl std::error::Error for Hangup {}

/// What became of one charge, by the ledger alone. Amounts are in minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    pub intent: String,
    pub currency: String,
    /// What the shop had written on it.
    pub metadata: BTreeMap<String, String>,
    pub authorized: i64,
    pub captured: i64,
    pub voided: i64,
    pub refunded: i64,
}

/// A gateway that serves on a port of this machine. Stops when dropped; its folder outlives it.
#[derive(Debug)]
pub struct FakePsp {
    /// As the setting `api_url` wants it.
    pub url: String,
    psp: Arc<Psp>,
    server: AbortHandle,
}

impl FakePsp {
    /// On a free port, with its books in memory.
    pub async fn start() -> Self {
        Self::serve("127.0.0.1:0", None).await.expect("a free port")
    }

    /// On this address, with its books in a folder: what an earlier run answered is there.
    ///
    /// # Errors
    /// The address is taken, or the folder can't be read.
    pub async fn serve(listen: &str, folder: Option<&Path>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let psp = Arc::new(Psp {
            base: url.clone(),
            book: Mutex::new(Book::open(folder)?),
            faults: Mutex::default(),
            in_flight: Mutex::default(),
            webhooks: Arc::new(Webhooks::new()),
        });
        let server = tokio::spawn(accept(listener, Arc::clone(&psp))).abort_handle();
        Ok(Self { url, psp, server })
    }

    /// Sends its events there from now on, signed with this secret.
    pub fn tell(&self, url: impl Into<String>, secret: impl Into<String>) {
        self.psp.tell(url.into(), secret.into());
    }

    /// Lives by the clock of a shop whose time a test holds.
    pub fn set_clock(&self, clock: Clock) {
        self.psp.webhooks.set_clock(clock);
    }

    /// Something will go wrong.
    pub fn arm(&self, fault: Fault) {
        self.psp.faults.lock().expect("faults").arm(fault);
    }

    /// Returns when what was to go wrong with this operation has: the question has arrived.
    pub async fn asked(&self, operation: &str) {
        let asked = async {
            while !self.psp.faults.lock().expect("faults").is_spent(operation) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.expect("it is asked");
    }

    /// Nothing goes wrong any more.
    ///
    /// # Panics
    /// Where something that was to go wrong has not: a test that arms it would prove nothing.
    pub fn disarm(&self) {
        let mut faults = self.psp.faults.lock().expect("faults");
        assert!(faults.unspent().is_empty(), "never struck: {:?}", faults.unspent());
        faults.clear();
    }

    /// The buyer answers on their bank's page; the page as the next action's URL names it.
    pub async fn authenticate(&self, page: &str, is_yes: bool) {
        let (_, intent) = page.split_once("/3ds/").expect("the page of a buyer's bank");
        self.psp.authenticate(intent, is_yes).await.expect("it waits for the buyer");
    }

    /// Returns when every event was heard, or given up.
    pub async fn quiet(&self) {
        let quiet = async {
            while self.psp.webhooks.pending() > 0 {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(PATIENCE, quiet).await.expect("its events are heard");
    }

    /// Every charge that ever held money.
    pub fn charges(&self) -> Vec<Charge> {
        charges(&self.psp.book.lock().expect("books").ledger)
    }
}

impl Drop for FakePsp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Psp {
    fn tell(&self, url: String, secret: String) {
        let id = format!("we_{}", self.book.lock().expect("books").endpoints.len());
        let record = Record::Endpoint(Endpoint { id, url, secret });
        self.book.lock().expect("books").commit(vec![record]).expect("the journal is written");
    }
}

fn charges(ledger: &[Entry]) -> Vec<Charge> {
    let mut all: BTreeMap<&str, Charge> = BTreeMap::new();
    for entry in ledger {
        let charge = all.entry(&entry.intent).or_insert_with(|| Charge {
            intent: entry.intent.clone(),
            currency: entry.currency.clone(),
            metadata: entry.metadata.clone(),
            ..Charge::default()
        });
        match entry.kind {
            Moved::Authorized => charge.authorized += entry.amount,
            Moved::Captured => charge.captured += entry.amount,
            Moved::Voided => charge.voided += entry.amount,
            Moved::Refunded => charge.refunded += entry.amount,
        }
    }
    all.into_values().collect()
}

/// Connections end with the server.
async fn accept(listener: TcpListener, psp: Arc<Psp>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        connections.spawn(converse(stream, Arc::clone(&psp)));
    }
}

async fn converse(stream: TcpStream, psp: Arc<Psp>) {
    let service = service_fn(move |request: Request<Incoming>| serve(Arc::clone(&psp), request));
    // Fails where the client left, or where it hangs up itself.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn serve(psp: Arc<Psp>, request: Request<Incoming>) -> Result<Response<Body>, Hangup> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(Body::new(body), BODY_BYTES_MAX).await.map_err(|_| Hangup)?;
    // A client that leaves ends only its own connection: what it asked is done all the same.
    tokio::spawn(async move { api::answer(psp, &parts, body).await }).await.map_err(|_| Hangup)?
}
