//! An attempt's outcome: found out where it was lost, and written down once, in one transaction with
//! the ledger, its event and what a cancelled order gets back.

use ::store::Tx;
use contracts::Id;
use contracts::payments::{PaymentActionRequired, PaymentAuthorized, PaymentDeclined};
use platform::{Ctx, Ended, JobRun, Problem};

use crate::attempt::{Attempt, Outcome};
use crate::gateway::Gateway;
use crate::jobs::SettleCause;
use crate::ledger::{Change, LedgerKind, NotBooked};
use crate::{cancel, jobs, store};

/// The buyer answered at their bank, or the order was cancelled while the bank waited for them.
pub async fn settle(ctx: Ctx, run: JobRun, job: jobs::Settle) -> Result<Ended, Problem> {
    let Some(attempt) = store::attempt(&ctx.db, job.attempt).await?.filter(|attempt| attempt.state.is_open()) else {
        return run.nothing_to_do(&ctx).await;
    };
    let gateway = match Gateway::of(&ctx, &attempt.method) {
        Ok(gateway) => gateway,
        // Money may depend on it: never given up. Put the way to pay back into the settings.
        Err(problem) => return Ok(run.later(jobs::again(&ctx, &run), problem.to_string())),
    };
    let found = match job.cause {
        SettleCause::BuyerAnswered => gateway.look_up(attempt.id).await,
        SettleCause::OrderCancelled => gateway.withdraw(attempt.id).await,
    };
    match found {
        Ok(Some(outcome)) => record(&ctx, &run, &gateway, attempt, outcome).await,
        Ok(None) => run.nothing_to_do(&ctx).await,
        Err(why) => Ok(run.later(jobs::again(&ctx, &run), why.to_string())),
    }
}

/// Writes an outcome and ends the job that brought it. An attempt that has its outcome keeps it.
pub async fn record(
    ctx: &Ctx,
    run: &JobRun,
    gateway: &Gateway,
    attempt: Attempt,
    outcome: Outcome,
) -> Result<Ended, Problem> {
    let recorded = Recorded { run: run.clone(), attempt, outcome, tries_max: gateway.tries_max };
    match ctx.db.write(recorded, |tx, recorded| Box::pin(write(tx, recorded))).await {
        Ok(ended) => Ok(ended),
        Err(NotBooked::Before) => run.nothing_to_do(ctx).await,
        Err(NotBooked::Store(error)) => Err(error.into()),
    }
}

struct Recorded {
    run: JobRun,
    attempt: Attempt,
    outcome: Outcome,
    tries_max: i64,
}

async fn write(tx: &mut Tx, recorded: &Recorded) -> Result<Ended, NotBooked> {
    let Recorded { run, attempt: Attempt { id, payment, order, amount, .. }, outcome, tries_max } = recorded;
    let (attempt, payment, order, amount) = (*id, *payment, *order, *amount);
    let authorized = if matches!(outcome, Outcome::Authorized { .. }) { amount.amount } else { 0 };
    let change = Change { authorized, ..Change::default() };
    let balance = store::book(tx, payment, change).await?.ok_or(NotBooked::Before)?;
    if !store::end_attempt(tx, attempt, outcome).await? {
        return Err(NotBooked::Before);
    }
    match outcome {
        Outcome::Authorized { .. } => {
            store::enter(tx, payment, LedgerKind::Authorized, attempt.uuid(), amount.amount).await?;
            tx.say(&PaymentAuthorized { order, payment, attempt, amount });
            cancel::give_back(tx, &balance).await?;
        }
        Outcome::Declined { reason } => {
            let tries_left = (tries_max - balance.tries).max(0);
            tx.say(&PaymentDeclined { order, payment, attempt, reason: reason.clone(), tries_left });
        }
        Outcome::ActionRequired { .. } => {
            tx.say(&PaymentActionRequired { order, payment, attempt });
            if balance.order_cancelled {
                tx.start(&jobs::Settle { attempt, cause: SettleCause::OrderCancelled });
            }
        }
        Outcome::Abandoned => {}
    }
    Ok(run.finish(tx).await?)
}
