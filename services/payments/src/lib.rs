//! `payments`: how an order is paid, captured and paid back.
//!
//! Owns: payments, attempts, captures, voids and refunds, the append-only ledger, the gateways.
//! Never: asks a gateway inside a transaction, or charges twice for one attempt; keeps the money of a cancelled order.
//! Says: `payment.authorized` `payment.captured` `payment.declined` `payment.action_required` `payment.voided` `payment.refunded` `payment.failed`
//! Hears: `order.payable` `order.capture_due` `order.cancelled`
//!
//! A payment belongs to one order and is tried by attempts, of which at most one lives. An attempt's
//! and an operation's id is the key under which the gateway knows it: asking again never pays again.
//! Where an answer is lost the outcome is *unknown*, and is looked up before anything else happens.

mod attempt;
mod authorize;
mod calls;
mod cancel;
mod capture;
mod error;
mod gateway;
mod http;
mod jobs;
mod ledger;
mod open;
mod operate;
mod operation;
mod pay;
mod payment;
mod reactions;
mod settle;
mod show;
mod store;
mod test_bank;
#[cfg(test)]
mod tests;

use contracts::orders::{GetPaymentInstruction, OrderCancelled, OrderCaptureDue, OrderPayable};
use contracts::payments::{GetNextAction, PaymentFacts, PaymentsOfOrders};
use platform::{Ctx, Service};

pub use self::store::PERSONAL;

/// The service, wherever its peers live.
pub fn service(ctx: &Ctx) -> Service {
    Service::new("payments", ctx)
        .migrations(store::MIGRATIONS)
        .statements(store::ALL)
        .statements(store::bank::ALL)
        .codes(error::CODES)
        .routes(http::routes())
        .asks::<GetPaymentInstruction>()
        .answers::<GetNextAction, _, _>(calls::next_action)
        .answers::<PaymentFacts, _, _>(calls::facts)
        .answers::<PaymentsOfOrders, _, _>(calls::of_orders)
        .reacts::<OrderPayable, _>(reactions::on_payable)
        .reacts::<OrderCaptureDue, _>(reactions::on_capture_due)
        .reacts::<OrderCancelled, _>(reactions::on_cancelled)
        .does::<jobs::Authorize, _, _>(authorize::authorize)
        .does::<jobs::Settle, _, _>(settle::settle)
        .does::<jobs::Operate, _, _>(operate::operate)
}
