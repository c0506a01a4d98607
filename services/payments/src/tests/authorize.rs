//! Attempts and their outcomes.

use axum::http::StatusCode;
use contracts::orders::OrderStatus;
use platform::Outcome;

use super::{Shop, ask};
use crate::test_bank::TestBank;

#[tokio::test]
async fn a_token_decides_what_the_bank_says() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_ok").await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
    assert_eq!(shop.said(order).await, ["payment.authorized"]);
    let refusals = [
        ("tok_declined", "card_declined"),
        ("tok_insufficient_funds", "insufficient_funds"),
        ("tok_x", "invalid_token"),
    ];
    for (token, reason) in refusals {
        let order = shop.tried(token).await;
        assert_eq!(shop.sums(order).await, [0; 4]);
        assert_eq!(shop.said(order).await, ["payment.declined"]);
        let said = shop.last_said(order).await;
        assert_eq!((said["reason"].as_str(), said["tries_left"].as_i64()), (Some(reason), Some(4)));
    }
}

#[tokio::test]
async fn a_slow_bank_is_waited_for() {
    let shop = Shop::patient(15).await;
    let order = shop.tried("tok_slow").await;
    assert_eq!(shop.said(order).await, ["payment.authorized"]);
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
}

#[tokio::test]
async fn a_silent_bank_is_asked_what_became_of_the_charge() {
    let shop = Shop::open().await;
    let order = shop.payable("tok_silent").await;
    shop.run_due().await;
    assert_eq!(shop.attempts(order).await, ["unknown"]);
    assert_eq!(shop.fact(order).await.map(|fact| fact.open), Some(1));
    assert!(shop.said(order).await.is_empty());
    shop.run_jobs().await;
    assert_eq!(shop.said(order).await, ["payment.authorized"]);
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
}

#[tokio::test]
async fn a_job_that_died_after_the_charge_charges_nothing_more() {
    let shop = Shop::open().await;
    let order = shop.payable("tok_ok").await;
    let payment = shop.fact(order).await.expect("a payment").payment;
    let key = shop.attempt_ids(order).await[0];
    let ask = ask(key, payment, "tok_ok");
    TestBank::of(&shop.ctx, "card").authorize(&ask).await.expect("an outcome");
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
    assert_eq!(shop.said(order).await, ["payment.authorized"]);
}

#[tokio::test]
async fn a_buyer_confirms_at_the_bank() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_action").await;
    assert_eq!(shop.said(order).await, ["payment.action_required"]);
    let page = shop.bank_path(order).await.expect("a next action");
    let (status, page) = shop.get(&page).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.as_str().is_some_and(|html| html.contains("100.00 EUR") && html.contains("Confirm")), "{page}");

    assert_eq!(shop.answer_at_bank(order, "authorized").await, StatusCode::NO_CONTENT);
    assert_eq!(shop.answer_at_bank(order, "authorized").await, StatusCode::NO_CONTENT, "a double click");
    assert_eq!(shop.answer_at_bank(order, "declined").await, StatusCode::CONFLICT);
    shop.run_jobs().await;
    assert_eq!(shop.said(order).await, ["payment.action_required", "payment.authorized"]);
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
    assert_eq!(shop.bank_path(order).await, None);
}

#[tokio::test]
async fn a_buyer_refuses_at_the_bank() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_action").await;
    assert_eq!(shop.answer_at_bank(order, "declined").await, StatusCode::NO_CONTENT);
    shop.run_jobs().await;
    assert_eq!(shop.said(order).await, ["payment.action_required", "payment.declined"]);
    assert_eq!(shop.attempts(order).await, ["declined"]);
    assert_eq!(shop.sums(order).await, [0; 4]);
}

#[tokio::test]
async fn a_buyer_who_answers_before_the_shop_has_noted_the_question_is_heard() {
    let shop = Shop::open().await;
    let order = shop.payable("tok_action").await;
    let payment = shop.fact(order).await.expect("a payment").payment;
    let key = shop.attempt_ids(order).await[0];
    let ask = ask(key, payment, "tok_action");
    let outcome = TestBank::of(&shop.ctx, "card").authorize(&ask).await.expect("an outcome");
    let path = format!("/v1/test-gateway/charges/{}/complete", outcome.reference().expect("a charge"));
    let answer = serde_json::json!({ "outcome": "authorized" });
    assert_eq!(shop.post(&path, &[], &answer).await.0, StatusCode::NO_CONTENT);
    shop.run_jobs().await;
    assert_eq!(shop.said(order).await, ["payment.authorized"]);
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
}

#[tokio::test]
async fn what_costs_nothing_needs_no_bank() {
    let shop = Shop::open().await;
    let order = shop.order("tok_declined");
    shop.hear_payable(order, 0).await;
    assert_eq!(shop.said(order).await, ["payment.authorized"]);
    assert_eq!(shop.hear_capture(order, shop.ctx.ids.uuid(), 0, true).await, Outcome::Done);
    assert_eq!(shop.said(order).await, ["payment.authorized"], "there is nothing to capture");
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [0; 4]);
}

#[tokio::test]
async fn an_order_without_a_token_is_declined_and_can_be_paid() {
    let shop = Shop::open().await;
    let order = shop.payable("tok_ok").await;
    shop.becomes(order, OrderStatus::Payable);
    shop.run_jobs().await;
    assert_eq!(shop.last_said(order).await["reason"], "missing_token");
    assert_eq!(shop.pay(order, "1", "tok_ok").await.0, StatusCode::CREATED);
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
}

/// The savepoints and the inbox of the bus are not counted here.
#[tokio::test]
async fn a_purchase_costs_few_statements() {
    let shop = Shop::open().await;
    let order = shop.order("tok_ok");
    shop.ctx.db.ledger().record();
    shop.hear_payable(order, 10_000).await;
    assert_eq!(shop.statements(), [("unnamed".to_owned(), 3)], "payment, attempt, job");
    shop.ctx.db.ledger().record();
    shop.run_due().await;
    // Ours: claim, read the attempt; sums, attempt, ledger, event, job; and the test's own retry.
    assert_eq!(shop.statements(), [("test gateway".to_owned(), 1), ("unnamed".to_owned(), 8)]);
}
