//! A mixed day: 95 % look, 4 % fill a cart, 1 % buy, at rates that rise until the 99th percentile passes 50 ms.

use std::sync::Arc;

use rand::Rng as _;

use super::SOUK;
use crate::speed::load::{self, Act};
use crate::speed::shops::{Deed, Shop};
use crate::speed::stage::{Sample, Scenario, Stage};

const FIRST_PER_SECOND: f64 = 1_000.0;
const STEP: f64 = 1.5;
const STEPS_MAX: usize = 12;
const P99_MAX_MS: f64 = 50.0;
/// As many as may wait at once before the wait shows.
const BUYERS: usize = 512;

pub const SCENARIO: Scenario = Scenario {
    name: "mixed-day",
    about: "95 % look, 4 % fill a cart, 1 % buy; the highest rate with p99 within 50 ms",
    whom: SOUK,
    run: |stage| Box::pin(run(stage)),
};

async fn run(stage: &Stage) -> Result<Vec<Sample>, String> {
    let mut best: Option<Sample> = None;
    let mut rate = FIRST_PER_SECOND;
    for _ in 0..STEPS_MAX {
        let buyers = stage.party.buyers(stage.seed, &format!("day {} {rate}", stage.round), BUYERS);
        let before = stage.party.used();
        let tally = load::at_rate(buyers, rate, stage.lasting, &day(&stage.party.shop)).await?;
        let used = stage.party.used().since(before);
        let is_kept = tally.quantile_ms(0.99) <= P99_MAX_MS && tally.failed() == 0;
        let sample = Sample::of("", &tally).costing(used, stage.party.resident()).with("rate", rate);
        if !is_kept {
            // The day before it broke is what the shop can take; if none was, this one says how it broke.
            return Ok(vec![best.unwrap_or(sample)]);
        }
        best = Some(sample);
        rate *= STEP;
    }
    Ok(best.into_iter().collect())
}

fn day(shop: &Arc<Shop>) -> Act {
    let shop = Arc::clone(shop);
    Arc::new(move |buyer| {
        let shop = Arc::clone(&shop);
        Box::pin(async move {
            let deed = match buyer.random.random_range(0..100) {
                0 => Deed::Purchase,
                1..5 => Deed::Cart,
                5..35 => Deed::Listing,
                _ => Deed::Product,
            };
            shop.does(deed, buyer).await
        })
    })
}
