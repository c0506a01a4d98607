//! Shows zones with their countries and methods.

use std::collections::BTreeMap;

use contracts::Id;
use contracts::shipping::ShippingZoneId;
use platform::http::{List, Page};
use platform::{Ctx, Problem};
use uuid::Uuid;

use crate::store;
use crate::zone::{ShippingMethodView, ShippingZoneView};

/// A page of zones, the oldest first: three statements.
pub async fn list(ctx: &Ctx, page: &Page) -> Result<List<ShippingZoneView>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?.unwrap_or(ShippingZoneId::from_uuid(Uuid::nil())));
    let List { items, next } = List::of(store::zones(&ctx.db, after, limit + 1).await?, limit, |(id, _)| *id);
    Ok(List { items: views(ctx, items).await?, next })
}

pub async fn view_one(ctx: &Ctx, id: ShippingZoneId) -> Result<ShippingZoneView, Problem> {
    let mut views = views(ctx, vec![store::zone(&ctx.db, id).await?]).await?;
    Ok(views.pop().expect("one zone has one view"))
}

async fn views(ctx: &Ctx, zones: Vec<(ShippingZoneId, String)>) -> Result<Vec<ShippingZoneView>, Problem> {
    let ids: Vec<ShippingZoneId> = zones.iter().map(|(id, _)| *id).collect();
    let mut countries: BTreeMap<ShippingZoneId, Vec<String>> = BTreeMap::new();
    for (zone, country) in store::countries(&ctx.db, &ids).await? {
        countries.entry(zone).or_default().push(country);
    }
    let mut methods: BTreeMap<ShippingZoneId, Vec<ShippingMethodView>> = BTreeMap::new();
    for (zone, method) in store::methods(&ctx.db, &ids).await? {
        methods.entry(zone).or_default().push(method);
    }
    let view = |(id, name)| ShippingZoneView {
        id,
        name,
        countries: countries.remove(&id).unwrap_or_default(),
        methods: methods.remove(&id).unwrap_or_default(),
    };
    Ok(zones.into_iter().map(view).collect())
}
