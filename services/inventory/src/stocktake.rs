//! The noun *stocktake*: what somebody counted at a location, beside what the books said.

use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, StocktakeId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::level::UNITS_MAX;

/// Of one stocktake.
pub const LINES_MAX: usize = 500;

/// A count to be taken over into the books.
#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStocktake {
    #[garde(skip)]
    pub location: LocationId,
    /// What was counted, each variant once. Others stay as they are.
    #[garde(length(min = 1, max = LINES_MAX), dive)]
    #[schema(min_items = 1, max_items = 500)]
    pub lines: Vec<NewCount>,
    /// About the goods, not about people.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 200))]
    #[schema(example = "shelf 12", min_length = 1, max_length = 200)]
    pub note: Option<String>,
}

#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCount {
    #[garde(skip)]
    pub variant: VariantId,
    /// All that lies there, held for orders or not.
    #[garde(range(min = 0, max = UNITS_MAX))]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub counted: i64,
}

/// A stocktake, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StocktakeView {
    pub id: StocktakeId,
    pub location: LocationId,
    pub note: Option<String>,
    pub lines: Vec<CountedLine>,
    #[schema(value_type = String, format = DateTime)]
    pub counted_at: Timestamp,
}

/// A stocktake in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StocktakeListItem {
    pub id: StocktakeId,
    pub location: LocationId,
    pub note: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub counted_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct CountedLine {
    pub variant: VariantId,
    /// On hand by the books, before.
    pub expected: i64,
    pub counted: i64,
    /// How much of what was promised to orders then was not there.
    pub shortfall: i64,
}

impl CountedLine {
    /// `promised` counts only where more than is there is denied.
    pub fn of(variant: VariantId, counted: i64, expected: i64, promised: i64) -> Self {
        Self { variant, expected, counted, shortfall: (promised - counted).max(0) }
    }

    pub fn change(&self) -> i64 {
        self.counted - self.expected
    }
}
