//! What single steps do to an order: captures, refunds, several payments, lost parcels, cancelled lines.

use contracts::orders::{CancelRequestId, OrderStatus};
use contracts::payments::PaymentAuthorized;
use platform::config::Capture;
use proptest::prelude::*;

use super::samples::{self, Heard, id};
use crate::cancellation::{CancelState, Canceller, Cancelling, NotCancellable, UnwantedUnits, Wish};
use crate::change::{Change, Said};
use crate::order::{Order, PaymentOutcome, is_settled};
use crate::sale::Line;
use crate::states::{FulfilmentState, PaymentState};

/// An order, and all it said so far.
struct Life {
    order: Order,
    said: Vec<Said>,
    capture: Capture,
}

impl Life {
    fn of(order: Order, capture: Capture) -> Self {
        Self { order, said: Vec::new(), capture }
    }

    /// Confirmed by one payment of its whole total.
    fn confirmed(order: Order, capture: Capture) -> Self {
        let (id, total) = (order.id, order.sale.total.amount);
        Self::of(order, capture).hears(&[samples::reserved(id), samples::authorized_part(id, 1, total)])
    }

    fn hears(mut self, events: &[Heard]) -> Self {
        for event in events {
            let change = self.order.hear(event.happening(), self.capture).expect("nothing is late here");
            self.takes(change);
        }
        self
    }

    fn takes(&mut self, change: Change) {
        assert_eq!(change.after.version, self.order.version + change.entries.len() as i64);
        self.said.extend(change.says);
        self.order = change.after;
    }

    /// Asks to cancel these units and is granted it, by shipping where it ships.
    fn cancels(mut self, lines: &[(u128, i64)], request: u128) -> Self {
        let request: CancelRequestId = id(request);
        match self.order.cancel(wish(Some(lines)), request).unwrap_or_else(|why| panic!("{why:?}")) {
            Cancelling::Done(change) => self.takes(change),
            Cancelling::Asked(change) => {
                self.takes(change);
                let ships = |(number, _): &&(u128, i64)| {
                    self.order.lines.iter().any(|line| line.id == id(*number) && line.requires_shipping)
                };
                let lines: Vec<_> = lines.iter().filter(ships).copied().collect();
                let order = self.order.id;
                self = self.hears(&[samples::held_back(order, request, &lines)]);
            }
            Cancelling::Already | Cancelling::Pending => panic!("not asked before"),
        }
        self
    }

    /// Amounts asked to be captured, and whether each was the last.
    fn captures(&self) -> Vec<(i64, bool)> {
        let due =
            |said: &Said| if let Said::CaptureDue(due) = said { Some((due.amount.amount, due.last)) } else { None };
        self.said.iter().filter_map(due).collect()
    }

    fn refunds(&self) -> Vec<i64> {
        let due = |said: &Said| if let Said::RefundDue(due) = said { Some(due.amount.amount) } else { None };
        self.said.iter().filter_map(due).collect()
    }
}

fn wish(lines: Option<&[(u128, i64)]>) -> Wish {
    let units = |(line, quantity): &(u128, i64)| UnwantedUnits {
        line: id(*line),
        quantity: (*quantity).try_into().expect("a quantity"),
    };
    Wish { by: Canceller::Buyer, lines: lines.map(|lines| lines.iter().map(units).collect()), why: None }
}

#[test]
fn captured_at_confirmation_nothing_is_due_at_dispatch() {
    let order = samples::order();
    let id = order.id;
    let life = Life::confirmed(order, Capture::Confirmation).hears(&[
        samples::captured(id, 3_499),
        samples::dispatched(id, 1, &[(1, 2), (2, 1)]),
        samples::delivered(id, 1),
    ]);
    assert_eq!(life.captures(), [(3_499, true)]);
    assert_eq!(life.order.status, OrderStatus::Completed);
}

#[test]
fn where_nothing_ships_the_whole_is_due_at_confirmation_and_completes_it() {
    let mut order = samples::order();
    order.lines.iter_mut().for_each(|line| line.requires_shipping = false);
    let id = order.id;
    let life = Life::confirmed(order, Capture::Dispatch).hears(&[samples::captured(id, 3_499)]);
    assert_eq!(life.captures(), [(3_499, true)]);
    assert_eq!(life.order.status, OrderStatus::Completed);
}

#[test]
fn an_order_that_costs_nothing_captures_nothing() {
    let mut order = samples::order();
    order.sale.total.amount = 0;
    order.due_minor = 0;
    order.sale.shipping = None;
    order.lines.iter_mut().for_each(|line| line.total_minor = 0);
    let id = order.id;
    let life = Life::confirmed(order, Capture::Dispatch)
        .hears(&[samples::dispatched(id, 1, &[(1, 2), (2, 1)]), samples::delivered(id, 1)]);
    assert!(life.captures().is_empty());
    assert_eq!((life.order.status, life.order.payment_state()), (OrderStatus::Completed, PaymentState::None));
}

#[test]
fn a_shipment_that_is_dispatched_twice_counts_once() {
    let order = samples::order();
    let dispatched = samples::dispatched(order.id, 1, &[(1, 1)]);
    let life = Life::confirmed(order, Capture::Dispatch).hears(&[dispatched.clone(), dispatched]);
    assert_eq!((life.order.lines[0].shipped, life.captures()), (1, vec![(1_167, false)]));
}

#[test]
fn a_declined_try_takes_the_token_and_a_newer_try_is_the_one_that_counts() {
    let order = samples::order();
    let id = order.id;
    let life = Life::of(order, Capture::Dispatch).hears(&[
        samples::reserved(id),
        samples::action_required(id, 2),
        samples::declined(id, 1),
    ]);
    assert_eq!(life.order.last_try.map(|last| last.outcome), Some(PaymentOutcome::ActionRequired));
    assert!(life.order.payment_token.is_none() && life.order.status == OrderStatus::Payable);
}

#[test]
fn several_payments_confirm_an_order_once_they_make_up_its_total() {
    let order = samples::order();
    let id = order.id;
    let life =
        Life::of(order, Capture::Dispatch).hears(&[samples::reserved(id), samples::authorized_part(id, 1, 3_000)]);
    assert_eq!(
        (life.order.status, life.order.payment_state()),
        (OrderStatus::Payable, PaymentState::PartiallyAuthorized)
    );
    assert!(is_settled(life.order.status, life.order.last_try.is_some()), "the buyer has to pay the rest");
    let life = life.hears(&[samples::authorized_part(id, 2, 499)]);
    assert_eq!((life.order.status, life.order.payment_state()), (OrderStatus::Confirmed, PaymentState::Authorized));
    assert_eq!(life.said.iter().filter(|said| matches!(said, Said::Confirmed(_))).count(), 1);
}

#[test]
fn money_that_was_voided_before_the_rest_came_confirms_nothing() {
    let order = samples::order();
    let id = order.id;
    let events = [samples::reserved(id), samples::voided(id, 3_000), samples::authorized_part(id, 1, 3_000)];
    let life = Life::of(order, Capture::Dispatch).hears(&events).hears(&[samples::authorized_part(id, 2, 499)]);
    assert_eq!(life.order.status, OrderStatus::Payable);
}

#[test]
fn an_order_with_a_lost_parcel_completes_and_says_so() {
    let order = samples::order();
    let id = order.id;
    let life = Life::confirmed(order, Capture::Dispatch).hears(&[
        samples::dispatched(id, 1, &[(1, 1)]),
        samples::dispatched(id, 2, &[(1, 1), (2, 1)]),
        samples::captured(id, 3_499),
        samples::delivered(id, 2),
        samples::lost(id, 1),
    ]);
    assert_eq!((life.order.status, life.order.fulfilment_state()), (OrderStatus::Completed, FulfilmentState::Lost));
}

#[test]
fn a_cancelled_line_takes_its_money_with_it_and_the_last_parcel_the_rest() {
    let order = samples::order();
    let id = order.id;
    // A teapot at 10.00 of 34.99 is not wanted; the other and the cup ship for 5.00.
    let life = Life::confirmed(order, Capture::Dispatch).cancels(&[(1, 1)], 7);
    assert_eq!((life.order.due_minor, life.order.status), (2_499, OrderStatus::Confirmed));
    let life = life.hears(&[samples::dispatched(id, 1, &[(1, 1), (2, 1)])]);
    assert_eq!((life.captures(), life.refunds()), (vec![(2_499, true)], vec![]));
    let life = life.hears(&[samples::captured(id, 2_499), samples::voided(id, 1_000), samples::delivered(id, 1)]);
    assert_eq!((life.order.status, life.order.payment_state()), (OrderStatus::Completed, PaymentState::Captured));
}

#[test]
fn what_remains_after_a_parcel_can_be_cancelled_and_its_shipping_is_asked_then() {
    let order = samples::order();
    let id = order.id;
    let life =
        Life::confirmed(order, Capture::Dispatch).hears(&[samples::dispatched(id, 1, &[(1, 2)])]).cancels(&[(2, 1)], 7);
    // 20.00 and 3.33 of the shipping left with the parcel; the rest of the shipping stays to pay.
    assert_eq!(life.captures(), [(2_333, false), (167, true)]);
    assert_eq!((life.order.due_minor, life.refunds()), (2_500, vec![]));
    let life = life.hears(&[samples::captured(id, 2_500), samples::delivered(id, 1)]);
    assert_eq!(life.order.status, OrderStatus::Completed);
}

#[test]
fn a_line_that_was_captured_before_goes_back() {
    let order = samples::order();
    let id = order.id;
    let life =
        Life::confirmed(order, Capture::Confirmation).hears(&[samples::captured(id, 3_499)]).cancels(&[(1, 1)], 7);
    assert_eq!((life.captures(), life.refunds()), (vec![(3_499, true)], vec![1_000]));
    let life = life.cancels(&[(2, 1)], 8);
    assert_eq!(life.refunds(), [1_000, 999], "only what is new");
}

#[test]
fn what_goes_back_is_said_by_its_units_and_the_shipping_where_nothing_ships_any_more() {
    let mut order = samples::order();
    order.lines[1].requires_shipping = false;
    let life = Life::confirmed(order.clone(), Capture::Confirmation).cancels(&[(1, 1)], 7).cancels(&[(1, 1)], 8);
    let due = |said: &Said| if let Said::RefundDue(due) = said { Some(due.clone()) } else { None };
    let due: Vec<_> = life.said.iter().filter_map(due).collect();
    let units: Vec<_> = due.iter().flat_map(|due| due.lines.iter().map(|units| (units.from, units.quantity))).collect();
    assert_eq!((units, life.refunds()), (vec![(1, 1), (0, 1)], vec![1_000, 1_500]));
    assert_eq!((due[0].shipping, due[1].shipping.map(|money| money.amount)), (None, Some(500)));
    assert_eq!(life.order.due_minor, 999, "the one that does not ship");

    let life = Life::confirmed(order, Capture::Dispatch).cancels(&[(1, 2)], 7);
    assert_eq!((life.captures(), life.refunds()), (vec![(999, true)], vec![]), "it is all that is taken");
}

#[test]
fn cancelled_line_by_line_to_the_end_the_order_is_cancelled() {
    let life = Life::confirmed(samples::order(), Capture::Dispatch).cancels(&[(1, 2)], 7).cancels(&[(2, 1)], 8);
    assert_eq!((life.order.status, life.order.due_minor), (OrderStatus::Cancelled, 0));
    assert!(life.said.iter().any(|said| matches!(said, Said::Cancelled(event) if !event.reopens_cart)));
    assert!(life.captures().is_empty(), "payments gives everything back by itself");
}

#[test]
fn what_does_not_ship_is_cancelled_at_once_and_with_the_rest() {
    let mut order = samples::order();
    order.lines[1].requires_shipping = false;
    let life = Life::confirmed(order.clone(), Capture::Dispatch).cancels(&[(2, 1)], 7);
    assert_eq!((life.order.lines[1].cancelled, life.order.due_minor), (1, 2_500));
    let life = Life::confirmed(order, Capture::Dispatch).cancels(&[(1, 2), (2, 1)], 7);
    assert_eq!(life.order.status, OrderStatus::Cancelled, "shipping was asked for what it has, and decided for both");
}

#[test]
fn one_wish_is_decided_at_a_time() {
    let mut life = Life::confirmed(samples::order(), Capture::Dispatch);
    let Ok(Cancelling::Asked(change)) = life.order.cancel(wish(None), id(7)) else { panic!("it has to be asked") };
    life.takes(change);
    assert!(matches!(life.order.cancel(wish(None), id(8)), Ok(Cancelling::Pending)));
    assert_eq!(life.order.cancel(wish(Some(&[(1, 1)])), id(8)).err(), Some(NotCancellable::AnotherPending));
    let order = life.order.id;
    let life = life.hears(&[samples::not_held_back(order, id(7))]);
    assert_eq!(life.order.cancel_request.as_ref().map(|request| request.state), Some(CancelState::Refused));
    assert_eq!((life.order.status, life.order.due_minor), (OrderStatus::Confirmed, 3_499));
    let life = life.cancels(&[(1, 1)], 8);
    assert!(life.order.cancel_request.is_none() && life.order.lines[0].cancelled == 1);
}

#[test]
fn what_can_not_be_cancelled_is_refused_by_name() {
    let placed = samples::order();
    assert_eq!(placed.cancel(wish(Some(&[(1, 1)])), id(7)).err(), Some(NotCancellable::WholeOnly));
    assert!(
        matches!(placed.cancel(wish(Some(&[(1, 1), (1, 1), (2, 1)])), id(7)), Ok(Cancelling::Done(_))),
        "it is the whole"
    );
    assert_eq!(placed.cancel(wish(Some(&[(1, 1), (9, 1)])), id(7)).err(), Some(NotCancellable::UnknownLine(1)));
    let order = placed.id;
    let life = Life::confirmed(placed, Capture::Dispatch).hears(&[samples::dispatched(order, 1, &[(1, 1)])]);
    let left = vec![(id(1), 1), (id(2), 1)];
    assert_eq!(life.order.cancel(wish(Some(&[(1, 2)])), id(7)).err(), Some(NotCancellable::TooMany(left)));
    let life = life.hears(&[samples::dispatched(order, 2, &[(1, 1), (2, 1)])]);
    let too_late = NotCancellable::TooLate(OrderStatus::Confirmed);
    assert_eq!(life.order.cancel(wish(None), id(7)).err(), Some(too_late));
}

#[test]
fn a_refund_before_its_capture_comes_again() {
    let order = samples::order();
    let id = order.id;
    let life = Life::confirmed(order, Capture::Confirmation);
    let early = samples::refunded(id, 100);
    assert!(life.order.hear(early.happening(), Capture::Confirmation).is_err());
    let life = life.hears(&[samples::captured(id, 3_499), early]);
    assert_eq!(life.order.payment_state(), PaymentState::PartiallyRefunded);
}

fn lines() -> impl Strategy<Value = Vec<(i64, i64, bool)>> {
    prop::collection::vec((1_i64..5, 0_i64..5_000, any::<bool>()), 1..4)
}

/// An order of lines with so many units that cost so much together and ship or not.
fn order_of(lines: &[(i64, i64, bool)], shipping_minor: i64) -> Order {
    let mut order = samples::order();
    let line = |(number, (quantity, total, ships)): (u128, &(i64, i64, bool))| Line {
        requires_shipping: *ships,
        ..samples::line(number, *quantity, *total)
    };
    order.lines = (1..).zip(lines).map(line).collect();
    let shipping = order.sale.shipping.as_mut().expect("the sample ships");
    shipping.total.amount = shipping_minor;
    order.sale.total.amount = shipping_minor + order.lines.iter().map(|line| line.total_minor).sum::<i64>();
    order.due_minor = order.sale.total.amount;
    order
}

proptest! {
    #[test]
    fn what_is_asked_sums_to_what_is_due_however_it_ships_and_whatever_is_cancelled(
        lines in lines(),
        shipping in 0_i64..2_000,
        at_confirmation in any::<bool>(),
        steps in prop::collection::vec((1_u128..4, 1_i64..4, any::<bool>()), 0..20),
    ) {
        let capture = if at_confirmation { Capture::Confirmation } else { Capture::Dispatch };
        let mut life = Life::confirmed(order_of(&lines, shipping), capture);
        let order = life.order.id;
        let rest = (1..4).map(|number| (number, i64::MAX, false));
        for (number, (at, units, is_cancelled)) in (1..).zip(steps.into_iter().chain(rest)) {
            let Some(line) = life.order.lines.iter().find(|line| line.id == id(at)).cloned() else { continue };
            if life.order.status != OrderStatus::Confirmed {
                break;
            }
            let units = units.min(if is_cancelled { line.left() } else { line.to_ship() });
            if units == 0 {
                continue;
            }
            life = if is_cancelled {
                life.cancels(&[(at, units)], number)
            } else {
                life.hears(&[samples::dispatched(order, number, &[(at, units)])])
            };
        }
        let captured: i64 = life.captures().iter().map(|(amount, _)| amount).sum();
        let refunded: i64 = life.refunds().iter().sum();
        for due in life.said.iter().filter_map(|said| if let Said::RefundDue(due) = said { Some(due) } else { None }) {
            let worth = |units: &contracts::orders::UnitsDue| units.total.units(units.of, units.from, units.quantity);
            let lines: i64 = due.lines.iter().map(|units| worth(units).expect("units of the line").amount).sum();
            prop_assert_eq!(due.amount.amount, lines + due.shipping.map_or(0, |shipping| shipping.amount));
        }
        prop_assert!(life.captures().iter().all(|(amount, _)| *amount >= 0) && life.refunds().iter().all(|amount| *amount > 0));
        if life.order.status == OrderStatus::Cancelled {
            prop_assert_eq!(life.order.due_minor, 0);
        } else {
            prop_assert_eq!(captured - refunded, life.order.due_minor);
            let last: Vec<bool> = life.captures().iter().map(|(_, last)| *last).collect();
            prop_assert!(last.iter().rev().skip(1).all(|last| !last), "nothing is asked after the last: {last:?}");
            let freed = life.order.due_minor < life.order.sale.total.amount;
            prop_assert!(!freed && captured == 0 || last.last() == Some(&true), "what stays authorised hears that it can go back");
        }
    }

    #[test]
    fn refunds_unit_by_unit_end_at_zero(lines in lines(), shipping in 0_i64..2_000) {
        let order = order_of(&lines, shipping);
        let (id, total) = (order.id, order.sale.total.amount);
        prop_assume!(total > 0);
        let mut life = Life::confirmed(order, Capture::Confirmation).hears(&[samples::captured(id, total)]);
        for (number, line) in (1..).zip(life.order.lines.clone()) {
            for unit in 0..line.quantity {
                life = life.hears(&[samples::refunded_units(id, line.worth(unit, 1), &[(number, 1)])]);
            }
        }
        life = life.hears(&[samples::refunded(id, shipping)]);
        prop_assert_eq!((life.order.money.refunded, life.order.payment_state()), (total, PaymentState::Refunded));
        prop_assert!(life.order.lines.iter().all(|line| line.refunded == line.quantity));
    }
}

#[test]
fn an_authorisation_of_nothing_confirms_what_costs_nothing_and_only_that() {
    let order = samples::order();
    let nothing = PaymentAuthorized {
        order: order.id,
        payment: id(1),
        attempt: id(1),
        amount: contracts::Money::zero(order.sale.currency()),
        method: "card".to_owned(),
    };
    let reserved = samples::reserved(order.id);
    let life = Life::of(order, Capture::Dispatch).hears(&[reserved, Heard::Authorized(nothing)]);
    assert_eq!(life.order.status, OrderStatus::Payable);
}
