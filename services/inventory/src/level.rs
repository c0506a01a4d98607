//! The noun *level*: how much of a variant lies at a location, and how much of that is held.

use contracts::catalog::VariantId;
use contracts::inventory::{Availability, LocationId, StockPolicy};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Units of one level that can be named in one go.
pub const UNITS_MAX: i64 = 1_000_000_000;

/// A level, as far as a hold has to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    pub variant: VariantId,
    pub location: LocationId,
    pub policy: StockPolicy,
    pub on_hand: i64,
    pub reserved: i64,
    /// When its location is asked: the lowest first. `None`: not active, so it holds no new orders.
    pub rank: Option<i64>,
}

impl Level {
    /// What another order can have without waiting for goods.
    pub fn available(&self) -> i64 {
        match self.policy {
            StockPolicy::Deny | StockPolicy::Backorder => self.on_hand.saturating_sub(self.reserved).max(0),
            StockPolicy::Untracked => i64::MAX,
        }
    }

    /// Sold beyond what is there.
    pub fn is_endless(&self) -> bool {
        !matches!(self.policy, StockPolicy::Deny)
    }

    /// What can be carried away without taking what orders were promised (policy `deny`), or what is not there.
    pub fn movable(&self) -> i64 {
        let promised = if self.policy == StockPolicy::Deny { self.reserved } else { 0 };
        self.on_hand.saturating_sub(promised).max(0)
    }
}

/// A level, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LevelView {
    pub variant: VariantId,
    pub location: LocationId,
    pub policy: StockPolicy,
    /// In the house, held or not, in the variant's sales unit.
    pub on_hand: i64,
    /// Held for orders that have not left yet.
    pub reserved: i64,
    /// On hand less reserved: negative where more was promised than a count found, or on backorder.
    pub available: i64,
    /// How much of what is reserved a count did not find.
    pub shortfall: i64,
    /// At or below this many available, the level is low.
    pub low_threshold: i64,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// A variant over all locations, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VariantStockView {
    pub variant: VariantId,
    pub policy: StockPolicy,
    pub availability: Availability,
    pub on_hand: i64,
    pub reserved: i64,
    pub available: i64,
}

/// What a buyer is told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AvailabilityView {
    pub variant: VariantId,
    pub availability: Availability,
    /// Counts its flips.
    pub version: i64,
}

#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPolicy {
    #[garde(skip)]
    pub policy: StockPolicy,
}

#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetThreshold {
    /// At or below this many available, the level is low.
    #[garde(range(min = 0, max = UNITS_MAX))]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub low_threshold: i64,
}
