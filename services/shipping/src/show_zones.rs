//! Shows zones with where they lie and their methods; and methods alone.

use std::collections::BTreeMap;

use contracts::Id;
use contracts::shipping::{ShippingMethodId, ShippingZoneId};
use platform::http::{List, Page};
use platform::{Ctx, Problem};
use uuid::Uuid;

use crate::error::Error;
use crate::method::{Method, ShippingMethodView};
use crate::rate::Rate;
use crate::store::zones as store;
use crate::zone::{Rule, ShippingZoneView, Zone, shown};

/// A page of zones, the oldest first: four statements.
pub async fn list(ctx: &Ctx, page: &Page) -> Result<List<ShippingZoneView>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?.unwrap_or(ShippingZoneId::from_uuid(Uuid::nil())));
    let List { items, next } = List::of(store::zones(&ctx.db, after, limit + 1).await?, limit, |zone| zone.id);
    Ok(List { items: views(ctx, items).await?, next })
}

/// Errors: `ZoneNotFound`.
pub async fn view_one(ctx: &Ctx, id: ShippingZoneId) -> Result<ShippingZoneView, Error> {
    let zone = store::zone(&ctx.db, id).await?.ok_or(Error::ZoneNotFound { zone: id })?;
    let mut views = views(ctx, vec![zone]).await?;
    Ok(views.pop().expect("one zone has one view"))
}

/// A page of methods of all zones and places, the oldest first: two statements.
pub async fn list_methods(ctx: &Ctx, page: &Page) -> Result<List<ShippingMethodView>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?.unwrap_or(ShippingMethodId::from_uuid(Uuid::nil())));
    let List { items, next } = List::of(store::methods(&ctx.db, after, limit + 1).await?, limit, |method| method.id);
    Ok(List { items: method_views(ctx, items).await?, next })
}

/// Errors: `MethodNotFound`.
pub async fn view_method(ctx: &Ctx, id: ShippingMethodId) -> Result<ShippingMethodView, Error> {
    let method = store::method(&ctx.db, id).await?.ok_or(Error::MethodNotFound { method: id })?;
    let mut views = method_views(ctx, vec![method]).await?;
    Ok(views.pop().expect("one method has one view"))
}

async fn views(ctx: &Ctx, zones: Vec<Zone>) -> Result<Vec<ShippingZoneView>, Problem> {
    let ids: Vec<ShippingZoneId> = zones.iter().map(|zone| zone.id).collect();
    let mut rules: BTreeMap<ShippingZoneId, Vec<Rule>> = BTreeMap::new();
    for (zone, rule) in store::rules(&ctx.db, &ids).await? {
        rules.entry(zone).or_default().push(rule);
    }
    let mut methods: BTreeMap<ShippingZoneId, Vec<ShippingMethodView>> = BTreeMap::new();
    for method in method_views(ctx, store::methods_of_zones(&ctx.db, &ids).await?).await? {
        methods.entry(method.zone.expect("it was found by its zone")).or_default().push(method);
    }
    let view = |zone: Zone| {
        let Zone { id, name, archived, version, created_at, updated_at } = zone;
        let (countries, areas) = shown(rules.remove(&id).unwrap_or_default());
        let methods = methods.remove(&id).unwrap_or_default();
        ShippingZoneView { id, name, countries, areas, methods, archived, version, created_at, updated_at }
    };
    Ok(zones.into_iter().map(view).collect())
}

async fn method_views(ctx: &Ctx, methods: Vec<Method>) -> Result<Vec<ShippingMethodView>, Problem> {
    let ids: Vec<ShippingMethodId> = methods.iter().map(|method| method.id).collect();
    let mut rates: BTreeMap<ShippingMethodId, Vec<Rate>> = BTreeMap::new();
    for (method, rate) in store::rates(&ctx.db, &ids).await? {
        rates.entry(method).or_default().push(rate);
    }
    let view = |method: Method| {
        let rates = rates.remove(&method.id).unwrap_or_default();
        ShippingMethodView::of(method, rates)
    };
    Ok(methods.into_iter().map(view).collect())
}
