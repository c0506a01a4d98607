//! A call that is answered elsewhere, and a door for calls from elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use testkit::{Buyer, Shop, ShopOptions, Topology};
use tokio::net::TcpListener;

const TOKEN: &str = "a-token-of-the-test";

/// A carrier's server that answers `shipping.get_options`.
#[derive(Debug, Default)]
struct Carrier {
    asked: AtomicU32,
    /// So many questions are answered 503 first.
    failing: AtomicU32,
    /// Answers after this many milliseconds.
    slowness: AtomicU32,
}

async fn options(State(carrier): State<Arc<Carrier>>, headers: HeaderMap, body: String) -> Response {
    carrier.asked.fetch_add(1, SeqCst);
    assert_eq!(headers.get("souk-service-token").and_then(|token| token.to_str().ok()), Some(TOKEN));
    assert!(headers.contains_key("traceparent"), "{headers:?}");
    let asked: Value = serde_json::from_str(&body).expect("a call is JSON");
    assert_eq!(asked["country"], "AT", "{asked}");
    tokio::time::sleep(Duration::from_millis(carrier.slowness.load(SeqCst).into())).await;
    if carrier.failing.load(SeqCst) > 0 {
        carrier.failing.fetch_sub(1, SeqCst);
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let option = json!({
        "method": "shm_01jd5zs2xce3nbq7tpv5f8k9wm", "name": "Pigeon", "price": { "amount": 100, "currency": "EUR" }, "tax_class": "standard",
        "unknown_to_this_release": true,
    });
    axum::Json(json!([option])).into_response()
}

/// A shop whose shipping options come from `Carrier`, and a buyer with an address.
async fn shop_with_a_carrier() -> (Shop, Arc<Carrier>, Buyer) {
    let carrier = Arc::new(Carrier::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound address"));
    let router =
        Router::new().route("/internal/calls/shipping.get_options", post(options)).with_state(Arc::clone(&carrier));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let edit = move |config: &mut platform::Config| {
        config.peers.insert("shipping.get_options".to_owned(), url);
        config.internal.service_token = TOKEN.to_owned();
    };
    let (shop, owner) =
        Shop::open_with(Topology::Sqlite, ShopOptions { edit: Box::new(edit), ..Default::default() }).await;
    let teapot = owner.product(1999, 5).await;
    let buyer = shop.buyer().await;
    buyer.add(&teapot, 1).await.must(201);
    let place = json!({ "shipping_address": { "name": "Ada", "line1": "Weg 1", "city": "Wien", "country": "AT" } });
    buyer.client.patch(format!("/v1/carts/{}", buyer.cart), place).await.must(200);
    carrier.asked.store(0, SeqCst);
    (shop, carrier, buyer)
}

async fn ways(buyer: &Buyer) -> testkit::Answer {
    buyer.client.get(format!("/v1/carts/{}/shipping-options", buyer.cart)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_may_be_answered_elsewhere_and_a_failed_try_is_repeated() {
    let (shop, carrier, buyer) = shop_with_a_carrier().await;
    let options = ways(&buyer).await.must(200);
    assert_eq!(options["items"][0]["name"], "Pigeon", "{options:#}");
    assert_eq!(carrier.asked.load(SeqCst), 1);
    carrier.failing.store(1, SeqCst);
    ways(&buyer).await.must(200);
    assert_eq!(carrier.asked.load(SeqCst), 3, "asked, refused, asked again");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_fails_on_is_left_alone_for_a_while() {
    let (shop, carrier, buyer) = shop_with_a_carrier().await;
    carrier.failing.store(u32::MAX, SeqCst);
    for _ in 0..5 {
        ways(&buyer).await.refused(503, "unavailable");
    }
    let asked = carrier.asked.load(SeqCst);
    let refused = ways(&buyer).await;
    assert_eq!(refused.header("retry-after"), "1");
    refused.refused(503, "unavailable");
    assert_eq!(carrier.asked.load(SeqCst), asked, "the circuit is open: nobody is asked");

    carrier.failing.store(0, SeqCst);
    shop.advance(Duration::from_secs(3));
    ways(&buyer).await.must(200);
    ways(&buyer).await.must(200);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_is_too_slow_is_given_up() {
    let (shop, carrier, buyer) = shop_with_a_carrier().await;
    carrier.slowness.store(20_000, SeqCst);
    let begun = Instant::now();
    ways(&buyer).await.refused(503, "unavailable");
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(7), "a call has 5 s, this took {took:?}");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_door_for_calls_needs_the_service_token() {
    let (shop, _, buyer) = shop_with_a_carrier().await;
    let call = "/internal/calls/orders.facts";
    let body = json!({ "after": null, "limit": 10 });
    shop.post(call, body.clone()).await.refused(401, "request.unauthenticated");
    shop.post(call, body.clone()).header("souk-service-token", "wrong").await.refused(401, "request.unauthenticated");
    let peer = shop.with("souk-service-token", TOKEN);
    assert_eq!(peer.post(call, body.clone()).await.must(200), json!([]));
    peer.post("/internal/calls/orders.nonsense", body.clone()).await.refused(404, "request.unknown_route");
    peer.post(call, json!({ "limit": "ten" })).await.refused(400, "request.malformed");
    let basket = json!({ "cart": buyer.cart, "buyer": { "type": "guest", "token_sha256": "0".repeat(64) } });
    peer.post("/internal/calls/carts.get_basket", basket).await.refused(404, "carts.not_found");
    shop.finish().await;

    let closed = Shop::start(Topology::Sqlite).await;
    closed.post(call, body).header("souk-service-token", "").await.refused(401, "request.unauthenticated");
    closed.finish().await;
}
