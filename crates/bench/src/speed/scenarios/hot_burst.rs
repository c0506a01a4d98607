//! 200 buyers at once want one thing of which there are 100: exactly 100 get it, and the others are told so.

use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use tokio::sync::Barrier;

use super::SHOPS;
use crate::speed::buyer::Bought;
use crate::speed::load::Tally;
use crate::speed::stage::{Sample, Scenario, Stage};

const STOCK: i64 = 100;
const BUYERS: usize = 200;

pub const SCENARIO: Scenario = Scenario {
    name: "hot-burst",
    about: "200 buyers at once, stock 100",
    whom: SHOPS,
    run: |stage| Box::pin(run(stage)),
};

async fn run(stage: &Stage) -> Result<Vec<Sample>, String> {
    match &stage.party.desk {
        Some(desk) => desk.set_stock(STOCK).await?,
        // Seeded with as many, once.
        None if stage.round > 0 => return Ok(Vec::new()),
        None => {}
    }
    let together = Arc::new(Barrier::new(BUYERS));
    let buyers = stage.party.buyers(stage.seed, &format!("burst {}", stage.round), BUYERS);
    let tries = buyers.into_iter().map(|mut buyer| {
        let (party, together) = (Arc::clone(&stage.party), Arc::clone(&together));
        tokio::spawn(async move {
            together.wait().await;
            let begun = Instant::now();
            (party.shop.buy_hot(&mut buyer).await, begun.elapsed())
        })
    });
    let before = stage.party.used();
    let ended = join_all(tries).await;
    let used = stage.party.used().since(before);
    let (mut tally, mut sold_out, mut told_ms) = (Tally::new(), 0, 0.0_f64);
    for end in ended {
        let (outcome, took) = end.map_err(|why| format!("a buyer of this program panicked: {why}"))?;
        match outcome {
            Ok(Bought::SoldOut) => {
                sold_out += 1;
                told_ms = told_ms.max(took.as_secs_f64() * 1_000.0);
            }
            Ok(Bought::Ordered) => tally.note(took, Ok(())),
            Err(why) => tally.note(took, Err(why)),
        }
    }
    tally.seconds = tally.quantile_ms(1.0) / 1_000.0;
    let sample = Sample::of("", &tally).costing(used, stage.party.resident());
    Ok(vec![
        sample
            .with("ordered", tally.done() as f64)
            .with("told sold out", f64::from(sold_out))
            .with("failed", tally.failed() as f64)
            .with("last told, ms", told_ms),
    ])
}
