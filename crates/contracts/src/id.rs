//! Ids: a UUIDv7 in the database, a TypeID (`ord_01jd…`) in the API.
//!
//! Follows the TypeID specification 0.3: a lower-case prefix, `_`, and 26 characters of Crockford
//! base32 in lower case. An id of one noun is not an id of another, for the compiler and the reader.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::str::FromStr;

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// An id of one kind of thing.
pub trait Id:
    Copy + Eq + Ord + Hash + Debug + Display + FromStr<Err = BadId> + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The part before the `_`.
    const PREFIX: &'static str;
    fn from_uuid(uuid: Uuid) -> Self;
    fn uuid(self) -> Uuid;
}

/// A text that is not an id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id like `{prefix}_01jd5zs2xce3nbq7tpv5f8k9wm`")]
pub struct BadId {
    pub prefix: &'static str,
    pub text: String,
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_CHARS: usize = 26;

/// `prefix_` and the 128 bits in base32, most significant first.
pub fn encode(prefix: &str, uuid: Uuid) -> String {
    let bits = uuid.as_u128();
    let mut text = String::with_capacity(prefix.len() + 1 + SUFFIX_CHARS);
    text.push_str(prefix);
    text.push('_');
    for place in (0..SUFFIX_CHARS).rev() {
        let digit = (bits >> (place * 5)) & 31;
        text.push(char::from(ALPHABET[digit as usize]));
    }
    text
}

/// The inverse of [`encode`]; refuses another prefix, another length, other characters and overflow.
pub fn decode(prefix: &'static str, text: &str) -> Result<Uuid, BadId> {
    let bad = || BadId { prefix, text: text.chars().take(64).collect() };
    let suffix = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or_else(bad)?;
    if suffix.len() != SUFFIX_CHARS || !suffix.starts_with(|first: char| ('0'..='7').contains(&first)) {
        return Err(bad());
    }
    let mut bits: u128 = 0;
    for byte in suffix.bytes() {
        let digit = ALPHABET.iter().position(|&letter| letter == byte).ok_or_else(bad)?;
        bits = (bits << 5) | digit as u128;
    }
    Ok(Uuid::from_u128(bits))
}

/// Declares id types: `ids! { /// An order. OrderId = "ord"; }`.
#[macro_export]
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(uuid::Uuid);

        impl $crate::id::Id for $name {
            const PREFIX: &'static str = $prefix;
            fn from_uuid(uuid: uuid::Uuid) -> Self { Self(uuid) }
            fn uuid(self) -> uuid::Uuid { self.0 }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$crate::id::encode($prefix, self.0))
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
        impl std::str::FromStr for $name {
            type Err = $crate::id::BadId;
            fn from_str(text: &str) -> Result<Self, Self::Err> { $crate::id::decode($prefix, text).map(Self) }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-7][0-9a-hjkmnp-tv-z]{25}$")))
                    .examples([serde_json::json!(concat!($prefix, "_01jd5zs2xce3nbq7tpv5f8k9wm"))])
                    .into()
            }
        }
        impl utoipa::ToSchema for $name {}
    )*};
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_typeid_specification_hold() {
        let uuid = Uuid::parse_str("01890a5d-ac96-774b-bcce-b302099a8057").expect("a uuid");
        assert_eq!(encode("prefix", uuid), "prefix_01h455vb4pex5vsknk084sn02q");
        assert_eq!(encode("p", Uuid::from_u128(u128::MAX)), "p_7zzzzzzzzzzzzzzzzzzzzzzzzz");
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in [
            "",
            "p",
            "p_",
            "p_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "q_7zzzzzzzzzzzzzzzzzzzzzzzzz",
            "p_7zzzzzzzzzzzzzzzzzzzzzzzzu",
            "p_7zzzzzzzzzzzzzzzzzzzzzzzz",
        ] {
            assert!(decode("p", text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_id_reads_back_and_sorts_like_its_uuid(a: u128, b: u128) {
            let (x, y) = (Uuid::from_u128(a), Uuid::from_u128(b));
            prop_assert_eq!(decode("ord", &encode("ord", x)), Ok(x));
            prop_assert_eq!(encode("ord", x).cmp(&encode("ord", y)), x.cmp(&y));
        }
    }
}
