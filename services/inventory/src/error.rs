//! What inventory refuses.

platform::errors! {
    /// A location of this name exists: use it, or choose another name.
    LocationExists => Conflict "inventory.location_exists" "a location of this name exists already: use that one, or choose another name";
    /// The adjustment would take more than lies there.
    BelowZero => Conflict "inventory.below_zero" "the adjustment takes away more than is on hand: read the level and send at most that";
}
