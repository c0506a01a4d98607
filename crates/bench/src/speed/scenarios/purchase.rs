//! A whole purchase: a cart with a line and an address, how it can be sent, that way chosen, ordered and paid by a card
//! that is good, and read again: it counts when that says *confirmed*. The limit makes as many durable transactions of
//! as many rows in the bare database.

use super::EVERYONE;
use crate::speed::limit::PURCHASE;
use crate::speed::party::Who;
use crate::speed::shops::Deed;
use crate::speed::stage::Scenario;

pub const SCENARIO: Scenario = Scenario {
    name: "purchase",
    about: "a whole purchase, until GET says confirmed",
    whom: EVERYONE,
    run: |stage| match stage.party.who {
        Who::Limit => Box::pin(stage.bare.databases(PURCHASE, stage.buyers, stage.lasting)),
        _ => Box::pin(stage.closed_loop(Deed::Purchase)),
    },
};
