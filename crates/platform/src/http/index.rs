//! `/`: what this is, for a person who opens it in a browser and for a program that asks.

use axum::Json;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

/// What each service is for, as `ls services/` shows them.
const ABOUT: [(&str, &str); 9] = [
    ("customers", "accounts and sessions; staff and the audit log"),
    ("catalog", "products, variants and prices"),
    ("inventory", "stock levels, reservations and the movement ledger"),
    ("pricing", "tax, and what a basket costs and why"),
    ("carts", "carts and their lines"),
    ("orders", "orders, their state machine and history"),
    ("payments", "payments, captures, refunds and the ledger"),
    ("shipping", "zones, methods and shipments"),
    ("notifications", "mails to buyers; webhooks to other programs"),
];

const LINKS: [(&str, &str); 5] = [
    ("/api-docs", "the API, to read and to try"),
    ("/api-docs/openapi.json", "the same as OpenAPI 3.1"),
    ("/api-docs/asyncapi.json", "the events as AsyncAPI 3.0"),
    ("/health/ready", "whether this process can serve"),
    ("/metrics", "its figures, for Prometheus"),
];

pub(super) async fn answer(headers: HeaderMap, page: String) -> Response {
    let html = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if html {
        let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
        return ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, policy)], page)
            .into_response();
    }
    let links: std::collections::BTreeMap<_, _> = LINKS.iter().map(|(path, about)| (*path, *about)).collect();
    Json(serde_json::json!({ "name": "souk", "version": env!("CARGO_PKG_VERSION"), "links": links })).into_response()
}

pub(super) fn page(services: &[&'static str]) -> String {
    let rows = |rows: Vec<String>| rows.join("\n");
    let about = |name: &str| {
        ABOUT.iter().find(|(known, _)| *known == name).map_or("a service of this shop", |(_, about)| about)
    };
    let service_rows = rows(services.iter().map(|name| format!("<tr><th>{name}</th><td>{}</td><td><a href=\"/api-docs/{name}/openapi.json\">openapi.json</a></td></tr>", about(name))).collect());
    let link_rows = rows(
        LINKS
            .iter()
            .map(|(path, about)| format!("<tr><th><a href=\"{path}\">{path}</a></th><td>{about}</td></tr>"))
            .collect(),
    );
    format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Souk</title>
<style>
:root {{ color-scheme: light dark; --ink: light-dark(#1d2433, #e8ebf2); --soft: light-dark(#5a6478, #9aa5bb); --line: light-dark(#e3e7ef, #2b3346); --back: light-dark(#fbfcfe, #12161f); --link: light-dark(#0b57c2, #84b4ff); }}
body {{ font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 46rem; margin: 4rem auto; padding: 0 1.25rem; }}
h1 {{ font-size: 2.2rem; margin: 0; letter-spacing: -0.02em; }} h2 {{ font-size: 1rem; margin: 2.5rem 0 .5rem; color: var(--soft); font-weight: 600; }}
p {{ color: var(--soft); margin: .4rem 0 0; }} a {{ color: var(--link); }} table {{ width: 100%; border-collapse: collapse; }}
th, td {{ text-align: left; padding: .5rem .75rem .5rem 0; border-top: 1px solid var(--line); font-weight: 400; vertical-align: top; }} th {{ font-weight: 600; white-space: nowrap; }}
</style></head><body>
<h1>Souk</h1><p>A complete commerce backend, version {version}. This process runs {count} of its services.</p>
<h2>Where to go</h2><table>{link_rows}</table>
<h2>Services here</h2><table>{service_rows}</table>
</body></html>"#,
        version = env!("CARGO_PKG_VERSION"),
        count = services.len(),
    )
}
