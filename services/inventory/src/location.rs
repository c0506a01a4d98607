//! The noun *location*: a place that holds stock. Locations are tried in the order they were made.

use contracts::inventory::LocationId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLocation {
    /// Unique in the shop.
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(example = "Main warehouse", min_length = 1, max_length = 100)]
    pub name: String,
}

/// A location, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LocationView {
    pub id: LocationId,
    #[schema(example = "Main warehouse")]
    pub name: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}
