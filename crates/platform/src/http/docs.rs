//! The OpenAPI 3.1 document: each service's, and the shop's.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::header;
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Info, OpenApi, RefOr, ResponseBuilder};

use utoipa_swagger_ui::SwaggerUi;

use super::links;
use crate::{Problem, Service};

const PROBLEM: &str = "Problem";

/// A service's routes as they describe themselves; finished when somebody asks for the document.
struct Described {
    service: &'static str,
    api: OpenApi,
}

impl Described {
    fn of(service: &Service) -> Self {
        Self { service: service.name, api: service.routes.get_openapi().clone() }
    }

    fn document(&self) -> OpenApi {
        let mut api = self.api.clone();
        api.info = info(&format!("Souk: {}", self.service));
        finish(&mut api, self.service);
        api
    }
}

/// The document of several services together.
pub fn merged<'a>(services: impl IntoIterator<Item = &'a Service>) -> OpenApi {
    let described: Vec<Described> = services.into_iter().map(Described::of).collect();
    merge(&described)
}

fn merge(described: &[Described]) -> OpenApi {
    let mut all = OpenApi::new(info("Souk"), utoipa::openapi::Paths::new());
    for service in described {
        all.merge(service.document());
    }
    all.info = info("Souk");
    links::link(&mut all);
    all
}

/// `/api-docs`: a page that needs no internet, over the shop's document and each service's. A document is made
/// when it is first asked for.
pub(super) fn routes(services: &[&Service]) -> Router {
    let shop: Arc<[Described]> = services.iter().map(|service| Described::of(service)).collect();
    let mut urls = vec!["/api-docs/openapi.json".to_owned()];
    let all = Arc::clone(&shop);
    let mut routes = Router::new().route(&urls[0], made_once(move || merge(&all)));
    for (number, service) in services.iter().enumerate() {
        let (url, shop) = (format!("/api-docs/{}/openapi.json", service.name), Arc::clone(&shop));
        routes = routes.route(&url, made_once(move || shop[number].document()));
        urls.push(url);
    }
    let events = super::asyncapi::document();
    let ui = SwaggerUi::new("/api-docs").config(utoipa_swagger_ui::Config::new(urls));
    routes
        .merge(Router::from(ui))
        .route("/api-docs/asyncapi.json", get(move || async move { Json(events.as_ref().clone()) }))
}

fn made_once(make: impl Fn() -> OpenApi + Clone + Send + Sync + 'static) -> MethodRouter {
    let made: Arc<OnceLock<Result<Bytes, Problem>>> = Arc::default();
    get(move || async move {
        let json = || make().to_json().map(Bytes::from).map_err(|error| Problem::internal(error.to_string()));
        made.get_or_init(json).clone().map(|json| ([(header::CONTENT_TYPE, "application/json")], json))
    })
}

fn info(title: &str) -> Info {
    let mut info = Info::new(title, env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Amounts are integers of minor units with their ISO 4217 currency. Times are RFC 3339 in UTC. \
         Every refusal is a problem of RFC 9457 with a stable `code`."
            .to_owned(),
    );
    info
}

/// What every operation has: its service as tag, the problem it may answer, the ways to say who asks.
fn finish(api: &mut OpenApi, service: &str) {
    let mut components = api.components.take().unwrap_or_default();
    let mut schemas = vec![(PROBLEM.to_owned(), <crate::Problem as utoipa::PartialSchema>::schema())];
    <crate::Problem as utoipa::ToSchema>::schemas(&mut schemas);
    components.schemas.extend(schemas);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A staff key: `souk staff add` makes one."))
        .build();
    components.add_security_scheme("staff", SecurityScheme::Http(bearer));
    let token = ApiKeyValue::with_description("Cart-Token", "The token that `POST /v1/carts` answered: `souk_ct_…`.");
    components.add_security_scheme("buyer", SecurityScheme::ApiKey(ApiKey::Header(token)));
    let link = ApiKeyValue::with_description("Order-Token", "The token of a link that `POST /v1/order-links` mailed.");
    components.add_security_scheme("order_link", SecurityScheme::ApiKey(ApiKey::Header(link)));
    let access = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("A customer's access token: `POST /v1/sessions` gives one for ten minutes."))
        .build();
    components.add_security_scheme("session", SecurityScheme::Http(access));
    let cookie = ApiKeyValue::with_description(
        "souk_access",
        "The same in a browser's cookie; changes have to come from a page of the shop.",
    );
    components.add_security_scheme("session_cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    api.components = Some(components);
    for (path, item) in &mut api.paths.paths {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            finish_operation(operation, path, service);
        }
    }
}

fn finish_operation(operation: &mut Operation, path: &str, service: &str) {
    operation.tags = Some(vec![service.to_owned()]);
    if path.starts_with("/v1/admin") && operation.security.is_none() {
        operation.security = Some(vec![SecurityRequirement::new("staff", Vec::<String>::new())]);
    }
    links::shape(operation);
    let schema = RefOr::Ref(utoipa::openapi::Ref::from_schema_name(PROBLEM));
    let content = utoipa::openapi::ContentBuilder::new().schema(Some(schema)).build();
    let problem = ResponseBuilder::new()
        .description("A problem: its `code` says which")
        .content("application/problem+json", content)
        .build();
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if status.starts_with(['4', '5']) {
            response.content.clone_from(&problem.content);
        }
    }
    operation.responses.responses.insert("default".to_owned(), RefOr::T(problem));
}
