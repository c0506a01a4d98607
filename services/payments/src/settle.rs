//! An attempt's outcome: written down once, in one transaction with the ledger, its event and what a
//! cancelled order gets back.

use ::store::Tx;
use contracts::Id;
use contracts::payments::{PaymentActionRequired, PaymentAuthorized, PaymentDeclined};
use platform::{Ctx, Ended, JobRun, Problem};

use crate::account::AccountChange;
use crate::attempt::{Attempt, Outcome};
use crate::gateway::Gateway;
use crate::ledger::{LedgerKind, NotBooked};
use crate::{cancel, jobs, late, move_money, store};

/// The order was cancelled while the gateway waited for its buyer.
pub async fn withdraw(ctx: Ctx, run: JobRun, job: jobs::Withdraw) -> Result<Ended, Problem> {
    let Some(attempt) = store::attempt(&ctx.db, job.attempt).await?.filter(|attempt| attempt.state.is_open()) else {
        return run.nothing_to_do(&ctx).await;
    };
    let gateway = match Gateway::of(&ctx, &attempt.method) {
        Ok(gateway) => gateway,
        // Money may depend on it: never given up. Put the way to pay back into the settings.
        Err(problem) => return Ok(run.later(jobs::again(&ctx, &run), problem.to_string())),
    };
    match gateway.withdraw(&attempt).await {
        Ok(outcome) => record(&ctx, &run, &gateway, attempt, outcome).await,
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
    let input = (ctx.clone(), run.clone(), attempt, outcome, gateway.tries_max);
    let written = ctx.db.write(input, |tx, (ctx, run, attempt, outcome, tries_max)| {
        Box::pin(async move {
            write(ctx, tx, attempt, outcome, *tries_max).await?;
            Ok(run.finish(tx).await?)
        })
    });
    ended(ctx, run, written.await).await
}

/// How a job ends whose transaction booked something, or found it booked.
pub async fn ended(ctx: &Ctx, run: &JobRun, written: Result<Ended, NotBooked>) -> Result<Ended, Problem> {
    match written {
        Ok(ended) => Ok(ended),
        Err(NotBooked::Before) => run.nothing_to_do(ctx).await,
        Err(other) => Err(other.into()),
    }
}

/// What an attempt came to. Locks the account.
pub async fn write(
    ctx: &Ctx,
    tx: &mut Tx,
    attempt: &Attempt,
    outcome: &Outcome,
    tries_max: i64,
) -> Result<(), NotBooked> {
    let method = &attempt.method;
    let Attempt { id: attempt, payment, order, amount, .. } = *attempt;
    let account = move_money::lock(tx, order).await?;
    let authorized = if matches!(outcome, Outcome::Authorized { .. }) { amount.amount } else { 0 };
    if !store::end_attempt(tx, attempt, outcome, authorized).await? {
        return Err(NotBooked::Before);
    }
    match outcome {
        Outcome::Authorized { .. } => {
            store::enter(tx, payment, LedgerKind::Authorized, attempt.uuid(), amount.amount).await?;
            tx.say(&PaymentAuthorized { order, payment, attempt, amount, method: method.clone() });
            if account.order_cancelled {
                cancel::give_back(ctx, tx, order).await?;
            }
        }
        Outcome::Declined { reason } => {
            free(tx, order, amount.amount).await?;
            let tries_left = (tries_max - account.tries).max(0);
            tx.say(&PaymentDeclined { order, payment, attempt, reason: reason.clone(), tries_left });
        }
        Outcome::ActionRequired { .. } => {
            tx.say(&PaymentActionRequired { order, payment, attempt, method: method.clone() });
            if Gateway::of(ctx, method).is_ok_and(|gateway| gateway.is_watched()) {
                let look = jobs::LookAgain { attempt, looks: 0 };
                tx.start_at(&look, look.due(tx.now()));
            }
            if account.order_cancelled {
                tx.start(&jobs::Withdraw { attempt });
            }
        }
        Outcome::Abandoned => free(tx, order, amount.amount).await?,
    }
    Ok(())
}

/// Another payment may be for this part of the order now.
async fn free(tx: &mut Tx, order: contracts::orders::OrderId, amount: i64) -> Result<(), NotBooked> {
    store::change(tx, order, AccountChange { pledged: -amount, ..AccountChange::default() }).await?;
    Ok(())
}

/// Of an attempt that is open or not: as [`write`], or late.
pub async fn found(ctx: &Ctx, run: &JobRun, attempt: Attempt, outcome: Outcome) -> Result<Ended, Problem> {
    if attempt.state.is_open() {
        let gateway = Gateway::of(ctx, &attempt.method)?;
        return record(ctx, run, &gateway, attempt, outcome).await;
    }
    let Outcome::Authorized { reference } = outcome else {
        return run.nothing_to_do(ctx).await;
    };
    if !attempt.state.is_vain() {
        return run.nothing_to_do(ctx).await;
    }
    let input = (ctx.clone(), run.clone(), attempt, reference);
    let written = ctx.db.write(input, |tx, (ctx, run, attempt, reference)| {
        Box::pin(async move {
            late::authorized(ctx, tx, attempt, reference.as_deref()).await?;
            Ok(run.finish(tx).await?)
        })
    });
    ended(ctx, run, written.await).await
}
