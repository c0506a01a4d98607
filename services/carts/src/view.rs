//! A cart as its buyer sees it.

use contracts::carts::{CartId, LineId, Missing};
use contracts::catalog::{ProductId, VariantForSale, VariantId};
use contracts::customers::CustomerId;
use contracts::inventory::Availability;
use contracts::orders::OrderId;
use contracts::pricing::Quote;
use contracts::shipping::{PickupPoint, ShippingMethodId};
use contracts::{Address, Currency, Locale, MarketId, Metadata, Money, Quantity};
use jiff::Timestamp;
use platform::config::Carts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cart::{Cart, Line};
use crate::offer::{self, Offer, Variants, is_for_sale};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CartView {
    pub id: CartId,
    /// Null: a guest's.
    pub customer: Option<CustomerId>,
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
    /// Null: the invoice goes where the goods go.
    pub billing_address: Option<Address>,
    pub shipping_method: Option<ShippingMethodId>,
    /// Where the buyer fetches the goods, if that is the chosen way.
    pub pickup: Option<PickupPoint>,
    pub metadata: Metadata,
    /// In the order they were added.
    pub lines: Vec<CartLineView>,
    /// What is different since the buyer put lines in or changed them.
    pub changes: Vec<CartChange>,
    /// What the lines that are for sale cost, and why. Null where prices can't be had and never could.
    pub quote: Option<Quote>,
    pub prices: CartPrices,
    /// When last known prices were had; null: now.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub priced_at: Option<Timestamp>,
    /// Why the cart can't be ordered as it is; empty when it can.
    pub missing: Vec<Missing>,
    /// When the cart is deleted if it is left alone; null while an order holds it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// Of when the prices are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CartPrices {
    /// Of now.
    Current,
    /// A part of the shop does not answer: these are the last ones, maybe of an earlier state of the cart.
    /// The cart can't be ordered until they are current again.
    LastKnown,
}

/// Something that the buyer has not seen yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CartChange {
    pub line: LineId,
    pub kind: CartChangeKind,
    /// The unit price as the buyer saw it.
    pub before: Money,
    /// Null where it is not for sale any more.
    pub now: Option<Money>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CartChangeKind {
    Price,
    /// Archived since, or without a price.
    Unavailable,
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
    /// Where prices are last known: as the buyer saw it.
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

/// A new cart, and, of a guest's, the one time its token is shown.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OpenedCart {
    #[serde(flatten)]
    pub cart: CartView,
    /// Send it as `Cart-Token`: who holds it owns the cart. It is not kept and can't be shown again. Null: the cart
    /// is the customer's who asked, and opens to their sessions.
    pub token: Option<String>,
}

impl CartView {
    /// `last_known` counts where the offer has no quote.
    pub fn of(cart: Cart, offer: Offer, last_known: Option<(Quote, Timestamp)>, settings: &Carts) -> Self {
        let missing = offer::missing(&cart, offer.variants.as_ref(), &offer.method);
        let changes = offer.variants.as_ref().map(|variants| changes(&cart, variants)).unwrap_or_default();
        let (pickup, expires_at) = (offer.method.pickup().cloned(), cart.expires_at(settings));
        let (quote, prices, priced_at) = match (offer.quote, last_known) {
            (Some(quote), _) => (Some(quote), CartPrices::Current, None),
            (None, Some((quote, at))) => (Some(quote), CartPrices::LastKnown, Some(at)),
            (None, None) => (None, CartPrices::LastKnown, None),
        };
        let (currency, variants) = (cart.currency, offer.variants.unwrap_or_default());
        let line = |line: Line| {
            let variant = variants.get(&line.variant).cloned();
            line_view(line, currency, variant, prices)
        };
        Self {
            id: cart.id,
            customer: cart.customer,
            status: if cart.order.is_some() { CartStatus::Ordered } else { CartStatus::Open },
            order: cart.order,
            version: cart.version,
            market: cart.market,
            currency,
            locale: cart.locale,
            email: cart.email,
            shipping_address: cart.shipping_address,
            billing_address: cart.billing_address,
            shipping_method: cart.shipping_method,
            pickup,
            metadata: cart.metadata,
            lines: cart.lines.into_iter().map(line).collect(),
            changes,
            quote,
            prices,
            priced_at,
            missing,
            expires_at,
            created_at: cart.created_at,
            updated_at: cart.updated_at,
        }
    }
}

fn changes(cart: &Cart, variants: &Variants) -> Vec<CartChange> {
    let change = |line: &Line| {
        let sold = variants.get(&line.variant).filter(|variant| is_for_sale(variant));
        let (before, now) =
            (Money::new(line.unit_price_minor, cart.currency), sold.and_then(|variant| variant.unit_price));
        let kind = if now.is_some() { CartChangeKind::Price } else { CartChangeKind::Unavailable };
        (now != Some(before)).then_some(CartChange { line: line.id, kind, before, now })
    };
    cart.lines.iter().filter_map(change).collect()
}

fn line_view(line: Line, currency: Currency, variant: Option<VariantForSale>, prices: CartPrices) -> CartLineView {
    let Line { id, variant: variant_id, quantity, unit_price_minor, metadata, .. } = line;
    let last_known = (prices == CartPrices::LastKnown).then_some(Money::new(unit_price_minor, currency));
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
        unit_price: last_known,
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

#[cfg(test)]
mod tests {
    use contracts::Id;
    use uuid::Uuid;

    use super::*;
    use crate::cart::tests::{WIDE, addition, empty};
    use crate::test_shop::{ARCHIVED, CUP, TEAPOT, variant};

    #[test]
    fn a_buyer_is_told_what_is_different_since_they_looked() {
        let add = |cart: Cart, number: u128| {
            cart.with(&addition(number, number, 1), WIDE, "", Timestamp::UNIX_EPOCH).expect("a cart")
        };
        let cart = [TEAPOT, CUP, ARCHIVED, 99].into_iter().fold(empty(), add);
        let mut variants: Variants = [TEAPOT, CUP, ARCHIVED]
            .into_iter()
            .filter_map(|number| variant(VariantId::from_uuid(Uuid::from_u128(number))))
            .map(|variant| (variant.variant, variant))
            .collect();
        let dearer = Money::new(1200, Currency::EUR);
        for variant in variants.values_mut().filter(|variant| variant.product_title == "Cup") {
            variant.unit_price = Some(dearer);
        }
        let told: Vec<_> = changes(&cart, &variants)
            .into_iter()
            .map(|change| (change.line.uuid().as_u128(), change.kind, change.now))
            .collect();
        let gone = CartChangeKind::Unavailable;
        assert_eq!(told, [(CUP, CartChangeKind::Price, Some(dearer)), (ARCHIVED, gone, None), (99, gone, None)]);
    }
}
