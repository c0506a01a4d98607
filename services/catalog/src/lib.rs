//! Products, their variants, and what a variant costs in a market.
//!
//! Owns: products, variants, options, attributes, images, base prices; what is known of availability.
//! Never: counts stock (inventory), taxes or totals (pricing), or deletes what an old order may name.
//! Says: `product.created`, `product.updated`, `price.changed`, `products.changed`, `audit.recorded`.
//! Hears: `stock.availability_changed`.

mod browse;
mod calls;
mod create_product;
mod edit_product;
mod error;
mod http;
mod import_products;
mod imported;
mod product;
mod reactions;
mod set_price;
mod slug;
mod store;
mod variant;

#[cfg(test)]
mod tests;

use contracts::catalog::GetVariants;
use contracts::inventory::StockAvailabilityChanged;
use platform::{Ctx, Service};

pub use error::Error;
pub use import_products::{Imported, Refusal, import_products};
pub use imported::ImportedProduct;

pub fn service(ctx: &Ctx) -> Service {
    Service::new("catalog", ctx)
        .migrations(store::MIGRATIONS)
        .statements(store::ALL)
        .statements(store::import::ALL)
        .codes(error::CODES)
        .routes(http::routes())
        .answers::<GetVariants, _, _>(calls::get_variants)
        .reacts::<StockAvailabilityChanged, _>(reactions::on_stock_availability_changed)
}
