//! Shows a cart, priced now.

use contracts::carts::CartId;
use contracts::customers::Buyer;
use platform::Ctx;

use crate::cart::Cart;
use crate::error::Error;
use crate::offer::Offer;
use crate::view::CartView;
use crate::{price, store};

/// The cart with its lines as the catalogue shows them now, and its quote. Where prices can't be had
/// right now, the last quote says so. One statement.
///
/// Errors: `NotFound`.
pub async fn show_cart(ctx: &Ctx, buyer: &Buyer, id: CartId) -> Result<CartView, Error> {
    let cart = read(ctx, buyer, id).await?;
    let offer = price::offer(ctx, &cart).await?;
    view(ctx, buyer, cart, offer).await
}

pub async fn read(ctx: &Ctx, buyer: &Buyer, id: CartId) -> Result<Cart, Error> {
    store::cart(&ctx.db, id, buyer).await?.ok_or(Error::NotFound)
}

pub async fn view(ctx: &Ctx, buyer: &Buyer, cart: Cart, offer: Offer) -> Result<CartView, Error> {
    let last_known = match &offer.quote {
        Some(_) => None,
        None => store::last_quote(&ctx.db, cart.id, buyer).await?,
    };
    Ok(CartView::of(cart, offer, last_known, &ctx.config.carts))
}
