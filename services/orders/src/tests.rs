//! Orders' verbs over HTTP, on a throw-away database, beside peers that answer as they are told.

pub mod samples;
mod shuffled;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::store::{Clock, Db, Ids, Options, migrate, outbox, work};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use contracts::Id;
use contracts::carts::{Basket, CartId, GetBasket, Missing};
use contracts::customers::{AuthenticateKey, Permission, StaffPrincipal};
use contracts::orders::{
    GetOrderContact, GetPaymentInstruction, GetShipTo, OrderFact, OrderFacts, OrderId, OrderStatus,
};
use contracts::payments::{GetNextAction, NextAction};
use jiff::Timestamp;
use platform::auth::KeyCache;
use platform::calls::Peers;
use platform::{Config, Ctx, JobRun, Problem, Process, Service};
use samples::Heard;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use crate::{advance, calls, jobs, store};

const TOKEN: &str = "souk_ct_ada";

/// Orders, with a cart service whose one basket a test can change.
pub struct Shop {
    pub ctx: Ctx,
    routes: Router,
    basket: Arc<Mutex<Basket>>,
    _folder: tempfile::TempDir,
}

struct Answer {
    status: u16,
    headers: axum::http::HeaderMap,
    body: Value,
}

impl Answer {
    fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    fn order(&self) -> OrderId {
        self.body["id"].as_str().expect("an id").parse().expect("an order's id")
    }
}

async fn answer_key(_: Ctx, _: AuthenticateKey) -> Result<Option<StaffPrincipal>, Problem> {
    Ok(Some(StaffPrincipal { staff: samples::id(1), key: samples::id(1), permissions: Permission::ALL.to_vec() }))
}

async fn answer_next_action(_: Ctx, _: GetNextAction) -> Result<Option<NextAction>, Problem> {
    Ok(Some(NextAction::Redirect { url: "https://bank.example/1".to_owned() }))
}

impl Shop {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("souk.db").display());
        let db = Db::open(&Options::new(url), Clock::fixed(Timestamp::UNIX_EPOCH), Ids::counted())
            .await
            .expect("a database");
        migrate::migrate(&db, &[("orders", store::MIGRATIONS)]).await.expect("a schema");
        let peers = Peers::new(&BTreeMap::new(), None, Clock::System).expect("peers");
        let config = Arc::new(Config::defaults());
        let ctx = Ctx::new(db, peers.clone(), Arc::clone(&config), KeyCache::default());
        let service = crate::service(&ctx);
        let (ctx, routes) = (service.ctx.clone(), Router::from(service.routes.clone()));
        let basket = Arc::new(Mutex::new(samples::basket()));
        let answers = Arc::clone(&basket);
        let carts = Service::new("carts", &ctx).answers::<GetBasket, _, _>(move |_, call: GetBasket| {
            let basket = answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async move { Ok(Basket { cart: call.cart, ..basket }) }
        });
        let payments = Service::new("payments", &ctx).answers::<GetNextAction, _, _>(answer_next_action);
        let customers = Service::new("customers", &ctx).answers::<AuthenticateKey, _, _>(answer_key);
        let process = Process::new(config, peers);
        process.settle(&[service, carts, payments, customers]);
        Self { ctx, routes, basket, _folder: folder }
    }

    fn change_basket(&self, change: impl FnOnce(&mut Basket)) {
        change(&mut self.basket.lock().unwrap_or_else(PoisonError::into_inner));
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_string())).expect("a request");
        let response = self.routes.clone().oneshot(request).await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    async fn post_order(&self, key: &str, body: Value) -> Answer {
        self.send("POST", "/v1/orders", &[("cart-token", TOKEN), ("idempotency-key", key)], body).await
    }

    /// As the buyer of the basket.
    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[("cart-token", TOKEN)], json!({})).await
    }

    async fn as_staff(&self, method: &str, path: &str, body: Value) -> Answer {
        self.send(method, path, &[("authorization", "Bearer k")], body).await
    }

    pub async fn place(&self, key: &str, cart: CartId) -> OrderId {
        let answer = self.post_order(key, wish(cart)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.order()
    }

    async fn hear(&self, event: Heard) {
        let input = (self.ctx.clone(), event);
        let heard = self.ctx.db.write(input, |tx, (ctx, event)| Box::pin(advance::advance(ctx, tx, event.happening())));
        assert_eq!(heard.await.expect("heard"), platform::Outcome::Done);
    }

    pub async fn facts(&self) -> Vec<OrderFact> {
        calls::facts(self.ctx.clone(), OrderFacts { after: None, limit: 500 }).await.expect("facts")
    }

    /// The data of all events of this name that orders said.
    pub async fn said(&self, name: &str) -> Vec<Value> {
        let page = outbox::page(&self.ctx.db, Uuid::nil(), 500).await.expect("the outbox");
        let of_name = page.into_iter().filter(|event| event.name == name);
        of_name.map(|event| serde_json::from_str(&event.data).expect("JSON")).collect()
    }

    async fn due_timers(&self) -> Vec<::store::StartedJob> {
        let claimed = self.ctx.db.write((), |tx, ()| Box::pin(::store::job::claim(tx, &["orders"], 10)));
        claimed.await.expect("a claim")
    }

    /// Jobs that would be due in a year.
    async fn timers(&self) -> i64 {
        let year = jiff::SignedDuration::from_hours(24 * 365);
        let then = self.ctx.clock.now().saturating_add(year).expect("a time");
        ::store::job::due_count(&self.ctx.db, then, &["orders"]).await.expect("a count")
    }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn wish(cart: CartId) -> Value {
    json!({ "cart": cart, "payment": { "method": "card", "token": "tok_ok" } })
}

fn cart() -> CartId {
    samples::basket().cart
}

#[tokio::test]
async fn an_order_is_placed_with_its_event_and_its_timer() {
    let shop = Shop::open().await;
    let cost = Arc::default();
    let answer = work::scope("place", None, Arc::clone(&cost), shop.post_order("k1", wish(cart()))).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let order = answer.order();
    assert_eq!(answer.headers["location"], format!("/v1/orders/{order}"));
    assert_eq!((&answer.body["status"], &answer.body["payment_state"]), (&json!("placed"), &json!("none")));
    assert_eq!(answer.body["total"], json!({ "amount": 3_499, "currency": "EUR" }));
    let number = answer.body["number"].as_str().expect("a number");
    assert!(number.starts_with("S-") && number.len() == 8, "{number}");

    let said = shop.said("order.placed").await;
    assert_eq!(
        (said.len(), &said[0]["cart_version"], said[0]["lines"].as_array().map(Vec::len)),
        (1, &json!(4), Some(2))
    );
    assert_eq!(shop.timers().await, 1);
    assert!(cost.statements() <= 8, "placing an order took {} statements", cost.statements());

    let read = shop.get(&format!("/v1/orders/{order}")).await;
    assert_eq!(read.body, answer.body, "what was answered is what is read");
}

#[tokio::test]
async fn the_same_key_makes_one_order() {
    let shop = Shop::open().await;
    let first = shop.post_order("k1", wish(cart())).await;
    let second = shop.post_order("k1", wish(cart())).await;
    assert_eq!((second.status, &second.body), (201, &first.body));
    assert_eq!(second.headers["idempotent-replayed"], "true");
    let other = shop.post_order("k1", json!({ "cart": cart(), "payment": { "method": "card" } })).await;
    assert_eq!((other.status, other.code()), (409, "request.key_reused"));
    assert_eq!(shop.said("order.placed").await.len(), 1);
}

#[tokio::test]
async fn twenty_requests_race_with_one_key_and_twenty_with_keys_of_their_own() {
    let shop = Shop::open().await;
    let with_one = futures::future::join_all((0..20).map(|_| shop.post_order("k1", wish(cart())))).await;
    assert!(with_one.iter().all(|answer| answer.status == 201), "{}", with_one[1].body);
    assert!(with_one.iter().all(|answer| answer.order() == with_one[0].order()));
    let keys: Vec<String> = (2..22).map(|number| format!("k{number}")).collect();
    let other: CartId = samples::id(9);
    let with_many = futures::future::join_all(keys.iter().map(|key| shop.post_order(key, wish(other)))).await;
    let placed: Vec<OrderId> = with_many.iter().filter(|answer| answer.status == 201).map(Answer::order).collect();
    assert_eq!(placed.len(), 1);
    for lost in with_many.iter().filter(|answer| answer.status != 201) {
        assert_eq!((lost.status, lost.code()), (409, "orders.cart_already_ordered"));
        assert_eq!(lost.body["context"]["order"], json!(placed[0]));
    }
    assert_eq!(shop.said("order.placed").await.len(), 2);
}

#[tokio::test]
async fn a_total_the_buyer_has_not_seen_is_refused_with_the_new_one() {
    let shop = Shop::open().await;
    let mut body = wish(cart());
    body["expected_total"] = json!({ "amount": 3_000, "currency": "EUR" });
    let answer = shop.post_order("k1", body.clone()).await;
    assert_eq!((answer.status, answer.code()), (409, "orders.price_changed"));
    assert_eq!(answer.body["context"]["total"]["amount"], 3_499);
    body["expected_total"]["amount"] = json!(3_499);
    assert_eq!(shop.post_order("k2", body).await.status, 201);
}

#[tokio::test]
async fn what_can_not_be_ordered_is_refused_by_name() {
    let shop = Shop::open().await;
    let method = shop.post_order("k1", json!({ "cart": cart(), "payment": { "method": "shells" } })).await;
    assert_eq!((method.status, &method.body["errors"][0]["pointer"]), (422, &json!("/payment/method")));
    let unknown = shop.post_order("k1", json!({ "cart": cart(), "payment": { "method": "card" }, "gift": true })).await;
    assert_eq!(unknown.status, 422);
    shop.change_basket(|basket| basket.missing = vec![Missing::ShippingAddress]);
    let incomplete = shop.post_order("k1", wish(cart())).await;
    assert_eq!((incomplete.status, incomplete.code()), (409, "orders.cart_incomplete"));
    assert_eq!(incomplete.body["context"]["missing"], json!(["shipping_address"]));
    let no_key = shop.send("POST", "/v1/orders", &[("cart-token", TOKEN)], wish(cart())).await;
    assert_eq!((no_key.status, no_key.code()), (428, "request.key_required"));
}

#[tokio::test]
async fn an_order_is_its_buyers_alone() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    let stranger = [("cart-token", "souk_ct_eve")];
    for (method, path) in [("GET", format!("/v1/orders/{order}")), ("POST", format!("/v1/orders/{order}/cancel"))] {
        let answer = shop.send(method, &path, &stranger, json!({})).await;
        assert_eq!((answer.status, answer.code()), (404, "orders.not_found"));
    }
    let ask = |buyer: Option<&str>| {
        let call = GetPaymentInstruction { order, buyer_sha256: buyer.map(str::to_owned) };
        calls::payment_instruction(shop.ctx.clone(), call)
    };
    assert_eq!(ask(Some("eve")).await.expect_err("not hers").status, 404);
    assert_eq!(ask(None).await.expect("an instruction").token.as_deref(), Some("tok_ok"));
}

#[tokio::test]
async fn a_buyer_cancels_and_may_order_the_cart_again() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    shop.hear(samples::reserved(order)).await;
    let path = format!("/v1/orders/{order}/cancel");
    let answer = shop.send("POST", &path, &[("cart-token", TOKEN)], json!({})).await;
    assert_eq!((answer.status, &answer.body["cancel_reason"]), (200, &json!("buyer")));
    assert_eq!(shop.said("order.cancelled").await[0]["reopens_cart"], json!(true));
    assert_eq!(shop.timers().await, 0);
    let again = shop.send("POST", &path, &[("cart-token", TOKEN)], json!({})).await;
    assert_eq!((again.status, again.code()), (409, "orders.not_cancellable"));

    shop.hear(samples::authorized(order, 1)).await;
    shop.hear(samples::voided(order, 3_499)).await;
    let read = shop.get(&format!("/v1/orders/{order}")).await;
    assert_eq!((&read.body["status"], &read.body["payment_state"]), (&json!("cancelled"), &json!("voided")));
    assert_ne!(shop.place("k2", cart()).await, order);
}

#[tokio::test]
async fn what_is_not_paid_in_time_is_cancelled_and_what_is_paid_is_not() {
    let shop = Shop::open().await;
    let unpaid = shop.place("k1", cart()).await;
    let early = shop.due_timers().await;
    assert!(early.is_empty(), "a card has 30 minutes");
    shop.ctx.clock.advance(Duration::from_secs(30 * 60));
    let due = shop.due_timers().await;
    let [timer] = due.as_slice() else { panic!("one timer, not {}", due.len()) };
    let run = JobRun { id: timer.id, attempts: 1, created_at: timer.created_at };
    let job: jobs::Expire = serde_json::from_str(&timer.payload).expect("our own job");
    let ended = jobs::expire(shop.ctx.clone(), run.clone(), job.clone()).await;
    assert!(ended.is_ok());
    let read = shop.get(&format!("/v1/orders/{unpaid}")).await;
    assert_eq!((&read.body["status"], &read.body["cancel_reason"]), (&json!("cancelled"), &json!("unpaid")));
    assert!(jobs::expire(shop.ctx.clone(), run, job).await.is_err(), "its row is gone");
    assert_eq!(shop.said("order.cancelled").await.len(), 1);

    let paid = shop.place("k2", samples::id(9)).await;
    for event in [samples::reserved(paid), samples::authorized(paid, 1)] {
        shop.hear(event).await;
    }
    assert_eq!(shop.timers().await, 0);
}

#[tokio::test]
async fn staff_see_and_cancel_with_a_note_that_the_buyer_does_not_see() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    for event in [samples::reserved(order), samples::authorized(order, 1)] {
        shop.hear(event).await;
    }
    let path = format!("/v1/admin/orders/{order}/cancel");
    let answer = shop.as_staff("POST", &path, json!({ "note": "called twice" })).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("cancelled")));
    assert_eq!(answer.body["history"][3]["note"], "called twice");
    assert_eq!(shop.said("order.cancelled").await[0]["reopens_cart"], json!(false));
    let recorded = shop.said("audit.recorded").await;
    assert_eq!((recorded.len(), &recorded[0]["action"]), (1, &json!("orders.cancel_order")));
    let read = shop.get(&format!("/v1/orders/{order}")).await;
    assert_eq!(read.body["history"][3]["note"], Value::Null);

    let other = shop.place("k2", samples::id(9)).await;
    let list = shop.as_staff("GET", "/v1/admin/orders?limit=1", json!({})).await;
    assert_eq!((list.status, &list.body["items"][0]["id"]), (200, &json!(other)));
    let next = list.body["next"].as_str().expect("a next page");
    let rest = shop.as_staff("GET", &format!("/v1/admin/orders?limit=1&cursor={next}"), json!({})).await;
    assert_eq!((&rest.body["items"][0]["id"], &rest.body["next"]), (&json!(order), &Value::Null));
    let cancelled = shop.as_staff("GET", "/v1/admin/orders?status=cancelled", json!({})).await;
    assert_eq!(cancelled.body["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_shipped_order_can_not_be_cancelled() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    for event in [samples::reserved(order), samples::authorized(order, 1), samples::dispatched(order, 1, &[(1, 1)])] {
        shop.hear(event).await;
    }
    assert_eq!(shop.said("order.capture_due").await[0]["amount"]["amount"], 1_166);
    let answer = shop.send("POST", &format!("/v1/orders/{order}/cancel"), &[("cart-token", TOKEN)], json!({})).await;
    assert_eq!((answer.status, answer.code()), (409, "orders.not_cancellable"));
    let read = shop.get(&format!("/v1/orders/{order}")).await;
    assert_eq!(read.body["fulfilment_state"], "partially_shipped");
}

#[tokio::test]
async fn the_next_action_is_shown_while_the_order_is_payable_and_changes_the_etag() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    let path = format!("/v1/orders/{order}");
    assert_eq!(shop.get(&path).await.headers["etag"], "\"1.0\"");
    for event in [samples::reserved(order), samples::action_required(order, 1)] {
        shop.hear(event).await;
    }
    let read = shop.get(&path).await;
    assert_eq!(
        (&read.body["payment_outcome"], &read.body["next_action"]["type"]),
        (&json!("action_required"), &json!("redirect"))
    );
    assert_eq!(read.headers["etag"], "\"3.1\"");
    let known = shop.send("GET", &path, &[("cart-token", TOKEN), ("if-none-match", "\"3.1\"")], json!({})).await;
    assert_eq!(known.status, 304);
}

#[tokio::test]
async fn a_buyer_who_waits_is_answered_when_the_order_ends() {
    let shop = Shop::open().await;
    let headers = [("cart-token", TOKEN), ("idempotency-key", "k1"), ("prefer", "wait=20")];
    let waiting = shop.send("POST", "/v1/orders", &headers, wish(cart()));
    let rejecting = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let order = shop.facts().await[0].order;
        shop.hear(samples::rejected(order)).await;
    };
    let (answer, ()) = tokio::join!(waiting, rejecting);
    assert_eq!((answer.status, &answer.body["status"]), (201, &json!("cancelled")));
    assert_eq!(answer.body["cancel_reason"], "out_of_stock");
}

#[tokio::test]
async fn others_are_told_what_they_ask_and_no_more() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    let contact = calls::contact(shop.ctx.clone(), GetOrderContact { order }).await.expect("a contact");
    assert_eq!((contact.email.as_str(), contact.name.as_str()), ("ada@example.org", "Ada Lovelace"));
    assert_eq!(contact.lines[0].title, "Teapot, Blue");
    let unknown = OrderId::from_uuid(Uuid::from_u128(99));
    let ship_to =
        calls::ship_to(shop.ctx.clone(), GetShipTo { orders: vec![order, unknown] }).await.expect("addresses");
    assert_eq!((ship_to.len(), ship_to[0].address.city.as_str()), (1, "Wien"));
    let facts = shop.facts().await.remove(0);
    assert_eq!((facts.status, facts.to_ship, facts.ordered, facts.history_whole), (OrderStatus::Placed, 3, 3, true));
    for event in outbox::page(&shop.ctx.db, Uuid::nil(), 100).await.expect("the outbox") {
        for personal in ["ada@", "Lovelace", "tok_ok", "Hauptstra", TOKEN] {
            assert!(!event.data.contains(personal), "{} carries {personal}", event.name);
        }
    }
}
