//! What payments does outside the transaction that asked for it.

use ::store::Job;
use contracts::payments::{AttemptId, OperationId};
use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, JobRun};
use serde::{Deserialize, Serialize};

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

/// Finds out what became of an attempt that waited for its buyer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Settle {
    pub attempt: AttemptId,
    pub cause: SettleCause,
}

/// Each happens once to an attempt, and none may hide another.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettleCause {
    BuyerAnswered,
    OrderCancelled,
}

impl Job for Settle {
    const KIND: &'static str = "settle";
    fn key(&self) -> String {
        let cause = match self.cause {
            SettleCause::BuyerAnswered => "buyer_answered",
            SettleCause::OrderCancelled => "order_cancelled",
        };
        format!("{} {cause}", self.attempt)
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

/// The longest pause between two look-ups: money may be held, so they are never given up.
const PAUSE_SECONDS_MAX: i64 = 60;

/// When to ask a gateway again that did not answer: after 1, 2, 4 … 60 s.
pub fn again(ctx: &Ctx, run: &JobRun) -> Timestamp {
    let doublings = u32::try_from(run.attempts.clamp(1, 7) - 1).unwrap_or(0);
    let pause = SignedDuration::from_secs(2_i64.pow(doublings).min(PAUSE_SECONDS_MAX));
    ctx.clock.now().saturating_add(pause).unwrap_or(Timestamp::MAX)
}
