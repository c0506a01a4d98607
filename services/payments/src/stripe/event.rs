//! What Stripe tells: which intent something became of. What became of it is looked up.

use jiff::Timestamp;
use serde::Deserialize;

use crate::gateway::{GatewayEvent, NotHeard};
use crate::signature;

const TEXT_BYTES_MAX: usize = 255;

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

/// An intent, or what is about one: a charge, a refund, a dispute.
#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    object: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    payment_intent: Option<String>,
}

/// Signed over the body as it came.
pub fn read(secret: &[u8], header: Option<&str>, body: &[u8], now: Timestamp) -> Result<GatewayEvent, NotHeard> {
    if secret.is_empty() || !signature::is_signed(secret, header.unwrap_or_default(), body, now) {
        return Err(NotHeard::Unsigned);
    }
    let event: Event = serde_json::from_slice(body).map_err(|error| NotHeard::Unreadable(error.to_string()))?;
    let Event { id, kind, data: Data { object } } = event;
    let is_text = |text: &str| (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.contains('\0');
    if !is_text(&id) || !is_text(&kind) {
        return Err(NotHeard::Unreadable(format!("id and type have 1 to {TEXT_BYTES_MAX} bytes")));
    }
    let intent = if object.object == "payment_intent" { object.id } else { object.payment_intent };
    let reference = intent.filter(|intent| is_text(intent)).ok_or(NotHeard::NotOurs)?;
    Ok(GatewayEvent { id, kind, key: None, reference: Some(reference) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"whsec_0123456789abcdef";
    const NOON: Timestamp = Timestamp::constant(1_795_348_800, 0);

    fn heard(body: &str) -> Result<GatewayEvent, NotHeard> {
        read(SECRET, Some(&signature::sign(SECRET, body.as_bytes(), NOON)), body.as_bytes(), NOON)
    }

    #[test]
    fn an_event_names_its_intent_and_only_a_signed_one_is_heard() {
        let body = r#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","object":"payment_intent","amount":1}}}"#;
        let event = heard(body).expect("an event");
        assert_eq!((event.id.as_str(), event.reference.as_deref(), event.key), ("evt_1", Some("pi_1"), None));
        let body = r#"{"id":"evt_2","type":"refund.created","data":{"object":{"id":"re_1","object":"refund","payment_intent":"pi_2"}}}"#;
        assert_eq!(heard(body).expect("an event").reference.as_deref(), Some("pi_2"));
        let body = r#"{"id":"evt_3","type":"payout.paid","data":{"object":{"id":"po_1","object":"payout"}}}"#;
        assert!(matches!(heard(body), Err(NotHeard::NotOurs)));
        assert!(matches!(heard("{}"), Err(NotHeard::Unreadable(_))));
        assert!(matches!(read(SECRET, None, b"{}", NOON), Err(NotHeard::Unsigned)));
        // A secret that is missing is known to everybody.
        let header = signature::sign(b"", body.as_bytes(), NOON);
        assert!(matches!(read(b"", Some(&header), body.as_bytes(), NOON), Err(NotHeard::Unsigned)));
    }
}
