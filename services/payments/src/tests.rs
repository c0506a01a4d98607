//! Payments on a throw-away database, with a fake `orders` beside it.

mod authorize;
mod cancel;
mod capture;
mod pay;
mod shuffled;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use ::store::{Clock, Db, Ids, Options, Tx, job, migrate, outbox};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use contracts::customers::{AuthenticateKey, Permission, StaffPrincipal};
use contracts::orders::{
    CancelReason, GetPaymentInstruction, OrderCancelled, OrderCaptureDue, OrderId, OrderPayable, OrderStatus,
    PaymentInstruction,
};
use contracts::payments::{AttemptId, PaymentFact, PaymentsOfOrders};
use contracts::{Currency, Money};
use platform::auth::{KeyCache, sha256_hex};
use platform::calls::Peers;
use platform::problem::Kind;
use platform::{Config, Ctx, JobRun, Outcome, Problem, Process, Service};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use uuid::Uuid;

use crate::{authorize as authorize_job, calls, operate, reactions, settle};

/// The buyer of every order here.
const BUYER: &str = "cart-token";

/// An order, as the fake `orders` knows it.
#[derive(Debug, Clone)]
struct FakeOrder {
    status: OrderStatus,
    token: Option<String>,
}

type FakeOrders = Arc<Mutex<HashMap<OrderId, FakeOrder>>>;

struct Shop {
    ctx: Ctx,
    orders: FakeOrders,
    router: Router,
    _folder: TempDir,
}

impl Shop {
    async fn open() -> Self {
        Self::patient(1).await
    }

    /// A shop that waits so many seconds for its gateway.
    async fn patient(gateway_seconds_max: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("payments.db").display());
        let clock = Clock::fixed("2026-11-22T10:00:00Z".parse().expect("a time"));
        let db = Db::open(&Options::new(url), clock.clone(), Ids::counted()).await.expect("a database");
        let settings = [("SOUK_PAYMENTS__CARD__GATEWAY_SECONDS_MAX".to_owned(), gateway_seconds_max.to_string())];
        let config = Arc::new(Config::load(None, &HashMap::from(settings)).expect("settings"));
        let peers = Peers::new(&BTreeMap::new(), None, clock).expect("peers");
        let ctx = Ctx::new(db.of("payments"), peers.clone(), Arc::clone(&config), KeyCache::default());
        let payments = crate::service(&ctx);
        migrate::migrate(&db, &[("payments", payments.migrations)]).await.expect("a schema");
        let orders = FakeOrders::default();
        let services = [payments, fake_orders(&ctx, Arc::clone(&orders)), fake_customers(&ctx)];
        Process::new(config, peers).settle(&services);
        let [payments, ..] = services;
        Self { ctx, orders, router: Router::from(payments.routes), _folder: folder }
    }

    /// An order that waits to be paid with this token; payments have not heard of it.
    fn order(&self, token: &str) -> OrderId {
        let order = self.ctx.ids.next();
        let placed = FakeOrder { status: OrderStatus::Payable, token: Some(token.to_owned()) };
        self.orders.lock().unwrap().insert(order, placed);
        order
    }

    /// Its state in the fake `orders`.
    fn becomes(&self, order: OrderId, status: OrderStatus) {
        self.orders.lock().unwrap().insert(order, FakeOrder { status, token: None });
    }

    /// An order of 100.00 that became payable, its authorisation not yet asked for.
    async fn payable(&self, token: &str) -> OrderId {
        let order = self.order(token);
        self.hear_payable(order, 10_000).await;
        order
    }

    /// An order of 100.00 whose attempt has been made.
    async fn tried(&self, token: &str) -> OrderId {
        let order = self.payable(token).await;
        self.run_jobs().await;
        order
    }

    async fn hear_payable(&self, order: OrderId, amount: i64) {
        let event = OrderPayable { order, method: "card".to_owned(), total: eur(amount) };
        let heard = self.hear(event, |ctx, tx, event| Box::pin(reactions::on_payable(ctx, tx, event))).await;
        assert_eq!(heard, Outcome::Done);
    }

    async fn hear_capture_due(&self, order: OrderId, capture: Uuid, amount: i64) -> Outcome {
        let event = OrderCaptureDue { order, capture, amount: eur(amount) };
        self.hear(event, |ctx, tx, event| Box::pin(reactions::on_capture_due(ctx, tx, event))).await
    }

    async fn hear_cancelled(&self, order: OrderId) {
        self.becomes(order, OrderStatus::Cancelled);
        let (cart, reason) = (self.ctx.ids.next(), CancelReason::Buyer);
        let event = OrderCancelled { order, cart, cart_version: 1, reason, reopens_cart: true };
        let heard = self.hear(event, |ctx, tx, event| Box::pin(reactions::on_cancelled(ctx, tx, event))).await;
        assert_eq!(heard, Outcome::Done);
    }

    async fn hear<E, F>(&self, event: E, react: F) -> Outcome
    where
        E: Send + Sync + 'static,
        F: for<'a> Fn(&'a Ctx, &'a mut Tx, &'a E) -> ::store::BoxFuture<'a, Result<Outcome, Problem>>,
        F: Send + Sync + 'static,
    {
        let input = (self.ctx.clone(), event);
        self.ctx.db.write(input, move |tx, (ctx, event)| react(ctx, tx, event)).await.expect("a reaction")
    }

    /// Runs every job, and those they start, until none is left.
    async fn run_jobs(&self) {
        for _ in 0..20 {
            if self.run_due().await == 0 {
                return;
            }
        }
        panic!("jobs that never end");
    }

    /// Runs the jobs that wait, once each.
    async fn run_due(&self) -> usize {
        let claimed = self.ctx.db.write((), |tx, ()| Box::pin(job::claim(tx, &["payments"], 32))).await.expect("jobs");
        for started in &claimed {
            let run = JobRun { id: started.id, attempts: started.attempts, created_at: started.created_at };
            self.run(started.kind.as_str(), run, &started.payload).await;
        }
        claimed.len()
    }

    /// Runs a job; what is not done is due again at once.
    async fn run(&self, kind: &str, run: JobRun, payload: &str) {
        let (ctx, id) = (self.ctx.clone(), run.id);
        let ended = match kind {
            "authorize" => authorize_job::authorize(ctx, run, read(payload)).await,
            "settle" => settle::settle(ctx, run, read(payload)).await,
            "operate" => operate::operate(ctx, run, read(payload)).await,
            other => panic!("a job of kind {other}"),
        };
        drop(ended.expect("a job"));
        let again = self.ctx.db.write(id, |tx, id| Box::pin(async move { job::retry(tx, *id, tx.now(), "").await }));
        again.await.expect("a job that waits");
    }

    /// A process claims the waiting jobs and dies; later they are claimed again.
    async fn lose_a_run(&self) {
        let claimed = self.ctx.db.write((), |tx, ()| Box::pin(job::claim(tx, &["payments"], 32))).await.expect("jobs");
        for lost in claimed {
            let again =
                self.ctx.db.write(lost.id, |tx, id| Box::pin(async move { job::retry(tx, *id, tx.now(), "").await }));
            again.await.expect("a job that waits");
        }
    }

    /// The bank gives the buyer everything back without being asked.
    async fn bank_voids_all(&self, order: OrderId) {
        let key = self.attempt_ids(order).await[0];
        let charge = crate::store::bank::by_key(&self.ctx.db, key).await.expect("the books").expect("a charge");
        let voided = self.ctx.db.write(charge, |tx, charge| {
            Box::pin(crate::store::bank::apply(tx, &charge.reference, 0, charge.amount.amount, 0))
        });
        assert!(voided.await.expect("a void"));
    }

    /// The token that the order's newest attempt still has.
    async fn token(&self, order: OrderId) -> Option<String> {
        let newest = self.attempt_ids(order).await.pop().expect("an attempt");
        let attempt = crate::store::attempt(&self.ctx.db, newest).await.expect("a row").expect("an attempt");
        attempt.token
    }

    /// Statements since the ledger was begun, by whose work they were.
    fn statements(&self) -> Vec<(String, u64)> {
        let entries = self.ctx.db.ledger().entries().into_iter();
        entries.map(|(work, _, statements)| (work, statements)).collect()
    }

    /// What was said about an order, oldest first.
    async fn said(&self, order: OrderId) -> Vec<String> {
        let said = outbox::page(&self.ctx.db, Uuid::nil(), 500).await.expect("events");
        let about = said.into_iter().filter(|event| event.subject == contracts::Id::uuid(order));
        about.map(|event| event.name).collect()
    }

    /// The data of the last event about an order.
    async fn last_said(&self, order: OrderId) -> Value {
        let said = outbox::page(&self.ctx.db, Uuid::nil(), 500).await.expect("events");
        let last = said.into_iter().rfind(|event| event.subject == contracts::Id::uuid(order));
        serde_json::from_str(&last.expect("an event").data).expect("JSON")
    }

    async fn fact(&self, order: OrderId) -> Option<PaymentFact> {
        let facts = calls::of_orders(self.ctx.clone(), PaymentsOfOrders { orders: vec![order] }).await;
        facts.expect("facts").into_iter().next()
    }

    /// `[authorized, captured, voided, refunded]`, by our ledger; the gateway's books say the same,
    /// of at most one charge, and nothing is open.
    async fn sums(&self, order: OrderId) -> [i64; 4] {
        let fact = self.fact(order).await.expect("a payment");
        let gateway = fact.gateway.expect("a gateway");
        let ours = [fact.authorized, fact.captured, fact.voided, fact.refunded];
        assert_eq!(
            ours,
            [gateway.authorized, gateway.captured, gateway.voided, gateway.refunded],
            "ours and the gateway's"
        );
        assert!(gateway.charges <= 1, "{gateway:?}");
        assert_eq!(fact.open, 0);
        ours
    }

    /// The states of an order's attempts, as staff read them.
    async fn attempts(&self, order: OrderId) -> Vec<String> {
        let (status, page) = self.get(&format!("/v1/admin/payments?order={order}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let attempts = page["items"][0]["attempts"].as_array().expect("attempts").iter();
        attempts.map(|attempt| attempt["state"].as_str().expect("a state").to_owned()).collect()
    }

    async fn attempt_ids(&self, order: OrderId) -> Vec<AttemptId> {
        let (_, page) = self.get(&format!("/v1/admin/payments?order={order}")).await;
        let attempts = page["items"][0]["attempts"].as_array().expect("attempts").iter();
        attempts.map(|attempt| read(&attempt["id"].to_string())).collect()
    }

    async fn pay(&self, order: OrderId, key: &str, token: &str) -> (StatusCode, Value) {
        let body = json!({ "order": order, "method": "card", "token": token });
        self.post("/v1/payments", &[("idempotency-key", key), ("cart-token", BUYER)], &body).await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let request = Request::get(path).header(header::AUTHORIZATION, "Bearer staff").body(Body::empty());
        self.send(request.expect("a request")).await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> (StatusCode, Value) {
        let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1_000_000).await.expect("a body");
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The buyer's answer on the bank's page.
    async fn answer_at_bank(&self, order: OrderId, outcome: &str) -> StatusCode {
        let path = self.bank_path(order).await.expect("a next action");
        self.post(&format!("{path}/complete"), &[], &json!({ "outcome": outcome })).await.0
    }

    /// Where the buyer is sent, if anywhere.
    async fn bank_path(&self, order: OrderId) -> Option<String> {
        let call = contracts::payments::GetNextAction { order };
        let action = calls::next_action(self.ctx.clone(), call).await.expect("an answer")?;
        let contracts::payments::NextAction::Redirect { url } = action;
        let path = url.strip_prefix("http://127.0.0.1:8080").expect("the shop's own URL");
        Some(path.to_owned())
    }
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn read<T: serde::de::DeserializeOwned>(payload: &str) -> T {
    serde_json::from_str(payload).expect("a job's data")
}

fn fake_orders(ctx: &Ctx, orders: FakeOrders) -> Service {
    Service::new("orders", ctx).answers::<GetPaymentInstruction, _, _>(move |_, call| {
        let found = orders.lock().unwrap().get(&call.order).cloned();
        async move {
            let theirs = call.buyer_sha256.is_none_or(|sha256| sha256 == sha256_hex(BUYER.as_bytes()));
            let found = found.filter(|_| theirs);
            let found =
                found.ok_or_else(|| Problem::new(Kind::NotFound, "orders.not_found", "there is no such order"))?;
            let FakeOrder { status, token } = found;
            Ok(PaymentInstruction { order: call.order, status, total: eur(10_000), method: "card".to_owned(), token })
        }
    })
}

fn fake_customers(ctx: &Ctx) -> Service {
    Service::new("customers", ctx).answers::<AuthenticateKey, _, _>(|ctx, _| async move {
        let permissions = vec![Permission::PaymentsRead];
        Ok(Some(StaffPrincipal { staff: ctx.ids.next(), key: ctx.ids.next(), permissions }))
    })
}
