//! What is looked at before a cart is written: where it goes, how, and what is put into it.

use contracts::Address;
use contracts::catalog::VariantId;
use platform::{Ctx, Problem};

use crate::cart::Cart;
use crate::offer::{Method, Offer, is_for_sale};
use crate::price;

/// Errors: a field problem at `/email` where no mail could be sent to it.
pub fn require_email(email: Option<&String>) -> Result<(), Problem> {
    let read = email.map_or(Ok(()), |email| garde::rules::email::parse_email(email));
    read.map_err(|error| Problem::field("/email", format!("is no e-mail address: {error}")))
}

/// Errors: a field problem at `/shipping_address/country` where the market does not sell there.
pub fn require_country(ctx: &Ctx, cart: &Cart, address: Option<&Address>) -> Result<(), Problem> {
    let Some(address) = address else {
        return Ok(());
    };
    let countries = &ctx.market(&cart.market)?.countries;
    if countries.contains(&address.country) {
        return Ok(());
    }
    let detail = format!("the shop does not sell to `{}`; it sells to: {}", address.country, countries.join(", "));
    Err(Problem::field("/shipping_address/country", detail))
}

/// Whether the way that the buyer asks for serves the cart, as its offer says.
///
/// Errors: a field problem at `/shipping_method`; unavailable where that can't be known.
pub async fn require_method(ctx: &Ctx, cart: &Cart, offer: &Offer) -> Result<(), Problem> {
    match offer.method {
        Method::NotChosen | Method::Serves(_) => return Ok(()),
        Method::Unknown => return Err(unavailable(offer, "nobody says how the cart can be sent")),
        Method::DoesNotServe => {}
    }
    let options = price::shipping_options(ctx, cart).await?;
    let known: Vec<String> = options.iter().map(|option| format!("{} ({})", option.method, option.name)).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let detail = match &cart.shipping_address {
        Some(address) => format!("does not serve {}; what does: {known}", address.country),
        None => format!("needs a `shipping_address`, with it or before; without one there is: {known}"),
    };
    Err(Problem::field("/shipping_method", detail))
}

fn unavailable(offer: &Offer, why: &str) -> Problem {
    offer.unavailable.clone().unwrap_or_else(|| Problem::unavailable(why))
}

/// What the variant costs the buyer now, in minor units. Nothing is put into a cart unseen: where the
/// catalogue does not answer, that is said.
///
/// Errors: a field problem at `<pointer>/variant` where it is not for sale.
pub fn price_of(cart: &Cart, offer: &Offer, variant: VariantId, pointer: &str) -> Result<i64, Problem> {
    let Some(variants) = &offer.variants else {
        return Err(unavailable(offer, "the catalogue does not answer"));
    };
    let sold = variants.get(&variant).filter(|variant| is_for_sale(variant));
    sold.and_then(|variant| variant.unit_price).map(|price| price.amount).ok_or_else(|| {
        let detail =
            format!("is not for sale in market `{}`: it is not known, not active, or has no price there", cart.market);
        Problem::field(format!("{pointer}/variant"), detail)
    })
}
