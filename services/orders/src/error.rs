//! What orders refuses.

use contracts::Money;

platform::errors! {
    /// No such order, or not the asker's.
    NotFound => NotFound "orders.not_found" "there is no such order, or it is not yours";
    /// The cart lacks something; `context.missing` names what.
    CartIncomplete => Conflict "orders.cart_incomplete" "the cart can't be ordered yet: complete what `context.missing` names";
    /// The total is not the one the buyer was shown; `context` has the new one.
    PriceChanged { total: Money } => Conflict "orders.price_changed" "the total is now {total}: show it to the buyer and send it as `expected_total`";
    /// One cart makes one living order; `context.order` names it.
    CartAlreadyOrdered => Conflict "orders.cart_already_ordered" "the cart was ordered before: go on with `context.order`, or cancel that first";
    /// Too late: it was shipped, completed or cancelled.
    NotCancellable { status: &'static str } => Conflict "orders.not_cancellable" "the order is {status}: it has ended, or something of it was shipped, and can't be cancelled any more; read it again";
}
