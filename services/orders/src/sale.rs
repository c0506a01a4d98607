//! A sale: what the buyer agreed to, as it was when they did. Nothing of it changes later.

use contracts::carts::{Basket, BasketVariant, CartId, LineId};
use contracts::catalog::VariantId;
use contracts::customers::Buyer;
use contracts::pricing::{AmountRow, QuotedLine, QuotedShipping, TraceStep};
use contracts::shipping::PickupPoint;
use contracts::{Address, Currency, Locale, MarketId, Metadata, Money, TaxClass};
use jiff::Timestamp;
use platform::Problem;

/// Holds personal data, so it has no `Debug`: it can't slip into a log.
#[derive(Clone)]
pub struct Sale {
    pub cart: CartId,
    /// The state of the cart that was ordered.
    pub cart_version: i64,
    /// Whose it is; staff may see it too.
    pub buyer: Buyer,
    pub market: MarketId,
    pub locale: Locale,
    pub email: String,
    /// `None`: nothing to ship, or the buyer fetches it.
    pub shipping_address: Option<Address>,
    /// `None`: as the shipping address.
    pub billing_address: Option<Address>,
    pub pickup: Option<PickupPoint>,
    /// `None`: nothing to ship.
    pub shipping: Option<QuotedShipping>,
    /// The buyer owes the tax: none is in the total.
    pub reverse_charge: bool,
    pub payment_method: String,
    /// What the buyer means to pay by that method, in minor units; `None`: all.
    pub payment_minor: Option<i64>,
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
    /// Units whose money went back, shipped or not.
    pub refunded: i64,
    pub unit_price_minor: i64,
    pub subtotal_minor: i64,
    /// Without tax.
    pub net_minor: i64,
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
    pub buyer: Buyer,
    pub payment_method: String,
    pub payment_minor: Option<i64>,
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
            buyer: terms.buyer,
            market: basket.market,
            locale: basket.locale,
            email,
            shipping_address: basket.shipping_address,
            billing_address: basket.billing_address,
            pickup: basket.pickup,
            shipping: basket.quote.shipping,
            reverse_charge: basket.quote.reverse_charge,
            payment_method: terms.payment_method,
            payment_minor: terms.payment_minor,
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

/// What a line is called: the product's title, and the variant's where it has one.
pub fn title(product: &str, variant: Option<&str>) -> String {
    variant.map_or_else(|| product.to_owned(), |variant| format!("{product}, {variant}"))
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
            refunded: 0,
            unit_price_minor: quoted.unit_price.amount,
            subtotal_minor: quoted.subtotal.amount,
            net_minor: quoted.net.amount,
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

    pub fn title(&self) -> String {
        title(&self.product_title, self.variant_title.as_deref())
    }

    /// Units that neither left nor were cancelled.
    pub fn left(&self) -> i64 {
        self.quantity - self.cancelled - self.shipped
    }

    /// Units that have yet to leave the house.
    pub fn to_ship(&self) -> i64 {
        if self.requires_shipping { self.left() } else { 0 }
    }

    /// What the units `from..from + count` carry of the line's total, in minor units.
    pub fn worth(&self, from: i64, count: i64) -> i64 {
        // Which currency it is in, only the sale knows; the arithmetic is the same in all.
        let worth = Money::new(self.total_minor, Currency::EUR).units(self.quantity, from, count);
        worth.expect("a CHECK keeps a line's units within its quantity").amount
    }

    /// What the cancelled units carry. They are the last ones of the line, as the shipped ones are the
    /// first: so what was captured for the ones and taken off for the others never overlaps.
    pub fn cancelled_minor(&self) -> i64 {
        self.worth(self.quantity - self.cancelled, self.cancelled)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::tests::samples::line;

    proptest! {
        #[test]
        fn shipped_and_cancelled_units_of_a_line_sum_to_it(quantity in 1_i64..50, total in 0_i64..100_000, cancelled in 0_i64..50) {
            let mut line = line(1, quantity, total);
            line.cancelled = cancelled.min(quantity);
            let shipped = line.worth(0, line.left());
            prop_assert_eq!(shipped + line.cancelled_minor(), total);
        }
    }
}
