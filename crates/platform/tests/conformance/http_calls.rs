//! A call that is answered by another process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use contracts::Call;
use platform::calls::{Peers, SERVICE_TOKEN};
use platform::{Clock, Problem};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Double {
    number: i64,
}

contracts::calls! {
    "speaker.double" Double -> i64;
}

/// A peer that answers after `failures` times 503. Returns its address and how often it was asked.
async fn peer(failures: u64) -> (String, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let answer = move |headers: HeaderMap, Json(call): Json<Double>| {
        let before = count.fetch_add(1, SeqCst);
        async move {
            if headers.get(SERVICE_TOKEN).is_none_or(|token| token != "secret") {
                return StatusCode::UNAUTHORIZED.into_response();
            }
            if before < failures {
                Problem::unavailable("warming up").into_response()
            } else {
                Json(call.number * 2).into_response()
            }
        }
    };
    let router = axum::Router::new().route("/internal/calls/speaker.double", axum::routing::post(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    #[allow(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, asked)
}

fn peers(url: &str, clock: &Clock) -> Peers {
    let remote = BTreeMap::from([("speaker".to_owned(), url.to_owned())]);
    Peers::new(&remote, Some("secret".to_owned()), clock.clone()).expect("peers")
}

fn clock() -> Clock {
    Clock::fixed("2026-11-22T10:00:00Z".parse().expect("a time"))
}

#[tokio::test]
async fn a_call_is_answered_over_http_and_retried() {
    let (url, asked) = peer(2).await;
    let peers = peers(&url, &clock());
    assert!(peers.has_owner(Double::NAME));
    assert_eq!(peers.call(Double { number: 21 }).await.expect("an answer"), 42);
    assert_eq!(asked.load(SeqCst), 3);
}

#[tokio::test]
async fn a_dead_peer_opens_the_circuit_and_a_pause_closes_it() {
    let (url, asked) = peer(15).await;
    let (clock, number) = (clock(), 1);
    let peers = peers(&url, &clock);
    for _ in 0..5 {
        assert!(peers.call(Double { number }).await.is_err_and(|problem| problem.is_unavailable()));
    }
    assert_eq!(asked.load(SeqCst), 15, "three tries each");
    let refused = peers.call(Double { number }).await.expect_err("an open circuit");
    assert!(refused.cause.is_some_and(|cause| cause.contains("circuit")));
    assert_eq!(asked.load(SeqCst), 15, "nobody was asked");
    clock.advance(Duration::from_secs(3));
    assert_eq!(peers.call(Double { number }).await.expect("an answer"), 2);
}

#[tokio::test]
async fn nobody_at_the_address_is_unavailable() {
    let peers = peers("http://127.0.0.1:9", &clock());
    assert!(peers.call(Double { number: 1 }).await.is_err_and(|problem| problem.is_unavailable()));
}
