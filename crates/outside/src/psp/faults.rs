//! What fakepsp does wrong on command.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Does it, and closes the connection without a word.
    DropAfterCommit,
    /// Does it, and answers 500: also to the same key again, as Stripe does.
    ErrorAfterCommit,
    /// Waits `seconds` before it begins.
    Slow,
    /// Answers 429 and does nothing.
    RateLimited,
    /// A search finds nothing, as it does at Stripe for a while after something was made.
    SearchLags,
    /// Its events are never sent.
    WebhookLost,
    /// Its events are sent twice.
    WebhookDoubled,
    /// Its events are sent `seconds` later.
    WebhookLate,
    /// Its events are sent and heard before the request is answered.
    WebhookEarly,
    /// Its events are sent after those of the next request, the last first.
    WebhookReordered,
}

/// A fault, so many times or by chance.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `create`, `confirm`, `capture`, `cancel`, `refund`, `retrieve`, `authenticate`, …; `*`: any that changes something.
    pub operation: String,
    pub kind: FaultKind,
    /// How often it strikes; without end where only a probability is said.
    #[serde(default)]
    pub times: Option<u32>,
    /// 0 to 1; always, if not said.
    #[serde(default)]
    pub probability: Option<f64>,
    #[serde(default)]
    pub seed: u64,
    #[serde(default)]
    pub seconds: f64,
}

impl Fault {
    /// Once, on the next such request.
    pub fn once(operation: &str, kind: FaultKind) -> Self {
        Self { operation: operation.to_owned(), kind, times: Some(1), probability: None, seed: 0, seconds: 0.0 }
    }

    /// So many seconds, for what is slow or late.
    pub fn of_seconds(self, seconds: f64) -> Self {
        Self { seconds, ..self }
    }
}

/// The faults in force, and how often each struck.
#[derive(Debug, Default)]
pub struct Faults {
    armed: Vec<Armed>,
}

#[derive(Debug, Serialize)]
struct Armed {
    #[serde(flatten)]
    fault: Fault,
    struck: u32,
    #[serde(skip)]
    dice: u64,
}

impl Faults {
    pub fn arm(&mut self, fault: Fault) {
        let dice = fault.seed;
        self.armed.push(Armed { fault, struck: 0, dice });
    }

    pub fn clear(&mut self) {
        self.armed.clear();
    }

    /// Those that were to strike so often, and have not.
    pub fn unspent(&self) -> Vec<&Fault> {
        let is_unspent = |armed: &&Armed| armed.fault.times.is_some_and(|times| armed.struck < times);
        self.armed.iter().filter(is_unspent).map(|armed| &armed.fault).collect()
    }

    /// Whether all that wait for this operation have struck.
    pub fn is_spent(&self, operation: &str) -> bool {
        self.unspent().iter().all(|fault| fault.operation != operation)
    }

    pub fn shown(&self) -> serde_json::Value {
        serde_json::json!({ "faults": self.armed })
    }

    /// Those that strike this request.
    pub fn strike(&mut self, operation: &str, is_change: bool) -> Vec<Fault> {
        let is_meant =
            |armed: &Armed| armed.fault.operation == operation || (armed.fault.operation == "*" && is_change);
        let mut struck = Vec::new();
        for armed in self.armed.iter_mut().filter(|armed| is_meant(armed)) {
            if armed.fault.times.is_some_and(|times| armed.struck >= times) || !armed.falls() {
                continue;
            }
            armed.struck += 1;
            struck.push(armed.fault.clone());
        }
        struck
    }
}

impl Armed {
    /// The same seed falls the same way.
    fn falls(&mut self) -> bool {
        let Some(probability) = self.fault.probability else { return true };
        // splitmix64
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let fraction = ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        fraction < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_so_often_or_by_a_chance_that_its_seed_replays() {
        let mut faults = Faults::default();
        faults.arm(Fault { times: Some(2), ..Fault::once("create", FaultKind::RateLimited) });
        let struck = |faults: &mut Faults, operation| faults.strike(operation, true).len();
        assert_eq!([struck(&mut faults, "capture"), struck(&mut faults, "create")], [0, 1]);
        assert_eq!(faults.unspent().len(), 1);
        assert_eq!([struck(&mut faults, "create"), struck(&mut faults, "create")], [1, 0]);
        assert_eq!(faults.unspent().len(), 0);
        let falls = |seed| {
            let mut faults = Faults::default();
            let chance = Fault { times: None, probability: Some(0.25), seed, ..Fault::once("*", FaultKind::Slow) };
            faults.arm(chance);
            assert_eq!(faults.strike("retrieve", false).len(), 0, "it is for what changes something");
            (0..1_000).map(|_| faults.strike("refund", true).len()).collect::<Vec<_>>()
        };
        assert_eq!(falls(7), falls(7));
        assert_ne!(falls(7), falls(8));
        assert!((200..300).contains(&falls(7).iter().sum::<usize>()), "about a quarter");
    }
}
