//! The test bank: a gateway for trying the shop out, and the independent witness of the audit.
//!
//! It plays another house: own tables, own transactions, and nothing of payments but the keys and
//! references it is given. By the token it plays an outcome ([`play`]; `docs/api.md` has the table).

use std::sync::Arc;
use std::time::Duration;

use ::store::{Db, Tx, work};
use contracts::payments::{AttemptId, NextAction, OperationId, PaymentId, PaymentOperation};
use contracts::{Money, id};
use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, config, fault};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::attempt::{Attempt, Outcome};
use crate::error::Error;
use crate::gateway::{Ask, ChargeName, Found, GatewayEvent, NotDone, NotHeard};
use crate::jobs::{TestBankCharges, TestBankRelents, TestBankTells};
use crate::operation::Operation;
use crate::signature;
use crate::store::bank;

/// How long `tok_slow` takes.
const SLOW: Duration = Duration::from_secs(2);
/// How much later than it was asked the bank makes the charge of `tok_late`, by the shop's clock.
const LATE: SignedDuration = SignedDuration::from_secs(20);
/// What the buyer's no is called.
const REFUSED_BY_BUYER: &str = "authentication_failed";
const EVENT_ID_CHARS_MAX: usize = 255;

pub struct TestBank {
    db: Db,
    public_url: String,
    webhook_secret: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeState {
    Authorized,
    Declined,
    ActionRequired,
    /// The shop took it back: before the buyer answered, or before it was made at all.
    Withdrawn,
}

/// What the bank does wrong with a charge, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    CaptureRefused,
    VoidRefused,
    RefundRefused,
    /// Of a capture, void or refund that it did.
    AnswerLost,
}

::store::name_values!(ChargeState, Fault);

/// A charge in the bank's books.
#[derive(Debug, Clone)]
pub struct Charge {
    pub key: AttemptId,
    pub reference: String,
    pub method: String,
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
    pub method: String,
    pub amount: Money,
    pub state: ChargeState,
    pub reason: Option<&'static str>,
    pub fault: Option<Fault>,
}

/// When a charge is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    AtOnce,
    Slowly,
    Never,
    /// An event brings it.
    ByEvent,
    /// Nor is the charge made before [`LATE`].
    Late,
    /// And no is not its last word: after [`LATE`] it holds the money all the same.
    Relenting,
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

/// What the bank tells: `{"id": "evt_1", "type": "charge.updated", "charge": "ch_…", "key": "att_…"}`, where one of
/// charge and key is enough.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TestBankEvent {
    #[schema(min_length = 1, max_length = 255)]
    pub id: String,
    #[serde(rename = "type")]
    #[schema(example = "charge.updated", min_length = 1, max_length = 255)]
    pub kind: String,
    /// The bank's reference.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub charge: Option<String>,
    /// The shop's key: the attempt.
    #[serde(default)]
    pub key: Option<AttemptId>,
}

impl TestBank {
    pub fn of(ctx: &Ctx, method: &str) -> Self {
        let secret = ctx.config.payments.get(method).map(|setting| setting.webhook_secret.as_bytes());
        let webhook_secret = match secret {
            Some(secret) if !secret.is_empty() => secret.to_vec(),
            _ => ctx.secrets.derive("payments test bank", &[method.as_bytes()]).to_vec(),
        };
        let public_url = ctx.config.server.public_url.trim_end_matches('/').to_owned();
        Self { db: ctx.db.clone(), public_url, webhook_secret }
    }

    pub async fn authorize(&self, ask: &Ask) -> Result<Outcome, NotDone> {
        let Some(token) = &ask.token else {
            return Ok(Outcome::Declined { reason: "missing_token".to_owned() });
        };
        let (state, reason, answer, fault) = play(token);
        let new = NewCharge {
            key: ask.key,
            reference: id::encode("ch", self.db.ids().uuid()),
            payment: ask.payment,
            method: ask.method.clone(),
            amount: ask.amount,
            state,
            reason,
            fault,
        };
        if answer == Answer::Late {
            return as_bank(self.charge_later(new)).await;
        }
        let charge = as_bank(self.db.write((new, answer), |tx, (new, answer)| {
            Box::pin(async move {
                let charge = charge(tx, new).await?;
                if *answer == Answer::ByEvent {
                    tell(tx, charge.key);
                }
                if *answer == Answer::Relenting {
                    let due = tx.now().saturating_add(LATE).unwrap_or(Timestamp::MAX);
                    tx.start_at(&TestBankRelents { key: charge.key }, due);
                }
                Ok::<_, NotDone>(charge)
            })
        }));
        let charge = charge.await?;
        fault::point("gateway.committed");
        match answer {
            Answer::AtOnce | Answer::Relenting => {}
            Answer::Slowly => tokio::time::sleep(SLOW).await,
            Answer::Never | Answer::ByEvent | Answer::Late => std::future::pending().await,
        }
        Ok(self.outcome(charge))
    }

    /// Where a charge with this key is made, or withdrawn, already, that is the answer.
    async fn charge_later(&self, new: NewCharge) -> Result<Outcome, NotDone> {
        if let Some(charge) = bank::by_key(&self.db, new.key).await? {
            return Ok(self.outcome(charge));
        }
        let NewCharge { key, payment, method, amount, .. } = new;
        let later = TestBankCharges { key, payment, method, amount };
        self.db
            .write(later, |tx, later| {
                Box::pin(async move {
                    let due = tx.now().saturating_add(LATE).unwrap_or(Timestamp::MAX);
                    tx.start_at(later, due);
                    Ok::<_, NotDone>(())
                })
            })
            .await?;
        std::future::pending().await
    }

    pub async fn look_up(&self, charge: &ChargeName) -> Result<Option<Found>, NotDone> {
        let charge = match charge {
            ChargeName::Key(key) => as_bank(bank::by_key(&self.db, *key)).await?,
            ChargeName::Reference(reference) => as_bank(bank::by_reference(&self.db, reference)).await?,
        };
        Ok(charge.map(|charge| Found { key: charge.key, outcome: self.outcome(charge) }))
    }

    /// A charge that was never made is made as a withdrawn one: its key can't be charged any more.
    pub async fn withdraw(&self, attempt: &Attempt) -> Result<Outcome, NotDone> {
        let never = NewCharge {
            key: attempt.id,
            reference: id::encode("ch", self.db.ids().uuid()),
            payment: attempt.payment,
            method: attempt.method.clone(),
            amount: attempt.amount,
            state: ChargeState::Withdrawn,
            reason: None,
            fault: None,
        };
        let charge = as_bank(self.db.write(never, |tx, never| Box::pin(withdraw(tx, never)))).await?;
        Ok(self.outcome(charge))
    }

    pub async fn operate(&self, operation: &Operation) -> Result<(), NotDone> {
        let reference = operation.reference.clone().ok_or(NotDone::Refused("no_such_charge".into()))?;
        let moved = Movement { key: operation.key, reference, kind: operation.kind, amount: operation.amount.amount };
        match as_bank(self.db.write(moved, |tx, moved| Box::pin(operate(tx, moved)))).await? {
            Moved::Answered => Ok(()),
            Moved::Unanswered => std::future::pending().await,
            Moved::Refused(reason) => Err(NotDone::Refused(reason.into())),
        }
    }

    pub fn event(&self, header: Option<&str>, body: &[u8], now: Timestamp) -> Result<GatewayEvent, NotHeard> {
        if !signature::is_signed(&self.webhook_secret, header.unwrap_or_default(), body, now) {
            return Err(NotHeard::Unsigned);
        }
        let unreadable = |why: String| NotHeard::Unreadable(why);
        let event: TestBankEvent = serde_json::from_slice(body).map_err(|error| unreadable(error.to_string()))?;
        let is_text = |text: &str| (1..=EVENT_ID_CHARS_MAX).contains(&text.len()) && !text.contains('\0');
        let TestBankEvent { id, kind, charge, key } = event;
        if !is_text(&id) || !is_text(&kind) || !charge.as_deref().is_none_or(is_text) {
            return Err(unreadable(format!("id, type and charge have 1 to {EVENT_ID_CHARS_MAX} bytes")));
        }
        if charge.is_none() && key.is_none() {
            return Err(unreadable("it names neither charge nor key".to_owned()));
        }
        Ok(GatewayEvent { id, kind, key, reference: charge })
    }

    /// An event about a charge, as the bank sends it: the body and its signature.
    pub fn signed_event(&self, event: &TestBankEvent, now: Timestamp) -> (Vec<u8>, String) {
        let body = serde_json::to_vec(event).expect("an event is plain data");
        let header = signature::sign(&self.webhook_secret, &body, now);
        (body, header)
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
    let is_used = ctx.config.payments.values().any(|method| method.gateway == config::Gateway::Test);
    if !is_used || id::decode("ch", reference).is_err() {
        return Err(Error::ChargeNotFound);
    }
    as_bank(bank::by_reference(&ctx.db, reference)).await?.ok_or(Error::ChargeNotFound)
}

/// The buyer answers, and the bank tells the shop by an event. The same answer again changes nothing.
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
                tell(tx, *key);
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

/// Makes a charge that was asked for a while ago, unless it was withdrawn meanwhile, and tells of it.
pub async fn charge_now(tx: &mut Tx, late: &TestBankCharges) -> Result<(), NotDone> {
    let TestBankCharges { key, payment, method, amount } = late.clone();
    let reference = id::encode("ch", tx.ids().uuid());
    let state = ChargeState::Authorized;
    let new = NewCharge { key, reference, payment, method, amount, state, reason: None, fault: None };
    charge(tx, &new).await?;
    tell(tx, key);
    Ok(())
}

/// Holds the money of a charge that came to nothing, and tells of it.
pub async fn relent(tx: &mut Tx, key: AttemptId) -> Result<(), ::store::Error> {
    if bank::relent(tx, key).await? {
        tell(tx, key);
    }
    Ok(())
}

/// A charge by its key, for what the bank tells of it.
pub async fn by_key(db: &Db, key: AttemptId) -> Result<Option<Charge>, ::store::Error> {
    as_bank(bank::by_key(db, key)).await
}

/// What the bank does about a token.
fn play(token: &str) -> (ChargeState, Option<&'static str>, Answer, Option<Fault>) {
    use ChargeState::{ActionRequired, Authorized, Declined};
    match token {
        "tok_ok" => (Authorized, None, Answer::AtOnce, None),
        "tok_slow" => (Authorized, None, Answer::Slowly, None),
        "tok_silent" => (Authorized, None, Answer::Never, None),
        "tok_event" => (Authorized, None, Answer::ByEvent, None),
        "tok_late" => (Authorized, None, Answer::Late, None),
        "tok_action" => (ActionRequired, None, Answer::AtOnce, None),
        "tok_relenting" => (ActionRequired, None, Answer::Relenting, None),
        "tok_declined" => (Declined, Some("card_declined"), Answer::AtOnce, None),
        "tok_insufficient_funds" => (Declined, Some("insufficient_funds"), Answer::AtOnce, None),
        "tok_silent_declined" => (Declined, Some("card_declined"), Answer::Never, None),
        "tok_capture_refused" => (Authorized, None, Answer::AtOnce, Some(Fault::CaptureRefused)),
        "tok_void_refused" => (Authorized, None, Answer::AtOnce, Some(Fault::VoidRefused)),
        "tok_refund_refused" => (Authorized, None, Answer::AtOnce, Some(Fault::RefundRefused)),
        "tok_answer_lost" => (Authorized, None, Answer::AtOnce, Some(Fault::AnswerLost)),
        _ => (Declined, Some("invalid_token"), Answer::AtOnce, None),
    }
}

/// The bank will send an event about this charge until it is heard.
fn tell(tx: &mut Tx, key: AttemptId) {
    let event = tx.ids().uuid();
    tx.start(&TestBankTells { key, event });
}

async fn charge(tx: &mut Tx, new: &NewCharge) -> Result<Charge, NotDone> {
    if bank::charge(tx, new).await? {
        let NewCharge { key, reference, method, amount, state, reason, .. } = new.clone();
        return Ok(Charge { key, reference, method, amount, state, reason: reason.map(str::to_owned) });
    }
    bank::by_key_in(tx, new.key).await?.ok_or_else(|| NotDone::Unknown(format!("{} is being charged", new.key)))
}

async fn withdraw(tx: &mut Tx, never: &NewCharge) -> Result<Charge, NotDone> {
    let charge = charge(tx, never).await?;
    if !bank::answer(tx, never.key, ChargeState::Withdrawn, None).await? {
        return Ok(charge);
    }
    Ok(Charge { state: ChargeState::Withdrawn, ..charge })
}

/// Money that is to be moved.
#[derive(Debug, Clone)]
struct Movement {
    key: OperationId,
    reference: String,
    kind: PaymentOperation,
    amount: i64,
}

enum Moved {
    Answered,
    /// It is done, and the answer gets lost.
    Unanswered,
    Refused(&'static str),
}

async fn operate(tx: &mut Tx, moved: &Movement) -> Result<Moved, NotDone> {
    let Movement { key, reference, kind, amount } = moved;
    if bank::is_moved(tx, *key).await? {
        return Ok(Moved::Answered);
    }
    let refused = match kind {
        PaymentOperation::Capture => Fault::CaptureRefused,
        PaymentOperation::Void => Fault::VoidRefused,
        PaymentOperation::Refund => Fault::RefundRefused,
        PaymentOperation::Authorize => return Ok(Moved::Refused("not_an_operation")),
    };
    if bank::spend_fault(tx, reference, refused).await? {
        return Ok(Moved::Refused("try_again_by_hand"));
    }
    let (captured, voided, refunded) = match kind {
        PaymentOperation::Capture => (*amount, 0, 0),
        PaymentOperation::Void => (0, *amount, 0),
        PaymentOperation::Refund | PaymentOperation::Authorize => (0, 0, *amount),
    };
    if !bank::apply(tx, reference, captured, voided, refunded).await? {
        return Ok(Moved::Refused("more_than_there_is"));
    }
    bank::note_movement(tx, *key, reference, *kind, *amount).await?;
    let is_lost = bank::spend_fault(tx, reference, Fault::AnswerLost).await?;
    Ok(if is_lost { Moved::Unanswered } else { Moved::Answered })
}

/// The bank's work is counted apart from the shop's.
pub async fn as_bank<F: Future>(work: F) -> F::Output {
    let trace = work::traceparent();
    work::scope("test gateway", trace.as_deref(), Arc::default(), work).await
}

/// The event that tells of a charge, by the bank's name for it.
pub fn event_of(charge: &Charge, event: uuid::Uuid) -> TestBankEvent {
    let (id, kind) = (id::encode("evt", event), "charge.updated".to_owned());
    TestBankEvent { id, kind, charge: Some(charge.reference.clone()), key: None }
}
