//! Gateways: who holds and moves the money. Each question carries our own id as its key, so that a
//! question asked again is the same question.

use std::time::Duration;

use contracts::Money;
use contracts::payments::{AttemptId, PaymentId, PaymentOperation};
use platform::{Ctx, Problem, config};

use crate::attempt::Outcome;
use crate::operation::Operation;
use crate::test_bank::TestBank;

/// A way to pay's gateway, and how long it is waited for. Never asked inside a transaction.
#[derive(Debug)]
pub struct Gateway {
    bank: Bank,
    answer_max: Duration,
    pub tries_max: i64,
}

#[derive(Debug)]
enum Bank {
    Test(TestBank),
}

/// Why a gateway did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// It never will.
    #[error("the gateway refuses: {0}")]
    Refused(&'static str),
    /// It may have, or may yet: ask again with the same key.
    #[error("nobody knows what the gateway did: {0}")]
    Unknown(String),
}

impl From<::store::Error> for NotDone {
    fn from(error: ::store::Error) -> Self {
        Self::Unknown(error.to_string())
    }
}

/// A charge that is asked for.
#[derive(Debug, Clone)]
pub struct Ask {
    pub key: AttemptId,
    /// Whose charge it is: gateways keep it with the charge and show it beside.
    pub payment: PaymentId,
    pub amount: Money,
    pub token: String,
}

impl Gateway {
    /// The gateway of a way to pay; a field problem where the shop has no such way.
    pub fn of(ctx: &Ctx, method: &str) -> Result<Self, Problem> {
        let setting = ctx.config.payments.get(method).ok_or_else(|| {
            let known: Vec<&str> = ctx.config.payments.keys().map(String::as_str).collect();
            Problem::field("/method", format!("`{method}` is no way to pay here; this shop has: {}", known.join(", ")))
        })?;
        let bank = match setting.gateway {
            config::Gateway::Test => Bank::Test(TestBank::of(ctx)),
        };
        Ok(Self { bank, answer_max: Duration::from_secs(setting.gateway_seconds_max), tries_max: setting.tries_max })
    }

    /// Asks it to hold the money. The same key never makes a second charge.
    pub async fn authorize(&self, ask: &Ask) -> Result<Outcome, NotDone> {
        self.in_time(async {
            match &self.bank {
                Bank::Test(bank) => bank.authorize(ask).await,
            }
        })
        .await
    }

    /// What became of the charge with this key; `None` where it knows of none.
    pub async fn look_up(&self, key: AttemptId) -> Result<Option<Outcome>, NotDone> {
        self.in_time(async {
            match &self.bank {
                Bank::Test(bank) => bank.look_up(key).await,
            }
        })
        .await
    }

    /// Ends a charge that still waits for its buyer. As [`Gateway::look_up`] afterwards: the buyer may have been faster.
    pub async fn withdraw(&self, key: AttemptId) -> Result<Option<Outcome>, NotDone> {
        self.in_time(async {
            match &self.bank {
                Bank::Test(bank) => bank.withdraw(key).await,
            }
        })
        .await
    }

    /// Captures, voids or refunds. The same operation never moves money twice.
    pub async fn operate(&self, operation: &Operation) -> Result<(), NotDone> {
        let Operation { id, reference, kind, amount, .. } = operation;
        let (captured, voided, refunded) = match kind {
            PaymentOperation::Capture => (amount.amount, 0, 0),
            PaymentOperation::Void => (0, amount.amount, 0),
            PaymentOperation::Refund => (0, 0, amount.amount),
            PaymentOperation::Authorize => return Err(NotDone::Refused("not_an_operation")),
        };
        self.in_time(async {
            match &self.bank {
                Bank::Test(bank) => bank.operate(*id, reference, *kind, [captured, voided, refunded]).await,
            }
        })
        .await
    }

    async fn in_time<T>(&self, question: impl Future<Output = Result<T, NotDone>>) -> Result<T, NotDone> {
        let late = |_| NotDone::Unknown(format!("no answer within {} s", self.answer_max.as_secs()));
        tokio::time::timeout(self.answer_max, question).await.map_err(late)?
    }
}
