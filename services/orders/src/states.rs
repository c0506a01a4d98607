//! What is read off amounts and quantities, and never set: how far the money is, and how far the goods.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::order::{Order, Sums};

/// How far the money is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Nothing was authorised (also where nothing is to pay).
    None,
    /// The gateway holds it; nothing was taken.
    Authorized,
    PartiallyCaptured,
    Captured,
    /// Authorised money was given back before any was taken.
    Voided,
    PartiallyRefunded,
    /// All that was taken went back.
    Refunded,
}

/// How far the goods are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentState {
    NothingToShip,
    Unfulfilled,
    PartiallyShipped,
    Shipped,
    /// Every parcel arrived, and nothing is left to send.
    Delivered,
}

/// How far the money of an order with this total is.
pub fn payment_state(total_minor: i64, money: Sums) -> PaymentState {
    if money.refunded > 0 {
        return if money.refunded >= money.captured { PaymentState::Refunded } else { PaymentState::PartiallyRefunded };
    }
    if money.captured > 0 {
        return if money.captured >= total_minor { PaymentState::Captured } else { PaymentState::PartiallyCaptured };
    }
    match (money.voided, money.authorized) {
        (1.., _) => PaymentState::Voided,
        (_, 1..) => PaymentState::Authorized,
        _ => PaymentState::None,
    }
}

/// How far the goods are, of an order whose lines sum to these units.
pub fn fulfilment_state(to_ship: i64, shipped: i64, all_arrived: bool) -> FulfilmentState {
    match (to_ship, shipped) {
        (0, 0) => FulfilmentState::NothingToShip,
        (_, 0) => FulfilmentState::Unfulfilled,
        (1.., _) => FulfilmentState::PartiallyShipped,
        _ if all_arrived => FulfilmentState::Delivered,
        _ => FulfilmentState::Shipped,
    }
}

impl Order {
    pub fn payment_state(&self) -> PaymentState {
        payment_state(self.sale.total.amount, self.money)
    }

    pub fn fulfilment_state(&self) -> FulfilmentState {
        let to_ship = self.lines.iter().map(crate::sale::Line::to_ship).sum();
        let shipped = self.lines.iter().map(|line| line.shipped).sum();
        fulfilment_state(to_ship, shipped, self.all_arrived())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(authorized: i64, captured: i64, voided: i64, refunded: i64) -> Sums {
        Sums { authorized, capture_due: 0, captured, voided, refunded }
    }

    #[test]
    fn the_money_is_as_far_as_its_amounts_say() {
        let state =
            |authorized, captured, voided, refunded| payment_state(100, money(authorized, captured, voided, refunded));
        assert_eq!(state(0, 0, 0, 0), PaymentState::None);
        assert_eq!(state(100, 0, 0, 0), PaymentState::Authorized);
        assert_eq!(state(100, 40, 0, 0), PaymentState::PartiallyCaptured);
        assert_eq!(state(100, 100, 0, 0), PaymentState::Captured);
        assert_eq!(state(100, 0, 100, 0), PaymentState::Voided);
        assert_eq!(state(100, 100, 0, 30), PaymentState::PartiallyRefunded);
        assert_eq!(state(100, 40, 60, 40), PaymentState::Refunded);
    }

    #[test]
    fn the_goods_are_as_far_as_their_units() {
        assert_eq!(fulfilment_state(0, 0, true), FulfilmentState::NothingToShip);
        assert_eq!(fulfilment_state(3, 0, true), FulfilmentState::Unfulfilled);
        assert_eq!(fulfilment_state(1, 2, false), FulfilmentState::PartiallyShipped);
        assert_eq!(fulfilment_state(0, 3, false), FulfilmentState::Shipped);
        assert_eq!(fulfilment_state(0, 3, true), FulfilmentState::Delivered);
    }
}
