//! Changes where a zone lies, what it is called, and whether it serves anybody.

use ::store::Tx;
use contracts::shipping::ShippingZoneId;
use platform::{Ctx, Problem, Staff, can};

use crate::error::Error;
use crate::show_zones::view_one;
use crate::store::zones as store;
use crate::zone::{EditShippingZone, Rule, ShippingZoneView, rules_of_areas, rules_of_countries, serves_nobody};

struct Editing {
    staff: Staff<()>,
    zone: ShippingZoneId,
    version: i64,
    edit: EditShippingZone,
    countries: Option<Vec<Rule>>,
    areas: Option<Vec<Rule>>,
}

/// Nobody's change is lost: the edit is made on `version` or refused.
///
/// Errors: `ZoneNotFound`, `Changed`, `ZoneExists`; field problems for areas that are whole countries, and where nothing is left.
pub async fn edit_zone(
    ctx: &Ctx,
    staff: Staff<can::ShippingWrite>,
    zone: ShippingZoneId,
    version: i64,
    edit: EditShippingZone,
) -> Result<ShippingZoneView, Error> {
    if edit.fields().is_empty() {
        return Err(Problem::field("", "names no field to change").into());
    }
    let countries = edit.countries.as_deref().map(rules_of_countries);
    let areas = edit.areas.as_deref().map(rules_of_areas).transpose()?;
    let editing = Editing { staff: staff.actor(), zone, version, edit, countries, areas };
    ctx.db.write(editing, |tx, editing| Box::pin(change(tx, editing))).await?;
    view_one(ctx, zone).await
}

async fn change(tx: &mut Tx, editing: &Editing) -> Result<(), Error> {
    let Editing { staff, zone, version, edit, countries, areas } = editing;
    let edited = match store::edit_zone(tx, *zone, *version, edit).await {
        Err(::store::Error::Constraint { .. }) => return Err(Error::ZoneExists),
        other => other?,
    };
    if edited.is_none() {
        return Err(match store::zone_in(tx, *zone).await? {
            Some(now) => Error::Changed { version: now.version },
            None => Error::ZoneNotFound { zone: *zone },
        });
    }
    if let Some(rules) = countries {
        store::replace_countries(tx, *zone, rules).await?;
    }
    if let Some(rules) = areas {
        store::replace_parts(tx, *zone, rules).await?;
    }
    if !store::serves_somebody(tx, *zone).await? {
        return Err(serves_nobody(if countries.is_some() { "/countries" } else { "/areas" }).into());
    }
    staff.records(tx, "shipping.edit_zone", zone, &edit.fields());
    Ok(())
}
