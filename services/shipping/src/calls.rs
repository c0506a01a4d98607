//! What shipping answers to other services.

use contracts::shipping::{GetShipmentContact, GetShippingOptions, ShipmentContact, ShippingOption};
use platform::{Ctx, Problem};

use crate::error::Error;
use crate::packing;
use crate::store::{shipments, zones};
use crate::{method, parcel::Parcel};

/// What one basket is offered.
const OPTIONS_MAX: usize = 100;

/// The methods of the zone that the place belongs to, and the places where buyers fetch their goods, in the
/// market and its currency; the cheapest first, at most 100. One statement. None: the shop doesn't send there.
pub async fn get_options(ctx: Ctx, ask: GetShippingOptions) -> Result<Vec<ShippingOption>, Problem> {
    let offered = zones::offered(&ctx.db, &ask).await?;
    Ok(method::options(offered, ask.weight_g, ask.items_total.amount, OPTIONS_MAX))
}

/// What a mail about a shipment says of it. Errors: `NotFound`.
pub async fn get_shipment_contact(ctx: Ctx, ask: GetShipmentContact) -> Result<ShipmentContact, Problem> {
    let id = ask.shipment;
    let shipment = shipments::shipment(&ctx.db, id).await?.ok_or(Error::NotFound { shipment: id })?;
    let lines = shipments::lines(&ctx.db, &[id]).await?;
    let packed: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
    let carriers = &ctx.config.shipping.carriers;
    let parcels = shipments::parcels(&ctx.db, &[id]).await?;
    Ok(ShipmentContact {
        shipment: id,
        order: shipment.order,
        method: shipment.method_name,
        pickup: shipment.pickup,
        lines: packing::sent(&packed),
        parcels: parcels.into_iter().map(|(_, parcel): (_, Parcel)| parcel.contact(carriers)).collect(),
    })
}
