//! The job that captures, voids or refunds. The operation's id is its key at the gateway, so that it
//! can be run as often as it takes.

use ::store::Tx;
use contracts::Id;
use contracts::payments::{PaymentCaptured, PaymentFailed, PaymentOperation, PaymentRefunded, PaymentVoided};
use platform::{Ctx, Ended, JobRun, Problem, fault};

use crate::gateway::{Gateway, NotDone};
use crate::ledger::NotBooked;
use crate::operation::{Operation, OperationState};
use crate::{cancel, jobs, store};

pub async fn operate(ctx: Ctx, run: JobRun, job: jobs::Operate) -> Result<Ended, Problem> {
    let found = store::operation(&ctx.db, job.operation).await?;
    let Some(operation) = found.filter(|operation| operation.state == OperationState::Pending) else {
        return run.nothing_to_do(&ctx).await;
    };
    let gateway = match Gateway::of(&ctx, &operation.method) {
        Ok(gateway) => gateway,
        // Money may depend on it: never given up. Put the way to pay back into the settings.
        Err(problem) => return Ok(run.later(jobs::again(&ctx, &run), problem.to_string())),
    };
    let refusal = match gateway.operate(&operation).await {
        Ok(()) => None,
        Err(NotDone::Refused(reason)) => Some(reason),
        Err(NotDone::Unknown(why)) => return Ok(run.later(jobs::again(&ctx, &run), why)),
    };
    let written = ctx.db.write((run.clone(), operation, refusal), |tx, (run, operation, refusal)| {
        Box::pin(write(tx, run, operation, *refusal))
    });
    match written.await {
        Ok(ended) => Ok(ended),
        Err(NotBooked::Before) => run.nothing_to_do(&ctx).await,
        Err(NotBooked::Store(error)) => Err(error.into()),
    }
}

/// Books what the gateway did, or that it refuses for good.
async fn write(
    tx: &mut Tx,
    run: &JobRun,
    operation: &Operation,
    refusal: Option<&'static str>,
) -> Result<Ended, NotBooked> {
    let change = operation.change(refusal.is_none());
    let balance = store::book(tx, operation.payment, change).await?.ok_or(NotBooked::Before)?;
    let state = if refusal.is_none() { OperationState::Done } else { OperationState::Failed };
    if !store::end_operation(tx, operation.id, state, refusal).await? {
        return Err(NotBooked::Before);
    }
    match refusal {
        None => {
            store::enter(tx, operation.payment, operation.kind.into(), operation.id.uuid(), booked_minor(operation))
                .await?;
            say_done(tx, operation);
        }
        Some(reason) => {
            let Operation { order, payment, kind, .. } = *operation;
            tx.say(&PaymentFailed { order, payment, operation: kind, reason: reason.to_owned() });
        }
    }
    if operation.kind == PaymentOperation::Void && balance.voided == balance.authorized {
        store::void_attempt(tx, operation.payment).await?;
    }
    if operation.kind == PaymentOperation::Capture {
        cancel::give_back(tx, &balance).await?;
    }
    Ok(run.finish(tx).await?)
}

fn booked_minor(operation: &Operation) -> i64 {
    let is_doubled = operation.kind == PaymentOperation::Capture && fault::planted("bug.payments.books_twice");
    if is_doubled { operation.amount.amount * 2 } else { operation.amount.amount }
}

fn say_done(tx: &mut Tx, operation: &Operation) {
    let Operation { order, payment, cause, amount, .. } = *operation;
    match operation.kind {
        PaymentOperation::Capture => tx.say(&PaymentCaptured { order, payment, capture: cause, amount }),
        PaymentOperation::Void => tx.say(&PaymentVoided { order, payment, amount }),
        PaymentOperation::Refund => tx.say(&PaymentRefunded { order, payment, amount }),
        // No operation: attempts say it, when they end.
        PaymentOperation::Authorize => {}
    }
}
