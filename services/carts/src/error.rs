//! What `carts` refuses.

use contracts::orders::OrderId;

platform::errors! {
    /// No such cart, or the `Cart-Token` is another cart's.
    NotFound => NotFound "carts.not_found" "there is no such cart for this `Cart-Token`";
    /// The cart has no such line; it may have been removed.
    LineNotFound => NotFound "carts.line_not_found" "the cart has no such line: read the cart again";
    /// The cart became an order and can't be changed; it opens again if that order is cancelled unpaid.
    Ordered { order: OrderId } => Conflict "carts.ordered" "the cart became order {order} and can't be changed: open a new cart";
    /// The cart holds as many lines as it can.
    TooManyLines { lines_max: i64 } => Invalid "carts.too_many_lines" "a cart holds at most {lines_max} lines: remove one, or order in two parts";
    /// How a cart can be sent depends on where it goes, and it names no address yet.
    AddressMissing => Conflict "carts.address_missing" "give the cart a `shipping_address` first: how it can be sent depends on where it goes";
}
