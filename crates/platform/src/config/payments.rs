//! `[payments.*]`: the ways to pay.

use serde::{Deserialize, Serialize};

use super::Config;
use crate::Problem;

/// A job's lease outlasts its gateway.
const GATEWAY_SECONDS: std::ops::RangeInclusive<u64> = 1..=60;
const TRIES: std::ops::RangeInclusive<i64> = 1..=20;
/// Shorter ones are guessed.
const WEBHOOK_SECRET_CHARS_MIN: usize = 16;

/// A way to pay.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentMethod {
    /// Whether buyers may choose it; what was paid so before is looked after in any case.
    #[serde(default = "yes")]
    pub enabled: bool,
    pub gateway: Gateway,
    /// Where the gateway is `manual`.
    #[serde(default)]
    pub settles: Settles,
    /// What a buyer is told who has to transfer the money.
    #[serde(default)]
    pub instructions: String,
    pub capture: Capture,
    /// An order that is not paid by then is cancelled.
    pub unpaid_minutes_max: i64,
    pub tries_max: i64,
    /// A gateway that has not answered by then is asked later what became of it.
    pub gateway_seconds_max: u64,
    /// What the gateway signs its events with.
    #[serde(default)]
    pub webhook_secret: String,
    /// Where the gateway is `stripe`: the secret key of the account.
    #[serde(default)]
    pub api_key: String,
    /// `stripe` only.
    #[serde(default = "stripe_api_url")]
    pub api_url: String,
    /// `stripe` only: where the bank sends the buyer back to.
    #[serde(default)]
    pub return_url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gateway {
    /// Plays a bank by the token it is given; for trying the shop out.
    Test,
    /// People: staff say when the money came.
    Manual,
    /// Cards by Stripe.
    Stripe,
}

/// When money comes that no gateway brings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settles {
    /// Before the order is confirmed: a bank transfer.
    #[default]
    Before,
    /// After the goods were sent: an invoice, cash on delivery.
    After,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    Dispatch,
    Confirmation,
}

impl PaymentMethod {
    pub(super) fn check(&self, name: &str) -> Result<(), String> {
        let wrong = |key: &str, text: &str| Err(format!("setting `payments.{name}.{key}`: {text}"));
        if !GATEWAY_SECONDS.contains(&self.gateway_seconds_max) {
            return wrong("gateway_seconds_max", "a whole number from 1 to 60");
        }
        if !TRIES.contains(&self.tries_max) {
            return wrong("tries_max", "a whole number from 1 to 20");
        }
        let secret_chars = self.webhook_secret.chars().count();
        if (1..WEBHOOK_SECRET_CHARS_MIN).contains(&secret_chars) {
            return wrong("webhook_secret", "at least 16 characters, as the gateway gave it");
        }
        self.check_stripe(&wrong)
    }

    fn check_stripe(&self, wrong: &dyn Fn(&str, &str) -> Result<(), String>) -> Result<(), String> {
        if self.gateway != Gateway::Stripe {
            return Ok(());
        }
        if self.enabled && self.api_key.is_empty() {
            return wrong("api_key", "the secret key of your Stripe account, sk_…; or set `enabled = false`");
        }
        let is_header = self.api_key.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_header {
            return wrong("api_key", "visible ASCII characters, as Stripe gave them");
        }
        if self.enabled && self.webhook_secret.is_empty() {
            return wrong("webhook_secret", "the signing secret of Stripe's webhook endpoint, whsec_…");
        }
        // The key goes there: in clear text only within this machine.
        if !is_web(&self.api_url, true) {
            return wrong("api_url", "an https:// address without a path; http:// only of this machine");
        }
        if !self.return_url.is_empty() && !is_web(&self.return_url.replace("{number}", "S-1"), false) {
            return wrong(
                "return_url",
                "your page that buyers come back to: an https:// address, {number} is the order's",
            );
        }
        Ok(())
    }
}

impl Config {
    /// A way to pay that buyers may choose; a field problem at `pointer` where there is none of that name.
    pub fn payment_method(&self, name: &str, pointer: &str) -> Result<&PaymentMethod, Problem> {
        self.payments.get(name).filter(|method| method.enabled).ok_or_else(|| {
            let offered = self.payments.iter().filter(|(_, method)| method.enabled);
            let offered: Vec<&str> = offered.map(|(name, _)| name.as_str()).collect();
            Problem::field(pointer, format!("is not one of this shop's ways to pay: {}", offered.join(", ")))
        })
    }

    /// The ways to pay at which money is only played.
    pub fn played_payments(&self) -> Vec<String> {
        let played = |method: &PaymentMethod| method.enabled && method.gateway == Gateway::Test;
        self.payments.iter().filter(|(_, method)| played(method)).map(|(name, _)| name.clone()).collect()
    }

    /// Offers each of the settings' ways to pay: for a sample shop.
    pub fn offer_every_payment(&mut self) {
        self.payments.values_mut().for_each(|method| method.enabled = true);
    }
}

fn yes() -> bool {
    true
}

fn stripe_api_url() -> String {
    "https://api.stripe.com".to_owned()
}

/// An address with TLS, or of this machine; where it is an `origin`, without a path.
fn is_web(text: &str, origin: bool) -> bool {
    let Ok(url) = reqwest::Url::parse(text) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    let is_plain = url.username().is_empty() && url.password().is_none();
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    !host.is_empty()
        && is_plain
        && (url.scheme() == "https" || url.scheme() == "http" && is_here)
        && (is_bare || !origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_offered_can_be_chosen() {
        let mut config = Config::defaults();
        assert_eq!(config.payment_method("card", "/method").map(|method| method.gateway).ok(), Some(Gateway::Test));
        assert_eq!(config.played_payments(), ["card"]);
        let only = config.payment_method("transfer", "/method").expect_err("a shop has to say its account first");
        assert_eq!(only.errors[0].detail, "is not one of this shop's ways to pay: card");
        config.offer_every_payment();
        config.payments.get_mut("invoice").expect("a default way to pay").enabled = false;
        let refused = config.payment_method("invoice", "/payment/method").expect_err("it is off");
        assert_eq!(refused.errors[0].pointer, "/payment/method");
        assert_eq!(refused.errors[0].detail, "is not one of this shop's ways to pay: card, cash_on_delivery, transfer");
    }

    #[test]
    fn a_short_secret_of_a_gateway_is_refused() {
        let environment = [("SOUK_PAYMENTS__CARD__WEBHOOK_SECRET".to_owned(), "short".to_owned())].into();
        let refused = Config::load(None, &environment).expect_err("a short secret");
        assert!(refused.contains("payments.card.webhook_secret"), "{refused}");
        let environment =
            [("SOUK_PAYMENTS__CARD__WEBHOOK_SECRET".to_owned(), "geheim-geheim-geheim".to_owned())].into();
        let shown = Config::load(None, &environment).expect("valid settings").shown();
        assert!(!shown.contains("geheim"), "{shown}");
    }

    /// A shop whose `card` is Stripe's, with one more setting.
    fn stripe(key: &str, value: &str) -> Result<Config, String> {
        let mut settings = std::collections::HashMap::from([
            ("SOUK_PAYMENTS__CARD__GATEWAY".to_owned(), "stripe".to_owned()),
            ("SOUK_PAYMENTS__CARD__API_KEY".to_owned(), "sk_test_geheim".to_owned()),
            ("SOUK_PAYMENTS__CARD__WEBHOOK_SECRET".to_owned(), "whsec_geheim_geheim".to_owned()),
        ]);
        settings.insert(format!("SOUK_PAYMENTS__CARD__{key}"), value.to_owned());
        Config::load(None, &settings)
    }

    #[test]
    fn stripe_needs_its_keys_and_an_address_that_nobody_listens_to() {
        let right = stripe("ENABLED", "true").expect("all that it needs");
        assert_eq!(right.payments["card"].api_url, "https://api.stripe.com");
        assert!(!right.shown().contains("geheim") && right.played_payments().is_empty(), "{}", right.shown());
        for (key, value) in [
            ("api_key", ""),
            ("api_key", "sk_test ä"),
            ("webhook_secret", ""),
            ("api_url", "http://api.stripe.com"),
            ("api_url", "http://127.0.0.1.example.com"),
            ("api_url", "https://user:pw@api.stripe.com"),
            ("api_url", "https://api.stripe.com/v1"),
            ("api_url", "stripe"),
            ("return_url", "javascript:alert(1)"),
            ("return_url", "http://shop.example"),
        ] {
            let refused = stripe(&key.to_uppercase(), value).expect_err(value);
            assert!(refused.starts_with(&format!("setting `payments.card.{key}`: ")), "{key} {value}: {refused}");
        }
        for url in ["http://127.0.0.1:8420", "http://localhost:8420", "http://[::1]:8420", "https://psp.example/"] {
            stripe("API_URL", url).expect(url);
        }
        let off: std::collections::HashMap<_, _> = [("GATEWAY", "stripe"), ("ENABLED", "false")]
            .map(|(key, value)| (format!("SOUK_PAYMENTS__CARD__{key}"), value.to_owned()))
            .into();
        Config::load(None, &off).expect("what is off needs no key");
    }
}
