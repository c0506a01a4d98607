//! Lists the shop's tax zones.

use platform::Ctx;
use platform::http::{List, Page};

use crate::error::Error;
use crate::store;
use crate::zone::TaxZoneView;

/// Zones by country and region, each with its rates: one statement.
pub async fn list_zones(ctx: &Ctx, page: &Page) -> Result<List<TaxZoneView>, Error> {
    let limit = page.limit()?;
    let zones = store::zones(&ctx.db, page.after()?, limit + 1).await?;
    Ok(List::of(zones, limit, |zone| (zone.country.clone(), zone.region.clone().unwrap_or_default())))
}
