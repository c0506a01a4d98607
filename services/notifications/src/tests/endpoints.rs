//! Webhook endpoints: which there may be, and where they may lead.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use ::store::BoxFuture;
use serde_json::{Value, json};

use super::shop::Shop;
use super::webhooks::{ENDPOINTS, completed, create, deliveries, path, see};
use crate::outgoing::Names;

/// A name whose addresses a test changes.
struct Rebound(Mutex<Vec<&'static str>>);

impl Names for Rebound {
    fn look_up<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let found = self.0.lock().expect("addresses").clone();
        Box::pin(async move {
            if name != "hooks.example.com" {
                return Err(io::Error::other("no such name"));
            }
            Ok(found.into_iter().map(|address| address.parse().expect("an address")).collect())
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_moves_into_the_private_network_is_not_followed_there() {
    let names = Arc::new(Rebound(Mutex::new(vec!["93.184.216.34"])));
    let shop = Shop::open_with(Arc::clone(&names) as Arc<dyn Names>, |_| {}).await;
    let receiver = shop.receiver(200).await;
    let endpoint = create(&shop, &format!("https://hooks.example.com:{}/", receiver.port), &["*"]).await;
    for private in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        *names.0.lock().expect("addresses") = vec![private];
        shop.say(&completed(7), 1).await;
        shop.settle().await;
        let log = &deliveries(&shop, &endpoint).await[0];
        assert_eq!((&log["attempts"], &log["response_status"]), (&json!(1), &Value::Null));
        assert!(log["error"].as_str().is_some_and(|error| error.contains("not on the public internet")), "{log}");
    }
    assert!(receiver.got().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_resolved_once_and_connected_to_there() {
    let names = Arc::new(Rebound(Mutex::new(vec!["127.0.0.1"])));
    let shop = Shop::open_with(names, |config| config.webhooks.allow_private = true).await;
    let receiver = shop.receiver(200).await;
    create(&shop, &format!("http://hooks.example.com:{}/", receiver.port), &["*"]).await;
    shop.say(&completed(7), 1).await;
    shop.settle().await;
    assert_eq!(receiver.got().len(), 1);
    assert_eq!(receiver.got()[0].header("host"), format!("hooks.example.com:{}", receiver.port));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_should_not_be_asked_is_refused_by_name() {
    let names = Arc::new(Rebound(Mutex::new(vec!["10.0.0.7"])));
    let shop = Shop::open_with(names, |_| {}).await;
    for (url, part) in [
        ("http://hooks.example.com/", "https://"),
        ("https://hooks.example.com/", "not on the public internet"),
        ("https://unknown.example.com/", "does not resolve"),
        ("https://localhost/", "does not resolve"),
        ("https://127.1/", "not on the public internet"),
        ("https://[::ffff:10.0.0.1]/", "not on the public internet"),
        ("https://169.254.169.254/latest/meta-data/", "not on the public internet"),
        ("https://user:pass@hooks.example.com/", "user or password"),
        ("not a url", "is no URL"),
    ] {
        let (status, problem) = shop.ask("POST", ENDPOINTS, Some(json!({ "url": url, "events": ["*"] }))).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/url")), "{url}: {problem}");
        assert!(
            problem["errors"][0]["detail"].as_str().is_some_and(|detail| detail.contains(part)),
            "{url}: {problem}"
        );
    }
    for body in [
        json!({ "url": "https://93.184.216.34/", "events": [] }),
        json!({ "url": "https://93.184.216.34/", "events": ["order.paid"] }),
        json!({ "url": "https://93.184.216.34/", "events": ["*"], "secret": "mine" }),
        json!({ "url": "https://93.184.216.34/", "events": ["*"], "description": "x".repeat(201) }),
        json!({ "url": "", "events": ["*"] }),
        json!({ "events": ["*"] }),
    ] {
        assert_eq!(shop.ask("POST", ENDPOINTS, Some(body.clone())).await.0, 400, "{body}");
    }
    let made = create(&shop, "https://93.184.216.34/", &["*"]).await;
    let edit = json!({ "url": "https://hooks.example.com/" });
    let (status, problem) = shop.ask_with("PATCH", &path(&made), Some(edit), &[("if-match", "\"1\"")]).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/url")));
    assert_eq!(see(&shop, ENDPOINTS).await["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_changed_only_as_it_was_read() {
    let shop = Shop::open().await;
    let receiver = shop.receiver(200).await;
    let endpoint = create(&shop, "http://127.0.0.1:9/", &["order.placed"]).await;
    let edit = |body: Value, tag: &'static str| {
        let (shop, path) = (&shop, path(&endpoint));
        async move { shop.ask_with("PATCH", &path, Some(body), &[("if-match", tag)]).await }
    };
    let (status, problem) = shop.ask("PATCH", &path(&endpoint), Some(json!({}))).await;
    assert_eq!((status, &problem["code"]), (428, &json!("request.if_match_required")));
    let (status, changed) = edit(json!({ "description": "the warehouse", "url": receiver.url(), "events": ["order.completed", "order.completed"] }), "\"1.0.0\"").await;
    assert_eq!(
        (status, &changed["description"], &changed["events"]),
        (200, &json!("the warehouse"), &json!(["order.completed"]))
    );
    let (status, problem) = edit(json!({ "description": null }), "\"1\"").await;
    assert_eq!((status, &problem["code"]), (412, &json!("notifications.endpoint_changed")));
    let (status, changed) = edit(json!({ "description": null }), "\"2\"").await;
    assert_eq!((status, &changed["description"], &changed["url"]), (200, &Value::Null, &json!(receiver.url())));
    assert_eq!(edit(json!({ "enabled": false }), "\"3\"").await.1["disabled_reason"], "staff");
    assert_eq!(edit(json!({ "enabled": null }), "\"4\"").await.0, 200);
    assert_eq!(shop.ask("DELETE", &path(&endpoint), None).await, (204, Value::Null));
    for (method, path) in [
        ("GET", path(&endpoint)),
        ("DELETE", path(&endpoint)),
        ("GET", format!("{}/deliveries", path(&endpoint))),
        ("POST", format!("{}/ping", path(&endpoint))),
        ("POST", format!("{}/rotate-secret", path(&endpoint))),
    ] {
        let (status, problem) = shop.ask(method, &path, None).await;
        assert_eq!((status, &problem["code"]), (404, &json!("notifications.endpoint_not_found")), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_makes_one_endpoint_and_shows_its_secret_until_that_was_rotated() {
    let shop = Shop::open().await;
    let body = json!({ "url": "http://127.0.0.1:9/", "events": ["*"] });
    let ask = async || shop.ask_with("POST", ENDPOINTS, Some(body.clone()), &[("idempotency-key", "k1")]).await.1;
    let (first, again) = (ask().await, ask().await);
    assert_eq!((&first["id"], &first["secret"]), (&again["id"], &again["secret"]));
    assert_eq!(shop.ask("POST", &format!("{}/rotate-secret", path(&first)), None).await.0, 200);
    assert_eq!((&ask().await["id"], &ask().await["secret"]), (&first["id"], &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_never_more_than_fifty() {
    let shop = Shop::open().await;
    let body = |number: usize| json!({ "url": format!("http://127.0.0.1:9/{number}"), "events": ["*"] });
    for number in 0..50 {
        assert_eq!(shop.ask("POST", ENDPOINTS, Some(body(number))).await.0, 201);
    }
    let (status, problem) = shop.ask("POST", ENDPOINTS, Some(body(50))).await;
    assert_eq!((status, &problem["code"]), (409, &json!("notifications.too_many_endpoints")));
    let first = see(&shop, &format!("{ENDPOINTS}?limit=30")).await;
    let rest = see(&shop, &format!("{ENDPOINTS}?limit=30&cursor={}", first["next"].as_str().expect("more"))).await;
    assert_eq!((first["items"].as_array().map(Vec::len), rest["items"].as_array().map(Vec::len)), (Some(30), Some(20)));
    assert_eq!(shop.ask("DELETE", &path(&first["items"][7]), None).await.0, 204);
    assert_eq!(shop.ask("POST", ENDPOINTS, Some(body(50))).await.0, 201, "the place is free again");
}
