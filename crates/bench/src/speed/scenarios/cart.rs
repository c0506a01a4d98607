//! A new cart with one line. The limit makes as many durable transactions of as many rows in the bare database.

use super::EVERYONE;
use crate::speed::limit::CART;
use crate::speed::party::Who;
use crate::speed::shops::Deed;
use crate::speed::stage::Scenario;

pub const SCENARIO: Scenario = Scenario {
    name: "cart",
    about: "a new cart with one line",
    whom: EVERYONE,
    run: |stage| match stage.party.who {
        Who::Limit => Box::pin(stage.bare.databases(CART, stage.buyers, stage.lasting)),
        _ => Box::pin(stage.closed_loop(Deed::Cart)),
    },
};
