//! Verbs and routes on a throw-away database.

use std::sync::Arc;
use std::time::Duration;

use ::store::{Clock, Db, Ids, Options, params};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use contracts::Id;
use contracts::customers::{ApiKeyId, AuditEntryId, AuditRecorded, AuthenticateKey, Permission, Role, StaffId};
use jiff::Timestamp;
use platform::calls::Peers;
use platform::{Config, Ctx, Process, auth};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use crate::{NewStaff, add_staff, reactions, store, verify_audit_log};

mod accounts;
mod addresses;
mod browsers;
mod sessions;
mod staff;
mod throttling;

/// Of everyone in these tests.
const PASSWORD: &str = "correct horse battery staple";

struct Shop {
    ctx: Ctx,
    router: Router,
    _folder: tempfile::TempDir,
}

impl Shop {
    async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    async fn open_with(edit: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options::new(format!("sqlite:{}", folder.path().join("souk.db").display()));
        let clock = Clock::fixed("2026-01-01T12:00:00Z".parse().expect("a time"));
        let db = Db::open(&options, clock.clone(), Ids::counted()).await.expect("a database");
        ::store::migrate::migrate(&db, &[("customers", crate::MIGRATIONS)]).await.expect("a schema");
        let mut config = Config::defaults();
        edit(&mut config);
        let config = Arc::new(config);
        let peers = Peers::new(&config.peers, None, clock).expect("peers");
        let ctx = Ctx::new(db.of("customers"), peers.clone(), Arc::clone(&config), auth::Identity::default());
        let process = Process::new(config, peers);
        let router = process.start(vec![crate::service(&ctx)], &[]).await.expect("a process");
        Self { ctx, router, _folder: folder }
    }

    async fn add(&self, email: &str, role: Role) -> NewStaff {
        add_staff(&self.ctx, email, role).await.expect("a new member")
    }

    async fn permissions_of(&self, key: &str) -> Option<Vec<Permission>> {
        let call = AuthenticateKey { key_sha256: auth::sha256_hex(key.as_bytes()) };
        self.ctx.call(call).await.expect("an answer").map(|principal| principal.permissions)
    }

    async fn ask(&self, method: &str, path: &str, key: &str) -> (u16, Value) {
        let answer = self.send(method, path, &[("authorization", &format!("Bearer {key}"))], None).await;
        (answer.status, answer.body)
    }

    /// Anything at all, over HTTP without a network.
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let response = self.router.clone().oneshot(request.body(body).expect("a request")).await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &[], Some(body)).await
    }

    async fn register(&self, email: &str) -> Answer {
        self.post("/v1/customers", json!({ "email": email, "password": PASSWORD })).await
    }

    async fn log_in_with(&self, email: &str, password: &str) -> Answer {
        self.post("/v1/sessions", json!({ "email": email, "password": password })).await
    }

    /// A customer with an account, logged in.
    async fn customer(&self, email: &str) -> Device<'_> {
        self.register(email).await.must(201);
        self.log_in(email).await
    }

    async fn log_in(&self, email: &str) -> Device<'_> {
        let body = self.log_in_with(email, PASSWORD).await.must(201);
        let text = |name: &str| body[name].as_str().expect("a text").to_owned();
        Device { shop: self, session: text("id"), access: text("access_token"), refresh: text("refresh_token") }
    }

    async fn refresh(&self, token: &str) -> Answer {
        self.post("/v1/sessions/refresh", json!({ "refresh_token": token })).await
    }

    /// What was said under this name, oldest first.
    async fn said(&self, name: &str) -> Vec<Value> {
        let rows: Vec<(String, String)> =
            self.ctx.db.all(&store::staff::testing::SAID, params![]).await.expect("an outbox");
        let of_name = rows.into_iter().filter(|(event, _)| event == name);
        of_name.map(|(_, data)| serde_json::from_str(&data).expect("JSON")).collect()
    }

    /// How many statements this takes.
    async fn cost<F: Future>(&self, work: F) -> (F::Output, u64) {
        let cost = Arc::new(::store::work::Cost::default());
        let done = ::store::work::scope("test", None, Arc::clone(&cost), work).await;
        (done, cost.statements())
    }

    /// Records an entry about `subject`, as the bus would; the id sorts by `number`.
    async fn record(&self, number: u128, subject: &str) {
        let event = AuditRecorded {
            entry: AuditEntryId::from_uuid(Uuid::from_u128(number)),
            staff: StaffId::from_uuid(Uuid::from_u128(1)),
            key: ApiKeyId::from_uuid(Uuid::from_u128(2)),
            action: "catalog.create_product".to_owned(),
            subject: subject.to_owned(),
            fields: vec!["title".to_owned()],
            request_id: Some(Uuid::from_u128(number)),
            at: Timestamp::UNIX_EPOCH,
        };
        let input = (self.ctx.clone(), event);
        let recorded =
            self.ctx.db.write(input, |tx, (ctx, event)| Box::pin(reactions::on_audit_recorded(ctx, tx, event)));
        recorded.await.expect("an entry");
    }

    /// Lets time pass until all that was recorded is sealed; returns how much the chain holds.
    async fn seal(&self) -> i64 {
        self.ctx.clock.advance(Duration::from_secs(60));
        for _ in 0..500 {
            let waits = store::staff::entries_before(&self.ctx.db, None, None, 100).await.expect("a list");
            if waits.iter().all(|entry| entry.hash.is_some()) {
                return verify_audit_log(&self.ctx).await.expect("a database").expect("a whole chain").sequence;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the log was not sealed");
    }

    async fn change(&self, sql: &'static ::store::Sql, param: ::store::Value) {
        let change = self.ctx.db.write(param, move |tx, param| Box::pin(tx.exec(sql, params![param])));
        let changed: Result<u64, ::store::Error> = change.await;
        assert_eq!(changed.expect("a change"), 1);
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    #[track_caller]
    fn must(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    #[track_caller]
    fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        self.body
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A session, and the tokens it began with.
struct Device<'a> {
    shop: &'a Shop,
    session: String,
    access: String,
    refresh: String,
}

impl Device<'_> {
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        let bearer = format!("Bearer {}", self.access);
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        self.shop.send(method, path, &headers, body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None).await
    }

    async fn is_logged_in(&self) -> bool {
        match self.get("/v1/customers/me").await.status {
            200 => true,
            401 => false,
            other => panic!("{other}"),
        }
    }
}
