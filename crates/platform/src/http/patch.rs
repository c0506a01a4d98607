//! Bodies of `PATCH`: absent is not `null`.

use serde::{Deserialize, Deserializer};

/// For a field that can be taken away: `#[serde(default, deserialize_with = "said")]` on an
/// `Option<Option<T>>` reads what is absent as `None` and `null` as `Some(None)`.
pub fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
