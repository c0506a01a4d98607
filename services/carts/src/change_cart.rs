//! Says who buys, where it goes and how.

use ::store::Tx;
use contracts::carts::CartId;
use contracts::shipping::ShippingMethodId;
use contracts::{Address, Locale, Metadata};
use garde::Validate;
use platform::auth::Buyer;
use platform::{Ctx, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::cart::{Cart, Details};
use crate::change_lines::change_open;
use crate::error::Error;
use crate::show_cart::{read, show_cart, view};
use crate::view::CartView;
use crate::{price, store};

/// What is different about a cart; what is left out, or null, stays as it is.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeCart {
    #[garde(email, length(chars, max = 254))]
    #[schema(example = "ada@example.com", max_length = 254)]
    pub email: Option<String>,
    /// In one of the market's countries.
    #[garde(dive)]
    pub shipping_address: Option<Address>,
    /// One of the cart's shipping options.
    #[garde(skip)]
    pub shipping_method: Option<ShippingMethodId>,
    #[garde(skip)]
    pub locale: Option<Locale>,
    /// Replaces all of it.
    #[garde(skip)]
    pub metadata: Option<Metadata>,
}

/// Changes the cart and shows it. Two statements.
///
/// Errors: `NotFound`, `Ordered`; field problems at `/shipping_address/country` and `/shipping_method`.
pub async fn change_cart(ctx: &Ctx, buyer: &Buyer, id: CartId, body: ChangeCart) -> Result<CartView, Error> {
    let cart = read(ctx, buyer, id).await?;
    cart.require_open()?;
    require_country(ctx, &cart, &body)?;
    let ChangeCart { email, shipping_address, shipping_method, locale, metadata } = body;
    let details = Details { email, shipping_address, shipping_method, locale, metadata };
    let (from_version, at) = (cart.version, ctx.clock.now());
    let cart = cart.with_details(details.clone(), at);
    if let Some(method) = details.shipping_method {
        require_method(ctx, &cart, method).await?;
    }
    let offer = price::offer(ctx, &cart).await?;
    let (token_sha256, quote) = (buyer.token_sha256.clone(), offer.quote.clone());
    let change = store::Change { cart: id, token_sha256, details, from_version, quote, at };
    let version = ctx.db.write(change, |tx: &mut Tx, change| Box::pin(change_open(tx, change))).await?;
    if version == cart.version { view(ctx, buyer, cart, offer).await } else { show_cart(ctx, buyer, id).await }
}

fn require_country(ctx: &Ctx, cart: &Cart, body: &ChangeCart) -> Result<(), Error> {
    let Some(address) = &body.shipping_address else {
        return Ok(());
    };
    let countries = &ctx.market(&cart.market)?.countries;
    if countries.contains(&address.country) {
        return Ok(());
    }
    let detail = format!("the shop does not sell to `{}`; it sells to: {}", address.country, countries.join(", "));
    Err(Problem::field("/shipping_address/country", detail).into())
}

async fn require_method(ctx: &Ctx, cart: &Cart, method: ShippingMethodId) -> Result<(), Error> {
    let Some(address) = &cart.shipping_address else {
        return Err(Problem::field(
            "/shipping_method",
            "depends on where the cart goes: send `shipping_address` with it, or before",
        )
        .into());
    };
    let options = price::shipping_options(ctx, cart, &address.country).await?;
    if options.iter().any(|option| option.method == method) {
        return Ok(());
    }
    let known: Vec<String> = options.iter().map(|option| format!("{} ({})", option.method, option.name)).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let detail = format!("does not serve {}; what does: {known}", address.country);
    Err(Problem::field("/shipping_method", detail).into())
}
