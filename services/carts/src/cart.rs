//! A cart: what a buyer means to buy, where it goes and how. Pure.

use std::collections::BTreeMap;

use contracts::carts::{CartId, LineId};
use contracts::catalog::VariantId;
use contracts::customers::CustomerId;
use contracts::orders::OrderId;
use contracts::shipping::ShippingMethodId;
use contracts::{Address, Currency, Locale, MarketId, Metadata, Quantity};
use jiff::{SignedDuration, Timestamp};
use platform::Problem;
use platform::config::Carts;

use crate::error::Error;

/// As many lines as one quote and one question to the catalogue can hold, whatever the settings allow.
pub const LINES_MAX: i64 = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cart {
    pub id: CartId,
    /// `None`: a guest's, who holds its token.
    pub customer: Option<CustomerId>,
    pub market: MarketId,
    pub currency: Currency,
    pub locale: Locale,
    pub email: Option<String>,
    pub shipping_address: Option<Address>,
    pub billing_address: Option<Address>,
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
    /// As the buyer saw it when the line was put in or changed.
    pub unit_price_minor: i64,
    pub metadata: Metadata,
    pub added_at: Timestamp,
}

/// A line to be put into a cart.
#[derive(Debug, Clone)]
pub struct Addition {
    pub line: LineId,
    pub variant: VariantId,
    pub quantity: Quantity,
    /// As the buyer sees it now; 0 until the catalogue has said it.
    pub unit_price_minor: i64,
    /// `None`: a line that is there keeps its own.
    pub metadata: Option<Metadata>,
}

/// What may be different about a line; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct LineChange {
    pub quantity: Option<Quantity>,
    pub unit_price_minor: Option<i64>,
    pub metadata: Option<Metadata>,
}

/// What may be different about a cart beside its lines; `None` stays as it is, `Some(None)` is taken away.
#[derive(Debug, Clone, Default)]
pub struct Details {
    pub email: Option<Option<String>>,
    pub shipping_address: Option<Option<Address>>,
    pub billing_address: Option<Option<Address>>,
    pub shipping_method: Option<Option<ShippingMethodId>>,
    pub locale: Option<Locale>,
    pub metadata: Option<Metadata>,
}

/// How many units of each variant.
pub type Units = BTreeMap<VariantId, i64>;

/// How much a cart holds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub lines_max: i64,
    /// Of one line.
    pub quantity_max: i64,
}

impl Limits {
    pub fn of(settings: &Carts) -> Self {
        Self { lines_max: settings.lines_max.min(LINES_MAX), quantity_max: settings.quantity_max }
    }

    /// Errors: a field problem at `pointer`.
    pub fn check(self, quantity: i64, pointer: &str) -> Result<Quantity, Problem> {
        if quantity > self.quantity_max {
            let detail = format!("a line of a cart holds at most {} in all, not {quantity}", self.quantity_max);
            return Err(Problem::field(pointer, detail));
        }
        Quantity::try_from(quantity).map_err(|text| Problem::field(pointer, text))
    }
}

impl Cart {
    /// Errors: `Ordered`.
    pub fn require_open(&self) -> Result<(), Error> {
        self.order.map_or(Ok(()), |order| Err(Error::Ordered { order }))
    }

    /// When it is deleted if it is left alone; `None` while an order holds it.
    pub fn expires_at(&self, settings: &Carts) -> Option<Timestamp> {
        self.order.is_none().then(|| expiry(self.updated_at, settings))
    }

    /// The cart with a variant added: a line of the same variant grows, else there is a new one.
    /// `pointer` names the addition in the request.
    ///
    /// Errors: `TooManyLines`; a field problem at `<pointer>/quantity`.
    pub fn with(mut self, addition: &Addition, limits: Limits, pointer: &str, now: Timestamp) -> Result<Self, Error> {
        let Addition { line: id, variant, quantity, unit_price_minor, metadata } = addition.clone();
        let pointer = format!("{pointer}/quantity");
        let lines = i64::try_from(self.lines.len()).unwrap_or(i64::MAX);
        match self.lines.iter_mut().find(|line| line.variant == variant) {
            Some(line) => {
                line.quantity = limits.check(line.quantity.get() + quantity.get(), &pointer)?;
                line.unit_price_minor = unit_price_minor;
                line.metadata = metadata.unwrap_or(std::mem::take(&mut line.metadata));
            }
            None if lines >= limits.lines_max => return Err(Error::TooManyLines { lines_max: limits.lines_max }),
            None => {
                let quantity = limits.check(quantity.get(), &pointer)?;
                let metadata = metadata.unwrap_or_default();
                self.lines.push(Line { id, variant, quantity, unit_price_minor, metadata, added_at: now });
            }
        }
        Ok(self.changed(now))
    }

    /// The cart with a line changed.
    ///
    /// Errors: `LineNotFound`; a field problem at `/quantity`.
    pub fn with_line(mut self, id: LineId, change: &LineChange, limits: Limits, now: Timestamp) -> Result<Self, Error> {
        let line = self.lines.iter_mut().find(|known| known.id == id).ok_or(Error::LineNotFound)?;
        if let Some(quantity) = change.quantity {
            line.quantity = limits.check(quantity.get(), "/quantity")?;
        }
        line.unit_price_minor = change.unit_price_minor.unwrap_or(line.unit_price_minor);
        line.metadata = change.metadata.clone().unwrap_or(std::mem::take(&mut line.metadata));
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
            email: details.email.unwrap_or(self.email),
            shipping_address: details.shipping_address.unwrap_or(self.shipping_address),
            billing_address: details.billing_address.unwrap_or(self.billing_address),
            shipping_method: details.shipping_method.unwrap_or(self.shipping_method),
            locale: details.locale.unwrap_or(self.locale),
            metadata: details.metadata.unwrap_or(self.metadata),
            ..self
        };
        cart.changed(now)
    }

    /// The cart whose buyer sees a line's price now.
    pub fn seen_at(mut self, variant: VariantId, unit_price_minor: i64) -> Self {
        for line in self.lines.iter_mut().filter(|line| line.variant == variant) {
            line.unit_price_minor = unit_price_minor;
        }
        self
    }

    /// The cart with what `other` holds joined in: equal variants add up, as far as the limits go, and what
    /// this cart lacks of who buys and where to it takes from there. With the other cart and what did not fit.
    pub fn join(mut self, mut other: Self, limits: Limits, now: Timestamp) -> (Self, Self) {
        let mut left = Vec::new();
        for line in std::mem::take(&mut other.lines) {
            left.extend(self.take_in(line, limits));
        }
        other.lines = left;
        self.email = self.email.or_else(|| other.email.clone());
        if self.shipping_address.is_none() {
            self.shipping_address.clone_from(&other.shipping_address);
            self.shipping_method = self.shipping_method.or(other.shipping_method);
        }
        self.billing_address = self.billing_address.or_else(|| other.billing_address.clone());
        (self.changed(now), other.changed(now))
    }

    /// What of the line did not fit.
    fn take_in(&mut self, line: Line, limits: Limits) -> Option<Line> {
        let lines = i64::try_from(self.lines.len()).unwrap_or(i64::MAX);
        let Some(mine) = self.lines.iter_mut().find(|mine| mine.variant == line.variant) else {
            if lines >= limits.lines_max {
                return Some(line);
            }
            self.lines.push(line);
            return None;
        };
        let both = mine.quantity.get() + line.quantity.get();
        let kept = both.min(limits.quantity_max.max(mine.quantity.get()));
        mine.quantity = kept.try_into().unwrap_or(mine.quantity);
        let rest: Quantity = (both - mine.quantity.get()).try_into().ok()?;
        Some(Line { quantity: rest, ..line })
    }

    /// What it holds more than these units.
    pub fn beyond(&self, units: &Units) -> Units {
        let more = |line: &Line| line.quantity.get() - units.get(&line.variant).copied().unwrap_or(0);
        self.lines.iter().map(|line| (line.variant, more(line))).filter(|(_, more)| *more > 0).collect()
    }

    /// Takes these units, as far as they are here, out into another cart of the same buyer, which begins as `id`
    /// with that version. A part of a line is a line of its own, with an id from `ids`.
    pub fn part(
        mut self,
        units: &Units,
        (id, version): (CartId, i64),
        mut ids: impl FnMut() -> LineId,
        now: Timestamp,
    ) -> (Self, Self) {
        let (mut kept, mut taken) = (Vec::new(), Vec::new());
        for line in std::mem::take(&mut self.lines) {
            let wanted = units.get(&line.variant).copied().unwrap_or(0);
            match (Quantity::try_from(line.quantity.get() - wanted), Quantity::try_from(wanted)) {
                (Ok(rest), Ok(part)) => {
                    taken.push(Line { id: ids(), quantity: part, ..line.clone() });
                    kept.push(Line { quantity: rest, ..line });
                }
                (Err(_), Ok(_)) => taken.push(line),
                (_, Err(_)) => kept.push(line),
            }
        }
        let other = Self { id, order: None, version, created_at: now, updated_at: now, lines: taken, ..self.clone() };
        (Self { lines: kept, ..self }.changed(now), other)
    }

    fn changed(self, now: Timestamp) -> Self {
        Self { version: self.version + 1, updated_at: now, ..self }
    }
}

/// When what was changed then is deleted if it is left alone.
pub fn expiry(updated_at: Timestamp, settings: &Carts) -> Timestamp {
    let kept = SignedDuration::from_hours(24 * settings.open_days_max);
    updated_at.saturating_add(kept).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
pub mod tests {
    use contracts::Id;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    pub const WIDE: Limits = Limits { lines_max: 9, quantity_max: Quantity::MAX };

    pub fn empty() -> Cart {
        Cart {
            id: CartId::from_uuid(Uuid::nil()),
            customer: None,
            market: "default".parse().expect("a market"),
            currency: Currency::EUR,
            locale: "en".parse().expect("a locale"),
            email: None,
            shipping_address: None,
            billing_address: None,
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
            unit_price_minor: 1000,
            metadata: None,
        }
    }

    fn add(cart: Cart, addition: &Addition, limits: Limits) -> Result<Cart, Error> {
        cart.with(addition, limits, "", Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_same_variant_grows_its_line_and_keeps_its_metadata() {
        let one = Limits { lines_max: 1, ..WIDE };
        let engraved = Metadata::try_from(std::collections::BTreeMap::from([("text".to_owned(), "Ada".to_owned())]))
            .expect("metadata");
        let first = Addition { metadata: Some(engraved.clone()), ..addition(1, 7, 2) };
        let second = Addition { unit_price_minor: 1200, ..addition(2, 7, 3) };
        let cart = add(empty(), &first, one).and_then(|cart| add(cart, &second, one)).expect("a cart");
        assert_eq!((cart.lines.len(), cart.lines[0].quantity.get(), cart.version), (1, 5, 3));
        assert_eq!((cart.lines[0].id, &cart.lines[0].metadata), (first.line, &engraved));
        assert_eq!(cart.lines[0].unit_price_minor, 1200, "the buyer has seen the new price");
    }

    #[test]
    fn lines_and_quantities_have_limits() {
        let one = Limits { lines_max: 1, quantity_max: 10 };
        let full = add(empty(), &addition(1, 7, 10), one).expect("a cart");
        assert!(matches!(add(full.clone(), &addition(2, 8, 1), one), Err(Error::TooManyLines { lines_max: 1 })));
        let Err(Error::Problem(problem)) = add(full.clone(), &addition(2, 7, 1), one) else { panic!("a problem") };
        assert_eq!(problem.errors[0].pointer, "/quantity");
        let eleven = LineChange { quantity: 11.try_into().ok(), ..LineChange::default() };
        let line = full.lines[0].id;
        assert!(matches!(full.with_line(line, &eleven, one, Timestamp::UNIX_EPOCH), Err(Error::Problem(_))));
        assert!(matches!(add(empty(), &addition(1, 7, 11), one), Err(Error::Problem(_))));
    }

    #[test]
    fn a_line_that_is_gone_is_not_found() {
        let now = Timestamp::UNIX_EPOCH;
        let gone = addition(1, 7, 1).line;
        let change = LineChange { quantity: Some(Quantity::ONE), ..LineChange::default() };
        assert!(matches!(empty().with_line(gone, &change, WIDE, now), Err(Error::LineNotFound)));
        assert!(matches!(empty().without(gone, now), Err(Error::LineNotFound)));
    }

    #[test]
    fn null_takes_away_and_nothing_stays() {
        let now = Timestamp::UNIX_EPOCH;
        let cart = Cart { email: Some("ada@example.com".into()), ..empty() };
        let same = cart.clone().with_details(Details::default(), now);
        assert_eq!((same.email.as_deref(), same.version), (Some("ada@example.com"), 2));
        let cleared = cart.with_details(Details { email: Some(None), ..Details::default() }, now);
        assert_eq!(cleared.email, None);
    }

    #[test]
    fn a_joined_cart_takes_what_it_lacks() {
        let now = Timestamp::UNIX_EPOCH;
        let address = |city: &str| {
            let json = format!(r#"{{"name": "Ada", "line1": "Ring 1", "city": "{city}", "country": "AT"}}"#);
            serde_json::from_str::<Address>(&json).expect("an address")
        };
        let method = Some(ShippingMethodId::from_uuid(Uuid::from_u128(3)));
        let mine = Cart { billing_address: Some(address("Graz")), ..empty() };
        let other = Cart {
            email: Some("ada@example.com".into()),
            shipping_address: Some(address("Wien")),
            billing_address: Some(address("Linz")),
            shipping_method: method,
            ..empty()
        };
        let (joined, left) = mine.join(other, WIDE, now);
        assert_eq!(joined.email.as_deref(), Some("ada@example.com"));
        assert_eq!(joined.shipping_address.map(|address| address.city).as_deref(), Some("Wien"));
        assert_eq!(joined.billing_address.map(|address| address.city).as_deref(), Some("Graz"));
        assert_eq!((joined.shipping_method, joined.version, left.lines.len()), (method, 2, 0));
    }

    proptest! {
        #[test]
        fn what_is_parted_is_all_there_once(
            held in prop::collection::btree_map(1_u128..6, 1_i64..5, 0..5),
            asked in prop::collection::btree_map(1_u128..6, 1_i64..9, 0..5),
        ) {
            let variant = |number: u128| VariantId::from_uuid(Uuid::from_u128(number));
            let units = |map: &BTreeMap<u128, i64>| -> Units { map.iter().map(|(id, units)| (variant(*id), *units)).collect() };
            let fill = |cart: Cart, (id, quantity): (&u128, &i64)| {
                cart.with(&addition(*id, *id, *quantity), WIDE, "", Timestamp::UNIX_EPOCH).expect("a cart")
            };
            let cart = held.iter().fold(empty(), fill);
            let (held, asked) = (units(&held), units(&asked));
            let mut fresh = 100;
            let ids = || { fresh += 1; LineId::from_uuid(Uuid::from_u128(fresh)) };
            let id = CartId::from_uuid(Uuid::from_u128(7));
            let (kept, taken) = cart.clone().part(&asked, (id, 3), ids, Timestamp::UNIX_EPOCH);
            let none = Units::new();
            for (variant, quantity) in &held {
                let wanted = asked.get(variant).copied().unwrap_or(0).min(*quantity);
                let of = |cart: &Cart| cart.beyond(&none).get(variant).copied().unwrap_or(0);
                prop_assert_eq!((of(&taken), of(&kept)), (wanted, quantity - wanted));
            }
            let lines: std::collections::BTreeSet<LineId> =
                kept.lines.iter().chain(&taken.lines).map(|line| line.id).collect();
            prop_assert_eq!(lines.len(), kept.lines.len() + taken.lines.len());
            prop_assert_eq!((taken.id, taken.version, kept.version), (id, 3, cart.version + 1));
        }

        #[test]
        fn a_cart_counts_what_was_added_variant_by_variant(added in prop::collection::vec((0_u128..5, 1_i64..50), 0..40)) {
            let mut cart = empty();
            for (line, (variant, quantity)) in added.iter().enumerate() {
                cart = add(cart, &addition(line as u128, *variant, *quantity), Limits { lines_max: 5, ..WIDE }).expect("a cart");
            }
            for line in &cart.lines {
                let variant = line.variant.uuid().as_u128();
                let sum: i64 = added.iter().filter(|(added, _)| *added == variant).map(|(_, quantity)| quantity).sum();
                prop_assert_eq!(line.quantity.get(), sum);
            }
            prop_assert_eq!(cart.lines.iter().map(|line| line.quantity.get()).sum::<i64>(), added.iter().map(|(_, q)| q).sum::<i64>());
            prop_assert_eq!(cart.version, 1 + added.len() as i64);
        }

        #[test]
        fn joining_loses_no_unit_and_passes_no_limit(
            mine in prop::collection::btree_map(0_u128..6, 1_i64..20, 0..5),
            theirs in prop::collection::btree_map(0_u128..6, 1_i64..20, 0..5),
            lines_max in 1_i64..6, quantity_max in 1_i64..30,
        ) {
            let limits = Limits { lines_max, quantity_max };
            let cart = |from: u128, lines: &std::collections::BTreeMap<u128, i64>| {
                lines.iter().fold(empty(), |cart, (variant, quantity)| {
                    add(cart, &addition(from + variant, *variant, *quantity), WIDE).expect("a cart")
                })
            };
            let (joined, left) = cart(0, &mine).join(cart(100, &theirs), limits, Timestamp::UNIX_EPOCH);
            for variant in 0..6 {
                let count = |cart: &Cart| cart.lines.iter().filter(|line| line.variant.uuid().as_u128() == variant).map(|line| line.quantity.get()).sum::<i64>();
                let had = mine.get(&variant).unwrap_or(&0) + theirs.get(&variant).unwrap_or(&0);
                prop_assert_eq!(count(&joined) + count(&left), had);
            }
            prop_assert!(joined.lines.len() as i64 <= lines_max.max(mine.len() as i64));
            for line in joined.lines.iter().filter(|line| mine.contains_key(&line.variant.uuid().as_u128()) && theirs.contains_key(&line.variant.uuid().as_u128())) {
                let before = mine[&line.variant.uuid().as_u128()];
                prop_assert!(line.quantity.get() <= quantity_max.max(before));
            }
        }
    }
}
