//! Orders' verbs over HTTP, on a throw-away database, beside peers that answer as they are told.

mod cancelling;
mod links;
mod listing;
mod placing;
pub mod samples;
mod shuffled;
mod steps;
mod streaming;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::store::{Clock, Db, Ids, Options, migrate, outbox};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use contracts::Id;
use contracts::carts::{Basket, CartId, GetBasket};
use contracts::customers::{
    AuthenticateKey, CustomerId, GetSigningKeys, Permission, SigningKeys, StaffId, StaffPrincipal,
};
use contracts::orders::{OrderFact, OrderFacts, OrderId};
use contracts::payments::{GetNextAction, NextAction};
use jiff::Timestamp;
use platform::auth::tokens::Signer;
use platform::calls::Peers;
use platform::{Config, Ctx, Identity, JobRun, Problem, Process, Service};
use samples::Heard;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use crate::{advance, calls, jobs, store};

const TOKEN: &str = "souk_ct_ada";

/// Staff whose every key is good.
fn staff() -> StaffId {
    samples::id(4)
}

/// Orders, with a cart service whose one basket a test can change.
pub struct Shop {
    pub ctx: Ctx,
    routes: Router,
    basket: Arc<Mutex<Basket>>,
    next_action: Arc<Mutex<NextAction>>,
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
    Ok(Some(StaffPrincipal { staff: staff(), key: samples::id(1), permissions: Permission::ALL.to_vec() }))
}

async fn answer_signing_keys(ctx: Ctx, _: GetSigningKeys) -> Result<SigningKeys, Problem> {
    Ok(signer(&ctx).public())
}

fn signer(ctx: &Ctx) -> Signer {
    Signer::new(&ctx.secrets, &ctx.config.server.public_url)
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub async fn open_with(edit: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("souk.db").display());
        let db = Db::open(&Options::new(url), Clock::fixed(Timestamp::UNIX_EPOCH), Ids::counted())
            .await
            .expect("a database");
        migrate::migrate(&db, &[("orders", store::MIGRATIONS)]).await.expect("a schema");
        for statement in store::all() {
            db.prepare(statement).await.unwrap_or_else(|error| panic!("{}: {error}", statement.name));
        }
        let peers = Peers::new(&BTreeMap::new(), None, Clock::System).expect("peers");
        let mut config = Config::defaults();
        config.offer_every_payment();
        edit(&mut config);
        let config = Arc::new(config);
        let ctx = Ctx::new(db, peers.clone(), Arc::clone(&config), Identity::default());
        let service = crate::service(&ctx);
        let (ctx, routes) = (service.ctx.clone(), Router::from(service.routes.clone()));
        let basket = Arc::new(Mutex::new(samples::basket()));
        let answers = Arc::clone(&basket);
        let carts = Service::new("carts", &ctx).answers::<GetBasket, _, _>(move |_, call: GetBasket| {
            let basket = answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async move { Ok(Basket { cart: call.cart, ..basket }) }
        });
        let next_action = Arc::new(Mutex::new(NextAction::Redirect { url: "https://bank.example/1".to_owned() }));
        let answers = Arc::clone(&next_action);
        let payments = Service::new("payments", &ctx).answers::<GetNextAction, _, _>(move |_, _| {
            let action = answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async move { Ok(Some(action)) }
        });
        let customers = Service::new("customers", &ctx)
            .answers::<AuthenticateKey, _, _>(answer_key)
            .answers::<GetSigningKeys, _, _>(answer_signing_keys);
        let process = Process::new(config, peers);
        process.settle(&[service, carts, payments, customers]);
        Self { ctx, routes, basket, next_action, _folder: folder }
    }

    fn change_basket(&self, change: impl FnOnce(&mut Basket)) {
        change(&mut self.basket.lock().unwrap_or_else(PoisonError::into_inner));
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        self.send_bytes(method, path, headers, body.to_string().into_bytes()).await
    }

    async fn send_bytes(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).expect("a request");
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

    /// The id of an order's line.
    async fn line(&self, order: OrderId, at: usize) -> Value {
        self.as_staff("GET", &format!("/v1/admin/orders/{order}"), json!({})).await.body["lines"][at]["id"].clone()
    }

    /// As a customer who is logged in.
    async fn as_customer(&self, customer: CustomerId, method: &str, path: &str, body: Value) -> Answer {
        let token = signer(&self.ctx).sign(customer, samples::id(1), self.ctx.clock.now());
        let headers = [("authorization", &*format!("Bearer {token}")), ("idempotency-key", "of a customer")];
        self.send(method, path, &headers, body).await
    }

    async fn as_staff(&self, method: &str, path: &str, body: Value) -> Answer {
        self.send(method, path, &[("authorization", "Bearer souk_sk_k")], body).await
    }

    /// Placed, held and paid for.
    async fn confirm(&self, key: &str, cart: CartId) -> OrderId {
        let order = self.place(key, cart).await;
        for event in [samples::reserved(order), samples::authorized(order, 1)] {
            self.hear(event).await;
        }
        order
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
        calls::order_facts(self.ctx.clone(), OrderFacts { after: None, limit: 500 }).await.expect("facts")
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

    /// Runs the one timer that is due; one that has to run on waits until then.
    async fn run_timer(&self) {
        let due = self.due_timers().await;
        let [timer] = due.as_slice() else { panic!("one timer, not {}", due.len()) };
        let run = JobRun { id: timer.id, attempts: 1, created_at: timer.created_at };
        let job: jobs::Expire = serde_json::from_str(&timer.payload).expect("our own job");
        drop(jobs::expire(self.ctx.clone(), run, job.clone()).await.expect("an end"));
        let until = self.facts().await.into_iter().find(|fact| fact.order == job.order).expect("its order");
        let again = self
            .ctx
            .db
            .write((timer.id, until.unpaid_until), |tx, (id, due)| Box::pin(::store::job::later(tx, *id, *due, "")));
        again.await.expect("a timer");
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
