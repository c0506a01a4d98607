//! I10 what was put into a cart and bought is still there; I11 nothing belongs to another.

use std::collections::BTreeMap;

use contracts::audit::Existing;
use contracts::carts::{CartFact, CartFacts, CartId};
use contracts::customers::Buyer;
use contracts::orders::OrderFact;
use contracts::orders::OrderStatus::{Cancelled, Completed};
use contracts::payments::PaymentFact;
use contracts::{Event, Id};
use platform::Problem;
use uuid::Uuid;

use super::{Audit, ask};

/// The route whose orders a payment may be for.
const PLACE: &str = "POST /v1/orders";

/// Of a page of orders: each beside its cart.
pub(super) async fn check_carts(audit: &mut Audit<'_>, orders: &[OrderFact]) -> Result<(), Problem> {
    let carts = orders.iter().map(|order| order.cart).collect();
    let carts: Vec<CartFact> = audit.ctx.call(CartFacts { carts }).await?;
    let carts: BTreeMap<CartId, CartFact> = carts.into_iter().map(|cart| (cart.cart, cart)).collect();
    for order in orders.iter().filter(|order| audit.is_settled(order.updated_at)).collect::<Vec<_>>() {
        // A cart that went into another one, or is long done with, is not there.
        if let Some(cart) = carts.get(&order.cart) {
            check_owner(audit, order, cart);
            check_lines(audit, order, cart);
        }
    }
    Ok(())
}

/// I11: who ordered a cart is who has it. A guest's may be claimed by a customer afterwards.
fn check_owner(audit: &mut Audit<'_>, order: &OrderFact, cart: &CartFact) {
    let theirs = match (&order.buyer, &cart.owner) {
        (Buyer::Guest { .. }, Buyer::Customer { .. }) => true,
        (buyer, owner) => buyer == owner,
    };
    audit.must(theirs, "I11", order.order, || format!("it was placed by another than {} belongs to", cart.cart));
}

/// I10: while an order lives its cart is closed, and what was bought is in it.
fn check_lines(audit: &mut Audit<'_>, order: &OrderFact, cart: &CartFact) {
    if matches!(order.status, Cancelled | Completed) || cart.order != Some(order.order) {
        return;
    }
    let held: BTreeMap<_, i64> = cart.units.iter().copied().collect();
    for (variant, ordered) in &order.units {
        let there = held.get(variant).copied().unwrap_or(0);
        audit.must(there >= *ordered, "I10", order.order, || {
            format!("{ordered} of {variant} were bought of {}, which holds {there}", cart.cart)
        });
    }
}

/// I11: a payment is of an order that there is.
pub(super) async fn check_payers(audit: &mut Audit<'_>, payments: &[PaymentFact]) -> Result<(), Problem> {
    let things: Vec<Uuid> = payments.iter().map(|payment| payment.order.uuid()).collect();
    let call = Existing { route: PLACE.to_owned(), things };
    let orders: Vec<Uuid> = ask(audit, contracts::orders::OrderPlaced::SAID_BY, "existing", &call).await?;
    for payment in payments {
        audit.must(orders.contains(&payment.order.uuid()), "I11", payment.payment, || {
            format!("it pays {}, which nobody placed", payment.order)
        });
    }
    Ok(())
}
