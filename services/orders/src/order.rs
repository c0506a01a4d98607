//! An order: what was sold, and how far its money and its goods have come. Pure: no database, no clock,
//! no network. What a step does to it is in `change.rs`; cancelling is in `cancellation.rs`.

use contracts::inventory::StockHold;
use contracts::orders::{CancelReason, OrderId, OrderPlaced, OrderStatus, OrderedLine};
use contracts::payments::AttemptId;
use contracts::shipping::ShipmentId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cancellation::CancelRequest;
use crate::change::Later;
use crate::saga::Happening;
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
    pub held: Option<Vec<StockHold>>,
    /// The gateway's name for the buyer's card, until the first try has an outcome.
    pub payment_token: Option<String>,
    pub last_try: Option<LastTry>,
    /// The total less what was cancelled; nothing of an order that is cancelled.
    pub due_minor: i64,
    pub money: Sums,
    /// The last capture was asked: none follows.
    pub capture_closed: bool,
    pub shipments: Vec<OrderShipment>,
    /// The newest wish to cancel a confirmed order or lines of it, until it is granted.
    pub cancel_request: Option<CancelRequest>,
    pub cancel_reason: Option<CancelReason>,
    /// The ways to pay by which money came, by name.
    pub paid_by: Vec<String>,
    /// Its timer ends it then, if it is not paid.
    pub unpaid_until: Timestamp,
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

/// What `payments` said, summed over all payments of the order, and what was asked of it; in minor units.
/// Sums don't mind the order they are made in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub authorized: i64,
    /// What this order asked to be captured.
    pub capture_due: i64,
    /// What it asked to go back, because units were cancelled after their capture.
    pub refund_due: i64,
    pub captured: i64,
    pub voided: i64,
    pub refunded: i64,
}

impl Sums {
    /// Authorised and not voided.
    pub fn held(&self) -> i64 {
        self.authorized - self.voided
    }
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

/// A shipment that left the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderShipment {
    pub shipment: ShipmentId,
    pub state: ShipmentState,
}

/// In this order: what was called lost and arrives after all has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShipmentState {
    Dispatched,
    Lost,
    Delivered,
}

impl Order {
    /// A new order; its number is drawn when it is written.
    pub fn place(
        id: OrderId,
        sale: Sale,
        lines: Vec<Line>,
        payment_token: Option<String>,
        unpaid_until: Timestamp,
    ) -> Self {
        Self {
            id,
            number: String::new(),
            status: OrderStatus::Placed,
            holds: Holds { stock: Hold::Pending },
            held: None,
            payment_token,
            last_try: None,
            due_minor: sale.total.amount,
            money: Sums::default(),
            capture_closed: false,
            shipments: Vec::new(),
            cancel_request: None,
            cancel_reason: None,
            paid_by: Vec::new(),
            unpaid_until,
            version: 1,
            updated_at: sale.placed_at,
            sale,
            lines,
        }
    }

    /// Placed and not paid: its timer runs, and its cart can be had back.
    pub fn is_unpaid(&self) -> bool {
        is_unpaid(self.status)
    }

    /// The shipping charge, unless all that would ship was cancelled.
    pub(crate) fn shipping_due_minor(&self) -> i64 {
        let ships = || self.lines.iter().filter(|line| line.requires_shipping);
        let is_called_off = ships().next().is_some() && ships().all(|line| line.cancelled == line.quantity);
        if is_called_off { 0 } else { self.sale.shipping_minor() }
    }

    /// The total less what was cancelled, while something is left of it.
    pub(crate) fn kept_minor(&self) -> i64 {
        let cancelled: i64 = self.lines.iter().map(Line::cancelled_minor).sum();
        self.sale.total.amount - cancelled - (self.sale.shipping_minor() - self.shipping_due_minor())
    }

    /// Payments hold all that is to pay.
    pub(crate) fn is_covered(&self) -> bool {
        self.money.held() >= self.sale.total.amount
    }

    /// Nothing of it is on its way, or has yet to leave.
    pub(crate) fn has_arrived(&self) -> bool {
        self.lines.iter().all(|line| line.to_ship() == 0)
            && self.shipments.iter().all(|shipment| shipment.state != ShipmentState::Dispatched)
    }

    /// Confirmed, and shipped, captured and arrived (or lost) to the last unit and cent.
    pub(crate) fn is_fulfilled(&self) -> bool {
        self.status == OrderStatus::Confirmed && self.money.captured >= self.due_minor && self.has_arrived()
    }

    /// Holds and amounts follow their owners' word, whatever the status.
    pub(crate) fn book(&mut self, event: Happening<'_>) -> Result<(), Later> {
        match event {
            Happening::StockReserved(event) => {
                self.held = Some(event.holds.clone());
                self.holds.answered(Hold::Held);
            }
            Happening::StockRejected(_) => self.holds.answered(Hold::Rejected),
            Happening::PaymentAuthorized(event) => {
                self.money.authorized += event.amount.amount;
                self.tried(event.attempt, PaymentOutcome::Authorized);
                if let Err(place) = self.paid_by.binary_search(&event.method) {
                    self.paid_by.insert(place, event.method.clone());
                }
            }
            Happening::PaymentDeclined(event) => self.tried(event.attempt, PaymentOutcome::Declined),
            Happening::PaymentActionRequired(event) => self.tried(event.attempt, PaymentOutcome::ActionRequired),
            Happening::PaymentCaptured(event) => self.money.captured += event.amount.amount,
            Happening::PaymentVoided(event) => self.money.voided += event.amount.amount,
            Happening::PaymentRefunded(event) => {
                self.money.refunded += event.amount.amount;
                for units in &event.lines {
                    let line = self.lines.iter_mut().filter(|line| line.id == units.line);
                    line.for_each(|line| line.refunded += units.quantity);
                }
                if self.money.refunded > self.money.captured {
                    return Err(Later("its payment.captured has not come"));
                }
            }
            Happening::PaymentFailed(_)
            | Happening::ShipmentCreated(_)
            | Happening::ShipmentDispatched(_)
            | Happening::ShipmentDelivered(_)
            | Happening::ShipmentLost(_)
            | Happening::ShipmentCancelAccepted(_)
            | Happening::ShipmentCancelRefused(_) => {}
        }
        Ok(())
    }

    /// The token served its one try; the outcome counts unless a newer one is known.
    fn tried(&mut self, attempt: AttemptId, outcome: PaymentOutcome) {
        if outcome != PaymentOutcome::ActionRequired {
            self.payment_token = None;
        }
        self.last_try = self.last_try.max(Some(LastTry { attempt, outcome }));
    }

    pub(crate) fn ordered_lines(&self) -> Vec<OrderedLine> {
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

fn is_unpaid(status: OrderStatus) -> bool {
    matches!(status, OrderStatus::Placed | OrderStatus::Payable)
}

/// Nothing more happens until the buyer or the shop does something; `is_tried`: to pay.
pub fn is_settled(status: OrderStatus, is_tried: bool) -> bool {
    is_tried || !is_unpaid(status)
}

impl Holds {
    /// The answer counts while it is waited for; one that comes after the end is released by its owner.
    fn answered(&mut self, stock: Hold) {
        if self.stock == Hold::Pending {
            self.stock = stock;
        }
    }
}
