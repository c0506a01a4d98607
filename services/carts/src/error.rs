//! What `carts` refuses.

use contracts::orders::OrderId;

platform::errors! {
    /// No such cart, or it is somebody else's.
    NotFound => NotFound "carts.not_found" "you have no such cart: is this its `Cart-Token`, or your session?";
    /// The cart has no such line; it may have been removed.
    LineNotFound => NotFound "carts.line_not_found" "the cart has no such line: read the cart again";
    /// The cart became an order and can't be changed; it opens again if that order is cancelled unpaid.
    Ordered { order: OrderId } => Conflict "carts.ordered" "the cart became order {order} and can't be changed: open a new cart";
    /// The cart holds as many lines as it can.
    TooManyLines { lines_max: i64 } => Invalid "carts.too_many_lines" "a cart holds at most {lines_max} lines: remove one, or order in two parts";
    /// Guests of this network address opened as many carts in an hour as they may; `Retry-After` says when the next is let in.
    TooManyOpened { seconds: u64 } => TooMany "carts.too_many_opened" "too many carts were opened from this network address: go on with one of them, or wait {seconds} seconds";
    /// The customer has as many open carts as they can.
    TooManyCarts { open_max: i64 } => Conflict "carts.too_many_carts" "you have {open_max} open carts: go on with one of them (`GET /v1/carts`)";
}
