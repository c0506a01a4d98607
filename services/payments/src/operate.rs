//! The job that captures, voids or refunds. The operation's key is the same each time the gateway is
//! asked, so that it can be run as often as it takes.

use ::store::Tx;
use contracts::payments::PaymentOperation;
use platform::{Ctx, Ended, JobRun, Problem};

use crate::gateway::{Gateway, NotDone};
use crate::ledger::NotBooked;
use crate::operation::{Operation, OperationState};
use crate::{cancel, gather, jobs, move_money, refunding, settle, store};

pub async fn operate(ctx: Ctx, run: JobRun, job: jobs::Operate) -> Result<Ended, Problem> {
    let found = store::operations::find(&ctx.db, job.operation).await?;
    let Some(operation) = found.filter(|operation| operation.state == OperationState::Pending) else {
        return run.nothing_to_do(&ctx).await;
    };
    let gateway = match Gateway::of(&ctx, &operation.method) {
        Ok(gateway) => gateway,
        // Money may depend on it: never given up. Put the way to pay back into the settings.
        Err(problem) => return Ok(run.later(jobs::again(&ctx, &run), problem.to_string())),
    };
    let mut all = vec![operation.clone()];
    if operation.kind == PaymentOperation::Capture && gateway.captures_once() {
        all = gather::gathered(&ctx, &operation).await?;
        if all.is_empty() {
            return gather::wait(&ctx, run, operation).await;
        }
    }
    let refusal = match gateway.operate(&gather::as_one(&all, operation)).await {
        Ok(()) => None,
        Err(NotDone::Refused(reason)) => Some(reason),
        Err(NotDone::Unknown(why)) => return Ok(run.later(jobs::again(&ctx, &run), why)),
    };
    let input = (ctx.clone(), run.clone(), all, refusal);
    let written = ctx.db.write(input, |tx, (ctx, run, all, refusal)| {
        Box::pin(async move {
            for operation in all.iter() {
                write(ctx, tx, operation, refusal.as_deref()).await?;
            }
            Ok(run.finish(tx).await?)
        })
    });
    settle::ended(&ctx, &run, written.await).await
}

/// Books what the gateway did, or that it refuses for good; then a cancelled order gets back what this had in hand.
async fn write(ctx: &Ctx, tx: &mut Tx, operation: &Operation, refusal: Option<&str>) -> Result<(), NotBooked> {
    let account = move_money::lock(tx, operation.order).await?;
    move_money::end(tx, operation, refusal).await?;
    let has_set_free = match operation.kind {
        PaymentOperation::Capture => true,
        // Of a refund for the cancelled order itself, a further try could be refused for ever: staff decide.
        PaymentOperation::Refund => refusal.is_some() && !is_for_cancelled_order(tx, operation).await?,
        PaymentOperation::Void | PaymentOperation::Authorize => false,
    };
    if account.order_cancelled && has_set_free {
        cancel::give_back(ctx, tx, operation.order).await?;
    } else if operation.kind == PaymentOperation::Capture && account.refund_due > 0 {
        refunding::begin_waiting(ctx, tx, operation.order).await?;
    }
    Ok(())
}

async fn is_for_cancelled_order(tx: &mut Tx, operation: &Operation) -> Result<bool, NotBooked> {
    use crate::refund::RefundCause::OrderCancelled;
    let cause = store::refunds::cause(tx, contracts::Id::from_uuid(operation.cause)).await?;
    Ok(cause == Some(OrderCancelled))
}
