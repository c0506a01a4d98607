//! Answers `orders` what is in a cart, priced now.

use contracts::carts::{Basket, BasketVariant, CartFact, CartFacts, GetBasket};
use platform::{Ctx, Problem, fault};

use crate::cart::Line;
use crate::error::Error;
use crate::{offer, price, show_cart, store};

const FACTS_MAX: usize = 500;

/// For the audit: whose these carts are and what they hold.
pub async fn facts(ctx: Ctx, call: CartFacts) -> Result<Vec<CartFact>, Problem> {
    if call.carts.len() > FACTS_MAX {
        return Err(Problem::field("/carts", format!("names at most {FACTS_MAX} carts")));
    }
    Ok(store::facts(&ctx.db, &call.carts).await?)
}

/// The cart as it would be ordered now. Unlike the buyer's view it takes no last known price: where a
/// part of the shop does not answer, neither does this.
///
/// Errors: `NotFound`, `Ordered`.
pub async fn get_basket(ctx: Ctx, call: GetBasket) -> Result<Basket, Problem> {
    Ok(basket(&ctx, call).await?)
}

async fn basket(ctx: &Ctx, call: GetBasket) -> Result<Basket, Error> {
    let owner = match fault::planted("bug.carts.asks_no_owner") {
        true => store::facts(&ctx.db, &[call.cart]).await?.pop().map(|fact| fact.owner),
        false => None,
    };
    let cart = show_cart::read(ctx, owner.as_ref().unwrap_or(&call.buyer), call.cart).await?;
    cart.require_open()?;
    let offer = price::offer(ctx, &cart).await?;
    let (Some(mut variants), Some(quote)) = (offer.variants, offer.quote) else {
        return Err(offer.unavailable.unwrap_or_else(|| Problem::unavailable("the cart has no price")).into());
    };
    let missing = offer::missing(&cart, Some(&variants), &offer.method);
    let line = |Line { id, variant, quantity, metadata, .. }| {
        let variant = variants.remove(&variant)?;
        Some(BasketVariant { line: id, quantity, metadata, variant })
    };
    Ok(Basket {
        cart: cart.id,
        version: cart.version,
        market: cart.market,
        currency: cart.currency,
        locale: cart.locale,
        customer: cart.customer,
        email: cart.email,
        shipping_address: cart.shipping_address,
        billing_address: cart.billing_address,
        pickup: offer.method.pickup().cloned(),
        shipping_method: cart.shipping_method,
        metadata: cart.metadata,
        lines: cart.lines.into_iter().filter_map(line).collect(),
        missing,
        quote,
    })
}
