//! What catalog refuses.

platform::errors! {
    /// No such product, or not one that may be seen: lists and search answer the ids and slugs there are.
    ProductNotFound { product: String } => NotFound "catalog.product_not_found" "there is no product `{product}` in the shop";
    /// No such variant: a product's page lists the variants it has.
    VariantNotFound { variant: contracts::catalog::VariantId } => NotFound "catalog.variant_not_found" "there is no variant {variant}";
    /// A SKU names one variant of the shop: another one has it.
    SkuTaken { sku: String } => Conflict "catalog.sku_taken" "the SKU `{sku}` belongs to another variant: choose a new one";
    /// A slug names one product of the shop: another one has it.
    SlugTaken { slug: String } => Conflict "catalog.slug_taken" "the slug `{slug}` belongs to another product: choose a new one, or leave it out and one is made";
    /// An id of a source names one product or variant of the shop: another one has it.
    ExternalRefTaken { reference: String } => Conflict "catalog.external_ref_taken" "the external reference {reference} belongs to another product or variant";
    /// Somebody changed the product since it was read: read it again and repeat the edit on what it is now.
    ProductChanged { version: i64 } => Stale "catalog.product_changed" "the product is at version {version} by now: read it again and repeat the edit";
}
