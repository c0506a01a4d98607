//! Creates a tax zone with its rates.

use ::store::{Tx, idempotency};
use contracts::pricing::TaxZoneId;
use contracts::values::is_country;
use contracts::{Id, TaxClass};
use garde::Validate;
use platform::http::{Replay, replayed};
use platform::{Ctx, Problem, Staff};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::error::Error;
use crate::store;
use crate::zone::{RATES_MAX, TaxRateView, TaxZoneView, is_rate, is_region};

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
    #[schema(example = "Austria", max_length = 100)]
    pub name: String,
    /// One for each tax class that is sold there.
    #[garde(length(min = 1, max = RATES_MAX), dive)]
    #[schema(min_items = 1, max_items = 50)]
    pub rates: Vec<NewTaxRate>,
}

#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTaxRate {
    #[garde(skip)]
    pub tax_class: TaxClass,
    /// Such as `0.2` for 20 %.
    #[serde(deserialize_with = "rate_text")]
    #[garde(custom(is_rate))]
    #[schema(value_type = String, example = "0.2")]
    pub rate: Decimal,
    /// What buyers call it.
    #[garde(length(chars, min = 1, max = 60))]
    #[schema(example = "VAT", max_length = 60)]
    pub name: String,
}

struct Creation {
    zone: TaxZoneView,
    key: Option<idempotency::Key>,
    staff: Staff<()>,
}

/// Creates the zone; the flag says that the same key made it before.
///
/// A rate is a text: a JSON number would pass through a float.
fn rate_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let mend = "write the rate as a decimal in quotes, like \"0.2\" for 20 %";
    let text = serde_json::Value::deserialize(deserializer)?;
    text.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| serde::de::Error::custom(mend))
}

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
    let mut rates: Vec<TaxRateView> = Vec::with_capacity(body.rates.len());
    for (place, NewTaxRate { tax_class, rate, name }) in body.rates.into_iter().enumerate() {
        if rates.iter().any(|known| known.tax_class == tax_class) {
            let detail = format!("the zone has a rate for `{tax_class}` already: name each tax class once");
            return Err(Problem::field(format!("/rates/{place}/tax_class"), detail));
        }
        rates.push(TaxRateView { id: ctx.ids.next(), tax_class, rate: rate.normalize(), name });
    }
    rates.sort_by(|a, b| a.tax_class.cmp(&b.tax_class));
    Ok(TaxZoneView { id: ctx.ids.next(), country: body.country, region: body.region, name: body.name, rates })
}
