//! What fakepsp answers: who asks, whether it was asked before, what goes wrong, and what is done.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{Method, Response, StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;

use super::book::{Answer, Book, Endpoint, Event, Record};
use super::faults::{Fault, FaultKind};
use super::money::Work;
use super::wire::{self, Form, Refusal, event_json, intent_json, refund_json};
use super::{Hangup, Psp, control};

/// An answer that was made.
struct Made {
    status: u16,
    body: Value,
    is_replay: bool,
}

/// Answers a request, or hangs up.
pub async fn answer(psp: Arc<Psp>, parts: &Parts, body: Bytes) -> Result<Response<Body>, Hangup> {
    let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    if let ["_control" | "3ds", ..] = path[..] {
        return Ok(control::answer(&psp, &parts.method, &path, &body).await);
    }
    let made = match is_known(parts) {
        true => ask(&psp, parts, &path, &body).await?,
        false => {
            let why = "You did not provide an API key, or it is none of a test account: sk_test_…";
            Made::of(Err(Refusal::new(401, "invalid_request_error", None, why)))
        }
    };
    let mut response = Response::builder()
        .status(StatusCode::from_u16(made.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header(header::CONTENT_TYPE, "application/json")
        .header("Request-Id", format!("req_{}", Uuid::now_v7().simple()));
    if made.is_replay {
        response = response.header("Idempotent-Replayed", "true");
    }
    Ok(response.body(Body::from(made.body.to_string())).expect("plain headers"))
}

fn is_known(parts: &Parts) -> bool {
    let given = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    given.is_some_and(|value| value.starts_with("Bearer sk_"))
}

impl Made {
    fn of(result: Result<Value, Refusal>) -> Self {
        let is_replay = false;
        match result {
            Ok(body) => Self { status: 200, body, is_replay },
            Err(refusal) => Self { status: refusal.status, body: refusal.body(), is_replay },
        }
    }
}

/// Holds a key while its request is at work.
struct InFlight<'a>(&'a Psp, Option<String>);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(key) = &self.1 {
            self.0.in_flight.lock().expect("a set").remove(key);
        }
    }
}

async fn ask(psp: &Arc<Psp>, parts: &Parts, path: &[&str], body: &Bytes) -> Result<Made, Hangup> {
    let is_change = parts.method == Method::POST;
    let form = Form::read(if is_change { body } else { parts.uri.query().unwrap_or_default().as_bytes() });
    let key = parts.headers.get("idempotency-key").and_then(|value| value.to_str().ok()).filter(|_| is_change);
    let asked = format!("{} {} {}", parts.method, parts.uri.path(), form.fingerprint());
    let _in_flight = match claim(psp, key, &asked) {
        Claim::New(guard) => guard,
        Claim::Made(made) => return Ok(made),
    };
    let operation = operation(&parts.method, path);
    let faults = psp.faults.lock().expect("faults").strike(operation, is_change);
    for fault in &faults {
        match fault.kind {
            FaultKind::Slow => tokio::time::sleep(Duration::from_secs_f64(fault.seconds)).await,
            FaultKind::RateLimited => {
                let why = "Too many requests hit the API too quickly.";
                return Ok(Made::of(Err(Refusal::new(429, "invalid_request_error", Some("rate_limit"), why))));
            }
            _ => {}
        }
    }
    let (made, events, endpoints) = psp.work(&parts.method, path, &form, (key, &asked), &faults);
    psp.webhooks.send(&endpoints, events, &faults).await;
    if faults.iter().any(|fault| fault.kind == FaultKind::DropAfterCommit) {
        return Err(Hangup);
    }
    Ok(made)
}

enum Claim<'a> {
    New(InFlight<'a>),
    Made(Made),
}

/// The same key again is answered as the first time; at the same time, or with other parameters, it is refused.
fn claim<'a>(psp: &'a Psp, key: Option<&str>, asked: &str) -> Claim<'a> {
    let Some(key) = key else { return Claim::New(InFlight(psp, None)) };
    let mut in_flight = psp.in_flight.lock().expect("a set");
    if let Some(known) = psp.book.lock().expect("books").answer(key) {
        if known.asked == asked {
            return Claim::Made(Made { status: known.status, body: known.body.clone(), is_replay: true });
        }
        let why = "Keys for idempotent requests can only be used with the same parameters they were first used with.";
        return Claim::Made(Made::of(Err(Refusal::new(400, "idempotency_error", None, why))));
    }
    if !in_flight.insert(key.to_owned()) {
        let why = "There is currently another in-progress request using this Idempotent Key.";
        let code = Some("idempotency_key_in_use");
        return Claim::Made(Made::of(Err(Refusal::new(409, "idempotency_error", code, why))));
    }
    Claim::New(InFlight(psp, Some(key.to_owned())))
}

/// What faults call it.
fn operation(method: &Method, path: &[&str]) -> &'static str {
    match (method, path) {
        (&Method::POST, ["v1", "payment_intents"]) => "create",
        (&Method::POST, ["v1", "payment_intents", _]) => "update",
        (&Method::POST, ["v1", "payment_intents", _, "confirm"]) => "confirm",
        (&Method::POST, ["v1", "payment_intents", _, "capture"]) => "capture",
        (&Method::POST, ["v1", "payment_intents", _, "cancel"]) => "cancel",
        (&Method::POST, ["v1", "refunds"]) => "refund",
        (&Method::GET, ["v1", "payment_intents", "search"]) => "search",
        (&Method::GET, ["v1", _, _]) => "retrieve",
        (&Method::GET, _) => "list",
        _ => "other",
    }
}

impl Psp {
    /// Does what is asked, and writes it in one line with the answer to its key.
    fn work(
        &self,
        method: &Method,
        path: &[&str],
        form: &Form,
        (key, asked): (Option<&str>, &str),
        faults: &[Fault],
    ) -> (Made, Vec<Event>, Vec<Endpoint>) {
        let mut book = self.book.lock().expect("books");
        let now = self.webhooks.now();
        let mut work = Work { book: &book, form, key, base: &self.base, now, records: Vec::new() };
        let lags = faults.iter().any(|fault| fault.kind == FaultKind::SearchLags);
        let result = match (method == Method::POST, path) {
            (true, _) => change(&mut work, path),
            (false, ["v1", "payment_intents", "search"]) if lags => wire::search(&Book::default(), form, &self.base),
            (false, _) => read(&book, path, form, &self.base),
        };
        let mut records = work.records;
        let is_begun = result.as_ref().err().is_none_or(|refusal| !refusal.is_invalid);
        let mut made = Made::of(result);
        if faults.iter().any(|fault| fault.kind == FaultKind::ErrorAfterCommit) {
            let why = "An unknown error occurred.";
            made = Made::of(Err(Refusal::new(500, "api_error", None, why)));
        }
        if let Some(key) = key.filter(|_| is_begun) {
            let (key, asked, body) = (key.to_owned(), asked.to_owned(), made.body.clone());
            records.push(Record::Answer(Answer { key, asked, status: made.status, body }));
        }
        let events = records.iter().filter_map(|record| match record {
            Record::Event(event) => Some(event.clone()),
            _ => None,
        });
        let events: Vec<Event> = events.collect();
        if let Err(error) = book.commit(records) {
            return (Made::of(Err(Refusal::new(500, "api_error", None, error.to_string()))), Vec::new(), Vec::new());
        }
        (made, events, book.endpoints.clone())
    }

    /// The buyer answers their bank.
    pub async fn authenticate(self: &Arc<Self>, id: &str, is_yes: bool) -> Result<Value, Refusal> {
        let faults = self.faults.lock().expect("faults").strike("authenticate", true);
        let (result, events, endpoints) = {
            let mut book = self.book.lock().expect("books");
            let (form, now) = (Form::default(), self.webhooks.now());
            let mut work = Work { book: &book, form: &form, key: None, base: &self.base, now, records: Vec::new() };
            let result = work.authenticate(id, is_yes);
            let records = work.records;
            let events = records.iter().filter_map(|record| match record {
                Record::Event(event) => Some(event.clone()),
                _ => None,
            });
            let events: Vec<Event> = events.collect();
            book.commit(records).expect("the journal is written");
            (result, events, book.endpoints.clone())
        };
        self.webhooks.send(&endpoints, events, &faults).await;
        result
    }
}

fn change(work: &mut Work<'_>, path: &[&str]) -> Result<Value, Refusal> {
    match path {
        ["v1", "payment_intents"] => work.create(),
        ["v1", "payment_intents", id] => work.update(id),
        ["v1", "payment_intents", id, "confirm"] => work.confirm(id),
        ["v1", "payment_intents", id, "capture"] => work.capture(id),
        ["v1", "payment_intents", id, "cancel"] => work.cancel(id),
        ["v1", "refunds"] => work.refund(),
        ["v1", "webhook_endpoints"] => {
            work.form.must_know(&["url", "enabled_events", "description", "metadata"])?;
            let (id, url) = (format!("we_{}", Uuid::now_v7().simple()), work.form.required("url")?.to_owned());
            let secret = format!("whsec_{}", Uuid::now_v7().simple());
            let shown = json!({ "id": id, "object": "webhook_endpoint", "url": url, "secret": secret,
                "enabled_events": ["*"], "status": "enabled", "livemode": false });
            work.records.push(Record::Endpoint(Endpoint { id, url, secret }));
            Ok(shown)
        }
        _ => Err(unrecognized(path)),
    }
}

fn read(book: &Book, path: &[&str], form: &Form, base: &str) -> Result<Value, Refusal> {
    let intent = |intent: &super::book::Intent| intent_json(intent, base);
    match path {
        ["v1", "payment_intents", "search"] => wire::search(book, form, base),
        ["v1", "payment_intents", id] => {
            book.intents.get(id).map(intent).ok_or_else(|| Refusal::missing("payment_intent", id))
        }
        ["v1", "payment_intents"] => {
            form.must_know(&["limit", "starting_after", "expand"])?;
            form.page("/v1/payment_intents", book.intents.newest_first(), |one| &one.id, intent)
        }
        ["v1", "refunds", id] => book.refunds.get(id).map(refund_json).ok_or_else(|| Refusal::missing("refund", id)),
        ["v1", "refunds"] => {
            form.must_know(&["payment_intent", "limit", "starting_after", "expand"])?;
            let of = form.text("payment_intent");
            let refunds = book.refunds.newest_first().filter(|refund| of.is_none_or(|of| refund.intent == of));
            form.page("/v1/refunds", refunds, |one| &one.id, refund_json)
        }
        ["v1", "events", id] => book.events.get(id).map(event_json).ok_or_else(|| Refusal::missing("event", id)),
        ["v1", "events"] => {
            form.must_know(&["type", "limit", "starting_after"])?;
            let kind = form.text("type");
            let events = book.events.newest_first().filter(|event| kind.is_none_or(|kind| event.kind == kind));
            form.page("/v1/events", events, |one| &one.id, event_json)
        }
        _ => Err(unrecognized(path)),
    }
}

fn unrecognized(path: &[&str]) -> Refusal {
    let mut refusal =
        Refusal::new(404, "invalid_request_error", None, format!("Unrecognized request URL (/{}).", path.join("/")));
    refusal.is_invalid = true;
    refusal
}
