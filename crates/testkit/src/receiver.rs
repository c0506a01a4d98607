//! A program elsewhere that a shop tells things: a real HTTP server on this machine.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::task::JoinHandle;

/// Keeps what it is told. Stops when dropped.
#[derive(Debug)]
pub struct Receiver {
    pub url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    told: Mutex<Vec<Told>>,
    status: Mutex<StatusCode>,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Told {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Told {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a webhook is JSON")
    }
}

impl Receiver {
    /// One that answers this status.
    pub async fn listen(status: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let status = StatusCode::from_u16(status).expect("a status");
        let shared = Arc::new(Shared { told: Mutex::default(), status: Mutex::new(status) });
        let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, shared, server }
    }

    /// What it answers from now on.
    pub fn answers(&self, status: u16) {
        *self.shared.status.lock().expect("a status") = StatusCode::from_u16(status).expect("a status");
    }

    pub fn told(&self) -> Vec<Told> {
        self.shared.told.lock().expect("a list").clone()
    }

    /// The ids of what it was told, each once.
    pub fn ids(&self) -> BTreeSet<String> {
        self.told().iter().map(|told| told.header("webhook-id").to_owned()).collect()
    }

    /// The names of what it was told, sorted, one for each request.
    pub fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> =
            self.told().iter().map(|told| told.json()["type"].as_str().expect("a type").to_owned()).collect();
        kinds.sort();
        kinds
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    shared.told.lock().expect("a list").push(Told { headers, body });
    *shared.status.lock().expect("a status")
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}
