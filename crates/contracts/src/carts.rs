//! `carts`: carts and their lines.

use serde::{Deserialize, Serialize};

use crate::catalog::{VariantForSale, VariantId};
use crate::customers::{Buyer, CustomerId};
use crate::orders::OrderId;
use crate::pricing::Quote;
use crate::shipping::{PickupPoint, ShippingMethodId};
use crate::{Address, Currency, Locale, MarketId, Metadata, Quantity, calls, ids};

ids! {
    /// A cart.
    CartId = "cart";
    /// A line of a cart; the order's line keeps the id.
    LineId = "line";
}

/// What is in this cart, priced now? Asked by `orders` before it places an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetBasket {
    pub cart: CartId,
    /// Not theirs: not found.
    pub buyer: Buyer,
}

/// A cart ready to become an order, or with what is still missing left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Basket {
    pub cart: CartId,
    /// Rises with every change of the cart; names the state that was ordered.
    pub version: i64,
    pub market: MarketId,
    pub currency: Currency,
    pub locale: Locale,
    pub customer: Option<CustomerId>,
    pub email: Option<String>,
    pub shipping_address: Option<Address>,
    /// Whom the invoice is for; `None`: as the shipping address.
    pub billing_address: Option<Address>,
    /// Where the buyer fetches the goods; then there may be no shipping address.
    pub pickup: Option<PickupPoint>,
    pub shipping_method: Option<ShippingMethodId>,
    pub metadata: Metadata,
    pub lines: Vec<BasketVariant>,
    /// Why the cart can't be ordered as it is; empty when it can.
    pub missing: Vec<Missing>,
    pub quote: Quote,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BasketVariant {
    pub line: LineId,
    pub quantity: Quantity,
    pub metadata: Metadata,
    pub variant: VariantForSale,
}

/// What a cart still needs before it can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    Lines,
    Email,
    ShippingAddress,
    /// Neither a shipping nor a billing address says whom the invoice is for.
    BillingAddress,
    /// None chosen, or the chosen one does not serve the address.
    ShippingMethod,
    /// A line's variant was archived or has no price in the cart's market.
    LineForSale,
}

/// For `souk audit`: these carts (at most 500), of those that are there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CartFacts {
    pub carts: Vec<CartId>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CartFact {
    pub cart: CartId,
    pub owner: Buyer,
    /// The order that holds it closed.
    pub order: Option<OrderId>,
    /// Units of each variant.
    pub units: Vec<(VariantId, i64)>,
}

calls! {
    "carts.get_basket" GetBasket -> Basket;
    "carts.facts" CartFacts -> Vec<CartFact>;
}
