//! Lists a customer's open carts.

use contracts::carts::CartId;
use contracts::customers::CustomerId;
use contracts::{Currency, Id, MarketId, Money};
use jiff::Timestamp;
use platform::http::{List, Page};
use platform::{Ctx, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::cart::expiry;
use crate::store;

/// An open cart in short, as its row says.
#[derive(Debug, Clone)]
pub struct Summary {
    pub id: CartId,
    pub market: MarketId,
    pub currency: Currency,
    pub version: i64,
    pub total: Option<Money>,
    pub priced_at: Option<Timestamp>,
    pub lines: i64,
    pub units: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// An open cart in short. Its prices are of when it was changed; `GET /v1/carts/{cart}` has those of now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CartListItem {
    pub id: CartId,
    pub market: MarketId,
    pub currency: Currency,
    pub version: i64,
    /// As last known; null where it never was.
    pub total: Option<Money>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub priced_at: Option<Timestamp>,
    pub lines: i64,
    /// Of all lines together.
    pub units: i64,
    /// When it is deleted if it is left alone.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// The customer's open carts, the newest first. One statement, and nobody is asked.
pub async fn list(ctx: &Ctx, customer: CustomerId, page: &Page) -> Result<List<CartListItem>, Problem> {
    let (limit, before) = (page.limit()?, page.after()?.unwrap_or(CartId::from_uuid(Uuid::max())));
    let found = store::open_carts(&ctx.db, customer, before, limit + 1).await?;
    let List { items, next } = List::of(found, limit, |cart| cart.id);
    let item = |cart: Summary| {
        let expires_at = expiry(cart.updated_at, &ctx.config.carts);
        let Summary { id, market, currency, version, total, priced_at, lines, units, created_at, updated_at } = cart;
        CartListItem {
            id,
            market,
            currency,
            version,
            total,
            priced_at,
            lines,
            units,
            expires_at,
            created_at,
            updated_at,
        }
    };
    Ok(List { items: items.into_iter().map(item).collect(), next })
}
