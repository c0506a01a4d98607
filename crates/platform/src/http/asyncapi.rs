//! The events, as an AsyncAPI 3.0 document made from `contracts`.

use std::sync::Arc;

use contracts::Kind;
use serde_json::{Map, Value, json};

use super::server::Document;

pub(super) fn document() -> Document {
    Arc::new(events())
}

/// One channel, message and schema an event; payloads are CloudEvents 1.0 with the event as `data`.
pub fn events() -> Value {
    let (mut channels, mut operations, mut messages, mut schemas) = (Map::new(), Map::new(), Map::new(), Map::new());
    for event in contracts::all_events() {
        let address = json!({ "address": event.name, "messages": { event.schema_name: { "$ref": format!("#/components/messages/{}", event.schema_name) } } });
        channels.insert(event.name.to_owned(), address);
        operations.insert(
            format!("say.{}", event.name),
            json!({ "action": "send", "channel": { "$ref": format!("#/channels/{}", event.name) } }),
        );
        let kind = match event.kind {
            Kind::State => "state",
            Kind::Fact => "fact",
        };
        messages.insert(
            event.schema_name.to_owned(),
            json!({
                "name": event.name,
                "summary": event.about.trim(),
                "contentType": "application/cloudevents+json",
                "x-said-by": event.said_by,
                "x-heard-by": event.heard_by,
                "x-kind": kind,
                "payload": { "allOf": [
                    { "$ref": "#/components/schemas/CloudEvent" },
                    { "type": "object", "properties": { "type": { "const": event.name }, "data": { "$ref": format!("#/components/schemas/{}", event.schema_name) } } },
                ] },
            }),
        );
        for (name, schema) in (event.schemas)() {
            schemas.insert(name, serde_json::to_value(schema).unwrap_or_default());
        }
    }
    schemas.insert("CloudEvent".to_owned(), cloud_event());
    json!({
        "asyncapi": "3.0.0",
        "info": { "title": "Souk: events", "version": env!("CARGO_PKG_VERSION"),
            "description": "With `bus.url` set to a RabbitMQ, every event is published to the topic exchange `souk.events` (`bus.prefix` and `.events`), its type as routing key; bind a durable queue of your own. Delivered at least once and in any order. An event carries ids, never personal data. Readers ignore unknown fields." },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    })
}

fn cloud_event() -> Value {
    json!({
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "format": "uuid" },
            "source": { "type": "string", "description": "/souk/ and the service" },
            "type": { "type": "string" },
            "subject": { "type": "string", "format": "uuid", "description": "The thing it is about" },
            "subjectversion": { "type": "integer", "description": "State events only: a lower one is stale" },
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": { "const": "application/json" },
            "traceparent": { "type": "string" },
            "data": { "type": "object" },
        },
    })
}
