//! The job that asks the gateway for an attempt's money.
//!
//! It can end anywhere and begin again: what it asks carries the attempt's id, and what it may have
//! asked before it looks up first.

use contracts::orders::{GetPaymentInstruction, OrderStatus};
use platform::{Ctx, Ended, JobRun, Problem, fault};

use crate::attempt::{Attempt, Outcome};
use crate::gateway::{Ask, Gateway, NotDone};
use crate::{jobs, settle, store};

pub async fn authorize(ctx: Ctx, run: JobRun, job: jobs::Authorize) -> Result<Ended, Problem> {
    let Some(attempt) = store::attempt(&ctx.db, job.attempt).await?.filter(|attempt| attempt.state.is_open()) else {
        return run.nothing_to_do(&ctx).await;
    };
    let gateway = match Gateway::of(&ctx, &attempt.method) {
        Ok(gateway) => gateway,
        // Money may depend on it: never given up. Put the way to pay back into the settings.
        Err(problem) => return Ok(run.later(jobs::again(&ctx, &run), problem.to_string())),
    };
    match ask(&ctx, &run, &gateway, &attempt).await {
        Ok(outcome) => {
            let ended = settle::record(&ctx, &run, &gateway, attempt, outcome).await;
            fault::point("payments.settled");
            ended
        }
        Err(Unasked::Gateway(why)) => {
            tracing::warn!(attempt = %attempt.id, %why, "the outcome of an attempt is unknown and is looked up");
            ctx.db.write(attempt.id, |tx, attempt| Box::pin(store::mark_unknown(tx, *attempt))).await?;
            Ok(run.later(jobs::again(&ctx, &run), why.to_string()))
        }
        Err(Unasked::Orders(problem)) => Err(problem),
    }
}

/// Why there is no outcome yet.
enum Unasked {
    Gateway(NotDone),
    Orders(Problem),
}

async fn ask(ctx: &Ctx, run: &JobRun, gateway: &Gateway, attempt: &Attempt) -> Result<Outcome, Unasked> {
    let key = if fault::planted("bug.payments.new_key_each_try") { ctx.ids.next() } else { attempt.id };
    // An earlier run may have been answered, and ended before it could write it down.
    if run.attempts > 1
        && let Some(outcome) = gateway.look_up(key).await.map_err(Unasked::Gateway)?
    {
        return Ok(outcome);
    }
    if attempt.order_cancelled {
        return Ok(Outcome::Abandoned);
    }
    let token = match token(ctx, attempt).await.map_err(Unasked::Orders)? {
        Ok(token) => token,
        Err(outcome) => return Ok(outcome),
    };
    let ask = Ask { key, payment: attempt.payment, amount: attempt.amount, token };
    fault::point("payments.before_gateway");
    let outcome = gateway.authorize(&ask).await.map_err(Unasked::Gateway);
    fault::point("payments.after_gateway");
    outcome
}

/// What the buyer pays with: the attempt's own token, or the one the order was placed with. `Err`: how
/// the attempt ends without one.
async fn token(ctx: &Ctx, attempt: &Attempt) -> Result<Result<String, Outcome>, Problem> {
    if let Some(token) = &attempt.token {
        return Ok(Ok(token.clone()));
    }
    let instruction = ctx.call(GetPaymentInstruction { order: attempt.order, buyer_sha256: None }).await?;
    Ok(match (instruction.token, instruction.status) {
        (_, OrderStatus::Cancelled) => Err(Outcome::Abandoned),
        (Some(token), _) => Ok(token),
        (None, _) => Err(Outcome::Declined { reason: "missing_token".to_owned() }),
    })
}
