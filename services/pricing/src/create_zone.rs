//! Creates a tax zone with its rates.

use ::store::{Tx, idempotency};
use contracts::Id;
use contracts::pricing::TaxZoneId;
use contracts::values::is_country;
use garde::Validate;
use platform::http::{Replay, replayed};
use platform::{Ctx, Problem, Staff};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::Error;
use crate::store;
use crate::zone::{NewTaxRate, RATES_MAX, TaxZoneView, is_region, rates_of};

/// A tax zone to be made.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTaxZone {
    /// ISO 3166-1 alpha-2.
    #[garde(custom(is_country))]
    #[schema(example = "AT", pattern = "^[A-Z]{2}$")]
    pub country: String,
    /// The part of ISO 3166-2 after the country; left out: the whole country.
    #[serde(default)]
    #[garde(custom(is_region))]
    #[schema(example = "CA", pattern = "^[A-Z0-9]{1,3}$")]
    pub region: Option<String>,
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(example = "Austria", min_length = 1, max_length = 100)]
    pub name: String,
    /// One for each tax class that is sold there; one without a class is for all others.
    #[garde(length(min = 1, max = RATES_MAX), dive)]
    #[schema(min_items = 1, max_items = 50)]
    pub rates: Vec<NewTaxRate>,
}

struct Creation {
    zone: TaxZoneView,
    key: Option<idempotency::Key>,
    staff: Staff<()>,
}

/// Creates the zone; the flag says that the same key made it before.
///
/// Errors: `ZoneExists`; a field problem where a tax class has two rates.
pub async fn create_zone(
    ctx: &Ctx,
    staff: Staff<()>,
    replay: Option<Replay>,
    body: NewTaxZone,
) -> Result<(TaxZoneView, bool), Error> {
    let key = match replay {
        Some(Replay::Made(made)) => return Ok((made_before(ctx, made).await?, true)),
        Some(Replay::New(key)) => Some(key),
        None => None,
    };
    let zone = zone_of(ctx, body)?;
    let creation = Creation { zone: zone.clone(), key: key.clone(), staff };
    let is_claimed = ctx.db.write(creation, |tx, creation| Box::pin(create(tx, creation))).await?;
    match key {
        Some(key) if !is_claimed => Ok((made_before(ctx, replayed(&ctx.db, &key).await?).await?, true)),
        _ => Ok((zone, false)),
    }
}

/// `false`: another request has the key.
async fn create(tx: &mut Tx, creation: &Creation) -> Result<bool, Error> {
    let zone = &creation.zone;
    if let Some(key) = &creation.key
        && !idempotency::claim(tx, key, 201, zone.id.uuid()).await?
    {
        return Ok(false);
    }
    if !store::insert_zone(tx, zone).await? {
        let region = zone.region.as_ref().map(|region| format!("-{region}")).unwrap_or_default();
        return Err(Error::ZoneExists { place: format!("{}{region}", zone.country) });
    }
    creation.staff.records(tx, "pricing.create_tax_zone", zone.id, &["country", "region", "name", "rates"]);
    Ok(true)
}

async fn made_before(ctx: &Ctx, made: idempotency::Made) -> Result<TaxZoneView, Error> {
    store::zone(&ctx.db, TaxZoneId::from_uuid(made.resource)).await?.ok_or(Error::ZoneNotFound)
}

fn zone_of(ctx: &Ctx, body: NewTaxZone) -> Result<TaxZoneView, Problem> {
    let NewTaxZone { country, region, name, rates } = body;
    let rates = rates_of(&ctx.ids, rates)?;
    Ok(TaxZoneView { id: ctx.ids.next(), country, region, name, rates, version: 1 })
}
