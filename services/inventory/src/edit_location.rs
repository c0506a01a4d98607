//! Changes a location: its name, its turn, whether it holds new orders.

use ::store::{Job, Tx};
use contracts::Id;
use contracts::catalog::VariantId;
use contracts::inventory::LocationId;
use platform::{Ctx, Ended, JobRun, Problem, Staff};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::book::flip;
use crate::error::Error;
use crate::location::{EditLocation, LocationView};
use crate::store;

/// Variants per transaction.
const CHUNK: i64 = 500;

/// What lies at a location counts, or counts no longer: the availability of its variants is brought up to date.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefreshLocation {
    pub location: LocationId,
    /// The version of the location that wanted it: each edit has its own.
    pub version: i64,
    pub after: VariantId,
}

impl Job for RefreshLocation {
    const KIND: &'static str = "refresh_location";

    fn key(&self) -> String {
        format!("{}.{}.{}", self.location, self.version, self.after)
    }
}

/// Nobody's change is lost: the edit is made on `version` or refused.
///
/// Errors: `LocationNotFound`, `LocationChanged`, `LocationExists`; a field problem where nothing is named.
pub async fn edit_location(
    ctx: &Ctx,
    staff: Staff<()>,
    location: LocationId,
    version: i64,
    edit: EditLocation,
) -> Result<LocationView, Error> {
    if edit.fields().is_empty() {
        return Err(Problem::field("", "names no field to change").into());
    }
    let input = (staff, location, version, edit);
    ctx.db
        .write(input, |tx, (staff, location, version, edit)| Box::pin(change(tx, staff, *location, *version, edit)))
        .await?;
    show_location(ctx, location).await
}

async fn change(
    tx: &mut Tx,
    staff: &Staff<()>,
    location: LocationId,
    version: i64,
    edit: &EditLocation,
) -> Result<(), Error> {
    let edited = match store::locations::edit(tx, location, version, edit).await {
        Err(::store::Error::Constraint { .. }) => return Err(Error::LocationExists),
        edited => edited?,
    };
    if !edited {
        let now = store::locations::location_in(tx, location).await?;
        return Err(now.map_or(Error::LocationNotFound, |now| Error::LocationChanged { version: now.version }));
    }
    if edit.active.is_some() {
        tx.start(&RefreshLocation { location, version, after: VariantId::from_uuid(Uuid::nil()) });
    }
    staff.records(tx, "inventory.edit_location", location, &edit.fields());
    Ok(())
}

/// Errors: `LocationNotFound`.
pub async fn show_location(ctx: &Ctx, location: LocationId) -> Result<LocationView, Error> {
    store::locations::location(&ctx.db, location).await?.ok_or(Error::LocationNotFound)
}

/// A chunk of the location's variants, and the next chunk as a job of its own.
pub async fn refresh_location(ctx: Ctx, run: JobRun, job: RefreshLocation) -> Result<Ended, Problem> {
    ctx.db.write((run, job), |tx, (run, job)| Box::pin(refresh(tx, run, job))).await
}

async fn refresh(tx: &mut Tx, run: &JobRun, job: &RefreshLocation) -> Result<Ended, Problem> {
    let variants = store::variants_at_location(tx, job.location, job.after, CHUNK).await?;
    if let Some(last) = variants.last() {
        store::lock_variants(tx, &variants).await?;
        flip(tx, variants.iter().copied()).await?;
        tx.start(&RefreshLocation { after: *last, ..job.clone() });
    }
    Ok(run.finish(tx).await?)
}
