//! Small values that many services write: quantities, addresses, markets, metadata.
//! Each is valid by construction; what is not valid does not deserialize, with a text that says the mend.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, schema::Schema, schema::Type};

/// How many sales units (pieces, grams, centimetres): 1 to 100,000, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Quantity(i64);

impl Quantity {
    pub const MAX: i64 = 100_000;
    pub const ONE: Self = Self(1);

    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = String;
    fn try_from(number: i64) -> Result<Self, String> {
        if (1..=Self::MAX).contains(&number) {
            Ok(Self(number))
        } else {
            Err(format!("a quantity is a whole number from 1 to {}, not {number}", Self::MAX))
        }
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> i64 {
        quantity.0
    }
}

impl utoipa::PartialSchema for Quantity {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(Self::MAX)).into()
    }
}
impl utoipa::ToSchema for Quantity {}

/// A text that is a short lower-case name.
macro_rules! slugs {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $chars_max:literal, $pattern:literal, $allowed:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                let allowed: fn(char) -> bool = $allowed;
                if (1..=$chars_max).contains(&text.len()) && text.chars().all(allowed) { Ok(Self(text)) } else {
                    Err(format!("`{}` is not {}", text.chars().take(40).collect::<String>(), $what))
                }
            }
        }
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> { text.to_owned().try_into() }
        }
        impl From<$name> for String {
            fn from(value: $name) -> String { value.0 }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .min_length(Some(1))
                    .max_length(Some($chars_max))
                    .pattern(Some($pattern))
                    .into()
            }
        }
        impl utoipa::ToSchema for $name {}
    )*};
}

slugs! {
    /// Names a market of the shop, such as `default`; the markets are settings.
    MarketId, "a market's name: 1 to 32 of a-z, 0-9, - and _", 32, "^[a-z0-9_-]+$",
        |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    /// What kind of goods a tax rate is for: `standard`, `reduced`, `zero`, or the shop's own.
    TaxClass, "a tax class: 1 to 32 of a-z, 0-9, - and _", 32, "^[a-z0-9_-]+$",
        |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    /// A BCP 47 language tag such as `en` or `de-AT`.
    Locale, "a language tag of BCP 47 such as `en` or `de-AT`", 35, "^[A-Za-z0-9-]+$",
        |c| c.is_ascii_alphanumeric() || c == '-';
}

impl TaxClass {
    pub fn standard() -> Self {
        Self("standard".to_owned())
    }
}

/// Where a parcel or an invoice goes. Personal data: never in an event, a job or a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub struct Address {
    #[garde(length(chars, min = 1, max = 200), custom(is_one_line))]
    #[schema(example = "Ada Lovelace", max_length = 200, min_length = 1, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 200), inner(custom(is_one_line)))]
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub company: Option<String>,
    #[garde(length(chars, min = 1, max = 200), custom(is_one_line))]
    #[schema(example = "Hauptstraße 1", max_length = 200, min_length = 1, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub line1: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 200), inner(custom(is_one_line)))]
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub line2: Option<String>,
    #[garde(length(chars, min = 1, max = 100), custom(is_one_line))]
    #[schema(example = "Wien", max_length = 100, min_length = 1, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub city: String,
    /// State or province: the part of ISO 3166-2 after the country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 10), inner(custom(is_one_line)))]
    #[schema(max_length = 10, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 20), inner(custom(is_one_line)))]
    #[schema(example = "1010", max_length = 20, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub postcode: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[garde(custom(is_country))]
    #[schema(example = "AT", pattern = "^[A-Z]{2}$")]
    pub country: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 40), inner(custom(is_one_line)))]
    #[schema(max_length = 40, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 40), inner(custom(is_one_line)))]
    #[schema(max_length = 40, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub tax_id: Option<String>,
}

/// How a country is written in the document: `#[schema(value_type = Vec<CountryCode>)]`.
#[derive(Debug)]
pub struct CountryCode;

impl utoipa::PartialSchema for CountryCode {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[A-Z]{2}$"))
            .description(Some("ISO 3166-1 alpha-2"))
            .into()
    }
}
impl utoipa::ToSchema for CountryCode {}

/// How a gateway's token is written in the document: `#[schema(value_type = Option<TokenText>)]`.
#[derive(Debug)]
pub struct TokenText;

impl utoipa::PartialSchema for TokenText {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(TOKEN_CHARS_MAX))
            .pattern(Some("^[!-~]+$"))
            .into()
    }
}
impl utoipa::ToSchema for TokenText {}

/// For garde: a text that is printed on labels and in mails, where a line break would begin something new.
/// Written in documents as `^[^\\x00-\\x1f\\x7f-\\x9f]*$`.
pub fn is_one_line(text: &str, (): &()) -> garde::Result {
    if text.chars().any(char::is_control) {
        return Err(garde::Error::new("is one line, without control characters"));
    }
    Ok(())
}

/// For garde: ISO 3166-1 alpha-2 in form. Whether the shop sells there, the market says.
pub fn is_country(code: &str, _: &()) -> garde::Result {
    if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err(garde::Error::new("must be two capital letters of ISO 3166-1, like `AT`"))
    }
}

const TOKEN_CHARS_MAX: usize = 255;

/// For garde: a gateway's name for a buyer's card. A card number is refused before it gets anywhere.
pub fn is_token(text: &str, (): &()) -> garde::Result {
    if text.is_empty() || text.len() > TOKEN_CHARS_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(garde::Error::new(format!(
            "is 1 to {TOKEN_CHARS_MAX} visible ASCII characters, as the gateway gave them"
        )));
    }
    if is_card_number(text) {
        return Err(garde::Error::new(
            "is a card number: this shop must never see one; send the gateway's token for it",
        ));
    }
    Ok(())
}

/// 13 to 19 digits, grouped or not, that pass the Luhn check (ISO/IEC 7812).
fn is_card_number(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|letter| letter.to_digit(10)).collect();
    let other = text.chars().any(|letter| !letter.is_ascii_digit() && letter != '-');
    let doubled = |(place, digit): (usize, &u32)| match (place % 2, digit * 2) {
        (0, _) => *digit,
        (_, twice) => twice / 10 + twice % 10,
    };
    !other && (13..=19).contains(&digits.len()) && digits.iter().rev().enumerate().map(doubled).sum::<u32>() % 10 == 0
}

/// Free notes of integrators: at most 50 keys of 40 characters, values of 500 characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    pub const KEYS_MAX: usize = 50;
    pub const KEY_CHARS_MAX: usize = 40;
    pub const VALUE_CHARS_MAX: usize = 500;

    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = String;
    fn try_from(map: BTreeMap<String, String>) -> Result<Self, String> {
        if map.len() > Self::KEYS_MAX {
            return Err(format!("metadata holds at most {} keys, not {}", Self::KEYS_MAX, map.len()));
        }
        for (key, value) in &map {
            if key.is_empty()
                || key.chars().count() > Self::KEY_CHARS_MAX
                || value.chars().count() > Self::VALUE_CHARS_MAX
            {
                let shown: String = key.chars().take(Self::KEY_CHARS_MAX).collect();
                return Err(format!(
                    "metadata `{shown}`: a key has 1 to {} characters, a value at most {} characters",
                    Self::KEY_CHARS_MAX,
                    Self::VALUE_CHARS_MAX
                ));
            }
        }
        Ok(Self(map))
    }
}

impl From<Metadata> for BTreeMap<String, String> {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}

impl utoipa::PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(
                ObjectBuilder::new().schema_type(Type::String).max_length(Some(Self::VALUE_CHARS_MAX)),
            ))
            .property_names(Some(
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .min_length(Some(1))
                    .max_length(Some(Self::KEY_CHARS_MAX)),
            ))
            .max_properties(Some(Self::KEYS_MAX))
            .description(Some("At most 50 keys of 40 characters with values of 500 characters"))
            .into()
    }
}
impl utoipa::ToSchema for Metadata {}

/// What a thing is called elsewhere: unique per source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub struct ExternalRef {
    /// The system that gave the id, such as `icecat`.
    #[garde(length(chars, min = 1, max = 64))]
    #[schema(example = "icecat", max_length = 64, min_length = 1)]
    pub source: String,
    #[garde(length(chars, min = 1, max = 200))]
    #[schema(example = "1399", max_length = 200, min_length = 1)]
    pub id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_never_zero() {
        assert!(serde_json::from_str::<Quantity>("0").is_err());
        assert!(serde_json::from_str::<Quantity>("100001").is_err());
        assert_eq!(serde_json::from_str::<Quantity>("3").map(Quantity::get).ok(), Some(3));
    }

    #[test]
    fn metadata_has_limits() {
        let many: BTreeMap<String, String> = (0..51).map(|i| (i.to_string(), String::new())).collect();
        assert!(Metadata::try_from(many).is_err());
        let long = BTreeMap::from([("k".to_owned(), "v".repeat(501))]);
        assert!(Metadata::try_from(long).is_err_and(|text| text.contains("500 characters")));
    }

    #[test]
    fn a_country_is_two_capital_letters() {
        assert!(is_country("AT", &()).is_ok());
        assert!(is_country("at", &()).is_err() && is_country("AUT", &()).is_err());
    }

    #[test]
    fn each_text_of_an_address_is_one_line() {
        let texts = ["name", "company", "line1", "line2", "city", "region", "postcode", "phone", "tax_id"];
        let plain = serde_json::json!({ "name": "Zoë 'O' Öz", "line1": "1", "city": "W", "country": "AT" });
        let is_valid = |address: serde_json::Value| {
            garde::Validate::validate(&serde_json::from_value::<Address>(address).expect("an address")).is_ok()
        };
        assert!(is_valid(plain.clone()));
        for (text, bad) in texts.iter().flat_map(|text| ["a\nb", "a\r", "\u{1b}[2J", "\u{85}"].map(|bad| (text, bad))) {
            let mut address = plain.clone();
            address[text] = bad.into();
            assert!(!is_valid(address), "{text} {bad:?}");
        }
    }

    #[test]
    fn a_card_number_is_no_token() {
        for number in ["4242424242424242", "4000-0025-0000-3155", "378282246310005"] {
            assert!(is_token(number, &()).is_err(), "{number}");
        }
        for token in ["tok_ok", "4242424242424241", "pm_4242424242424242"] {
            assert!(is_token(token, &()).is_ok(), "{token}");
        }
        assert!(
            is_token("", &()).is_err() && is_token("a b", &()).is_err() && is_token(&"x".repeat(256), &()).is_err()
        );
    }
}
