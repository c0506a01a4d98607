//! A product by its slug; the popular are asked for more often. The limit answers the same bytes from memory.

use super::EVERYONE;
use crate::speed::shops::Deed;
use crate::speed::stage::Scenario;

pub const SCENARIO: Scenario = Scenario {
    name: "product",
    about: "a product page by slug",
    whom: EVERYONE,
    run: |stage| Box::pin(stage.closed_loop(Deed::Product)),
};
