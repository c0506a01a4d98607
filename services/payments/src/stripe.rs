//! The gateway `stripe`: cards by Stripe's PaymentIntents. A charge is an intent that is confirmed at once and
//! captured by hand; the buyer's token is the id of a payment method.
//!
//! Our keys are Stripe's idempotency keys, which it keeps for a day; what is older is found by what we wrote on it.
//! Stripe takes money once from a charge and lets the rest go: `docs/decisions/stripe.md`.

mod event;
mod intent;
mod wire;

use ::store::Clock;
use contracts::payments::{AttemptId, NextAction, PaymentOperation};
use contracts::{Currency, Money};
use jiff::{SignedDuration, Timestamp};
use platform::config::PaymentMethod;
use platform::fault;
use serde::Deserialize;

use self::intent::{Intent, Status};
use self::wire::{NotAnswered, Refusal, Wire};
use crate::attempt::{Attempt, Outcome};
use crate::gateway::{Ask, ChargeName, Found, GatewayEvent, NotDone, NotHeard};
use crate::operation::Operation;

/// The header that carries an event's signature.
pub const SIGNATURE: &str = "stripe-signature";
/// What is written on an intent: our key, by which it is found again.
const ATTEMPT: &str = "souk_attempt";
const PAYMENT: &str = "souk_payment";
const ORDER: &str = "souk_order";
/// What is written on a refund.
const OPERATION: &str = "souk_operation";
/// The search knows what was made before that for certain.
const SEARCH_LAG: SignedDuration = SignedDuration::from_hours(1);

/// It holds secrets, so it has no `Debug`.
pub struct Stripe {
    wire: Wire,
    return_url: String,
    webhook_secret: Vec<u8>,
    clock: Clock,
}

/// A page of what is asked for; none of it is long.
#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
}

#[derive(Deserialize)]
struct Refund {
    status: String,
    #[serde(default)]
    metadata: std::collections::BTreeMap<String, String>,
}

impl Stripe {
    pub fn of(setting: &PaymentMethod, clock: Clock) -> Self {
        Self {
            wire: Wire::new(&setting.api_url, &setting.api_key),
            return_url: setting.return_url.clone(),
            webhook_secret: setting.webhook_secret.as_bytes().to_vec(),
            clock,
        }
    }

    pub async fn authorize(&self, ask: &Ask) -> Result<Outcome, NotDone> {
        let declined = |reason: &str| Ok(Outcome::Declined { reason: reason.to_owned() });
        let Some(token) = &ask.token else { return declined("missing_token") };
        let Some(amount) = units(ask.amount) else { return declined("amount_not_chargeable") };
        let mut form = new_intent(ask.amount.currency, amount, ask.key);
        form.extend([("confirm", "true".to_owned()), ("payment_method", token.clone())]);
        form.extend([(on(PAYMENT), ask.payment.to_string()), (on(ORDER), ask.order_number.clone())]);
        if !self.return_url.is_empty() {
            form.push(("return_url", self.return_url.replace("{number}", &ask.order_number)));
        }
        match self.wire.post::<Intent>("payment_intents", &form, &ask.key.to_string()).await {
            // As it was when the key was new: what became of it since is asked for.
            Ok(answered) if answered.is_replay => self.intent(&answered.body.id).await?.outcome(),
            Ok(answered) => answered.body.outcome(),
            Err(NotAnswered::Refused(refusal)) if refusal.is_other_use_of_key() => match self.find(ask.key).await? {
                Some(intent) => intent.outcome(),
                None => Err(unknown("the key was used before, and what for is not found yet")),
            },
            Err(NotAnswered::Refused(refusal)) => declined(&refusal.reason()),
            Err(NotAnswered::Unknown(why)) => Err(NotDone::Unknown(why)),
        }
    }

    /// A key that the search does not know yet can be asked for again: while it is new it is answered as before.
    pub async fn look_up(&self, charge: &ChargeName) -> Result<Option<Found>, NotDone> {
        let intent = match charge {
            ChargeName::Key(key) => self.find(*key).await?,
            ChargeName::Reference(reference) => match self.wire.get::<Intent>(&path(reference)?, &[]).await {
                Err(NotAnswered::Refused(refusal)) if refusal.is_missing() => None,
                answered => Some(answered?),
            },
        };
        let Some(intent) = intent else { return Ok(None) };
        // What others charge by this account is not ours.
        let Some(key) = intent.metadata.get(ATTEMPT).and_then(|key| key.parse::<AttemptId>().ok()) else {
            return Ok(None);
        };
        Ok(Some(Found { key, outcome: intent.outcome()? }))
    }

    /// Where nothing was made, an intent without a card takes the key: what is still on its way makes no charge then.
    pub async fn withdraw(&self, attempt: &Attempt) -> Result<Outcome, NotDone> {
        let known = match &attempt.reference {
            Some(reference) => Some(self.intent(reference).await?),
            None => self.find(attempt.id).await?,
        };
        let Some(intent) = (match known {
            Some(intent) => Some(intent),
            None => self.take_key(attempt).await?,
        }) else {
            return Ok(Outcome::Abandoned);
        };
        match intent.status {
            Status::RequiresCapture | Status::Succeeded => Ok(Outcome::Authorized { reference: Some(intent.id) }),
            Status::Canceled => Ok(Outcome::Abandoned),
            Status::Other => Err(unknown("it is at work on the charge")),
            Status::RequiresPaymentMethod | Status::RequiresConfirmation | Status::RequiresAction => {
                self.cancel(&intent.id, &attempt.id.to_string()).await?;
                Ok(Outcome::Abandoned)
            }
        }
    }

    /// The intent that now has the attempt's key, or had it before; `None` where nothing was made and nothing will be.
    async fn take_key(&self, attempt: &Attempt) -> Result<Option<Intent>, NotDone> {
        let Some(amount) = units(attempt.amount) else { return Ok(None) };
        let form = new_intent(attempt.amount.currency, amount, attempt.id);
        match self.wire.post::<Intent>("payment_intents", &form, &attempt.id.to_string()).await {
            Ok(answered) => self.intent(&answered.body.id).await.map(Some),
            Err(NotAnswered::Refused(refusal)) if refusal.is_other_use_of_key() => {
                let found = self.find(attempt.id).await?;
                let is_old = self.clock.now().duration_since(attempt.attempted_at) > SEARCH_LAG;
                if found.is_none() && !is_old {
                    return Err(unknown("the key was used before, and what for is not found yet"));
                }
                Ok(found)
            }
            Err(why) => Err(why.into()),
        }
    }

    pub async fn operate(&self, operation: &Operation) -> Result<(), NotDone> {
        let reference = operation.reference.as_deref().ok_or_else(|| refused("no_such_charge"))?;
        let amount = units(operation.amount).ok_or_else(|| refused("amount_not_chargeable"))?;
        match operation.kind {
            PaymentOperation::Capture => self.capture(operation, reference, amount).await,
            PaymentOperation::Void => self.void(operation, reference, amount).await,
            PaymentOperation::Refund => self.refund(operation, reference, amount).await,
            PaymentOperation::Authorize => Err(refused("not_an_operation")),
        }
    }

    /// Stripe takes once and lets the rest go, so what was taken of a charge tells whether this was done.
    async fn capture(&self, operation: &Operation, reference: &str, amount: i64) -> Result<(), NotDone> {
        let form = [("amount_to_capture", amount.to_string())];
        let path = format!("{}/capture", path(reference)?);
        let answered = self.wire.post::<Intent>(&path, &form, &operation.key.to_string()).await;
        let Err(why) = answered else { return Ok(()) };
        let intent = self.intent(reference).await?;
        match (intent.status, why) {
            (Status::Succeeded, _) if intent.amount_received == amount => Ok(()),
            (Status::Succeeded, _) => Err(refused("captured_before")),
            (Status::Canceled, _) => Err(refused("charge_canceled")),
            (_, why) => Err(why.into()),
        }
    }

    /// A part is let go when the other part is captured.
    async fn void(&self, operation: &Operation, reference: &str, amount: i64) -> Result<(), NotDone> {
        let intent = self.intent(reference).await?;
        match intent.status {
            Status::Canceled => Ok(()),
            Status::Succeeded if intent.amount - intent.amount_received >= amount => Ok(()),
            Status::Succeeded => Err(refused("captured_before")),
            Status::Other => Err(unknown("it is at work on the charge")),
            Status::RequiresCapture if amount < intent.amount => {
                Err(unknown("the rest goes back when the other part is captured"))
            }
            _ => self.cancel(reference, &operation.key.to_string()).await,
        }
    }

    async fn cancel(&self, reference: &str, key: &str) -> Result<(), NotDone> {
        let path = format!("{}/cancel", path(reference)?);
        let answered = self.wire.post::<Intent>(&path, &[], &format!("{key}-cancel")).await;
        let Err(why) = answered else { return Ok(()) };
        match (self.intent(reference).await?.status, why) {
            (Status::Canceled, _) => Ok(()),
            (_, NotAnswered::Refused(refusal)) => Err(unknown(&format!("it does not cancel: {}", refusal.reason()))),
            (_, why) => Err(why.into()),
        }
    }

    /// A refund is looked for before it is asked for: keys are forgotten, and money does not come back twice.
    async fn refund(&self, operation: &Operation, reference: &str, amount: i64) -> Result<(), NotDone> {
        let mut mine = operation.key.to_string();
        if fault::planted("bug.payments.new_key_each_refund") {
            mine = format!("{mine} {}", self.clock.now());
        }
        let known =
            self.wire.get::<Page<Refund>>("refunds", &[("payment_intent", reference), ("limit", "100")]).await?;
        let known = known.data.into_iter().find(|refund| refund.metadata.get(OPERATION) == Some(&mine));
        let refund = match known {
            Some(refund) => refund,
            None => {
                let form = [
                    ("payment_intent", reference.to_owned()),
                    ("amount", amount.to_string()),
                    (on(OPERATION), mine.clone()),
                ];
                self.wire.post::<Refund>("refunds", &form, &mine).await?.body
            }
        };
        match refund.status.as_str() {
            "failed" | "canceled" => Err(refused("refund_failed")),
            _ => Ok(()),
        }
    }

    pub fn event(&self, header: Option<&str>, body: &[u8], now: Timestamp) -> Result<GatewayEvent, NotHeard> {
        event::read(&self.webhook_secret, header, body, now)
    }

    async fn intent(&self, reference: &str) -> Result<Intent, NotDone> {
        Ok(self.wire.get(&path(reference)?, &[]).await?)
    }

    /// The intent with this key written on it, as it is now. The search may not know one of the last minute yet.
    async fn find(&self, key: AttemptId) -> Result<Option<Intent>, NotDone> {
        let query = format!("metadata['{ATTEMPT}']:'{key}'");
        let found: Page<Intent> = self.wire.get("payment_intents/search", &[("query", &query)]).await?;
        match found.data.first() {
            Some(intent) => self.intent(&intent.id).await.map(Some),
            None => Ok(None),
        }
    }
}

/// What every charge of ours is made of.
fn new_intent(currency: Currency, amount: i64, key: AttemptId) -> Vec<(&'static str, String)> {
    vec![
        ("amount", amount.to_string()),
        ("currency", currency.code().to_ascii_lowercase()),
        ("capture_method", "manual".to_owned()),
        ("payment_method_types[]", "card".to_owned()),
        (on(ATTEMPT), key.to_string()),
    ]
}

/// The parameter of what is written on a thing.
fn on(name: &str) -> &'static str {
    match name {
        ATTEMPT => "metadata[souk_attempt]",
        PAYMENT => "metadata[souk_payment]",
        ORDER => "metadata[souk_order]",
        _ => "metadata[souk_operation]",
    }
}

/// A reference comes from an event or from our books: it must not lead elsewhere.
fn path(reference: &str) -> Result<String, NotDone> {
    let is_id =
        reference.starts_with("pi_") && reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_id { Ok(format!("payment_intents/{reference}")) } else { Err(refused("no_such_charge")) }
}

/// An amount as Stripe counts it; `None` where it can't charge that. It knows a few currencies with other decimals than
/// ISO 4217, and takes those with three only in tens: https://docs.stripe.com/currencies
fn units(Money { amount, currency }: Money) -> Option<i64> {
    match (currency.code(), currency.exponent()) {
        ("ISK" | "UGX", _) => amount.checked_mul(100),
        ("MGA", _) => (amount % 100 == 0).then_some(amount / 100),
        (_, 3) => (amount % 10 == 0).then_some(amount),
        _ => Some(amount),
    }
}

fn refused(reason: &str) -> NotDone {
    NotDone::Refused(reason.to_owned().into())
}

fn unknown(why: &str) -> NotDone {
    NotDone::Unknown(why.to_owned())
}

impl From<NotAnswered> for NotDone {
    fn from(why: NotAnswered) -> Self {
        match why {
            NotAnswered::Refused(refusal) => Self::Refused(refusal.reason().into()),
            NotAnswered::Unknown(why) => Self::Unknown(why),
        }
    }
}

impl Intent {
    fn outcome(self) -> Result<Outcome, NotDone> {
        match self.status {
            Status::RequiresCapture | Status::Succeeded => Ok(Outcome::Authorized { reference: Some(self.id) }),
            Status::Canceled => {
                let reason = self.cancellation_reason.unwrap_or_else(|| "canceled".to_owned());
                Ok(Outcome::Declined { reason })
            }
            Status::RequiresAction => Ok(match self.next_action.and_then(|action| action.redirect_to_url) {
                Some(there) => {
                    let next_action = NextAction::Redirect { url: there.url };
                    Outcome::ActionRequired { reference: self.id, next_action }
                }
                // The shop has named no page to come back to.
                None => Outcome::Declined { reason: "authentication_required".to_owned() },
            }),
            // Before its first try it has no error: it is being made just now.
            Status::RequiresPaymentMethod => match self.last_payment_error {
                Some(error) => Ok(Outcome::Declined { reason: Refusal::from(error).reason() }),
                None => Err(unknown("it has not tried the charge")),
            },
            Status::RequiresConfirmation | Status::Other => Err(unknown("it is at work on the charge")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, Currency::from_code(code).expect("a currency"))
    }

    #[test]
    fn amounts_are_counted_as_stripe_counts_them() {
        for (amount, code, counted) in [
            (1_999, "EUR", Some(1_999)),
            (500, "JPY", Some(500)),
            (500, "ISK", Some(50_000)),
            (500, "UGX", Some(50_000)),
            (500, "MGA", Some(5)),
            (501, "MGA", None),
            (1_230, "KWD", Some(1_230)),
            (1_234, "KWD", None),
            (i64::MAX, "ISK", None),
        ] {
            assert_eq!(units(money(amount, code)), counted, "{amount} {code}");
        }
    }

    #[test]
    fn a_reference_leads_nowhere_else() {
        assert_eq!(path("pi_3Abc_9").expect("a reference"), "payment_intents/pi_3Abc_9");
        for reference in ["", "ch_1", "pi_1/cancel", "pi_../refunds", "pi_1?x=1", "pi_1%2f"] {
            assert!(path(reference).is_err(), "{reference}");
        }
    }
}
