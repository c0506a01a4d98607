//! Stripe's wire: forms in, JSON out, error objects.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::book::{Book, Event, Intent, Refund, Status};

/// A list answers at most so many, and ten where nobody says how many.
const LIST_MAX: i64 = 100;
const LIST_DEFAULT: i64 = 10;

/// The parameters of a request: `metadata[order]=1`.
#[derive(Debug, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    pub fn read(encoded: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// Parameters that an endpoint does not know are refused by name.
    pub fn must_know(&self, known: &[&str]) -> Result<(), Refusal> {
        let outer = |name: &str| name.split('[').next().unwrap_or_default().to_owned();
        let unknown = self.0.iter().map(|(name, _)| outer(name)).find(|name| !known.contains(&name.as_str()));
        match unknown {
            Some(name) => {
                Err(Refusal::param("parameter_unknown", &name, format!("Received unknown parameter: {name}")))
            }
            None => Ok(()),
        }
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    }

    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        let missing = || Refusal::param("parameter_missing", name, format!("Missing required param: {name}."));
        self.text(name).ok_or_else(missing)
    }

    /// A positive amount.
    pub fn amount(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse() {
            Ok(amount) if amount >= 1 => Ok(Some(amount)),
            Ok(_) => Err(Refusal::param(
                "parameter_invalid_integer",
                name,
                "This value must be greater than or equal to 1.".to_owned(),
            )),
            Err(_) => Err(Refusal::param("parameter_invalid_integer", name, format!("Invalid integer: {text}"))),
        }
    }

    pub fn is_true(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    pub fn metadata(&self) -> BTreeMap<String, String> {
        let inner = |name: &str| Some(name.strip_prefix("metadata[")?.strip_suffix(']')?.to_owned());
        self.0.iter().filter_map(|(name, value)| Some((inner(name)?, value.clone()))).collect()
    }

    /// The same parameters in any order are the same.
    pub fn fingerprint(&self) -> String {
        let mut sorted = self.0.clone();
        sorted.sort();
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(sorted).finish()
    }

    /// A page of a list, the newest first.
    pub fn page<'a, T: 'a>(
        &self,
        path: &str,
        newest_first: impl Iterator<Item = &'a T>,
        id: impl Fn(&T) -> &str,
        render: impl Fn(&T) -> Value,
    ) -> Result<Value, Refusal> {
        let limit = self.amount("limit")?.unwrap_or(LIST_DEFAULT);
        if limit > LIST_MAX {
            let why = format!("This value must be less than or equal to {LIST_MAX}.");
            return Err(Refusal::param("parameter_invalid_integer", "limit", why));
        }
        let mut rest = newest_first.peekable();
        if let Some(after) = self.text("starting_after") {
            while rest.next_if(|thing| id(thing) != after).is_some() {}
            rest.next();
        }
        let data: Vec<Value> = rest.by_ref().take(usize::try_from(limit).unwrap_or(0)).map(render).collect();
        Ok(json!({ "object": "list", "url": path, "data": data, "has_more": rest.peek().is_some() }))
    }
}

/// An error object with its status.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    pub error: Value,
    /// Nothing was begun: the same key may be used anew.
    pub is_invalid: bool,
}

impl Refusal {
    pub fn new(status: u16, kind: &str, code: Option<&str>, message: impl Into<String>) -> Self {
        let mut error = json!({ "type": kind, "message": message.into() });
        if let Some(code) = code {
            error["code"] = code.into();
            error["doc_url"] = format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")).into();
        }
        Self { status, error, is_invalid: false }
    }

    /// A parameter that is no good.
    pub fn param(code: &str, name: &str, message: String) -> Self {
        let mut refusal = Self::new(400, "invalid_request_error", Some(code), message);
        refusal.error["param"] = name.into();
        refusal.is_invalid = true;
        refusal
    }

    /// The thing is in no state for this.
    pub fn state(intent: &Intent, verb: &str, allowed: &str) -> Self {
        let message = format!(
            "This PaymentIntent could not be {verb} because it has a status of {}. Only a PaymentIntent with one of \
             the following statuses may be {verb}: {allowed}.",
            intent.status.name()
        );
        let mut refusal = Self::new(400, "invalid_request_error", Some("payment_intent_unexpected_state"), message);
        refusal.error["payment_intent"] = intent_json(intent, "");
        refusal
    }

    pub fn missing(kind: &str, id: &str) -> Self {
        let message = format!("No such {kind}: '{id}'");
        Self::new(404, "invalid_request_error", Some("resource_missing"), message)
    }

    pub fn body(&self) -> Value {
        json!({ "error": self.error })
    }
}

/// `base`: where the buyer's bank asks them.
pub fn intent_json(intent: &Intent, base: &str) -> Value {
    let capturable = if intent.status == Status::RequiresCapture { intent.amount } else { 0 };
    let next_action = match (&intent.return_url, intent.status) {
        (Some(back), Status::RequiresAction) => {
            let url = format!("{base}/3ds/{}", intent.id);
            json!({ "type": "redirect_to_url", "redirect_to_url": { "url": url, "return_url": back } })
        }
        (None, Status::RequiresAction) => json!({ "type": "use_stripe_sdk", "use_stripe_sdk": {} }),
        _ => Value::Null,
    };
    let error = intent.decline.as_ref().map(|decline| {
        json!({
            "type": "card_error", "code": decline.code, "decline_code": decline.decline_code,
            "message": decline.message,
        })
    });
    json!({
        "id": intent.id, "object": "payment_intent", "amount": intent.amount, "amount_capturable": capturable,
        "amount_received": intent.received, "cancellation_reason": intent.cancellation_reason,
        "capture_method": if intent.is_manual { "manual" } else { "automatic_async" },
        "client_secret": format!("{}_secret_test", intent.id), "confirmation_method": "automatic",
        "created": intent.created, "currency": intent.currency, "customer": null,
        "description": intent.description, "last_payment_error": error, "latest_charge": intent.charge,
        "livemode": false, "metadata": intent.metadata, "next_action": next_action,
        "payment_method": intent.payment_method, "payment_method_types": ["card"], "status": intent.status,
    })
}

pub fn refund_json(refund: &Refund) -> Value {
    json!({
        "id": refund.id, "object": "refund", "amount": refund.amount, "charge": refund.charge,
        "created": refund.created, "currency": refund.currency, "metadata": refund.metadata,
        "payment_intent": refund.intent, "reason": refund.reason, "status": "succeeded",
    })
}

pub fn event_json(event: &Event) -> Value {
    json!({
        "id": event.id, "object": "event", "api_version": "2026-10-28.endive", "created": event.created,
        "data": { "object": event.object }, "livemode": false, "pending_webhooks": 1,
        "request": { "id": null, "idempotency_key": null }, "type": event.kind,
    })
}

/// Intents by `metadata['name']:'value'`, the one query that is understood.
pub fn search(book: &Book, form: &Form, base: &str) -> Result<Value, Refusal> {
    form.must_know(&["query", "limit", "page"])?;
    let query = form.required("query")?;
    let parts = query.strip_prefix("metadata['").and_then(|rest| rest.split_once("']:'"));
    let Some((name, value)) = parts.and_then(|(name, rest)| Some((name, rest.strip_suffix('\'')?))) else {
        let why = format!("We were unable to parse your search query: {query}");
        return Err(Refusal::param("parameter_invalid", "query", why));
    };
    let is_meant = |intent: &&Intent| intent.metadata.get(name).is_some_and(|known| known == value);
    let found: Vec<Value> =
        book.intents.newest_first().filter(is_meant).map(|intent| intent_json(intent, base)).take(10).collect();
    let url = "/v1/payment_intents/search";
    Ok(json!({ "object": "search_result", "url": url, "data": found, "has_more": false, "next_page": null }))
}
