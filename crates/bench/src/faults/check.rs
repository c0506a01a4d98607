//! Compares what was promised with what there is in the end, by the gateway's own ledger: pure.

use std::collections::{BTreeMap, BTreeSet};

use outside::psp::Charge;
use serde::Serialize;

use super::history::{Entry, Operation, Outcome};

/// Something that must never be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It was acknowledged and is not there, or not so.
    Lost,
    /// One key or one cart made two living orders.
    OrderedTwice,
    /// More money is held or kept than the order costs.
    ChargedTwice,
    /// More went back than the shop gave back.
    RefundedTwice,
    /// More was sold than there was.
    Oversold,
    /// It neither goes on nor ends.
    Stuck,
}

pub const KINDS: [Kind; 6] =
    [Kind::Lost, Kind::OrderedTwice, Kind::ChargedTwice, Kind::RefundedTwice, Kind::Oversold, Kind::Stuck];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Violation {
    pub kind: Kind,
    pub subject: String,
    pub about: String,
}

/// An order as staff see it in the end. Amounts are in minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OrderSeen {
    pub id: String,
    pub number: String,
    pub cart: String,
    pub status: String,
    pub total: i64,
    pub due: i64,
    /// What went back of it, as the shop has it.
    pub refunded: i64,
    /// Whether shipping still has to say if it may be cancelled.
    pub is_asked_to_cancel: bool,
    /// Units that were not cancelled, by variant.
    pub units: Vec<(String, i64)>,
}

impl OrderSeen {
    fn is_sold(&self) -> bool {
        matches!(self.status.as_str(), "confirmed" | "completed")
    }
}

/// What there is in the end.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub orders: Vec<OrderSeen>,
    /// By the gateway's ledger.
    pub charges: Vec<Charge>,
    /// What there was of each variant before anything was sold.
    pub stock: Vec<(String, i64)>,
    /// What still waits in outboxes, inboxes and job tables.
    pub waiting: Vec<String>,
}

pub fn judge(history: &[Entry], seen: &Seen) -> Vec<Violation> {
    let mut found = Vec::new();
    let orders: BTreeMap<&str, &OrderSeen> = seen.orders.iter().map(|order| (order.id.as_str(), order)).collect();
    check_promises(history, &orders, seen, &mut found);
    check_doubles(history, seen, &mut found);
    check_money(seen, &mut found);
    check_stock(seen, &mut found);
    check_rest(seen, &mut found);
    found.sort();
    found.dedup();
    found
}

fn note(found: &mut Vec<Violation>, kind: Kind, subject: &str, about: String) {
    found.push(Violation { kind, subject: subject.to_owned(), about });
}

fn check_promises(history: &[Entry], orders: &BTreeMap<&str, &OrderSeen>, seen: &Seen, found: &mut Vec<Violation>) {
    let mut refunds: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for entry in history {
        let Outcome::Acknowledged { order: id, amount } = &entry.outcome else { continue };
        let Some(order) = orders.get(id.as_str()) else {
            note(found, Kind::Lost, id, format!("{:?} was acknowledged, and there is no such order", entry.operation));
            continue;
        };
        match entry.operation {
            Operation::Place if order.total != *amount => {
                let about = format!("acknowledged with a total of {amount}, and it is {}", order.total);
                note(found, Kind::Lost, id, about);
            }
            Operation::Cancel if order.status != "cancelled" => {
                note(found, Kind::Lost, id, format!("its cancellation was acknowledged, and it is {}", order.status));
            }
            Operation::Deliver if order.status != "completed" => {
                let about = format!("all of it is sent and delivered, and it is {}", order.status);
                note(found, Kind::Stuck, id, about);
            }
            Operation::Refund => {
                refunds.insert((id.as_str(), entry.key.as_str()), *amount);
            }
            _ => {}
        }
    }
    let mut by_order: BTreeMap<&str, i64> = BTreeMap::new();
    for ((order, _), amount) in refunds {
        *by_order.entry(order).or_default() += amount;
    }
    for (id, promised) in by_order {
        let number = &orders[id].number;
        let given: i64 = of_order(seen, number).map(|charge| charge.refunded).sum();
        if given < promised {
            note(found, Kind::Lost, id, format!("{promised} were to go back by acknowledged refunds, {given} did"));
        }
    }
}

fn check_doubles(history: &[Entry], seen: &Seen, found: &mut Vec<Violation>) {
    let mut by_key: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for entry in history.iter().filter(|entry| entry.operation == Operation::Place) {
        if let Outcome::Acknowledged { order, .. } = &entry.outcome {
            by_key.entry(&entry.key).or_default().insert(order);
        }
    }
    for (key, orders) in by_key.iter().filter(|(_, orders)| orders.len() > 1) {
        note(found, Kind::OrderedTwice, key, format!("this key was answered with {orders:?}"));
    }
    let mut by_cart: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for order in seen.orders.iter().filter(|order| order.status != "cancelled") {
        by_cart.entry(&order.cart).or_default().push(&order.id);
    }
    for (cart, orders) in by_cart.iter().filter(|(_, orders)| orders.len() > 1) {
        note(found, Kind::OrderedTwice, cart, format!("this cart made {orders:?}"));
    }
}

fn of_order<'a>(seen: &'a Seen, number: &'a str) -> impl Iterator<Item = &'a Charge> {
    let is_theirs = move |charge: &&Charge| charge.metadata.get("souk_order").is_some_and(|of| of == number);
    seen.charges.iter().filter(is_theirs)
}

fn check_money(seen: &Seen, found: &mut Vec<Violation>) {
    let known: BTreeSet<&str> = seen.orders.iter().map(|order| order.number.as_str()).collect();
    for charge in &seen.charges {
        let of = charge.metadata.get("souk_order").map_or("", String::as_str);
        if !known.contains(of) && charge.authorized > charge.voided + charge.refunded {
            note(found, Kind::ChargedTwice, &charge.intent, format!("it keeps money for an order `{of}` that is not"));
        }
    }
    for order in &seen.orders {
        let charges: Vec<&Charge> = of_order(seen, &order.number).collect();
        let held: i64 = charges.iter().map(|charge| charge.authorized - charge.voided).sum();
        let refunded: i64 = charges.iter().map(|charge| charge.refunded).sum();
        let kept = held - refunded;
        let keeping = charges.iter().filter(|one| one.authorized > one.voided + one.refunded).count();
        let is_over = if order.status == "cancelled" { kept > 0 } else { kept > order.due };
        if is_over || keeping > 1 {
            let about = format!(
                "{}: {kept} are kept by {keeping} charges, due are {} of {}",
                order.status, order.due, order.total
            );
            note(found, Kind::ChargedTwice, &order.id, about);
        }
        if refunded != order.refunded {
            let kind = if refunded > order.refunded { Kind::RefundedTwice } else { Kind::Lost };
            let about = format!("the gateway gave {refunded} back, and the shop says {}", order.refunded);
            note(found, kind, &order.id, about);
        }
        if order.is_sold() && held < order.due {
            let about = format!("{}: {} are due, and the gateway holds {held}", order.status, order.due);
            note(found, Kind::Lost, &order.id, about);
        }
    }
}

fn check_stock(seen: &Seen, found: &mut Vec<Violation>) {
    let mut sold: BTreeMap<&str, i64> = BTreeMap::new();
    for order in seen.orders.iter().filter(|order| order.is_sold()) {
        for (variant, units) in &order.units {
            *sold.entry(variant).or_default() += units;
        }
    }
    for (variant, there) in &seen.stock {
        let sold = sold.get(variant.as_str()).copied().unwrap_or_default();
        if sold > *there {
            note(found, Kind::Oversold, variant, format!("{sold} units were sold of {there}"));
        }
    }
}

fn check_rest(seen: &Seen, found: &mut Vec<Violation>) {
    for order in &seen.orders {
        if matches!(order.status.as_str(), "placed" | "payable") {
            note(found, Kind::Stuck, &order.id, format!("it is still {}", order.status));
        }
        if order.is_asked_to_cancel {
            note(found, Kind::Stuck, &order.id, "nobody decided whether it may be cancelled".to_owned());
        }
    }
    for waiting in &seen.waiting {
        note(found, Kind::Stuck, waiting, "it still waits".to_owned());
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
