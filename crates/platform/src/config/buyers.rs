//! What buyers may have: accounts, sessions and carts.

use serde::{Deserialize, Serialize};

/// A quote holds no more lines.
const CART_LINES_MAX: i64 = 100;
/// A customer's open carts are listed without pages.
const CARTS_OPEN_MAX: i64 = 100;
const CART_DAYS_MAX: i64 = 3_650;
const SESSION_IDLE_DAYS_MAX: i64 = 365;
const SESSION_DAYS_MAX: i64 = 3_650;
/// Of what one network address may do in an hour: beyond it a limit is none.
const PER_HOUR_MAX: i64 = 1_000_000;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customers {
    /// A session that was not refreshed for so long ends.
    pub session_idle_days_max: i64,
    /// And every session ends after so long.
    pub session_days_max: i64,
    /// Accounts that one network address makes in an hour before it slows down; 0: without end.
    pub registrations_per_hour_max: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carts {
    pub lines_max: i64,
    pub quantity_max: i64,
    /// Of one customer, open at once.
    pub open_per_customer_max: i64,
    pub open_days_max: i64,
    /// Carts that guests of one network address open in an hour; 0: without end.
    pub guest_carts_per_hour_max: i64,
}

impl Customers {
    pub(super) fn check(&self) -> Result<(), String> {
        let all = [
            ("session_idle_days_max", self.session_idle_days_max, SESSION_IDLE_DAYS_MAX),
            ("session_days_max", self.session_days_max, SESSION_DAYS_MAX),
        ];
        per_hour("customers.registrations_per_hour_max", self.registrations_per_hour_max)?;
        match all.into_iter().find(|(_, value, most)| !(1..=*most).contains(value)) {
            Some((name, _, most)) => Err(format!("setting `customers.{name}`: a whole number from 1 to {most}")),
            None => Ok(()),
        }
    }
}

impl Carts {
    pub(super) fn check(&self) -> Result<(), String> {
        let limits = [
            ("lines_max", self.lines_max, CART_LINES_MAX),
            ("quantity_max", self.quantity_max, contracts::Quantity::MAX),
            ("open_per_customer_max", self.open_per_customer_max, CARTS_OPEN_MAX),
            ("open_days_max", self.open_days_max, CART_DAYS_MAX),
        ];
        per_hour("carts.guest_carts_per_hour_max", self.guest_carts_per_hour_max)?;
        match limits.into_iter().find(|(_, value, most)| !(1..=*most).contains(value)) {
            Some((name, _, most)) => Err(format!("setting `carts.{name}`: a whole number from 1 to {most}")),
            None => Ok(()),
        }
    }
}

fn per_hour(name: &str, value: i64) -> Result<(), String> {
    if (0..=PER_HOUR_MAX).contains(&value) {
        return Ok(());
    }
    Err(format!("setting `{name}`: a whole number from 0, which is without end, to {PER_HOUR_MAX}"))
}
