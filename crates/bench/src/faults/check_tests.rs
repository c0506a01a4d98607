//! Each violation, planted, is found by its own name; a sound shop has none.

use super::*;

const TOTAL: i64 = 2_489;

fn acknowledged(operation: Operation, key: &str, amount: i64) -> Entry {
    let outcome = Outcome::Acknowledged { order: "ord_1".to_owned(), amount };
    Entry { at_milliseconds: 1, buyer: 0, operation, key: key.to_owned(), outcome }
}

fn order() -> OrderSeen {
    OrderSeen {
        id: "ord_1".to_owned(),
        number: "S-1".to_owned(),
        cart: "cart_1".to_owned(),
        status: "confirmed".to_owned(),
        total: TOTAL,
        due: TOTAL,
        refunded: 0,
        is_asked_to_cancel: false,
        units: vec![("teapot".to_owned(), 1)],
    }
}

fn charge(intent: &str) -> Charge {
    let metadata = BTreeMap::from([("souk_order".to_owned(), "S-1".to_owned())]);
    Charge { intent: intent.to_owned(), metadata, authorized: TOTAL, ..Charge::default() }
}

/// One order of the last teapot, held once.
fn sound() -> (Vec<Entry>, Seen) {
    let seen = Seen {
        orders: vec![order()],
        charges: vec![charge("pi_1")],
        stock: vec![("teapot".to_owned(), 1)],
        waiting: Vec::new(),
    };
    (vec![acknowledged(Operation::Place, "key", TOTAL)], seen)
}

/// What is found after one thing was made wrong.
fn found(plant: impl FnOnce(&mut Vec<Entry>, &mut Seen)) -> Vec<Kind> {
    let (mut history, mut seen) = sound();
    plant(&mut history, &mut seen);
    let mut kinds: Vec<Kind> = judge(&history, &seen).into_iter().map(|violation| violation.kind).collect();
    kinds.dedup();
    kinds
}

#[test]
fn a_sound_shop_has_no_violation() {
    assert_eq!(found(|_, _| {}), []);
    assert_eq!(
        found(|history, seen| {
            history.push(acknowledged(Operation::Cancel, "ord_1", 0));
            (seen.orders[0].status, seen.orders[0].due) = ("cancelled".to_owned(), 0);
            seen.charges[0].voided = TOTAL;
        }),
        []
    );
    assert_eq!(
        found(|history, seen| {
            history.push(acknowledged(Operation::Refund, "refund", 100));
            history.push(acknowledged(Operation::Refund, "refund", 100));
            (seen.charges[0].captured, seen.charges[0].refunded) = (TOTAL, 100);
            seen.orders[0].refunded = 100;
        }),
        []
    );
    let unknown = Outcome::Unknown { why: "a timeout".to_owned() };
    assert_eq!(found(|history, _| history.push(Entry { outcome: unknown, ..history[0].clone() })), []);
}

#[test]
fn what_was_acknowledged_and_is_gone_is_lost() {
    let gone = found(|_, seen| {
        seen.orders.clear();
        seen.charges.clear();
    });
    assert_eq!(gone, [Kind::Lost]);
    assert_eq!(found(|_, seen| (seen.orders[0].total, seen.orders[0].due) = (TOTAL + 1, TOTAL)), [Kind::Lost]);
    assert_eq!(found(|history, _| history.push(acknowledged(Operation::Cancel, "ord_1", 0))), [Kind::Lost]);
    assert_eq!(found(|history, _| history.push(acknowledged(Operation::Refund, "refund", 100))), [Kind::Lost]);
    assert_eq!(found(|_, seen| seen.charges.clear()), [Kind::Lost], "confirmed, and nobody holds its money");
}

#[test]
fn one_key_or_one_cart_with_two_orders_is_ordered_twice() {
    let other = OrderSeen { id: "ord_2".to_owned(), number: "S-2".to_owned(), ..order() };
    let mut twice = charge("pi_2");
    twice.metadata.insert("souk_order".to_owned(), "S-2".to_owned());
    let by_cart = found(|_, seen| {
        seen.orders.push(other.clone());
        seen.charges.push(twice.clone());
        seen.stock[0].1 = 2;
    });
    assert_eq!(by_cart, [Kind::OrderedTwice]);
    let by_key = found(|history, seen| {
        seen.orders.push(OrderSeen { cart: "cart_2".to_owned(), ..other });
        seen.charges.push(twice);
        seen.stock[0].1 = 2;
        let outcome = Outcome::Acknowledged { order: "ord_2".to_owned(), amount: TOTAL };
        history.push(Entry { outcome, ..history[0].clone() });
    });
    assert_eq!(by_key, [Kind::OrderedTwice]);
}

#[test]
fn more_money_than_an_order_costs_is_charged_twice() {
    assert_eq!(found(|_, seen| seen.charges.push(charge("pi_2"))), [Kind::ChargedTwice]);
    assert_eq!(found(|_, seen| seen.charges[0].authorized += 1), [Kind::ChargedTwice]);
    let kept = found(|_, seen| (seen.orders[0].status, seen.orders[0].due) = ("cancelled".to_owned(), 0));
    assert_eq!(kept, [Kind::ChargedTwice], "money is kept of a cancelled order");
    let nobodys = found(|_, seen| {
        let mut charge = charge("pi_2");
        charge.metadata.clear();
        seen.charges.push(charge);
    });
    assert_eq!(nobodys, [Kind::ChargedTwice]);
}

#[test]
fn more_money_back_than_the_shop_gave_is_refunded_twice() {
    let twice = found(|history, seen| {
        history.push(acknowledged(Operation::Refund, "refund", 100));
        (seen.orders[0].refunded, seen.charges[0].captured, seen.charges[0].refunded) = (100, TOTAL, 200);
    });
    assert_eq!(twice, [Kind::RefundedTwice]);
    assert_eq!(found(|_, seen| seen.orders[0].refunded = 100), [Kind::Lost], "the gateway gave nothing");
}

#[test]
fn more_units_than_there_were_are_oversold() {
    assert_eq!(found(|_, seen| seen.orders[0].units[0].1 = 2), [Kind::Oversold]);
    let counted = found(|_, seen| {
        seen.orders[0].units[0].1 = 2;
        seen.stock[0].1 = 2;
    });
    assert_eq!(counted, []);
}

#[test]
fn what_neither_goes_on_nor_ends_is_stuck() {
    assert_eq!(found(|_, seen| seen.orders[0].status = "placed".to_owned()), [Kind::Stuck]);
    assert_eq!(found(|_, seen| seen.orders[0].is_asked_to_cancel = true), [Kind::Stuck]);
    let delivered = found(|history, _| history.push(acknowledged(Operation::Deliver, "shipment", 0)));
    assert_eq!(delivered, [Kind::Stuck], "nothing is left to do, and it is not completed");
    assert_eq!(found(|_, seen| seen.waiting.push("3 parked by payments".to_owned())), [Kind::Stuck]);
}
