//! Notes how a shipment ended: it arrived, or it will not.

use ::store::Tx;
use contracts::shipping::{ShipmentDelivered, ShipmentId, ShipmentLost};
use platform::{Ctx, Staff, can};

use crate::error::Error;
use crate::shipment::{ShipmentState, ShipmentView};
use crate::show_shipments::view_one;
use crate::store::shipments as store;

/// Marks a dispatched shipment as arrived, or fetched, and says shipment.delivered, also of one that was given up
/// and turned up; the second time it changes nothing and answers the same.
///
/// Errors: `NotFound`, `NotDispatched`, `Cancelled`.
pub async fn deliver(ctx: &Ctx, staff: Staff<can::OrdersWrite>, shipment: ShipmentId) -> Result<ShipmentView, Error> {
    let input = (staff.actor(), shipment);
    ctx.db.write(input, |tx, (staff, shipment)| Box::pin(arrive(tx, staff, *shipment))).await?;
    view_one(ctx, shipment).await
}

/// Gives a dispatched shipment up and says shipment.lost; the second time it changes nothing and answers
/// the same. Money stays where it is: a person decides on a refund.
///
/// Errors: `NotFound`, `NotDispatched`, `Cancelled`, `Delivered`.
pub async fn lose(ctx: &Ctx, staff: Staff<can::OrdersWrite>, shipment: ShipmentId) -> Result<ShipmentView, Error> {
    let input = (staff.actor(), shipment);
    ctx.db.write(input, |tx, (staff, shipment)| Box::pin(give_up(tx, staff, *shipment))).await?;
    view_one(ctx, shipment).await
}

async fn arrive(tx: &mut Tx, staff: &Staff<()>, shipment: ShipmentId) -> Result<(), Error> {
    let Some(order) = store::deliver(tx, shipment).await? else {
        return not_on_its_way(tx, shipment, ShipmentState::Delivered).await;
    };
    tx.say(&ShipmentDelivered { shipment, order });
    staff.records(tx, "shipping.deliver", shipment, &["state"]);
    Ok(())
}

async fn give_up(tx: &mut Tx, staff: &Staff<()>, shipment: ShipmentId) -> Result<(), Error> {
    let Some(order) = store::lose(tx, shipment).await? else {
        return not_on_its_way(tx, shipment, ShipmentState::Lost).await;
    };
    tx.say(&ShipmentLost { shipment, order });
    staff.records(tx, "shipping.lose", shipment, &["state"]);
    Ok(())
}

/// Why it can't end so; nothing where it did already.
async fn not_on_its_way(tx: &mut Tx, shipment: ShipmentId, wanted: ShipmentState) -> Result<(), Error> {
    match store::state(tx, shipment).await?.map(|(state, _)| state) {
        None => Err(Error::NotFound { shipment }),
        Some(state) if state == wanted => Ok(()),
        Some(ShipmentState::Pending) => Err(Error::NotDispatched),
        Some(ShipmentState::Cancelled) => Err(Error::Cancelled),
        // Dispatched and lost can't be: then it would just have ended.
        Some(ShipmentState::Delivered | ShipmentState::Dispatched | ShipmentState::Lost) => Err(Error::Delivered),
    }
}
