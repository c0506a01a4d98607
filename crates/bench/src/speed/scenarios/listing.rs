//! A listing page: 20 items of a category in a range of prices. The limit answers the same bytes from memory.

use super::EVERYONE;
use crate::speed::shops::Deed;
use crate::speed::stage::Scenario;

pub const SCENARIO: Scenario = Scenario {
    name: "listing",
    about: "20 items of a category, filtered by price",
    whom: EVERYONE,
    run: |stage| Box::pin(stage.closed_loop(Deed::Listing)),
};
