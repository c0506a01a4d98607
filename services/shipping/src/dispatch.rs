//! Sends a shipment off.

use ::store::Tx;
use contracts::shipping::{ShipmentDispatched, ShipmentId};
use platform::{Ctx, Staff, can};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::Error;
use crate::list_shipments::view_one;
use crate::shipment::{ShipmentState, ShipmentView};
use crate::store;

#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DispatchShipment {
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(example = "Post", max_length = 100)]
    pub carrier: Option<String>,
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(example = "RR123456785AT", max_length = 100)]
    pub tracking_number: Option<String>,
}

struct Dispatching {
    staff: Staff<()>,
    shipment: ShipmentId,
    asked: DispatchShipment,
}

/// Marks a shipment as gone and says shipment.dispatched; the second time it changes nothing and
/// answers the same.
///
/// Errors: `NotFound`, `Cancelled`.
pub async fn dispatch(
    ctx: &Ctx,
    staff: Staff<can::OrdersWrite>,
    shipment: ShipmentId,
    asked: DispatchShipment,
) -> Result<ShipmentView, Error> {
    let dispatching = Dispatching { staff: staff.actor(), shipment, asked };
    ctx.db.write(dispatching, |tx, dispatching| Box::pin(leave(tx, dispatching))).await?;
    view_one(ctx, shipment).await
}

async fn leave(tx: &mut Tx, dispatching: &Dispatching) -> Result<(), Error> {
    let Dispatching { staff, shipment, asked } = dispatching;
    let left = store::dispatch(tx, *shipment, asked.carrier.as_deref(), asked.tracking_number.as_deref()).await?;
    let Some((order, location)) = left else {
        return match store::state(tx, *shipment).await? {
            None => Err(Error::NotFound { shipment: *shipment }),
            Some(ShipmentState::Cancelled) => Err(Error::Cancelled),
            // Pending can't be: then it would just have left.
            Some(ShipmentState::Dispatched | ShipmentState::Delivered | ShipmentState::Pending) => Ok(()),
        };
    };
    let lines = store::packed(tx, *shipment).await?;
    tx.say(&ShipmentDispatched { shipment: *shipment, order, location, lines });
    staff.records(tx, "shipping.dispatch", shipment, &["state", "carrier", "tracking_number"]);
    Ok(())
}
