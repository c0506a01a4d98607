//! Browsing at a fixed rate: alone, and while buyers buy as fast as they can. A shop whose orders slow down its pages
//! loses both.

use super::SOUK;
use crate::speed::shops::Deed;
use crate::speed::stage::{Sample, Scenario, Stage};

const PAGES_PER_SECOND: f64 = 1_000.0;
const BROWSERS: usize = 64;

pub const SCENARIO: Scenario = Scenario {
    name: "browsing",
    about: "1,000 product pages a second at a fixed rate, alone and while buyers buy as fast as they can",
    whom: SOUK,
    run: |stage| Box::pin(run(stage)),
};

async fn run(stage: &Stage) -> Result<Vec<Sample>, String> {
    let alone = stage.at_rate(Deed::Product, "alone", BROWSERS, PAGES_PER_SECOND).await?;
    let buying = stage.start(Deed::Purchase, "beside", stage.buyers);
    let (browsing, buying) = futures::join!(
        stage.at_rate(Deed::Product, "beside", BROWSERS, PAGES_PER_SECOND),
        stage.finish("the buyers", buying)
    );
    Ok(vec![Sample::of("alone", &alone), Sample::of("beside buyers", &browsing?), buying?])
}
