//! Opens a cart.

use contracts::{Locale, MarketId, Metadata};
use garde::Validate;
use platform::auth::{new_secret, sha256_hex};
use platform::{Config, Ctx};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::cart::Cart;
use crate::error::Error;
use crate::offer::{self, Method, Offer, Variants};
use crate::store;
use crate::view::{CartView, OpenedCart};

const TOKEN_PREFIX: &str = "souk_ct_";
const DEFAULT_MARKET: &str = "default";

/// A cart to be opened; all may be left out.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCart {
    /// Left out: `default`, or the first market by name. A cart stays in its market.
    #[garde(skip)]
    pub market: Option<MarketId>,
    /// Left out: the market's.
    #[garde(skip)]
    pub locale: Option<Locale>,
    #[garde(email, length(chars, max = 254))]
    #[schema(example = "ada@example.com", max_length = 254)]
    pub email: Option<String>,
    #[serde(default)]
    #[garde(skip)]
    pub metadata: Metadata,
}

/// Opens an empty cart and shows its token, this once. One statement.
///
/// Errors: a field problem where there is no such market.
pub async fn create_cart(ctx: &Ctx, body: NewCart) -> Result<OpenedCart, Error> {
    let id = body.market.unwrap_or_else(|| first_market(&ctx.config));
    let market = ctx.market(&id)?;
    let now = ctx.clock.now();
    let cart = Cart {
        id: ctx.ids.next(),
        market: id,
        currency: market.currency,
        locale: body.locale.unwrap_or_else(|| market.locale.clone()),
        email: body.email,
        shipping_address: None,
        shipping_method: None,
        metadata: body.metadata,
        order: None,
        version: 1,
        created_at: now,
        updated_at: now,
        lines: Vec::new(),
    };
    let token = new_secret(TOKEN_PREFIX);
    let input = (cart.clone(), sha256_hex(token.as_bytes()));
    ctx.db.write(input, |tx, (cart, token_sha256)| Box::pin(store::insert(tx, cart, token_sha256))).await?;
    let quote = Some(offer::nothing(&cart, market));
    let offer = Offer { variants: Some(Variants::new()), method: Method::NotChosen, quote, unavailable: None };
    Ok(OpenedCart { cart: CartView::of(cart, offer, None), token })
}

fn first_market(config: &Config) -> MarketId {
    let default = config.markets.keys().find(|id| id.as_str() == DEFAULT_MARKET);
    default.or_else(|| config.markets.keys().next()).cloned().expect("the settings refuse a shop without a market")
}
