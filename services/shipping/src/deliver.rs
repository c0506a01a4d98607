//! Notes that a shipment arrived.

use ::store::Tx;
use contracts::shipping::{ShipmentDelivered, ShipmentId};
use platform::{Ctx, Staff, can};

use crate::error::Error;
use crate::list_shipments::view_one;
use crate::shipment::{ShipmentState, ShipmentView};
use crate::store;

/// Marks a dispatched shipment as arrived and says shipment.delivered; the second time it changes
/// nothing and answers the same.
///
/// Errors: `NotFound`, `NotDispatched`, `Cancelled`.
pub async fn deliver(ctx: &Ctx, staff: Staff<can::OrdersWrite>, shipment: ShipmentId) -> Result<ShipmentView, Error> {
    let input = (staff.actor(), shipment);
    ctx.db.write(input, |tx, (staff, shipment)| Box::pin(arrive(tx, staff, *shipment))).await?;
    view_one(ctx, shipment).await
}

async fn arrive(tx: &mut Tx, staff: &Staff<()>, shipment: ShipmentId) -> Result<(), Error> {
    let Some(order) = store::deliver(tx, shipment).await? else {
        return match store::state(tx, shipment).await? {
            None => Err(Error::NotFound { shipment }),
            Some(ShipmentState::Pending) => Err(Error::NotDispatched),
            Some(ShipmentState::Cancelled) => Err(Error::Cancelled),
            // Dispatched can't be: then it would just have arrived.
            Some(ShipmentState::Delivered | ShipmentState::Dispatched) => Ok(()),
        };
    };
    tx.say(&ShipmentDelivered { shipment, order });
    staff.records(tx, "shipping.deliver", shipment, &["state"]);
    Ok(())
}
