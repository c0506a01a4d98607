//! What buyers and staff share: where the shop is, what it sells, and how they insist on an answer.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use outside::{Answer, Client, Product, Staff};
use serde_json::Value;

use super::history::{History, Operation, Outcome};

/// A buyer's patience with one request; then its outcome is unknown to them.
const ANSWER_MAX: Duration = Duration::from_secs(8);
/// And with all its tries together.
const INSIST_MAX: Duration = Duration::from_secs(150);
const PAUSE: Duration = Duration::from_millis(700);
/// How long somebody watches an order before they leave it alone.
const WATCH_MAX: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(400);

#[derive(Debug)]
pub struct Market {
    pub client: Client,
    pub staff: Staff,
    /// The shipping method that all take.
    pub method: String,
    pub products: Vec<Product>,
    /// One unit of each.
    pub scarce: Vec<Product>,
    pub races: AtomicUsize,
    pub history: History,
    /// Orders that somebody has sent and not seen the end of.
    pub in_flight: AtomicI64,
    pub is_closing: AtomicBool,
}

/// How a request ended for who insisted on it.
#[derive(Debug)]
pub enum Told {
    Yes(Value),
    /// Refused for good.
    No,
    /// Nobody knows.
    Never,
}

/// A request that changes something: the same at each try.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    pub buyer: usize,
    pub operation: Operation,
    pub key: &'a str,
}

impl Market {
    pub fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::SeqCst)
    }

    pub fn in_flight(&self) -> i64 {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Asks until there is an answer that says something, as a browser's user does; notes each try.
    pub async fn insist(
        &self,
        wish: Wish<'_>,
        ask: impl Fn() -> outside::Ask,
        amount: impl Fn(&Value) -> Option<(String, i64)>,
    ) -> Told {
        let begun = Instant::now();
        let note = |outcome| self.history.note(wish.buyer, wish.operation, wish.key, outcome);
        while begun.elapsed() < INSIST_MAX {
            note(Outcome::Sent);
            match answered(ask()).await {
                Ok(answer) if (200..300).contains(&answer.status) => {
                    let Some(body) = body_of(&answer) else {
                        note(Outcome::Unknown { why: "half an answer".to_owned() });
                        continue;
                    };
                    if let Some((order, amount)) = amount(&body) {
                        note(Outcome::Acknowledged { order, amount });
                    }
                    return Told::Yes(body);
                }
                Ok(answer) => {
                    let code = body_of(&answer).and_then(|body| body["code"].as_str().map(str::to_owned));
                    let code = code.unwrap_or_default();
                    if answer.status < 500 && answer.status != 429 && code != "request.key_in_flight" {
                        note(Outcome::Refused { status: answer.status, code });
                        return Told::No;
                    }
                    note(Outcome::Unknown { why: format!("{} {code}", answer.status) });
                }
                Err(why) => note(Outcome::Unknown { why }),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Told::Never
    }

    /// Asks for something that may be asked again and again; `None`: refused, or nobody answers.
    pub async fn read(&self, ask: impl Fn() -> outside::Ask) -> Option<Value> {
        let begun = Instant::now();
        while begun.elapsed() < INSIST_MAX {
            match answered(ask()).await {
                Ok(answer) if (200..300).contains(&answer.status) => return body_of(&answer),
                Ok(answer) if answer.status < 500 && answer.status != 429 => return None,
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
        None
    }

    /// Looks at an order until it is as meant; `None`: whoever looked has left.
    pub async fn watch(&self, client: &Client, order: &str, meant: impl Fn(&Value) -> bool) -> Option<Value> {
        let begun = Instant::now();
        while begun.elapsed() < WATCH_MAX {
            let seen = self.read(|| client.get(format!("/v1/orders/{order}"))).await?;
            if meant(&seen) {
                return Some(seen);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        None
    }
}

async fn answered(ask: outside::Ask) -> Result<Answer, String> {
    match tokio::time::timeout(ANSWER_MAX, ask.sent()).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err("the connection ended".to_owned()),
        Err(_) => Err(format!("no answer in {ANSWER_MAX:?}")),
    }
}

/// `None`: it is not whole.
fn body_of(answer: &Answer) -> Option<Value> {
    serde_json::from_str(&answer.text).ok()
}
