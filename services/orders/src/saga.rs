//! The saga: what each event means to an order in each status. The only transition table there is.
//!
//! Events come doubled, late and in any order, so every pair has an answer, and none of them is
//! "refused": only commands are refused. The table is a `match` without `_`: a new event or status
//! does not compile until each pair is decided. It reads, as the test below prints it:
//!
//! ```text
//! event                     placed        payable       confirmed     completed     cancelled
//! stock.reserved            -> payable    note          note          note          compensate
//! stock.rejected            -> cancelled  note          note          note          note
//! payment.authorized        later         -> confirmed  note          note          compensate
//! payment.declined          later         note          note          note          note
//! payment.action_required   later         note          note          note          note
//! payment.captured          later         later         note          note          compensate
//! payment.voided            later         note          note          note          note
//! payment.refunded          later         later         note          note          note
//! payment.failed            later         note          note          note          note
//! shipment.created          later         later         note          note          compensate
//! shipment.dispatched       later         later         note          note          compensate
//! shipment.delivered        later         later         note          note          note
//! shipment.lost             later         later         note          note          note
//! shipment.cancel_accepted  later         later         note          note          note
//! shipment.cancel_refused   later         later         note          note          note
//! ```
//!
//! `-> confirmed` takes as many authorisations as make up the total: one that leaves something to pay is
//! noted. `confirmed -> completed` is not in the table: no single event completes an order, the last of
//! several does (`Order::is_fulfilled`). Nor is a cancellation by people: that is a command
//! (`Order::cancel`), and what shipping accepts of it cancels the order only if nothing is left of it.

use contracts::Event;
use contracts::inventory::{StockRejected, StockReserved};
use contracts::orders::{OrderId, OrderStatus};
use contracts::payments::{
    PaymentActionRequired, PaymentAuthorized, PaymentCaptured, PaymentDeclined, PaymentFailed, PaymentRefunded,
    PaymentVoided,
};
use contracts::shipping::{
    ShipmentCancelAccepted, ShipmentCancelRefused, ShipmentCreated, ShipmentDelivered, ShipmentDispatched, ShipmentLost,
};

/// What an event does to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The order enters this status.
    Move(OrderStatus),
    /// The status stays; amounts and quantities follow, and the history has it.
    Note,
    /// It overtook the event that it follows: tried again when that has come.
    Later,
    /// It came after the end. Who caused it undoes it by itself on `order.cancelled`; the text says who.
    Compensate(&'static str),
}

/// What this event means to an order in this status.
pub fn transition(status: OrderStatus, event: Happening<'_>) -> Step {
    use OrderStatus::{Cancelled, Completed, Confirmed, Payable, Placed};
    use Step::{Compensate, Later, Move, Note};
    match event {
        Happening::StockReserved(_) => match status {
            Placed => Move(Payable),
            Payable | Confirmed | Completed => Note,
            Cancelled => Compensate("came after the end: inventory releases it"),
        },
        Happening::StockRejected(_) => match status {
            Placed => Move(Cancelled),
            Payable | Confirmed | Completed | Cancelled => Note,
        },
        Happening::PaymentAuthorized(_) => match status {
            Placed => Later,
            Payable => Move(Confirmed),
            Confirmed | Completed => Note,
            Cancelled => Compensate("came after the end: payments voids it"),
        },
        Happening::PaymentDeclined(_) | Happening::PaymentActionRequired(_) | Happening::PaymentFailed(_) => {
            match status {
                Placed => Later,
                Payable | Confirmed | Completed | Cancelled => Note,
            }
        }
        Happening::PaymentCaptured(_) => match status {
            Placed | Payable => Later,
            Confirmed | Completed => Note,
            Cancelled => Compensate("came after the end: payments refunds it"),
        },
        Happening::PaymentVoided(_) => match status {
            Placed => Later,
            Payable | Confirmed | Completed | Cancelled => Note,
        },
        Happening::PaymentRefunded(_)
        | Happening::ShipmentDelivered(_)
        | Happening::ShipmentLost(_)
        | Happening::ShipmentCancelAccepted(_)
        | Happening::ShipmentCancelRefused(_) => match status {
            Placed | Payable => Later,
            Confirmed | Completed | Cancelled => Note,
        },
        Happening::ShipmentCreated(_) => match status {
            Placed | Payable => Later,
            Confirmed | Completed => Note,
            Cancelled => Compensate("came after the end: shipping calls it off"),
        },
        Happening::ShipmentDispatched(_) => match status {
            Placed | Payable => Later,
            Confirmed | Completed => Note,
            Cancelled => Compensate("left after the end: somebody must get it back"),
        },
    }
}

/// Declares [`Happening`] over the events of `contracts` that this service hears.
macro_rules! happenings {
    ($($event:ident),* $(,)?) => {
        /// Something that happened to an order in another service.
        #[derive(Debug, Clone, Copy)]
        pub enum Happening<'a> {
            $($event(&'a $event)),*
        }

        impl Happening<'_> {
            /// The order it happened to.
            pub fn order(self) -> OrderId {
                match self { $(Self::$event(event) => event.order),* }
            }

            /// `payment.authorized`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$event(_) => $event::NAME),* }
            }

            /// The service that said it.
            pub fn source(self) -> &'static str {
                match self { $(Self::$event(_) => $event::SAID_BY),* }
            }
        }

        $(impl<'a> From<&'a $event> for Happening<'a> {
            fn from(event: &'a $event) -> Self { Self::$event(event) }
        })*
    };
}

happenings! {
    StockReserved, StockRejected,
    PaymentAuthorized, PaymentDeclined, PaymentActionRequired, PaymentCaptured, PaymentVoided, PaymentRefunded, PaymentFailed,
    ShipmentCreated, ShipmentDispatched, ShipmentDelivered, ShipmentLost, ShipmentCancelAccepted, ShipmentCancelRefused,
}

impl Happening<'_> {
    /// What the history adds for people, buyers too; never personal data.
    pub fn detail(self) -> Option<String> {
        match self {
            Self::StockRejected(event) => Some(format!("{} variants short", event.shortages.len())),
            Self::PaymentAuthorized(event) => Some(event.amount.to_string()),
            Self::PaymentDeclined(event) => Some(event.reason.clone()),
            Self::PaymentCaptured(event) => Some(event.amount.to_string()),
            Self::PaymentVoided(event) => Some(event.amount.to_string()),
            Self::PaymentRefunded(event) => Some(event.amount.to_string()),
            Self::PaymentFailed(event) => Some(event.reason.clone()),
            Self::ShipmentCreated(event) => Some(event.shipment.to_string()),
            Self::ShipmentDispatched(event) => Some(event.shipment.to_string()),
            Self::ShipmentDelivered(event) => Some(event.shipment.to_string()),
            Self::ShipmentLost(event) => Some(event.shipment.to_string()),
            Self::ShipmentCancelAccepted(event) => {
                Some(format!("{} units held back", event.parts.iter().map(|part| part.quantity).sum::<i64>()))
            }
            Self::ShipmentCancelRefused(_) => Some("a part of it has left the house".to_owned()),
            Self::StockReserved(_) | Self::PaymentActionRequired(_) => None,
        }
    }
}

/// As the API writes it.
pub fn name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Placed => "placed",
        OrderStatus::Payable => "payable",
        OrderStatus::Confirmed => "confirmed",
        OrderStatus::Completed => "completed",
        OrderStatus::Cancelled => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::samples;

    fn cell(step: Step) -> String {
        match step {
            Step::Move(to) => format!("-> {}", name(to)),
            Step::Note => "note".to_owned(),
            Step::Later => "later".to_owned(),
            Step::Compensate(_) => "compensate".to_owned(),
        }
    }

    fn row(event: &str, cells: impl IntoIterator<Item = String>) -> String {
        let cells: Vec<String> = cells.into_iter().map(|cell| format!("{cell:<14}")).collect();
        format!("{event:<26}{}", cells.concat()).trim_end().to_owned()
    }

    #[test]
    fn the_table_is_the_one_in_the_doc_comment() {
        let mut table = vec![row("event", OrderStatus::ALL.map(|status| name(status).to_owned()))];
        for heard in samples::every_event(samples::id(1)) {
            let event = heard.happening();
            table.push(row(event.name(), OrderStatus::ALL.map(|status| cell(transition(status, event)))));
        }
        let source = include_str!("saga.rs");
        let shown = source.split("//! ```").nth(1).expect("the doc comment has the table");
        let shown: Vec<&str> = shown.lines().skip(1).map(|line| line.trim_start_matches("//!").trim()).collect();
        assert_eq!(shown, table, "write this into the doc comment:\n{}", table.join("\n"));
    }

    #[test]
    fn statuses_only_move_forward() {
        for heard in samples::every_event(samples::id(1)) {
            for status in OrderStatus::ALL {
                if let Step::Move(to) = transition(status, heard.happening()) {
                    assert!(to as usize > status as usize, "{} moves {status:?} to {to:?}", heard.happening().name());
                }
            }
        }
    }

    #[test]
    fn what_has_ended_stays_ended() {
        for heard in samples::every_event(samples::id(1)) {
            for status in [OrderStatus::Completed, OrderStatus::Cancelled] {
                let step = transition(status, heard.happening());
                assert!(matches!(step, Step::Note | Step::Compensate(_)), "{} {status:?}", heard.happening().name());
            }
        }
    }
}
