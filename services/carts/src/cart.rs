//! A cart: what a buyer means to buy, where it goes and how. Pure.

use contracts::carts::{CartId, LineId};
use contracts::catalog::VariantId;
use contracts::orders::OrderId;
use contracts::shipping::ShippingMethodId;
use contracts::{Address, Currency, Locale, MarketId, Metadata, Quantity};
use jiff::Timestamp;
use platform::Problem;

use crate::error::Error;

/// As many lines as one quote and one question to the catalogue can hold, whatever the settings allow.
pub const LINES_MAX: i64 = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cart {
    pub id: CartId,
    pub market: MarketId,
    pub currency: Currency,
    pub locale: Locale,
    pub email: Option<String>,
    pub shipping_address: Option<Address>,
    pub shipping_method: Option<ShippingMethodId>,
    pub metadata: Metadata,
    /// The order that holds the cart closed; `None`: the cart is open.
    pub order: Option<OrderId>,
    /// Rises with every change.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// In the order they were added.
    pub lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub id: LineId,
    pub variant: VariantId,
    pub quantity: Quantity,
    pub metadata: Metadata,
    pub added_at: Timestamp,
}

/// A line to be put into a cart.
#[derive(Debug, Clone)]
pub struct Addition {
    pub line: LineId,
    pub variant: VariantId,
    pub quantity: Quantity,
    /// `None`: a line that is there keeps its own.
    pub metadata: Option<Metadata>,
}

/// What may be different about a cart beside its lines; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Details {
    pub email: Option<String>,
    pub shipping_address: Option<Address>,
    pub shipping_method: Option<ShippingMethodId>,
    pub locale: Option<Locale>,
    pub metadata: Option<Metadata>,
}

impl Cart {
    /// Errors: `Ordered`.
    pub fn require_open(&self) -> Result<(), Error> {
        self.order.map_or(Ok(()), |order| Err(Error::Ordered { order }))
    }

    /// The cart with a variant added: a line of the same variant grows, else there is a new one.
    ///
    /// Errors: `TooManyLines`; a field problem at `/quantity`.
    pub fn with(mut self, addition: &Addition, lines_max: i64, now: Timestamp) -> Result<Self, Error> {
        let Addition { line: id, variant, quantity, metadata } = addition.clone();
        let lines = i64::try_from(self.lines.len()).unwrap_or(i64::MAX);
        match self.lines.iter_mut().find(|line| line.variant == variant) {
            Some(line) => {
                line.quantity = sum(line.quantity, quantity)?;
                line.metadata = metadata.unwrap_or(std::mem::take(&mut line.metadata));
            }
            None if lines >= lines_max => return Err(Error::TooManyLines { lines_max }),
            None => {
                let metadata = metadata.unwrap_or_default();
                self.lines.push(Line { id, variant, quantity, metadata, added_at: now });
            }
        }
        Ok(self.changed(now))
    }

    /// The cart with another quantity of a line.
    ///
    /// Errors: `LineNotFound`.
    pub fn with_quantity(mut self, line: LineId, quantity: Quantity, now: Timestamp) -> Result<Self, Error> {
        let found = self.lines.iter_mut().find(|known| known.id == line).ok_or(Error::LineNotFound)?;
        found.quantity = quantity;
        Ok(self.changed(now))
    }

    /// The cart without a line.
    ///
    /// Errors: `LineNotFound`.
    pub fn without(mut self, line: LineId, now: Timestamp) -> Result<Self, Error> {
        let place = self.lines.iter().position(|known| known.id == line).ok_or(Error::LineNotFound)?;
        self.lines.remove(place);
        Ok(self.changed(now))
    }

    pub fn with_details(self, details: Details, now: Timestamp) -> Self {
        let cart = Self {
            email: details.email.or(self.email),
            shipping_address: details.shipping_address.or(self.shipping_address),
            shipping_method: details.shipping_method.or(self.shipping_method),
            locale: details.locale.unwrap_or(self.locale),
            metadata: details.metadata.unwrap_or(self.metadata),
            ..self
        };
        cart.changed(now)
    }

    fn changed(self, now: Timestamp) -> Self {
        Self { version: self.version + 1, updated_at: now, ..self }
    }
}

fn sum(a: Quantity, b: Quantity) -> Result<Quantity, Problem> {
    Quantity::try_from(a.get() + b.get())
        .map_err(|text| Problem::field("/quantity", format!("together with what is in the cart: {text}")))
}

#[cfg(test)]
pub mod tests {
    use contracts::Id;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    pub fn empty() -> Cart {
        Cart {
            id: CartId::from_uuid(Uuid::nil()),
            market: "default".parse().expect("a market"),
            currency: Currency::EUR,
            locale: "en".parse().expect("a locale"),
            email: None,
            shipping_address: None,
            shipping_method: None,
            metadata: Metadata::default(),
            order: None,
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            lines: Vec::new(),
        }
    }

    pub fn addition(line: u128, variant: u128, quantity: i64) -> Addition {
        Addition {
            line: LineId::from_uuid(Uuid::from_u128(line)),
            variant: VariantId::from_uuid(Uuid::from_u128(variant)),
            quantity: quantity.try_into().expect("a quantity"),
            metadata: None,
        }
    }

    #[test]
    fn the_same_variant_grows_its_line_and_keeps_its_metadata() {
        let now = Timestamp::UNIX_EPOCH;
        let engraved = Metadata::try_from(std::collections::BTreeMap::from([("text".to_owned(), "Ada".to_owned())]))
            .expect("metadata");
        let first = Addition { metadata: Some(engraved.clone()), ..addition(1, 7, 2) };
        let cart = empty().with(&first, 1, now).and_then(|cart| cart.with(&addition(2, 7, 3), 1, now)).expect("a cart");
        assert_eq!((cart.lines.len(), cart.lines[0].quantity.get(), cart.version), (1, 5, 3));
        assert_eq!((cart.lines[0].id, &cart.lines[0].metadata), (first.line, &engraved));
    }

    #[test]
    fn lines_and_quantities_have_limits() {
        let now = Timestamp::UNIX_EPOCH;
        let full = empty().with(&addition(1, 7, Quantity::MAX), 1, now).expect("a cart");
        assert!(matches!(full.clone().with(&addition(2, 8, 1), 1, now), Err(Error::TooManyLines { lines_max: 1 })));
        let Err(Error::Problem(problem)) = full.with(&addition(2, 7, 1), 1, now) else { panic!("a field problem") };
        assert_eq!(problem.errors[0].pointer, "/quantity");
    }

    #[test]
    fn a_line_that_is_gone_is_not_found() {
        let now = Timestamp::UNIX_EPOCH;
        let gone = addition(1, 7, 1).line;
        assert!(matches!(empty().with_quantity(gone, Quantity::ONE, now), Err(Error::LineNotFound)));
        assert!(matches!(empty().without(gone, now), Err(Error::LineNotFound)));
    }

    proptest! {
        #[test]
        fn a_cart_counts_what_was_added_variant_by_variant(added in prop::collection::vec((0_u128..5, 1_i64..50), 0..40)) {
            let now = Timestamp::UNIX_EPOCH;
            let mut cart = empty();
            for (line, (variant, quantity)) in added.iter().enumerate() {
                cart = cart.with(&addition(line as u128, *variant, *quantity), 5, now).expect("a cart");
            }
            for line in &cart.lines {
                let variant = line.variant.uuid().as_u128();
                let sum: i64 = added.iter().filter(|(added, _)| *added == variant).map(|(_, quantity)| quantity).sum();
                prop_assert_eq!(line.quantity.get(), sum);
            }
            prop_assert_eq!(cart.lines.iter().map(|line| line.quantity.get()).sum::<i64>(), added.iter().map(|(_, q)| q).sum::<i64>());
            prop_assert_eq!(cart.version, 1 + added.len() as i64);
        }
    }
}
