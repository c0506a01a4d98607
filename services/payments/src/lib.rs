//! `payments`: how an order is paid, captured and paid back.
//!
//! Owns: payments, attempts, captures, voids and refunds, receipts, the append-only ledger, the gateways.
//! Never: asks a gateway inside a transaction, or charges twice for one attempt; gives back more than was captured; keeps the money of a cancelled order.
//! Says: `payment.authorized` `payment.captured` `payment.declined` `payment.action_required` `payment.voided` `payment.refunded` `payment.failed`
//! Hears: `order.payable` `order.capture_due` `order.refund_due` `order.cancelled`
//!
//! An order has an account, which every transaction on its money locks first, and one or more payments,
//! each for a part of the total. A payment is tried by attempts, of which at most one lives. An attempt's
//! id and an operation's key are what the gateway knows them by: asking again never pays again.
//! Where an answer is lost the outcome is *unknown*, and is looked up before anything else happens.

mod account;
mod attempt;
mod authorize;
mod calls;
mod cancel;
mod capture;
mod error;
mod gateway;
mod gather;
mod hear;
mod http;
mod jobs;
mod late;
mod ledger;
mod make_refund;
mod manual;
mod move_money;
mod open;
mod operate;
mod operation;
mod pay;
mod payment;
mod reactions;
mod receipt;
mod receive;
mod refund;
mod refund_due;
mod refunding;
mod release;
mod retry;
mod settle;
mod show;
mod signature;
mod store;
mod stripe;
mod test_bank;
#[cfg(test)]
mod tests;

use contracts::orders::{
    GetPaymentInstruction, GetPaymentInstructionByLink, GetRefundable, OrderCancelled, OrderCaptureDue, OrderPayable,
    OrderRefundDue,
};
use contracts::payments::{GetNextAction, PaymentFacts, PaymentsOfOrders, RefundedUnits};
use platform::{Ctx, Service};

pub use self::store::PERSONAL;

/// The service, wherever its peers live.
pub fn service(ctx: &Ctx) -> Service {
    let service = Service::new("payments", ctx).migrations(store::MIGRATIONS);
    let service = store::facts::MAKES.into_iter().fold(service, Service::makes);
    store::STATEMENTS
        .iter()
        .fold(service, |service, statements| service.statements(statements))
        .codes(error::CODES)
        .routes(http::routes())
        .asks::<GetPaymentInstruction>()
        .asks::<GetPaymentInstructionByLink>()
        .asks::<GetRefundable>()
        .answers::<GetNextAction, _, _>(calls::next_action)
        .answers::<PaymentFacts, _, _>(calls::facts)
        .answers::<PaymentsOfOrders, _, _>(calls::of_orders)
        .answers::<RefundedUnits, _, _>(calls::refunded_units)
        .reacts::<OrderPayable, _>(reactions::on_payable)
        .reacts::<OrderCaptureDue, _>(reactions::on_capture_due)
        .reacts::<OrderRefundDue, _>(reactions::on_refund_due)
        .reacts::<OrderCancelled, _>(reactions::on_cancelled)
        .does::<jobs::Authorize, _, _>(authorize::authorize)
        .does::<jobs::Withdraw, _, _>(settle::withdraw)
        .does::<jobs::LookUp, _, _>(hear::look_up)
        .does::<jobs::LookAgain, _, _>(hear::look_again)
        .does::<jobs::Operate, _, _>(operate::operate)
        .does::<jobs::Release, _, _>(release::release)
        .does::<jobs::TestBankTells, _, _>(hear::test_bank_tells)
        .does::<jobs::TestBankCharges, _, _>(hear::test_bank_charges)
        .does::<jobs::TestBankRelents, _, _>(hear::test_bank_relents)
}
