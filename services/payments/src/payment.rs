//! A payment: a part of what an order costs, paid in one way; and how much of it was authorised,
//! captured and given back.

use contracts::orders::OrderId;
use contracts::payments::{AttemptId, NextAction, PaymentId};
use contracts::values::{TokenText, is_token};
use contracts::{Currency, Money};
use garde::Validate;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::attempt::{Attempt, AttemptState, AttemptView};
use crate::ledger::Sums;
use crate::operation::OperationView;
use crate::receipt::ReceiptView;

/// A payment with its newest attempt.
#[derive(Debug, Clone)]
pub struct Payment {
    pub id: PaymentId,
    pub order: OrderId,
    /// 1 is the one that the order itself asked for.
    pub number: i64,
    pub method: String,
    pub currency: Currency,
    pub amount: i64,
    pub attempt: AttemptId,
    pub attempt_number: i64,
    pub state: AttemptState,
    /// The gateway's name for the charge.
    pub reference: Option<String>,
    pub reason: Option<String>,
    pub next_action: Option<NextAction>,
    pub attempted_at: Timestamp,
    pub sums: Sums,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Where a payment stands, by its amounts and its newest attempt; never set by hand.
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
    /// 1 is the one that the order itself asked for.
    pub number: i64,
    /// The way to pay of the last attempt.
    #[schema(example = "card")]
    pub method: String,
    pub status: PaymentStatus,
    /// What of the order's total it is for.
    pub amount: Money,
    pub authorized: Money,
    pub captured: Money,
    pub voided: Money,
    pub refunded: Money,
    /// What staff saw coming in, where no gateway brings the money.
    pub received: Money,
    /// In the order they were made.
    pub attempts: Vec<AttemptView>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A payment with all that was asked of its gateway, for staff.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PaymentDetail {
    #[serde(flatten)]
    pub payment: PaymentView,
    /// The gateway's name for the newest charge, or what the buyer was told to write on the transfer.
    pub reference: Option<String>,
    /// In the order they were begun.
    pub operations: Vec<OperationView>,
    /// In the order they were noted.
    pub receipts: Vec<ReceiptView>,
}

/// A payment of an order: again after a declined attempt, or a further part of the total.
// No `Debug`: a token must not slip into a log.
#[derive(Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPayment {
    #[garde(skip)]
    pub order: OrderId,
    /// A way to pay of this shop.
    #[garde(length(chars, min = 1, max = 64))]
    #[schema(example = "card", min_length = 1, max_length = 64)]
    pub method: String,
    /// The gateway's name for the buyer's card; never the card's number. Ways to pay without a card need none.
    #[garde(inner(custom(is_token)))]
    #[schema(value_type = Option<TokenText>, example = "tok_ok")]
    pub token: Option<String>,
    /// So much of the order's total; all that no other payment is for, if not said.
    #[garde(skip)]
    pub amount: Option<Money>,
}

/// What a gateway calls a charge, or what a buyer wrote on a transfer: 1 to 255 characters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Reference(String);

const REFERENCE_CHARS_MAX: usize = 255;

impl TryFrom<String> for Reference {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let is_text = (1..=REFERENCE_CHARS_MAX).contains(&text.chars().count()) && !text.contains('\0');
        if is_text { Ok(Self(text)) } else { Err(format!("is 1 to {REFERENCE_CHARS_MAX} characters without U+0000")) }
    }
}

impl Reference {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Payment {
    pub fn status(&self) -> PaymentStatus {
        let Sums { authorized, captured, voided, refunded, .. } = self.sums;
        match self.state {
            AttemptState::ActionRequired => return PaymentStatus::ActionRequired,
            AttemptState::Declined | AttemptState::Failed => return PaymentStatus::Declined,
            AttemptState::Pending | AttemptState::Unknown => return PaymentStatus::Pending,
            AttemptState::Authorized | AttemptState::Voided => {}
        }
        match () {
            () if refunded > 0 && refunded == captured => PaymentStatus::Refunded,
            () if refunded > 0 => PaymentStatus::PartiallyRefunded,
            () if captured > 0 && captured + voided == authorized => PaymentStatus::Captured,
            () if captured > 0 => PaymentStatus::PartiallyCaptured,
            () if voided > 0 && voided == authorized => PaymentStatus::Voided,
            () => PaymentStatus::Authorized,
        }
    }

    pub fn money(&self, amount: i64) -> Money {
        Money::new(amount, self.currency)
    }

    /// Its newest attempt, for what is decided without a gateway.
    pub fn newest(&self) -> Attempt {
        Attempt {
            id: self.attempt,
            payment: self.id,
            numbers: (self.number, self.attempt_number),
            order: self.order,
            method: self.method.clone(),
            amount: self.money(self.amount),
            state: self.state,
            reference: self.reference.clone(),
            attempted_at: self.attempted_at,
            token: None,
            order_cancelled: false,
            is_newest: true,
        }
    }

    /// `earlier`: the attempts before the newest.
    pub fn view(self, earlier: Vec<AttemptView>) -> PaymentView {
        let (status, sums) = (self.status(), self.sums);
        let money = |amount| Money::new(amount, self.currency);
        let newest = AttemptView {
            id: self.attempt,
            number: self.attempt_number,
            method: self.method.clone(),
            amount: money(self.amount),
            state: self.state,
            reason: self.reason,
            next_action: self.next_action,
            created_at: self.attempted_at,
        };
        let mut attempts = earlier;
        attempts.push(newest);
        PaymentView {
            id: self.id,
            order: self.order,
            number: self.number,
            method: self.method,
            status,
            amount: money(self.amount),
            authorized: money(sums.authorized),
            captured: money(sums.captured),
            voided: money(sums.voided),
            refunded: money(sums.refunded),
            received: money(sums.received),
            attempts,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::Id;
    use uuid::Uuid;

    use super::*;

    fn status(state: AttemptState, [authorized, captured, voided, refunded]: [i64; 4]) -> PaymentStatus {
        let payment = Payment {
            id: PaymentId::from_uuid(Uuid::nil()),
            order: OrderId::from_uuid(Uuid::nil()),
            number: 1,
            method: "card".to_owned(),
            currency: Currency::EUR,
            amount: 100,
            attempt: AttemptId::from_uuid(Uuid::nil()),
            attempt_number: 1,
            state,
            reference: None,
            reason: None,
            next_action: None,
            attempted_at: Timestamp::UNIX_EPOCH,
            sums: Sums { authorized, captured, voided, refunded, ..Sums::default() },
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        payment.status()
    }

    #[test]
    fn the_status_follows_the_amounts() {
        use AttemptState::{Authorized, Declined, Unknown, Voided};
        assert_eq!(status(Unknown, [0, 0, 0, 0]), PaymentStatus::Pending);
        assert_eq!(status(Declined, [0, 0, 0, 0]), PaymentStatus::Declined);
        assert_eq!(status(Authorized, [100, 0, 0, 0]), PaymentStatus::Authorized);
        assert_eq!(status(Authorized, [100, 0, 40, 0]), PaymentStatus::Authorized);
        assert_eq!(status(Authorized, [100, 40, 0, 0]), PaymentStatus::PartiallyCaptured);
        assert_eq!(status(Authorized, [100, 40, 60, 0]), PaymentStatus::Captured);
        assert_eq!(status(Authorized, [100, 100, 0, 0]), PaymentStatus::Captured);
        assert_eq!(status(Authorized, [100, 100, 0, 30]), PaymentStatus::PartiallyRefunded);
        assert_eq!(status(Authorized, [100, 100, 0, 100]), PaymentStatus::Refunded);
        assert_eq!(status(Voided, [100, 0, 100, 0]), PaymentStatus::Voided);
        assert_eq!(status(Authorized, [0, 0, 0, 0]), PaymentStatus::Authorized);
    }
}
