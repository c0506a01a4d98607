//! The noun *level*: how much of a variant lies at a location, and how much of that is held.

use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, StockPolicy};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A level, as far as a hold has to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    pub variant: VariantId,
    pub location: LocationId,
    pub policy: StockPolicy,
    pub on_hand: i64,
    pub reserved: i64,
}

impl Level {
    /// What another order can have, where the policy is to deny more than is there.
    pub fn available(&self) -> i64 {
        self.on_hand.saturating_sub(self.reserved).max(0)
    }

    pub fn can_hold(&self, quantity: i64) -> bool {
        match self.policy {
            StockPolicy::Deny => self.available() >= quantity,
            StockPolicy::Backorder | StockPolicy::Untracked => true,
        }
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
    /// At or below this many available, the variant is `low`.
    pub low_threshold: i64,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}
