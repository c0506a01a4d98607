//! Signatures of gateways' events: `Gateway-Signature: t=1795348800,v1=<hex>`, HMAC-SHA256 over time,
//! a point and the body as it came.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

/// The header that carries it.
pub const HEADER: &str = "gateway-signature";
/// An older signature may be somebody's recording.
const AGE_SECONDS_MAX: i64 = 300;
/// While a gateway changes its secret it signs with both.
const SIGNATURES_MAX: usize = 5;

/// The header's value.
pub fn sign(secret: &[u8], body: &[u8], now: Timestamp) -> String {
    let time = now.as_second();
    format!("t={time},v1={}", hex(&mac(secret, time, body).finalize().into_bytes()))
}

/// Whether who knows the secret has signed this body within the last minutes. Compares in constant time.
pub fn is_signed(secret: &[u8], header: &str, body: &[u8], now: Timestamp) -> bool {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let time = parts().find(|(name, _)| *name == "t").and_then(|(_, time)| time.parse::<i64>().ok());
    let Some(time) = time.filter(|time| time.abs_diff(now.as_second()) <= AGE_SECONDS_MAX.unsigned_abs()) else {
        return false;
    };
    parts()
        .filter(|(name, _)| *name == "v1")
        .take(SIGNATURES_MAX)
        .filter_map(|(_, signature)| bytes(signature))
        .any(|signature| mac(secret, time, body).verify_slice(&signature).is_ok())
}

fn mac(secret: &[u8], time: i64, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    mac
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"whsec_0123456789abcdef";
    const NOON: Timestamp = Timestamp::constant(1_795_348_800, 0);

    fn later(seconds: i64) -> Timestamp {
        Timestamp::from_second(NOON.as_second() + seconds).expect("a time")
    }

    #[test]
    fn only_who_knows_the_secret_signs_and_only_this_body() {
        let header = sign(SECRET, b"{}", NOON);
        assert!(is_signed(SECRET, &header, b"{}", NOON));
        assert!(!is_signed(SECRET, &header, b"{ }", NOON), "another body");
        assert!(!is_signed(b"another secret", &header, b"{}", NOON));
        assert!(!is_signed(SECRET, &header.replace("t=1795348800", "t=1795348801"), b"{}", NOON), "another time");
        for header in ["", "t=1795348800", "v1=00", "t=x,v1=00", "t=1795348800,v1=zz", "t=1795348800,v1=0", "ü=ü"] {
            assert!(!is_signed(SECRET, header, b"{}", NOON), "{header}");
        }
    }

    #[test]
    fn a_signature_is_good_for_five_minutes_and_one_of_several_is_enough() {
        let header = sign(SECRET, b"{}", NOON);
        assert!(is_signed(SECRET, &header, b"{}", later(300)) && !is_signed(SECRET, &header, b"{}", later(301)));
        assert!(!is_signed(SECRET, &header, b"{}", later(-301)), "from the future");
        let both = header.replace("v1=", "v1=00,v1=");
        assert!(is_signed(SECRET, &both, b"{}", NOON));
        let many = header.replace("v1=", &format!("{}v1=", "v1=00,".repeat(5)));
        assert!(!is_signed(SECRET, &many, b"{}", NOON), "one of six is not looked at");
    }

    /// By `printf '1795348800.{}' | openssl dgst -sha256 -hmac whsec_0123456789abcdef`.
    #[test]
    fn it_is_what_others_compute() {
        let known = "t=1795348800,v1=0eb75381ffd0ea57a37a943461f2241fe95367cb9dd8d82f296ef0b083d7b53a";
        assert_eq!(sign(SECRET, b"{}", NOON), known);
    }
}
