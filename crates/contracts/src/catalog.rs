//! `catalog`: products, variants and base prices.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::inventory::Availability;
use crate::{Currency, MarketId, Money, TaxClass, calls, events, ids};

ids! {
    /// A product: what a page of the shop shows.
    ProductId = "prod";
    /// A variant: what is put into a cart, counted and shipped.
    VariantId = "var";
    /// A category of products, in a tree.
    CategoryId = "cat";
    /// A name that products give values of.
    AttributeId = "attr";
    /// Who makes a product.
    BrandId = "brand";
}

/// Whether a product can be seen and bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// Being prepared: staff only.
    Draft,
    /// Shown; its variants with a price can be bought.
    Active,
    /// Taken out of the shop; old orders still name it.
    Archived,
}

/// What do these variants cost in this market, and what are they? Unknown variants are left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetVariants {
    /// At most [`GetVariants::IDS_MAX`].
    pub variants: Vec<VariantId>,
    pub market: MarketId,
    pub currency: Currency,
}

impl GetVariants {
    pub const IDS_MAX: usize = 500;
}

/// A variant as a buyer meets it now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VariantForSale {
    pub variant: VariantId,
    pub product: ProductId,
    /// The product's; archived, too, where the variant alone was taken out.
    pub status: ProductStatus,
    pub product_title: String,
    pub variant_title: Option<String>,
    pub sku: String,
    /// Option name and value, such as `["Size", "M"]`, in the product's order.
    pub options: Vec<(String, String)>,
    pub image: Option<String>,
    /// `None`: no price in this market and currency, so not for sale there.
    pub unit_price: Option<Money>,
    pub tax_class: TaxClass,
    pub weight_g: i64,
    pub requires_shipping: bool,
    pub availability: Availability,
}

/// Which variants are these, by id or by SKU (together at most [`GetVariants::IDS_MAX`])? Unknown ones are left out;
/// archived ones are named too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResolveVariants {
    pub variants: Vec<VariantId>,
    pub skus: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedVariant {
    pub variant: VariantId,
    pub product: ProductId,
    pub sku: String,
}

calls! {
    "catalog.get_variants" GetVariants -> Vec<VariantForSale>;
    "catalog.resolve_variants" ResolveVariants -> Vec<ResolvedVariant>;
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProductCreated {
    pub product: ProductId,
    pub version: i64,
    pub status: ProductStatus,
    pub slug: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProductUpdated {
    pub product: ProductId,
    pub version: i64,
    pub status: ProductStatus,
    pub slug: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProductArchived {
    pub product: ProductId,
    pub version: i64,
}

/// Many products at once, or what is known of their stock: read them again.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProductsChanged {
    /// The first of `products`; the lane.
    pub first: ProductId,
    /// At most 500.
    pub products: Vec<ProductId>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PriceChanged {
    pub variant: VariantId,
    pub product: ProductId,
    pub market: MarketId,
    /// `None`: not for sale there any more.
    pub price: Option<Money>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CategoryChanged {
    pub category: CategoryId,
}

events! { "catalog" =>
    /// A product came into the catalogue.
    "product.created" state ProductCreated { subject: product, version: version, heard_by: ["notifications"] }
    /// A product or its variants changed.
    "product.updated" state ProductUpdated { subject: product, version: version, heard_by: ["notifications"] }
    /// A product was taken out of the shop. Said instead of `product.updated`.
    "product.archived" state ProductArchived { subject: product, version: version, heard_by: ["notifications"] }
    /// Up to 500 products changed in an import, or in what is known of their stock.
    "products.changed" fact ProductsChanged { subject: first, heard_by: [] }
    /// A variant costs something else in a market, or is not for sale there any more.
    "price.changed" fact PriceChanged { subject: variant, heard_by: [] }
    /// A category was made, changed, moved or deleted.
    "category.changed" fact CategoryChanged { subject: category, heard_by: [] }
}
