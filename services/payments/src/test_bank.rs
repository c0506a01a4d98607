//! The test bank: a gateway for trying the shop out, and the independent witness of the audit.
//!
//! It plays another house: own tables, own transactions, and nothing of payments but the keys and
//! references it is given. By the token it plays an outcome:
//!
//! | token | outcome |
//! |---|---|
//! | `tok_ok` | authorised |
//! | `tok_declined` | declined: `card_declined` |
//! | `tok_insufficient_funds` | declined: `insufficient_funds` |
//! | `tok_action` | the buyer must confirm on the bank's page |
//! | `tok_slow` | authorised, answered after 2 s |
//! | `tok_silent` | authorised, never answered |
//! | any other | declined: `invalid_token` |

use std::sync::Arc;
use std::time::Duration;

use ::store::{Db, Tx, work};
use contracts::payments::{AttemptId, NextAction, OperationId, PaymentId, PaymentOperation};
use contracts::{Money, id};
use platform::{Ctx, config, fault};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::attempt::Outcome;
use crate::error::Error;
use crate::gateway::{Ask, NotDone};
use crate::jobs::{Settle, SettleCause};
use crate::store::bank;

/// How long `tok_slow` takes.
const SLOW: Duration = Duration::from_secs(2);
/// What the buyer's no is called.
const REFUSED_BY_BUYER: &str = "authentication_failed";

#[derive(Debug)]
pub struct TestBank {
    db: Db,
    public_url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeState {
    Authorized,
    Declined,
    ActionRequired,
    /// The shop took it back before the buyer answered.
    Withdrawn,
}

::store::name_values!(ChargeState);

/// A charge in the bank's books.
#[derive(Debug, Clone)]
pub struct Charge {
    pub key: AttemptId,
    pub reference: String,
    pub amount: Money,
    pub state: ChargeState,
    pub reason: Option<String>,
}

/// A charge that is to be made, if its key made none before.
#[derive(Debug, Clone)]
pub struct NewCharge {
    pub key: AttemptId,
    pub reference: String,
    pub payment: PaymentId,
    pub amount: Money,
    pub state: ChargeState,
    pub reason: Option<&'static str>,
}

/// What the buyer answers on the bank's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BuyerAnswer {
    Authorized,
    Declined,
}

/// The buyer's answer, as the bank's page sends it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteTestCharge {
    pub outcome: BuyerAnswer,
}

impl TestBank {
    pub fn of(ctx: &Ctx) -> Self {
        Self { db: ctx.db.clone(), public_url: ctx.config.server.public_url.trim_end_matches('/').to_owned() }
    }

    pub async fn authorize(&self, ask: &Ask) -> Result<Outcome, NotDone> {
        let (state, reason) = outcome_of(&ask.token);
        let reference = id::encode("ch", self.db.ids().uuid());
        let new = NewCharge { key: ask.key, reference, payment: ask.payment, amount: ask.amount, state, reason };
        let charge = as_bank(self.db.write(new, |tx, new| Box::pin(charge(tx, new)))).await?;
        fault::point("gateway.committed");
        match ask.token.as_str() {
            "tok_slow" => tokio::time::sleep(SLOW).await,
            "tok_silent" => std::future::pending().await,
            _ => {}
        }
        Ok(self.outcome(charge))
    }

    pub async fn look_up(&self, key: AttemptId) -> Result<Option<Outcome>, NotDone> {
        let charge = as_bank(bank::by_key(&self.db, key)).await?;
        Ok(charge.map(|charge| self.outcome(charge)))
    }

    pub async fn withdraw(&self, key: AttemptId) -> Result<Option<Outcome>, NotDone> {
        let charge = as_bank(self.db.write(key, |tx, key| Box::pin(withdraw(tx, *key)))).await?;
        Ok(charge.map(|charge| self.outcome(charge)))
    }

    /// `moved`: minor units captured, voided, refunded.
    pub async fn operate(
        &self,
        key: OperationId,
        reference: &str,
        kind: PaymentOperation,
        moved: [i64; 3],
    ) -> Result<(), NotDone> {
        let input = (key, reference.to_owned(), kind, moved);
        as_bank(
            self.db.write(input, |tx, (key, reference, kind, moved)| {
                Box::pin(operate(tx, *key, reference, *kind, *moved))
            }),
        )
        .await
    }

    fn outcome(&self, charge: Charge) -> Outcome {
        let reference = charge.reference;
        match charge.state {
            ChargeState::Authorized => Outcome::Authorized { reference: Some(reference) },
            ChargeState::Declined => Outcome::Declined { reason: charge.reason.unwrap_or_default() },
            ChargeState::Withdrawn => Outcome::Abandoned,
            ChargeState::ActionRequired => {
                let url = format!("{}/v1/test-gateway/charges/{reference}", self.public_url);
                Outcome::ActionRequired { reference, next_action: NextAction::Redirect { url } }
            }
        }
    }
}

/// A charge by its reference, for the bank's page; refused where the shop does not use this bank.
pub async fn find(ctx: &Ctx, reference: &str) -> Result<Charge, Error> {
    if !ctx.config.payments.values().any(|method| method.gateway == config::Gateway::Test) {
        return Err(Error::ChargeNotFound);
    }
    as_bank(bank::by_reference(&ctx.db, reference)).await?.ok_or(Error::ChargeNotFound)
}

/// The buyer answers. The shop hears of it by a job that starts with the answer: a bank's web hook,
/// which is sent until it is heard. The same answer again changes nothing.
pub async fn complete(ctx: &Ctx, reference: &str, answer: BuyerAnswer) -> Result<(), Error> {
    let charge = find(ctx, reference).await?;
    let (state, reason) = match answer {
        BuyerAnswer::Authorized => (ChargeState::Authorized, None),
        BuyerAnswer::Declined => (ChargeState::Declined, Some(REFUSED_BY_BUYER)),
    };
    let answered = as_bank(ctx.db.write((charge.key, state, reason), |tx, (key, state, reason)| {
        Box::pin(async move {
            let is_answered = bank::answer(tx, *key, *state, *reason).await?;
            if is_answered {
                tx.start(&Settle { attempt: *key, cause: SettleCause::BuyerAnswered });
            }
            Ok::<_, ::store::Error>(is_answered)
        })
    }));
    match answered.await? {
        true => Ok(()),
        false if find(ctx, reference).await?.state == state => Ok(()),
        false => Err(Error::ChargeEnded),
    }
}

fn outcome_of(token: &str) -> (ChargeState, Option<&'static str>) {
    match token {
        "tok_ok" | "tok_slow" | "tok_silent" => (ChargeState::Authorized, None),
        "tok_action" => (ChargeState::ActionRequired, None),
        "tok_declined" => (ChargeState::Declined, Some("card_declined")),
        "tok_insufficient_funds" => (ChargeState::Declined, Some("insufficient_funds")),
        _ => (ChargeState::Declined, Some("invalid_token")),
    }
}

async fn charge(tx: &mut Tx, new: &NewCharge) -> Result<Charge, NotDone> {
    if bank::charge(tx, new).await? {
        let NewCharge { key, reference, amount, state, reason, .. } = new.clone();
        return Ok(Charge { key, reference, amount, state, reason: reason.map(str::to_owned) });
    }
    bank::by_key_in(tx, new.key).await?.ok_or_else(|| NotDone::Unknown(format!("{} is being charged", new.key)))
}

async fn withdraw(tx: &mut Tx, key: AttemptId) -> Result<Option<Charge>, NotDone> {
    bank::answer(tx, key, ChargeState::Withdrawn, None).await?;
    Ok(bank::by_key_in(tx, key).await?)
}

async fn operate(
    tx: &mut Tx,
    key: OperationId,
    reference: &str,
    kind: PaymentOperation,
    [captured, voided, refunded]: [i64; 3],
) -> Result<(), NotDone> {
    if !bank::note_movement(tx, key, reference, kind, captured + voided + refunded).await? {
        return Ok(());
    }
    match bank::apply(tx, reference, captured, voided, refunded).await? {
        true => Ok(()),
        false => Err(NotDone::Refused("more_than_there_is")),
    }
}

/// The bank's work is counted apart from the shop's.
async fn as_bank<F: Future>(work: F) -> F::Output {
    let trace = work::traceparent();
    work::scope("test gateway", trace.as_deref(), Arc::default(), work).await
}
