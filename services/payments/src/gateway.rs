//! Gateways: who holds and moves the money. Each question carries our own id as its key, so that a
//! question asked again is the same question, and has a deadline.
//!
//! A further gateway is a further variant of [`Bank`] and the seven answers its match arms ask for.

use std::borrow::Cow;
use std::time::Duration;

use contracts::Money;
use contracts::payments::{AttemptId, PaymentId, PaymentOperation};
use jiff::Timestamp;
use platform::config::{self, PaymentMethod};
use platform::{Ctx, Problem};

use crate::attempt::{Attempt, Outcome};
use crate::manual::Manual;
use crate::operation::Operation;
use crate::stripe::Stripe;
use crate::test_bank::TestBank;

/// A way to pay's gateway, and how long it is waited for. Never asked inside a transaction. It holds secrets, so it has
/// no `Debug`.
pub struct Gateway {
    bank: Bank,
    answer_max: Duration,
    pub tries_max: i64,
}

enum Bank {
    Test(TestBank),
    Manual(Manual),
    Stripe(Stripe),
}

/// Why a gateway did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// It never will.
    #[error("the gateway refuses: {0}")]
    Refused(Cow<'static, str>),
    /// It may have, or may yet: ask again with the same key.
    #[error("nobody knows what the gateway did: {0}")]
    Unknown(String),
}

impl From<::store::Error> for NotDone {
    fn from(error: ::store::Error) -> Self {
        Self::Unknown(error.to_string())
    }
}

/// A charge that is asked for. No `Debug`: a token must not slip into a log.
#[derive(Clone)]
pub struct Ask {
    pub key: AttemptId,
    /// Whose charge it is: gateways keep it with the charge and show it beside.
    pub payment: PaymentId,
    pub method: String,
    pub amount: Money,
    /// The gateway's name for the buyer's card, where it has one.
    pub token: Option<String>,
    /// What the buyer knows their order by.
    pub order_number: String,
}

/// How a charge is named when it is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeName {
    /// By the key it was asked for with.
    Key(AttemptId),
    /// By the gateway's own reference.
    Reference(String),
}

/// A charge that a gateway knows.
#[derive(Debug, Clone)]
pub struct Found {
    pub key: AttemptId,
    pub outcome: Outcome,
}

/// What a gateway tells by itself: that something became of a charge, not what. That is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayEvent {
    /// The same event has the same id each time it is told.
    pub id: String,
    /// In the gateway's words.
    pub kind: String,
    pub key: Option<AttemptId>,
    pub reference: Option<String>,
}

/// Why an event is not heard.
#[derive(Debug, thiserror::Error)]
pub enum NotHeard {
    #[error("the gateway tells no events")]
    NoEvents,
    #[error("the signature is not the gateway's")]
    Unsigned,
    #[error("the event is about nothing of ours")]
    NotOurs,
    #[error("the event can't be read: {0}")]
    Unreadable(String),
}

impl Gateway {
    /// The gateway of a way to pay that buyers may choose; a field problem where the shop offers no such way.
    pub fn offered(ctx: &Ctx, method: &str) -> Result<Self, Problem> {
        Ok(Self::new(ctx, method, ctx.config.payment_method(method, "/method")?))
    }

    /// The gateway of a way to pay, offered or not; a problem where the settings have none of that name any more.
    pub fn of(ctx: &Ctx, method: &str) -> Result<Self, Problem> {
        let setting = ctx.config.payments.get(method);
        let setting =
            setting.ok_or_else(|| Problem::unavailable(format!("the settings have no `payments.{method}`")))?;
        Ok(Self::new(ctx, method, setting))
    }

    fn new(ctx: &Ctx, method: &str, setting: &PaymentMethod) -> Self {
        let bank = match setting.gateway {
            config::Gateway::Test => Bank::Test(TestBank::of(ctx, method)),
            config::Gateway::Manual => Bank::Manual(Manual::of(setting)),
            config::Gateway::Stripe => Bank::Stripe(Stripe::of(setting, ctx.clock.clone())),
        };
        let answer_max = Duration::from_secs(setting.gateway_seconds_max);
        Self { bank, answer_max, tries_max: setting.tries_max }
    }

    /// It pays by the buyer's card, whose token it needs.
    pub fn takes_token(&self) -> bool {
        matches!(self.bank, Bank::Test(_) | Bank::Stripe(_))
    }

    /// It takes money once from a charge, and lets go of what it did not take: see [`crate::gather`].
    pub fn captures_once(&self) -> bool {
        matches!(self.bank, Bank::Stripe(_))
    }

    /// What it tells may be lost: it is asked again and again what became of a charge that waits for its buyer.
    pub fn is_watched(&self) -> bool {
        matches!(self.bank, Bank::Stripe(_))
    }

    /// Asks it to hold the money. The same key never makes a second charge.
    pub async fn authorize(&self, ask: &Ask) -> Result<Outcome, NotDone> {
        self.in_time(async {
            match &self.bank {
                Bank::Test(bank) => bank.authorize(ask).await,
                Bank::Manual(manual) => Ok(manual.authorize(ask)),
                Bank::Stripe(stripe) => stripe.authorize(ask).await,
            }
        })
        .await
    }

    /// What became of a charge; `None` where it knows of none.
    pub async fn look_up(&self, charge: &ChargeName) -> Result<Option<Found>, NotDone> {
        self.in_time(async {
            match &self.bank {
                Bank::Test(bank) => bank.look_up(charge).await,
                Bank::Manual(_) => Ok(None),
                Bank::Stripe(stripe) => stripe.look_up(charge).await,
            }
        })
        .await
    }

    /// Ends a charge that nobody needs any more, also one that is not made yet. Its word is final: where it says
    /// that there is none, none will come. The buyer may have been faster.
    pub async fn withdraw(&self, attempt: &Attempt) -> Result<Outcome, NotDone> {
        self.in_time(async {
            match &self.bank {
                Bank::Test(bank) => bank.withdraw(attempt).await,
                Bank::Manual(_) => Ok(Outcome::Abandoned),
                Bank::Stripe(stripe) => stripe.withdraw(attempt).await,
            }
        })
        .await
    }

    /// Captures, voids or refunds the whole of a charge or a part. The same key never moves money twice.
    pub async fn operate(&self, operation: &Operation) -> Result<(), NotDone> {
        self.in_time(async {
            match &self.bank {
                Bank::Test(bank) => bank.operate(operation).await,
                Bank::Manual(_) if operation.kind == PaymentOperation::Capture => {
                    Err(NotDone::Unknown("staff will note when the money came".to_owned()))
                }
                Bank::Manual(_) => Ok(()),
                Bank::Stripe(stripe) => stripe.operate(operation).await,
            }
        })
        .await
    }

    /// Reads what it tells, if it is it who tells.
    pub fn event(&self, signature: Option<&str>, body: &[u8], now: Timestamp) -> Result<GatewayEvent, NotHeard> {
        match &self.bank {
            Bank::Test(bank) => bank.event(signature, body, now),
            Bank::Manual(_) => Err(NotHeard::NoEvents),
            Bank::Stripe(stripe) => stripe.event(signature, body, now),
        }
    }

    async fn in_time<T>(&self, question: impl Future<Output = Result<T, NotDone>>) -> Result<T, NotDone> {
        let late = |_| NotDone::Unknown(format!("no answer within {} s", self.answer_max.as_secs()));
        tokio::time::timeout(self.answer_max, question).await.map_err(late)?
    }
}

/// Nobody but us and our staff knows of this way to pay: what is asked is done with the transaction that asks.
pub fn is_manual(ctx: &Ctx, method: &str) -> bool {
    ctx.config.payments.get(method).is_some_and(|setting| setting.gateway == config::Gateway::Manual)
}
