//! Lists how a cart can be sent.

use contracts::carts::CartId;
use contracts::customers::Buyer;
use contracts::shipping::ShippingOption;
use platform::Ctx;
use platform::http::List;

use crate::error::Error;
use crate::{price, show_cart};

/// The ways to send the cart to its address and the places where it can be fetched, cheapest first; without
/// an address, the places alone.
///
/// Errors: `NotFound`; unavailable where the catalogue or `shipping` don't answer.
pub async fn shipping_options(ctx: &Ctx, buyer: &Buyer, id: CartId) -> Result<List<ShippingOption>, Error> {
    let cart = show_cart::read(ctx, buyer, id).await?;
    Ok(List { items: price::shipping_options(ctx, &cart).await?, next: None })
}
