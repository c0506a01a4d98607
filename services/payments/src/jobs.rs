//! What payments does outside the transaction that asked for it.

use ::store::Job;
use contracts::Money;
use contracts::orders::OrderId;
use contracts::payments::{AttemptId, OperationId, PaymentId};
use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, JobRun};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Asks the gateway for an attempt's money.
#[derive(Debug, Serialize, Deserialize)]
pub struct Authorize {
    pub attempt: AttemptId,
}

impl Job for Authorize {
    const KIND: &'static str = "authorize";
    fn key(&self) -> String {
        self.attempt.to_string()
    }
}

/// Takes back the charge of an attempt that waits for its buyer: its order was cancelled.
#[derive(Debug, Serialize, Deserialize)]
pub struct Withdraw {
    pub attempt: AttemptId,
}

impl Job for Withdraw {
    const KIND: &'static str = "withdraw";
    fn key(&self) -> String {
        self.attempt.to_string()
    }
}

/// Asks a gateway whose events may be lost what became of a charge that waits for its buyer.
#[derive(Debug, Serialize, Deserialize)]
pub struct LookAgain {
    pub attempt: AttemptId,
    /// How often it was asked before.
    pub looks: u32,
}

impl Job for LookAgain {
    const KIND: &'static str = "look_again";
    fn key(&self) -> String {
        format!("{} {}", self.attempt, self.looks)
    }
}

impl LookAgain {
    /// After 15, 30, 60 … 600 s.
    pub fn due(&self, now: Timestamp) -> Timestamp {
        let pause = SignedDuration::from_secs((15 << self.looks.min(6)).min(600));
        now.saturating_add(pause).unwrap_or(Timestamp::MAX)
    }
}

/// A gateway told an event: looks up what became of the charge.
#[derive(Debug, Serialize, Deserialize)]
pub struct LookUp {
    pub method: String,
    pub event: String,
}

impl Job for LookUp {
    const KIND: &'static str = "look_up";
    fn key(&self) -> String {
        format!("{} {}", self.method, self.event)
    }
}

/// Asks the gateway for a capture, void or refund.
#[derive(Debug, Serialize, Deserialize)]
pub struct Operate {
    pub operation: OperationId,
}

impl Job for Operate {
    const KIND: &'static str = "operate";
    fn key(&self) -> String {
        self.operation.to_string()
    }
}

/// Lets go of what stays authorised after an order's last capture.
#[derive(Debug, Serialize, Deserialize)]
pub struct Release {
    pub order: OrderId,
}

impl Job for Release {
    const KIND: &'static str = "release";
    fn key(&self) -> String {
        self.order.to_string()
    }
}

/// The test bank makes a charge later than it was asked to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TestBankCharges {
    pub key: AttemptId,
    pub payment: PaymentId,
    pub method: String,
    pub amount: Money,
}

impl Job for TestBankCharges {
    const KIND: &'static str = "test_bank_charges";
    fn key(&self) -> String {
        self.key.to_string()
    }
}

/// The test bank holds the money of a charge that came to nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TestBankRelents {
    pub key: AttemptId,
}

impl Job for TestBankRelents {
    const KIND: &'static str = "test_bank_relents";
    fn key(&self) -> String {
        self.key.to_string()
    }
}

/// The test bank sends an event about a charge, until it is heard.
#[derive(Debug, Serialize, Deserialize)]
pub struct TestBankTells {
    pub key: AttemptId,
    pub event: Uuid,
}

impl Job for TestBankTells {
    const KIND: &'static str = "test_bank_tells";
    fn key(&self) -> String {
        format!("{} {}", self.key, self.event)
    }
}

/// The longest pause between two look-ups: money may be held, so they are never given up.
const PAUSE_SECONDS_MAX: i64 = 60;

/// When to ask a gateway again that did not answer: after 1, 2, 4 … 60 s.
pub fn again(ctx: &Ctx, run: &JobRun) -> Timestamp {
    let doublings = u32::try_from(run.attempts.clamp(1, 7) - 1).unwrap_or(0);
    let pause = SignedDuration::from_secs(2_i64.pow(doublings).min(PAUSE_SECONDS_MAX));
    ctx.clock.now().saturating_add(pause).unwrap_or(Timestamp::MAX)
}
