//! The documents: complete, frozen, and readable without the internet.

use std::collections::{BTreeMap, BTreeSet};

use platform::{Clock, Config, Ids};
use serde_json::Value;
use souk::wire;
use testkit::{Database, Process, Shop, Topology, souk};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// A shop that is opened only to be read; its database goes with the [`Database`].
async fn opened() -> (wire::Shop, Database) {
    let database = Database::sqlite();
    let mut config = Config::defaults();
    config.database.url.clone_from(&database.url);
    (wire::Shop::open(config, Clock::System, Ids::Random).await.expect("the shop opens"), database)
}

/// Compares with the copy in `docs/`, or renews it.
fn must_be_frozen(file: &str, now: &str) {
    let path = testkit::repository().join("docs").join(file);
    if std::env::var_os("UPDATE_FROZEN").is_some_and(|set| !set.is_empty()) {
        std::fs::write(&path, now).expect("docs/ can be written");
    }
    let frozen = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = frozen.lines().zip(now.lines()).position(|(frozen, now)| frozen != now);
    let at = differs.unwrap_or_else(|| frozen.lines().count().min(now.lines().count()));
    assert!(
        frozen == now,
        "docs/{file} is not what the code says, from line {}:\n- {}\n+ {}\nIs the change meant? Then renew the copy and commit it: \
         UPDATE_FROZEN=1 cargo test -p testkit --test it documents",
        at + 1,
        frozen.lines().nth(at).unwrap_or_default(),
        now.lines().nth(at).unwrap_or_default(),
    );
}

#[tokio::test]
async fn the_openapi_document_is_frozen() {
    let (shop, _database) = opened().await;
    let document = platform::http::merged(&shop.services).to_pretty_json().expect("plain data");
    must_be_frozen("openapi.json", &(document + "\n"));
}

#[tokio::test]
async fn the_command_prints_the_documents_that_are_frozen() {
    let (shop, database) = opened().await;
    let document = platform::http::merged(&shop.services).to_pretty_json().expect("plain data");
    let printed = souk(&database, &[], &["openapi"]);
    assert!(printed.stdout.trim_end() == document, "`souk openapi` prints another document: {}", printed.stderr);
    let printed = souk(&database, &[], &["openapi", "--events"]);
    assert!(printed.stdout.trim_end() == format!("{:#}", platform::http::asyncapi()), "{}", printed.stderr);
}

#[tokio::test]
async fn the_routes_of_nginx_are_frozen() {
    let (shop, _database) = opened().await;
    let document = serde_json::to_value(platform::http::merged(&shop.services)).expect("plain data");
    must_be_frozen("../deploy/nginx/routes.conf", &testkit::routes(&document));
}

#[tokio::test]
async fn the_events_are_frozen() {
    must_be_frozen("asyncapi.json", &format!("{:#}\n", platform::http::asyncapi()));
}

#[tokio::test]
async fn the_page_of_events_is_written_from_the_code() {
    must_be_frozen("events.md", &testkit::pages::events());
}

#[tokio::test]
async fn the_error_codes_are_frozen_and_unique() {
    let (shop, _database) = opened().await;
    let codes = shop.services.iter().flat_map(|service| service.codes).chain(platform::problem::CODES);
    let mut codes: Vec<&str> = codes.map(|code| code.code).collect();
    codes.sort_unstable();
    let twice: Vec<_> = codes.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "codes are declared twice: {twice:?}");
    must_be_frozen("errors.md", &testkit::pages::errors(&shop.services));
}

/// The documented methods of each path.
fn documented(document: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let paths = document["paths"].as_object().expect("paths");
    let methods = |item: &Value| {
        METHODS.iter().filter(|method| item.get(**method).is_some()).map(|method| method.to_uppercase()).collect()
    };
    paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

#[tokio::test]
async fn every_route_of_every_service_is_documented() {
    let (shop, _database) = opened().await;
    let document = serde_json::to_value(platform::http::merged(&shop.services)).expect("plain data");
    let documented = documented(&document);
    assert!(documented.len() > 20, "{documented:#?}");
    for service in shop.services {
        // What a router answers it tells only when it is printed.
        let printed = format!("{:?}", axum::Router::from(service.routes));
        let routes: BTreeSet<&str> =
            printed.split('"').filter(|text| text.starts_with("/v1/") || text.starts_with("/.")).collect();
        let hidden: Vec<&&str> = routes.iter().filter(|route| !documented.contains_key(**route)).collect();
        assert!(hidden.is_empty(), "{} answers on routes that its document does not name: {hidden:?}", service.name);
        let speaks = service.name == "notifications" || !routes.is_empty();
        assert!(speaks, "no route of {} was found: does a router still print its routes?", service.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_answers_exactly_its_documented_methods() {
    let shop = Shop::start(Topology::Sqlite).await;
    let document = shop.get("/api-docs/openapi.json").await.must(200);
    for (path, methods) in documented(&document) {
        let filled: String =
            path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
        let answer = shop.ask_with("TRACE", &filled).await;
        let allowed: BTreeSet<String> = answer
            .header("allow")
            .split(',')
            .map(|method| method.trim().to_owned())
            .filter(|method| method != "HEAD")
            .collect();
        assert_eq!(allowed, methods, "{path}: {}", answer.shown());
    }
    shop.finish().await;
}

/// What is made under a key that a client must send, the audit looks for: so its route says what it makes.
#[tokio::test]
async fn every_route_that_needs_a_key_says_what_it_makes() {
    let (shop, database) = opened().await;
    let document = platform::http::merged(&shop.services).to_json().expect("a document");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let mut needing: BTreeSet<String> = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let needs_key = |parameter: &Value| parameter["name"] == "Idempotency-Key" && parameter["required"] == true;
            if parameters.clone().any(needs_key) {
                needing.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    let making: BTreeSet<String> =
        shop.services.iter().flat_map(|service| service.making_routes().map(str::to_owned)).collect();
    assert!(needing.len() >= 4, "{needing:?}");
    assert_eq!(needing, making);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admin_routes_are_for_staff_and_every_operation_may_answer_a_problem() {
    let (shop, _database) = opened().await;
    let document = serde_json::to_value(platform::http::merged(&shop.services)).expect("plain data");
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            assert!(
                !id.is_empty() && ids.insert(id.clone()),
                "{method} {path}: operation id `{id}` is missing or taken"
            );
            assert!(
                operation["responses"]["default"]["content"]["application/problem+json"].is_object(),
                "{method} {path}"
            );
            let for_staff =
                operation["security"].as_array().is_some_and(|ways| ways.iter().any(|way| way.get("staff").is_some()));
            assert_eq!(for_staff, path.starts_with("/v1/admin"), "{method} {path}: {}", operation["security"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documentation_page_needs_no_internet() {
    let shop = Shop::start(Topology::Sqlite).await;
    let page = shop.get("/api-docs/").await;
    assert_eq!(page.status, 200, "{}", page.shown());
    let mut assets = 0;
    for attribute in page
        .text
        .split(['<', ' ', '\n'])
        .filter_map(|part| part.strip_prefix("src=\"").or_else(|| part.strip_prefix("href=\"")))
    {
        let url = attribute.split('"').next().unwrap_or_default();
        assert!(!url.contains("//"), "the page loads {url} from elsewhere");
        let asset = shop.get(format!("/api-docs/{}", url.trim_start_matches("./"))).await;
        assert_eq!(asset.status, 200, "{url}: {}", asset.shown());
        let is_style = url.ends_with(".css");
        assert!(!is_style || !asset.text.contains("url(http"), "{url} loads from elsewhere");
        assets += 1;
    }
    assert!(assets >= 3, "{}", page.shown());
    let redirect = shop.get("/api-docs").await;
    assert!(redirect.status < 400, "{}", redirect.shown());

    let document = shop.get("/api-docs/openapi.json").await.must(200);
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", document["openapi"]);
    for service in contracts::SERVICES {
        let own = shop.get(format!("/api-docs/{service}/openapi.json")).await.must(200);
        for (path, _) in own["paths"].as_object().into_iter().flatten() {
            assert!(document["paths"].get(path).is_some(), "the shop's document lacks {path} of {service}");
        }
    }
    assert_eq!(shop.get("/api-docs/asyncapi.json").await.must(200)["asyncapi"], "3.0.0");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_tells_how_it_is() {
    let database = Database::sqlite();
    let process = Process::serve(&database, &[]).await;
    let client = &process.client;
    assert_eq!(client.get("/health/live").await.must(200)["status"], "live");
    assert_eq!(client.get("/health/ready").await.must(200)["status"], "ready");
    assert_eq!(client.get("/").await.must(200)["name"], "souk");
    let page = client.get("/").header("Accept", "text/html").await;
    assert!(page.header("content-type").starts_with("text/html") && page.text.contains("Souk"), "{}", page.shown());
    let metrics = client.get("/metrics").await;
    assert_eq!(metrics.status, 200, "{}", metrics.shown());
    assert!(metrics.text.contains("souk_http_requests_total"), "{}", metrics.shown());
    process.stop().await;
    database.remove().await;
}
