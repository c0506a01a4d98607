//! What every route shares: problems for every refusal, ids, limits, and a process that outlives a panic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, header};
use platform::auth::Identity;
use platform::calls::Peers;
use platform::http::Body as JsonBody;
use platform::{Clock, Config, Ctx, Ids, Problem, Process, Service};
use serde::Deserialize;
use serde_json::Value;
use store::{Db, Options};
use tower::ServiceExt;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What `/v1/echo` takes.
#[derive(Debug, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct Echo {
    #[garde(length(chars, min = 1, max = 10))]
    text: String,
}

/// Says it again.
#[utoipa::path(post, path = "/v1/echo", request_body = Echo, responses((status = 200, body = String)))]
async fn echo(body: JsonBody<Echo>) -> String {
    body.into_inner().text
}

/// Breaks.
#[utoipa::path(get, path = "/v1/panic", responses((status = 200)))]
async fn breaks() -> &'static str {
    panic!("a defect")
}

/// Never answers in time.
#[utoipa::path(get, path = "/v1/slow", responses((status = 200)))]
async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_secs(60)).await;
    "late"
}

async fn shop() -> (Router, Process, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("souk.db").display());
    let clock = Clock::System;
    let db = Db::open(&Options::new(url), clock.clone(), Ids::Random).await.expect("a database");
    store::migrate::migrate(&db, &[]).await.expect("a schema");
    let mut config = Config::defaults();
    config.server.request_seconds_max = 1;
    config.server.body_bytes_max = 100;
    let config = Arc::new(config);
    let peers = Peers::new(&BTreeMap::new(), None, clock).expect("peers");
    let ctx = Ctx::new(db, peers.clone(), Arc::clone(&config), Identity::default());
    let routes = OpenApiRouter::new().routes(routes!(echo)).routes(routes!(breaks)).routes(routes!(slow));
    let service = Service::new("echoes", &ctx).routes(routes);
    let process = Process::new(config, peers);
    let router = process.start(vec![service], &[]).await.expect("a process");
    (router, process, folder)
}

async fn post(router: &Router, kind: &str, body: &'static str) -> Response<Body> {
    let request =
        Request::post("/v1/echo").header(header::CONTENT_TYPE, kind).body(Body::from(body)).expect("a request");
    router.clone().oneshot(request).await.expect("an answer")
}

async fn get(router: &Router, path: &str) -> Response<Body> {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    router.clone().oneshot(request).await.expect("an answer")
}

/// Status and code of a problem, which has all that a problem has.
async fn problem(response: Response<Body>) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    let id = response.headers()["x-request-id"].to_str().expect("text").to_owned();
    let body = to_bytes(response.into_body(), 10_000).await.expect("a body");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((body["status"].as_u64(), body["request_id"].as_str()), (Some(u64::from(status)), Some(id.as_str())));
    (status, body["code"].as_str().expect("a code").to_owned())
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn every_refusal_is_a_problem_with_a_code() {
    let (router, _process, _folder) = shop().await;
    let json = "application/json";
    assert_eq!(problem(post(&router, json, "{").await).await, is(400, "request.malformed"));
    assert_eq!(problem(post(&router, json, r#"{"text":"a","more":1}"#).await).await, is(400, "request.malformed"));
    assert_eq!(problem(post(&router, json, r#"{"text":""}"#).await).await, is(400, "request.malformed"));
    assert_eq!(problem(post(&router, "text/plain", r#"{"text":"a"}"#).await).await, is(415, "request.media_type"));
    let large = Box::leak(format!(r#"{{"text":"{}"}}"#, "a".repeat(200)).into_boxed_str());
    assert_eq!(problem(post(&router, json, large).await).await, is(413, "request.too_large"));
    assert_eq!(problem(get(&router, "/v1/nothing").await).await, is(404, "request.unknown_route"));
    let wrong_method = get(&router, "/v1/echo").await;
    assert_eq!(wrong_method.headers()[header::ALLOW], "POST");
    assert_eq!(problem(wrong_method).await, is(405, "request.method_not_allowed"));
    assert_eq!(problem(get(&router, "/v1/e%00cho").await).await, is(422, "request.invalid"));
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_process_goes_on() {
    let (router, _process, _folder) = shop().await;
    let broken = get(&router, "/v1/panic").await;
    assert_eq!(problem(broken).await, is(500, "internal"));
    assert_eq!(post(&router, "application/json", r#"{"text":"here"}"#).await.status(), 200);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let (router, _process, _folder) = shop().await;
    let late = get(&router, "/v1/slow").await;
    assert_eq!(late.headers()[header::RETRY_AFTER], "1");
    assert_eq!(problem(late).await, is(503, "request.timeout"));
}

#[tokio::test]
async fn a_process_that_shuts_down_is_not_ready() {
    let (router, process, _folder) = shop().await;
    assert_eq!(get(&router, "/health/ready").await.status(), 200);
    assert!(process.tasks.stop(Duration::from_secs(5)).await);
    assert_eq!(get(&router, "/health/ready").await.status(), 503);
    assert_eq!(get(&router, "/health/live").await.status(), 200);
}

#[tokio::test]
async fn the_door_between_processes_is_closed_without_a_token() {
    let (router, _process, _folder) = shop().await;
    let request = Request::post("/internal/calls/echoes.said").body(Body::from("{}")).expect("a request");
    let refused = router.oneshot(request).await.expect("an answer");
    assert_eq!(problem(refused).await, is(401, "request.unauthenticated"));
}

#[tokio::test]
async fn a_problem_without_a_request_has_no_id() {
    assert_eq!(Problem::field("/a", "is wrong").request_id, None);
}
