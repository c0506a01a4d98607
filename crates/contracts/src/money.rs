//! Money: an integer of minor units with its ISO 4217 currency. No floats, no conversion.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency, written as its three letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    pub const EUR: Self = Self(iso_currency::Currency::EUR);
    pub const USD: Self = Self(iso_currency::Currency::USD);

    /// `None` where the text is no ISO 4217 code in capitals, or names no money that is paid with (XAU, XXX).
    pub fn from_code(code: &str) -> Option<Self> {
        iso_currency::Currency::from_code(code).filter(|currency| currency.exponent().is_some()).map(Self)
    }

    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Digits after the point: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(2, u32::from)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_code(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("`{text}` is not an ISO 4217 currency code in capitals, like `EUR`"))
        })
    }
}

impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(CODES.iter().copied()))
            .description(Some("ISO 4217 currency code"))
            .examples([serde_json::json!("EUR")])
            .into()
    }
}
impl utoipa::ToSchema for Currency {}

/// Every code that [`Currency::from_code`] knows; looked for once, because a document names them at each amount.
static CODES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let letters = || b'A'..=b'Z';
    let texts = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
    texts.filter_map(|text| Currency::from_code(std::str::from_utf8(&text).ok()?).map(Currency::code)).collect()
});

/// An amount of one currency, in its minor units (cents): `{"amount": 1999, "currency": "EUR"}`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units: cents for EUR, yen for JPY.
    #[schema(example = 1999)]
    pub amount: i64,
    pub currency: Currency,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("{0} and {1} cannot be added: they are different currencies")]
    Mixed(Currency, Currency),
    #[error("the amount does not fit into 64 bits of minor units")]
    Overflow,
    #[error("an amount cannot be split over weights that are negative or all zero")]
    Weights,
    #[error("units {from} to {to} are no part of {quantity} units")]
    Units { quantity: i64, from: i64, to: i64 },
}

impl Money {
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    pub const fn zero(currency: Currency) -> Self {
        Self { amount: 0, currency }
    }

    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }

    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        let amount = self.amount.checked_sub(other.amount).ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }

    pub fn times(self, quantity: i64) -> Result<Self, MoneyError> {
        let amount = self.amount.checked_mul(quantity).ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }

    /// Splits the amount over weights by largest remainder: the parts sum to the whole exactly, a
    /// zero weight gets nothing, and of equal remainders the earlier part gets the unit.
    pub fn allocate(self, weights: &[i64]) -> Result<Vec<Self>, MoneyError> {
        Ok(allocate(self.amount, weights)?.into_iter().map(|amount| Self { amount, ..self }).collect())
    }

    /// What the units `from..from + count` carry, where the amount is the total of a line of `quantity` units.
    ///
    /// The first `k` units together carry `amount * k / quantity`, rounded towards zero. So any way to cut
    /// a line into runs of units sums to the line exactly, and two units of a line differ by one minor unit
    /// at most. Who takes units out of a line counts those that are already out as `from`.
    pub fn units(self, quantity: i64, from: i64, count: i64) -> Result<Self, MoneyError> {
        let to = from.saturating_add(count);
        if quantity < 1 || from < 0 || count < 0 || to > quantity {
            return Err(MoneyError::Units { quantity, from, to });
        }
        let first = |units: i64| i128::from(self.amount) * i128::from(units) / i128::from(quantity);
        let amount = i64::try_from(first(to) - first(from)).map_err(|_| MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }

    fn same(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::Mixed(self.currency, other.currency)) }
    }
}

/// [`Money::allocate`] on bare minor units.
pub fn allocate(amount: i64, weights: &[i64]) -> Result<Vec<i64>, MoneyError> {
    let total: i128 = weights.iter().map(|&weight| i128::from(weight)).sum();
    if total <= 0 || weights.iter().any(|&weight| weight < 0) {
        return Err(MoneyError::Weights);
    }
    let (sign, whole) = (i128::from(amount.signum()), i128::from(amount).abs());
    let mut parts: Vec<i128> = weights.iter().map(|&weight| whole * i128::from(weight) / total).collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).filter(|&i| weights[i] > 0).collect();
    by_remainder.sort_by_key(|&i| (std::cmp::Reverse(whole * i128::from(weights[i]) % total), i));
    let left = whole - parts.iter().sum::<i128>();
    for &i in by_remainder.iter().take(usize::try_from(left).map_err(|_| MoneyError::Overflow)?) {
        parts[i] += 1;
    }
    parts.into_iter().map(|part| i64::try_from(sign * part).map_err(|_| MoneyError::Overflow)).collect()
}

/// `19.99 EUR`, for people in logs and mails; the API writes both fields.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.exponent();
        if digits == 0 {
            return write!(f, "{} {}", self.amount, self.currency);
        }
        let unit = 10_u64.pow(digits);
        let (sign, size) = (if self.amount < 0 { "-" } else { "" }, self.amount.unsigned_abs());
        write!(f, "{sign}{}.{:0width$} {}", size / unit, size % unit, self.currency, width = digits as usize)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn money_is_written_for_people_by_its_exponent() {
        let yen = Currency::from_code("JPY").expect("a currency");
        let dinar = Currency::from_code("KWD").expect("a currency");
        assert_eq!(Money::new(1999, Currency::EUR).to_string(), "19.99 EUR");
        assert_eq!(Money::new(-5, Currency::EUR).to_string(), "-0.05 EUR");
        assert_eq!(Money::new(1999, yen).to_string(), "1999 JPY");
        assert_eq!(Money::new(1999, dinar).to_string(), "1.999 KWD");
    }

    #[test]
    fn currencies_do_not_mix_and_sums_do_not_wrap() {
        let (eur, usd) = (Money::new(1, Currency::EUR), Money::new(1, Currency::USD));
        assert_eq!(eur.plus(usd), Err(MoneyError::Mixed(Currency::EUR, Currency::USD)));
        assert_eq!(Money::new(i64::MAX, Currency::EUR).plus(eur), Err(MoneyError::Overflow));
        assert!(Currency::from_code("eur").is_none() && Currency::from_code("XXX").is_none());
    }

    #[test]
    fn ten_over_three_gives_the_odd_unit_to_the_first() {
        assert_eq!(allocate(10, &[1, 1, 1]), Ok(vec![4, 3, 3]));
        assert_eq!(allocate(-10, &[1, 0, 2]), Ok(vec![-3, 0, -7]));
        assert_eq!(allocate(10, &[0, 0]), Err(MoneyError::Weights));
    }

    #[test]
    fn ten_over_three_units_gives_the_odd_unit_to_the_last() {
        let ten = Money::new(10, Currency::EUR);
        let units: Vec<i64> = (0..3).map(|k| ten.units(3, k, 1).expect("a unit").amount).collect();
        assert_eq!(units, [3, 3, 4]);
        assert_eq!(ten.units(3, 1, 2).expect("two units").amount, 7);
        assert_eq!(ten.units(3, 3, 0).expect("no unit").amount, 0);
    }

    #[test]
    fn units_that_a_line_does_not_have_are_refused() {
        let ten = Money::new(10, Currency::EUR);
        for (quantity, from, count) in [(0, 0, 0), (3, -1, 1), (3, 0, -1), (3, 2, 2), (3, i64::MAX, i64::MAX)] {
            assert!(matches!(ten.units(quantity, from, count), Err(MoneyError::Units { .. })), "{from} {count}");
        }
        assert_eq!(Money::new(i64::MIN, Currency::EUR).units(1, 0, 1), Ok(Money::new(i64::MIN, Currency::EUR)));
    }

    proptest! {
        #[test]
        fn runs_of_units_sum_to_the_line_however_it_is_cut(
            amount in prop_oneof![any::<i64>(), -1_000_i64..1_000],
            quantity in 1_i64..100_000,
            cuts in prop::collection::vec(0_i64..100_000, 0..12),
        ) {
            let line = Money::new(amount, Currency::EUR);
            let mut ends: Vec<i64> = cuts.into_iter().map(|cut| cut % (quantity + 1)).chain([quantity]).collect();
            ends.sort_unstable();
            let (mut sum, mut from) = (Money::zero(Currency::EUR), 0);
            for end in ends {
                sum = sum.plus(line.units(quantity, from, end - from).expect("units of the line")).expect("fits");
                from = end;
            }
            prop_assert_eq!(sum, line);
        }

        #[test]
        fn units_of_a_line_differ_by_one_minor_unit_at_most(amount in any::<i64>(), quantity in 1_i64..100_000, unit in 0_i64..100_000) {
            let one = Money::new(amount, Currency::EUR).units(quantity, unit % quantity, 1).expect("a unit").amount;
            prop_assert!((i128::from(one) - i128::from(amount / quantity)).abs() <= 1);
            prop_assert!(one == 0 || one.signum() == amount.signum(), "a unit never takes the other sign");
        }

        #[test]
        fn parts_sum_to_the_whole_and_are_off_by_less_than_one(amount in -1_000_000_000_i64..1_000_000_000, weights in prop::collection::vec(0_i64..100_000, 1..40)) {
            prop_assume!(weights.iter().any(|&w| w > 0));
            let parts = allocate(amount, &weights).expect("valid weights");
            prop_assert_eq!(parts.iter().sum::<i64>(), amount);
            let total: i128 = weights.iter().map(|&w| i128::from(w)).sum();
            for (part, weight) in parts.iter().zip(&weights) {
                let off = (i128::from(*part) * total - i128::from(amount) * i128::from(*weight)).abs();
                prop_assert!(off < total, "{part} of {amount} for {weight}/{total}");
            }
        }
    }
}
