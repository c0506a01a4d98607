//! Shows shipments with their lines, parcels and where they go; and the slip that is laid into them.

use std::collections::BTreeMap;

use contracts::Id;
use contracts::carts::LineId;
use contracts::orders::{GetShipTo, OrderId, ShipTo, ShipToLine};
use contracts::shipping::ShipmentId;
use platform::http::{List, Page};
use platform::{Ctx, Problem};
use uuid::Uuid;

use crate::error::Error;
use crate::parcel::ParcelView;
use crate::shipment::{
    PackedLine, PackingSlip, PackingSlipLine, PackingSlipOption, Shipment, ShipmentLineView, ShipmentView,
};
use crate::store::shipments::{self as store, Which};

/// A page of shipments, the newest first: three statements and one call to `orders`.
pub async fn list(ctx: &Ctx, which: Which, page: &Page) -> Result<List<ShipmentView>, Problem> {
    let (limit, before) = (page.limit()?, page.after()?.unwrap_or(ShipmentId::from_uuid(Uuid::max())));
    let found = store::shipments(&ctx.db, which, before, limit + 1).await?;
    let List { items, next } = List::of(found, limit, |shipment| shipment.id);
    Ok(List { items: views(ctx, items).await?, next })
}

/// Errors: `NotFound`.
pub async fn view_one(ctx: &Ctx, id: ShipmentId) -> Result<ShipmentView, Error> {
    let shipment = store::shipment(&ctx.db, id).await?.ok_or(Error::NotFound { shipment: id })?;
    let mut views = views(ctx, vec![shipment]).await?;
    Ok(views.pop().expect("one shipment has one view"))
}

/// What is laid into the shipment's parcels. Unlike the view it is nothing without the order's word: where
/// `orders` can't be asked, neither can this.
///
/// Errors: `NotFound`.
pub async fn packing_slip(ctx: &Ctx, id: ShipmentId) -> Result<PackingSlip, Error> {
    let shipment = store::shipment(&ctx.db, id).await?.ok_or(Error::NotFound { shipment: id })?;
    let mut details = Details::of(ctx, &[id]).await?;
    let mut found = ctx.call(GetShipTo { orders: vec![shipment.order] }).await?;
    let to = found.pop().ok_or_else(|| Problem::internal(format!("orders knows nothing of {}", shipment.order)))?;
    let sold = by_line(&to);
    let packed = details.lines.remove(&id).unwrap_or_default();
    let left: Vec<&PackedLine> = packed.iter().filter(|line| line.left() > 0).collect();
    let weight_g =
        left.iter().map(|packed| sold.get(&packed.line).map_or(0, |line| line.weight_g * packed.left())).sum();
    Ok(PackingSlip {
        shipment: id,
        order: shipment.order,
        order_number: to.number.clone(),
        location: shipment.location,
        method_name: shipment.method_name,
        ship_to: to.address.clone(),
        pickup: shipment.pickup.or_else(|| to.pickup.clone()),
        lines: left.into_iter().map(|packed| slip_line(packed, sold.get(&packed.line).copied())).collect(),
        weight_g,
        parcels: details.parcels.remove(&id).unwrap_or_default(),
    })
}

fn slip_line(packed: &PackedLine, sold: Option<&ShipToLine>) -> PackingSlipLine {
    let option = |(name, value): &(String, String)| PackingSlipOption { name: name.clone(), value: value.clone() };
    PackingSlipLine {
        line: packed.line,
        variant: packed.variant,
        sku: sold.map(|line| line.sku.clone()).unwrap_or_default(),
        title: sold.map(|line| line.title.clone()).unwrap_or_default(),
        options: sold.map(|line| line.options.iter().map(option).collect()).unwrap_or_default(),
        quantity: packed.left(),
    }
}

/// What belongs to shipments, by shipment.
struct Details {
    lines: BTreeMap<ShipmentId, Vec<PackedLine>>,
    parcels: BTreeMap<ShipmentId, Vec<ParcelView>>,
}

impl Details {
    async fn of(ctx: &Ctx, ids: &[ShipmentId]) -> Result<Self, Problem> {
        let mut details = Self { lines: BTreeMap::new(), parcels: BTreeMap::new() };
        for (shipment, line) in store::lines(&ctx.db, ids).await? {
            details.lines.entry(shipment).or_default().push(line);
        }
        for (shipment, parcel) in store::parcels(&ctx.db, ids).await? {
            details.parcels.entry(shipment).or_default().push(parcel.view(&ctx.config.shipping.carriers));
        }
        Ok(details)
    }
}

async fn views(ctx: &Ctx, shipments: Vec<Shipment>) -> Result<Vec<ShipmentView>, Problem> {
    if shipments.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<ShipmentId> = shipments.iter().map(|shipment| shipment.id).collect();
    let mut details = Details::of(ctx, &ids).await?;
    let ship_to = ship_to(ctx, &shipments).await?;
    let view = |shipment: Shipment| {
        let (lines, parcels) = (details.lines.remove(&shipment.id), details.parcels.remove(&shipment.id));
        let to = ship_to.get(&shipment.order);
        view(shipment, lines.unwrap_or_default(), parcels.unwrap_or_default(), to)
    };
    Ok(shipments.into_iter().map(view).collect())
}

fn view(shipment: Shipment, lines: Vec<PackedLine>, parcels: Vec<ParcelView>, to: Option<&ShipTo>) -> ShipmentView {
    let sold = to.map(by_line).unwrap_or_default();
    let line = |packed: PackedLine| {
        let sold = sold.get(&packed.line);
        ShipmentLineView {
            line: packed.line,
            variant: packed.variant,
            title: sold.map(|line| line.title.clone()),
            sku: sold.map(|line| line.sku.clone()),
            quantity: packed.left(),
            cancelled: packed.cancelled,
        }
    };
    ShipmentView {
        id: shipment.id,
        order: shipment.order,
        order_number: to.map(|to| to.number.clone()),
        location: shipment.location,
        method: shipment.method,
        method_name: shipment.method_name,
        pickup: shipment.pickup,
        state: shipment.state,
        ship_to: to.and_then(|to| to.address.clone()),
        lines: lines.into_iter().map(line).collect(),
        parcels,
        metadata: shipment.metadata,
        external_ref: shipment.external_ref,
        version: shipment.version,
        created_at: shipment.created_at,
        dispatched_at: shipment.dispatched_at,
        delivered_at: shipment.delivered_at,
        lost_at: shipment.lost_at,
    }
}

fn by_line(to: &ShipTo) -> BTreeMap<LineId, &ShipToLine> {
    to.lines.iter().map(|line| (line.line, line)).collect()
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
