//! The server: every service's routes with what all of them share, and the process's own routes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use store::Db;
use subtle::ConstantTimeEq;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use super::docs;
use super::layers::{self, Around};
use crate::bus::Bus;
use crate::calls::{Peers, SERVICE_TOKEN};
use crate::config::{Config, Server};
use crate::measure::Measures;
use crate::problem::Kind;
use crate::tasks::Tasks;
use crate::{Problem, Service};

/// What `/health` looks at.
#[derive(Debug, Clone)]
pub struct Health {
    pub databases: Vec<Db>,
    pub bus: Bus,
    pub metrics: Option<PrometheusHandle>,
}

#[derive(Clone)]
struct Process {
    health: Health,
    tasks: Tasks,
    peers: Peers,
    measures: Measures,
}

/// The routes of these services, of the process itself, and of the whole shop's documentation.
pub fn router(
    services: Vec<Service>,
    elsewhere: &[Service],
    health: Health,
    peers: Peers,
    tasks: Tasks,
    config: &Config,
    ids: store::Ids,
) -> Router {
    let shop: Vec<&Service> = services.iter().chain(elsewhere).collect();
    let names: Vec<&'static str> = shop.iter().map(|service| service.name).collect();
    let (swagger, measures) = (docs::routes(&shop), Measures::of(&services, health.bus.clone()));
    let mut routes = Router::new();
    for service in services {
        routes = routes.merge(Router::from(service.routes));
    }
    let process = Process { health, tasks: tasks.clone(), peers, measures };
    let own = Router::new()
        .route("/health/live", get(|| async { Json(serde_json::json!({ "status": "live" })) }))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/internal/calls/{name}", post(answer_call))
        .with_state(process);
    let index = super::index::page(&names);
    let deadline = Duration::from_secs(config.server.request_seconds_max);
    let around = Around { ids, deadline, tasks, routes: Arc::default() };
    let inner = routes
        .merge(own)
        .merge(swagger)
        .merge(media(&config.server.media_folder))
        .route("/", get(move |headers: HeaderMap| super::index::answer(headers, index.clone())))
        .fallback(|| async {
            Problem::new(Kind::NotFound, "request.unknown_route", "there is no such route; `/api-docs` lists all")
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                Kind::MethodNotAllowed,
                "request.method_not_allowed",
                "this route knows other methods; `Allow` names them",
            )
        })
        .layer(axum::middleware::from_fn(move |request: Request, next: Next| {
            layers::around(around.clone(), request, next)
        }));
    // Around the router as one service: a layer on the router itself is a box in each route, cloned for each request.
    let layered = tower::ServiceBuilder::new()
        .layer(security(header::REFERRER_POLICY, "no-referrer"))
        .layer(security(header::X_FRAME_OPTIONS, "DENY"))
        .layer(security(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(cors(&config.server))
        .layer(CompressionLayer::new().gzip(true))
        .layer(DefaultBodyLimit::max(config.server.body_bytes_max))
        .service(inner);
    Router::new().fallback_service(layered)
}

/// Serves until the process is told to stop, then drains.
pub async fn serve(listener: tokio::net::TcpListener, router: Router, tasks: Tasks) -> std::io::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    // Else an answer in two parts waits for the client to acknowledge the first. Fails where the client is gone.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, service).with_graceful_shutdown(async move { tasks.stopping().await }).await
}

/// A shop's pictures. A picture is looked at and runs nothing, an SVG neither.
fn media(folder: &str) -> Router {
    if folder.is_empty() {
        return Router::new();
    }
    let headers = tower::ServiceBuilder::new()
        .layer(security(header::CACHE_CONTROL, "public, max-age=3600"))
        .layer(security(header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"));
    let files = ServeDir::new(folder)
        .append_index_html_on_directories(false)
        .fallback(axum::handler::HandlerWithoutStateExt::into_service(no_picture));
    Router::new().nest_service("/media", headers.service(files))
}

async fn no_picture() -> Problem {
    Problem::new(Kind::NotFound, "request.unknown_route", "there is no such picture")
}

fn security(name: header::HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// What a browser's script may read of an answer's headers, beside the body.
const SHOWN: [&str; 5] = ["etag", "location", "x-request-id", "idempotent-replayed", "retry-after"];

/// What a page of a named origin may do.
const METHODS: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Closed unless the settings name origins; those may send the cookies of a session, for which browsers want
/// every method by its name.
fn cors(server: &Server) -> CorsLayer {
    let origins: Vec<HeaderValue> = server.cors_origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if origins.is_empty() {
        return CorsLayer::new();
    }
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods(METHODS)
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(SHOWN.map(header::HeaderName::from_static))
}

async fn ready(State(process): State<Process>) -> Response {
    if process.tasks.is_stopping() {
        return Problem::unavailable("the process is shutting down").into_response();
    }
    for db in &process.health.databases {
        if let Err(error) = db.ping().await {
            return Problem::unavailable(format!("the database does not answer: {error}")).into_response();
        }
    }
    // A broker that is down does not make a process unready: it answers, and its events wait in the outbox.
    let broker = match &process.health.bus {
        Bus::Local => return Json(serde_json::json!({ "status": "ready" })).into_response(),
        Bus::RabbitMq(broker) => broker,
    };
    let state = if broker.is_connected() { "connected" } else { "unreachable" };
    Json(serde_json::json!({ "status": "ready", "broker": state })).into_response()
}

async fn metrics(State(process): State<Process>) -> Response {
    process.measures.take().await;
    match &process.health.metrics {
        Some(handle) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()).into_response(),
        None => Problem::unavailable("this process counts nothing").into_response(),
    }
}

/// A call of another process. Closed without a service token in the settings.
async fn answer_call(
    State(process): State<Process>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let sent = headers.get(SERVICE_TOKEN).map_or(&[][..], HeaderValue::as_bytes);
    let right = process.peers.token().is_some_and(|token| bool::from(token.as_bytes().ct_eq(sent)));
    if !right {
        let detail = "this door is for the shop's own processes";
        return Problem::new(Kind::Unauthenticated, "request.unauthenticated", detail).into_response();
    }
    match process.peers.local_answer(&name) {
        None => {
            Problem::new(Kind::NotFound, "request.unknown_route", format!("nobody here answers {name}")).into_response()
        }
        Some(answer) => match answer.json(body).await {
            Ok(json) => (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], json).into_response(),
            Err(problem) => problem.into_response(),
        },
    }
}

/// A document that is made once.
pub(super) type Document = Arc<serde_json::Value>;
