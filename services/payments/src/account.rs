//! An order's account: what it costs, and what of it came and went, over all its payments.

use contracts::orders::OrderId;
use contracts::{Currency, Money};

/// As one transaction found it, or left it. Amounts are minor units of the order's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    pub order: OrderId,
    /// `None`: a tombstone. The order was cancelled before it became payable.
    pub currency: Option<Currency>,
    pub total: i64,
    pub order_cancelled: bool,
    pub tries: i64,
    /// What its living payments are for.
    pub pledged: i64,
    /// What the order asked to be captured so far.
    pub capture_due: i64,
    /// It will not ask for more.
    pub capture_ended: bool,
    /// What the order asked to be given back so far.
    pub refund_due: i64,
    pub captured: i64,
    /// What open refunds will give back.
    pub refunding: i64,
    pub refunded: i64,
    pub shipping_refunded: bool,
}

/// By what an account's sums change, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountChange {
    pub tries: i64,
    pub pledged: i64,
    pub capture_due: i64,
    pub refund_due: i64,
    pub captured: i64,
    pub refunding: i64,
    pub refunded: i64,
}

impl Account {
    /// What no payment is for yet.
    pub fn unpledged(&self) -> i64 {
        self.total - self.pledged
    }

    /// What can still go back.
    pub fn refundable(&self) -> i64 {
        self.captured - self.refunding - self.refunded
    }

    /// In the order's currency.
    pub fn money(&self, amount: i64) -> Option<Money> {
        self.currency.map(|currency| Money::new(amount, currency))
    }
}
