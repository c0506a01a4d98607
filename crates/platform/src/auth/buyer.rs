//! Buyers: a customer by their session, or a guest by the token of a cart.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::session::find;
use super::{sha256_hex, unauthenticated};
use crate::{Ctx, Problem};

/// The header that carries the token of a guest's cart.
pub const CART_TOKEN: &str = "cart-token";

/// What every such token begins with: secret scanners know it, and what begins otherwise is none.
pub const CART_TOKEN_PREFIX: &str = "souk_ct_";

/// Who buys. A session counts before a cart's token; without both: 401. Whether a cart has
/// the token is not looked up here: what a stranger's token asks for is not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buyer(pub contracts::customers::Buyer);

/// The token of a guest's cart, where that is asked beside who asks. Only its hash goes further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartToken {
    /// SHA-256 of the token, lower-case hex.
    pub sha256: String,
}

impl Buyer {
    /// Whose idempotency keys these are.
    pub fn principal(&self) -> String {
        match &self.0 {
            contracts::customers::Buyer::Guest { token_sha256 } => token_sha256.clone(),
            contracts::customers::Buyer::Customer { customer } => customer.to_string(),
        }
    }
}

impl Deref for Buyer {
    type Target = contracts::customers::Buyer;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromRequestParts<Ctx> for Buyer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, ctx: &Ctx) -> Result<Self, Problem> {
        if let Some(session) = find(parts, ctx).await? {
            return Ok(Self(contracts::customers::Buyer::Customer { customer: session.customer }));
        }
        let detail = "send the token that `POST /v1/carts` answered as `Cart-Token: <token>`, or log in";
        let token = token(parts).ok_or_else(|| unauthenticated(detail))?;
        Ok(Self(contracts::customers::Buyer::Guest { token_sha256: token.sha256 }))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CartToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let detail = "send the token that `POST /v1/carts` answered as `Cart-Token: <token>`";
        token(parts).ok_or_else(|| unauthenticated(detail))
    }
}

fn token(parts: &Parts) -> Option<CartToken> {
    let token = parts.headers.get(CART_TOKEN)?.to_str().ok().filter(|token| token.starts_with(CART_TOKEN_PREFIX))?;
    Some(CartToken { sha256: sha256_hex(token.as_bytes()) })
}
