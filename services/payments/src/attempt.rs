//! An attempt: one try to authorise a payment at a gateway, and what became of it.

use contracts::Money;
use contracts::orders::OrderId;
use contracts::payments::{AttemptId, NextAction, PaymentId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where an attempt stands. The first four live: a payment has at most one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// The gateway is being asked.
    Pending,
    /// The gateway did not answer in time: it is asked what became of the charge.
    Unknown,
    /// The buyer must confirm at their bank.
    ActionRequired,
    /// The gateway holds the money, or has handed it out.
    Authorized,
    /// The gateway, or the buyer at their bank, said no.
    Declined,
    /// The whole authorisation was given back.
    Voided,
    /// The order ended before there was anything to authorise.
    Failed,
}

::store::name_values!(AttemptState);

impl AttemptState {
    /// No outcome yet.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Unknown | Self::ActionRequired)
    }
}

/// An attempt with what its gateway must know.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Also the gateway's key.
    pub id: AttemptId,
    pub payment: PaymentId,
    pub order: OrderId,
    pub method: String,
    pub amount: Money,
    pub state: AttemptState,
    /// `None`: the order still has it.
    pub token: Option<String>,
    pub order_cancelled: bool,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Authorized {
        reference: Option<String>,
    },
    Declined {
        reason: String,
    },
    ActionRequired {
        reference: String,
        next_action: NextAction,
    },
    /// The order ended first: no money is held, and none will be.
    Abandoned,
}

impl Outcome {
    pub fn state(&self) -> AttemptState {
        match self {
            Self::Authorized { .. } => AttemptState::Authorized,
            Self::Declined { .. } => AttemptState::Declined,
            Self::ActionRequired { .. } => AttemptState::ActionRequired,
            Self::Abandoned => AttemptState::Failed,
        }
    }

    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Authorized { reference } => reference.as_deref(),
            Self::ActionRequired { reference, .. } => Some(reference),
            Self::Declined { .. } | Self::Abandoned => None,
        }
    }

    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Declined { reason } => Some(reason),
            Self::Abandoned => Some("order_cancelled"),
            Self::Authorized { .. } | Self::ActionRequired { .. } => None,
        }
    }

    pub fn next_action(&self) -> Option<&NextAction> {
        match self {
            Self::ActionRequired { next_action, .. } => Some(next_action),
            _ => None,
        }
    }
}

/// An attempt, as its buyer and staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AttemptView {
    pub id: AttemptId,
    /// 1 is the attempt that the order itself made.
    pub number: i64,
    pub state: AttemptState,
    /// Why it was declined, by the gateway's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the buyer must do now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
    pub created_at: Timestamp,
}

const TOKEN_CHARS_MAX: usize = 255;

/// A gateway's name for a card is no secret of the card. Card numbers are refused before they get anywhere.
pub fn is_token(text: &str, (): &()) -> garde::Result {
    if text.is_empty() || text.len() > TOKEN_CHARS_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(garde::Error::new(format!(
            "is 1 to {TOKEN_CHARS_MAX} visible ASCII characters, as the gateway gave them"
        )));
    }
    if is_card_number(text) {
        return Err(garde::Error::new(
            "is a card number: this shop must never see one; send the gateway's token for it",
        ));
    }
    Ok(())
}

/// 13 to 19 digits, grouped or not, that pass the Luhn check (ISO/IEC 7812).
fn is_card_number(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|letter| letter.to_digit(10)).collect();
    let other = text.chars().any(|letter| !letter.is_ascii_digit() && letter != '-');
    let doubled = |(place, digit): (usize, &u32)| match (place % 2, digit * 2) {
        (0, _) => *digit,
        (_, twice) => twice / 10 + twice % 10,
    };
    !other && (13..=19).contains(&digits.len()) && digits.iter().rev().enumerate().map(doubled).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_no_token() {
        for number in ["4242424242424242", "4000-0025-0000-3155", "378282246310005"] {
            assert!(is_token(number, &()).is_err(), "{number}");
        }
        for token in ["tok_ok", "4242424242424241", "pm_4242424242424242"] {
            assert!(is_token(token, &()).is_ok(), "{token}");
        }
        assert!(
            is_token("", &()).is_err() && is_token("a b", &()).is_err() && is_token(&"x".repeat(256), &()).is_err()
        );
    }
}
