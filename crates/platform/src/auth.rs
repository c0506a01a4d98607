//! Who asks: staff by key, customers by a session, guests by the token of their cart. The check is the
//! handler's argument.

mod buyer;
mod client;
mod identity;
mod session;
mod staff;
pub mod tokens;

pub use buyer::{Buyer, CART_TOKEN, CART_TOKEN_PREFIX, CartToken};
pub use client::ClientAddress;
pub use identity::Identity;
pub use session::{ACCESS_COOKIE, OptionalSession, Session, cookie, must_be_same_origin};
pub use staff::{Can, Staff, can};

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use crate::Problem;
use crate::problem::Kind;

/// Keys of staff begin with it, access tokens never do.
const KEY_PREFIX: &str = "souk_";

/// What stands behind `Authorization: Bearer`.
fn bearer(parts: &Parts) -> Option<&str> {
    let (scheme, credentials) = parts.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(credentials.trim())
}

fn unauthenticated(detail: &str) -> Problem {
    Problem::new(Kind::Unauthenticated, "request.unauthenticated", detail)
}

/// SHA-256 as lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new secret: 256 random bits in base64url, behind a prefix that secret scanners know.
pub fn new_secret(prefix: &str) -> String {
    use base64::Engine;
    let bytes: [u8; 32] = rand::random();
    format!("{prefix}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}
