//! What orders refuses.

use contracts::Money;

platform::errors! {
    /// No such order, or not the asker's.
    NotFound => NotFound "orders.not_found" "there is no such order, or it is not yours";
    /// The link to the order has ended, or was never one.
    LinkEnded => Unauthenticated "orders.link_ended" "the `Order-Token` is not one of this shop, or its 24 hours are over: `POST /v1/order-links` sends a new link";
    /// The cart lacks something; `context.missing` names what.
    CartIncomplete => Conflict "orders.cart_incomplete" "the cart can't be ordered yet: complete what `context.missing` names";
    /// The total is not the one the buyer was shown; `context` has the new one.
    PriceChanged { total: Money } => Conflict "orders.price_changed" "the total is now {total}: show it to the buyer and send it as `expected_total`";
    /// One cart makes one living order; `context.order` names it, where it is the asker's.
    CartAlreadyOrdered => Conflict "orders.cart_already_ordered" "the cart was ordered before: go on with that order (`context.order`, if it is yours), or cancel it first";
    /// Too late: it was shipped or completed.
    NotCancellable { status: &'static str } => Conflict "orders.not_cancellable" "the order is {status} and nothing of it is left to cancel; read it again";
    /// Before it is paid for, an order is cancelled whole.
    NotByLine => Conflict "orders.not_by_line" "the order is not paid for yet, so it can only be cancelled whole: send no `lines`";
    /// Fewer units are left than were named; `context.left` has what is left of each line.
    UnitsGone => Conflict "orders.units_gone" "a line has fewer units left than that: `context.left` has what is left of each";
    /// Another cancellation of this order is being decided.
    CancelPending => Conflict "orders.cancel_pending" "another cancellation of this order is being decided: read the order again in a moment";
    /// Shipping was asked, and a part of what was to be cancelled has left the house.
    CancelRefused => Conflict "orders.cancel_refused" "a part of that has left the house, so nothing was cancelled; read the order again";
    /// This process streams to as many as it can.
    TooManyStreams => Unavailable "orders.too_many_streams" "too many orders are being watched right now: try again in a moment, or read the order";
}
