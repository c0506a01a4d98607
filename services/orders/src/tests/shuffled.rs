//! The same events in any order, some twice: the same end.

use ::store::{Envelope, Tx, inbox};
use contracts::orders::{OrderId, OrderStatus};
use platform::config::Capture;
use platform::{Ctx, Outcome, Problem};
use proptest::prelude::*;

use super::samples::{self, Heard};
use super::{Shop, runtime};
use crate::access::Asker;
use crate::cancellation::{CancelRequest, Canceller, Cancelling, UnwantedUnits, Wish};
use crate::order::{Hold, LastTry, Order, OrderShipment, PaymentOutcome, Sums};
use crate::states::{FulfilmentState, PaymentState};
use crate::{advance, store};

/// What must be the same, whatever came first.
#[derive(Debug, PartialEq)]
struct End {
    status: OrderStatus,
    money: Sums,
    last_try: Option<LastTry>,
    due: i64,
    units: Vec<(i64, i64, i64)>,
    cancel_request: Option<CancelRequest>,
    shipments: Vec<OrderShipment>,
    version: i64,
}

impl End {
    fn of(order: &Order) -> Self {
        let mut shipments = order.shipments.clone();
        shipments.sort_by_key(|known| known.shipment);
        Self {
            status: order.status,
            money: order.money,
            last_try: order.last_try,
            due: order.due_minor,
            units: order.lines.iter().map(|line| (line.shipped, line.cancelled, line.refunded)).collect(),
            cancel_request: order.cancel_request.clone(),
            shipments,
            version: order.version,
        }
    }
}

/// Hears them all; what says later comes again, after the rest.
fn hear_all(mut order: Order, events: &[Heard]) -> Order {
    let mut waiting: Vec<&Heard> = events.iter().collect();
    for _ in 0..=events.len() {
        for event in std::mem::take(&mut waiting) {
            match order.hear(event.happening(), Capture::Dispatch) {
                Ok(change) => {
                    assert_eq!(change.after.version, order.version + change.entries.len() as i64);
                    order = change.after;
                }
                Err(_) => waiting.push(event),
            }
        }
    }
    assert!(waiting.is_empty(), "never applied to an order that is {:?}: {waiting:?}", order.status);
    order
}

fn shuffled(events: Vec<Heard>) -> impl Strategy<Value = Vec<Heard>> {
    Just(events).prop_shuffle()
}

#[test]
fn a_purchase_ends_completed() {
    let order = hear_all(samples::order(), &samples::purchase(samples::order().id));
    assert_eq!(order.status, OrderStatus::Completed);
    assert_eq!((order.payment_state(), order.fulfilment_state()), (PaymentState::Captured, FulfilmentState::Delivered));
    assert_eq!(order.money, Sums { authorized: 3_499, capture_due: 3_499, captured: 3_499, ..Sums::default() });
    assert_eq!(order.last_try.map(|last| last.outcome), Some(PaymentOutcome::Authorized));
    assert!(order.payment_token.is_none());
}

proptest! {
    #[test]
    fn a_purchase_ends_the_same_in_any_order(events in shuffled(samples::purchase(samples::order().id))) {
        let expected = hear_all(samples::order(), &samples::purchase(samples::order().id));
        prop_assert_eq!(End::of(&hear_all(samples::order(), &events)), End::of(&expected));
    }

    #[test]
    fn a_cancelled_order_stays_cancelled_whatever_comes(
        before in shuffled(samples::purchase(samples::order().id)),
        so_far in 0_usize..6,
    ) {
        let (first, rest) = before.split_at(so_far);
        let mut order = samples::order();
        let mut waiting = Vec::new();
        for event in first {
            match order.hear(event.happening(), Capture::Dispatch) {
                Ok(change) => order = change.after,
                Err(_) => waiting.push(event.clone()),
            }
        }
        if let Ok(Cancelling::Done(change)) = order.cancel(wish(None), samples::id(7)) {
            waiting.extend_from_slice(rest);
            let end = hear_all(change.after, &waiting);
            prop_assert_eq!(end.status, OrderStatus::Cancelled);
            prop_assert_eq!(end.holds.stock, Hold::Released);
            prop_assert!(end.payment_token.is_none() && end.shipments.is_empty());
        } else {
            prop_assert!(!order.is_unpaid());
        }
    }
}

fn wish(lines: Option<Vec<UnwantedUnits>>) -> Wish {
    Wish { by: Canceller::Buyer, lines, why: None }
}

/// Confirmed, and one of the two teapots is not wanted any more.
fn asked() -> Order {
    let order = samples::order();
    let order = hear_all(order.clone(), &[samples::reserved(order.id), samples::authorized(order.id, 1)]);
    let one = UnwantedUnits { line: samples::id(1), quantity: contracts::Quantity::ONE };
    match order.cancel(wish(Some(vec![one])), samples::id(7)) {
        Ok(Cancelling::Asked(change)) => change.after,
        _ => panic!("shipping has to be asked"),
    }
}

/// Shipping keeps the teapot back and sends the rest in two parcels; a cup goes lost and its money back.
fn granted(order: OrderId) -> Vec<Heard> {
    vec![
        samples::created(order, 1),
        samples::held_back(order, samples::id(7), &[(1, 1)]),
        samples::dispatched(order, 1, &[(1, 1)]),
        samples::dispatched(order, 2, &[(2, 1)]),
        samples::captured(order, 2_499),
        samples::voided(order, 1_000),
        samples::delivered(order, 1),
        samples::lost(order, 2),
        samples::refunded_units(order, 999, &[(2, 1)]),
    ]
}

/// It had left before.
fn refused(order: OrderId) -> Vec<Heard> {
    vec![
        samples::not_held_back(order, samples::id(7)),
        samples::dispatched(order, 1, &[(1, 2), (2, 1)]),
        samples::captured(order, 3_499),
        samples::delivered(order, 1),
    ]
}

#[test]
fn less_one_teapot_the_order_completes() {
    let order = hear_all(asked(), &granted(samples::order().id));
    assert_eq!((order.status, order.due_minor, order.money.refunded), (OrderStatus::Completed, 2_499, 999));
    assert_eq!((order.money.capture_due, order.cancel_request), (2_499, None));
}

proptest! {
    #[test]
    fn what_is_held_back_ends_the_same_in_any_order(events in shuffled(granted(samples::order().id))) {
        let expected = hear_all(asked(), &granted(samples::order().id));
        prop_assert_eq!(End::of(&hear_all(asked(), &events)), End::of(&expected));
    }

    #[test]
    fn what_is_not_held_back_ends_the_same_in_any_order(events in shuffled(refused(samples::order().id))) {
        let expected = hear_all(asked(), &refused(samples::order().id));
        prop_assert_eq!(End::of(&hear_all(asked(), &events)), End::of(&expected));
    }
}

/// As the bus does: noted in the inbox with its effect, or neither.
async fn deliver(ctx: &Ctx, tx: &mut Tx, envelope: &Envelope, event: &Heard) -> Result<(), Problem> {
    if inbox::claim(tx, std::slice::from_ref(envelope)).await?.is_empty() {
        return Ok(());
    }
    match advance::advance(ctx, tx, event.happening()).await? {
        Outcome::Done => Ok(()),
        Outcome::Later(why) => Err(Problem::unavailable(why)),
    }
}

async fn deliver_all(shop: &Shop, order: OrderId, deliveries: Vec<(usize, Heard)>) {
    let mut waiting = deliveries;
    for _ in 0..16 {
        for (number, event) in std::mem::take(&mut waiting) {
            let envelope = Envelope {
                id: uuid::Uuid::from_u128(1_000 + number as u128),
                service: event.happening().source().to_owned(),
                name: event.happening().name().to_owned(),
                subject: contracts::Id::uuid(order),
                version: None,
                data: "{}".to_owned(),
                traceparent: None,
                said_at: shop.ctx.clock.now(),
            };
            let input = (shop.ctx.clone(), envelope, event.clone());
            let written = shop
                .ctx
                .db
                .write(input, |tx, (ctx, envelope, event)| Box::pin(deliver(ctx, tx, envelope, event)))
                .await;
            if let Err(problem) = written {
                assert!(problem.is_unavailable(), "{problem:?}");
                waiting.push((number, event));
            }
        }
    }
    assert!(waiting.is_empty(), "never applied: {waiting:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_purchase_ends_the_same_on_the_database_however_it_is_delivered(order_of in Just((0..24_usize).collect::<Vec<_>>()).prop_shuffle()) {
        runtime().block_on(async {
            let shop = Shop::open().await;
            let id = shop.place("key", samples::basket().cart).await;
            // Each event twice.
            let events = samples::purchase(id);
            let deliveries = order_of.iter().map(|at| (at % events.len(), events[at % events.len()].clone())).collect();
            deliver_all(&shop, id, deliveries).await;
            let found = shop.ctx.db.read(id, |tx, id| Box::pin(store::find(tx, *id, Asker::Shop.owner(*id)))).await;
            let order = found.expect("a read").expect("the order");
            let expected = hear_all(samples::order(), &samples::purchase(samples::order().id));
            assert_eq!(End::of(&order), End::of(&expected));
            let facts = shop.facts().await.remove(0);
            assert!(facts.history_whole);
            assert_eq!(facts.history, [OrderStatus::Placed, OrderStatus::Payable, OrderStatus::Confirmed, OrderStatus::Completed]);
            assert_eq!((facts.captured, facts.amounts_total, facts.parts_total, facts.shipped), (3_499, 3_499, 3_499, 3));
            for (name, times) in [("order.payable", 1), ("order.confirmed", 1), ("order.capture_due", 2), ("order.completed", 1)] {
                assert_eq!(shop.said(name).await.len(), times, "{name}");
            }
        });
    }
}
