//! What a step of its saga does to an order. Pure.
//!
//! A step answers with a [`Change`]: the order after it, the lines of history it writes and the events
//! it says. Whoever runs the step writes all three in one transaction.

use contracts::customers::StaffId;
use contracts::orders::{
    CancelReason, CancelRequestId, OrderCancelRequested, OrderCancelled, OrderCaptureDue, OrderCompleted,
    OrderConfirmed, OrderLinesCancelled, OrderPayable, OrderRefundDue, OrderStatus, UnitsDue,
};
use contracts::shipping::{CancelledPart, ShipmentCancelAccepted, ShipmentDispatched, ShipmentId};
use contracts::{Event, Id, Money};
use platform::config::Capture;
use uuid::Uuid;

use crate::cancellation::CancelState;
use crate::capture::{self, Asked};
use crate::order::{Hold, Order, OrderShipment, ShipmentState};
use crate::saga::{Happening, Step, transition};
use crate::sale::Line;

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
    /// The service it came from, or `buyer`, `staff` or `system`.
    pub source: &'static str,
    /// Who, where it was `staff`.
    pub staff: Option<StaffId>,
    /// After it.
    pub status: OrderStatus,
    /// For people, buyers too: an amount, a reason.
    pub detail: Option<String>,
}

/// Where the order's own decisions come from.
pub const SYSTEM: &str = "system";

/// An event of ours.
#[derive(Debug, Clone)]
pub enum Said {
    Payable(OrderPayable),
    Confirmed(OrderConfirmed),
    CaptureDue(OrderCaptureDue),
    RefundDue(OrderRefundDue),
    CancelRequested(OrderCancelRequested),
    LinesCancelled(OrderLinesCancelled),
    Cancelled(OrderCancelled),
    Completed(OrderCompleted),
}

/// The event overtook another: it has to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later(pub &'static str);

impl Order {
    /// What happened elsewhere, as far as it concerns this order.
    pub fn hear(&self, event: Happening<'_>, capture: Capture) -> Result<Change, Later> {
        let mut change = Change::of(self);
        change.after.book(event)?;
        let mut detail = event.detail();
        match transition(self.status, event) {
            Step::Later => return Err(Later("it overtook the event that it follows")),
            Step::Move(OrderStatus::Payable) => change.becomes_payable(),
            Step::Move(OrderStatus::Confirmed) if change.after.is_covered() => change.is_confirmed(capture),
            // One of several payments: the others are still to come.
            Step::Move(OrderStatus::Confirmed) => {}
            Step::Move(OrderStatus::Cancelled) => change.ends(CancelReason::OutOfStock),
            Step::Move(OrderStatus::Placed | OrderStatus::Completed) => unreachable!("no event moves an order there"),
            Step::Note => change.follows(event)?,
            Step::Compensate(who) => detail = Some(who.to_owned()),
        }
        change.enters_history(event.name(), event.source(), None, detail);
        change.completes_if_fulfilled();
        Ok(change)
    }
}

impl Change {
    pub(crate) fn of(order: &Order) -> Self {
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
            holds: order.held.clone().expect("stock.reserved made it payable and said where; a CHECK keeps it"),
            shipping_method: order.sale.shipping.as_ref().map(|shipping| shipping.method),
            lines: order.ordered_lines(),
            total: order.sale.total,
        }));
        let ships_nothing = order.lines.iter().all(|line| !line.requires_shipping);
        if ships_nothing || capture == Capture::Confirmation {
            self.capture_is_due(self.after.id.uuid(), self.after.due_minor, true);
        }
    }

    /// Whatever could not be had, was not paid or is not wanted: the order ends, and says so to all
    /// who hold something for it.
    pub(crate) fn ends(&mut self, reason: CancelReason) {
        let order = &mut self.after;
        let reopens_cart = order.is_unpaid();
        order.status = OrderStatus::Cancelled;
        order.cancel_reason = Some(reason);
        order.cancel_request = None;
        order.payment_token = None;
        order.due_minor = 0;
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
            Happening::ShipmentDelivered(event) => self.reaches(event.shipment, ShipmentState::Delivered)?,
            Happening::ShipmentLost(event) => self.reaches(event.shipment, ShipmentState::Lost)?,
            Happening::ShipmentCancelAccepted(event) => self.is_held_back(event),
            Happening::ShipmentCancelRefused(event) => {
                let request = self.after.cancel_request.as_mut().filter(|request| request.id == event.request);
                request.into_iter().for_each(|request| request.state = CancelState::Refused);
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
        order.shipments.push(OrderShipment { shipment: event.shipment, state: ShipmentState::Dispatched });
        let parcel: Vec<_> = event.lines.iter().map(|line| (line.line, line.quantity)).collect();
        for (id, units) in &parcel {
            order.lines.iter_mut().filter(|line| line.id == *id).for_each(|line| line.shipped += units);
        }
        if order.capture_closed {
            return;
        }
        let asked = Asked {
            due_minor: order.due_minor,
            so_far_minor: order.money.capture_due,
            shipping_minor: order.sale.shipping_minor(),
        };
        let amount = capture::for_parcel(&order.lines, &parcel, asked);
        let is_last = order.lines.iter().all(|line| line.to_ship() == 0);
        self.capture_is_due(event.shipment.uuid(), amount, is_last);
    }

    fn reaches(&mut self, shipment: ShipmentId, state: ShipmentState) -> Result<(), Later> {
        match self.after.shipments.iter_mut().find(|known| known.shipment == shipment) {
            Some(known) => known.state = known.state.max(state),
            // Of a cancelled order no shipment is kept.
            None if self.after.status == OrderStatus::Cancelled => {}
            None => return Err(Later("its shipment.dispatched has not come")),
        }
        Ok(())
    }

    /// Shipping keeps back what was asked; what doesn't ship, and was asked for with it, goes the same way.
    fn is_held_back(&mut self, event: &ShipmentCancelAccepted) {
        let order = &mut self.after;
        if order.status != OrderStatus::Confirmed {
            return;
        }
        let request = order.cancel_request.take_if(|request| request.id == event.request);
        let by = request.as_ref().map_or(CancelReason::Staff, |request| request.by);
        let unshipped = request.map(|request| order.parts_that_do_not_ship(&request.lines)).unwrap_or_default();
        self.cancels(event.request, event.parts.iter().cloned().chain(unshipped).collect(), by);
    }

    /// These units will not be sent: the order goes on without them, or ends where nothing is left of it.
    pub(crate) fn cancels(&mut self, request: CancelRequestId, parts: Vec<CancelledPart>, by: CancelReason) {
        let order = &mut self.after;
        let before = order.clone();
        for part in &parts {
            let line = order.lines.iter_mut().filter(|line| line.id == part.line);
            line.for_each(|line| line.cancelled += part.quantity);
        }
        if order.lines.iter().all(|line| line.cancelled == line.quantity) {
            return self.ends(by);
        }
        order.due_minor = order.kept_minor();
        let amount = Money::new(before.due_minor - order.due_minor, order.sale.currency());
        self.says.push(Said::LinesCancelled(OrderLinesCancelled { order: order.id, request, parts, amount }));
        self.settles_what_is_due(request, &before);
    }

    /// After less is due: what was asked beyond it goes back, and what no parcel will ask for any more is
    /// asked for now.
    fn settles_what_is_due(&mut self, request: CancelRequestId, before: &Order) {
        let order = &mut self.after;
        let beyond = order.money.capture_due - order.money.refund_due - order.due_minor;
        if beyond > 0 {
            order.money.refund_due += beyond;
            let amount = Money::new(beyond, order.sale.currency());
            let lines = cancelled_between(before, order);
            let shipping = before.shipping_due_minor() - order.shipping_due_minor();
            let shipping = (shipping > 0).then(|| Money::new(shipping, order.sale.currency()));
            let refund = OrderRefundDue { order: order.id, refund: request.uuid(), amount, lines, shipping };
            self.says.push(Said::RefundDue(refund));
        } else if !order.capture_closed && order.lines.iter().all(|line| line.to_ship() == 0) {
            self.capture_is_due(request.uuid(), self.after.due_minor - self.after.money.capture_due, true);
        }
    }

    fn capture_is_due(&mut self, capture: Uuid, amount_minor: i64, last: bool) {
        let order = &mut self.after;
        order.capture_closed |= last;
        // Nothing to take is worth saying only where authorised money waits to hear that it can go back.
        let frees_some = last && order.due_minor < order.sale.total.amount;
        if amount_minor > 0 || frees_some {
            order.money.capture_due += amount_minor;
            let amount = Money::new(amount_minor, order.sale.currency());
            self.says.push(Said::CaptureDue(OrderCaptureDue { order: order.id, capture, amount, last }));
        }
    }

    /// No single event completes an order: whatever is the last does.
    pub(crate) fn completes_if_fulfilled(&mut self) {
        if !self.after.is_fulfilled() {
            return;
        }
        self.after.status = OrderStatus::Completed;
        self.says.push(Said::Completed(OrderCompleted { order: self.after.id }));
        self.enters_history(OrderCompleted::NAME, SYSTEM, None, None);
    }

    pub(crate) fn enters_history(
        &mut self,
        event: &'static str,
        source: &'static str,
        staff: Option<StaffId>,
        detail: Option<String>,
    ) {
        self.after.version += 1;
        self.entries.push(Entry { event, source, staff, status: self.after.status, detail });
    }
}

/// The units that a step cancelled: of each line the last ones that were left.
fn cancelled_between(before: &Order, after: &Order) -> Vec<UnitsDue> {
    let currency = after.sale.currency();
    let units = |(before, after): (&Line, &Line)| UnitsDue {
        line: after.id,
        from: after.quantity - after.cancelled,
        quantity: after.cancelled - before.cancelled,
        of: after.quantity,
        total: Money::new(after.total_minor, currency),
    };
    before.lines.iter().zip(&after.lines).map(units).filter(|units| units.quantity > 0).collect()
}
