//! The job that asks the gateway for an attempt's money.
//!
//! It can end anywhere and begin again: what it asks carries the attempt's id, and what it may have
//! asked before it looks up first; where the order was cancelled meanwhile, it takes the charge back,
//! made or not, so that none can come of the first question any more.

use contracts::Money;
use contracts::orders::{GetPaymentInstruction, OrderId, OrderStatus, PaymentInstruction};
use contracts::payments::AttemptId;
use platform::{Ctx, Ended, JobRun, Problem, fault};

use crate::account::AccountChange;
use crate::attempt::{Attempt, Outcome};
use crate::gateway::{Ask, ChargeName, Gateway, NotDone};
use crate::{jobs, settle, store};

pub async fn authorize(ctx: Ctx, run: JobRun, job: jobs::Authorize) -> Result<Ended, Problem> {
    let Some(mut attempt) = store::attempt(&ctx.db, job.attempt).await?.filter(|attempt| attempt.state.is_open())
    else {
        return run.nothing_to_do(&ctx).await;
    };
    let gateway = match Gateway::of(&ctx, &attempt.method) {
        Ok(gateway) => gateway,
        // Money may depend on it: never given up. Put the way to pay back into the settings.
        Err(problem) => return Ok(run.later(jobs::again(&ctx, &run), problem.to_string())),
    };
    match ask(&ctx, &run, &gateway, &mut attempt).await {
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
        Err(Unasked::Ours(problem)) => Err(problem),
    }
}

/// Why there is no outcome yet.
enum Unasked {
    Gateway(NotDone),
    Ours(Problem),
}

async fn ask(ctx: &Ctx, run: &JobRun, gateway: &Gateway, attempt: &mut Attempt) -> Result<Outcome, Unasked> {
    let key = if fault::planted("bug.payments.new_key_each_try") { ctx.ids.next() } else { attempt.id };
    // An earlier run may have been answered, and ended before it could write it down; or its question is on
    // its way still.
    let may_be_asked = run.attempts > 1;
    if attempt.order_cancelled {
        return match may_be_asked {
            true => gateway.withdraw(attempt).await.map_err(Unasked::Gateway),
            false => Ok(Outcome::Abandoned),
        };
    }
    if may_be_asked && let Some(found) = gateway.look_up(&ChargeName::Key(key)).await.map_err(Unasked::Gateway)? {
        return Ok(found.outcome);
    }
    let call = GetPaymentInstruction { order: attempt.order, buyer: None };
    let instruction = ctx.call(call).await.map_err(Unasked::Ours)?;
    if instruction.status == OrderStatus::Cancelled && !may_be_asked {
        return Ok(Outcome::Abandoned);
    }
    take_instructed_amount(ctx, attempt, &instruction).await.map_err(|error| Unasked::Ours(error.into()))?;
    let token = attempt.token.clone().or(instruction.token);
    let ask = Ask {
        key,
        payment: attempt.payment,
        method: attempt.method.clone(),
        amount: attempt.amount,
        token,
        order_number: instruction.number,
    };
    fault::point("payments.before_gateway");
    let outcome = gateway.authorize(&ask).await.map_err(Unasked::Gateway);
    fault::point("payments.after_gateway");
    outcome
}

/// The buyer may mean to pay only a part of the order in its own way, and the rest in another.
async fn take_instructed_amount(
    ctx: &Ctx,
    attempt: &mut Attempt,
    instruction: &PaymentInstruction,
) -> Result<(), ::store::Error> {
    let total = attempt.amount;
    let is_part = |amount: &Money| amount.currency == total.currency && (1..total.amount).contains(&amount.amount);
    let Some(amount) = instruction.amount.filter(is_part).filter(|_| attempt.numbers == (1, 1)) else {
        return Ok(());
    };
    let input = (attempt.order, attempt.id, total.amount - amount.amount, amount.amount);
    ctx.db.write(input, |tx, input| Box::pin(shrink(tx, *input))).await?;
    attempt.amount = amount;
    Ok(())
}

async fn shrink(
    tx: &mut ::store::Tx,
    (order, attempt, less, amount): (OrderId, AttemptId, i64, i64),
) -> Result<(), ::store::Error> {
    store::lock(tx, order).await?;
    if store::shrink(tx, attempt, amount).await? {
        store::change(tx, order, AccountChange { pledged: -less, ..AccountChange::default() }).await?;
    }
    Ok(())
}
