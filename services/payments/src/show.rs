//! Payments and refunds as buyers and staff see them.

use contracts::orders::OrderId;
use contracts::payments::{AttemptId, PaymentId, RefundId};
use platform::http::{List, Page};
use platform::{Ctx, Problem};

use crate::attempt::AttemptView;
use crate::error::Error;
use crate::payment::{Payment, PaymentDetail, PaymentView};
use crate::refund::RefundView;
use crate::store;
use crate::store::shown::Which;

/// Operations and receipts that one answer shows: an order has no more shipments and refunds than that.
const SHOWN_MAX: i64 = 1_000;

/// The payment that an attempt belongs to.
pub async fn by_attempt(ctx: &Ctx, attempt: AttemptId) -> Result<PaymentView, Error> {
    let payment = store::shown::by_attempt(&ctx.db, attempt).await?;
    let payment = payment.ok_or_else(|| Problem::internal(format!("attempt {attempt} has no payment")))?;
    one(ctx, payment).await
}

/// A payment with its operations and receipts.
pub async fn detail(ctx: &Ctx, id: PaymentId) -> Result<PaymentDetail, Error> {
    let payment = store::shown::find(&ctx.db, id).await?.ok_or(Error::PaymentNotFound)?;
    let reference = payment.reference.clone();
    let operations = store::operations::of_payment(&ctx.db, id, SHOWN_MAX).await?;
    let receipts = store::receipts::of_payment(&ctx.db, id, SHOWN_MAX).await?;
    Ok(PaymentDetail { payment: one(ctx, payment).await?, reference, operations, receipts })
}

/// Newest first.
pub async fn list(ctx: &Ctx, which: &Which, page: &Page) -> Result<List<PaymentView>, Error> {
    let limit = page.limit()?;
    let payments = store::shown::newest(&ctx.db, which, page.after::<PaymentId>()?, limit + 1).await?;
    Ok(List::of(with_attempts(ctx, payments).await?, limit, |payment| payment.id))
}

pub async fn refund(ctx: &Ctx, id: RefundId) -> Result<RefundView, Error> {
    store::refunds::find(&ctx.db, id).await?.ok_or(Error::RefundNotFound)
}

/// Newest first; of one order, if that is asked.
pub async fn refunds(ctx: &Ctx, order: Option<OrderId>, page: &Page) -> Result<List<RefundView>, Error> {
    let limit = page.limit()?;
    let refunds = store::refunds::newest(&ctx.db, order, page.after::<RefundId>()?, limit + 1).await?;
    Ok(List::of(refunds, limit, |refund| refund.id))
}

async fn one(ctx: &Ctx, payment: Payment) -> Result<PaymentView, Error> {
    let shown = with_attempts(ctx, vec![payment]).await?;
    Ok(shown.into_iter().next().expect("one payment in, one view out"))
}

async fn with_attempts(ctx: &Ctx, payments: Vec<Payment>) -> Result<Vec<PaymentView>, Error> {
    let followed: Vec<_> =
        payments.iter().filter(|payment| payment.attempt_number > 1).map(|payment| payment.id).collect();
    let earlier = match followed.is_empty() {
        true => Vec::new(),
        false => store::shown::earlier_attempts(&ctx.db, followed).await?,
    };
    let of = |id: PaymentId| -> Vec<AttemptView> {
        earlier.iter().filter(|(payment, _)| *payment == id).map(|(_, attempt)| attempt.clone()).collect()
    };
    Ok(payments
        .into_iter()
        .map(|payment| {
            let earlier = of(payment.id);
            payment.view(earlier)
        })
        .collect())
}
