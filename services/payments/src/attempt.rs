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
    /// The buyer must act: confirm at their bank, or transfer the money.
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

    /// It came to nothing: another may follow.
    pub fn is_vain(self) -> bool {
        matches!(self, Self::Declined | Self::Failed)
    }
}

/// An attempt with what its gateway must know. No `Debug`: a token must not slip into a log.
#[derive(Clone)]
pub struct Attempt {
    /// Also the gateway's key.
    pub id: AttemptId,
    pub payment: PaymentId,
    /// 1 is the payment that the order itself asked for, and the attempt that it began with.
    pub numbers: (i64, i64),
    pub order: OrderId,
    pub method: String,
    pub amount: Money,
    pub state: AttemptState,
    /// The gateway's name for the charge, once it has told it.
    pub reference: Option<String>,
    pub attempted_at: Timestamp,
    /// `None`: the order still has it.
    pub token: Option<String>,
    pub order_cancelled: bool,
    /// No other attempt at its payment followed.
    pub is_newest: bool,
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
    /// 1 is the payment's first.
    pub number: i64,
    pub method: String,
    pub amount: Money,
    pub state: AttemptState,
    /// Why it came to nothing, by the gateway's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the buyer must do now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
    pub created_at: Timestamp,
}
