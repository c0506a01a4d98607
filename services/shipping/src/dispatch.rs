//! Sends a shipment off, or a part of it.

use ::store::Tx;
use contracts::Quantity;
use contracts::carts::LineId;
use contracts::shipping::{ShipmentCreated, ShipmentDispatched, ShipmentId};
use platform::{Ctx, Problem, Staff, can};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Error;
use crate::packing::{self, Part, Split};
use crate::parcel::{NewParcel, PARCELS_MAX};
use crate::shipment::{ShipmentState, ShipmentView};
use crate::show_shipments::view_one;
use crate::store::shipments as store;

/// What leaves, and in which boxes.
#[derive(Debug, Clone, Default, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DispatchShipment {
    /// Left out: all of it. Else the rest goes on as another shipment of the order.
    #[serde(default)]
    #[garde(length(max = LINES_MAX), dive)]
    #[schema(max_items = 100)]
    pub lines: Vec<DispatchedLine>,
    #[serde(default)]
    #[garde(length(max = PARCELS_MAX), dive)]
    #[schema(max_items = 50)]
    pub parcels: Vec<NewParcel>,
}

/// An order's lines.
const LINES_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DispatchedLine {
    #[garde(skip)]
    pub line: LineId,
    #[garde(skip)]
    pub quantity: Quantity,
}

struct Dispatching {
    staff: Staff<()>,
    shipment: ShipmentId,
    asked: DispatchShipment,
}

/// Marks a shipment as gone and says shipment.dispatched; of a part that leaves, the rest is a new pending
/// shipment, and shipment.created says so. A shipment leaves once, so that its id is the key of the request: asked
/// again, it changes nothing and answers the same, and refuses what says otherwise than what left.
///
/// Errors: `NotFound`, `Cancelled`, `Dispatched`; field problems for lines that are not there to send.
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
    // Who would hold goods back waits for this, or this for them.
    let order = store::lock_order_of(tx, *shipment).await?.ok_or(Error::NotFound { shipment: *shipment })?;
    let Some(location) = store::dispatch(tx, *shipment).await? else {
        return match store::state(tx, *shipment).await? {
            None => Err(Error::NotFound { shipment: *shipment }),
            Some((ShipmentState::Cancelled, _)) => Err(Error::Cancelled),
            // Pending can't be: then it would just have left.
            Some((
                ShipmentState::Dispatched | ShipmentState::Delivered | ShipmentState::Lost | ShipmentState::Pending,
                _,
            )) => has_left(tx, *shipment, asked).await,
        };
    };
    let packed = store::packed(tx, *shipment).await?;
    let parts: Vec<Part> =
        asked.lines.iter().map(|line| Part { line: line.line, quantity: line.quantity.get() }).collect();
    let Split { sent, rest } = packing::split(&packed, &parts)?;
    if !rest.is_empty() {
        let next: ShipmentId = tx.ids().next();
        store::move_rest(tx, *shipment, next, &rest).await?;
        tx.say(&ShipmentCreated { shipment: next, order, location, lines: rest });
    }
    store::insert_parcels(tx, *shipment, &asked.parcels).await?;
    tx.say(&ShipmentDispatched { shipment: *shipment, order, location, lines: sent });
    staff.records(tx, "shipping.dispatch", shipment, &["state", "parcels"]);
    Ok(())
}

/// Whether what is asked for is what left. Nothing said is all of it, and parcels as they are.
async fn has_left(tx: &mut Tx, shipment: ShipmentId, asked: &DispatchShipment) -> Result<(), Error> {
    let lines: Vec<DispatchedLine> = packing::sent(&store::packed(tx, shipment).await?)
        .into_iter()
        .filter_map(|line| Some(DispatchedLine { line: line.line, quantity: line.quantity.try_into().ok()? }))
        .collect();
    let parcels = store::parcels_in(tx, shipment).await?;
    if is_all_of(&asked.lines, &lines) && is_all_of(&asked.parcels, &parcels) {
        return Ok(());
    }
    let problem = Problem::from(Error::Dispatched);
    let left = serde_json::json!({ "lines": lines, "parcels": parcels });
    Err(Problem { context: Some(left), ..problem }.into())
}

/// The same things in any order, or nothing.
fn is_all_of<T: PartialEq>(asked: &[T], there: &[T]) -> bool {
    let count = |list: &[T], one: &T| list.iter().filter(|other| *other == one).count();
    asked.is_empty() || (asked.len() == there.len() && asked.iter().all(|one| count(asked, one) == count(there, one)))
}

#[cfg(test)]
mod tests {
    use super::is_all_of;

    #[test]
    fn a_repeat_says_the_same_in_any_order_or_nothing() {
        assert!(is_all_of(&[], &[1, 2]) && is_all_of(&[2, 1], &[1, 2]) && is_all_of(&[1, 2, 1], &[1, 1, 2]));
        assert!(!is_all_of(&[1], &[1, 2]) && !is_all_of(&[1, 1, 2], &[1, 2, 2]) && !is_all_of(&[1], &[]));
    }
}
