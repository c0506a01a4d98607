//! Shows shipments with their lines and where they go.

use std::collections::BTreeMap;

use contracts::Id;
use contracts::orders::{GetShipTo, OrderId, ShipTo};
use contracts::shipping::ShipmentId;
use platform::http::{List, Page};
use platform::{Ctx, Problem};
use uuid::Uuid;

use crate::error::Error;
use crate::shipment::{Shipment, ShipmentLineView, ShipmentState, ShipmentView};
use crate::store;

/// A page of shipments, the newest first: two statements and one call to `orders`.
pub async fn list(
    ctx: &Ctx,
    order: Option<OrderId>,
    state: Option<ShipmentState>,
    page: &Page,
) -> Result<List<ShipmentView>, Problem> {
    let (limit, before) = (page.limit()?, page.after()?.unwrap_or(ShipmentId::from_uuid(Uuid::max())));
    let found = store::shipments(&ctx.db, order, state, before, limit + 1).await?;
    let List { items, next } = List::of(found, limit, |shipment| shipment.id);
    Ok(List { items: views(ctx, items).await?, next })
}

pub async fn view_one(ctx: &Ctx, id: ShipmentId) -> Result<ShipmentView, Error> {
    let shipment = store::shipment(&ctx.db, id).await?;
    let mut views = views(ctx, vec![shipment]).await?;
    Ok(views.pop().expect("one shipment has one view"))
}

async fn views(ctx: &Ctx, shipments: Vec<Shipment>) -> Result<Vec<ShipmentView>, Problem> {
    if shipments.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<ShipmentId> = shipments.iter().map(|shipment| shipment.id).collect();
    let mut lines: BTreeMap<ShipmentId, Vec<ShipmentLineView>> = BTreeMap::new();
    for (shipment, line) in store::lines(&ctx.db, &ids).await? {
        lines.entry(shipment).or_default().push(line.into());
    }
    let ship_to = ship_to(ctx, &shipments).await?;
    let view = |shipment: Shipment| {
        let to = ship_to.get(&shipment.order);
        ShipmentView {
            id: shipment.id,
            order: shipment.order,
            order_number: to.map(|to| to.number.clone()),
            location: shipment.location,
            state: shipment.state,
            ship_to: to.map(|to| to.address.clone()),
            lines: lines.remove(&shipment.id).unwrap_or_default(),
            carrier: shipment.carrier,
            tracking_number: shipment.tracking_number,
            version: shipment.version,
            created_at: shipment.created_at,
            dispatched_at: shipment.dispatched_at,
            delivered_at: shipment.delivered_at,
        }
    };
    Ok(shipments.into_iter().map(view).collect())
}

/// By one call for all. Nothing while `orders` can't be asked: what to pack is shown all the same.
async fn ship_to(ctx: &Ctx, shipments: &[Shipment]) -> Result<BTreeMap<OrderId, ShipTo>, Problem> {
    let mut orders: Vec<OrderId> = shipments.iter().map(|shipment| shipment.order).collect();
    orders.sort_unstable();
    orders.dedup();
    match ctx.call(GetShipTo { orders }).await {
        Ok(found) => Ok(found.into_iter().map(|to| (to.order, to)).collect()),
        Err(problem) if problem.is_unavailable() => {
            tracing::warn!(%problem, "shipments are shown without their addresses");
            Ok(BTreeMap::new())
        }
        Err(problem) => Err(problem),
    }
}
