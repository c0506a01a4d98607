//! The ledger and the sums that are kept with it.

use contracts::payments::PaymentOperation;
use platform::Problem;
use serde::{Deserialize, Serialize};

/// What a line of the ledger says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerKind {
    Authorized,
    Captured,
    Voided,
    Refunded,
}

::store::name_values!(LedgerKind);

impl From<PaymentOperation> for LedgerKind {
    fn from(operation: PaymentOperation) -> Self {
        match operation {
            PaymentOperation::Authorize => Self::Authorized,
            PaymentOperation::Capture => Self::Captured,
            PaymentOperation::Void => Self::Voided,
            PaymentOperation::Refund => Self::Refunded,
        }
    }
}

/// A payment's sums in minor units, or by what they change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub authorized: i64,
    /// What open captures will take.
    pub capturing: i64,
    pub captured: i64,
    /// What open voids will let go.
    pub voiding: i64,
    pub voided: i64,
    /// What open refunds will give back.
    pub refunding: i64,
    pub refunded: i64,
    /// What staff saw coming in, where no gateway brings the money.
    pub received: i64,
}

impl Sums {
    /// What can still be captured, or let go.
    pub fn uncaptured(&self) -> i64 {
        self.authorized - self.capturing - self.captured - self.voiding - self.voided
    }

    /// What can still go back.
    pub fn refundable(&self) -> i64 {
        self.captured - self.refunding - self.refunded
    }
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, change: Self) {
        self.authorized += change.authorized;
        self.capturing += change.capturing;
        self.captured += change.captured;
        self.voiding += change.voiding;
        self.voided += change.voided;
        self.refunding += change.refunding;
        self.refunded += change.refunded;
        self.received += change.received;
    }
}

/// Nothing was booked: the transaction is to be undone.
#[derive(Debug, thiserror::Error)]
pub enum NotBooked {
    /// What would be booked has its outcome already.
    #[error("it was booked before")]
    Before,
    /// A defect of ours: the sums would not hold.
    #[error("{0}")]
    Unsound(String),
    #[error(transparent)]
    Store(#[from] ::store::Error),
}

impl From<NotBooked> for Problem {
    fn from(error: NotBooked) -> Self {
        match error {
            NotBooked::Store(error) => error.into(),
            NotBooked::Before | NotBooked::Unsound(_) => Self::internal(error.to_string()),
        }
    }
}

/// An amount cut into parts, each with where it comes from: as much as each can give, in their order.
/// `None` where all together can't give that much.
pub fn spread<T>(amount: i64, rooms: impl IntoIterator<Item = (T, i64)>) -> Option<Vec<(T, i64)>> {
    let mut left = amount;
    let mut parts = Vec::new();
    for (from, room) in rooms {
        let part = left.min(room);
        if part > 0 {
            parts.push((from, part));
            left -= part;
        }
    }
    (left == 0).then_some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_give_first() {
        assert_eq!(spread(70, [("a", 50), ("b", 0), ("c", 50)]), Some(vec![("a", 50), ("c", 20)]));
        assert_eq!(spread(101, [("a", 50), ("c", 50)]), None);
        assert_eq!(spread(0, [("a", 50)]), Some(vec![]));
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_amount_and_no_part_is_more_than_its_room(
            amount in 0_i64..1_000, rooms in prop::collection::vec(0_i64..300, 0..6),
        ) {
            let parts = spread(amount, rooms.iter().copied().enumerate());
            prop_assert_eq!(parts.is_some(), rooms.iter().sum::<i64>() >= amount);
            for (from, part) in parts.clone().unwrap_or_default() {
                prop_assert!(part > 0 && part <= rooms[from]);
            }
            if let Some(parts) = parts {
                prop_assert_eq!(parts.iter().map(|(_, part)| part).sum::<i64>(), amount);
            }
        }
    }
}
