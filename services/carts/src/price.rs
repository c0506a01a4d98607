//! Asks the rest of the shop about a cart: three questions at most, however many lines.

use contracts::catalog::GetVariants;
use contracts::pricing::Quote;
use contracts::shipping::{GetShippingOptions, ShippingOption};
use platform::{Ctx, Problem};

use crate::cart::Cart;
use crate::offer::{self, Method, Offer, Variants};

/// What the shop says to this cart now. Parts that are not available leave their field empty; any other
/// refusal is passed on.
pub async fn offer(ctx: &Ctx, cart: &Cart) -> Result<Offer, Problem> {
    let mut unavailable = None;
    let variants = if_available(variants(ctx, cart).await, &mut unavailable)?;
    let method = match &variants {
        Some(variants) => if_available(method(ctx, cart, variants).await, &mut unavailable)?.unwrap_or(Method::Unknown),
        None => Method::Unknown,
    };
    let quote = match &variants {
        Some(variants) if method != Method::Unknown => {
            if_available(quote(ctx, cart, variants, &method).await, &mut unavailable)?
        }
        _ => None,
    };
    Ok(Offer { variants, method, quote, unavailable })
}

/// How this cart can be sent to its address, and where it can be fetched; cheapest first.
pub async fn shipping_options(ctx: &Ctx, cart: &Cart) -> Result<Vec<ShippingOption>, Problem> {
    let variants = variants(ctx, cart).await?;
    options(ctx, cart, &variants).await
}

async fn options(ctx: &Ctx, cart: &Cart, variants: &Variants) -> Result<Vec<ShippingOption>, Problem> {
    let (weight_g, items_total) = offer::load(cart, variants);
    let address = cart.shipping_address.clone();
    let (country, region, postcode) = match address {
        Some(address) => (Some(address.country), address.region, address.postcode),
        None => (None, None, None),
    };
    let (market, currency) = (cart.market.clone(), cart.currency);
    ctx.call(GetShippingOptions { market, currency, country, region, postcode, weight_g, items_total }).await
}

async fn variants(ctx: &Ctx, cart: &Cart) -> Result<Variants, Problem> {
    if cart.lines.is_empty() {
        return Ok(Variants::new());
    }
    let variants = cart.lines.iter().map(|line| line.variant).collect();
    let known = ctx.call(GetVariants { variants, market: cart.market.clone(), currency: cart.currency }).await?;
    Ok(known.into_iter().map(|variant| (variant.variant, variant)).collect())
}

async fn method(ctx: &Ctx, cart: &Cart, variants: &Variants) -> Result<Method, Problem> {
    let Some(chosen) = cart.shipping_method else {
        return Ok(Method::NotChosen);
    };
    let found = options(ctx, cart, variants).await?.into_iter().find(|option| option.method == chosen);
    Ok(found.map_or(Method::DoesNotServe, |option| Method::Serves(Box::new(option))))
}

async fn quote(ctx: &Ctx, cart: &Cart, variants: &Variants, method: &Method) -> Result<Quote, Problem> {
    match offer::question(cart, variants, method) {
        Some(question) => ctx.call(question).await,
        None => Ok(offer::nothing(cart, ctx.market(&cart.market)?)),
    }
}

fn if_available<T>(result: Result<T, Problem>, unavailable: &mut Option<Problem>) -> Result<Option<T>, Problem> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(problem) if problem.is_unavailable() => {
            unavailable.get_or_insert(problem);
            Ok(None)
        }
        Err(problem) => Err(problem),
    }
}
