//! Changes a tax zone, or takes it away.

use ::store::Tx;
use contracts::pricing::TaxZoneId;
use garde::Validate;
use platform::{Ctx, Problem, Staff};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::Error;
use crate::store;
use crate::zone::{NewTaxRate, RATES_MAX, TaxRateView, TaxZoneView, rates_of};

/// What is to be different; what is left out stays. Where a zone is does not change: make another.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditTaxZone {
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(example = "Austria", min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// All of them: they take the place of those that are there.
    #[serde(default)]
    #[garde(length(min = 1, max = RATES_MAX), dive)]
    #[schema(min_items = 1, max_items = 50)]
    pub rates: Option<Vec<NewTaxRate>>,
}

struct Edit {
    zone: TaxZoneId,
    version: i64,
    name: Option<String>,
    rates: Option<Vec<TaxRateView>>,
    staff: Staff<()>,
}

/// Baskets are quoted with the new rates from now on; orders keep what they were sold with.
///
/// Errors: `ZoneNotFound`, `ZoneChanged`; a field problem where nothing is named or a tax class has two rates.
pub async fn edit_zone(
    ctx: &Ctx,
    staff: Staff<()>,
    zone: TaxZoneId,
    version: i64,
    body: EditTaxZone,
) -> Result<TaxZoneView, Error> {
    let EditTaxZone { name, rates } = body;
    if name.is_none() && rates.is_none() {
        return Err(Problem::field("", "names no field to change").into());
    }
    let rates = rates.map(|rates| rates_of(&ctx.ids, rates)).transpose()?;
    let edit = Edit { zone, version, name, rates, staff };
    ctx.db.write(edit, |tx, edit| Box::pin(change(tx, edit))).await?;
    show_zone(ctx, zone).await
}

async fn change(tx: &mut Tx, edit: &Edit) -> Result<(), Error> {
    let Edit { zone, version, name, rates, staff } = edit;
    if !store::edit_zone(tx, *zone, *version, name.as_deref()).await? {
        return Err(refused(tx, *zone).await?);
    }
    if let Some(rates) = rates {
        store::replace_rates(tx, *zone, rates).await?;
    }
    let fields = [name.as_ref().map(|_| "name"), rates.as_ref().map(|_| "rates")];
    staff.records(tx, "pricing.edit_tax_zone", *zone, &fields.into_iter().flatten().collect::<Vec<_>>());
    Ok(())
}

/// Takes the zone away with its rates: what goes there then has no rate, or its country's.
///
/// Errors: `ZoneNotFound`, `ZoneChanged`.
pub async fn delete_zone(ctx: &Ctx, staff: Staff<()>, zone: TaxZoneId, version: i64) -> Result<(), Error> {
    ctx.db
        .write((staff, zone, version), |tx, (staff, zone, version)| Box::pin(delete(tx, staff, *zone, *version)))
        .await
}

async fn delete(tx: &mut Tx, staff: &Staff<()>, zone: TaxZoneId, version: i64) -> Result<(), Error> {
    if !store::delete_zone(tx, zone, version).await? {
        return Err(refused(tx, zone).await?);
    }
    staff.records(tx, "pricing.delete_tax_zone", zone, &[]);
    Ok(())
}

async fn refused(tx: &mut Tx, zone: TaxZoneId) -> Result<Error, Error> {
    Ok(store::zone_version(tx, zone).await?.map_or(Error::ZoneNotFound, |version| Error::ZoneChanged { version }))
}

/// Errors: `ZoneNotFound`.
pub async fn show_zone(ctx: &Ctx, zone: TaxZoneId) -> Result<TaxZoneView, Error> {
    store::zone(&ctx.db, zone).await?.ok_or(Error::ZoneNotFound)
}
