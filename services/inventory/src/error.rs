//! What inventory refuses.

platform::errors! {
    /// A location of this name exists: use it, or choose another name.
    LocationExists => Conflict "inventory.location_exists" "a location of this name exists already: use that one, or choose another name";
    /// The location is not known.
    LocationNotFound => NotFound "inventory.location_not_found" "there is no such location: `GET /v1/admin/locations` lists them";
    /// The location was changed since it was read.
    LocationChanged { version: i64 } => Stale "inventory.location_changed" "somebody changed the location: read it again (it is at version {version} now) and send its ETag";
    /// The shop has as many locations as it can have.
    TooManyLocations { locations_max: i64 } => Conflict "inventory.too_many_locations" "a shop has at most {locations_max} locations: reuse one that is not active any more";
    /// The shop has no active location yet, so goods can lie nowhere.
    NoLocation => Conflict "inventory.no_location" "there is no active location: make one with `POST /v1/admin/locations` first";
    /// The adjustment would take more than lies there.
    BelowZero => Conflict "inventory.below_zero" "the adjustment takes away more than is on hand: read the level and send at most that";
    /// Nobody ever counted stock of this variant, or there is no such variant.
    VariantNotFound => NotFound "inventory.variant_not_found" "no stock is known of such a variant";
    /// The stocktake is not known.
    StocktakeNotFound => NotFound "inventory.stocktake_not_found" "there is no such stocktake";
    /// The transfer is not known.
    TransferNotFound => NotFound "inventory.transfer_not_found" "there is no such transfer";
    /// The transfer is past that step, or not there yet.
    TransferState { verb: &'static str, state: &'static str } => Conflict "inventory.transfer_state" "the transfer can't be {verb}: it is {state}";
    /// The location can't give so much; `context.lines` says what it could.
    NotEnough => Conflict "inventory.not_enough" "the location can't give so much without breaking a promise: `context.lines` says what it can give of each";
}

/// What a location can give of a variant, and what was asked of it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Lacking {
    pub variant: contracts::catalog::VariantId,
    pub requested: i64,
    pub available: i64,
}

impl Error {
    /// [`Error::NotEnough`] that names the variants.
    pub fn not_enough(lines: Vec<Lacking>) -> Self {
        platform::Problem::from(Self::NotEnough).with_context(serde_json::json!({ "lines": lines })).into()
    }
}
