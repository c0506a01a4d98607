//! Payments on a throw-away database, with a fake `orders` beside it.

mod authorize;
mod cancel;
mod capture;
mod events;
mod fakes;
mod gather;
mod manual;
mod pay;
mod refunds;
mod several;
mod shuffled;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::store::{Clock, Db, Ids, Options, StartedJob, Tx, job, migrate, outbox};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use contracts::carts::LineId;
use contracts::catalog::VariantId;
use contracts::customers::{AuthenticateKey, Permission, StaffPrincipal};
use contracts::orders::{
    CancelReason, GetPaymentInstruction, GetPaymentInstructionByLink, GetRefundable, OrderCancelled, OrderCaptureDue,
    OrderId, OrderPayable, OrderRefundDue, OrderStatus, PaymentInstruction, Refundable, RefundableLine,
};
use contracts::payments::{AttemptId, NextAction, PaymentFact, PaymentId, PaymentsOfOrders};
use contracts::{Currency, Id, Money};
use platform::auth::{Identity, sha256_hex};
use platform::calls::Peers;
use platform::problem::Kind;
use platform::{Config, Ctx, JobRun, Outcome, Problem, Process, Service};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use uuid::Uuid;

use self::fakes::{fake_customers, fake_orders};
use crate::{authorize as authorize_job, calls, hear as hear_job, operate, reactions, release, settle};

/// The buyer of every order here.
const BUYER: &str = "souk_ct_ada";

/// An order, as the fake `orders` knows it.
#[derive(Debug, Clone)]
struct FakeOrder {
    status: OrderStatus,
    method: &'static str,
    token: Option<String>,
    /// What of the total the buyer means to pay in this way.
    amount: Option<i64>,
    lines: Vec<FakeLine>,
    shipping: i64,
}

#[derive(Debug, Clone, Copy)]
struct FakeLine {
    line: LineId,
    quantity: i64,
    cancelled: i64,
    total: i64,
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
        let settings = [("SOUK_PAYMENTS__CARD__GATEWAY_SECONDS_MAX".to_owned(), gateway_seconds_max.to_string())];
        Self::with(HashMap::from(settings)).await
    }

    async fn with(settings: HashMap<String, String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("payments.db").display());
        let clock = Clock::fixed("2026-11-22T10:00:00Z".parse().expect("a time"));
        let db = Db::open(&Options::new(url), clock.clone(), Ids::counted()).await.expect("a database");
        let mut config = Config::load(None, &settings).expect("settings");
        if !settings.keys().any(|key| key.ends_with("__ENABLED")) {
            config.offer_every_payment();
        }
        let config = Arc::new(config);
        let peers = Peers::new(&BTreeMap::new(), None, clock).expect("peers");
        let ctx = Ctx::new(db.of("payments"), peers.clone(), Arc::clone(&config), Identity::default());
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
        self.order_by("card", Some(token))
    }

    /// An order that waits to be paid in this way.
    fn order_by(&self, method: &'static str, token: Option<&str>) -> OrderId {
        let order = self.ctx.ids.next();
        let line = |quantity, total| FakeLine { line: self.ctx.ids.next(), quantity, cancelled: 0, total };
        let placed = FakeOrder {
            status: OrderStatus::Payable,
            method,
            token: token.map(str::to_owned),
            amount: None,
            lines: vec![line(3, 5_000), line(1, 4_500)],
            shipping: 500,
        };
        self.orders.lock().unwrap().insert(order, placed);
        order
    }

    /// Changes what the fake `orders` knows.
    fn change(&self, order: OrderId, change: impl FnOnce(&mut FakeOrder)) {
        change(self.orders.lock().unwrap().get_mut(&order).expect("an order"));
    }

    /// Its state in the fake `orders`; the token is gone.
    fn becomes(&self, order: OrderId, status: OrderStatus) {
        self.change(order, |order| (order.status, order.token) = (status, None));
    }

    fn line(&self, order: OrderId, place: usize) -> LineId {
        self.orders.lock().unwrap()[&order].lines[place].line
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

    /// An order of 100.00 that was authorised and captured.
    async fn captured(&self, token: &str) -> OrderId {
        let order = self.tried(token).await;
        self.hear_capture_due(order, self.ctx.ids.uuid(), 10_000).await;
        self.run_jobs().await;
        order
    }

    async fn hear_payable(&self, order: OrderId, amount: i64) {
        let method = self.orders.lock().unwrap()[&order].method.to_owned();
        let event = OrderPayable { order, method, total: eur(amount) };
        let heard = self.hear(event, |ctx, tx, event| Box::pin(reactions::on_payable(ctx, tx, event))).await;
        assert_eq!(heard, Outcome::Done);
    }

    async fn hear_capture_due(&self, order: OrderId, capture: Uuid, amount: i64) -> Outcome {
        self.hear_capture(order, capture, amount, false).await
    }

    async fn hear_capture(&self, order: OrderId, capture: Uuid, amount: i64, last: bool) -> Outcome {
        let event = OrderCaptureDue { order, capture, amount: eur(amount), last };
        self.hear(event, |ctx, tx, event| Box::pin(reactions::on_capture_due(ctx, tx, event))).await
    }

    async fn hear_refund_due(&self, order: OrderId, refund: Uuid, amount: i64) -> Outcome {
        self.hear_units_due(OrderRefundDue { order, refund, amount: eur(amount), lines: Vec::new(), shipping: None })
            .await
    }

    async fn hear_units_due(&self, event: OrderRefundDue) -> Outcome {
        self.hear(event, |ctx, tx, event| Box::pin(reactions::on_refund_due(ctx, tx, event))).await
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
        let claimed = self.claim().await;
        let count = claimed.len();
        self.run_claimed(claimed).await;
        count
    }

    /// Claims the jobs that wait.
    async fn claim(&self) -> Vec<StartedJob> {
        self.ctx.db.write((), |tx, ()| Box::pin(job::claim(tx, &["payments"], 32))).await.expect("jobs")
    }

    async fn run_claimed(&self, claimed: Vec<StartedJob>) {
        for started in claimed {
            let run = JobRun { id: started.id, attempts: started.attempts, created_at: started.created_at };
            self.run(started.kind.as_str(), run, &started.payload).await;
        }
    }

    /// Moves the shop's clock on.
    fn advance(&self, seconds: u64) {
        self.ctx.clock.advance(Duration::from_secs(seconds));
    }

    /// Runs a job; what is not done is due again at once.
    async fn run(&self, kind: &str, run: JobRun, payload: &str) {
        let (ctx, id) = (self.ctx.clone(), run.id);
        let ended = match kind {
            "authorize" => authorize_job::authorize(ctx, run, read(payload)).await,
            "withdraw" => settle::withdraw(ctx, run, read(payload)).await,
            "look_up" => hear_job::look_up(ctx, run, read(payload)).await,
            "look_again" => hear_job::look_again(ctx, run, read(payload)).await,
            "operate" => operate::operate(ctx, run, read(payload)).await,
            "release" => release::release(ctx, run, read(payload)).await,
            "test_bank_tells" => hear_job::test_bank_tells(ctx, run, read(payload)).await,
            "test_bank_relents" => hear_job::test_bank_relents(ctx, run, read(payload)).await,
            "test_bank_charges" => hear_job::test_bank_charges(ctx, run, read(payload)).await,
            other => panic!("a job of kind {other}"),
        };
        drop(ended.expect("a job"));
        let again = self.ctx.db.write(id, |tx, id| Box::pin(async move { job::retry(tx, *id, tx.now(), "").await }));
        again.await.expect("a job that waits");
    }

    /// A process claims the waiting jobs and dies; later they are claimed again.
    async fn lose_a_run(&self) {
        for lost in self.claim().await {
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

    async fn facts(&self, order: OrderId) -> Vec<PaymentFact> {
        let facts = calls::of_orders(self.ctx.clone(), PaymentsOfOrders { orders: vec![order] }).await;
        facts.expect("facts")
    }

    /// The fact of the order's one payment.
    async fn fact(&self, order: OrderId) -> Option<PaymentFact> {
        let facts = self.facts(order).await;
        assert!(facts.len() <= 1, "{facts:?}");
        facts.into_iter().next()
    }

    /// `[authorized, captured, voided, refunded]` of all the order's payments, by our ledger. Our books say the same as
    /// our ledger, and the gateway's as both; nothing is open.
    async fn sums(&self, order: OrderId) -> [i64; 4] {
        let mut all = [0; 4];
        for fact in self.facts(order).await {
            let ours = [fact.authorized, fact.captured, fact.voided, fact.refunded];
            if let Some(gateway) = &fact.gateway {
                let theirs = [gateway.authorized, gateway.captured, gateway.voided, gateway.refunded];
                assert_eq!(ours, theirs, "ours and the gateway's: {fact:?}");
                assert!(gateway.charges_kept <= 1, "{gateway:?}");
            }
            let shown = self.shown(fact.payment).await;
            let books = ["authorized", "captured", "voided", "refunded"].map(|sum| shown[sum]["amount"].as_i64());
            assert_eq!(books, ours.map(Some), "books and ledger: {shown:#}");
            assert_eq!(fact.open, 0, "{fact:?}");
            ours.iter().zip(&mut all).for_each(|(one, all)| *all += one);
        }
        all
    }

    /// A payment as staff read it.
    async fn shown(&self, payment: PaymentId) -> Value {
        let (status, shown) = self.get(&format!("/v1/admin/payments/{payment}")).await;
        assert_eq!(status, StatusCode::OK, "{shown}");
        shown
    }

    /// The order's payments as staff read them, the first first.
    async fn payments(&self, order: OrderId) -> Vec<Value> {
        let (status, page) = self.get(&format!("/v1/admin/payments?order={order}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let mut payments = page["items"].as_array().expect("payments").clone();
        payments.reverse();
        payments
    }

    /// The order's payments' ids, the first first.
    async fn payment_ids(&self, order: OrderId) -> Vec<PaymentId> {
        self.payments(order).await.iter().map(|payment| read(&payment["id"].to_string())).collect()
    }

    /// The states of an order's attempts.
    async fn attempts(&self, order: OrderId) -> Vec<String> {
        let all = self.all_attempts(order).await;
        all.iter().map(|attempt| attempt["state"].as_str().expect("a state").to_owned()).collect()
    }

    async fn attempt_ids(&self, order: OrderId) -> Vec<AttemptId> {
        self.all_attempts(order).await.iter().map(|attempt| read(&attempt["id"].to_string())).collect()
    }

    async fn all_attempts(&self, order: OrderId) -> Vec<Value> {
        let payments = self.payments(order).await;
        payments.iter().flat_map(|payment| payment["attempts"].as_array().expect("attempts").clone()).collect()
    }

    async fn pay(&self, order: OrderId, key: &str, token: &str) -> (StatusCode, Value) {
        let body = json!({ "order": order, "method": "card", "token": token });
        self.post("/v1/payments", &[("idempotency-key", key), ("cart-token", BUYER)], &body).await
    }

    /// Staff ask for a refund.
    async fn refund(&self, key: &str, body: &Value) -> (StatusCode, Value) {
        self.post("/v1/admin/refunds", &[("idempotency-key", key), ("authorization", "Bearer staff")], body).await
    }

    /// Staff give back an amount, which must be taken; returns the refund's id.
    async fn refunds(&self, order: OrderId, amount: i64) -> String {
        let key = self.ctx.ids.uuid().to_string();
        let (status, refund) = self.refund(&key, &back(order, amount)).await;
        assert_eq!(status, StatusCode::CREATED, "{refund}");
        refund["id"].as_str().expect("an id").to_owned()
    }

    /// The states of an order's refunds, the newest first.
    async fn states_of_refunds(&self, order: OrderId) -> Vec<String> {
        let (_, page) = self.get(&format!("/v1/admin/refunds?order={order}")).await;
        let refunds = page["items"].as_array().expect("refunds").iter();
        refunds.map(|refund| refund["state"].as_str().expect("a state").to_owned()).collect()
    }

    /// Staff note that money came in.
    async fn receive(&self, payment: PaymentId, key: &str, body: &Value) -> (StatusCode, Value) {
        let headers = [("idempotency-key", key), ("authorization", "Bearer staff")];
        self.post(&format!("/v1/admin/payments/{payment}/receipts"), &headers, body).await
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

    /// What the buyer must do now.
    async fn next_action(&self, order: OrderId) -> Option<NextAction> {
        let call = contracts::payments::GetNextAction { order };
        calls::next_action(self.ctx.clone(), call).await.expect("an answer")
    }

    /// Where the buyer is sent, if anywhere.
    async fn bank_path(&self, order: OrderId) -> Option<String> {
        let NextAction::Redirect { url } = self.next_action(order).await? else { return None };
        let path = url.strip_prefix("http://127.0.0.1:8080").expect("the shop's own URL");
        Some(path.to_owned())
    }
}

/// The whole of an order, as the bank is asked for it.
fn ask(key: AttemptId, payment: PaymentId, token: &str) -> crate::gateway::Ask {
    let (method, token, order_number) = ("card".to_owned(), Some(token.to_owned()), "S-7K3M9Q".to_owned());
    crate::gateway::Ask { key, payment, method, amount: eur(10_000), token, order_number }
}

/// A refund of this amount.
fn back(order: OrderId, amount: i64) -> Value {
    json!({ "order": order, "amount": eur(amount), "reason": "it came broken" })
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn read<T: serde::de::DeserializeOwned>(payload: &str) -> T {
    serde_json::from_str(payload).expect("a job's data")
}
