//! What payments answers to other services and to the audit.

use contracts::payments::{GetNextAction, NextAction, PaymentFact, PaymentFacts, PaymentsOfOrders};
use platform::{Ctx, Problem};

use crate::store;

/// Facts in one answer, and orders in one question.
const FACTS_MAX: usize = 500;

pub async fn next_action(ctx: Ctx, call: GetNextAction) -> Result<Option<NextAction>, Problem> {
    Ok(store::next_action(&ctx.db, call.order).await?)
}

pub async fn facts(ctx: Ctx, call: PaymentFacts) -> Result<Vec<PaymentFact>, Problem> {
    Ok(store::facts_after(&ctx.db, call.after, call.limit.clamp(1, FACTS_MAX as i64)).await?)
}

pub async fn of_orders(ctx: Ctx, call: PaymentsOfOrders) -> Result<Vec<PaymentFact>, Problem> {
    if call.orders.len() > FACTS_MAX {
        return Err(Problem::field("/orders", format!("are at most {FACTS_MAX}")));
    }
    Ok(store::facts_of_orders(&ctx.db, &call.orders).await?)
}
