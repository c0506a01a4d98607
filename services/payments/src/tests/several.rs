//! Several payments for one order, and several captures of it.

use axum::http::StatusCode;
use platform::Outcome;
use serde_json::{Value, json};

use super::{BUYER, Shop, eur};

/// An order that its buyer means to pay in part: so much by this card.
async fn part_paid(shop: &Shop, token: &str, amount: i64) -> contracts::orders::OrderId {
    let order = shop.order(token);
    shop.change(order, |order| order.amount = Some(amount));
    shop.hear_payable(order, 10_000).await;
    shop.run_jobs().await;
    order
}

async fn pay(
    shop: &Shop,
    order: contracts::orders::OrderId,
    key: &str,
    token: &str,
    amount: i64,
) -> (StatusCode, Value) {
    let body = json!({ "order": order, "method": "card", "token": token, "amount": eur(amount) });
    shop.post("/v1/payments", &[("idempotency-key", key), ("cart-token", BUYER)], &body).await
}

fn amounts(payments: &[Value], what: &str) -> Vec<i64> {
    payments.iter().map(|payment| payment[what]["amount"].as_i64().expect("an amount")).collect()
}

#[tokio::test]
async fn two_cards_pay_one_order() {
    let shop = Shop::open().await;
    let order = part_paid(&shop, "tok_ok", 6_000).await;
    assert_eq!(shop.sums(order).await, [6_000, 0, 0, 0]);
    let (status, problem) = pay(&shop, order, "1", "tok_ok", 4_001).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("payments.more_than_due")), "{problem:#}");
    assert_eq!(problem["context"]["due"], json!(eur(4_000)));
    let early = shop.hear_capture_due(order, shop.ctx.ids.uuid(), 10_000).await;
    assert!(matches!(early, Outcome::Later(_)), "not all of it is authorised");

    assert_eq!(shop.pay(order, "2", "tok_ok").await.0, StatusCode::CREATED, "the rest, if no amount is said");
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
    assert_eq!(amounts(&shop.payments(order).await, "authorized"), [6_000, 4_000]);
    assert_eq!(pay(&shop, order, "3", "tok_ok", 1).await.1["code"], "payments.in_progress");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_that_race_are_for_no_more_than_the_total() {
    let shop = Shop::open().await;
    let order = part_paid(&shop, "tok_declined", 6_000).await;
    let keys: Vec<String> = (0..4).map(|key| key.to_string()).collect();
    let answers = futures::future::join_all(keys.iter().map(|key| pay(&shop, order, key, "tok_ok", 4_000))).await;
    let made = answers.iter().filter(|(status, _)| *status == StatusCode::CREATED).count();
    assert_eq!(made, 2, "{answers:#?}");
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [8_000, 0, 0, 0]);
}

#[tokio::test]
async fn a_declined_part_is_free_for_another_card() {
    let shop = Shop::open().await;
    let order = part_paid(&shop, "tok_ok", 6_000).await;
    pay(&shop, order, "1", "tok_declined", 4_000).await;
    shop.run_jobs().await;
    assert_eq!(pay(&shop, order, "2", "tok_ok", 3_000).await.0, StatusCode::CREATED);
    shop.run_jobs().await;
    let payments = shop.payments(order).await;
    assert_eq!((payments.len(), amounts(&payments, "amount")), (2, vec![6_000, 3_000]), "its next attempt");
    let attempts = payments[1]["attempts"].as_array().expect("attempts");
    let of: Vec<_> = attempts.iter().map(|attempt| (&attempt["state"], &attempt["amount"]["amount"])).collect();
    assert_eq!(of, [(&json!("declined"), &json!(4_000)), (&json!("authorized"), &json!(3_000))]);
    pay(&shop, order, "3", "tok_ok", 1_000).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
}

#[tokio::test]
async fn captures_are_taken_from_the_payments_in_their_order_and_refunds_from_the_newest() {
    let shop = Shop::open().await;
    let order = part_paid(&shop, "tok_ok", 6_000).await;
    pay(&shop, order, "1", "tok_ok", 4_000).await;
    shop.run_jobs().await;
    let (first, second) = (shop.ctx.ids.uuid(), shop.ctx.ids.uuid());
    shop.hear_capture_due(order, first, 7_000).await;
    shop.run_jobs().await;
    assert_eq!(amounts(&shop.payments(order).await, "captured"), [6_000, 1_000]);
    shop.hear_capture(order, second, 3_000, true).await;
    shop.hear_capture(order, first, 7_000, false).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 0]);
    let refund = shop.refunds(order, 5_000).await;
    shop.run_jobs().await;
    assert_eq!(amounts(&shop.payments(order).await, "refunded"), [1_000, 4_000]);
    let said = shop.said(order).await;
    assert_eq!(said.iter().filter(|said| *said == "payment.refunded").count(), 1, "one refund is said once: {said:?}");
    assert_eq!(shop.last_said(order).await["amount"], json!(eur(5_000)));
    assert_eq!(shop.get(&format!("/v1/admin/refunds/{refund}")).await.1["state"], "done");
}

#[tokio::test]
async fn a_refund_that_one_of_two_banks_refuses_is_partial_and_the_rest_can_be_refunded() {
    let shop = Shop::open().await;
    let order = part_paid(&shop, "tok_ok", 6_000).await;
    pay(&shop, order, "1", "tok_refund_refused", 4_000).await;
    shop.run_jobs().await;
    shop.hear_capture(order, shop.ctx.ids.uuid(), 10_000, true).await;
    shop.run_jobs().await;
    let refund = shop.refunds(order, 10_000).await;
    shop.run_jobs().await;
    let (_, shown) = shop.get(&format!("/v1/admin/refunds/{refund}")).await;
    assert_eq!((&shown["state"], &shown["refunded"]["amount"]), (&json!("partial"), &json!(6_000)), "{shown:#}");
    shop.refunds(order, 4_000).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 10_000]);
}

#[tokio::test]
async fn a_cancelled_order_gives_every_payment_back() {
    let shop = Shop::open().await;
    let order = part_paid(&shop, "tok_ok", 6_000).await;
    pay(&shop, order, "1", "tok_action", 3_000).await;
    shop.run_jobs().await;
    pay(&shop, order, "2", "tok_silent", 1_000).await;
    shop.run_due().await;
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    let [authorized, captured, voided, _] = shop.sums(order).await;
    assert_eq!((authorized, captured, voided), (7_000, 0, 7_000));
}

#[tokio::test]
async fn after_the_last_capture_what_stays_is_let_go() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_ok").await;
    // Two of three units of the first line are cancelled: 33.34 of it is not due.
    shop.change(order, |order| order.lines[0].cancelled = 2);
    let (first, last) = (shop.ctx.ids.uuid(), shop.ctx.ids.uuid());
    shop.hear_capture(order, last, 2_666, true).await;
    shop.run_due().await;
    shop.run_due().await;
    assert_eq!(shop.facts(order).await[0].voided, 0, "the first capture is on its way");
    shop.hear_capture(order, first, 4_000, false).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 6_666, 3_334, 0]);
    assert_eq!(shop.attempts(order).await, ["authorized"]);
}

#[tokio::test]
async fn a_refused_capture_keeps_its_money_until_staff_retry_it() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_capture_refused").await;
    shop.change(order, |order| order.lines[0].cancelled = 3);
    shop.hear_capture(order, shop.ctx.ids.uuid(), 3_000, false).await;
    shop.run_jobs().await;
    assert_eq!(shop.last_said(order).await["reason"], "try_again_by_hand");
    shop.hear_capture(order, shop.ctx.ids.uuid(), 2_000, true).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 2_000, 5_000, 0], "50.00 are due, 30.00 of them not taken yet");
    assert_eq!(shop.fact(order).await.map(|fact| fact.failed), Some(1));

    let payment = shop.shown(shop.payment_ids(order).await[0]).await;
    let failed = payment["operations"].as_array().expect("operations").iter().find(|one| one["state"] == "failed");
    let retry = format!("/v1/admin/payments/operations/{}/retry", failed.expect("one")["id"].as_str().expect("an id"));
    for _ in 0..2 {
        let (status, shown) = shop.post(&retry, &[("authorization", "Bearer staff")], &json!({})).await;
        assert_eq!(status, StatusCode::OK, "{shown:#}");
    }
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 5_000, 5_000, 0]);
    assert_eq!(shop.fact(order).await.map(|fact| fact.failed), Some(0));
    let (_, problem) = shop.post(&retry, &[("authorization", "Bearer staff")], &json!({})).await;
    assert_eq!(problem["code"], "payments.not_retryable");
}

#[tokio::test]
async fn a_refused_void_of_a_cancelled_order_is_shown_and_retried() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_void_refused").await;
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
    assert_eq!(shop.fact(order).await.map(|fact| fact.failed), Some(1));
    let payment = shop.shown(shop.payment_ids(order).await[0]).await;
    let retry =
        format!("/v1/admin/payments/operations/{}/retry", payment["operations"][0]["id"].as_str().expect("an id"));
    shop.post(&retry, &[("authorization", "Bearer staff")], &json!({})).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 10_000, 0]);
    assert_eq!(shop.attempts(order).await, ["voided"]);
}

#[tokio::test]
async fn an_answer_that_got_lost_moves_no_money_twice() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_answer_lost").await;
    shop.hear_capture(order, shop.ctx.ids.uuid(), 10_000, true).await;
    shop.run_due().await;
    assert_eq!(shop.facts(order).await[0].open, 1, "nobody knows yet");
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 0]);
}
