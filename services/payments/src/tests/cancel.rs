//! Money of cancelled orders, whenever the cancellation comes.

use axum::http::StatusCode;

use super::{Shop, ask};
use crate::test_bank::TestBank;

#[tokio::test]
async fn an_order_cancelled_before_it_was_payable_is_never_charged() {
    let shop = Shop::open().await;
    let order = shop.order("tok_ok");
    shop.hear_cancelled(order).await;
    shop.hear_payable(order, 10_000).await;
    shop.run_jobs().await;
    assert!(shop.said(order).await.is_empty());
    assert!(shop.fact(order).await.is_none(), "a tombstone is no payment");
}

#[tokio::test]
async fn an_order_cancelled_before_the_bank_was_asked_is_not_charged() {
    let shop = Shop::open().await;
    let order = shop.payable("tok_ok").await;
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    assert!(shop.said(order).await.is_empty());
    assert_eq!(shop.attempts(order).await, ["failed"]);
    assert_eq!(shop.sums(order).await, [0; 4]);
}

/// The bank holds the money, and the job that asked for it has not written it down yet.
#[tokio::test]
async fn an_order_cancelled_while_the_bank_is_asked_gets_its_money_back() {
    let shop = Shop::open().await;
    let order = shop.payable("tok_silent").await;
    shop.run_due().await;
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    assert_eq!(shop.said(order).await, ["payment.authorized", "payment.voided"]);
    assert_eq!(shop.sums(order).await, [10_000, 0, 10_000, 0]);
    assert_eq!(shop.attempts(order).await, ["voided"]);
    assert_eq!(shop.fact(order).await.and_then(|fact| fact.gateway).map(|gateway| gateway.charges_kept), Some(0));
}

#[tokio::test]
async fn an_authorised_order_that_is_cancelled_is_voided_once() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_ok").await;
    shop.hear_cancelled(order).await;
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    assert_eq!(shop.said(order).await, ["payment.authorized", "payment.voided"]);
    assert_eq!(shop.sums(order).await, [10_000, 0, 10_000, 0]);
}

#[tokio::test]
async fn a_captured_order_that_is_cancelled_gets_all_of_it_back() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_ok").await;
    shop.hear_capture_due(order, shop.ctx.ids.uuid(), 4_000).await;
    shop.run_jobs().await;
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 4_000, 6_000, 4_000]);
    let mut said = shop.said(order).await;
    said.sort();
    assert_eq!(said, ["payment.authorized", "payment.captured", "payment.refunded", "payment.voided"]);
}

#[tokio::test]
async fn a_capture_under_way_ends_before_its_cancelled_order_is_refunded() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_ok").await;
    shop.hear_capture_due(order, shop.ctx.ids.uuid(), 4_000).await;
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 4_000, 6_000, 4_000]);
}

#[tokio::test]
async fn a_charge_that_waits_for_its_buyer_is_withdrawn_with_its_order() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_action").await;
    let path = shop.bank_path(order).await.expect("a next action");
    shop.hear_cancelled(order).await;
    assert_eq!(shop.bank_path(order).await, None);
    shop.run_jobs().await;
    let answer = serde_json::json!({ "outcome": "authorized" });
    let (status, problem) = shop.post(&format!("{path}/complete"), &[], &answer).await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("payments.test_charge_ended")));
    assert_eq!(shop.attempts(order).await, ["failed"]);
    assert_eq!(shop.sums(order).await, [0; 4]);
}

#[tokio::test]
async fn a_buyer_who_confirms_just_before_the_cancellation_gets_the_money_back() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_action").await;
    shop.answer_at_bank(order, "authorized").await;
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 10_000, 0]);
    assert_eq!(shop.said(order).await, ["payment.action_required", "payment.authorized", "payment.voided"]);
}

/// The job died after the bank made the charge; the order was cancelled, and its token is gone.
#[tokio::test]
async fn a_charge_that_nobody_noted_is_found_and_given_back() {
    let shop = Shop::open().await;
    let order = shop.payable("tok_ok").await;
    let (payment, key) = (shop.fact(order).await.expect("a payment").payment, shop.attempt_ids(order).await[0]);
    let ask = ask(key, payment, "tok_ok");
    TestBank::of(&shop.ctx, "card").authorize(&ask).await.expect("an outcome");
    shop.lose_a_run().await;
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 10_000, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_races_the_authorisation() {
    let shop = Shop::open().await;
    for _ in 0..20 {
        let order = shop.payable("tok_ok").await;
        futures::future::join(shop.run_jobs(), shop.hear_cancelled(order)).await;
        shop.run_jobs().await;
        let [authorized, captured, voided, _] = shop.sums(order).await;
        assert_eq!((authorized, captured), (voided, 0));
    }
}
