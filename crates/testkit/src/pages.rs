//! `docs/events.md` and `docs/errors.md`, written from the code so that they can't differ from it.

use std::fmt::Write;

use contracts::Kind;
use platform::{ErrorCode, Service};
use serde_json::Value;

const EVENTS: &str = "# Events

Written from `crates/contracts` by `UPDATE_FROZEN=1 cargo test -p testkit --test it documents`; a test compares.
The same as AsyncAPI 3.0: `/api-docs/asyncapi.json`, `souk openapi --events`.

Every change of the shop travels as an event, written into its service's outbox by the transaction that made
it true. It is delivered at least once and in any order; each service applies it once, together with its
effect. An event carries ids, amounts and quantities, never personal data: who needs a name or an address asks
for it by a call. Readers ignore unknown fields.

In one process events stay there (`bus.url` is `local`). With a RabbitMQ every event is published to the topic exchange
`souk.events` (`bus.prefix` and `.events`), its type as routing key: whoever wants to take part binds a durable queue of
their own (`examples/polyglot/warehouse.py` does, in 65 lines of Python). The form is CloudEvents 1.0 in JSON: `id` (a
UUID, the same on every delivery), `source` (`/souk/` and the service), `type` (the name below), `subject` (the UUID of
the thing it is about), `subjectversion` (states only), `time`, `datacontenttype`, `data` (the fields below), and
`traceparent` where a trace goes on. Acknowledge what you have dealt with; what comes twice has the same `id`.

A **fact** is never stale. A **state** carries the whole public state with its `version`: one that is not above
the last applied is dropped.
";

const ERRORS: &str = "# Errors

Written from the code by `UPDATE_FROZEN=1 cargo test -p testkit --test it documents`; a test compares.

Every refusal is a problem of RFC 9457: `application/problem+json` with `status`, a stable `code`, a `detail`
for a person that says the mend, `errors[]` with a JSON pointer (RFC 6901) for each field at fault, the
`request_id` that finds the request in the log, and where it helps a `context` with what the client needs to go
on. Decide by `code`; `detail` may change. 503 carries `Retry-After`.
";

/// `docs/events.md`.
pub fn events() -> String {
    let mut page = EVENTS.to_owned();
    let mut service = "";
    for event in contracts::all_events() {
        let said_by = if event.said_by == "*" { "every service" } else { event.said_by };
        if said_by != service {
            service = said_by;
            put(&mut page, &format!("\n## Said by {service}\n"));
        }
        let kind = match event.kind {
            Kind::State => "state",
            Kind::Fact => "fact",
        };
        let heard =
            if event.heard_by.is_empty() { "nobody's tables yet".to_owned() } else { event.heard_by.join(", ") };
        put(&mut page, &format!("\n### `{}`\n\n{}\n\n{kind}; heard by {heard}\n", event.name, event.about.trim()));
        put(&mut page, &fields(&(event.schemas)(), event.schema_name));
    }
    page
}

/// `docs/errors.md`.
pub fn errors(services: &[Service]) -> String {
    let mut page = ERRORS.to_owned();
    put(&mut page, "\n## Every service\n");
    put(&mut page, &codes(platform::problem::CODES));
    for service in services.iter().filter(|service| !service.codes.is_empty()) {
        put(&mut page, &format!("\n## {}\n", service.name));
        put(&mut page, &codes(service.codes));
    }
    page
}

fn codes(codes: &[ErrorCode]) -> String {
    let mut table = "\n| code | status | when |\n|---|---|---|\n".to_owned();
    for code in codes {
        put(&mut table, &format!("| `{}` | {} | {} |", code.code, code.status, code.about.trim().replace('|', "\\|")));
    }
    table
}

fn fields(schemas: &[(String, impl serde::Serialize)], name: &str) -> String {
    let schema = schemas.iter().find(|(known, _)| known == name);
    let schema = schema.and_then(|(_, schema)| serde_json::to_value(schema).ok()).unwrap_or_default();
    let mut table = "\n| field | type | |\n|---|---|---|\n".to_owned();
    for (field, kind) in schema["properties"].as_object().into_iter().flatten() {
        let about = kind["description"].as_str().unwrap_or_default().replace('\n', " ");
        put(&mut table, &format!("| `{field}` | {} | {about} |", type_of(kind)));
    }
    table
}

fn type_of(kind: &Value) -> String {
    if let Some(name) = kind["$ref"].as_str() {
        return name.rsplit('/').next().unwrap_or(name).to_owned();
    }
    if let Some(either) = kind["oneOf"].as_array().or_else(|| kind["anyOf"].as_array()) {
        return either.iter().map(type_of).collect::<Vec<_>>().join(" or ");
    }
    match &kind["type"] {
        Value::String(name) if name == "array" => format!("array of {}", type_of(&kind["items"])),
        Value::String(name) => kind["format"].as_str().unwrap_or(name).to_owned(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    }
}

fn put(page: &mut String, line: &str) {
    writeln!(page, "{}", line.trim_end_matches('\n')).expect("writing to a text never fails");
}
