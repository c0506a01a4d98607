//! What buyers do. A scenario is one file; add it to [`ALL`], and it has its rows, ratios and progress.

mod beside;
mod cart;
mod hot_burst;
mod hot_product;
mod listing;
mod login_storm;
mod mixed_day;
mod product;
mod purchase;

use super::party::Who;
use super::stage::Scenario;

pub const ALL: &[Scenario] = &[
    product::SCENARIO,
    listing::SCENARIO,
    cart::SCENARIO,
    purchase::SCENARIO,
    hot_burst::SCENARIO,
    hot_product::SCENARIO,
    beside::SCENARIO,
    login_storm::SCENARIO,
    mixed_day::SCENARIO,
];

const EVERYONE: &[Who] = &[Who::Limit, Who::Souk, Who::SoukPostgres, Who::SoukProcesses, Who::Vendure, Who::Medusa];
const SHOPS: &[Who] = &[Who::Souk, Who::SoukPostgres, Who::SoukProcesses, Who::Vendure, Who::Medusa];
const SOUK: &[Who] = &[Who::Souk, Who::SoukPostgres, Who::SoukProcesses];
