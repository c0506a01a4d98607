//! Forgets sessions and throttles that are over.

use ::store::Tx;
use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Ended, JobRun};

use crate::throttle::FORGOTTEN_AFTER;
use crate::{Error, store};

const ROWS_MAX: i64 = 500;
/// Staff may look for so long at why a session ended.
const SESSIONS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Deletes what is over, a transaction of at most [`ROWS_MAX`] rows of each table.
pub async fn prune(ctx: &Ctx, run: JobRun) -> Result<Ended, Error> {
    loop {
        let pruned = ctx.db.write(run.clone(), |tx, run| Box::pin(prune_chunk(tx, run)));
        if let Some(ended) = pruned.await? {
            return Ok(ended);
        }
    }
}

/// `None`: there may be more.
async fn prune_chunk(tx: &mut Tx, run: &JobRun) -> Result<Option<Ended>, Error> {
    let now = tx.now();
    let before = |kept: SignedDuration| now.saturating_sub(kept).unwrap_or(Timestamp::MIN);
    let sessions = store::sessions::prune(tx, before(SESSIONS_KEPT), ROWS_MAX).await?;
    let throttles = store::throttle::prune(tx, before(FORGOTTEN_AFTER), ROWS_MAX).await?;
    let is_last = i64::try_from(sessions.max(throttles)).is_ok_and(|most| most < ROWS_MAX);
    Ok(if is_last { Some(run.finish(tx).await?) } else { None })
}
