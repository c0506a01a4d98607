//! What shipping refuses.

use contracts::shipping::{ShipmentId, ShippingMethodId, ShippingZoneId};

platform::errors! {
    /// No such shipment.
    NotFound { shipment: ShipmentId } => NotFound "shipping.not_found" "there is no shipment {shipment}";
    /// No such zone.
    ZoneNotFound { zone: ShippingZoneId } => NotFound "shipping.zone_not_found" "there is no zone {zone}";
    /// No such method.
    MethodNotFound { method: ShippingMethodId } => NotFound "shipping.method_not_found" "there is no method {method}";
    /// A zone of this name exists: choose another name.
    ZoneExists => Conflict "shipping.zone_exists" "a zone of this name exists already: choose another name";
    /// The zone has as many methods as it can: edit one of them, or bring an archived one back.
    TooManyMethods { most: i64 } => Conflict "shipping.too_many_methods" "a zone has at most {most} methods: edit one of them, or bring an archived one back";
    /// Somebody changed it since it was read: read it again.
    Changed { version: i64 } => Stale "shipping.changed" "it was changed since you read it and has version {version} now: read it again";
    /// The shipment was cancelled: don't send it.
    Cancelled => Conflict "shipping.cancelled" "the shipment was cancelled: put the goods back";
    /// Only what was dispatched can be delivered or lost, and has parcels.
    NotDispatched => Conflict "shipping.not_dispatched" "the shipment has not left yet: dispatch it first";
    /// The shipment arrived: it isn't lost.
    Delivered => Conflict "shipping.delivered" "the shipment was delivered: it isn't lost";
    /// The shipment left before, with other lines or parcels: `context` has what left.
    Dispatched => Conflict "shipping.dispatched" "the shipment has left already, with what `context` says: correct its parcels with `PATCH`, or dispatch the shipment that holds the rest";
    /// Another shipment has this reference.
    ReferenceTaken => Conflict "shipping.reference_taken" "another shipment has this `external_ref`";
}
