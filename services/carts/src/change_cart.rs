//! Says who buys, where it goes and how.

use ::store::Tx;
use contracts::carts::CartId;
use contracts::customers::Buyer;
use contracts::shipping::ShippingMethodId;
use contracts::{Address, Locale, Metadata};
use garde::Validate;
use platform::Ctx;
use platform::http::said;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::cart::Details;
use crate::change_lines::change_open;
use crate::checks::{require_country, require_email, require_method};
use crate::error::Error;
use crate::show_cart::{read, show_cart, view};
use crate::view::CartView;
use crate::{price, store};

/// What is different about a cart; what is left out stays, null is taken away.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeCart {
    #[serde(default, deserialize_with = "said")]
    #[garde(inner(inner(length(chars, min = 3, max = 254))))]
    #[schema(value_type = Option<String>, format = Email, example = "ada@example.com", min_length = 3, max_length = 254)]
    pub email: Option<Option<String>>,
    /// In one of the market's countries.
    #[serde(default, deserialize_with = "said")]
    #[garde(dive)]
    #[schema(value_type = Option<Address>)]
    pub shipping_address: Option<Option<Address>>,
    /// Whom the invoice is for, where that is another address. With a company and its tax id a business buys.
    #[serde(default, deserialize_with = "said")]
    #[garde(dive)]
    #[schema(value_type = Option<Address>)]
    pub billing_address: Option<Option<Address>>,
    /// One of the cart's shipping options.
    #[serde(default, deserialize_with = "said")]
    #[garde(skip)]
    #[schema(value_type = Option<ShippingMethodId>)]
    pub shipping_method: Option<Option<ShippingMethodId>>,
    #[serde(default)]
    #[garde(skip)]
    pub locale: Option<Locale>,
    /// Replaces all of it.
    #[serde(default)]
    #[garde(skip)]
    pub metadata: Option<Metadata>,
}

impl ChangeCart {
    fn details(self) -> Details {
        let Self { email, shipping_address, billing_address, shipping_method, locale, metadata } = self;
        Details { email, shipping_address, billing_address, shipping_method, locale, metadata }
    }
}

/// Changes the cart and shows it. Two statements.
///
/// Errors: `NotFound`, `Ordered`; field problems at `/email`, `/shipping_address/country` and `/shipping_method`.
pub async fn change_cart(ctx: &Ctx, buyer: &Buyer, id: CartId, body: ChangeCart) -> Result<CartView, Error> {
    let cart = read(ctx, buyer, id).await?;
    cart.require_open()?;
    let details = body.details();
    require_email(details.email.as_ref().and_then(Option::as_ref))?;
    require_country(ctx, &cart, details.shipping_address.as_ref().and_then(Option::as_ref))?;
    let (from_version, at) = (cart.version, ctx.clock.now());
    let cart = cart.with_details(details.clone(), at);
    let offer = price::offer(ctx, &cart).await?;
    // A way that was chosen before may cease to serve: the cart is then missing one.
    if details.shipping_method.flatten().is_some() {
        require_method(ctx, &cart, &offer).await?;
    }
    let (owner, quote) = (buyer.clone(), offer.quote.clone());
    let change = store::Change { cart: id, buyer: owner, details, from_version, quote, at };
    let version = ctx.db.write(change, |tx: &mut Tx, change| Box::pin(change_open(tx, change))).await?;
    if version == cart.version { view(ctx, buyer, cart, offer).await } else { show_cart(ctx, buyer, id).await }
}
