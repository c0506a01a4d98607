//! What orders does later: one timer an order.

use ::store::{Job, Tx, job};
use contracts::orders::OrderId;
use platform::{Ctx, Ended, JobRun, Problem};
use serde::{Deserialize, Serialize};

use crate::cancel;

/// Cancels the order if it is not paid by then, or by when it has to be since.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Expire {
    pub order: OrderId,
}

impl Job for Expire {
    const KIND: &'static str = "expire";

    fn key(&self) -> String {
        self.order.to_string()
    }
}

pub async fn expire(ctx: Ctx, run: JobRun, job: Expire) -> Result<Ended, Problem> {
    let input = (run.clone(), job);
    let ended = ctx.db.write(input, |tx, (run, job)| Box::pin(cancel::unpaid(tx, run, job.order))).await?;
    Ok(ended.unwrap_or_else(|until| run.later(until, "the buyer has longer")))
}

/// The order is paid or has ended: its timer is not needed.
pub async fn cancel_expire(tx: &mut Tx, order: OrderId) -> Result<(), ::store::Error> {
    job::cancel::<Expire>(tx, &Expire { order }.key()).await
}
