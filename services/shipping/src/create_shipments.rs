//! Gives a confirmed order its shipments.

use ::store::Tx;
use contracts::inventory::LocationId;
use contracts::orders::OrderConfirmed;
use contracts::shipping::{ShipmentCreated, ShipmentId, ShippedLine};
use platform::{Outcome, Problem};

use crate::packing;
use crate::shipment::Way;
use crate::store::shipments as store;

/// One shipment for each location that holds goods of the order, with shipment.created; none where nothing
/// ships. An order that is known already, by an earlier delivery or by its cancellation, is left as it is.
pub async fn create_shipments(tx: &mut Tx, confirmed: &OrderConfirmed) -> Result<Outcome, Problem> {
    let order = confirmed.order;
    if !store::open_order(tx, order).await? {
        return Ok(Outcome::Done);
    }
    let by_location = packing::allot(&confirmed.lines, &confirmed.holds)?;
    if by_location.is_empty() {
        return Ok(Outcome::Done);
    }
    let way = match confirmed.shipping_method {
        Some(method) => store::way(tx, method).await?,
        None => Way::default(),
    };
    let ids = tx.ids().clone();
    let shipments: Vec<(ShipmentId, LocationId, Vec<ShippedLine>)> =
        by_location.into_iter().map(|(location, lines)| (ids.next(), location, lines)).collect();
    store::insert_shipments(tx, order, &way, &shipments).await?;
    for (shipment, location, lines) in shipments {
        tx.say(&ShipmentCreated { shipment, order, location, lines });
    }
    Ok(Outcome::Done)
}
