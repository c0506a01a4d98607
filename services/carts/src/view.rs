//! A cart as its buyer sees it.

use contracts::carts::{CartId, LineId, Missing};
use contracts::catalog::{ProductId, VariantForSale, VariantId};
use contracts::inventory::Availability;
use contracts::orders::OrderId;
use contracts::pricing::Quote;
use contracts::shipping::ShippingMethodId;
use contracts::{Address, Currency, Locale, MarketId, Metadata, Money, Quantity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cart::{Cart, Line};
use crate::offer::{self, Offer, is_for_sale};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CartView {
    pub id: CartId,
    pub status: CartStatus,
    /// The order that the cart became; null while it is open.
    pub order: Option<OrderId>,
    /// Rises with every change.
    pub version: i64,
    pub market: MarketId,
    pub currency: Currency,
    pub locale: Locale,
    pub email: Option<String>,
    pub shipping_address: Option<Address>,
    pub shipping_method: Option<ShippingMethodId>,
    pub metadata: Metadata,
    /// In the order they were added.
    pub lines: Vec<CartLineView>,
    /// What the lines that are for sale cost now, and why. Null where prices can't be had and never could.
    pub quote: Option<Quote>,
    /// Prices can't be had right now: `quote` is the last one, maybe of an earlier state of the cart.
    pub quote_is_last_known: bool,
    /// Why the cart can't be ordered as it is; empty when it can.
    pub missing: Vec<Missing>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CartStatus {
    Open,
    /// It became an order and can't be changed.
    Ordered,
}

/// A line with its variant as the catalogue shows it now; those fields are null where it does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CartLineView {
    pub id: LineId,
    pub variant: VariantId,
    pub quantity: Quantity,
    pub metadata: Metadata,
    /// False: archived since, or without a price in this market; the line is left out of the quote.
    pub for_sale: bool,
    pub product: Option<ProductId>,
    pub title: Option<String>,
    pub variant_title: Option<String>,
    pub sku: Option<String>,
    pub options: Vec<CartLineOption>,
    pub image: Option<String>,
    pub unit_price: Option<Money>,
    pub availability: Option<Availability>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CartLineOption {
    #[schema(example = "Size")]
    pub name: String,
    #[schema(example = "M")]
    pub value: String,
}

/// A new cart, and the one time its token is shown.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OpenedCart {
    #[serde(flatten)]
    pub cart: CartView,
    /// Send it as `Cart-Token`: who holds it owns the cart. It is not kept and can't be shown again.
    pub token: String,
}

impl CartView {
    /// `last_known` counts where the offer has no quote.
    pub fn of(cart: Cart, offer: Offer, last_known: Option<Quote>) -> Self {
        let missing = offer::missing(&cart, offer.variants.as_ref(), &offer.method);
        let variants = offer.variants.unwrap_or_default();
        let line = |line: Line| {
            let variant = variants.get(&line.variant).cloned();
            line_view(line, variant)
        };
        Self {
            id: cart.id,
            status: if cart.order.is_some() { CartStatus::Ordered } else { CartStatus::Open },
            order: cart.order,
            version: cart.version,
            market: cart.market,
            currency: cart.currency,
            locale: cart.locale,
            email: cart.email,
            shipping_address: cart.shipping_address,
            shipping_method: cart.shipping_method,
            metadata: cart.metadata,
            lines: cart.lines.into_iter().map(line).collect(),
            quote_is_last_known: offer.quote.is_none(),
            quote: offer.quote.or(last_known),
            missing,
            created_at: cart.created_at,
            updated_at: cart.updated_at,
        }
    }
}

fn line_view(line: Line, variant: Option<VariantForSale>) -> CartLineView {
    let Line { id, variant: variant_id, quantity, metadata, .. } = line;
    let bare = CartLineView {
        id,
        variant: variant_id,
        quantity,
        metadata,
        for_sale: false,
        product: None,
        title: None,
        variant_title: None,
        sku: None,
        options: Vec::new(),
        image: None,
        unit_price: None,
        availability: None,
    };
    let Some(variant) = variant else { return bare };
    CartLineView {
        for_sale: is_for_sale(&variant),
        product: Some(variant.product),
        title: Some(variant.product_title),
        variant_title: variant.variant_title,
        sku: Some(variant.sku),
        options: variant.options.into_iter().map(|(name, value)| CartLineOption { name, value }).collect(),
        image: variant.image,
        unit_price: variant.unit_price,
        availability: Some(variant.availability),
        ..bare
    }
}
