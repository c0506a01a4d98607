//! Seals the audit log: puts entries into the hash chain, in batches.

use ::store::Tx;
use platform::{Ctx, Ended, JobRun};

use crate::store::staff as store;
use crate::{Error, chain};

const ENTRIES_MAX: i64 = 500;

/// Seals all that waits, a transaction of at most [`ENTRIES_MAX`] entries each.
///
/// Two at once can't fork the chain: the loser of a place (`UNIQUE (sequence)`) is undone and runs again.
pub async fn seal(ctx: &Ctx, run: JobRun) -> Result<Ended, Error> {
    loop {
        let sealed = ctx.db.write(run.clone(), |tx, run| Box::pin(seal_batch(tx, run)));
        if let Some(ended) = sealed.await? {
            return Ok(ended);
        }
    }
}

/// `None`: there may be more.
async fn seal_batch(tx: &mut Tx, run: &JobRun) -> Result<Option<Ended>, Error> {
    let head = store::head(tx).await?;
    let entries = store::unsealed(tx, ENTRIES_MAX).await?;
    if !entries.is_empty() {
        let heads = chain::seal(head, &entries);
        store::seal(tx, &entries, &heads).await?;
    }
    let is_last = i64::try_from(entries.len()).is_ok_and(|count| count < ENTRIES_MAX);
    Ok(if is_last { Some(run.finish(tx).await?) } else { None })
}
