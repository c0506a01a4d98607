//! What gateways tell by themselves, and gateways that are late.

use axum::http::StatusCode;
use contracts::orders::OrderId;
use serde_json::{Value, json};

use super::{BUYER, Shop, ask};
use crate::attempt::{AttemptState, Outcome};
use crate::signature;
use crate::test_bank::{TestBank, TestBankEvent};

const SECRET: &str = "whsec_0123456789abcdef";

async fn open() -> Shop {
    let settings = [
        ("SOUK_PAYMENTS__CARD__GATEWAY_SECONDS_MAX".to_owned(), "1".to_owned()),
        ("SOUK_PAYMENTS__CARD__WEBHOOK_SECRET".to_owned(), SECRET.to_owned()),
    ];
    Shop::with(settings.into()).await
}

/// An event about the order's newest attempt, as the bank would send it.
async fn event(shop: &Shop, id: &str, order: OrderId) -> Value {
    let key = shop.attempt_ids(order).await.pop();
    json!(TestBankEvent { id: id.to_owned(), kind: "charge.updated".to_owned(), charge: None, key })
}

async fn tell(shop: &Shop, method: &str, event: &Value) -> (StatusCode, Value) {
    let header = signature::sign(SECRET.as_bytes(), event.to_string().as_bytes(), shop.ctx.clock.now());
    shop.post(&format!("/v1/gateway-events/{method}"), &[("gateway-signature", &header)], event).await
}

#[tokio::test]
async fn an_event_brings_what_a_silent_gateway_did_not_say() {
    let shop = open().await;
    let order = shop.payable("tok_silent").await;
    shop.run_due().await;
    assert_eq!(shop.attempts(order).await, ["unknown"]);
    let event = event(&shop, "evt_1", order).await;
    for _ in 0..3 {
        assert_eq!(tell(&shop, "card", &event).await.0, StatusCode::NO_CONTENT);
    }
    shop.run_jobs().await;
    assert_eq!(shop.said(order).await, ["payment.authorized"], "once");
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
}

#[tokio::test]
async fn an_event_that_comes_before_the_answer_is_the_answer() {
    let shop = open().await;
    let order = shop.payable("tok_ok").await;
    let (payment, key) = (shop.fact(order).await.expect("a payment").payment, shop.attempt_ids(order).await[0]);
    // The charge is made, and its answer on the way.
    TestBank::of(&shop.ctx, "card").authorize(&ask(key, payment, "tok_ok")).await.expect("an outcome");
    let event = event(&shop, "evt_1", order).await;
    let claimed = shop.claim().await;
    tell(&shop, "card", &event).await;
    shop.run_due().await;
    assert_eq!(shop.said(order).await, ["payment.authorized"]);
    shop.run_claimed(claimed).await;
    shop.run_jobs().await;
    assert_eq!(shop.said(order).await, ["payment.authorized"], "the answer says nothing new");
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_races_the_answer_changes_nothing() {
    let shop = open().await;
    for at in 0..15 {
        let order = shop.payable("tok_ok").await;
        let event = event(&shop, &format!("evt_{at}"), order).await;
        let telling = async {
            tell(&shop, "card", &event).await;
            shop.run_due().await;
        };
        futures::future::join(shop.run_jobs(), telling).await;
        shop.run_jobs().await;
        assert_eq!(shop.said(order).await, ["payment.authorized"]);
        assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
    }
}

#[tokio::test]
async fn an_event_after_the_answer_or_of_nothing_we_know_changes_nothing() {
    let shop = open().await;
    let order = shop.tried("tok_ok").await;
    tell(&shop, "card", &event(&shop, "evt_1", order).await).await;
    let unknown = json!({ "id": "evt_2", "type": "charge.updated", "charge": "ch_unknown" });
    assert_eq!(tell(&shop, "card", &unknown).await.0, StatusCode::NO_CONTENT);
    shop.run_jobs().await;
    assert_eq!(shop.said(order).await, ["payment.authorized"]);
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
}

#[tokio::test]
async fn what_is_not_the_gateways_is_not_heard() {
    let shop = open().await;
    let order = shop.payable("tok_silent").await;
    shop.run_due().await;
    let event = event(&shop, "evt_1", order).await;
    let path = "/v1/gateway-events/card";
    let (status, problem) = shop.post(path, &[], &event).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("payments.bad_signature")));
    let forged = signature::sign(b"another secret!!", event.to_string().as_bytes(), shop.ctx.clock.now());
    assert_eq!(shop.post(path, &[("gateway-signature", &forged)], &event).await.0, StatusCode::UNAUTHORIZED);
    let old = signature::sign(SECRET.as_bytes(), event.to_string().as_bytes(), shop.ctx.clock.now());
    shop.advance(301);
    assert_eq!(shop.post(path, &[("gateway-signature", &old)], &event).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(tell(&shop, "invoice", &event).await.1["code"], "payments.no_events");
    assert_eq!(tell(&shop, "barter", &event).await.1["code"], "payments.no_events");
    for unreadable in
        [json!({ "id": "evt_2" }), json!({ "id": "", "type": "x", "charge": "ch" }), json!({ "id": "e", "type": "x" })]
    {
        assert_eq!(tell(&shop, "card", &unreadable).await.0, StatusCode::BAD_REQUEST, "{unreadable}");
    }
    assert_eq!(shop.attempts(order).await, ["unknown"]);
}

#[tokio::test]
async fn the_bank_tells_by_itself() {
    let shop = open().await;
    let order = shop.payable("tok_event").await;
    // One second of silence, and the bank's event meanwhile.
    futures::future::join(shop.run_due(), async {
        while shop.said(order).await.is_empty() {
            shop.run_due().await;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    shop.run_jobs().await;
    assert_eq!(shop.said(order).await, ["payment.authorized"]);
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
}

#[tokio::test]
async fn a_charge_that_is_made_late_is_found() {
    let shop = open().await;
    let order = shop.payable("tok_late").await;
    shop.run_due().await;
    shop.run_due().await;
    assert_eq!(shop.attempts(order).await, ["unknown"], "the bank has not made it yet");
    shop.advance(20);
    shop.run_jobs().await;
    assert_eq!(shop.said(order).await, ["payment.authorized"]);
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
}

/// The first question is on its way to the bank still; the bank must not act on it any more.
#[tokio::test]
async fn an_order_that_is_cancelled_while_its_question_is_in_flight_is_never_charged() {
    let shop = open().await;
    let order = shop.payable("tok_late").await;
    shop.run_due().await;
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    assert_eq!(shop.attempts(order).await, ["failed"]);
    shop.advance(20);
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [0; 4]);
    assert!(shop.said(order).await.is_empty());
}

/// A gateway that had said no, or that there is nothing, and then holds the money after all.
async fn changes_its_mind(shop: &Shop, order: OrderId, id: &str) {
    let key = shop.attempt_ids(order).await.pop().expect("an attempt");
    changes_its_mind_about(shop, key, id).await;
}

async fn changes_its_mind_about(shop: &Shop, key: contracts::payments::AttemptId, id: &str) {
    let written = shop.ctx.db.write(key, |tx, key| Box::pin(crate::store::bank::relent(tx, *key)));
    written.await.expect("the books");
    let event = json!({ "id": id, "type": "charge.updated", "key": key });
    tell(shop, "card", &event).await;
    shop.run_jobs().await;
}

#[tokio::test]
async fn a_late_success_of_a_cancelled_order_is_given_back() {
    let shop = open().await;
    let order = shop.tried("tok_action").await;
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    assert_eq!(shop.attempts(order).await, ["failed"]);
    changes_its_mind(&shop, order, "evt_1").await;
    changes_its_mind(&shop, order, "evt_2").await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 10_000, 0]);
    assert_eq!(shop.said(order).await, ["payment.action_required", "payment.authorized", "payment.voided"]);
}

#[tokio::test]
async fn a_late_success_that_the_order_still_needs_pays_it() {
    let shop = open().await;
    let order = shop.tried("tok_declined").await;
    changes_its_mind(&shop, order, "evt_1").await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
    assert_eq!(shop.said(order).await, ["payment.declined", "payment.authorized"]);
    assert_eq!(shop.pay(order, "1", "tok_ok").await.1["code"], "payments.in_progress");
}

#[tokio::test]
async fn a_late_success_beside_a_good_card_is_let_go_in_silence() {
    let shop = open().await;
    let order = shop.tried("tok_declined").await;
    let declined = shop.attempt_ids(order).await[0];
    shop.pay(order, "1", "tok_ok").await;
    shop.run_jobs().await;
    changes_its_mind_about(&shop, declined, "evt_1").await;
    assert_eq!(shop.attempts(order).await, ["voided", "authorized"]);
    assert_eq!(shop.sums(order).await, [20_000, 0, 10_000, 0]);
    assert_eq!(shop.said(order).await, ["payment.declined", "payment.authorized"], "orders counts what it can take");
    shop.hear_capture(order, shop.ctx.ids.uuid(), 10_000, true).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [20_000, 10_000, 10_000, 0]);
}

#[tokio::test]
async fn a_gateway_answers_by_key_and_by_its_own_reference() {
    let shop = open().await;
    let order = shop.tried("tok_ok").await;
    let key = shop.attempt_ids(order).await[0];
    let bank = TestBank::of(&shop.ctx, "card");
    let by_key = bank.look_up(&crate::gateway::ChargeName::Key(key)).await.expect("an answer").expect("a charge");
    assert_eq!(by_key.outcome.state(), AttemptState::Authorized);
    let Outcome::Authorized { reference: Some(reference) } = by_key.outcome else { panic!("a reference") };
    let found = bank.look_up(&crate::gateway::ChargeName::Reference(reference)).await.expect("an answer");
    assert_eq!(found.map(|found| found.key), Some(key));
}

/// The card said no, an invoice was trusted instead, and then the card's bank holds the money after all.
#[tokio::test]
async fn what_came_late_is_let_go_at_the_gateway_that_it_came_from() {
    let shop = open().await;
    let order = shop.tried("tok_declined").await;
    let body = json!({ "order": order, "method": "invoice" });
    shop.post("/v1/payments", &[("idempotency-key", "1"), ("cart-token", BUYER)], &body).await;
    shop.run_jobs().await;
    assert_eq!(shop.attempts(order).await, ["declined", "authorized"]);
    let card = shop.attempt_ids(order).await[0];
    changes_its_mind_about(&shop, card, "evt_1").await;
    // Of a payment by invoice there is no witness: the bank's books are asked here.
    let charge = crate::store::bank::by_key(&shop.ctx.db, card).await.expect("the books").expect("a charge");
    let gone = shop
        .ctx
        .db
        .write(charge.reference, |tx, reference| Box::pin(crate::store::bank::apply(tx, reference, 0, 1, 0)));
    assert!(!gone.await.expect("the books"), "the bank holds nothing any more");
    assert_eq!(shop.facts(order).await[0].voided, 10_000);
    assert_eq!(shop.attempts(order).await, ["voided", "authorized"]);
}
