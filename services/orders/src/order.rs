//! An order, and what each step of its saga does to it. Pure: no database, no clock, no network.
//!
//! A step answers with a [`Change`]: the order after it, the lines of history it writes and the events
//! it says. Whoever runs the step writes all three in one transaction.

use contracts::Money;
use contracts::inventory::LocationId;
use contracts::orders::{
    CancelReason, OrderCancelled, OrderCaptureDue, OrderCompleted, OrderConfirmed, OrderId, OrderPayable, OrderPlaced,
    OrderStatus, OrderedLine,
};
use contracts::payments::AttemptId;
use contracts::shipping::{ShipmentDispatched, ShipmentId};
use contracts::{Event, Id};
use jiff::Timestamp;
use platform::config::Capture;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::capture;
use crate::saga::{Happening, Step, transition};
use crate::sale::{Line, Sale};

#[derive(Clone)]
pub struct Order {
    pub id: OrderId,
    /// For people: `S-7K3M9Q`.
    pub number: String,
    pub sale: Sale,
    pub lines: Vec<Line>,
    pub status: OrderStatus,
    pub holds: Holds,
    /// Where the goods are held; known from `payable` on.
    pub location: Option<LocationId>,
    /// The gateway's name for the buyer's card, until the first try has an outcome.
    pub payment_token: Option<String>,
    pub last_try: Option<LastTry>,
    pub money: Sums,
    pub shipments: Vec<OrderShipment>,
    pub cancel_reason: Option<CancelReason>,
    /// The number of entries in its history.
    pub version: i64,
    pub updated_at: Timestamp,
}

/// What must be held before the buyer may pay. One kind today; a promotion's limit would be another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holds {
    pub stock: Hold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    Pending,
    Held,
    Rejected,
    /// The order ended: it needs the hold no more.
    Released,
}

/// What `payments` said, summed, in minor units. Sums don't mind the order they are made in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub authorized: i64,
    /// What this order asked to be captured.
    pub capture_due: i64,
    pub captured: i64,
    pub voided: i64,
    pub refunded: i64,
}

/// How the newest try to pay went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LastTry {
    /// Later tries have higher ids.
    pub attempt: AttemptId,
    pub outcome: PaymentOutcome,
}

/// In the order one try meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentOutcome {
    ActionRequired,
    Declined,
    Authorized,
}

/// A parcel that left the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderShipment {
    pub shipment: ShipmentId,
    pub delivered: bool,
}

/// A step of an order: all of it is written, or none.
pub struct Change {
    pub after: Order,
    pub entries: Vec<Entry>,
    pub says: Vec<Said>,
}

/// A line of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The event that caused it.
    pub event: &'static str,
    /// The service it came from, or `buyer` or `staff`.
    pub source: &'static str,
    /// After it.
    pub status: OrderStatus,
    pub note: Option<String>,
}

/// An event of ours.
#[derive(Debug, Clone)]
pub enum Said {
    Payable(OrderPayable),
    Confirmed(OrderConfirmed),
    CaptureDue(OrderCaptureDue),
    Cancelled(OrderCancelled),
    Completed(OrderCompleted),
}

/// The event overtook another: it has to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later(pub &'static str);

/// Who cancels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canceller {
    pub reason: CancelReason,
    /// `buyer`, `staff` or `orders`.
    pub source: &'static str,
    pub note: Option<String>,
}

/// It was shipped or has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotCancellable(pub OrderStatus);

impl Order {
    /// A new order; its number is drawn when it is written.
    pub fn place(id: OrderId, sale: Sale, lines: Vec<Line>, payment_token: Option<String>) -> Self {
        Self {
            id,
            number: String::new(),
            status: OrderStatus::Placed,
            holds: Holds { stock: Hold::Pending },
            location: None,
            payment_token,
            last_try: None,
            money: Sums::default(),
            shipments: Vec::new(),
            cancel_reason: None,
            version: 1,
            updated_at: sale.placed_at,
            sale,
            lines,
        }
    }

    /// What happened elsewhere, as far as it concerns this order.
    pub fn hear(&self, event: Happening<'_>, capture: Capture) -> Result<Change, Later> {
        let step = transition(self.status, event);
        let mut change = Change::of(self);
        change.after.book(event);
        let mut note = event.note();
        match step {
            Step::Later => return Err(Later("it overtook the event that it follows")),
            Step::Move(OrderStatus::Payable) => change.becomes_payable(),
            Step::Move(OrderStatus::Confirmed) => change.is_confirmed(capture),
            Step::Move(OrderStatus::Cancelled) => change.ends(CancelReason::OutOfStock),
            Step::Move(OrderStatus::Placed | OrderStatus::Completed) => unreachable!("no event moves an order there"),
            Step::Note => change.follows(event)?,
            Step::Compensate(who) => note = Some(who.to_owned()),
        }
        change.enters_history(event.name(), event.source(), note);
        if change.after.is_fulfilled() {
            change.is_completed();
        }
        Ok(change)
    }

    /// Ends the order before anything of it has left the house.
    pub fn cancel(&self, by: Canceller) -> Result<Change, NotCancellable> {
        let in_time = match self.status {
            OrderStatus::Placed | OrderStatus::Payable => true,
            OrderStatus::Confirmed => self.shipments.is_empty(),
            OrderStatus::Completed | OrderStatus::Cancelled => false,
        };
        if !in_time {
            return Err(NotCancellable(self.status));
        }
        let mut change = Change::of(self);
        change.ends(by.reason);
        change.enters_history(OrderCancelled::NAME, by.source, by.note);
        Ok(change)
    }

    /// Placed and not paid: its timer runs, and its cart can be had back.
    pub fn is_unpaid(&self) -> bool {
        matches!(self.status, OrderStatus::Placed | OrderStatus::Payable)
    }

    /// Nothing more happens until the buyer or the shop does something.
    pub fn is_settled(&self) -> bool {
        let outcome = self.last_try.map(|last| last.outcome);
        !self.is_unpaid() || matches!(outcome, Some(PaymentOutcome::Declined | PaymentOutcome::ActionRequired))
    }

    pub fn all_arrived(&self) -> bool {
        self.shipments.iter().all(|shipment| shipment.delivered)
    }

    /// Confirmed, and shipped, captured and delivered to the last unit and cent.
    fn is_fulfilled(&self) -> bool {
        self.status == OrderStatus::Confirmed
            && self.money.captured == self.sale.total.amount
            && self.lines.iter().all(|line| line.to_ship() == 0)
            && self.all_arrived()
    }

    /// Holds and amounts follow their owners' word, whatever the status.
    fn book(&mut self, event: Happening<'_>) {
        match event {
            Happening::StockReserved(event) => {
                self.location = Some(event.location);
                self.holds.answered(Hold::Held);
            }
            Happening::StockRejected(_) => self.holds.answered(Hold::Rejected),
            Happening::PaymentAuthorized(event) => {
                self.money.authorized += event.amount.amount;
                self.tried(event.attempt, PaymentOutcome::Authorized);
            }
            Happening::PaymentDeclined(event) => self.tried(event.attempt, PaymentOutcome::Declined),
            Happening::PaymentActionRequired(event) => self.tried(event.attempt, PaymentOutcome::ActionRequired),
            Happening::PaymentCaptured(event) => self.money.captured += event.amount.amount,
            Happening::PaymentVoided(event) => self.money.voided += event.amount.amount,
            Happening::PaymentRefunded(event) => self.money.refunded += event.amount.amount,
            Happening::PaymentFailed(_)
            | Happening::ShipmentCreated(_)
            | Happening::ShipmentDispatched(_)
            | Happening::ShipmentDelivered(_) => {}
        }
    }

    /// The token served its one try; the outcome counts unless a newer one is known.
    fn tried(&mut self, attempt: AttemptId, outcome: PaymentOutcome) {
        if outcome != PaymentOutcome::ActionRequired {
            self.payment_token = None;
        }
        self.last_try = self.last_try.max(Some(LastTry { attempt, outcome }));
    }

    fn ordered_lines(&self) -> Vec<OrderedLine> {
        let line = |line: &Line| OrderedLine {
            line: line.id,
            variant: line.variant,
            quantity: line.quantity,
            requires_shipping: line.requires_shipping,
        };
        self.lines.iter().map(line).collect()
    }

    pub fn placed(&self) -> OrderPlaced {
        OrderPlaced {
            order: self.id,
            cart: self.sale.cart,
            cart_version: self.sale.cart_version,
            market: self.sale.market.clone(),
            lines: self.ordered_lines(),
            placed_at: self.sale.placed_at,
        }
    }
}

impl Holds {
    /// The answer counts while it is waited for; one that comes after the end is released by its owner.
    fn answered(&mut self, stock: Hold) {
        if self.stock == Hold::Pending {
            self.stock = stock;
        }
    }
}

impl Change {
    fn of(order: &Order) -> Self {
        Self { after: order.clone(), entries: Vec::new(), says: Vec::new() }
    }

    fn becomes_payable(&mut self) {
        let order = &mut self.after;
        order.status = OrderStatus::Payable;
        let (method, total) = (order.sale.payment_method.clone(), order.sale.total);
        self.says.push(Said::Payable(OrderPayable { order: order.id, method, total }));
    }

    fn is_confirmed(&mut self, capture: Capture) {
        let order = &mut self.after;
        order.status = OrderStatus::Confirmed;
        self.says.push(Said::Confirmed(OrderConfirmed {
            order: order.id,
            market: order.sale.market.clone(),
            location: order.location.expect("stock.reserved made it payable and said where; a CHECK keeps it"),
            shipping_method: order.sale.shipping.as_ref().map(|shipping| shipping.method),
            lines: order.ordered_lines(),
            total: order.sale.total,
        }));
        let ships_nothing = order.lines.iter().all(|line| !line.requires_shipping);
        if ships_nothing || capture == Capture::Confirmation {
            self.capture_is_due(self.after.id.uuid(), self.after.sale.total.amount);
        }
    }

    /// Whatever could not be had, was not paid or is not wanted: the order ends, and says so to all
    /// who hold something for it.
    fn ends(&mut self, reason: CancelReason) {
        let order = &mut self.after;
        let reopens_cart = order.is_unpaid();
        order.status = OrderStatus::Cancelled;
        order.cancel_reason = Some(reason);
        order.payment_token = None;
        if order.holds.stock != Hold::Rejected {
            order.holds.stock = Hold::Released;
        }
        for line in &mut order.lines {
            line.cancelled = line.quantity - line.shipped;
        }
        let (order, cart, cart_version) = (order.id, order.sale.cart, order.sale.cart_version);
        self.says.push(Said::Cancelled(OrderCancelled { order, cart, cart_version, reason, reopens_cart }));
    }

    /// What an event that moves nothing changes beside the amounts.
    fn follows(&mut self, event: Happening<'_>) -> Result<(), Later> {
        match event {
            Happening::ShipmentDispatched(event) => self.left_the_house(event),
            Happening::ShipmentDelivered(event) => {
                let known = self.after.shipments.iter_mut().find(|known| known.shipment == event.shipment);
                match known {
                    Some(shipment) => shipment.delivered = true,
                    // Of a cancelled order no shipment is kept.
                    None if self.after.status == OrderStatus::Cancelled => {}
                    None => return Err(Later("its shipment.dispatched has not come")),
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The units of a shipment count as shipped, once, and their money is due.
    fn left_the_house(&mut self, event: &ShipmentDispatched) {
        let order = &mut self.after;
        if order.shipments.iter().any(|known| known.shipment == event.shipment) {
            return;
        }
        order.shipments.push(OrderShipment { shipment: event.shipment, delivered: false });
        let parcel: Vec<_> = event.lines.iter().map(|line| (line.line, line.quantity)).collect();
        for (id, units) in &parcel {
            order.lines.iter_mut().filter(|line| line.id == *id).for_each(|line| line.shipped += units);
        }
        let left_minor = order.sale.total.amount - order.money.capture_due;
        let due = capture::for_parcel(&order.lines, &parcel, order.sale.shipping_minor(), left_minor);
        self.capture_is_due(event.shipment.uuid(), due);
    }

    fn capture_is_due(&mut self, capture: uuid::Uuid, amount_minor: i64) {
        if amount_minor > 0 {
            self.after.money.capture_due += amount_minor;
            let amount = Money::new(amount_minor, self.after.sale.currency());
            self.says.push(Said::CaptureDue(OrderCaptureDue { order: self.after.id, capture, amount }));
        }
    }

    fn is_completed(&mut self) {
        self.after.status = OrderStatus::Completed;
        self.says.push(Said::Completed(OrderCompleted { order: self.after.id }));
        self.enters_history(OrderCompleted::NAME, OrderCompleted::SAID_BY, None);
    }

    fn enters_history(&mut self, event: &'static str, source: &'static str, note: Option<String>) {
        self.after.version += 1;
        self.entries.push(Entry { event, source, status: self.after.status, note });
    }
}

#[cfg(test)]
mod tests {
    use contracts::payments::PaymentAuthorized;

    use super::*;
    use crate::tests::samples::{self, Heard};

    /// Heard in order, with what was said.
    fn after(mut order: Order, events: &[Heard], capture: Capture) -> (Order, Vec<Said>) {
        let mut said = Vec::new();
        for event in events {
            let change = order.hear(event.happening(), capture).expect("nothing is late here");
            said.extend(change.says);
            order = change.after;
        }
        (order, said)
    }

    fn captures(said: &[Said]) -> Vec<i64> {
        let amount = |said: &Said| if let Said::CaptureDue(due) = said { Some(due.amount.amount) } else { None };
        said.iter().filter_map(amount).collect()
    }

    #[test]
    fn captured_at_confirmation_nothing_is_due_at_dispatch() {
        let order = samples::order();
        let events = [
            samples::reserved(order.id),
            samples::authorized(order.id, 1),
            samples::captured(order.id, 3_499),
            samples::dispatched(order.id, 1, &[(1, 2), (2, 1)]),
            samples::delivered(order.id, 1),
        ];
        let (order, said) = after(order, &events, Capture::Confirmation);
        assert_eq!(captures(&said), [3_499]);
        assert_eq!(order.status, OrderStatus::Completed);
    }

    #[test]
    fn where_nothing_ships_the_whole_is_due_at_confirmation_and_completes_it() {
        let mut order = samples::order();
        order.lines.iter_mut().for_each(|line| line.requires_shipping = false);
        let events =
            [samples::reserved(order.id), samples::authorized(order.id, 1), samples::captured(order.id, 3_499)];
        let (order, said) = after(order, &events, Capture::Dispatch);
        assert_eq!(captures(&said), [3_499]);
        assert_eq!(order.status, OrderStatus::Completed);
    }

    #[test]
    fn an_order_that_costs_nothing_captures_nothing() {
        let mut order = samples::order();
        order.sale.total.amount = 0;
        order.sale.shipping = None;
        order.lines.iter_mut().for_each(|line| line.total_minor = 0);
        let authorized = PaymentAuthorized {
            order: order.id,
            payment: samples::id(1),
            attempt: samples::id(1),
            amount: order.sale.total,
        };
        let events = [
            samples::reserved(order.id),
            Heard::Authorized(authorized),
            samples::dispatched(order.id, 1, &[(1, 2), (2, 1)]),
            samples::delivered(order.id, 1),
        ];
        let (order, said) = after(order, &events, Capture::Dispatch);
        assert!(captures(&said).is_empty());
        assert_eq!(order.status, OrderStatus::Completed);
    }

    #[test]
    fn a_shipment_that_is_dispatched_twice_counts_once() {
        let order = samples::order();
        let dispatched = samples::dispatched(order.id, 1, &[(1, 1)]);
        let events = [samples::reserved(order.id), samples::authorized(order.id, 1), dispatched.clone(), dispatched];
        let (order, said) = after(order, &events, Capture::Dispatch);
        assert_eq!((order.lines[0].shipped, captures(&said)), (1, vec![1_166]));
    }

    #[test]
    fn a_declined_try_takes_the_token_and_a_newer_try_is_the_one_that_counts() {
        let order = samples::order();
        let events =
            [samples::reserved(order.id), samples::action_required(order.id, 2), samples::declined(order.id, 1)];
        let (order, _) = after(order, &events, Capture::Dispatch);
        assert_eq!(order.last_try.map(|last| last.outcome), Some(PaymentOutcome::ActionRequired));
        assert!(order.payment_token.is_none() && order.status == OrderStatus::Payable);
    }
}
