//! A receipt: money that staff saw coming in, where no gateway brings it.

use contracts::Money;
use contracts::payments::ReceiptId;
use garde::Validate;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::attempt::AttemptState;
use crate::payment::Payment;

/// Money that came in for a payment.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReceipt {
    /// All that is still awaited, if not said.
    #[garde(skip)]
    pub amount: Option<Money>,
    /// For staff, such as where it was seen.
    #[garde(inner(length(chars, min = 1, max = 500)))]
    #[schema(example = "bank statement 47", min_length = 1, max_length = 500)]
    pub note: Option<String>,
}

/// A receipt, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReceiptView {
    pub id: ReceiptId,
    pub amount: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub created_at: Timestamp,
}

/// What staff may still see coming in for a payment, in minor units: what it is for until it is
/// authorised, then what is neither given back nor here yet. `None` where nothing can come.
pub fn awaited(payment: &Payment) -> Option<i64> {
    let sums = &payment.sums;
    match payment.state {
        AttemptState::ActionRequired => Some(payment.amount - sums.received),
        AttemptState::Authorized => Some(sums.authorized - sums.voiding - sums.voided - sums.received),
        AttemptState::Pending
        | AttemptState::Unknown
        | AttemptState::Declined
        | AttemptState::Voided
        | AttemptState::Failed => None,
    }
}

/// Whether what came in pays for a capture of this amount, after all captures before it.
pub fn covers(payment: &Payment, amount: i64) -> bool {
    payment.sums.received - payment.sums.captured >= amount
}
