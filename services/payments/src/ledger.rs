//! The ledger and the sums that are kept with it.

use contracts::orders::OrderId;
use contracts::payments::{PaymentId, PaymentOperation};
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

/// By what a payment's sums change, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Change {
    pub authorized: i64,
    /// What open captures will take.
    pub capturing: i64,
    pub captured: i64,
    pub voided: i64,
    pub refunded: i64,
}

/// A payment's sums, in minor units, as one transaction left them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    pub payment: PaymentId,
    pub order: OrderId,
    pub order_cancelled: bool,
    pub tries: i64,
    pub authorized: i64,
    pub capturing: i64,
    pub captured: i64,
    pub voided: i64,
    pub refunded: i64,
}

impl Balance {
    /// What can still be captured.
    pub fn uncaptured(&self) -> i64 {
        self.authorized - self.capturing - self.captured - self.voided
    }

    /// What a cancelled order's payment owes: `(void, refund)`. Nothing while a capture is under way:
    /// its end asks again.
    pub fn owed(&self) -> (i64, i64) {
        if !self.order_cancelled || self.capturing > 0 {
            return (0, 0);
        }
        (self.uncaptured(), self.captured - self.refunded)
    }
}

/// Nothing was booked: the transaction is to be undone.
#[derive(Debug, thiserror::Error)]
pub enum NotBooked {
    /// What would be booked has its outcome already.
    #[error("it was booked before")]
    Before,
    #[error(transparent)]
    Store(#[from] ::store::Error),
}

#[cfg(test)]
mod tests {
    use contracts::Id;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn balance(
        order_cancelled: bool,
        authorized: i64,
        capturing: i64,
        captured: i64,
        voided: i64,
        refunded: i64,
    ) -> Balance {
        let (payment, order) = (PaymentId::from_uuid(Uuid::nil()), OrderId::from_uuid(Uuid::nil()));
        Balance { payment, order, order_cancelled, tries: 1, authorized, capturing, captured, voided, refunded }
    }

    #[test]
    fn a_living_order_is_owed_nothing() {
        assert_eq!(balance(false, 100, 0, 40, 0, 0).owed(), (0, 0));
        assert_eq!(balance(true, 100, 60, 40, 0, 0).owed(), (0, 0));
        assert_eq!(balance(true, 100, 0, 40, 0, 0).owed(), (60, 40));
    }

    proptest! {
        #[test]
        fn what_is_owed_leaves_nothing(authorized in 0_i64..10_000, captured in 0_i64..10_000, refunded in 0_i64..10_000) {
            let captured = captured.min(authorized);
            let refunded = refunded.min(captured);
            let before = balance(true, authorized, 0, captured, 0, refunded);
            let (void, refund) = before.owed();
            let after = Balance { voided: void, refunded: refunded + refund, ..before };
            prop_assert_eq!(after.owed(), (0, 0));
            prop_assert_eq!(after.authorized, after.voided + after.refunded);
        }
    }
}
