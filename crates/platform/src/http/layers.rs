//! Around every request: its id and trace, its cost, one log line, metrics, a deadline, panics as problems.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::{FutureExt, StreamExt};
use store::Ids;
use store::work::{self, Cost};

use crate::Problem;
use crate::problem::Kind;
use crate::tasks::Tasks;
use crate::telemetry::{self, Stopwatch};

const REQUEST_ID: &str = "x-request-id";
const TRACEPARENT: &str = "traceparent";

tokio::task_local! {
    static REQUEST: Arc<str>;
}

/// The id of the request in hand: the client's own if it sent a UUID, else a new one.
pub fn request_id() -> Option<String> {
    REQUEST.try_with(ToString::to_string).ok()
}

/// Runs `future` as if it were inside a request; for tests of what reads [`request_id`].
pub async fn scope_for_tests<F: Future>(id: &str, future: F) -> F::Output {
    REQUEST.scope(id.into(), future).await
}

#[derive(Clone)]
pub(super) struct Around {
    pub ids: Ids,
    pub deadline: Duration,
    pub tasks: Tasks,
    pub routes: Arc<Routes>,
}

/// What a route is called in logs, traces and metrics: looked up once, not made anew for each request.
#[derive(Default)]
pub(super) struct Routes(RwLock<HashMap<(Method, String), Arc<Route>>>);

struct Route {
    path: String,
    /// `GET /v1/products/{product}`
    work: Arc<str>,
    seconds: metrics::Histogram,
    by_status: RwLock<Vec<(u16, metrics::Counter)>>,
}

impl Routes {
    /// Routes are as many as the shop has, and methods as HTTP has: a client can't add to them.
    fn of(&self, request: &Request) -> Arc<Route> {
        let path = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
        let method = if METHODS.contains(request.method()) { request.method() } else { &Method::TRACE };
        let key = (method.clone(), path.to_owned());
        if let Some(route) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(route);
        }
        let mut routes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(routes.entry(key).or_insert_with(|| Arc::new(Route::new(method, path))))
    }
}

/// All others count as one.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

impl Route {
    fn new(method: &Method, path: &str) -> Self {
        let work = format!("{method} {path}");
        let seconds = metrics::histogram!("souk_http_request_seconds", "route" => work.clone());
        Self { path: path.to_owned(), work: work.into(), seconds, by_status: RwLock::default() }
    }

    fn count(&self, status: u16, seconds: f64) {
        self.seconds.record(seconds);
        let counted = |counters: &[(u16, metrics::Counter)]| {
            let counter = counters.iter().find(|(of, _)| *of == status);
            counter.map(|(_, counter)| counter.increment(1)).is_some()
        };
        if counted(&self.by_status.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let labels = [("route", self.work.to_string()), ("status", status.to_string())];
        let counter = metrics::counter!("souk_http_requests_total", &labels);
        counter.increment(1);
        self.by_status.write().unwrap_or_else(PoisonError::into_inner).push((status, counter));
    }
}

/// Gives each request its id, trace and budget; answers late ones and panics; logs and counts.
pub(super) async fn around(around: Around, request: Request, next: Next) -> Response {
    let id = sent(&request, REQUEST_ID)
        .and_then(|text| text.parse::<uuid::Uuid>().ok())
        .unwrap_or_else(|| around.ids.uuid())
        .to_string();
    let trace = telemetry::continue_trace(sent(&request, TRACEPARENT));
    let (route, method) = (around.routes.of(&request), request.method().clone());

    let (cost, watch) = (Arc::new(Cost::default()), Stopwatch::start());
    let answer = AssertUnwindSafe(answer_in_time(around.deadline, request, next)).catch_unwind();
    let work_done = work::scope(Arc::clone(&route.work), Some(&trace), Arc::clone(&cost), answer);
    let answered = async { work_done.await.unwrap_or_else(|panic| panicked(panic.as_ref())) };
    let response = REQUEST.scope(id.as_str().into(), answered).await;

    let (status, seconds) = (response.status().as_u16(), watch.seconds());
    tracing::info!(
        request = %id, method = %method, route = %route.path, status,
        milliseconds = seconds * 1_000.0, statements = cost.statements(), transactions = cost.transactions(), "answered"
    );
    route.count(status, seconds);
    let mut response = ending_with(around.tasks, response);
    let headers = response.headers_mut();
    for (name, text) in [(REQUEST_ID, id), (TRACEPARENT, trace)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
    response
}

/// Server-sent events have no end of their own: they end when the process is told to stop, or it could not.
fn ending_with(tasks: Tasks, response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
    if !kind.starts_with(b"text/event-stream") {
        return response;
    }
    let stopping = Box::pin(async move { tasks.stopping().await });
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(stopping)))
}

async fn answer_in_time(deadline: Duration, request: Request, next: Next) -> Response {
    if request.uri().path_and_query().is_some_and(|path| path.as_str().contains("%00")) {
        let detail = "the address holds the character U+0000, which names nothing here";
        return Problem::new(Kind::Invalid, "request.invalid", detail).into_response();
    }
    tokio::time::timeout(deadline, next.run(request)).await.unwrap_or_else(|_| {
        let detail = format!("the request took longer than {} s and was given up", deadline.as_secs());
        Problem::new(Kind::Unavailable, "request.timeout", detail).into_response()
    })
}

fn sent<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// A panic in a handler, as a problem; the process goes on.
fn panicked(panic: &(dyn std::any::Any + Send)) -> Response {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Problem::internal(format!("a handler panicked: {text}")).into_response()
}
