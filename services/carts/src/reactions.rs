//! What orders do to their carts. An order holds its cart from its placing until it is cancelled unpaid.
//!
//! A cart is ordered exactly while some order that was placed has not released it. That is read from
//! what was heard, each time anew, so the end is the same in whatever order it was heard. An order that
//! ended otherwise keeps its cart closed, and the cart may be forgotten.

//!
//! Between the placing and its being heard of, the cart looks open. What a customer puts in then (also by claiming
//! the cart, which joins another one into it) is nothing that was bought: it goes on in an open cart of theirs.
//! And a cart that was ordered and then joined into a claimed one comes back out of it, for what it held is
//! bought. A guest has one token for one cart, so that newer lines of theirs stay in it.

use ::store::Tx;
use contracts::carts::CartId;
use contracts::orders::{OrderCancelled, OrderCompleted, OrderPlaced};
use platform::{Ctx, Outcome, Problem, fault};

use crate::cart::Units;
use crate::store;

/// Closes the cart with what was ordered.
pub async fn on_order_placed(_: &Ctx, tx: &mut Tx, event: &OrderPlaced) -> Result<Outcome, Problem> {
    match store::lock(tx, event.cart).await? {
        Some(version) => {
            hold(tx, event).await?;
            if version > event.cart_version {
                part_newer(tx, event).await?;
            }
        }
        None => part_ordered(tx, event).await?,
    }
    Ok(Outcome::Done)
}

async fn hold(tx: &mut Tx, event: &OrderPlaced) -> Result<(), Problem> {
    store::hold(tx, event.cart, event.order).await?;
    if fault::planted("bug.carts.loses_lines") {
        store::lose_lines(tx, event.cart).await?;
    }
    Ok(store::settle(tx, event.cart).await?)
}

/// What a customer's cart holds beyond its order is an open cart from now on.
async fn part_newer(tx: &mut Tx, event: &OrderPlaced) -> Result<(), Problem> {
    let Some(cart) = store::held_cart(tx, event.cart).await? else { return Ok(()) };
    let (Some(customer), true) = (cart.customer, cart.order == Some(event.order)) else { return Ok(()) };
    let newer = cart.beyond(&ordered(event));
    if newer.is_empty() {
        return Ok(());
    }
    let (now, ids, id) = (tx.now(), tx.ids().clone(), tx.ids().next::<CartId>());
    let (cart, other) = cart.part(&newer, (id, 1), || ids.next(), now);
    Ok(store::part(tx, &cart, &other, customer).await?)
}

/// The cart went into another one before its order was heard of: it comes back with what that bought. Where the
/// other one was ordered as well, its buyer saw it so.
async fn part_ordered(tx: &mut Tx, event: &OrderPlaced) -> Result<(), Problem> {
    let Some((into, version)) = store::joined_into(tx, event.cart).await? else { return Ok(()) };
    if store::is_released(tx, event.order).await? || store::lock(tx, into).await?.is_none() {
        return Ok(());
    }
    let Some(cart) = store::held_cart(tx, into).await? else { return Ok(()) };
    let (Some(customer), None) = (cart.customer, cart.order) else { return Ok(()) };
    let (now, ids) = (tx.now(), tx.ids().clone());
    let (cart, other) = cart.part(&ordered(event), (event.cart, version + 1), || ids.next(), now);
    store::part(tx, &cart, &other, customer).await?;
    store::disjoin(tx, event.cart).await?;
    hold(tx, event).await
}

fn ordered(event: &OrderPlaced) -> Units {
    let mut units = Units::new();
    for line in &event.lines {
        *units.entry(line.variant).or_default() += line.quantity;
    }
    units
}

/// Gives the cart back where nothing was paid; also beforehand, where the placing is yet to be heard of.
pub async fn on_order_cancelled(_: &Ctx, tx: &mut Tx, event: &OrderCancelled) -> Result<Outcome, Problem> {
    let cart = store::lock(tx, event.cart).await?.map(|_| event.cart);
    match cart {
        Some(cart) if event.reopens_cart => {
            store::release(tx, Some(cart), event.order).await?;
            store::settle(tx, cart).await?;
        }
        None if event.reopens_cart => store::release(tx, None, event.order).await?,
        Some(_) => store::end(tx, cart, event.order).await?,
        None => {}
    }
    Ok(Outcome::Done)
}

/// The cart is not needed any more.
pub async fn on_order_completed(_: &Ctx, tx: &mut Tx, event: &OrderCompleted) -> Result<Outcome, Problem> {
    store::end(tx, None, event.order).await?;
    Ok(Outcome::Done)
}
