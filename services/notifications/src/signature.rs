//! Signatures of what endpoints are sent, as Standard Webhooks 1.0 says: `v1,` and the base64 of an
//! HMAC-SHA256 over `id.timestamp.body`; several where several secrets are in force.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contracts::Id;
use contracts::notifications::WebhookEndpointId;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use platform::Ctx;
use sha2::Sha256;

/// After a rotation the old secret signs beside the new one for so long.
pub const OLD_SIGNS_FOR: SignedDuration = SignedDuration::from_hours(24);
const PURPOSE: &str = "notifications.webhook";

/// A secret that an endpoint checks what it gets with. Derived, so it is in no table.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// As it is shown, once: `whsec_…`.
    pub fn shown(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0))
    }
}

/// Which secrets of an endpoint are in force: each rotation makes the next version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    pub current: i64,
    /// `None`: it was never rotated.
    pub rotated_at: Option<Timestamp>,
}

impl Versions {
    /// The newest first; the one before it for [`OLD_SIGNS_FOR`], and no older one.
    pub fn in_force(self, now: Timestamp) -> Vec<i64> {
        let old = self.rotated_at.filter(|at| now.duration_since(*at) < OLD_SIGNS_FOR).map(|_| self.current - 1);
        std::iter::once(self.current).chain(old).collect()
    }
}

/// The secret of a version, of the shop's newest master secret: the one to show.
pub fn secret(ctx: &Ctx, endpoint: WebhookEndpointId, version: i64) -> Secret {
    Secret(ctx.secrets.derive(PURPOSE, &[endpoint.uuid().as_bytes(), &version.to_be_bytes()]))
}

/// Every secret that signs now. A shop whose master secret changed still signs with the old one while it is named.
pub fn secrets(ctx: &Ctx, endpoint: WebhookEndpointId, versions: Versions, now: Timestamp) -> Vec<Secret> {
    let of = |version: i64| ctx.secrets.derive_all(PURPOSE, &[endpoint.uuid().as_bytes(), &version.to_be_bytes()]);
    versions.in_force(now).into_iter().flat_map(of).map(Secret).collect()
}

/// The header `webhook-signature`. `at` is the header `webhook-timestamp`, in seconds.
pub fn sign(secrets: &[Secret], id: &str, at: i64, body: &str) -> String {
    let sign = |secret: &Secret| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).expect("HMAC takes a key of any length");
        for part in [id, ".", &at.to_string(), ".", body] {
            mac.update(part.as_bytes());
        }
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    secrets.iter().map(sign).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use standardwebhooks::Webhook;

    fn headers(id: &str, at: i64, signature: &str) -> HeaderMap {
        let pairs = [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", signature.to_owned()),
        ];
        pairs
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(&value).expect("a value")))
            .collect()
    }

    /// The reference library looks at the machine's clock.
    #[allow(clippy::disallowed_methods, reason = "the reference library does too")]
    fn now() -> i64 {
        Timestamp::now().as_second()
    }

    #[test]
    fn the_published_example_of_the_specification_holds() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
        mac.update(b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}");
        let ours = STANDARD.encode(mac.finalize().into_bytes());
        assert_eq!(ours, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_reference_library_believes_each_secret_in_force_and_no_other() {
        let (old, new, other) = (Secret([1; 32]), Secret([2; 32]), Secret([3; 32]));
        let (id, at, body) = ("evt_1", now(), r#"{"type":"order.placed"}"#);
        let signature = sign(&[new.clone(), old.clone()], id, at, body);
        assert_eq!(signature.split(' ').count(), 2);
        let headers = headers(id, at, &signature);
        for (secret, believes) in [(&old, true), (&new, true), (&other, false)] {
            let webhook = Webhook::new(&secret.shown()).expect("a secret");
            assert_eq!(webhook.verify(body.as_bytes(), &headers).is_ok(), believes);
            assert!(webhook.verify(br#"{"type":"order.paid"}"#, &headers).is_err(), "another body");
        }
    }

    #[test]
    fn the_old_secret_signs_for_a_day_and_one_older_no_more() {
        let rotated: Timestamp = "2026-01-01T12:00:00Z".parse().expect("a time");
        let later = |hours: i64| rotated.saturating_add(SignedDuration::from_hours(hours)).expect("a time");
        let versions = Versions { current: 3, rotated_at: Some(rotated) };
        assert_eq!(versions.in_force(later(0)), [3, 2]);
        assert_eq!(versions.in_force(later(23)), [3, 2]);
        assert_eq!(versions.in_force(later(24)), [3]);
        assert_eq!(Versions { current: 1, rotated_at: None }.in_force(later(0)), [1]);
    }
}
