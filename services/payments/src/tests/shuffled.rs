//! Events in any order and as often as they like, with jobs run, lost and run again in between: the
//! books agree with the bank's, and a cancelled order's money is the buyer's again.

use platform::Outcome;
use proptest::prelude::*;

use super::Shop;

#[derive(Debug, Clone, Copy)]
enum Step {
    Payable,
    /// One of two shipments, of 40.00 and 60.00.
    CaptureDue(usize),
    Cancelled,
    RunJobs,
    /// The process died right after it had claimed its jobs.
    LoseARun,
    BuyerAnswers(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => Just(Step::Payable),
        3 => (0_usize..2).prop_map(Step::CaptureDue),
        1 => Just(Step::Cancelled),
        3 => Just(Step::RunJobs),
        1 => Just(Step::LoseARun),
        2 => any::<bool>().prop_map(Step::BuyerAnswers),
    ];
    prop::collection::vec(step, 1..16)
}

fn tokens() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["tok_ok", "tok_declined", "tok_action"])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_books_agree_in_any_order(steps in steps(), token in tokens()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        runtime.block_on(story(&steps, token));
    }
}

async fn story(steps: &[Step], token: &str) {
    let shop = Shop::open().await;
    let order = shop.order(token);
    let shipments = [(shop.ctx.ids.uuid(), 4_000), (shop.ctx.ids.uuid(), 6_000)];
    let mut parked = Vec::new();
    let mut is_cancelled = false;
    for step in steps {
        match *step {
            Step::Payable => shop.hear_payable(order, 10_000).await,
            Step::CaptureDue(which) => parked.push(which),
            Step::Cancelled => {
                is_cancelled = true;
                shop.hear_cancelled(order).await;
            }
            Step::RunJobs => drop(shop.run_due().await),
            Step::LoseARun => shop.lose_a_run().await,
            Step::BuyerAnswers(yes) => {
                if shop.bank_path(order).await.is_some() {
                    shop.answer_at_bank(order, if yes { "authorized" } else { "declined" }).await;
                }
            }
        }
        parked = hear_captures(&shop, order, &shipments, parked).await;
    }
    shop.hear_payable(order, 10_000).await;
    shop.run_jobs().await;
    let left = hear_captures(&shop, order, &shipments, parked).await;
    shop.run_jobs().await;
    if shop.fact(order).await.is_none() {
        assert!(is_cancelled, "only an order that was cancelled first has no payment");
        return;
    }
    let [authorized, captured, voided, refunded] = shop.sums(order).await;
    if is_cancelled {
        assert_eq!(authorized, voided + refunded, "a cancelled order keeps nothing");
    } else {
        let due =
            [0, 1].into_iter().filter(|which| authorized > 0 && asked(steps, *which)).map(|which| shipments[which].1);
        assert_eq!(captured, due.sum::<i64>());
        assert_eq!((voided, refunded), (0, 0));
        assert!(authorized == 0 || left.is_empty());
    }
}

fn asked(steps: &[Step], shipment: usize) -> bool {
    steps.iter().any(|step| matches!(step, Step::CaptureDue(which) if *which == shipment))
}

/// Hears each twice; returns what has to wait.
async fn hear_captures(
    shop: &Shop,
    order: contracts::orders::OrderId,
    shipments: &[(uuid::Uuid, i64)],
    parked: Vec<usize>,
) -> Vec<usize> {
    let mut waiting = Vec::new();
    for which in parked {
        let (shipment, amount) = shipments[which];
        let first = shop.hear_capture_due(order, shipment, amount).await;
        let again = shop.hear_capture_due(order, shipment, amount).await;
        assert_eq!(first, again);
        if first != Outcome::Done {
            waiting.push(which);
        }
    }
    waiting
}
