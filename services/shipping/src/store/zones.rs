//! Statements about zones, methods and rates.

use contracts::Currency;
use contracts::shipping::{GetShippingOptions, PickupPoint, ShippingMethodId, ShippingZoneId};
use store::{Db, FromRow, Json, Result, Row, Tx, Value, name_values, params, rows, statements};

use super::ids;
use crate::method::{EditShippingMethod, Method, MethodToAdd, Offered};
use crate::postcode;
use crate::rate::{Rate, ShippingRateKind, ShippingRateStep};
use crate::zone::{EditShippingZone, NewShippingZone, Rule, Zone, plain_region};

/// Methods that one basket may choose from, before what is too heavy is left out.
const OFFERED_MAX: i64 = 200;

name_values!(ShippingRateKind);

statements! {
    INSERT_ZONE = "INSERT INTO shipping_zone (id, name, archived, version, created_at, updated_at)
        VALUES ($1, $2, $3, 1, $4, $4) ON CONFLICT (name) DO NOTHING";
    INSERT_AREAS = "INSERT INTO shipping_area (zone_id, country, region, postcode_from, postcode_to, breadth)
        SELECT $1, country, region, postcode_from, postcode_to, breadth
        FROM @rows($2: country @text, region @text, postcode_from @text, postcode_to @text, breadth @int) AS r
        WHERE true ON CONFLICT (zone_id, country, region, postcode_from, postcode_to) DO NOTHING";
    INSERT_METHODS = "INSERT INTO shipping_method (id, zone_id, pickup, name, tax_class, archived, version, created_at, updated_at)
        SELECT id, zone_id, pickup, name, tax_class, $1, 1, $2, $2
        FROM @rows($3: id @id, zone_id @id, pickup @json, name @text, tax_class @text) AS r";
    INSERT_RATES = "INSERT INTO shipping_rate (method_id, market, currency, kind, steps, free_from_minor, weight_g_max)
        SELECT method_id, market, currency, kind, steps, free_from_minor, weight_g_max
        FROM @rows($1: method_id @id, market @text, currency @text, kind @text, steps @json, free_from_minor @money,
            weight_g_max @int) AS r";
    // NULL: as it is.
    EDIT_ZONE = "UPDATE shipping_zone SET name = COALESCE($3, name), archived = COALESCE($4, archived),
            version = version + 1, updated_at = $5
        WHERE id = $1 AND version = $2 RETURNING version";
    EDIT_METHOD = "UPDATE shipping_method SET name = COALESCE($3, name), pickup = COALESCE($4, pickup),
            tax_class = COALESCE($5, tax_class), archived = COALESCE($6, archived), version = version + 1, updated_at = $7
        WHERE id = $1 AND version = $2 RETURNING version";
    DELETE_COUNTRIES = "DELETE FROM shipping_area WHERE zone_id = $1 AND region = '' AND postcode_from = ''";
    DELETE_PARTS = "DELETE FROM shipping_area WHERE zone_id = $1 AND (region <> '' OR postcode_from <> '')";
    ANY_AREA = "SELECT country FROM shipping_area WHERE zone_id = $1 LIMIT 1";
    DELETE_RATES = "DELETE FROM shipping_rate WHERE method_id = $1";
    // Whoever adds a method to a zone waits for the others.
    LOCK_ZONE = "SELECT version FROM shipping_zone WHERE id = $1 @for_update";
    COUNT_METHODS = "SELECT COUNT(*) FROM shipping_method WHERE zone_id = $1";
    ZONES = "SELECT id, name, archived, version, created_at, updated_at FROM shipping_zone WHERE id > $1 ORDER BY id LIMIT $2";
    ZONE = "SELECT id, name, archived, version, created_at, updated_at FROM shipping_zone WHERE id = $1";
    // bounded: at most RULES_MAX and COUNTRIES_MAX rules a zone of the page
    AREAS = "SELECT zone_id, country, region, postcode_from, postcode_to, breadth FROM shipping_area
        WHERE zone_id IN (SELECT id FROM @rows($1: id @id) AS asked)
        ORDER BY zone_id, country, region, postcode_from, postcode_to";
    // bounded: at most ZONE_METHODS_MAX a zone of the page
    METHODS_OF_ZONES = "SELECT id, zone_id, pickup, name, tax_class, archived, version, created_at, updated_at
        FROM shipping_method WHERE zone_id IN (SELECT id FROM @rows($1: id @id) AS asked) ORDER BY zone_id, id";
    METHODS = "SELECT id, zone_id, pickup, name, tax_class, archived, version, created_at, updated_at
        FROM shipping_method WHERE id > $1 ORDER BY id LIMIT $2";
    METHOD = "SELECT id, zone_id, pickup, name, tax_class, archived, version, created_at, updated_at
        FROM shipping_method WHERE id = $1";
    // bounded: one a market of each method of the page
    RATES = "SELECT method_id, market, currency, kind, steps, free_from_minor, weight_g_max FROM shipping_rate
        WHERE method_id IN (SELECT id FROM @rows($1: id @id) AS asked) ORDER BY method_id, market";
    // The zone of the most specific rule, as crate::zone says; $3 is '' where the buyer has named no country.
    OFFERED = "SELECT m.id, m.name, m.tax_class, m.pickup, r.market, r.currency, r.kind, r.steps, r.free_from_minor, r.weight_g_max
        FROM shipping_method AS m JOIN shipping_rate AS r ON r.method_id = m.id AND r.market = $1 AND r.currency = $2
        WHERE NOT m.archived AND (m.zone_id IS NULL OR m.zone_id = (
            SELECT a.zone_id FROM shipping_area AS a JOIN shipping_zone AS z ON z.id = a.zone_id AND NOT z.archived
            WHERE a.country = $3 AND a.region IN ('', $4) AND length(CAST($5 AS TEXT)) >= length(a.postcode_from)
                AND substr(CAST($5 AS TEXT), 1, length(a.postcode_from)) BETWEEN a.postcode_from AND a.postcode_to
            ORDER BY length(a.postcode_from) DESC, a.region DESC, a.breadth, a.zone_id LIMIT 1))
        ORDER BY m.id LIMIT $6";
}

impl FromRow for Zone {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            name: row.take()?,
            archived: row.take()?,
            version: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
        })
    }
}

impl FromRow for Method {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            zone: row.take()?,
            pickup: row.take::<Option<Json<PickupPoint>>>()?.map(|Json(pickup)| pickup),
            name: row.take()?,
            tax_class: row.take()?,
            archived: row.take()?,
            version: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
        })
    }
}

impl FromRow for Rate {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (market, currency, kind): (_, Currency, _) = (row.take()?, row.take()?, row.take()?);
        let Json(steps) = row.take::<Json<Vec<(i64, i64)>>>()?;
        let steps = steps.into_iter().map(|(from, amount)| ShippingRateStep { from, amount }).collect();
        Ok(Self { market, currency, kind, steps, free_from: row.take()?, weight_g_max: row.take()? })
    }
}

impl FromRow for Offered {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            method: row.take()?,
            name: row.take()?,
            tax_class: row.take()?,
            pickup: row.take::<Option<Json<PickupPoint>>>()?.map(|Json(pickup)| pickup),
            rate: Rate::from_row(row)?,
        })
    }
}

struct RuleOf(ShippingZoneId, Rule);

impl FromRow for RuleOf {
    fn from_row(row: &mut Row) -> Result<Self> {
        let zone = row.take()?;
        let (country, region) = (row.take()?, row.take()?);
        let (postcode_from, postcode_to, breadth) = (row.take()?, row.take()?, row.take()?);
        Ok(Self(zone, Rule { country, region, postcode_from, postcode_to, breadth }))
    }
}

struct RateOf(ShippingMethodId, Rate);

impl FromRow for RateOf {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self(row.take()?, Rate::from_row(row)?))
    }
}

/// `false`: the name is taken.
pub async fn insert_zone(tx: &mut Tx, id: ShippingZoneId, zone: &NewShippingZone, rules: &[Rule]) -> Result<bool> {
    let now = tx.now();
    if tx.exec(&INSERT_ZONE, params![id, zone.name, false, now]).await? == 0 {
        return Ok(false);
    }
    insert_rules(tx, id, rules).await?;
    Ok(true)
}

async fn insert_rules(tx: &mut Tx, zone: ShippingZoneId, rules: &[Rule]) -> Result<()> {
    let table = rows(
        rules.iter().map(|rule| params![rule.country, rule.region, rule.postcode_from, rule.postcode_to, rule.breadth]),
    );
    tx.exec(&INSERT_AREAS, params![zone, table]).await.map(drop)
}

/// Methods that have their zone or their place, with their rates.
pub async fn insert_methods(tx: &mut Tx, methods: &[(ShippingMethodId, MethodToAdd)]) -> Result<()> {
    if methods.is_empty() {
        return Ok(());
    }
    let table =
        rows(methods.iter().map(|(id, method)| {
            params![id, method.zone, method.pickup.as_ref().map(Json), method.name, method.tax_class]
        }));
    let now = tx.now();
    tx.exec(&INSERT_METHODS, params![false, now, table]).await?;
    let rates = methods.iter().flat_map(|(id, method)| method.rates.iter().map(|rate| rate_row(*id, rate)));
    tx.exec(&INSERT_RATES, params![rows(rates)]).await.map(drop)
}

fn rate_row(method: ShippingMethodId, rate: &Rate) -> Vec<Value> {
    let steps: Vec<(i64, i64)> = rate.steps.iter().map(|step| (step.from, step.amount)).collect();
    params![method, rate.market, rate.currency, rate.kind, Json(&steps), rate.free_from, rate.weight_g_max]
}

/// `None`: another version, or no such zone. A taken name is a `Constraint`.
pub async fn edit_zone(tx: &mut Tx, id: ShippingZoneId, version: i64, edit: &EditShippingZone) -> Result<Option<i64>> {
    let now = tx.now();
    let params = params![id, version, edit.name, edit.archived, now];
    Ok(tx.opt(&EDIT_ZONE, params).await?.map(|(version,)| version))
}

pub async fn replace_countries(tx: &mut Tx, zone: ShippingZoneId, rules: &[Rule]) -> Result<()> {
    tx.exec(&DELETE_COUNTRIES, params![zone]).await?;
    insert_rules(tx, zone, rules).await
}

pub async fn replace_parts(tx: &mut Tx, zone: ShippingZoneId, rules: &[Rule]) -> Result<()> {
    tx.exec(&DELETE_PARTS, params![zone]).await?;
    insert_rules(tx, zone, rules).await
}

/// Whether any country or part of one is left.
pub async fn serves_somebody(tx: &mut Tx, zone: ShippingZoneId) -> Result<bool> {
    let area: Option<(String,)> = tx.opt(&ANY_AREA, params![zone]).await?;
    Ok(area.is_some())
}

/// `None`: another version, or no such method.
pub async fn edit_method(
    tx: &mut Tx,
    id: ShippingMethodId,
    version: i64,
    edit: &EditShippingMethod,
) -> Result<Option<i64>> {
    let now = tx.now();
    let pickup = edit.pickup.as_ref().map(Json);
    let params = params![id, version, edit.name, pickup, edit.tax_class, edit.archived, now];
    Ok(tx.opt(&EDIT_METHOD, params).await?.map(|(version,)| version))
}

pub async fn replace_rates(tx: &mut Tx, method: ShippingMethodId, rates: &[Rate]) -> Result<()> {
    tx.exec(&DELETE_RATES, params![method]).await?;
    tx.exec(&INSERT_RATES, params![rows(rates.iter().map(|rate| rate_row(method, rate)))]).await.map(drop)
}

/// `false`: no such zone.
pub async fn lock_zone(tx: &mut Tx, id: ShippingZoneId) -> Result<bool> {
    let locked: Option<(i64,)> = tx.opt(&LOCK_ZONE, params![id]).await?;
    Ok(locked.is_some())
}

/// Methods of the zone, the archived too.
pub async fn count_methods(tx: &mut Tx, zone: ShippingZoneId) -> Result<i64> {
    Ok(tx.one::<(i64,)>(&COUNT_METHODS, params![zone]).await?.0)
}

pub async fn zone_in(tx: &mut Tx, id: ShippingZoneId) -> Result<Option<Zone>> {
    tx.opt(&ZONE, params![id]).await
}

pub async fn method_in(tx: &mut Tx, id: ShippingMethodId) -> Result<Option<Method>> {
    tx.opt(&METHOD, params![id]).await
}

pub async fn zone(db: &Db, id: ShippingZoneId) -> Result<Option<Zone>> {
    db.opt(&ZONE, params![id]).await
}

pub async fn zones(db: &Db, after: ShippingZoneId, limit: i64) -> Result<Vec<Zone>> {
    db.all(&ZONES, params![after, limit]).await
}

pub async fn rules(db: &Db, zones: &[ShippingZoneId]) -> Result<Vec<(ShippingZoneId, Rule)>> {
    let rules: Vec<RuleOf> = db.all(&AREAS, params![ids(zones)]).await?;
    Ok(rules.into_iter().map(|RuleOf(zone, rule)| (zone, rule)).collect())
}

pub async fn methods_of_zones(db: &Db, zones: &[ShippingZoneId]) -> Result<Vec<Method>> {
    db.all(&METHODS_OF_ZONES, params![ids(zones)]).await
}

pub async fn method(db: &Db, id: ShippingMethodId) -> Result<Option<Method>> {
    db.opt(&METHOD, params![id]).await
}

pub async fn methods(db: &Db, after: ShippingMethodId, limit: i64) -> Result<Vec<Method>> {
    db.all(&METHODS, params![after, limit]).await
}

pub async fn rates(db: &Db, methods: &[ShippingMethodId]) -> Result<Vec<(ShippingMethodId, Rate)>> {
    let rates: Vec<RateOf> = db.all(&RATES, params![ids(methods)]).await?;
    Ok(rates.into_iter().map(|RateOf(method, rate)| (method, rate)).collect())
}

/// The methods of the zone that the place belongs to, and those that are fetched, with their rate in the market.
pub async fn offered(db: &Db, ask: &GetShippingOptions) -> Result<Vec<Offered>> {
    let country = ask.country.as_deref().unwrap_or_default();
    let region = ask.region.as_deref().map(plain_region).unwrap_or_default();
    let code = ask.postcode.as_deref().map(postcode::plain).unwrap_or_default();
    db.all(&OFFERED, params![ask.market, ask.currency, country, region, code, OFFERED_MAX]).await
}
