//! What shipping refuses.

use contracts::shipping::ShipmentId;

platform::errors! {
    /// No such shipment.
    NotFound { shipment: ShipmentId } => NotFound "shipping.not_found" "there is no shipment {shipment}";
    /// A zone of this name exists: choose another name.
    ZoneExists => Conflict "shipping.zone_exists" "a zone of this name exists already: choose another name";
    /// The shipment's order was cancelled: don't send it.
    Cancelled => Conflict "shipping.cancelled" "the shipment was cancelled with its order: put the goods back";
    /// Only what was dispatched can be delivered.
    NotDispatched => Conflict "shipping.not_dispatched" "the shipment has not left yet: dispatch it first";
}
