//! What money does: intents are confirmed, captured, cancelled; captured money is refunded.

use serde_json::{Value, json};
use uuid::Uuid;

use super::book::{Book, Decline, Entry, Event, Intent, Moved, Record, Refund, Status};
use super::wire::{Form, Refusal, intent_json, refund_json};

/// One request at work: what it reads, and what it will have written.
pub struct Work<'a> {
    pub book: &'a Book,
    pub form: &'a Form,
    pub key: Option<&'a str>,
    pub base: &'a str,
    /// In seconds.
    pub now: i64,
    pub records: Vec<Record>,
}

fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", Uuid::now_v7().simple())
}

const CREATE: [&str; 11] = [
    "amount",
    "currency",
    "payment_method",
    "payment_method_types",
    "payment_method_options",
    "capture_method",
    "confirm",
    "return_url",
    "metadata",
    "description",
    "expand",
];
const CAPTURE_METHODS: [&str; 3] = ["automatic", "automatic_async", "manual"];

impl Work<'_> {
    pub fn create(&mut self) -> Result<Value, Refusal> {
        let form = self.form;
        form.must_know(&CREATE)?;
        form.required("amount")?;
        let amount = form.amount("amount")?.unwrap_or_default();
        let currency = form.required("currency")?.to_ascii_lowercase();
        if currency.len() != 3 {
            return Err(Refusal::param("parameter_invalid", "currency", format!("Invalid currency: {currency}")));
        }
        let capture_method = form.text("capture_method").unwrap_or("automatic_async");
        if !CAPTURE_METHODS.contains(&capture_method) {
            let why = format!("Invalid capture_method: must be one of {}", CAPTURE_METHODS.join(", "));
            return Err(Refusal::param("parameter_invalid", "capture_method", why));
        }
        let mut intent = Intent {
            id: new_id("pi"),
            amount,
            currency,
            status: Status::RequiresPaymentMethod,
            is_manual: capture_method == "manual",
            payment_method: None,
            metadata: form.metadata(),
            description: form.text("description").map(str::to_owned),
            return_url: form.text("return_url").map(str::to_owned),
            charge: None,
            received: 0,
            refunded: 0,
            decline: None,
            cancellation_reason: None,
            created: self.now,
        };
        set_method(&mut intent, form)?;
        self.tells("payment_intent.created", intent_json(&intent, self.base));
        let confirmed = if form.is_true("confirm") { self.confirm_now(&mut intent) } else { Ok(()) };
        self.writes(intent, confirmed)
    }

    pub fn update(&mut self, id: &str) -> Result<Value, Refusal> {
        self.form.must_know(&["amount", "payment_method", "metadata", "description", "expand"])?;
        let mut intent = self.intent(id)?;
        let is_open = matches!(intent.status, Status::RequiresPaymentMethod | Status::RequiresConfirmation);
        if let Some(amount) = self.form.amount("amount")? {
            if !is_open {
                return Err(Refusal::state(&intent, "updated", "requires_payment_method, requires_confirmation"));
            }
            intent.amount = amount;
        }
        if is_open {
            set_method(&mut intent, self.form)?;
        }
        intent.metadata.extend(self.form.metadata());
        self.writes(intent, Ok(()))
    }

    pub fn confirm(&mut self, id: &str) -> Result<Value, Refusal> {
        self.form.must_know(&["payment_method", "return_url", "expand"])?;
        let mut intent = self.intent(id)?;
        if !matches!(intent.status, Status::RequiresPaymentMethod | Status::RequiresConfirmation) {
            return Err(Refusal::state(&intent, "confirmed", "requires_payment_method, requires_confirmation"));
        }
        set_method(&mut intent, self.form)?;
        if let Some(back) = self.form.text("return_url") {
            intent.return_url = Some(back.to_owned());
        }
        let confirmed = self.confirm_now(&mut intent);
        self.writes(intent, confirmed)
    }

    /// Takes a part or all of what is held, once; the rest is let go.
    pub fn capture(&mut self, id: &str) -> Result<Value, Refusal> {
        self.form.must_know(&["amount_to_capture", "final_capture", "metadata", "expand"])?;
        let mut intent = self.intent(id)?;
        if self.form.text("final_capture") == Some("false") {
            let why = "This account is not eligible for multicapture.".to_owned();
            return Err(Refusal::param("parameter_invalid", "final_capture", why));
        }
        if intent.status != Status::RequiresCapture {
            return Err(Refusal::state(&intent, "captured", "requires_capture"));
        }
        let amount = self.form.amount("amount_to_capture")?.unwrap_or(intent.amount);
        if amount > intent.amount {
            let why = format!("The amount to capture ({amount}) is greater than what is held ({}).", intent.amount);
            return Err(Refusal::new(400, "invalid_request_error", Some("amount_too_large"), why));
        }
        intent.metadata.extend(self.form.metadata());
        (intent.status, intent.received) = (Status::Succeeded, amount);
        self.moves(Moved::Captured, &intent, amount);
        if amount < intent.amount {
            self.moves(Moved::Voided, &intent, intent.amount - amount);
        }
        self.tells("payment_intent.succeeded", intent_json(&intent, self.base));
        self.writes(intent, Ok(()))
    }

    pub fn cancel(&mut self, id: &str) -> Result<Value, Refusal> {
        self.form.must_know(&["cancellation_reason", "expand"])?;
        let mut intent = self.intent(id)?;
        let reasons = ["duplicate", "fraudulent", "requested_by_customer", "abandoned"];
        let reason = self.form.text("cancellation_reason");
        if reason.is_some_and(|reason| !reasons.contains(&reason)) {
            let why = format!("Invalid cancellation_reason: must be one of {}", reasons.join(", "));
            return Err(Refusal::param("parameter_invalid", "cancellation_reason", why));
        }
        if matches!(intent.status, Status::Succeeded | Status::Canceled) {
            let allowed = "requires_payment_method, requires_capture, requires_confirmation, requires_action";
            return Err(Refusal::state(&intent, "canceled", allowed));
        }
        if intent.status == Status::RequiresCapture {
            self.moves(Moved::Voided, &intent, intent.amount);
        }
        (intent.status, intent.cancellation_reason) = (Status::Canceled, reason.map(str::to_owned));
        self.tells("payment_intent.canceled", intent_json(&intent, self.base));
        self.writes(intent, Ok(()))
    }

    pub fn refund(&mut self) -> Result<Value, Refusal> {
        self.form.must_know(&["payment_intent", "amount", "reason", "metadata", "expand"])?;
        let id = self.form.required("payment_intent")?;
        let mut intent = self.book.intents.get(id).cloned().ok_or_else(|| Refusal::missing("payment_intent", id))?;
        if intent.received == 0 {
            let why = format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
            return Err(Refusal::new(400, "invalid_request_error", None, why));
        }
        let left = intent.received - intent.refunded;
        if left == 0 {
            let (code, why) = ("charge_already_refunded", "The charge has already been refunded.");
            return Err(Refusal::new(400, "invalid_request_error", Some(code), why));
        }
        let amount = self.form.amount("amount")?.unwrap_or(left);
        if amount > left {
            let why = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
            let mut refusal = Refusal::new(400, "invalid_request_error", None, why);
            refusal.error["param"] = "amount".into();
            return Err(refusal);
        }
        let refund = Refund {
            id: new_id("re"),
            intent: intent.id.clone(),
            charge: intent.charge.clone(),
            amount,
            currency: intent.currency.clone(),
            reason: self.form.text("reason").map(str::to_owned),
            metadata: self.form.metadata(),
            created: self.now,
        };
        intent.refunded += amount;
        self.moves(Moved::Refunded, &intent, amount);
        let shown = refund_json(&refund);
        self.tells("refund.created", shown.clone());
        self.records.extend([Record::Refund(refund), Record::Intent(intent)]);
        Ok(shown)
    }

    /// The buyer answers their bank: yes or no.
    pub fn authenticate(&mut self, id: &str, is_yes: bool) -> Result<Value, Refusal> {
        let mut intent = self.intent(id)?;
        if intent.status != Status::RequiresAction {
            return Err(Refusal::state(&intent, "authenticated", "requires_action"));
        }
        if is_yes {
            self.charge(&mut intent);
            return self.writes(intent, Ok(()));
        }
        let why = "The provided PaymentMethod has failed authentication.";
        self.declines(&mut intent, "payment_intent_authentication_failure", None, why);
        self.writes(intent, Ok(()))
    }

    pub fn intent(&self, id: &str) -> Result<Intent, Refusal> {
        self.book.intents.get(id).cloned().ok_or_else(|| Refusal::missing("payment_intent", id))
    }

    fn confirm_now(&mut self, intent: &mut Intent) -> Result<(), Refusal> {
        let declined = "Your card was declined.";
        match intent.payment_method.as_deref() {
            None => {
                let why = "You cannot confirm this PaymentIntent because it's missing a payment method.".to_owned();
                return Err(Refusal::param("parameter_missing", "payment_method", why));
            }
            Some("pm_card_authenticationRequired" | "pm_card_threeDSecure2Required") => {
                intent.status = Status::RequiresAction;
                self.tells("payment_intent.requires_action", intent_json(intent, self.base));
                return Ok(());
            }
            Some("pm_card_chargeDeclined") => {
                self.declines(intent, "card_declined", Some("generic_decline"), declined);
            }
            Some("pm_card_chargeDeclinedInsufficientFunds") => {
                self.declines(intent, "card_declined", Some("insufficient_funds"), declined);
            }
            Some(_) => {
                self.charge(intent);
                return Ok(());
            }
        }
        let decline = intent.decline.clone().map(|decline| json!(decline)).unwrap_or_default();
        let mut refusal = Refusal::new(402, "card_error", decline["code"].as_str(), declined);
        refusal.error["decline_code"] = decline["decline_code"].clone();
        refusal.error["payment_intent"] = intent_json(intent, self.base);
        Err(refusal)
    }

    fn declines(&mut self, intent: &mut Intent, code: &str, decline_code: Option<&str>, message: &str) {
        let (code, decline_code) = (code.to_owned(), decline_code.map(str::to_owned));
        intent.decline = Some(Decline { code, decline_code, message: message.to_owned() });
        (intent.status, intent.payment_method) = (Status::RequiresPaymentMethod, None);
        self.tells("payment_intent.payment_failed", intent_json(intent, self.base));
    }

    fn charge(&mut self, intent: &mut Intent) {
        (intent.charge, intent.decline) = (Some(new_id("ch")), None);
        self.moves(Moved::Authorized, intent, intent.amount);
        if intent.is_manual {
            intent.status = Status::RequiresCapture;
            self.tells("payment_intent.amount_capturable_updated", intent_json(intent, self.base));
            return;
        }
        (intent.status, intent.received) = (Status::Succeeded, intent.amount);
        self.moves(Moved::Captured, intent, intent.amount);
        self.tells("payment_intent.succeeded", intent_json(intent, self.base));
    }

    fn moves(&mut self, kind: Moved, intent: &Intent, amount: i64) {
        self.records.push(Record::Entry(Entry {
            kind,
            intent: intent.id.clone(),
            amount,
            currency: intent.currency.clone(),
            metadata: intent.metadata.clone(),
            key: self.key.map(str::to_owned),
            at: self.now,
        }));
    }

    fn tells(&mut self, kind: &str, object: Value) {
        let (id, kind) = (new_id("evt"), kind.to_owned());
        self.records.push(Record::Event(Event { id, kind, object, created: self.now }));
    }

    /// The intent is written also where its card was declined; not where nothing was begun.
    fn writes(&mut self, intent: Intent, outcome: Result<(), Refusal>) -> Result<Value, Refusal> {
        let shown = intent_json(&intent, self.base);
        match &outcome {
            Err(refusal) if refusal.is_invalid => self.records.clear(),
            Ok(()) | Err(_) => self.records.push(Record::Intent(intent)),
        }
        outcome.map(|()| shown)
    }
}

fn set_method(intent: &mut Intent, form: &Form) -> Result<(), Refusal> {
    let Some(method) = form.text("payment_method") else { return Ok(()) };
    if !method.starts_with("pm_card_") {
        let mut refusal = Refusal::missing("PaymentMethod", method);
        (refusal.status, refusal.error["param"]) = (400, "payment_method".into());
        return Err(refusal);
    }
    intent.payment_method = Some(method.to_owned());
    intent.status = Status::RequiresConfirmation;
    Ok(())
}
