//! What tests ask of fakepsp, and Stripe never would: its ledger, its faults, the buyer at their bank.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{Method, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::Fault;
use super::{Psp, charges};

#[derive(Deserialize)]
struct BuyerAnswer {
    /// `authorized` or `declined`.
    outcome: String,
}

#[derive(Deserialize)]
struct Webhook {
    url: String,
    secret: String,
}

/// `GET /_control/ledger`, `GET|POST|DELETE /_control/faults`, `POST /_control/webhook {url, secret}`,
/// `GET /_control/pending`, `POST /3ds/{intent} {outcome}`.
pub async fn answer(psp: &Arc<Psp>, method: &Method, path: &[&str], body: &Bytes) -> Response<Body> {
    let bad = |error: serde_json::Error| (StatusCode::BAD_REQUEST, json!({ "error": error.to_string() }));
    let (status, body) = match (method.as_str(), path) {
        ("GET", ["_control", "ledger"]) => (StatusCode::OK, ledger(psp)),
        ("GET", ["_control", "pending"]) => (StatusCode::OK, json!({ "webhooks": psp.webhooks.pending() })),
        ("GET", ["_control", "faults"]) => (StatusCode::OK, psp.faults.lock().expect("faults").shown()),
        ("DELETE", ["_control", "faults"]) => {
            psp.faults.lock().expect("faults").clear();
            (StatusCode::OK, json!({}))
        }
        ("POST", ["_control", "faults"]) => match serde_json::from_slice::<Fault>(body) {
            Ok(fault) => {
                psp.faults.lock().expect("faults").arm(fault);
                (StatusCode::OK, json!({}))
            }
            Err(error) => bad(error),
        },
        ("POST", ["_control", "webhook"]) => match serde_json::from_slice::<Webhook>(body) {
            Ok(Webhook { url, secret }) => {
                psp.tell(url, secret);
                (StatusCode::OK, json!({}))
            }
            Err(error) => bad(error),
        },
        ("POST", ["3ds", intent]) => match serde_json::from_slice::<BuyerAnswer>(body) {
            Ok(BuyerAnswer { outcome }) => match psp.authenticate(intent, outcome == "authorized").await {
                Ok(intent) => (StatusCode::OK, intent),
                Err(refusal) => (StatusCode::BAD_REQUEST, refusal.body()),
            },
            Err(error) => bad(error),
        },
        ("GET", ["3ds", intent]) => (StatusCode::OK, json!({ "confirm": intent, "outcome": "authorized | declined" })),
        _ => (StatusCode::NOT_FOUND, json!({ "error": "no such control" })),
    };
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    response.body(Body::from(body.to_string())).expect("plain headers")
}

/// The ledger line by line, and its sums by charge.
fn ledger(psp: &Psp) -> Value {
    let book = psp.book.lock().expect("books");
    json!({ "entries": book.ledger, "charges": charges(&book.ledger) })
}
