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
    /// A product keeps at least one variant: archive the product instead, or add another variant first.
    LastVariant => Conflict "catalog.last_variant" "a product keeps at least one variant: archive the product, or add another variant first";
    /// A product has had as many variants as one page of the shop can tell apart, with those that were taken out.
    TooManyVariants { most: i64 } => Conflict "catalog.too_many_variants" "a product has at most {most} variants: make another product";
    /// No such category: `GET /v1/categories` lists them.
    CategoryNotFound { category: String } => NotFound "catalog.category_not_found" "there is no category `{category}` in the shop";
    /// Somebody changed the category since it was read: read it again and repeat the edit on what it is now.
    CategoryChanged { version: i64 } => Stale "catalog.category_changed" "the category is at version {version} by now: read it again and repeat the edit";
    /// A category that holds categories or products of any status stays: move them first.
    CategoryNotEmpty => Conflict "catalog.category_not_empty" "the category holds categories or products, drafts and archived ones too: move them first";
    /// The place that a category shall have is none: it would hold itself, lie too deep, or be its sibling's namesake.
    CategoryMisplaced { why: String } => Conflict "catalog.category_misplaced" "{why}";
    /// A slug names one category of the shop: another one has it.
    CategorySlugTaken { slug: String } => Conflict "catalog.category_slug_taken" "the slug `{slug}` belongs to another category: choose a new one, or leave it out and one is made";
    /// No such attribute: `GET /v1/attributes` lists them.
    AttributeNotFound { key: String } => NotFound "catalog.attribute_not_found" "there is no attribute `{key}` in the shop";
    /// The attribute was declared before, perhaps by the first product that used it: edit it instead.
    AttributeTaken { key: String } => Conflict "catalog.attribute_taken" "the attribute `{key}` is declared already: edit it instead";
    /// Somebody changed the attribute since it was read: read it again and repeat the edit on what it is now.
    AttributeChanged { version: i64 } => Stale "catalog.attribute_changed" "the attribute is at version {version} by now: read it again and repeat the edit";
}

impl Error {
    pub fn ref_taken(external: &contracts::ExternalRef) -> Self {
        Self::ExternalRefTaken { reference: format!("`{}` of `{}`", external.id, external.source) }
    }
}
