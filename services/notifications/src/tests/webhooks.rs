//! From an event to a program elsewhere, over real HTTP.

use std::collections::BTreeSet;
use std::time::Duration;

use contracts::customers::{CustomerId, CustomerRegistered};
use contracts::orders::{OrderCompleted, OrderId};
use contracts::shipping::{ShipmentDelivered, ShipmentId};
use contracts::{Id, id};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use uuid::Uuid;

use super::shop::{Got, Receiver, Shop, noon, order};
use crate::delivery::PAUSES_SECONDS;

pub const ENDPOINTS: &str = "/v1/admin/webhook-endpoints";

pub fn completed(number: u128) -> OrderCompleted {
    OrderCompleted { order: OrderId::from_uuid(Uuid::from_u128(number)) }
}

fn delivered() -> ShipmentDelivered {
    ShipmentDelivered { shipment: ShipmentId::from_uuid(Uuid::from_u128(1)), order: order() }
}

pub async fn create(shop: &Shop, url: &str, events: &[&str]) -> Value {
    let (status, made) = shop.ask("POST", ENDPOINTS, Some(json!({ "url": url, "events": events }))).await;
    assert_eq!(status, 201, "{made}");
    made
}

pub fn path(endpoint: &Value) -> String {
    format!("{ENDPOINTS}/{}", endpoint["id"].as_str().expect("an id"))
}

pub async fn see(shop: &Shop, path: &str) -> Value {
    let (status, seen) = shop.ask("GET", path, None).await;
    assert_eq!(status, 200, "{path}: {seen}");
    seen
}

pub async fn deliveries(shop: &Shop, endpoint: &Value) -> Vec<Value> {
    let list = see(shop, &format!("{}/deliveries?limit=100", path(endpoint))).await;
    list["items"].as_array().expect("items").clone()
}

/// What the reference library says, told the time that the shop's clock shows.
fn is_signed(got: &Got, secret: &str) -> bool {
    let (id, at) = (got.header("webhook-id"), got.header("webhook-timestamp").parse().expect("seconds"));
    let expected = Webhook::new(secret).expect("a secret").sign(id, at, &got.body).expect("a signature");
    got.header("webhook-signature").split(' ').any(|one| one == expected)
}

/// Lets every retry of a delivery come, up to and with the last.
async fn exhaust(shop: &Shop) {
    for pause in PAUSES_SECONDS {
        shop.advance(pause + pause / 10 + 1);
        shop.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_told_once_whatever_the_deliveries_and_can_check_it() {
    let shop = Shop::open().await;
    let receiver = shop.receiver(204).await;
    let endpoint = create(&shop, &receiver.url(), &["order.completed"]).await;
    let secret = endpoint["secret"].as_str().expect("shown once").to_owned();
    assert!(secret.starts_with("whsec_") && see(&shop, &path(&endpoint)).await["secret"].is_null());
    shop.say(&completed(7), 1).await;
    shop.say(&delivered(), 1).await;
    shop.settle().await;
    let got = receiver.got();
    assert_eq!(got.len(), 1, "{got:?}");
    assert!(is_signed(&got[0], &secret));
    assert_eq!(got[0].header("content-type"), "application/json");
    assert!(got[0].header("user-agent").starts_with("Souk/"));
    assert_eq!(got[0].header("webhook-timestamp"), noon().as_second().to_string());
    let body = got[0].json();
    assert_eq!(body, json!({ "type": "order.completed", "timestamp": "2026-01-01T12:00:00Z", "data": completed(7) }));
    let log = deliveries(&shop, &endpoint).await;
    assert_eq!(
        (&log[0]["state"], &log[0]["attempts"], &log[0]["response_status"]),
        (&json!("delivered"), &json!(1), &json!(204))
    );
    assert_eq!((&log[0]["event"], &log[0]["body"]), (&json!(got[0].header("webhook-id")), &body));
    let said = ::store::outbox::page(&shop.ctx.db.of("fakes"), Uuid::nil(), 100).await.expect("a page");
    let event = said.iter().find(|said| said.name == "order.completed").expect("it was said");
    assert_eq!(got[0].header("webhook-id"), id::encode("evt", event.id), "as the event is called in the shop");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_endpoint_gets_what_it_asked_for_and_a_sleeping_one_nothing() {
    let shop = Shop::open().await;
    let (all, some, off) = (shop.receiver(200).await, shop.receiver(200).await, shop.receiver(200).await);
    create(&shop, &all.url(), &["*", "order.placed"]).await;
    create(&shop, &some.url(), &["shipment.delivered", "customer.registered"]).await;
    let sleeping = json!({ "url": off.url(), "events": ["*"], "enabled": false });
    assert_eq!(shop.ask("POST", ENDPOINTS, Some(sleeping)).await.0, 201);
    shop.say(&completed(7), 1).await;
    shop.say(&delivered(), 1).await;
    shop.say(&CustomerRegistered { customer: CustomerId::from_uuid(Uuid::from_u128(3)) }, 1).await;
    shop.settle().await;
    let kinds = |receiver: &Receiver| {
        receiver
            .got()
            .iter()
            .map(|got| got.json()["type"].as_str().expect("a type").to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        kinds(&all),
        BTreeSet::from(["order.completed", "shipment.delivered", "customer.registered"].map(str::to_owned))
    );
    assert_eq!(kinds(&some), BTreeSet::from(["shipment.delivered", "customer.registered"].map(str::to_owned)));
    assert!(off.got().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_delivered_whole() {
    let shop = Shop::open().await;
    let receiver = shop.receiver(200).await;
    let endpoint = create(&shop, &receiver.url(), &["*"]).await;
    for number in 0..60 {
        shop.say(&completed(number), 1).await;
    }
    shop.settle().await;
    let ids: BTreeSet<String> = receiver.got().iter().map(|got| got.header("webhook-id").to_owned()).collect();
    assert_eq!((receiver.got().len(), ids.len()), (60, 60));
    assert!(deliveries(&shop, &endpoint).await.iter().all(|delivery| delivery["state"] == "delivered"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_with_the_same_id_and_body() {
    let shop = Shop::open().await;
    let receiver = shop.receiver(503).await;
    receiver.answers(503, &"busy\u{0}".repeat(1_000), &[]);
    let endpoint = create(&shop, &receiver.url(), &["*"]).await;
    shop.say(&completed(7), 1).await;
    shop.settle().await;
    let log = &deliveries(&shop, &endpoint).await[0];
    assert_eq!((&log["state"], &log["attempts"], &log["response_status"]), (&json!("pending"), &json!(1), &json!(503)));
    assert_eq!(log["response_body"].as_str().map(|body| body.chars().count()), Some(1_024));
    assert!(log["response_body"].as_str().is_some_and(|body| body.starts_with("busy\u{fffd}busy")));
    assert!(log["next_attempt_at"].as_str().is_some_and(|at| at > "2026-01-01T12:00:05"), "{log}");
    shop.advance(4);
    shop.settle().await;
    assert_eq!(receiver.got().len(), 1, "too early");
    receiver.answers(200, "thanks", &[]);
    shop.advance(2);
    shop.settle().await;
    let got = receiver.got();
    assert_eq!((got.len(), got[0].header("webhook-id"), &got[0].body), (2, got[1].header("webhook-id"), &got[1].body));
    assert_ne!(got[0].header("webhook-timestamp"), got[1].header("webhook-timestamp"), "each try is signed anew");
    let log = &deliveries(&shop, &endpoint).await[0];
    assert_eq!(
        (&log["state"], &log["attempts"], &log["response_body"]),
        (&json!("delivered"), &json!(2), &json!("thanks"))
    );
    assert_eq!(
        (&log["next_attempt_at"], see(&shop, &path(&endpoint)).await["failing_since"].is_null()),
        (&Value::Null, true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_listen_is_tried_ten_times_in_three_days() {
    let shop = Shop::open().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let endpoint = create(&shop, &format!("http://127.0.0.1:{port}/"), &["*"]).await;
    shop.say(&completed(7), 1).await;
    shop.settle().await;
    exhaust(&shop).await;
    let log = &deliveries(&shop, &endpoint).await[0];
    assert_eq!(
        (&log["state"], &log["attempts"], &log["next_attempt_at"]),
        (&json!("failed"), &json!(10), &Value::Null)
    );
    assert!(log["error"].as_str().is_some_and(|error| error.contains("could not connect")), "{log}");
    assert_eq!(see(&shop, &path(&endpoint)).await["enabled"], true, "three days are not five");
    let waits: Vec<_> =
        ::store::job::next_due(&shop.ctx.db, &["notifications"]).await.expect("a time").into_iter().collect();
    assert!(waits.is_empty(), "nothing of it is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn lasting_failure_switches_an_endpoint_off_and_says_so() {
    let shop = Shop::open().await;
    let receiver = shop.receiver(500).await;
    let endpoint = create(&shop, &receiver.url(), &["*"]).await;
    shop.say(&completed(1), 1).await;
    shop.settle().await;
    exhaust(&shop).await;
    shop.say(&completed(2), 1).await;
    shop.settle().await;
    let tried = receiver.got().len();
    exhaust(&shop).await;
    let seen = see(&shop, &path(&endpoint)).await;
    assert_eq!((&seen["enabled"], &seen["disabled_reason"]), (&json!(false), &json!("failing")), "{seen}");
    assert_eq!(receiver.got().len(), tried + 9);
    let said = ::store::outbox::page(&shop.ctx.db, Uuid::nil(), 100).await.expect("a page");
    let off: Vec<&str> =
        said.iter().filter(|said| said.name == "webhook_endpoint.disabled").map(|said| said.data.as_str()).collect();
    assert_eq!(off.len(), 1);
    assert!(off[0].contains("failing") && off[0].contains(endpoint["id"].as_str().expect("an id")), "{off:?}");
    shop.say(&completed(3), 1).await;
    shop.settle().await;
    assert_eq!(deliveries(&shop, &endpoint).await.len(), 2, "it is told nothing any more");
    let (status, problem) = shop.ask("POST", &format!("{}/ping", path(&endpoint)), None).await;
    assert_eq!((status, &problem["code"]), (409, &json!("notifications.endpoint_disabled")));

    receiver.answers(200, "", &[]);
    let tag = format!("\"{}\"", seen["version"]);
    let (status, on) =
        shop.ask_with("PATCH", &path(&endpoint), Some(json!({ "enabled": true })), &[("if-match", &tag)]).await;
    assert_eq!(
        (status, &on["enabled"], &on["failing_since"], &on["disabled_reason"]),
        (200, &json!(true), &Value::Null, &Value::Null)
    );
    let since = json!({ "since": "2026-01-01T00:00:00Z" });
    let (status, replayed) = shop.ask("POST", &format!("{}/replay", path(&endpoint)), Some(since)).await;
    assert_eq!((status, replayed), (202, json!({ "replayed": 2, "more": false })));
    shop.settle().await;
    assert!(
        deliveries(&shop, &endpoint)
            .await
            .iter()
            .all(|delivery| delivery["state"] == "delivered" && delivery["attempts"] == 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_is_switched_off_at_once_and_gets_the_rest_when_back() {
    let shop = Shop::open().await;
    let receiver = shop.receiver(500).await;
    let endpoint = create(&shop, &receiver.url(), &["*"]).await;
    shop.say(&completed(1), 1).await;
    shop.settle().await;
    receiver.answers(410, "gone", &[]);
    shop.say(&completed(2), 1).await;
    shop.settle().await;
    let seen = see(&shop, &path(&endpoint)).await;
    assert_eq!((&seen["enabled"], &seen["disabled_reason"]), (&json!(false), &json!("gone")));
    shop.advance(3_600);
    shop.settle().await;
    assert_eq!(receiver.got().len(), 2, "what was still owed waits");
    receiver.answers(200, "", &[]);
    let tag = format!("\"{}\"", seen["version"]);
    assert_eq!(
        shop.ask_with("PATCH", &path(&endpoint), Some(json!({ "enabled": true })), &[("if-match", &tag)]).await.0,
        200
    );
    shop.settle().await;
    let states: BTreeSet<String> =
        deliveries(&shop, &endpoint).await.iter().map(|one| one["state"].to_string()).collect();
    assert_eq!(
        states,
        BTreeSet::from(["\"delivered\"".to_owned(), "\"failed\"".to_owned()]),
        "the one that was answered 410 has ended"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rotation_both_secrets_sign_for_a_day() {
    let shop = Shop::open().await;
    let receiver = shop.receiver(200).await;
    let endpoint = create(&shop, &receiver.url(), &["*"]).await;
    let old = endpoint["secret"].as_str().expect("a secret").to_owned();
    let (status, rotated) = shop.ask("POST", &format!("{}/rotate-secret", path(&endpoint)), None).await;
    let new = rotated["secret"].as_str().expect("a secret").to_owned();
    assert_eq!((status, &rotated["old_secret_signs_until"]), (200, &json!("2026-01-02T12:00:00Z")));
    assert_ne!(old, new);
    for (seconds, signatures) in [(0, 2), (24 * 3_600 - 1, 2), (1, 1)] {
        shop.advance(seconds);
        shop.say(&completed(7), 1).await;
        shop.settle().await;
        let got = receiver.got().pop().expect("told");
        assert_eq!(got.header("webhook-signature").split(' ').count(), signatures);
        assert_eq!((is_signed(&got, &new), is_signed(&got, &old)), (true, signatures == 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_delivery_is_replayed_with_the_same_id_also_while_it_waits() {
    let shop = Shop::open().await;
    let receiver = shop.receiver(500).await;
    let endpoint = create(&shop, &receiver.url(), &["*"]).await;
    shop.say(&completed(7), 1).await;
    shop.settle().await;
    let delivery = deliveries(&shop, &endpoint).await[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/admin/webhook-deliveries/{delivery}");
    for (times, status, state) in [(2, 200, "delivered"), (3, 200, "delivered")] {
        receiver.answers(status, "", &[]);
        let (status, replayed) = shop.ask("POST", &format!("{path}/replay"), None).await;
        assert_eq!((status, &replayed["attempts"]), (202, &json!(0)));
        shop.settle().await;
        let seen = see(&shop, &path).await;
        assert_eq!((receiver.got().len(), &seen["state"], &seen["attempts"]), (times, &json!(state), &json!(1)));
    }
    let ids: BTreeSet<String> = receiver.got().iter().map(|got| got.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 1);
    shop.advance(6);
    shop.settle().await;
    assert_eq!(receiver.got().len(), 3, "the retry that waited has nothing to do");
    let nobody = "/v1/admin/webhook-deliveries/whd_01jd5zs2xce3nbq7tpv5f8k9wm";
    for (method, path) in [("GET", nobody.to_owned()), ("POST", format!("{nobody}/replay"))] {
        let (status, problem) = shop.ask(method, &path, None).await;
        assert_eq!((status, &problem["code"]), (404, &json!("notifications.delivery_not_found")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_while_it_is_being_sent_is_sent_again() {
    let shop = Shop::open().await;
    let receiver = shop.receiver(500).await;
    let endpoint = create(&shop, &receiver.url(), &["*"]).await;
    let closed = receiver.gate.acquire().await.expect("a gate");
    shop.say(&completed(7), 1).await;
    while receiver.got().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let delivery = deliveries(&shop, &endpoint).await[0]["id"].as_str().expect("an id").to_owned();
    let replay = format!("/v1/admin/webhook-deliveries/{delivery}/replay");
    assert_eq!(shop.ask("POST", &replay, None).await.0, 202);
    drop(closed);
    shop.settle().await;
    let log = &deliveries(&shop, &endpoint).await[0];
    assert_eq!((receiver.got().len(), &log["attempts"]), (2, &json!(1)), "the first answer is the old round's: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_is_sent_whatever_the_endpoint_asked_for() {
    let shop = Shop::open().await;
    let receiver = shop.receiver(200).await;
    let endpoint = create(&shop, &receiver.url(), &["order.placed"]).await;
    let (status, ping) = shop.ask("POST", &format!("{}/ping", path(&endpoint)), None).await;
    assert_eq!((status, &ping["type"]), (202, &json!("webhook.ping")));
    shop.settle().await;
    let got = receiver.got();
    assert_eq!((got.len(), &got[0].json()["data"]), (1, &json!({ "endpoint": endpoint["id"] })));
    assert!(is_signed(&got[0], endpoint["secret"].as_str().expect("a secret")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let shop = Shop::open().await;
    let (receiver, inner) = (shop.receiver(200).await, shop.receiver(200).await);
    receiver.answers(307, "", &[("location", &inner.url())]);
    let endpoint = create(&shop, &receiver.url(), &["*"]).await;
    shop.say(&completed(7), 1).await;
    shop.settle().await;
    assert_eq!((receiver.got().len(), inner.got().len()), (1, 0));
    assert_eq!(deliveries(&shop, &endpoint).await[0]["response_status"], 307);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_deliveries_are_forgotten() {
    let shop = Shop::open().await;
    let receiver = shop.receiver(200).await;
    let endpoint = create(&shop, &receiver.url(), &["*"]).await;
    shop.say(&completed(1), 1).await;
    shop.settle().await;
    shop.advance(29 * 86_400);
    shop.settle().await;
    shop.say(&completed(2), 1).await;
    shop.settle().await;
    assert_eq!(deliveries(&shop, &endpoint).await.len(), 2);
    shop.advance(2 * 86_400);
    prune(&shop).await;
    assert_eq!(deliveries(&shop, &endpoint).await.len(), 1);
}

async fn prune(shop: &Shop) {
    crate::deliver::prune(shop.ctx.clone()).await.expect("pruned");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_tried_is_not_forgotten_unless_nobody_waits_for_it() {
    let shop = Shop::open().await;
    let receiver = shop.receiver(500).await;
    let endpoint = create(&shop, &receiver.url(), &["*"]).await;
    shop.say(&completed(1), 1).await;
    shop.settle().await;
    shop.advance(29 * 86_400);
    let delivery = deliveries(&shop, &endpoint).await[0]["id"].as_str().expect("an id").to_owned();
    let replay = format!("/v1/admin/webhook-deliveries/{delivery}/replay");
    assert_eq!(shop.ask("POST", &replay, None).await.0, 202);
    shop.settle().await;
    shop.advance(2 * 86_400);
    prune(&shop).await;
    assert_eq!(deliveries(&shop, &endpoint).await[0]["state"], "pending", "replayed late, and tried for three days");
    assert_eq!(shop.ask("DELETE", &path(&endpoint), None).await.0, 204);
    prune(&shop).await;
    let gone = shop.ask("GET", &format!("/v1/admin/webhook-deliveries/{delivery}"), None).await;
    assert_eq!(gone.0, 404, "its endpoint is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_endpoints_keep_no_place_from_a_living_one() {
    let shop = Shop::open().await;
    let (dead, living) = (shop.receiver(500).await, shop.receiver(200).await);
    for _ in 0..20 {
        create(&shop, &dead.url(), &["*"]).await;
    }
    shop.say(&completed(1), 1).await;
    shop.settle().await;
    // From now on they hang until the request is given up.
    let hanging = dead.gate.acquire().await.expect("a gate");
    let told = dead.got().len();
    shop.say(&completed(2), 1).await;
    while dead.got().len() < told + 4 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    create(&shop, &living.url(), &["*"]).await;
    shop.say(&completed(3), 1).await;
    for _ in 0..300 {
        if !living.got().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(living.got().len(), 1, "told in three seconds, while the others hang for fifteen");
    drop(hanging);
    dead.answers(410, "", &[]);
    shop.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_a_later_release_stops_nobody() {
    let shop = Shop::open().await;
    let receiver = shop.receiver(200).await;
    let endpoint = create(&shop, &receiver.url(), &["order.completed"]).await;
    let events = ::store::Json(json!(["order.completed", "order.of_a_later_release"]));
    let change = shop.ctx.db.write(events, |tx, events| {
        Box::pin(tx.exec(&crate::store::endpoints::testing::OF_A_LATER_RELEASE, ::store::params![events]))
    });
    let changed: Result<u64, ::store::Error> = change.await;
    assert_eq!(changed.expect("a change"), 1);
    shop.say(&completed(1), 1).await;
    shop.settle().await;
    assert_eq!(receiver.got().len(), 1);
    let seen = see(&shop, &path(&endpoint)).await;
    assert_eq!(seen["events"], json!(["order.completed"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_the_database() {
    let shop = Shop::open().await;
    let receiver = shop.receiver(200).await;
    let endpoint = create(&shop, &receiver.url(), &["*"]).await;
    shop.say(&completed(1), 1).await;
    shop.settle().await;
    let secret = endpoint["secret"].as_str().expect("a secret").trim_start_matches("whsec_").to_owned();
    for entry in std::fs::read_dir(shop.folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("a file");
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", path.display());
        }
    }
}
