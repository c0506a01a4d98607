//! Makes a guest's cart a customer's.

use ::store::Tx;
use contracts::carts::CartId;
use contracts::customers::{Buyer, CustomerId};
use platform::Ctx;

use crate::cart::{Cart, Limits};
use crate::create_cart::account;
use crate::error::Error;
use crate::show_cart::show_cart;
use crate::store;
use crate::view::CartView;

struct Claiming {
    cart: CartId,
    token_sha256: String,
    customer: CustomerId,
    email: Option<String>,
    limits: Limits,
    open_max: i64,
}

/// Gives a guest's cart, by its token, to the customer who asks; from then on the token opens nothing. What
/// lies in the customer's own open cart of that market (the one that was changed last) joins into it: equal
/// variants add up, and what the claimed cart lacks of e-mail and addresses it takes from there. The other
/// cart is gone then, unless lines are left in it that would pass a limit here.
///
/// The same customer may ask again and gets the same cart. Errors: `NotFound`, also for everybody else;
/// `Ordered`, `TooManyCarts`.
pub async fn claim(ctx: &Ctx, customer: CustomerId, token_sha256: String, cart: CartId) -> Result<CartView, Error> {
    let email = account(ctx, customer).await.map(|account| account.email);
    let (limits, open_max) = (Limits::of(&ctx.config.carts), ctx.config.carts.open_per_customer_max);
    let claiming = Claiming { cart, token_sha256, customer, email, limits, open_max };
    ctx.db.write(claiming, |tx, claiming| Box::pin(take(tx, claiming))).await?;
    show_cart(ctx, &Buyer::Customer { customer }, cart).await
}

async fn take(tx: &mut Tx, claiming: &Claiming) -> Result<(), Error> {
    let Claiming { cart: id, token_sha256, customer, email, limits, open_max } = claiming;
    match store::lock_claimed(tx, *id, token_sha256, *customer).await? {
        None => return Err(Error::NotFound),
        Some(Some(_)) => return Ok(()),
        Some(None) => {}
    }
    let guest = Buyer::Guest { token_sha256: token_sha256.clone() };
    let cart = store::cart_in(tx, *id, &guest).await?.ok_or(Error::NotFound)?;
    cart.require_open()?;
    let now = tx.now();
    let Some(other) = other(tx, &cart, *customer).await? else {
        return alone(tx, cart, *customer, email.clone(), *open_max).await;
    };
    let (cart, other) = cart.join(other, *limits, now);
    let cart = Cart { email: cart.email.or_else(|| email.clone()), ..cart };
    store::claim(tx, &cart, *customer).await?;
    Ok(store::share_lines(tx, &cart, &other).await?)
}

/// The customer's own open cart of the market, locked.
async fn other(tx: &mut Tx, cart: &Cart, customer: CustomerId) -> Result<Option<Cart>, Error> {
    match store::lock_other(tx, customer, &cart.market, cart.id).await? {
        Some(other) => Ok(store::cart_in(tx, other, &Buyer::Customer { customer }).await?),
        None => Ok(None),
    }
}

/// Nothing to join: one more cart of the customer's.
async fn alone(
    tx: &mut Tx,
    cart: Cart,
    customer: CustomerId,
    email: Option<String>,
    open_max: i64,
) -> Result<(), Error> {
    if store::count_open(tx, customer).await? >= open_max {
        return Err(Error::TooManyCarts { open_max });
    }
    let (version, updated_at) = (cart.version + 1, tx.now());
    let cart = Cart { email: cart.email.clone().or(email), version, updated_at, ..cart };
    Ok(store::claim(tx, &cart, customer).await?)
}
