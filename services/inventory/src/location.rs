//! The noun *location*: a place that holds stock.

use contracts::inventory::LocationId;
use contracts::values::is_country;
use jiff::Timestamp;
use platform::http::said;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Of one shop, active or not.
pub const LOCATIONS_MAX: i64 = 200;
pub const NAME_CHARS_MAX: usize = 100;
pub const PRIORITY_MAX: i64 = 1_000;
const PRIORITY: i64 = 100;

#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLocation {
    /// Unique in the shop; a market's setting `locations` names it.
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(example = "Main warehouse", min_length = 1, max_length = 100)]
    pub name: String,
    /// Where it is: ISO 3166-1 alpha-2.
    #[serde(default)]
    #[garde(inner(custom(is_country)))]
    #[schema(example = "AT", pattern = "^[A-Z]{2}$")]
    pub country: Option<String>,
    /// Orders are held at the lowest that has everything; of equals, at the oldest location.
    #[serde(default = "priority")]
    #[garde(range(min = 0, max = PRIORITY_MAX))]
    #[schema(minimum = 0, maximum = 1000, default = 100)]
    pub priority: i64,
}

fn priority() -> i64 {
    PRIORITY
}

impl NewLocation {
    /// With everything else as it is where nothing is said.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), country: None, priority: PRIORITY }
    }
}

/// What is to be different; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditLocation {
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(example = "Main warehouse", min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[garde(inner(inner(custom(is_country))))]
    #[schema(value_type = Option<String>, example = "AT", pattern = "^[A-Z]{2}$")]
    pub country: Option<Option<String>>,
    #[serde(default)]
    #[garde(range(min = 0, max = PRIORITY_MAX))]
    #[schema(minimum = 0, maximum = 1000)]
    pub priority: Option<i64>,
    /// `false`: holds no new orders. What is held there still leaves from there.
    #[serde(default)]
    #[garde(skip)]
    pub active: Option<bool>,
}

impl EditLocation {
    /// The fields it names.
    pub fn fields(&self) -> Vec<&'static str> {
        let fields = [
            self.name.as_ref().map(|_| "name"),
            self.country.as_ref().map(|_| "country"),
            self.priority.map(|_| "priority"),
            self.active.map(|_| "active"),
        ];
        fields.into_iter().flatten().collect()
    }
}

/// A location, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LocationView {
    pub id: LocationId,
    #[schema(example = "Main warehouse")]
    pub name: String,
    pub country: Option<String>,
    pub priority: i64,
    pub active: bool,
    /// Counts its edits; the ETag.
    pub version: i64,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}
