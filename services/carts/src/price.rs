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
    let (variants, method) = futures::join!(variants(ctx, cart), method(ctx, cart));
    let variants = if_available(variants, &mut unavailable)?;
    let method = if_available(method, &mut unavailable)?.unwrap_or(Method::Unknown);
    let quote = match &variants {
        Some(variants) if method != Method::Unknown => {
            if_available(quote(ctx, cart, variants, &method).await, &mut unavailable)?
        }
        _ => None,
    };
    Ok(Offer { variants, method, quote, unavailable })
}

/// How this cart can be sent to its address, cheapest first.
pub async fn shipping_options(ctx: &Ctx, cart: &Cart, country: &str) -> Result<Vec<ShippingOption>, Problem> {
    let (market, currency, country) = (cart.market.clone(), cart.currency, country.to_owned());
    ctx.call(GetShippingOptions { market, currency, country }).await
}

async fn variants(ctx: &Ctx, cart: &Cart) -> Result<Variants, Problem> {
    if cart.lines.is_empty() {
        return Ok(Variants::new());
    }
    let variants = cart.lines.iter().map(|line| line.variant).collect();
    let known = ctx.call(GetVariants { variants, market: cart.market.clone(), currency: cart.currency }).await?;
    Ok(known.into_iter().map(|variant| (variant.variant, variant)).collect())
}

async fn method(ctx: &Ctx, cart: &Cart) -> Result<Method, Problem> {
    let (Some(chosen), Some(address)) = (cart.shipping_method, &cart.shipping_address) else {
        return Ok(Method::NotChosen);
    };
    let options = shipping_options(ctx, cart, &address.country).await?;
    let found = options.into_iter().find(|option| option.method == chosen);
    Ok(found.map_or(Method::DoesNotServe, Method::Serves))
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
