//! Everyone buys the same thing, of which there is enough: one row of stock that every purchase changes.

use super::SOUK;
use crate::speed::shops::Deed;
use crate::speed::stage::{Sample, Scenario, Stage};

const STOCK: i64 = 100_000;

pub const SCENARIO: Scenario = Scenario {
    name: "hot-product",
    about: "purchases of one variant, stock 100,000",
    whom: SOUK,
    run: |stage| Box::pin(run(stage)),
};

async fn run(stage: &Stage) -> Result<Vec<Sample>, String> {
    let desk = stage.party.desk.as_ref().ok_or("nobody can set its stock")?;
    desk.set_stock(STOCK).await?;
    stage.closed_loop(Deed::BuyHot).await
}
