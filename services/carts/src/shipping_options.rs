//! Lists how a cart can be sent.

use contracts::carts::CartId;
use contracts::shipping::ShippingOption;
use platform::Ctx;
use platform::auth::Buyer;
use platform::http::List;

use crate::error::Error;
use crate::{price, show_cart};

/// The ways to send the cart to its address, cheapest first.
///
/// Errors: `NotFound`, `AddressMissing`.
pub async fn shipping_options(ctx: &Ctx, buyer: &Buyer, id: CartId) -> Result<List<ShippingOption>, Error> {
    let cart = show_cart::read(ctx, buyer, id).await?;
    let country = cart.shipping_address.as_ref().map(|address| address.country.clone()).ok_or(Error::AddressMissing)?;
    Ok(List { items: price::shipping_options(ctx, &cart, &country).await?, next: None })
}
