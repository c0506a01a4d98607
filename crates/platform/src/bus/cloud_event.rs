//! An event on the wire: CloudEvents 1.0 in its JSON form.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::Envelope;
use uuid::Uuid;

const SOURCE: &str = "/souk/";
const JSON: &str = "application/json";

#[derive(Serialize, Deserialize)]
struct CloudEvent<'a> {
    specversion: Cow<'a, str>,
    id: Uuid,
    source: Cow<'a, str>,
    #[serde(rename = "type")]
    name: Cow<'a, str>,
    subject: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subjectversion: Option<i64>,
    time: Timestamp,
    datacontenttype: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<Cow<'a, str>>,
    data: Box<RawValue>,
}

/// The event as `docs/events.md` describes it.
///
/// # Errors
/// Its `data` is not JSON.
pub fn to_cloud_event(event: &Envelope) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&CloudEvent {
        specversion: "1.0".into(),
        id: event.id,
        source: format!("{SOURCE}{}", event.service).into(),
        name: event.name.as_str().into(),
        subject: event.subject,
        subjectversion: event.version,
        time: event.said_at,
        datacontenttype: JSON.into(),
        traceparent: event.traceparent.as_deref().map(Cow::from),
        data: RawValue::from_string(event.data.clone())?,
    })
}

/// Reads what came. Attributes that this release does not know are passed over.
///
/// # Errors
/// What is missing or wrong, in words.
pub fn from_cloud_event(bytes: &[u8]) -> Result<Envelope, String> {
    let event: CloudEvent<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if event.specversion != "1.0" {
        return Err(format!("specversion is `{}` and not 1.0", event.specversion));
    }
    let service = event.source.strip_prefix(SOURCE).ok_or_else(|| format!("source is not {SOURCE} and a service"))?;
    Ok(Envelope {
        id: event.id,
        service: service.to_owned(),
        name: event.name.into_owned(),
        subject: event.subject,
        version: event.subjectversion,
        data: event.data.get().to_owned(),
        traceparent: event.traceparent.map(Cow::into_owned),
        said_at: event.time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Envelope {
        Envelope {
            id: Uuid::from_u128(1),
            service: "orders".to_owned(),
            name: "order.placed".to_owned(),
            subject: Uuid::from_u128(2),
            version: Some(3),
            data: r#"{"order":"ord_1","total":{"amount":1999,"currency":"EUR"}}"#.to_owned(),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
            said_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_is_said_is_what_comes() {
        for event in [event(), Envelope { version: None, traceparent: None, ..event() }] {
            let bytes = to_cloud_event(&event).expect("JSON");
            assert_eq!(from_cloud_event(&bytes), Ok(event));
        }
    }

    #[test]
    fn the_wire_has_the_names_of_the_standard() {
        let bytes = to_cloud_event(&event()).expect("JSON");
        let value: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(value["specversion"], "1.0");
        assert_eq!(value["source"], "/souk/orders");
        assert_eq!(value["type"], "order.placed");
        assert_eq!(value["subjectversion"], 3);
        assert_eq!(value["datacontenttype"], "application/json");
        assert_eq!(value["data"]["total"]["amount"], 1999);
    }

    #[test]
    fn what_is_no_event_of_a_shop_is_refused_with_a_reason() {
        let with = |key: &str, text: &str| {
            let bytes = to_cloud_event(&event()).expect("JSON");
            let mut value: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
            value[key] = text.into();
            from_cloud_event(value.to_string().as_bytes()).expect_err("refused")
        };
        assert!(from_cloud_event(b"hello").is_err());
        assert!(with("specversion", "0.3").contains("specversion"));
        assert!(with("source", "elsewhere").contains("source"));
        assert!(with("id", "one").contains("UUID"));
        let later = br#"{"specversion":"1.0","id":"00000000-0000-0000-0000-000000000001","source":"/souk/orders","type":"a.b","subject":"00000000-0000-0000-0000-000000000002","time":"2026-11-22T10:00:00Z","datacontenttype":"application/json","data":{},"newer":true}"#;
        assert!(from_cloud_event(later).is_ok(), "readers pass over what they do not know");
    }
}
