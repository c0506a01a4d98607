//! Carts and their lines.
//!
//! Owns: carts of guests and customers, their lines, and which order holds a cart closed.
//! Never: keeps a price that counts (a cart is priced when it is read), holds stock, or keeps a token.
//! Says: nothing of its own.
//! Hears: `order.placed`, `order.cancelled`, `order.completed`.

mod cart;
mod change_cart;
mod change_lines;
mod checks;
mod claim;
mod create_cart;
mod error;
mod get_basket;
mod http;
mod list_carts;
mod offer;
mod price;
mod prune;
mod reactions;
mod shipping_options;
mod show_cart;
mod store;
#[cfg(test)]
mod test_shop;
#[cfg(test)]
mod tests;
mod view;

use contracts::catalog::GetVariants;
use contracts::customers::GetCustomerContact;
use contracts::orders::{OrderCancelled, OrderCompleted, OrderPlaced};
use contracts::pricing::QuoteBasket;
use contracts::shipping::GetShippingOptions;
use platform::{Ctx, Service};

pub use store::PERSONAL;

/// The service, ready to run.
pub fn service(ctx: &Ctx) -> Service {
    Service::new("carts", ctx)
        .migrations(store::MIGRATIONS)
        .statements(store::ALL)
        .codes(error::CODES)
        .routes(http::routes())
        .asks::<GetVariants>()
        .asks::<GetShippingOptions>()
        .asks::<QuoteBasket>()
        .asks::<GetCustomerContact>()
        .answers(get_basket::get_basket)
        .answers(get_basket::facts)
        .reacts::<OrderPlaced, _>(reactions::on_order_placed)
        .reacts::<OrderCancelled, _>(reactions::on_order_cancelled)
        .reacts::<OrderCompleted, _>(reactions::on_order_completed)
        .prunes(prune::prune)
}
