//! Products, their variants, and what a variant costs in a market.
//!
//! Owns: products, variants, options, categories, brands, attributes, images, base prices; what is known of availability.
//! Never: counts stock (inventory), taxes or totals (pricing), or deletes what an old order may name.
//! Says: `product.created`, `product.updated`, `product.archived`, `price.changed`, `products.changed`, `category.changed`, `audit.recorded`.
//! Hears: `stock.availability_changed`.

mod add_variant;
mod attribute;
mod browse;
mod calls;
mod category;
mod create_category;
mod create_product;
mod declare_attribute;
mod delete_category;
mod edit_attribute;
mod edit_category;
mod edit_product;
mod edit_variant;
mod error;
mod export;
mod hot;
mod http;
mod import_parts;
mod import_prices;
mod import_products;
mod import_tree;
mod import_variants;
mod imported;
mod jobs;
mod listing;
mod media;
mod product;
mod reactions;
mod set_price;
mod slug;
mod staff_lists;
mod store;
mod variant;

#[cfg(test)]
mod tests;

use contracts::catalog::{
    CategoryChanged, GetVariants, PriceChanged, ProductArchived, ProductCreated, ProductUpdated, ProductsChanged,
    ResolveVariants,
};
use contracts::inventory::StockAvailabilityChanged;
use platform::{Ctx, Service};

pub use error::Error;
pub use export::{ExportedLine, ExportedPrice, ProductExport, export_prices};
pub use import_prices::{ImportedPrices, ListedPrice, import_prices};
pub use import_products::{Imported, import_products};
pub use import_tree::{ImportedParts, import_parts};
pub use imported::{ImportFault, ImportedCategory, ImportedPart, ImportedPrice, ImportedProduct, ImportedVariant};
pub use media::Image;
pub use variant::{VariantSize, VariantStatus};

use crate::hot::Hot;

pub fn service(ctx: &Ctx) -> Service {
    let hot = Hot::new(ctx.config.catalog.cache_bytes_max);
    let service = Service::new("catalog", ctx)
        .migrations(store::MIGRATIONS)
        .statements(&store::all())
        .codes(error::CODES)
        .routes(http::routes(hot.clone()))
        .answers::<GetVariants, _, _>(calls::get_variants)
        .answers::<ResolveVariants, _, _>(calls::resolve_variants)
        .reacts_derived::<StockAvailabilityChanged, _>(reactions::on_stock_availability_changed)
        .does::<jobs::Relist, _, _>(jobs::relist);
    forgets(service, &hot)
}

/// What makes every process forget the pages that it keeps.
fn forgets(service: Service, hot: &Hot) -> Service {
    let (created, updated, archived) = (hot.clone(), hot.clone(), hot.clone());
    let (many, price, category, all) = (hot.clone(), hot.clone(), hot.clone(), hot.clone());
    service
        .misses(move || all.forget_all())
        .watches(move |event: &ProductCreated| created.forget(&[event.product]))
        .watches(move |event: &ProductUpdated| updated.forget(&[event.product]))
        .watches(move |event: &ProductArchived| archived.forget(&[event.product]))
        .watches(move |event: &ProductsChanged| many.forget(&event.products))
        .watches(move |event: &PriceChanged| price.forget(&[event.product]))
        .watches(move |_: &CategoryChanged| category.forget_all())
}
