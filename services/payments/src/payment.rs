//! A payment: what an order costs, and how much of it was authorised, captured and given back.

use contracts::Money;
use contracts::orders::OrderId;
use contracts::payments::PaymentId;
use garde::Validate;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use contracts::values::is_token;

use crate::attempt::{AttemptState, AttemptView};

/// A payment without its attempts.
#[derive(Debug, Clone)]
pub struct Payment {
    pub id: PaymentId,
    pub order: OrderId,
    pub method: String,
    pub amount: Money,
    pub authorized: Money,
    pub captured: Money,
    pub voided: Money,
    pub refunded: Money,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Where a payment stands, by its amounts and its last attempt; never set by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The gateway is being asked.
    Pending,
    /// The buyer must act: see the last attempt's `next_action`.
    ActionRequired,
    /// The last attempt failed; another may be made.
    Declined,
    Authorized,
    PartiallyCaptured,
    Captured,
    Voided,
    PartiallyRefunded,
    Refunded,
}

/// A payment of an order, with every attempt at it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PaymentView {
    pub id: PaymentId,
    pub order: OrderId,
    /// The way to pay of the last attempt.
    #[schema(example = "card")]
    pub method: String,
    pub status: PaymentStatus,
    /// What the order costs.
    pub amount: Money,
    pub authorized: Money,
    pub captured: Money,
    pub voided: Money,
    pub refunded: Money,
    /// In the order they were made.
    pub attempts: Vec<AttemptView>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A further attempt to pay an order, after a declined one.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPayment {
    #[garde(skip)]
    pub order: OrderId,
    /// A way to pay of this shop.
    #[garde(length(bytes, min = 1, max = 64))]
    #[schema(example = "card", max_length = 64)]
    pub method: String,
    /// The gateway's name for the buyer's card; never the card's number.
    #[garde(custom(is_token))]
    #[schema(example = "tok_ok", min_length = 1, max_length = 255)]
    pub token: String,
}

impl Payment {
    pub fn status(&self, last: Option<AttemptState>) -> PaymentStatus {
        let (authorized, captured) = (self.authorized.amount, self.captured.amount);
        let (voided, refunded) = (self.voided.amount, self.refunded.amount);
        match last {
            Some(AttemptState::ActionRequired) => return PaymentStatus::ActionRequired,
            Some(AttemptState::Declined | AttemptState::Failed) => return PaymentStatus::Declined,
            Some(AttemptState::Pending | AttemptState::Unknown) | None => return PaymentStatus::Pending,
            Some(AttemptState::Authorized | AttemptState::Voided) => {}
        }
        match () {
            () if refunded > 0 && refunded == captured => PaymentStatus::Refunded,
            () if refunded > 0 => PaymentStatus::PartiallyRefunded,
            () if captured > 0 && captured + voided == authorized => PaymentStatus::Captured,
            () if captured > 0 => PaymentStatus::PartiallyCaptured,
            () if voided > 0 => PaymentStatus::Voided,
            () => PaymentStatus::Authorized,
        }
    }

    pub fn view(self, attempts: Vec<AttemptView>) -> PaymentView {
        let status = self.status(attempts.last().map(|attempt| attempt.state));
        let Self { id, order, method, amount, authorized, captured, voided, refunded, created_at, updated_at } = self;
        PaymentView {
            id,
            order,
            method,
            status,
            amount,
            authorized,
            captured,
            voided,
            refunded,
            attempts,
            created_at,
            updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::{Currency, Id};
    use uuid::Uuid;

    use super::*;

    fn status(last: AttemptState, [authorized, captured, voided, refunded]: [i64; 4]) -> PaymentStatus {
        let eur = |amount| Money::new(amount, Currency::EUR);
        let payment = Payment {
            id: PaymentId::from_uuid(Uuid::nil()),
            order: OrderId::from_uuid(Uuid::nil()),
            method: "card".to_owned(),
            amount: eur(100),
            authorized: eur(authorized),
            captured: eur(captured),
            voided: eur(voided),
            refunded: eur(refunded),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        payment.status(Some(last))
    }

    #[test]
    fn the_status_follows_the_amounts() {
        use AttemptState::{Authorized, Declined, Unknown, Voided};
        assert_eq!(status(Unknown, [0, 0, 0, 0]), PaymentStatus::Pending);
        assert_eq!(status(Declined, [0, 0, 0, 0]), PaymentStatus::Declined);
        assert_eq!(status(Authorized, [100, 0, 0, 0]), PaymentStatus::Authorized);
        assert_eq!(status(Authorized, [100, 40, 0, 0]), PaymentStatus::PartiallyCaptured);
        assert_eq!(status(Authorized, [100, 40, 60, 0]), PaymentStatus::Captured);
        assert_eq!(status(Authorized, [100, 100, 0, 0]), PaymentStatus::Captured);
        assert_eq!(status(Authorized, [100, 100, 0, 30]), PaymentStatus::PartiallyRefunded);
        assert_eq!(status(Authorized, [100, 100, 0, 100]), PaymentStatus::Refunded);
        assert_eq!(status(Voided, [100, 0, 100, 0]), PaymentStatus::Voided);
        assert_eq!(status(Authorized, [0, 0, 0, 0]), PaymentStatus::Authorized);
    }
}
