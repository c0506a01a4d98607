//! A sale: what the buyer agreed to, as it was when they did. Nothing of it changes later.

use contracts::carts::{Basket, BasketVariant, CartId, LineId};
use contracts::catalog::VariantId;
use contracts::pricing::{AmountRow, QuotedLine, QuotedShipping, TraceStep};
use contracts::{Address, Currency, Locale, MarketId, Metadata, Money, TaxClass};
use jiff::Timestamp;
use platform::Problem;

/// Holds personal data, so it has no `Debug`: it can't slip into a log.
#[derive(Clone)]
pub struct Sale {
    pub cart: CartId,
    /// The state of the cart that was ordered.
    pub cart_version: i64,
    pub buyer_sha256: String,
    pub market: MarketId,
    pub locale: Locale,
    pub email: String,
    pub shipping_address: Option<Address>,
    /// `None`: nothing to ship.
    pub shipping: Option<QuotedShipping>,
    pub payment_method: String,
    pub amounts: Vec<AmountRow>,
    pub trace: Vec<TraceStep>,
    pub total: Money,
    pub metadata: Metadata,
    pub placed_at: Timestamp,
}

/// A line as sold, and how far its units have come. Amounts are minor units of the sale's currency.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The id it had in the cart.
    pub id: LineId,
    pub variant: VariantId,
    pub product_title: String,
    pub variant_title: Option<String>,
    pub sku: String,
    pub options: Vec<(String, String)>,
    pub image: Option<String>,
    pub quantity: i64,
    pub cancelled: i64,
    pub shipped: i64,
    pub unit_price_minor: i64,
    pub subtotal_minor: i64,
    pub tax_minor: i64,
    /// What the buyer pays for the line, tax and all.
    pub total_minor: i64,
    pub tax_class: TaxClass,
    /// A decimal such as `0.2`.
    pub tax_rate: String,
    pub tax_name: String,
    pub weight_g: i64,
    pub requires_shipping: bool,
    pub metadata: Metadata,
}

/// What the buyer adds to the basket when they order it.
pub struct Terms {
    pub buyer_sha256: String,
    pub payment_method: String,
    /// Instead of the cart's.
    pub metadata: Option<Metadata>,
    pub placed_at: Timestamp,
}

impl Sale {
    /// The sale of a complete basket. A basket that has no e-mail address or no quote for a line says
    /// it is complete and is not: a defect of `carts`.
    pub fn of(basket: Basket, terms: Terms) -> Result<(Self, Vec<Line>), Problem> {
        let lines = basket.lines.iter().map(|line| Line::of(line, &basket)).collect::<Result<Vec<_>, _>>()?;
        let email = basket.email.ok_or_else(|| Problem::internal("a complete basket without an e-mail address"))?;
        let sale = Self {
            cart: basket.cart,
            cart_version: basket.version,
            buyer_sha256: terms.buyer_sha256,
            market: basket.market,
            locale: basket.locale,
            email,
            shipping_address: basket.shipping_address,
            shipping: basket.quote.shipping,
            payment_method: terms.payment_method,
            amounts: basket.quote.amounts,
            trace: basket.quote.trace,
            total: basket.quote.total,
            metadata: terms.metadata.unwrap_or(basket.metadata),
            placed_at: terms.placed_at,
        };
        Ok((sale, lines))
    }

    pub fn currency(&self) -> Currency {
        self.total.currency
    }

    pub fn shipping_minor(&self) -> i64 {
        self.shipping.as_ref().map_or(0, |shipping| shipping.total.amount)
    }
}

impl Line {
    fn of(line: &BasketVariant, basket: &Basket) -> Result<Self, Problem> {
        let quoted = basket.quote.lines.iter().find(|quoted| quoted.line == line.line);
        let quoted: &QuotedLine = quoted.ok_or_else(|| Problem::internal(format!("no quote for {}", line.line)))?;
        let variant = line.variant.clone();
        Ok(Self {
            id: line.line,
            variant: variant.variant,
            product_title: variant.product_title,
            variant_title: variant.variant_title,
            sku: variant.sku,
            options: variant.options,
            image: variant.image,
            quantity: line.quantity.get(),
            cancelled: 0,
            shipped: 0,
            unit_price_minor: quoted.unit_price.amount,
            subtotal_minor: quoted.subtotal.amount,
            tax_minor: quoted.tax.amount,
            total_minor: quoted.total.amount,
            tax_class: variant.tax_class,
            tax_rate: quoted.tax_rate.to_string(),
            tax_name: quoted.tax_name.clone(),
            weight_g: variant.weight_g,
            requires_shipping: variant.requires_shipping,
            metadata: line.metadata.clone(),
        })
    }

    /// Units that have yet to leave the house.
    pub fn to_ship(&self) -> i64 {
        if self.requires_shipping { self.quantity - self.cancelled - self.shipped } else { 0 }
    }
}
