//! Payments as buyers and staff see them.

use contracts::orders::OrderId;
use contracts::payments::{AttemptId, PaymentId};
use platform::http::{List, Page};
use platform::{Ctx, Problem};

use crate::attempt::AttemptView;
use crate::error::Error;
use crate::payment::{Payment, PaymentView};
use crate::store;

/// The payment that an attempt belongs to.
pub async fn by_attempt(ctx: &Ctx, attempt: AttemptId) -> Result<PaymentView, Error> {
    let payment = store::by_attempt(&ctx.db, attempt).await?;
    let payment = payment.ok_or_else(|| Problem::internal(format!("attempt {attempt} has no payment")))?;
    let shown = with_attempts(ctx, vec![payment]).await?;
    Ok(shown.into_iter().next().expect("one payment in, one view out"))
}

/// Newest first; of one order, if that is asked.
pub async fn list(ctx: &Ctx, order: Option<OrderId>, page: &Page) -> Result<List<PaymentView>, Error> {
    let limit = page.limit()?;
    let payments = match order {
        Some(order) => store::by_order(&ctx.db, order).await?.into_iter().collect(),
        None => store::newest(&ctx.db, page.after::<PaymentId>()?, limit + 1).await?,
    };
    Ok(List::of(with_attempts(ctx, payments).await?, limit, |payment| payment.id))
}

async fn with_attempts(ctx: &Ctx, payments: Vec<Payment>) -> Result<Vec<PaymentView>, Error> {
    if payments.is_empty() {
        return Ok(Vec::new());
    }
    let attempts = store::attempts_of(&ctx.db, payments.iter().map(|payment| payment.id)).await?;
    let of = |id: PaymentId| -> Vec<AttemptView> {
        attempts.iter().filter(|(payment, _)| *payment == id).map(|(_, attempt)| attempt.clone()).collect()
    };
    Ok(payments
        .into_iter()
        .map(|payment| {
            let attempts = of(payment.id);
            payment.view(attempts)
        })
        .collect())
}
