//! Paying again.

use axum::http::StatusCode;
use contracts::orders::OrderStatus;
use serde_json::json;

use super::{BUYER, Shop};

#[tokio::test]
async fn a_declined_order_can_be_paid_with_another_card() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_declined").await;
    let (status, payment) = shop.pay(order, "1", "tok_ok").await;
    assert_eq!((status, payment["status"].as_str()), (StatusCode::CREATED, Some("pending")), "{payment}");
    shop.run_jobs().await;
    assert_eq!(shop.attempts(order).await, ["declined", "authorized"]);
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
}

#[tokio::test]
async fn the_same_key_makes_one_attempt() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_declined").await;
    let (_, first) = shop.pay(order, "1", "tok_declined").await;
    shop.run_jobs().await;
    let (status, again) = shop.pay(order, "1", "tok_declined").await;
    assert_eq!((status, &again["id"]), (StatusCode::CREATED, &first["id"]));
    assert_eq!(shop.attempts(order).await, ["declined", "declined"]);
    let (status, problem) = shop.pay(order, "1", "tok_ok").await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("request.key_reused")));
}

#[tokio::test]
async fn two_cards_at_once_make_one_attempt() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_declined").await;
    let keys: Vec<String> = (0..8).map(|key| key.to_string()).collect();
    let answers = futures::future::join_all(keys.iter().map(|key| shop.pay(order, key, "tok_ok"))).await;
    let made = answers.iter().filter(|(status, _)| *status == StatusCode::CREATED).count();
    assert_eq!(made, 1);
    let refused = answers.iter().filter(|(_, body)| body["code"] == "payments.in_progress").count();
    assert_eq!(refused, 7);
    shop.run_jobs().await;
    assert_eq!(shop.attempts(order).await, ["declined", "authorized"]);
    assert_eq!(shop.pay(order, "late", "tok_ok").await.1["code"], "payments.in_progress");
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
}

#[tokio::test]
async fn an_order_is_tried_five_times() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_declined").await;
    for key in ["2", "3", "4", "5"] {
        assert_eq!(shop.pay(order, key, "tok_declined").await.0, StatusCode::CREATED);
        shop.run_jobs().await;
    }
    assert_eq!(shop.last_said(order).await["tries_left"], 0);
    let (status, problem) = shop.pay(order, "6", "tok_ok").await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("payments.too_many_tries")));
}

#[tokio::test]
async fn only_a_payable_order_of_ones_own_is_paid() {
    let shop = Shop::open().await;
    let order = shop.order("tok_ok");
    let (status, problem) = shop.pay(order, "1", "tok_ok").await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("payments.not_ready")));
    assert_eq!(problem["retry_after_seconds"], 1);

    shop.becomes(order, OrderStatus::Confirmed);
    assert_eq!(shop.pay(order, "1", "tok_ok").await.1["code"], "payments.not_payable");

    let body = json!({ "order": order, "method": "card", "token": "tok_ok" });
    let stranger = shop.post("/v1/payments", &[("idempotency-key", "1"), ("cart-token", "souk_ct_eve")], &body).await;
    assert_eq!((stranger.0, stranger.1["code"].as_str()), (StatusCode::NOT_FOUND, Some("orders.not_found")));
    let keyless = shop.post("/v1/payments", &[("cart-token", BUYER)], &body).await;
    assert_eq!(keyless.0, StatusCode::PRECONDITION_REQUIRED);
}

#[tokio::test]
async fn a_card_number_or_an_unknown_method_is_refused_by_field() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_declined").await;
    let (status, problem) = shop.pay(order, "1", "4242424242424242").await;
    assert_eq!((status, problem["errors"][0]["pointer"].as_str()), (StatusCode::BAD_REQUEST, Some("/token")));
    assert!(!problem.to_string().contains("4242"), "{problem}");
    let body = json!({ "order": order, "method": "barter", "token": "tok_ok" });
    let (status, problem) = shop.post("/v1/payments", &[("idempotency-key", "1"), ("cart-token", BUYER)], &body).await;
    assert_eq!((status, problem["errors"][0]["pointer"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("/method")));
    let body = json!({ "order": order, "method": "card" });
    let (status, problem) = shop.post("/v1/payments", &[("idempotency-key", "1"), ("cart-token", BUYER)], &body).await;
    assert_eq!((status, problem["errors"][0]["pointer"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("/token")));
}

#[tokio::test]
async fn a_way_to_pay_that_is_switched_off_is_not_offered_and_still_looked_after() {
    let off = [("SOUK_PAYMENTS__INVOICE__ENABLED".to_owned(), "false".to_owned())];
    let shop = Shop::with(off.into()).await;
    let order = shop.order_by("invoice", None);
    shop.hear_payable(order, 10_000).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0], "it was ordered before");
    let other = shop.tried("tok_declined").await;
    let body = json!({ "order": other, "method": "invoice" });
    let (status, problem) = shop.post("/v1/payments", &[("idempotency-key", "1"), ("cart-token", BUYER)], &body).await;
    assert_eq!((status, problem["errors"][0]["pointer"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("/method")));
}

#[tokio::test]
async fn a_buyer_may_wait_for_the_outcome() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_declined").await;
    let body = json!({ "order": order, "method": "card", "token": "tok_ok" });
    let headers = [("idempotency-key", "1"), ("cart-token", BUYER), ("prefer", "wait=10")];
    let waiting = shop.post("/v1/payments", &headers, &body);
    let working = async {
        while shop.said(order).await.len() < 2 {
            shop.run_due().await;
            tokio::task::yield_now().await;
        }
    };
    let ((status, payment), ()) = futures::future::join(waiting, working).await;
    assert_eq!((status, payment["status"].as_str()), (StatusCode::CREATED, Some("authorized")));
}

#[tokio::test]
async fn a_token_is_kept_no_longer_than_until_the_bank_has_answered() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_declined").await;
    shop.pay(order, "1", "tok_silent").await;
    assert_eq!(shop.token(order).await.as_deref(), Some("tok_silent"));
    shop.run_due().await;
    assert_eq!(shop.token(order).await.as_deref(), Some("tok_silent"), "it may have to be asked again");
    shop.run_jobs().await;
    assert_eq!(shop.token(order).await, None);
}

#[tokio::test]
async fn staff_page_through_payments_newest_first() {
    let shop = Shop::open().await;
    let first = shop.tried("tok_ok").await;
    shop.hear_cancelled(shop.order("tok_ok")).await;
    let second = shop.tried("tok_declined").await;
    let (_, page) = shop.get("/v1/admin/payments?limit=1").await;
    assert_eq!((page["items"][0]["order"].clone(), page["items"].as_array().map(Vec::len)), (json!(second), Some(1)));
    let next = page["next"].as_str().expect("a second page");
    let (_, page) = shop.get(&format!("/v1/admin/payments?limit=1&cursor={next}")).await;
    assert_eq!((page["items"][0]["order"].clone(), page["next"].clone()), (json!(first), json!(null)));
    assert_eq!(page["items"][0]["status"], "authorized");
    assert_eq!(page["items"][0]["authorized"], json!({ "amount": 10_000, "currency": "EUR" }));
}

#[tokio::test]
async fn staff_look_for_a_reference_or_an_order_and_not_for_nonsense() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_ok").await;
    let payment = shop.shown(shop.payment_ids(order).await[0]).await;
    let reference = payment["reference"].as_str().expect("the bank's name for the charge");
    let (_, page) = shop.get(&format!("/v1/admin/payments?reference={reference}")).await;
    assert_eq!(page["items"][0]["id"], payment["id"]);
    assert_eq!(shop.get("/v1/admin/payments?reference=elsewhere").await.1["items"], json!([]));
    assert_eq!(
        shop.get(&format!("/v1/admin/payments?reference=x&order={order}")).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    for nonsense in ["", "%00", &"x".repeat(256)] {
        let (status, problem) = shop.get(&format!("/v1/admin/payments?reference={nonsense}")).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (StatusCode::BAD_REQUEST, &json!("reference")),
            "{problem}"
        );
    }
    for nothing in ["pay_01jd5zs2xce3nbq7tpv5f8k9wm", "ref_01jd5zs2xce3nbq7tpv5f8k9wm"] {
        let kind = if nothing.starts_with("pay") { "payments" } else { "refunds" };
        assert_eq!(shop.get(&format!("/v1/admin/{kind}/{nothing}")).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(shop.get("/v1/test-gateway/charges/%00").await.0, StatusCode::NOT_FOUND);
}

/// A guest has a link by mail where the card was declined, and the cart's token is lost.
#[tokio::test]
async fn who_holds_a_link_to_the_order_pays_it_and_no_other() {
    let shop = Shop::open().await;
    let (order, other) = (shop.tried("tok_declined").await, shop.tried("tok_declined").await);
    let token = format!("souk_ot_{order}");
    let pay = async |order, key| {
        let body = json!({ "order": order, "method": "card", "token": "tok_ok" });
        shop.post("/v1/payments", &[("idempotency-key", key), ("order-token", &token)], &body).await
    };
    assert_eq!(pay(other, "1").await.1["code"], "orders.not_found");
    assert_eq!(pay(order, "2").await.0, StatusCode::CREATED);
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
}
