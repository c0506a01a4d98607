//! The job that lets go of what stays authorised after an order's last capture: of units that were cancelled.

use ::store::Tx;
use contracts::Id;
use contracts::orders::{GetRefundable, OrderId};
use contracts::payments::PaymentOperation;
use platform::{Ctx, Ended, JobRun, Problem};

use crate::ledger::{NotBooked, spread};
use crate::move_money::{self, Cause};
use crate::operation::CauseKind;
use crate::{gather, jobs, refund, settle, store};

/// Waits for captures that the last one overtook: what is due of the order tells whether all have come.
pub async fn release(ctx: Ctx, run: JobRun, job: jobs::Release) -> Result<Ended, Problem> {
    let account = store::account(&ctx.db, job.order).await?;
    let Some(account) = account.filter(|account| !account.order_cancelled) else {
        return run.nothing_to_do(&ctx).await;
    };
    let order = ctx.call(GetRefundable { order: job.order }).await?;
    if account.capture_due < refund::due(&order) {
        return Ok(run.later(jobs::again(&ctx, &run), "a capture before the last is on its way"));
    }
    let input = (ctx.clone(), run.clone(), job.order);
    let written = ctx.db.write(input, |tx, (ctx, run, order)| {
        Box::pin(async move {
            let_go(ctx, tx, *order).await?;
            Ok(run.finish(tx).await?)
        })
    });
    settle::ended(&ctx, &run, written.await).await
}

/// Refused captures keep their money: staff may retry them.
async fn let_go(ctx: &Ctx, tx: &mut Tx, order: OrderId) -> Result<(), NotBooked> {
    let account = move_money::lock(tx, order).await?;
    if account.order_cancelled {
        return Ok(());
    }
    let payments = store::payments_in(tx, order).await?;
    let kept = store::operations::failed_captures(tx, order).await?;
    let held: i64 = payments.iter().map(|payment| payment.sums.uncaptured()).sum();
    let rooms = payments.iter().rev().map(|payment| (payment, payment.sums.uncaptured()));
    let parts = spread((held - kept).max(0), rooms).unwrap_or_default();
    let cause = Cause { kind: PaymentOperation::Void, cause_kind: CauseKind::Released, cause: order.uuid() };
    move_money::begin(ctx, tx, cause, &parts).await?;
    Ok(gather::ask(ctx, tx, &payments).await?)
}
