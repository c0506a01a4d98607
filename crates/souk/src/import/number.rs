//! Numbers of a file: amounts, weights, lengths and counts, exactly. No floats.

use contracts::Currency;
use serde::Deserialize;
use serde_json::Value;

use super::template::text_of;

/// As many digits as are read: far more than any amount has.
const DIGITS_MAX: usize = 28;

/// A decimal number from 0 up: `digits` / 10^`scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    digits: i128,
    scale: u32,
}

/// What parts the whole from its fraction; the other one is no part of a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecimalMark {
    #[default]
    Point,
    Comma,
}

/// How an amount is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceUnit {
    /// Cents: `1999`.
    Minor,
    /// Euros: `19.99`.
    Major,
}

impl Decimal {
    /// `None` where it is no plain decimal number. A JSON number of up to 15 digits is what the file says.
    pub fn read(value: &Value, mark: DecimalMark) -> Option<Self> {
        let text = match value {
            Value::Number(number) => return Self::parse(&number.to_string(), '.'),
            Value::String(text) => text.trim(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        Self::parse(text, if mark == DecimalMark::Comma { ',' } else { '.' })
    }

    fn parse(text: &str, mark: char) -> Option<Self> {
        let (whole, fraction) = text.split_once(mark).unwrap_or((text, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let fraction = if is_number(fraction) { fraction.trim_end_matches('0') } else { return None };
        if !is_number(whole) || whole.len() + fraction.len() > DIGITS_MAX {
            return None;
        }
        let digits = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { digits, scale: u32::try_from(fraction.len()).ok()? })
    }

    /// In units of 10^-`digits`; `None` where there is a rest, or too much of it.
    fn exactly(self, digits: u32) -> Option<i64> {
        let up = digits.checked_sub(self.scale)?;
        self.digits.checked_mul(10_i128.pow(up))?.try_into().ok()
    }

    /// Times `numerator` / `denominator`, a half rounded up.
    fn rounded(self, numerator: i128, denominator: i128) -> Option<i64> {
        let (top, bottom) = (self.digits.checked_mul(numerator)?, denominator.checked_mul(10_i128.pow(self.scale))?);
        (top.checked_mul(2)?.checked_add(bottom)? / bottom.checked_mul(2)?).try_into().ok()
    }
}

/// An amount in minor units. `Err` ends the sentence that begins with what was read.
pub fn amount(value: &Value, unit: PriceUnit, mark: DecimalMark, currency: Currency) -> Result<i64, String> {
    let number = Decimal::read(value, mark).ok_or("is no decimal number from 0 up, like 19.99")?;
    let digits = match unit {
        PriceUnit::Minor => 0,
        PriceUnit::Major => currency.exponent(),
    };
    number.exactly(digits).ok_or_else(|| match unit {
        PriceUnit::Minor => "is no whole number of minor units".to_owned(),
        PriceUnit::Major => format!("has more decimals than {currency} has ({digits})"),
    })
}

/// A number of things: whole, from 0 up.
pub fn count(value: &Value) -> Option<i64> {
    Decimal::read(value, DecimalMark::Point)?.exactly(0)
}

/// A number of things that may be owed: whole, below 0 too.
pub fn balance(value: &Value) -> Option<i64> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    match text.strip_prefix('-') {
        Some(owed) => Decimal::parse(owed, '.')?.exactly(0)?.checked_neg(),
        None => Decimal::parse(&text, '.')?.exactly(0),
    }
}

/// A weight in grams, or a length in millimetres, by the unit it is written in.
pub fn measure(value: &Value, mark: DecimalMark, (numerator, denominator): (i128, i128)) -> Option<i64> {
    Decimal::read(value, mark)?.rounded(numerator, denominator)
}

/// Grams as a fraction, by the unit's usual name; the pound and the ounce are those of 1959.
pub fn grams_per(unit: &str) -> Option<(i128, i128)> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "mg" => (1, 1_000),
        "g" => (1, 1),
        "kg" => (1_000, 1),
        "lb" | "lbs" => (45_359_237, 100_000),
        "oz" => (28_349_523_125, 1_000_000_000),
        _ => return None,
    })
}

/// Millimetres as a fraction.
pub fn millimetres_per(unit: &str) -> Option<(i128, i128)> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "mm" => (1, 1),
        "cm" => (10, 1),
        "m" => (1_000, 1),
        "in" => (254, 10),
        "ft" => (3_048, 10),
        _ => return None,
    })
}

/// The beginning of a value, to show what was read.
pub fn shown(value: &Value) -> String {
    text_of(value).chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use DecimalMark::{Comma, Point};
    use PriceUnit::{Major, Minor};
    use proptest::prelude::*;
    use serde_json::json;

    fn currency(code: &str) -> Currency {
        Currency::from_code(code).expect("a currency")
    }

    #[test]
    fn amounts_follow_the_exponent_of_their_currency() {
        let read = |value: Value, code: &str| amount(&value, Major, Point, currency(code)).ok();
        assert_eq!(read(json!("19.9"), "EUR"), Some(1_990));
        assert_eq!(read(json!(28.99), "EUR"), Some(2_899));
        assert_eq!(read(json!("19.990"), "EUR"), Some(1_999));
        assert_eq!(read(json!(0), "EUR"), Some(0));
        assert_eq!((read(json!("1999"), "JPY"), read(json!("19.5"), "JPY")), (Some(1_999), None));
        assert_eq!(read(json!("1.234"), "KWD"), Some(1_234));
        assert_eq!(amount(&json!("12,5"), Major, Comma, currency("EUR")), Ok(1_250));
        assert_eq!(amount(&json!("1999"), Minor, Point, currency("KWD")), Ok(1_999));
        assert!(amount(&json!("19.99"), Minor, Point, currency("EUR")).is_err_and(|why| why.contains("minor units")));
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for wrong in ["-1", "1,99", "1.999", "free", "99999999999999999999", ".5", "5.", "1e3", "", "£3", "1 000"] {
            assert!(amount(&json!(wrong), Major, Point, currency("EUR")).is_err(), "{wrong}");
        }
        assert!(amount(&json!(-1), Major, Point, currency("EUR")).is_err());
        assert!(amount(&json!(true), Major, Point, currency("EUR")).is_err());
    }

    #[test]
    fn weights_and_lengths_are_rounded_to_the_gram_and_the_millimetre() {
        let grams = |text: &str, unit: &str| measure(&json!(text), Point, grams_per(unit).expect("a unit"));
        assert_eq!((grams("1.2509", "kg"), grams("0.4995", "kg")), (Some(1_251), Some(500)));
        assert_eq!((grams("22", "lb"), grams("16", "OZ"), grams("0.4", "g")), (Some(9_979), Some(454), Some(0)));
        let length = |text: &str, unit: &str| measure(&json!(text), Point, millimetres_per(unit).expect("a unit"));
        assert_eq!((length("10", "in"), length("2.55", "cm"), length("1", "ft")), (Some(254), Some(26), Some(305)));
        assert_eq!((grams_per("stone"), millimetres_per("el")), (None, None));
    }

    #[test]
    fn a_count_is_whole() {
        assert_eq!((count(&json!("7")), count(&json!(7.0)), count(&json!("7.00"))), (Some(7), Some(7), Some(7)));
        assert_eq!((count(&json!("7.5")), count(&json!(-1)), count(&json!("many"))), (None, None, None));
        assert_eq!(
            (balance(&json!(-2)), balance(&json!("-2.0")), balance(&json!(" 3 "))),
            (Some(-2), Some(-2), Some(3))
        );
        assert_eq!((balance(&json!("--2")), balance(&json!("- 2")), balance(&json!("-0.5"))), (None, None, None));
    }

    proptest! {
        #[test]
        fn an_amount_reads_back_as_it_is_written(minor in 0_i64..1_000_000_000_000, code in prop::sample::select(vec!["EUR", "JPY", "KWD"])) {
            let currency = currency(code);
            let written = contracts::Money::new(minor, currency).to_string();
            let (number, _) = written.split_once(' ').expect("a currency behind it");
            prop_assert_eq!(amount(&json!(number), Major, Point, currency), Ok(minor));
        }
    }
}
