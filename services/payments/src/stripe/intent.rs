//! A PaymentIntent, as far as we read it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::wire::ErrorObject;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    RequiresCapture,
    Succeeded,
    Canceled,
    /// `processing`, and what a newer Stripe may say.
    #[serde(other)]
    Other,
}

/// No `Debug`: it holds what is the buyer's.
#[derive(Clone, Deserialize)]
pub struct Intent {
    pub id: String,
    pub status: Status,
    pub amount: i64,
    /// What was captured.
    #[serde(default)]
    pub amount_received: i64,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    pub next_action: Option<NextStep>,
    pub last_payment_error: Option<ErrorObject>,
    pub cancellation_reason: Option<String>,
}

#[derive(Clone, Deserialize)]
pub struct NextStep {
    pub redirect_to_url: Option<Redirect>,
}

#[derive(Clone, Deserialize)]
pub struct Redirect {
    pub url: String,
}
