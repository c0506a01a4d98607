//! Corrects a shipment's parcels, and what integrators noted of it.

use ::store::Tx;
use contracts::shipping::ShipmentId;
use contracts::{ExternalRef, Metadata};
use platform::http::said;
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::Error;
use crate::parcel::{NewParcel, PARCELS_MAX};
use crate::shipment::{ShipmentState, ShipmentView};
use crate::show_shipments::view_one;
use crate::store::shipments as store;

/// What is different about a shipment; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditShipment {
    /// All of them anew, once the shipment has left: a wrong tracking number is mended here.
    #[serde(default)]
    #[garde(length(max = PARCELS_MAX), dive)]
    #[schema(max_items = 50)]
    pub parcels: Option<Vec<NewParcel>>,
    /// All of it anew.
    #[serde(default)]
    #[garde(skip)]
    pub metadata: Option<Metadata>,
    /// Unique in the shop; null takes it away.
    #[serde(default, deserialize_with = "said")]
    #[garde(dive)]
    #[schema(value_type = Option<ExternalRef>)]
    pub external_ref: Option<Option<ExternalRef>>,
}

impl EditShipment {
    /// The names of what is changed, for the audit log.
    fn fields(&self) -> Vec<&'static str> {
        [
            ("parcels", self.parcels.is_some()),
            ("metadata", self.metadata.is_some()),
            ("external_ref", self.external_ref.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_said)| is_said.then_some(name))
        .collect()
    }
}

/// Nobody's change is lost: the edit is made on `version` or refused.
///
/// Errors: `NotFound`, `Changed`, `NotDispatched` (parcels), `ReferenceTaken`.
pub async fn edit_shipment(
    ctx: &Ctx,
    staff: Staff<can::OrdersWrite>,
    shipment: ShipmentId,
    version: i64,
    edit: EditShipment,
) -> Result<ShipmentView, Error> {
    if edit.fields().is_empty() {
        return Err(Problem::field("", "names no field to change").into());
    }
    let input = (staff.actor(), shipment, version, edit);
    ctx.db
        .write(input, |tx, (staff, shipment, version, edit)| Box::pin(change(tx, staff, *shipment, *version, edit)))
        .await?;
    view_one(ctx, shipment).await
}

async fn change(
    tx: &mut Tx,
    staff: &Staff<()>,
    shipment: ShipmentId,
    version: i64,
    edit: &EditShipment,
) -> Result<(), Error> {
    let edited = match store::edit(tx, shipment, version, edit).await {
        Err(::store::Error::Constraint { .. }) => return Err(Error::ReferenceTaken),
        other => other?,
    };
    let Some(state) = edited else {
        return Err(match store::state(tx, shipment).await? {
            Some((_, version)) => Error::Changed { version },
            None => Error::NotFound { shipment },
        });
    };
    if let Some(parcels) = &edit.parcels {
        match state {
            ShipmentState::Pending => return Err(Error::NotDispatched),
            ShipmentState::Cancelled => return Err(Error::Cancelled),
            ShipmentState::Dispatched | ShipmentState::Delivered | ShipmentState::Lost => {}
        }
        store::replace_parcels(tx, shipment, parcels).await?;
    }
    staff.records(tx, "shipping.edit_shipment", shipment, &edit.fields());
    Ok(())
}
