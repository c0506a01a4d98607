//! What catalog does after a change.

use ::store::{Job, Tx};
use contracts::catalog::{CategoryId, ProductId, ProductsChanged};
use platform::{Ctx, Ended, JobRun, Problem};
use serde::{Deserialize, Serialize};

use crate::store::{categories, listing};

/// As many as one transaction and one `products.changed` take.
const PRODUCTS_AT_ONCE: i64 = 500;

/// Puts the products in a category and below it into the lists of what is above them now: the category was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relist {
    pub category: CategoryId,
    /// Of the category, when it was moved.
    pub version: i64,
    /// The last product that is done.
    pub after: Option<ProductId>,
}

impl Job for Relist {
    const KIND: &'static str = "relist";

    fn key(&self) -> String {
        let after = self.after.map(|after| after.to_string()).unwrap_or_default();
        format!("{} {} {after}", self.category, self.version)
    }
}

pub async fn relist(ctx: Ctx, run: JobRun, job: Relist) -> Result<Ended, Problem> {
    ctx.db.write((run, job), |tx, (run, job)| Box::pin(relist_some(tx, run, job))).await
}

async fn relist_some(tx: &mut Tx, run: &JobRun, job: &Relist) -> Result<Ended, Problem> {
    let products = categories::products_below(tx, job.category, job.after, PRODUCTS_AT_ONCE).await?;
    if let (Some(first), Some(last)) = (products.first().copied(), products.last().copied()) {
        listing::take(tx, &products).await?;
        listing::refresh(tx, &products).await?;
        tx.say(&ProductsChanged { first, products });
        tx.start(&Relist { after: Some(last), ..job.clone() });
    }
    Ok(run.finish(tx).await?)
}
