//! Links that open one order for who holds them: what guests get by mail.
//!
//! A token names the order and its own end, and is signed with the shop's secret. So nothing secret is in
//! the database, and whoever checks one needs no look-up.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::Id;
use contracts::orders::{OrderId, OrderLink};
use jiff::{SignedDuration, Timestamp};
use platform::Secrets;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// A prefix that secret scanners know.
const PREFIX: &str = "souk_ot_";
const PURPOSE: &str = "orders.link";
const LIFE: SignedDuration = SignedDuration::from_hours(24);
const ID_BYTES: usize = 16;
const END_BYTES: usize = 8;

/// When a link that is made now ends.
pub fn end(now: Timestamp) -> Timestamp {
    now.saturating_add(LIFE).unwrap_or(Timestamp::MAX)
}

/// A link to an order until then.
pub fn make(secrets: &Secrets, order: OrderId, expires_at: Timestamp) -> OrderLink {
    let body = body(order, expires_at);
    let signed = [&body[..], &secrets.derive(PURPOSE, &[&body])].concat();
    OrderLink { order, token: format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(signed)), expires_at }
}

/// The order that a token opens now; `None` where it was not made here, or has ended.
pub fn opens(secrets: &Secrets, token: &str, now: Timestamp) -> Option<OrderId> {
    let signed = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
    let (body, signature) = signed.split_at_checked(ID_BYTES + END_BYTES)?;
    let known = secrets.derive_all(PURPOSE, &[body]);
    if !known.iter().any(|known| bool::from(known[..].ct_eq(signature))) {
        return None;
    }
    let (order, end) = body.split_at(ID_BYTES);
    let end = Timestamp::from_microsecond(i64::from_be_bytes(end.try_into().ok()?)).ok()?;
    (now < end).then(|| Uuid::from_slice(order).ok().map(OrderId::from_uuid))?
}

fn body(order: OrderId, expires_at: Timestamp) -> [u8; ID_BYTES + END_BYTES] {
    let mut body = [0; ID_BYTES + END_BYTES];
    body[..ID_BYTES].copy_from_slice(order.uuid().as_bytes());
    body[ID_BYTES..].copy_from_slice(&expires_at.as_microsecond().to_be_bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::samples::id;

    #[test]
    fn a_link_opens_its_order_until_its_end() {
        let (secrets, now) = (Secrets::random(), Timestamp::UNIX_EPOCH);
        let link = make(&secrets, id(7), end(now));
        assert_eq!(opens(&secrets, &link.token, now), Some(id(7)));
        assert_eq!(opens(&secrets, &link.token, link.expires_at), None);
        assert_eq!(link.expires_at.duration_since(now), SignedDuration::from_hours(24));
    }

    #[test]
    fn a_token_that_was_not_made_here_opens_nothing() {
        let (secrets, now) = (Secrets::random(), Timestamp::UNIX_EPOCH);
        let token = make(&secrets, id(7), end(now)).token;
        assert_eq!(opens(&Secrets::random(), &token, now), None);
        for at in PREFIX.len()..token.len() - 1 {
            let other = if &token[at..=at] == "A" { "B" } else { "A" };
            let forged = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert_eq!(opens(&secrets, &forged, now), None, "{forged}");
        }
        for token in ["", PREFIX, "souk_ot_AAAA", "souk_ct_AAAA", "souk_ot_\u{e4}"] {
            assert_eq!(opens(&secrets, token, now), None, "{token}");
        }
    }
}
