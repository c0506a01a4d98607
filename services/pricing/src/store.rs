//! Every statement of `pricing`.

use ::store::{
    Db, FromRow, FromValue, Migration, Result, Row, ToValue, Tx, Value, migrations, params, rows, statements,
};
use contracts::TaxClass;
use contracts::pricing::{TaxPlace, TaxZoneId};
use rust_decimal::Decimal;

use crate::zone::{RateOf, Rates, TaxRate, TaxRateView, TaxZoneView, region_of};

pub const MIGRATIONS: &[Migration] = migrations!["0001_pricing" (release 1)];

statements! {
    INSERT_ZONE = "INSERT INTO pricing_tax_zone (id, country, region, name, version) VALUES ($1, $2, $3, $4, 1)
        ON CONFLICT (country, region) DO NOTHING";
    INSERT_RATES = "INSERT INTO pricing_tax_rate (id, zone_id, tax_class, rate, name)
        SELECT id, $1, tax_class, rate, name
        FROM @rows($2: id @id, tax_class @text, rate @text, name @text) AS new_rate WHERE true";
    EDIT_ZONE = "UPDATE pricing_tax_zone SET name = COALESCE(CAST($3 AS TEXT), name), version = version + 1
        WHERE id = $1 AND version = $2";
    DELETE_RATES = "DELETE FROM pricing_tax_rate WHERE zone_id = $1";
    /// Its rates go with it.
    DELETE_ZONE = "DELETE FROM pricing_tax_zone WHERE id = $1 AND version = $2";
    ZONE_VERSION = "SELECT version FROM pricing_tax_zone WHERE id = $1";
    ZONE = "SELECT z.id, z.country, z.region, z.name, z.version, r.id, r.tax_class, r.rate, r.name
        FROM pricing_tax_zone AS z JOIN pricing_tax_rate AS r ON r.zone_id = z.id
        WHERE z.id = $1 ORDER BY r.tax_class -- bounded: the rates of one zone, at most zone::RATES_MAX";
    ZONES = "SELECT z.id, z.country, z.region, z.name, z.version, r.id, r.tax_class, r.rate, r.name
        FROM (SELECT id, country, region, name, version FROM pricing_tax_zone
            WHERE (country, region) > ($1, $2) ORDER BY country, region LIMIT $3) AS z
        JOIN pricing_tax_rate AS r ON r.zone_id = z.id
        ORDER BY z.country, z.region, r.tax_class -- bounded: zones by $3, each with at most zone::RATES_MAX rates";
    RATES = "-- bounded: one country and one region of it, each with at most zone::RATES_MAX rates
        SELECT z.region, r.tax_class, r.rate, r.name
        FROM pricing_tax_zone AS z JOIN pricing_tax_rate AS r ON r.zone_id = z.id
        WHERE z.country = $1 AND (z.region = '' OR z.region = $2)";
}

/// `false` where the place has a zone already.
pub async fn insert_zone(tx: &mut Tx, zone: &TaxZoneView) -> Result<bool> {
    let region = zone.region.clone().unwrap_or_default();
    if tx.exec(&INSERT_ZONE, params![zone.id, zone.country, region, zone.name]).await? == 0 {
        return Ok(false);
    }
    insert_rates(tx, zone.id, &zone.rates).await?;
    Ok(true)
}

/// `false`: there is none, or it is at another version.
pub async fn edit_zone(tx: &mut Tx, zone: TaxZoneId, version: i64, name: Option<&str>) -> Result<bool> {
    Ok(tx.exec(&EDIT_ZONE, params![zone, version, name]).await? == 1)
}

pub async fn replace_rates(tx: &mut Tx, zone: TaxZoneId, rates: &[TaxRateView]) -> Result<()> {
    tx.exec(&DELETE_RATES, params![zone]).await?;
    insert_rates(tx, zone, rates).await
}

async fn insert_rates(tx: &mut Tx, zone: TaxZoneId, rates: &[TaxRateView]) -> Result<()> {
    let table =
        rows(rates.iter().map(|rate| params![rate.id, Class(rate.tax_class.clone()), Rate(rate.rate), rate.name]));
    tx.exec(&INSERT_RATES, params![zone, table]).await.map(drop)
}

/// `false`: there is none, or it is at another version.
pub async fn delete_zone(tx: &mut Tx, zone: TaxZoneId, version: i64) -> Result<bool> {
    Ok(tx.exec(&DELETE_ZONE, params![zone, version]).await? == 1)
}

pub async fn zone_version(tx: &mut Tx, zone: TaxZoneId) -> Result<Option<i64>> {
    Ok(tx.opt(&ZONE_VERSION, params![zone]).await?.map(|(version,)| version))
}

pub async fn zone(db: &Db, id: TaxZoneId) -> Result<Option<TaxZoneView>> {
    Ok(gathered(db.all(&ZONE, params![id]).await?).pop())
}

/// Up to `limit` zones behind a place in the order of country and region.
pub async fn zones(db: &Db, after: Option<(String, String)>, limit: i64) -> Result<Vec<TaxZoneView>> {
    let (country, region) = after.unwrap_or_default();
    Ok(gathered(db.all(&ZONES, params![country, region, limit]).await?))
}

pub async fn rates(db: &Db, place: &TaxPlace) -> Result<Rates> {
    let rows: Vec<(String, Class, Rate, String)> = db.all(&RATES, params![place.country, region_of(place)]).await?;
    let rate = |(region, Class(class), Rate(rate), name)| RateOf { region, class, rate: TaxRate { rate, name } };
    Ok(Rates::of(place, rows.into_iter().map(rate)))
}

/// A tax class, or '' for every other one.
struct Class(Option<TaxClass>);

impl ToValue for Class {
    fn to_value(&self) -> Value {
        Value::Text(self.0.as_ref().map(ToString::to_string).unwrap_or_default())
    }
}

impl FromValue for Class {
    fn from_value(value: Value) -> Result<Self, String> {
        let text = String::from_value(value)?;
        if text.is_empty() { Ok(Self(None)) } else { text.try_into().map(|class| Self(Some(class))) }
    }
}

/// A decimal as text.
struct Rate(Decimal);

impl ToValue for Rate {
    fn to_value(&self) -> Value {
        Value::Text(self.0.normalize().to_string())
    }
}

impl FromValue for Rate {
    fn from_value(value: Value) -> Result<Self, String> {
        String::from_value(value)?.parse().map(Self).map_err(|error: rust_decimal::Error| error.to_string())
    }
}

/// A rate beside its zone.
struct ZoneRow {
    zone: TaxZoneView,
    rate: TaxRateView,
}

impl FromRow for ZoneRow {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, country, region, name) = (row.take()?, row.take()?, row.take::<String>()?, row.take()?);
        let region = Some(region).filter(|region| !region.is_empty());
        let zone = TaxZoneView { id, country, region, name, rates: Vec::new(), version: row.take()? };
        let (id, Class(tax_class), Rate(rate), name) = (row.take()?, row.take()?, row.take()?, row.take()?);
        Ok(Self { zone, rate: TaxRateView { id, tax_class, rate, name } })
    }
}

/// Rows in the order of their zones, as zones with their rates.
fn gathered(rows: Vec<ZoneRow>) -> Vec<TaxZoneView> {
    let mut zones: Vec<TaxZoneView> = Vec::new();
    for ZoneRow { zone, rate } in rows {
        match zones.last_mut().filter(|last| last.id == zone.id) {
            Some(last) => last.rates.push(rate),
            None => zones.push(TaxZoneView { rates: vec![rate], ..zone }),
        }
    }
    zones
}
