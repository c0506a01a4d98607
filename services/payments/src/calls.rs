//! What payments answers to other services and to the audit.

use contracts::payments::{
    GetNextAction, NextAction, PaymentFact, PaymentFacts, PaymentsOfOrders, RefundedUnits, RefundedUnitsFact,
};
use platform::config::Gateway;
use platform::{Ctx, Problem};

use crate::store;
use crate::store::facts::MethodFact;

/// Facts in one answer, and orders in one question.
const FACTS_MAX: usize = 500;

pub async fn next_action(ctx: Ctx, call: GetNextAction) -> Result<Option<NextAction>, Problem> {
    Ok(store::next_action(&ctx.db, call.order).await?)
}

pub async fn facts(ctx: Ctx, call: PaymentFacts) -> Result<Vec<PaymentFact>, Problem> {
    let facts = store::facts::after(&ctx.db, call.after, call.limit.clamp(1, FACTS_MAX as i64)).await?;
    Ok(with_a_witness(&ctx, facts))
}

pub async fn of_orders(ctx: Ctx, call: PaymentsOfOrders) -> Result<Vec<PaymentFact>, Problem> {
    must_be_few(call.orders.len())?;
    let facts = store::facts::of_orders(&ctx.db, &call.orders).await?;
    Ok(with_a_witness(&ctx, facts))
}

/// What went back for units of these orders' lines, or is about to.
pub async fn refunded_units(ctx: Ctx, call: RefundedUnits) -> Result<Vec<RefundedUnitsFact>, Problem> {
    must_be_few(call.orders.len())?;
    Ok(store::facts::refunded_units(&ctx.db, &call.orders).await?)
}

fn must_be_few(orders: usize) -> Result<(), Problem> {
    if orders > FACTS_MAX {
        return Err(Problem::field("/orders", format!("are at most {FACTS_MAX}")));
    }
    Ok(())
}

/// The test bank's word counts for what is paid by it; of the rest nobody but us knows.
fn with_a_witness(ctx: &Ctx, facts: Vec<MethodFact>) -> Vec<PaymentFact> {
    let is_test = |method: &str| ctx.config.payments.get(method).is_some_and(|method| method.gateway == Gateway::Test);
    facts
        .into_iter()
        .map(|MethodFact { method, fact }| match is_test(&method) {
            true => fact,
            false => PaymentFact { gateway: None, ..fact },
        })
        .collect()
}
