//! Gives a confirmed order its shipment.

use ::store::Tx;
use contracts::orders::OrderConfirmed;
use contracts::shipping::{ShipmentCreated, ShipmentId, ShippedLine};
use platform::{Outcome, Problem};

use crate::store;

/// One shipment of all lines that need shipping, and shipment.created; none where no line does. An
/// order that is known already, by an earlier delivery or by its cancellation, is left as it is.
pub async fn create_shipment(tx: &mut Tx, confirmed: &OrderConfirmed) -> Result<Outcome, Problem> {
    if !store::open_order(tx, confirmed.order).await? {
        return Ok(Outcome::Done);
    }
    let to_ship = confirmed.lines.iter().filter(|line| line.requires_shipping);
    let lines: Vec<ShippedLine> =
        to_ship.map(|line| ShippedLine { line: line.line, variant: line.variant, quantity: line.quantity }).collect();
    if lines.is_empty() {
        return Ok(Outcome::Done);
    }
    let shipment: ShipmentId = tx.ids().next();
    store::insert_shipment(tx, shipment, confirmed.order, confirmed.location, &lines).await?;
    tx.say(&ShipmentCreated { shipment, order: confirmed.order });
    Ok(Outcome::Done)
}
