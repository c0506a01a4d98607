//! What is read off amounts and quantities, and never set: how far the money is, and how far the goods.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::order::{Order, OrderShipment, ShipmentState, Sums};
use crate::sale::Line;

/// How far the money is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Nothing was authorised (also where nothing is to pay).
    None,
    /// One of several payments is authorised; the rest is still to pay.
    PartiallyAuthorized,
    /// All of it is held; nothing was taken.
    Authorized,
    PartiallyCaptured,
    /// All that is due was taken.
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
    /// Nothing of it ships, or what would was cancelled.
    NothingToShip,
    Unfulfilled,
    PartiallyShipped,
    /// Everything is on its way, or a part of it arrived.
    Shipped,
    /// Every parcel arrived, and nothing is left to send.
    Delivered,
    /// Nothing is on its way any more, and a parcel was lost.
    Lost,
}

/// How far the money of an order is of which so much is due.
pub fn payment_state(due_minor: i64, money: Sums) -> PaymentState {
    if money.refunded > 0 {
        return if money.refunded >= money.captured { PaymentState::Refunded } else { PaymentState::PartiallyRefunded };
    }
    if money.captured > 0 {
        return if money.captured >= due_minor { PaymentState::Captured } else { PaymentState::PartiallyCaptured };
    }
    match money.held() {
        1.. if money.held() >= due_minor => PaymentState::Authorized,
        1.. => PaymentState::PartiallyAuthorized,
        _ if money.voided > 0 => PaymentState::Voided,
        _ => PaymentState::None,
    }
}

/// How far the goods are, of an order with these lines and shipments.
pub fn fulfilment_state(lines: &[Line], shipments: &[OrderShipment]) -> FulfilmentState {
    let to_ship: i64 = lines.iter().map(Line::to_ship).sum();
    let shipped: i64 = lines.iter().map(|line| line.shipped).sum();
    let any = |state| shipments.iter().any(|shipment| shipment.state == state);
    match (to_ship, shipped) {
        (0, 0) => FulfilmentState::NothingToShip,
        (_, 0) => FulfilmentState::Unfulfilled,
        (1.., _) => FulfilmentState::PartiallyShipped,
        _ if any(ShipmentState::Dispatched) => FulfilmentState::Shipped,
        _ if any(ShipmentState::Lost) => FulfilmentState::Lost,
        _ => FulfilmentState::Delivered,
    }
}

impl Order {
    pub fn payment_state(&self) -> PaymentState {
        payment_state(self.due_minor, self.money)
    }

    pub fn fulfilment_state(&self) -> FulfilmentState {
        fulfilment_state(&self.lines, &self.shipments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::samples::{id, line};

    #[test]
    fn the_money_is_as_far_as_its_amounts_say() {
        let state = |authorized, captured, voided, refunded| {
            payment_state(100, Sums { authorized, captured, voided, refunded, ..Sums::default() })
        };
        assert_eq!(state(0, 0, 0, 0), PaymentState::None);
        assert_eq!(state(60, 0, 0, 0), PaymentState::PartiallyAuthorized);
        assert_eq!(state(100, 0, 0, 0), PaymentState::Authorized);
        assert_eq!(state(100, 40, 0, 0), PaymentState::PartiallyCaptured);
        assert_eq!(state(100, 100, 0, 0), PaymentState::Captured);
        assert_eq!(state(120, 100, 20, 0), PaymentState::Captured);
        assert_eq!(state(100, 0, 100, 0), PaymentState::Voided);
        assert_eq!(state(160, 0, 60, 0), PaymentState::Authorized);
        assert_eq!(state(100, 100, 0, 30), PaymentState::PartiallyRefunded);
        assert_eq!(state(100, 40, 60, 40), PaymentState::Refunded);
    }

    #[test]
    fn the_goods_are_as_far_as_their_units_and_parcels() {
        use ShipmentState::{Delivered, Dispatched, Lost};
        let state = |cancelled, shipped, states: &[ShipmentState]| {
            let line = Line { cancelled, shipped, ..line(1, 3, 300) };
            let shipments: Vec<OrderShipment> = states
                .iter()
                .zip(1..)
                .map(|(state, number)| OrderShipment { shipment: id(number), state: *state })
                .collect();
            fulfilment_state(&[line], &shipments)
        };
        assert_eq!(state(3, 0, &[]), FulfilmentState::NothingToShip);
        assert_eq!(state(0, 0, &[]), FulfilmentState::Unfulfilled);
        assert_eq!(state(0, 2, &[Delivered]), FulfilmentState::PartiallyShipped);
        assert_eq!(state(1, 2, &[Dispatched]), FulfilmentState::Shipped);
        assert_eq!(state(0, 3, &[Delivered, Dispatched]), FulfilmentState::Shipped);
        assert_eq!(state(0, 3, &[Delivered, Lost]), FulfilmentState::Lost);
        assert_eq!(state(0, 3, &[Delivered, Delivered]), FulfilmentState::Delivered);
    }
}
