//! `pricing`: tax zones and rates; what does this basket cost, and why.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::carts::LineId;
use crate::catalog::VariantId;
use crate::shipping::ShippingMethodId;
use crate::{Currency, MarketId, Money, Quantity, TaxClass, calls, ids};

ids! {
    /// A tax zone: a country, or a region of one.
    TaxZoneId = "txz";
    /// A rate of a zone for a tax class.
    TaxRateId = "txr";
}

/// Where the goods go, as far as tax asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxPlace {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub region: Option<String>,
    /// The buyer's tax id, where a business buys (an address with a company and a tax id): across a border it may
    /// turn the tax over to the buyer.
    pub tax_id: Option<String>,
}

/// What does this basket cost, and why?
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct QuoteBasket {
    pub market: MarketId,
    pub currency: Currency,
    /// `None` while the buyer has not said: the market's first country counts.
    pub ship_to: Option<TaxPlace>,
    /// At most 100.
    pub lines: Vec<BasketLine>,
    pub shipping: Option<ShippingCharge>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BasketLine {
    pub line: LineId,
    pub variant: VariantId,
    pub title: String,
    pub quantity: Quantity,
    pub unit_price: Money,
    pub tax_class: TaxClass,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShippingCharge {
    pub method: ShippingMethodId,
    pub name: String,
    pub price: Money,
    pub tax_class: TaxClass,
}

/// The answer: every amount is a sum of rounded lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quote {
    pub currency: Currency,
    /// Prices already hold the tax.
    pub tax_inclusive: bool,
    /// The buyer owes the tax (reverse charge): none is in the total.
    pub reverse_charge: bool,
    pub lines: Vec<QuotedLine>,
    pub shipping: Option<QuotedShipping>,
    /// Typed signed rows; those not `included` sum to `total`.
    pub amounts: Vec<AmountRow>,
    pub total: Money,
    /// Why each amount is what it is, for a person.
    pub trace: Vec<TraceStep>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotedLine {
    pub line: LineId,
    pub variant: VariantId,
    pub quantity: Quantity,
    pub unit_price: Money,
    /// Unit price times quantity.
    pub subtotal: Money,
    /// Without tax.
    pub net: Money,
    pub tax: Money,
    /// What the buyer pays for the line: subtotal, and tax where it is not included.
    pub total: Money,
    /// Such as `0.2` for 20 %.
    #[schema(value_type = String, example = "0.2")]
    pub tax_rate: Decimal,
    pub tax_name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotedShipping {
    pub method: ShippingMethodId,
    pub name: String,
    pub price: Money,
    /// Without tax.
    pub net: Money,
    pub tax: Money,
    pub total: Money,
    #[schema(value_type = String, example = "0.2")]
    pub tax_rate: Decimal,
    pub tax_name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AmountKind {
    Items,
    Shipping,
    Tax,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AmountRow {
    pub kind: AmountKind,
    pub label: String,
    pub amount: Money,
    /// Already inside the other rows (tax of inclusive prices): shown, not added.
    pub included: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TraceStep {
    /// The line it is about; `None`: the shipping, or the whole basket.
    #[serde(default)]
    pub line: Option<LineId>,
    #[schema(example = "2 x Teapot at 19.99 EUR")]
    pub text: String,
    pub amount: Money,
}

calls! {
    "pricing.quote_basket" QuoteBasket -> Quote;
}
