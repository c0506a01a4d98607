//! What orders do to their carts. An order holds its cart from its placing until it is cancelled unpaid.
//!
//! A cart is ordered exactly while some order that was placed has not released it. That is read from
//! what was heard, each time anew, so the end is the same in whatever order it was heard. An order that
//! ended otherwise keeps its cart closed, and the cart may be forgotten.

use ::store::Tx;
use contracts::orders::{OrderCancelled, OrderCompleted, OrderPlaced};
use platform::{Ctx, Outcome, Problem};

use crate::store;

/// Closes the cart, whatever its version by now: lines that came after the order's stay in it.
pub async fn on_order_placed(_: &Ctx, tx: &mut Tx, event: &OrderPlaced) -> Result<Outcome, Problem> {
    if store::lock(tx, event.cart).await? {
        store::hold(tx, event.cart, event.order).await?;
        store::settle(tx, event.cart).await?;
    }
    Ok(Outcome::Done)
}

/// Gives the cart back where nothing was paid; also beforehand, where the placing is yet to be heard of.
pub async fn on_order_cancelled(_: &Ctx, tx: &mut Tx, event: &OrderCancelled) -> Result<Outcome, Problem> {
    if !store::lock(tx, event.cart).await? {
        return Ok(Outcome::Done);
    }
    if event.reopens_cart {
        store::release(tx, event.cart, event.order).await?;
        store::settle(tx, event.cart).await?;
    } else {
        store::end(tx, Some(event.cart), event.order).await?;
    }
    Ok(Outcome::Done)
}

/// The cart is not needed any more.
pub async fn on_order_completed(_: &Ctx, tx: &mut Tx, event: &OrderCompleted) -> Result<Outcome, Problem> {
    store::end(tx, None, event.order).await?;
    Ok(Outcome::Done)
}
