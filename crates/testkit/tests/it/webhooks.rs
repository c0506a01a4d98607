//! Programs elsewhere that are told what happens in a shop.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use contracts::customers::Role;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use testkit::{Buyer, Database, Receiver, Shop, ShopOptions, Staff, TOKEN_OK, Told, Topology};

use crate::binary::Ready;

const ENDPOINTS: &str = "/v1/admin/webhook-endpoints";
/// So that a program on this machine may be told.
const ALLOW: (&str, &str) = ("SOUK_WEBHOOKS__ALLOW_PRIVATE", "true");
const PATIENCE: Duration = Duration::from_secs(25);

async fn open(topology: Topology) -> (Shop, Staff) {
    let edit: Box<dyn FnOnce(&mut platform::Config) + Send> = Box::new(|config| config.webhooks.allow_private = true);
    Shop::open_with(topology, ShopOptions { edit, ..Default::default() }).await
}

async fn endpoint(staff: &Staff, receiver: &Receiver, events: Value) -> Value {
    staff.post(ENDPOINTS, json!({ "url": receiver.url, "events": events })).await.must(201)
}

fn path(endpoint: &Value) -> String {
    format!("/v1/admin/webhook-endpoints/{}", endpoint["id"].as_str().expect("an id"))
}

async fn deliveries(staff: &Staff, endpoint: &Value) -> Vec<Value> {
    let list = staff.get(format!("{}/deliveries?limit=100", path(endpoint))).await.must(200);
    list["items"].as_array().expect("a list").clone()
}

/// As the reference library of Standard Webhooks signs; the shop's clock stands where the test put it.
fn must_be_signed(told: &Told, endpoint: &Value) {
    let secret = Webhook::new(endpoint["secret"].as_str().expect("a secret")).expect("a secret of that form");
    let at = told.header("webhook-timestamp").parse().expect("seconds");
    let right = secret.sign(told.header("webhook-id"), at, &told.body).expect("a signature");
    assert!(told.header("webhook-signature").split(' ').any(|one| one == right), "{told:?}");
}

async fn bought(shop: &Shop, owner: &Staff) -> (Buyer, String) {
    let teapot = owner.product(1999, 3).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 1).await;
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    (buyer, order)
}

pub async fn a_program_is_told_of_a_purchase_once_each(topology: Topology) {
    let (shop, owner) = open(topology).await;
    let receiver = Receiver::listen(204).await;
    let asked =
        json!(["order.placed", "order.confirmed", "shipment.dispatched", "payment.captured", "order.completed"]);
    let endpoint = endpoint(&owner, &receiver, asked).await;
    assert!(owner.get(path(&endpoint)).await.must(200)["secret"].is_null(), "a secret is shown once");
    let (_, order) = bought(&shop, &owner).await;
    let shipment = owner.shipments(&order).await[0]["id"].as_str().expect("an id").to_owned();
    owner.post(format!("/v1/admin/shipments/{shipment}/dispatch"), json!({})).await.must(200);
    shop.settle().await;
    owner.post(format!("/v1/admin/shipments/{shipment}/deliver"), json!({})).await.must(200);
    shop.settle().await;
    let kinds = ["order.completed", "order.confirmed", "order.placed", "payment.captured", "shipment.dispatched"];
    assert_eq!(receiver.kinds(), kinds, "each once, whatever the deliveries inside the shop");
    for told in receiver.told() {
        must_be_signed(&told, &endpoint);
        assert_eq!(told.json()["data"]["order"], json!(order));
        let text = String::from_utf8(told.body.to_vec()).expect("text");
        assert!(!text.contains("ada@example.com") && !text.contains("Lovelace"), "{text}");
    }
    let log = deliveries(&owner, &endpoint).await;
    assert!(
        log.iter().all(|delivery| delivery["state"] == "delivered" && delivery["response_status"] == 204),
        "{log:#?}"
    );
    shop.finish().await;
}

pub async fn a_program_that_was_down_gets_what_it_missed(topology: Topology) {
    let (shop, owner) = open(topology).await;
    let receiver = Receiver::listen(500).await;
    let endpoint = endpoint(&owner, &receiver, json!(["order.confirmed", "order.cancelled"])).await;
    let (buyer, order) = bought(&shop, &owner).await;
    buyer.cancel(&order).await;
    shop.settle().await;
    assert!(owner.get(path(&endpoint)).await.must(200)["failing_since"].is_string());
    receiver.answers(200);
    let failed = receiver.ids();
    shop.advance(Duration::from_secs(400));
    shop.settle().await;
    assert_eq!(receiver.ids(), failed, "the same ids again");
    let log = deliveries(&owner, &endpoint).await;
    assert!(log.iter().all(|delivery| delivery["state"] == "delivered"), "{log:#?}");
    assert!(owner.get(path(&endpoint)).await.must(200)["failing_since"].is_null());

    let delivery = log[0]["id"].as_str().expect("an id");
    let before = receiver.told().len();
    owner.post(format!("/v1/admin/webhook-deliveries/{delivery}/replay"), json!({})).await.must(202);
    shop.settle().await;
    assert_eq!((receiver.told().len(), receiver.ids()), (before + 1, failed));
    assert_eq!(owner.get(format!("/v1/admin/webhook-deliveries/{delivery}")).await.must(200)["state"], "delivered");
    shop.finish().await;
}

/// An endpoint's last delivery ends just when the next one is put in, again and again.
pub async fn nothing_is_left_behind_when_much_happens_at_once(topology: Topology) {
    const PRODUCTS: usize = 60;
    let (shop, owner) = open(topology).await;
    let receivers = [Receiver::listen(200).await, Receiver::listen(200).await];
    for receiver in &receivers {
        endpoint(&owner, receiver, json!(["product.created"])).await;
    }
    let make = |_| {
        let owner = owner.clone();
        tokio::spawn(async move { owner.product(1999, 0).await })
    };
    let made: Vec<_> = (0..PRODUCTS).map(make).collect();
    for product in made {
        product.await.expect("a product");
    }
    shop.settle().await;
    for receiver in &receivers {
        assert_eq!(receiver.ids().len(), PRODUCTS, "each was told");
    }
    shop.finish().await;
}

pub async fn sixty_race_for_fifty_places(topology: Topology) {
    let (shop, owner) = open(topology).await;
    let make = |number: usize| {
        let owner = owner.clone();
        tokio::spawn(async move {
            let body = json!({ "url": format!("http://127.0.0.1:9/{number}"), "events": ["*"], "enabled": false });
            owner.post(ENDPOINTS, body).await.status
        })
    };
    let racing: Vec<_> = (0..60).map(make).collect();
    let mut made = 0;
    for one in racing {
        match one.await.expect("an answer") {
            201 => made += 1,
            409 | 503 => {}
            other => panic!("status {other}"),
        }
    }
    // Who lost a race for one place may ask again: there is room until there are fifty.
    for number in made..50 {
        let body = json!({ "url": format!("http://127.0.0.1:9/again/{number}"), "events": ["*"], "enabled": false });
        owner.post(ENDPOINTS, body).await.must(201);
    }
    let body = json!({ "url": "http://127.0.0.1:9/", "events": ["*"] });
    owner.post(ENDPOINTS, body).await.refused(409, "notifications.too_many_endpoints");
    let first = owner.get(format!("{ENDPOINTS}?limit=100")).await.must(200);
    assert_eq!(first["items"].as_array().map(Vec::len), Some(50));
    shop.finish().await;
}

pub async fn secrets_are_rotated_without_a_gap(topology: Topology) {
    let (shop, owner) = open(topology).await;
    let receiver = Receiver::listen(200).await;
    let old = endpoint(&owner, &receiver, json!(["*"])).await;
    let new = owner.post(format!("{}/rotate-secret", path(&old)), json!({})).await.must(200);
    owner.post(format!("{}/ping", path(&old)), json!({})).await.must(202);
    shop.settle().await;
    let told = receiver.told().pop().expect("told");
    must_be_signed(&told, &old);
    must_be_signed(&told, &new);
    shop.advance(Duration::from_secs(24 * 3_600));
    owner.post(format!("{}/ping", path(&old)), json!({})).await.must(202);
    shop.settle().await;
    let told = receiver.told().pop().expect("told");
    must_be_signed(&told, &new);
    assert_eq!(told.header("webhook-signature").split(' ').count(), 1, "the old secret is over");
    shop.finish().await;
}

pub async fn endpoints_are_for_who_may_and_never_private(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let body = |url: &str| json!({ "url": url, "events": ["*"] });
    for url in [
        "https://127.0.0.1/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://169.254.169.254/",
        "https://localhost/",
        "http://93.184.216.34/",
    ] {
        let problem = owner.post(ENDPOINTS, body(url)).await.refused(422, "request.invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/url", "{url}: {problem:#}");
    }
    let support = shop.staff(Role::Support).await;
    support.get(ENDPOINTS).await.must(200);
    support.post(ENDPOINTS, body("https://93.184.216.34/")).await.refused(403, "request.forbidden");
    shop.staff(Role::Merchandiser).await.get(ENDPOINTS).await.refused(403, "request.forbidden");
    shop.post(ENDPOINTS, body("https://93.184.216.34/")).await.refused(401, "request.unauthenticated");

    let made = owner
        .post(ENDPOINTS, json!({ "url": "https://93.184.216.34/", "events": ["*"], "enabled": false }))
        .await
        .must(201);
    let read = owner.get(path(&made)).await;
    let tag = read.header("etag").to_owned();
    let edit = json!({ "events": ["order.placed"], "description": "the warehouse" });
    owner.patch(path(&made), edit.clone()).await.refused(428, "request.if_match_required");
    let edited = owner.patch(path(&made), edit.clone()).header("If-Match", &tag).await;
    let tag_after = edited.header("etag").to_owned();
    let edited = edited.must(200);
    assert_eq!(
        owner.get(path(&made)).header("If-None-Match", &tag_after).await.status,
        304,
        "its tag is the next one's"
    );
    assert_eq!((&edited["events"], &edited["enabled"]), (&json!(["order.placed"]), &json!(false)));
    owner.patch(path(&made), edit).header("If-Match", &tag).await.refused(412, "notifications.endpoint_changed");
    owner.post(format!("{}/ping", path(&made)), json!({})).await.refused(409, "notifications.endpoint_disabled");
    let since = json!({ "since": "2026-01-01T00:00:00Z" });
    owner.post(format!("{}/replay", path(&made)), since).await.refused(409, "notifications.endpoint_disabled");
    assert_eq!(owner.delete(path(&made)).await.status, 204);
    owner.get(path(&made)).await.refused(404, "notifications.endpoint_not_found");
    shop.finish().await;
}

/// The process dies with the answer in its hand, before it is noted.
async fn a_delivery_survives_a_kill(database: Database) {
    let shop = Ready::on(database).await;
    let receiver = Receiver::listen(200).await;
    let process = shop.serve(&[ALLOW]).await;
    endpoint(&shop.owner.at(&process.client), &receiver, json!(["order.confirmed"])).await;
    process.stop().await;

    let dying = shop.serve(&[ALLOW, ("FAILPOINTS", "notifications.told=return")]).await;
    let buyer = Buyer::new(&dying.client).await;
    buyer.cart_with(&shop.teapot, 1).await;
    let _ = buyer.order(TOKEN_OK).sent().await;
    assert!(dying.ended().await.is_killed());
    assert_eq!(receiver.told().len(), 1, "it was sent before the end");

    let process = shop.serve(&[ALLOW]).await;
    let owner = shop.owner.at(&process.client);
    let endpoint = owner.get(ENDPOINTS).await.must(200)["items"][0].clone();
    let begun = Instant::now();
    while deliveries(&owner, &endpoint).await.iter().any(|delivery| delivery["state"] != "delivered") {
        assert!(begun.elapsed() < PATIENCE, "{:#?}", deliveries(&owner, &endpoint).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told = receiver.told();
    assert_eq!((told.len(), receiver.ids().len()), (2, 1), "twice, under one id");
    assert_eq!(told[0].body, told[1].body);
    let kinds: BTreeSet<String> = receiver.kinds().into_iter().collect();
    assert_eq!(kinds, BTreeSet::from(["order.confirmed".to_owned()]));
    shop.audit_until(&[], &[]).await;
    process.stop().await;
    shop.database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_survives_a_kill_on_sqlite() {
    a_delivery_survives_a_kill(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_survives_a_kill_on_postgres() {
    a_delivery_survives_a_kill(Database::postgres().await).await;
}
