//! Around every request: its id and trace, its cost, one log line, metrics, a deadline, panics as problems.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use store::Ids;
use store::work::{self, Cost};

use crate::Problem;
use crate::problem::Kind;
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
}

/// Gives each request its id, trace and budget; answers late ones and panics; logs and counts.
pub(super) async fn around(around: Around, request: Request, next: Next) -> Response {
    let id = header(&request, REQUEST_ID)
        .and_then(|text| text.parse::<uuid::Uuid>().ok())
        .unwrap_or_else(|| around.ids.uuid())
        .to_string();
    let trace = telemetry::continue_trace(header(&request, TRACEPARENT));
    let route =
        request.extensions().get::<MatchedPath>().map_or("unmatched".to_owned(), |path| path.as_str().to_owned());
    let work = format!("{} {route}", request.method());
    let method = request.method().clone();

    let (cost, watch) = (Arc::new(Cost::default()), Stopwatch::start());
    let answer = answer_in_time(around.deadline, request, next);
    let work_done = work::scope(work.as_str(), Some(&trace), Arc::clone(&cost), answer);
    let mut response = REQUEST.scope(id.as_str().into(), work_done).await;

    let status = response.status().as_u16();
    let seconds = watch.seconds();
    tracing::info!(
        request = %id, method = %method, route = %route, status,
        milliseconds = seconds * 1_000.0, statements = cost.statements(), transactions = cost.transactions(), "answered"
    );
    metrics::counter!("souk_http_requests_total", "route" => work.clone(), "status" => status.to_string()).increment(1);
    metrics::histogram!("souk_http_request_seconds", "route" => work).record(seconds);
    let headers = response.headers_mut();
    for (name, text) in [(REQUEST_ID, &id), (TRACEPARENT, &trace)] {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    }
    response
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

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// A panic in a handler, as a problem; the process goes on.
pub(super) fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Problem::internal(format!("a handler panicked: {text}")).into_response()
}
