//! A shop of this service alone: a database, the services it asks played by a fake, and programs that are told.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::store::{Clock, Db, Ids, Options, Tx};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use contracts::customers::{
    ApiKeyId, AuthenticateKey, CustomerContact, GetCustomerContact, Permission, Role, StaffId, StaffPrincipal,
};
use contracts::orders::{
    GetOrderContact, GetOrderLink, GetPaymentInstruction, OrderContact, OrderId, OrderLink, OrderStatus,
    PaymentInstruction,
};
use contracts::payments::{GetNextAction, NextAction};
use contracts::shipping::{GetShipmentContact, ShipmentContact};
use contracts::{Event, Id};
use jiff::Timestamp;
use platform::calls::Peers;
use platform::tasks::Tasks;
use platform::{Config, Ctx, Problem, Process, Service, auth};
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

use crate::message::{MessageState, MessageView};
use crate::outgoing::{Names, SystemNames};
use crate::sample;
use crate::store::messages::{self, Which};

/// What the other services would say; a test changes it.
#[derive(Clone)]
pub struct World {
    pub contact: OrderContact,
    pub status: OrderStatus,
    pub next: Option<NextAction>,
    pub shipment: Option<ShipmentContact>,
    pub link: Option<OrderLink>,
    pub customer: Option<CustomerContact>,
    /// Whether orders answers.
    pub answers: bool,
    /// What the one member of staff may do.
    pub permissions: Vec<Permission>,
}

pub struct Shop {
    pub ctx: Ctx,
    router: Router,
    pub folder: tempfile::TempDir,
    world: Arc<Mutex<World>>,
    tasks: Tasks,
}

pub fn order() -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(77))
}

pub fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().expect("a time")
}

fn world() -> World {
    let contact = sample::order(&Config::defaults(), &"en".parse().expect("a locale")).expect("an order");
    let contact = OrderContact { order: order(), number: "S1001".to_owned(), ..contact };
    let (status, next) = (OrderStatus::Confirmed, None);
    let permissions = Role::Owner.permissions().to_vec();
    World { contact, status, next, shipment: None, link: None, customer: None, answers: true, permissions }
}

fn gone() -> Problem {
    Problem::new(platform::problem::Kind::NotFound, "test.gone", "there is no such thing")
}

/// Answers what the other services would.
fn fakes(ctx: &Ctx, world: &Arc<Mutex<World>>) -> Service {
    let see = |world: &Arc<Mutex<World>>| {
        let world = Arc::clone(world);
        move || world.lock().expect("a world").clone()
    };
    let (a, b, c, d, e, f) = (see(world), see(world), see(world), see(world), see(world), see(world));
    let g = see(world);
    let principal = move || StaffPrincipal {
        staff: StaffId::from_uuid(Uuid::nil()),
        key: ApiKeyId::from_uuid(Uuid::nil()),
        permissions: g().permissions,
    };
    Service::new("fakes", ctx)
        .answers::<GetOrderContact, _, _>(move |_, asked| {
            let World { contact, answers, .. } = a();
            let known = asked.order == contact.order;
            async move {
                if !answers {
                    Err(Problem::unavailable("orders is down"))
                } else if known {
                    Ok(contact)
                } else {
                    Err(gone())
                }
            }
        })
        .answers::<GetPaymentInstruction, _, _>(move |_, asked| {
            let World { contact, status, .. } = b();
            let (total, method, number) = (contact.total, contact.method, contact.number);
            async move {
                Ok(PaymentInstruction { order: asked.order, status, total, method, amount: None, token: None, number })
            }
        })
        .answers::<GetNextAction, _, _>(move |_, _| std::future::ready(Ok(c().next)))
        .answers::<GetShipmentContact, _, _>(move |_, _| std::future::ready(d().shipment.ok_or_else(gone)))
        .answers::<GetOrderLink, _, _>(move |_, _| std::future::ready(Ok(e().link)))
        .answers::<GetCustomerContact, _, _>(move |_, _| std::future::ready(f().customer.ok_or_else(gone)))
        .answers::<AuthenticateKey, _, _>(move |_, _| std::future::ready(Ok(Some(principal()))))
}

async fn say_in<E: Event>(tx: &mut Tx, event: &E) -> Result<(), ::store::Error> {
    tx.say(event);
    Ok(())
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(Arc::new(SystemNames), |config| config.webhooks.allow_private = true).await
    }

    pub async fn open_with(names: Arc<dyn Names>, edit: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options::new(format!("sqlite:{}", folder.path().join("souk.db").display()));
        let clock = Clock::fixed(noon());
        let db = Db::open(&options, clock.clone(), Ids::counted()).await.expect("a database");
        ::store::migrate::migrate(&db, &[("notifications", crate::MIGRATIONS)]).await.expect("a schema");
        let mut config = Config::defaults();
        config.notifications.folder = folder.path().join("mails").display().to_string();
        edit(&mut config);
        let config = Arc::new(config);
        let peers = Peers::new(&config.peers, None, clock).expect("peers");
        let ctx = Ctx::new(db.of("notifications"), peers.clone(), Arc::clone(&config), auth::Identity::default());
        let world = Arc::new(Mutex::new(world()));
        let services = vec![crate::service_with(&ctx, names), fakes(&ctx, &world)];
        let process = Process::new(config, peers);
        let tasks = process.tasks.clone();
        let router = process.start(services, &[]).await.expect("a process");
        Self { ctx, router, folder, world, tasks }
    }

    pub fn world_is(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.lock().expect("a world"));
    }

    pub fn advance(&self, seconds: i64) {
        self.ctx.clock.advance(Duration::from_secs(u64::try_from(seconds).expect("forwards")));
    }

    /// Says the event as many times as the bus might deliver it, each time with an id of its own.
    pub async fn say<E: Event>(&self, event: &E, times: usize) {
        let fakes = self.ctx.db.of("fakes");
        for _ in 0..times {
            let said = fakes.write(event.clone(), |tx, event| Box::pin(say_in(tx, event))).await;
            said.expect("an event");
        }
    }

    /// Waits until every event is heard and no job is due.
    pub async fn settle(&self) {
        let mut quiet = 0;
        for _ in 0..1_500 {
            let events = ::store::outbox::undone(&self.ctx.db, &["fakes", "notifications"]).await.expect("a count").0;
            let now = self.ctx.clock.now();
            let jobs = ::store::job::due_count(&self.ctx.db, now, &["notifications"]).await.expect("a count");
            quiet = if events + jobs == 0 { quiet + 1 } else { 0 };
            if quiet == 3 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it does not settle");
    }

    /// The messages, oldest first.
    pub async fn messages(&self) -> Vec<MessageView> {
        let mut messages = messages::before(&self.ctx.db, None, Which::default(), 100).await.expect("a list");
        messages.reverse();
        messages
    }

    pub async fn states(&self) -> Vec<MessageState> {
        self.messages().await.iter().map(|message| message.state).collect()
    }

    pub fn mails(&self) -> PathBuf {
        self.folder.path().join("mails")
    }

    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.mails()).into_iter().flatten();
        let mut files: Vec<String> =
            entries.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned()).collect();
        files.sort();
        files
    }

    /// The mail, without the line breaks that quoted-printable puts in.
    pub fn mail(&self, message: &MessageView) -> String {
        let path = self.mails().join(format!("{}.eml", message.mail_name()));
        std::fs::read_to_string(path).expect("a mail").replace("=\r\n", "")
    }

    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.ask_with(method, path, body, &[]).await
    }

    pub async fn ask_with(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(path).header("authorization", "Bearer souk_sk_any");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        let response = self.router.clone().oneshot(request.expect("a request")).await.expect("an answer");
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// A program that listens here and answers `status`.
    pub async fn receiver(&self, status: u16) -> Receiver {
        Receiver::listen(&self.tasks, status).await
    }
}

/// A request as a program got it.
#[derive(Debug, Clone)]
pub struct Got {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A real HTTP server on this machine that is told things.
#[derive(Clone)]
pub struct Receiver {
    pub port: u16,
    inner: Arc<Mutex<Inner>>,
    /// Answers wait for it.
    pub gate: Arc<tokio::sync::Semaphore>,
}

struct Inner {
    got: Vec<Got>,
    status: u16,
    headers: BTreeMap<&'static str, String>,
    body: String,
}

impl Receiver {
    async fn listen(tasks: &Tasks, status: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let inner = Inner { got: Vec::new(), status, headers: BTreeMap::new(), body: String::new() };
        let gate = Arc::new(tokio::sync::Semaphore::new(1));
        let receiver = Self { port, inner: Arc::new(Mutex::new(inner)), gate };
        let router = Router::new().fallback(Self::take).with_state(receiver.clone());
        let stop = tasks.clone();
        tasks.spawn(async move {
            let serve = axum::serve(listener, router).with_graceful_shutdown(async move { stop.stopping().await });
            serve.await.expect("it serves");
        });
        receiver
    }

    async fn take(State(receiver): State<Self>, headers: HeaderMap, body: Bytes) -> Response {
        receiver.inner.lock().expect("a receiver").got.push(Got { headers, body });
        let _open = receiver.gate.acquire().await.expect("a gate");
        let inner = receiver.inner.lock().expect("a receiver");
        let mut response = (StatusCode::from_u16(inner.status).expect("a status"), inner.body.clone()).into_response();
        for (name, value) in &inner.headers {
            response.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        response
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// What it answers from now on.
    pub fn answers(&self, status: u16, body: &str, headers: &[(&'static str, &str)]) {
        let mut inner = self.inner.lock().expect("a receiver");
        (inner.status, inner.body) = (status, body.to_owned());
        inner.headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    }

    pub fn got(&self) -> Vec<Got> {
        self.inner.lock().expect("a receiver").got.clone()
    }
}
