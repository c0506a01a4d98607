//! Cancelling an order, whole or by line. Pure.
//!
//! Until it is confirmed the order decides by itself. From then on shipping has the goods, and decides what
//! can still be held back: the order asks, and hears whether it was granted.

use contracts::carts::LineId;
use contracts::customers::StaffId;
use contracts::orders::{
    CancelReason, CancelRequestId, LineUnits, OrderCancelRequested, OrderCancelled, OrderLinesCancelled, OrderStatus,
};
use contracts::shipping::CancelledPart;
use contracts::{Event, Quantity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::change::{Change, SYSTEM, Said};
use crate::order::Order;
use crate::sale::Line;

/// So many units of a line that are not wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnwantedUnits {
    pub line: LineId,
    pub quantity: Quantity,
}

/// A wish to cancel a confirmed order, or lines of it, that shipping was asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CancelRequest {
    pub id: CancelRequestId,
    pub lines: Vec<UnwantedUnits>,
    /// `buyer` or `staff`.
    pub by: CancelReason,
    pub state: CancelState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelState {
    /// Being decided.
    Requested,
    /// A part of it had left the house; nothing was cancelled.
    Refused,
}

/// Who cancels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canceller {
    Buyer,
    Staff(StaffId),
    /// Nobody paid in time.
    Timer,
}

impl Canceller {
    fn reason(self) -> CancelReason {
        match self {
            Self::Buyer => CancelReason::Buyer,
            Self::Staff(_) => CancelReason::Staff,
            Self::Timer => CancelReason::Unpaid,
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Staff(_) => "staff",
            Self::Timer => SYSTEM,
        }
    }

    fn staff(self) -> Option<StaffId> {
        match self {
            Self::Staff(staff) => Some(staff),
            Self::Buyer | Self::Timer => None,
        }
    }
}

/// What somebody wants cancelled, and why.
#[derive(Debug, Clone)]
pub struct Wish {
    pub by: Canceller,
    /// `None`: all that is left.
    pub lines: Option<Vec<UnwantedUnits>>,
    /// For the history; the buyer sees it too.
    pub why: Option<String>,
}

/// What became of the wish.
pub enum Cancelling {
    /// Cancelled here and now.
    Done(Change),
    /// Shipping was asked.
    Asked(Change),
    /// It was cancelled before.
    Already,
    /// The same was asked before, and is being decided.
    Pending,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotCancellable {
    /// It has ended, or nothing of it is left to cancel.
    TooLate(OrderStatus),
    /// Not paid for yet: only the whole order can be cancelled.
    WholeOnly,
    /// The wish's line at this place is none of the order's.
    UnknownLine(usize),
    /// Fewer units are left than were named; what is left of each line.
    TooMany(Vec<(LineId, i64)>),
    /// Another wish is being decided.
    AnotherPending,
}

impl Order {
    /// Cancels what is wished, or asks shipping to hold it back. `request` names the wish if it is new.
    pub fn cancel(&self, wish: Wish, request: CancelRequestId) -> Result<Cancelling, NotCancellable> {
        match self.status {
            OrderStatus::Cancelled => return Ok(Cancelling::Already),
            OrderStatus::Completed => return Err(NotCancellable::TooLate(self.status)),
            OrderStatus::Placed | OrderStatus::Payable | OrderStatus::Confirmed => {}
        }
        let lines = self.wanted(wish.lines.as_deref())?;
        if self.status != OrderStatus::Confirmed {
            let is_whole = lines == self.wanted(None)?;
            return if is_whole { Ok(self.ended_by(wish)) } else { Err(NotCancellable::WholeOnly) };
        }
        match self.cancel_request.as_ref().filter(|known| known.state == CancelState::Requested) {
            Some(known) if known.lines == lines => Ok(Cancelling::Pending),
            Some(_) => Err(NotCancellable::AnotherPending),
            None if self.ships_any(&lines) => Ok(self.asks_shipping(wish, request, lines)),
            None => Ok(self.cancels_at_once(wish, request, &lines)),
        }
    }

    /// The units that are not wanted, a line once, in the order of the lines.
    fn wanted(&self, lines: Option<&[UnwantedUnits]>) -> Result<Vec<UnwantedUnits>, NotCancellable> {
        if let Some(at) =
            lines.into_iter().flatten().position(|wish| self.lines.iter().all(|line| line.id != wish.line))
        {
            return Err(NotCancellable::UnknownLine(at));
        }
        let named = |line: &Line| match lines {
            Some(lines) => lines.iter().filter(|wish| wish.line == line.id).map(|wish| wish.quantity.get()).sum(),
            None => line.left(),
        };
        if self.lines.iter().any(|line| named(line) > line.left()) {
            return Err(NotCancellable::TooMany(self.lines.iter().map(|line| (line.id, line.left())).collect()));
        }
        let units = |line: &Line| Some(UnwantedUnits { line: line.id, quantity: named(line).try_into().ok()? });
        let wanted: Vec<_> = self.lines.iter().filter_map(units).collect();
        if wanted.is_empty() { Err(NotCancellable::TooLate(self.status)) } else { Ok(wanted) }
    }

    fn ships_any(&self, lines: &[UnwantedUnits]) -> bool {
        let ships = |wish: &UnwantedUnits| self.lines.iter().any(|line| line.id == wish.line && line.requires_shipping);
        lines.iter().any(ships)
    }

    fn ended_by(&self, wish: Wish) -> Cancelling {
        let mut change = Change::of(self);
        change.ends(wish.by.reason());
        change.enters_history(OrderCancelled::NAME, wish.by.source(), wish.by.staff(), wish.why);
        Cancelling::Done(change)
    }

    fn asks_shipping(&self, wish: Wish, request: CancelRequestId, lines: Vec<UnwantedUnits>) -> Cancelling {
        let mut change = Change::of(self);
        let ships = |units: &UnwantedUnits| {
            let line = self.lines.iter().find(|line| line.id == units.line && line.requires_shipping)?;
            Some(LineUnits { line: line.id, variant: line.variant, quantity: units.quantity.get() })
        };
        let asked = OrderCancelRequested { order: self.id, request, lines: lines.iter().filter_map(ships).collect() };
        change.says.push(Said::CancelRequested(asked));
        let by = wish.by.reason();
        change.after.cancel_request = Some(CancelRequest { id: request, lines, by, state: CancelState::Requested });
        change.enters_history(OrderCancelRequested::NAME, wish.by.source(), wish.by.staff(), wish.why);
        Cancelling::Asked(change)
    }

    /// Nothing of it ships, so nobody else has a say.
    fn cancels_at_once(&self, wish: Wish, request: CancelRequestId, lines: &[UnwantedUnits]) -> Cancelling {
        let mut change = Change::of(self);
        change.after.cancel_request = None;
        change.cancels(request, self.parts_that_do_not_ship(lines), wish.by.reason());
        let event = match change.after.status {
            OrderStatus::Cancelled => OrderCancelled::NAME,
            _ => OrderLinesCancelled::NAME,
        };
        change.enters_history(event, wish.by.source(), wish.by.staff(), wish.why);
        change.completes_if_fulfilled();
        Cancelling::Done(change)
    }

    /// Of these, the units of lines that don't ship.
    pub(crate) fn parts_that_do_not_ship(&self, lines: &[UnwantedUnits]) -> Vec<CancelledPart> {
        let part = |units: &UnwantedUnits| {
            let line = self.lines.iter().find(|line| line.id == units.line && !line.requires_shipping)?;
            Some(CancelledPart { line: line.id, variant: line.variant, quantity: units.quantity.get(), location: None })
        };
        lines.iter().filter_map(part).collect()
    }
}
