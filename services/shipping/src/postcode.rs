//! Postcodes as zones name them. Pure.
//!
//! A postcode is compared by its letters and digits alone, in capitals, from its first character on:
//! `sw1a 1aa` is `SW1A1AA`. A rule is the beginning of a postcode (`10`), or a range of beginnings of one
//! length (`1010..1239`); so a range of whole Austrian codes is also one of US ZIP codes with their four
//! further digits.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, schema::Schema, schema::Type};

const CHARS_MAX: usize = 10;
const RANGE: &str = "..";
const PATTERN: &str = r"^[A-Za-z0-9][A-Za-z0-9 -]{0,9}(\.\.[A-Za-z0-9][A-Za-z0-9 -]{0,9})?$";

/// The postcode as it is compared.
pub fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
}

/// All postcodes that begin with a text between `from` and `to`, both included and of one length.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PostcodeRule {
    from: String,
    to: String,
}

impl PostcodeRule {
    /// As [`plain`] postcodes in the database, where two empty texts stand for no rule.
    pub fn from_ends(from: String, to: String) -> Option<Self> {
        (!from.is_empty()).then_some(Self { from, to })
    }

    pub fn from(&self) -> &str {
        &self.from
    }

    pub fn to(&self) -> &str {
        &self.to
    }

    /// Whether its ends are of one length and in order, as a rule of a zone's has to be.
    pub fn is_possible(&self) -> bool {
        self.from.len() == self.to.len() && self.from <= self.to
    }

    /// How many beginnings lie between its ends; of two rules of one length the narrower is more specific.
    pub fn breadth(&self) -> i64 {
        value(&self.to) - value(&self.from)
    }
}

/// As a number of base 36: at most ten digits, so it fits.
fn value(text: &str) -> i64 {
    text.chars().fold(0, |sum, letter| sum * 36 + i64::from(letter.to_digit(36).unwrap_or(0)))
}

impl TryFrom<String> for PostcodeRule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (from, to) = text.split_once(RANGE).unwrap_or((&text, &text));
        let is_code = |end: &str| {
            end.starts_with(|first: char| first.is_ascii_alphanumeric())
                && end.len() <= CHARS_MAX
                && end.chars().all(|letter| letter.is_ascii_alphanumeric() || " -".contains(letter))
        };
        if is_code(from) && is_code(to) {
            return Ok(Self { from: plain(from), to: plain(to) });
        }
        let says = "a postcode rule is the beginning of a postcode like `10`, or a range like `1010..1239`";
        Err(format!("`{}`: {says}", text.chars().take(40).collect::<String>()))
    }
}

impl fmt::Display for PostcodeRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to { f.write_str(&self.from) } else { write!(f, "{}{RANGE}{}", self.from, self.to) }
    }
}

impl From<PostcodeRule> for String {
    fn from(rule: PostcodeRule) -> String {
        rule.to_string()
    }
}

impl utoipa::PartialSchema for PostcodeRule {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(PATTERN))
            .description(Some("The beginning of a postcode, or a range of beginnings of one length"))
            .examples([serde_json::json!("1010..1239"), serde_json::json!("10")])
            .into()
    }
}
impl utoipa::ToSchema for PostcodeRule {}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Result<PostcodeRule, String> {
        text.to_owned().try_into()
    }

    #[test]
    fn a_rule_is_a_beginning_or_a_range_of_one_length() {
        for (text, from, to) in [
            ("10", "10", "10"),
            ("1010..1239", "1010", "1239"),
            ("sw1a 1", "SW1A1", "SW1A1"),
            ("00-950..00-999", "00950", "00999"),
        ] {
            let rule = rule(text).expect("a rule");
            assert_eq!((rule.from(), rule.to()), (from, to));
        }
        for text in ["", "..", "1010..", " 10", "-", "12345678901", "1?", "1..2..3", "ä"] {
            assert!(rule(text).is_err(), "{text}");
        }
        for text in ["10..1239", "1239..1010"] {
            assert!(!rule(text).expect("well formed").is_possible(), "{text}");
        }
    }

    #[test]
    fn a_rule_is_written_as_it_was_read() {
        for text in ["10", "1010..1239"] {
            assert_eq!(rule(text).expect("a rule").to_string(), text);
        }
    }

    #[test]
    fn the_narrower_range_is_known_by_its_breadth() {
        let breadth = |text: &str| rule(text).expect("a rule").breadth();
        assert_eq!(breadth("1010"), 0);
        assert!(breadth("1010..1019") < breadth("1000..1999"));
        assert!(breadth("0000000000..ZZZZZZZZZZ") > 0);
    }
}
