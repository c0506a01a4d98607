//! Captures at a gateway that takes money once from a charge, and lets go of what it did not take.
//!
//! An order's parcels leave one by one, and each has its capture. At such a gateway they are gathered: the charge is
//! captured, once and for all of them, as soon as nothing of it is undecided any more, that is when all of it is due
//! or the rest is being let go; or when the order has ended.

use ::store::Tx;
use platform::{Ctx, Ended, JobRun, Problem};

use crate::account::Account;
use crate::gateway::Gateway;
use crate::jobs::Operate;
use crate::ledger::NotBooked;
use crate::operation::Operation;
use crate::payment::Payment;
use crate::{move_money, store};

/// The captures that are asked for together with this one, itself among them; none while more may come.
pub async fn gathered(ctx: &Ctx, capture: &Operation) -> Result<Vec<Operation>, Problem> {
    let account = store::account(&ctx.db, capture.order).await?;
    let payment = store::shown::find(&ctx.db, capture.payment).await?;
    let (Some(account), Some(payment)) = (account, payment) else { return Ok(Vec::new()) };
    if !is_decided(&account, &payment) {
        return Ok(Vec::new());
    }
    let mut all = store::operations::pending_captures_of(&ctx.db, capture.payment).await?;
    all.retain(|other| other.reference == capture.reference);
    Ok(all)
}

/// More may come: who decides about the rest has it asked for. Somebody may have, since this was looked at, and could
/// not start a job that is running: the account's lock tells.
pub async fn wait(ctx: &Ctx, run: JobRun, capture: Operation) -> Result<Ended, Problem> {
    let written = ctx.db.write((run.clone(), capture), |tx, (run, capture)| {
        Box::pin(async move {
            let account = move_money::lock(tx, capture.order).await?;
            let payments = store::payments_in(tx, capture.order).await?;
            if payments.iter().any(|payment| payment.id == capture.payment && is_decided(&account, payment)) {
                return Ok(None);
            }
            Ok::<_, NotBooked>(Some(run.finish(tx).await?))
        })
    });
    Ok(match written.await? {
        Some(ended) => ended,
        None => run.later(ctx.clock.now(), "the rest of its charge is decided now"),
    })
}

fn is_decided(account: &Account, payment: &Payment) -> bool {
    account.order_cancelled || payment.sums.uncaptured() == 0
}

/// What the gateway is asked for: all of them in one, under the key of the first.
pub fn as_one(captures: &[Operation], capture: Operation) -> Operation {
    let Some(first) = captures.first() else { return capture };
    let mut all = first.clone();
    all.amount.amount = captures.iter().map(|one| one.amount.amount).sum();
    all
}

/// Has what was gathered asked for, where a step has decided about the rest.
pub async fn ask(ctx: &Ctx, tx: &mut Tx, payments: &[Payment]) -> Result<(), ::store::Error> {
    let is_gathering = |payment: &&Payment| {
        payment.sums.capturing > 0 && Gateway::of(ctx, &payment.method).is_ok_and(|gateway| gateway.captures_once())
    };
    for payment in payments.iter().filter(is_gathering) {
        for capture in store::operations::pending_captures(tx, payment.id).await?.into_iter().take(1) {
            tx.start(&Operate { operation: capture.id });
        }
    }
    Ok(())
}
