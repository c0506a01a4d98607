//! Who may see an order: its buyer, who holds a link to it, and the shop.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use contracts::customers::{Buyer, CustomerId};
use contracts::orders::OrderId;
use platform::{Ctx, Problem};

use crate::error::Error;
use crate::link;

/// The header that carries the token of a link.
const ORDER_TOKEN: &str = "order-token";

/// Who asks for an order. Not theirs is not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asker {
    /// Staff, and the shop itself.
    Shop,
    Buyer(Buyer),
    /// Whoever holds a link to this order.
    Link(OrderId),
}

/// An [`Asker`] as the statements take it: an order is theirs where its customer or its token is, or any is.
#[derive(Debug)]
pub struct Owner<'a> {
    pub customer: Option<CustomerId>,
    pub buyer_sha256: Option<&'a str>,
    pub any: bool,
}

impl Asker {
    pub fn owner(&self, order: OrderId) -> Owner<'_> {
        match self {
            Self::Shop => Owner { customer: None, buyer_sha256: None, any: true },
            Self::Link(theirs) => Owner { customer: None, buyer_sha256: None, any: *theirs == order },
            Self::Buyer(buyer) => Owner { customer: buyer.customer(), buyer_sha256: buyer.token_sha256(), any: false },
        }
    }
}

/// `Order-Token`, else as [`platform::Buyer`]. A link that has ended: 401.
impl FromRequestParts<Ctx> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, ctx: &Ctx) -> Result<Self, Problem> {
        let Some(token) = parts.headers.get(ORDER_TOKEN) else {
            return platform::Buyer::from_request_parts(parts, ctx).await.map(|buyer| Self::Buyer(buyer.0));
        };
        let opened = token.to_str().ok().and_then(|token| link::opens(&ctx.secrets, token, ctx.clock.now()));
        Ok(opened.map(Self::Link).ok_or(Error::LinkEnded)?)
    }
}
