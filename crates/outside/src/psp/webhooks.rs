//! Sends events to the shop: signed, until they are heard, in whatever disorder was asked for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use store::Clock;

use super::book::{Endpoint, Event};
use super::faults::{Fault, FaultKind};
use super::wire::event_json;

const ANSWER_MAX: Duration = Duration::from_secs(10);
/// An event that was not heard is sent again after 0.2, 0.4, 0.8 … seconds, so many times.
const TRIES_MAX: u32 = 9;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub struct Webhooks {
    http: reqwest::Client,
    clock: Mutex<Clock>,
    /// On their way.
    pending: AtomicUsize,
    held: Mutex<Vec<Event>>,
}

impl Webhooks {
    pub fn new() -> Self {
        // Fails only where another part of this process was first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(ANSWER_MAX).no_proxy().build();
        Self {
            http: http.expect("a client without certificates"),
            clock: Mutex::new(Clock::System),
            pending: AtomicUsize::new(0),
            held: Mutex::default(),
        }
    }

    /// Signs by the clock of a shop whose time a test holds.
    pub fn set_clock(&self, clock: Clock) {
        *self.clock.lock().expect("a clock") = clock;
    }

    /// In seconds.
    pub fn now(&self) -> i64 {
        self.clock.lock().expect("a clock").now().as_second()
    }

    /// Events that are neither heard nor given up.
    pub fn pending(&self) -> usize {
        self.pending.load(Ordering::SeqCst)
    }

    /// Sends what a request told. Returns when it is on its way; of an early one, when it was heard.
    pub async fn send(self: &Arc<Self>, endpoints: &[Endpoint], mut events: Vec<Event>, faults: &[Fault]) {
        let fault = |kind| faults.iter().find(|fault| fault.kind == kind);
        if events.is_empty() || endpoints.is_empty() || fault(FaultKind::WebhookLost).is_some() {
            return;
        }
        if fault(FaultKind::WebhookReordered).is_some() {
            events.reverse();
            return self.held.lock().expect("a list").extend(events);
        }
        events.append(&mut self.held.lock().expect("a list"));
        let copies = if fault(FaultKind::WebhookDoubled).is_some() { 2 } else { 1 };
        let late = fault(FaultKind::WebhookLate).map_or(0.0, |fault| fault.seconds);
        let is_early = fault(FaultKind::WebhookEarly).is_some();
        for endpoint in endpoints {
            for event in &events {
                for _ in 0..copies {
                    let sent = self.begin(endpoint.clone(), event, late);
                    if is_early {
                        sent.await.expect("a task that ends");
                    }
                }
            }
        }
    }

    fn begin(self: &Arc<Self>, endpoint: Endpoint, event: &Event, late: f64) -> tokio::task::JoinHandle<()> {
        self.pending.fetch_add(1, Ordering::SeqCst);
        let (webhooks, body) = (Arc::clone(self), event_json(event).to_string());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs_f64(late)).await;
            let mut pause = FIRST_PAUSE;
            for _ in 0..TRIES_MAX {
                if webhooks.is_heard(&endpoint, &body).await {
                    break;
                }
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            webhooks.pending.fetch_sub(1, Ordering::SeqCst);
        })
    }

    async fn is_heard(&self, endpoint: &Endpoint, body: &str) -> bool {
        let request = self.http.post(&endpoint.url).header("Content-Type", "application/json");
        let request = request.header("Stripe-Signature", signature(&endpoint.secret, body, self.now()));
        request.body(body.to_owned()).send().await.is_ok_and(|answer| answer.status().is_success())
    }
}

/// The header's value, as Stripe makes it.
pub fn signature(secret: &str, body: &str, now: i64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{now}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={now},v1={hex}")
}
