//! Money that goes back.

use axum::http::StatusCode;
use contracts::orders::{OrderId, OrderRefundDue, UnitsDue};
use contracts::payments::RefundedUnits;
use platform::Outcome;
use serde_json::json;

use super::{Shop, back, calls, eur};

#[tokio::test]
async fn an_amount_goes_back_then_the_rest_and_then_there_is_nothing_left() {
    let shop = Shop::open().await;
    let order = shop.captured("tok_ok").await;
    let refund = shop.refunds(order, 4_000).await;
    let path = format!("/v1/admin/refunds/{refund}");
    assert_eq!(shop.get(&path).await.1["state"], "pending");
    shop.run_jobs().await;
    let (_, shown) = shop.get(&path).await;
    assert_eq!((&shown["state"], &shown["refunded"]), (&json!("done"), &json!(eur(4_000))), "{shown:#}");
    let said = shop.last_said(order).await;
    assert_eq!((&said["refund"], &said["amount"]), (&json!(refund), &json!(eur(4_000))), "{said:#}");

    let (status, problem) = shop.refund("more", &back(order, 6_001)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("payments.refund_exceeds_captured")));
    assert_eq!(problem["context"]["left"], json!(eur(6_000)));
    shop.refunds(order, 6_000).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 10_000]);
    assert_eq!(shop.refund("one more", &back(order, 1)).await.1["context"]["left"], json!(eur(0)));
    let (_, page) = shop.get(&format!("/v1/admin/refunds?order={order}")).await;
    let amounts: Vec<_> =
        page["items"].as_array().expect("refunds").iter().map(|one| &one["amount"]["amount"]).collect();
    assert_eq!(amounts, [6_000, 4_000]);
}

#[tokio::test]
async fn unit_by_unit_and_with_the_shipping_all_of_it_goes_back() {
    let shop = Shop::open().await;
    let order = shop.captured("tok_ok").await;
    let unit = |place| json!({ "order": order, "lines": [{ "line": shop.line(order, place), "quantity": 1 }], "reason": "one by one" });
    let mut returned = Vec::new();
    for (key, place) in [("1", 0), ("2", 0), ("3", 1), ("4", 0)] {
        let (status, refund) = shop.refund(key, &unit(place)).await;
        assert_eq!(status, StatusCode::CREATED, "{refund:#}");
        returned.push(refund["amount"]["amount"].as_i64().expect("an amount"));
    }
    assert_eq!(returned, [1_666, 1_667, 4_500, 1_667]);
    let (status, problem) = shop.refund("5", &unit(0)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("payments.already_refunded")));
    let shipping = json!({ "order": order, "shipping": true, "reason": "it came late" });
    assert_eq!(shop.refund("6", &shipping).await.1["amount"]["amount"], 500);
    assert_eq!(shop.refund("7", &shipping).await.1["code"], "payments.already_refunded");
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 10_000]);
    let said = shop.last_said(order).await;
    assert_eq!((&said["shipping"], &said["lines"]), (&json!(true), &json!([])), "{said:#}");
}

#[tokio::test]
async fn cancelled_units_are_not_refunded_by_hand() {
    let shop = Shop::open().await;
    let order = shop.captured("tok_ok").await;
    shop.change(order, |order| order.lines[0].cancelled = 2);
    let units = |quantity| json!({ "order": order, "lines": [{ "line": shop.line(order, 0), "quantity": quantity }], "reason": "x" });
    assert_eq!(shop.refund("1", &units(2)).await.1["code"], "payments.already_refunded");
    assert_eq!(shop.refund("2", &units(1)).await.1["amount"]["amount"], 1_666);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_refunds_of_sixty_percent_at_once_one_succeeds() {
    let shop = Shop::open().await;
    let order = shop.captured("tok_ok").await;
    let keys: Vec<String> = (0..20).map(|key| key.to_string()).collect();
    let body = back(order, 6_000);
    let answers = futures::future::join_all(keys.iter().map(|key| shop.refund(key, &body))).await;
    let made = answers.iter().filter(|(status, _)| *status == StatusCode::CREATED).count();
    let refused = answers.iter().filter(|(_, body)| body["code"] == "payments.refund_exceeds_captured").count();
    assert_eq!((made, refused), (1, 19));
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 6_000]);
}

#[tokio::test]
async fn the_same_key_is_one_refund_and_a_reference_names_one() {
    let shop = Shop::open().await;
    let order = shop.captured("tok_ok").await;
    let body = json!({ "order": order, "amount": eur(1_000), "reason": "x", "metadata": { "ticket": "7" },
        "external_ref": { "source": "desk", "id": "7" } });
    let (_, first) = shop.refund("1", &body).await;
    let (status, again) = shop.refund("1", &body).await;
    assert_eq!(
        (status, &again["id"], &again["metadata"]),
        (StatusCode::CREATED, &first["id"], &json!({ "ticket": "7" }))
    );
    assert_eq!(again["external_ref"], json!({ "source": "desk", "id": "7" }));
    assert_eq!(shop.refund("2", &body).await.1["code"], "payments.external_ref_taken");
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 1_000], "the refused one set nothing aside");
    shop.refunds(order, 9_000).await;
}

#[tokio::test]
async fn what_can_not_be_refunded_is_refused_by_field() {
    let shop = Shop::open().await;
    let order = shop.captured("tok_ok").await;
    let line = shop.line(order, 0);
    let stranger = shop.line(shop.order("tok_ok"), 0);
    let lines = |lines: serde_json::Value| json!({ "order": order, "lines": lines, "reason": "x" });
    let cases = [
        (json!({ "order": order, "reason": "x" }), "", 422),
        (json!({ "order": order, "amount": eur(1), "shipping": true, "reason": "x" }), "/amount", 422),
        (json!({ "order": order, "amount": eur(0), "reason": "x" }), "/amount/amount", 422),
        (
            json!({ "order": order, "amount": { "amount": 1, "currency": "USD" }, "reason": "x" }),
            "/amount/currency",
            422,
        ),
        (json!({ "order": order, "amount": eur(1), "reason": "" }), "/reason", 400),
        (lines(json!([{ "line": stranger, "quantity": 1 }])), "/lines/0/line", 422),
        (lines(json!([{ "line": line, "quantity": 1 }, { "line": line, "quantity": 1 }])), "/lines/1/line", 422),
        (lines(json!([{ "line": line, "quantity": 0 }])), "/lines/0/quantity", 400),
    ];
    for (place, (body, pointer, status)) in cases.into_iter().enumerate() {
        let (answered, problem) = shop.refund(&place.to_string(), &body).await;
        assert_eq!(
            (answered.as_u16(), problem["errors"][0]["pointer"].as_str()),
            (status, Some(pointer)),
            "{problem:#}"
        );
    }
    let nobodys: contracts::orders::OrderId = shop.ctx.ids.next();
    assert_eq!(shop.refund("a", &back(nobodys, 1)).await.1["code"], "orders.not_found");
    let unpaid = shop.tried("tok_declined").await;
    assert_eq!(shop.refund("b", &back(unpaid, 1)).await.1["code"], "payments.refund_exceeds_captured");
    let unheard = shop.order("tok_ok");
    assert_eq!(shop.refund("c", &back(unheard, 1)).await.1["code"], "payments.refund_exceeds_captured");
    shop.change(order, |order| order.shipping = 0);
    let free = json!({ "order": order, "shipping": true, "reason": "x" });
    assert_eq!(shop.refund("d", &free).await.1["code"], "payments.nothing_to_refund");
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 0]);
}

#[tokio::test]
async fn a_refused_refund_is_shown_and_gives_its_amount_and_units_free() {
    let shop = Shop::open().await;
    let order = shop.captured("tok_refund_refused").await;
    let body = json!({ "order": order, "lines": [{ "line": shop.line(order, 0), "quantity": 3 }], "shipping": true, "reason": "x" });
    let (_, refund) = shop.refund("1", &body).await;
    shop.run_jobs().await;
    let (_, shown) = shop.get(&format!("/v1/admin/refunds/{}", refund["id"].as_str().expect("an id"))).await;
    assert_eq!((&shown["state"], &shown["refunded"]["amount"]), (&json!("failed"), &json!(0)), "{shown:#}");
    assert_eq!(shop.said(order).await.last().map(String::as_str), Some("payment.failed"));
    assert_eq!(shop.fact(order).await.map(|fact| fact.failed), Some(1));
    let operation = &shop.payments(order).await[0]["id"];
    let detail = shop.get(&format!("/v1/admin/payments/{}", operation.as_str().expect("an id"))).await.1;
    assert_eq!(detail["operations"][1]["reason"], "try_again_by_hand", "{detail:#}");
    let retry =
        format!("/v1/admin/payments/operations/{}/retry", detail["operations"][1]["id"].as_str().expect("an id"));
    let (_, problem) = shop.post(&retry, &[("authorization", "Bearer staff")], &json!({})).await;
    assert_eq!(problem["code"], "payments.not_retryable", "make a new one");

    let (status, again) = shop.refund("2", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{again:#}");
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 5_500]);
    assert_eq!(shop.fact(order).await.map(|fact| fact.failed), Some(0), "it is mended");
}

#[tokio::test]
async fn cancelled_units_that_were_captured_go_back_once() {
    let shop = Shop::open().await;
    let (order, request) = (shop.tried("tok_ok").await, shop.ctx.ids.uuid());
    let early = shop.hear_refund_due(order, request, 3_000).await;
    assert!(matches!(early, Outcome::Later(_)), "the capture that it follows has not come");
    shop.hear_capture(order, shop.ctx.ids.uuid(), 10_000, true).await;
    for _ in 0..2 {
        assert_eq!(shop.hear_refund_due(order, request, 3_000).await, Outcome::Done);
    }
    assert_eq!(shop.states_of_refunds(order).await, ["waiting"], "the capture is under way");
    for _ in 0..2 {
        shop.run_jobs().await;
        assert_eq!(shop.hear_refund_due(order, request, 3_000).await, Outcome::Done);
    }
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 3_000]);
    let (_, refund) = shop.get(&format!("/v1/admin/refunds?order={order}")).await;
    assert_eq!(
        (&refund["items"][0]["cause"], refund["items"].as_array().map(Vec::len)),
        (&json!("lines_cancelled"), Some(1))
    );
}

#[tokio::test]
async fn of_what_staff_gave_back_already_only_the_rest_goes_back_again() {
    let shop = Shop::open().await;
    let order = shop.captured("tok_ok").await;
    shop.refunds(order, 8_000).await;
    shop.run_jobs().await;
    assert_eq!(shop.hear_refund_due(order, shop.ctx.ids.uuid(), 3_000).await, Outcome::Done);
    assert_eq!(shop.hear_refund_due(order, shop.ctx.ids.uuid(), 3_000).await, Outcome::Done);
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 10_000]);
}

/// Of the first line's three units at 50.00, these were cancelled, and with all of them the shipping.
fn cancelled(shop: &Shop, order: OrderId, from: i64, quantity: i64, amount: i64) -> OrderRefundDue {
    let units = UnitsDue { line: shop.line(order, 0), from, quantity, of: 3, total: eur(5_000) };
    let shipping = (from == 0).then(|| eur(500));
    OrderRefundDue { order, refund: shop.ctx.ids.uuid(), amount: eur(amount), lines: vec![units], shipping }
}

fn units(shop: &Shop, order: OrderId, quantity: i64) -> serde_json::Value {
    json!({ "order": order, "lines": [{ "line": shop.line(order, 0), "quantity": quantity }], "reason": "x" })
}

#[tokio::test]
async fn a_unit_that_staff_refunded_does_not_go_back_again_when_it_is_cancelled() {
    let shop = Shop::open().await;
    let order = shop.captured("tok_ok").await;
    assert_eq!(shop.refund("1", &units(&shop, order, 2)).await.1["amount"]["amount"], 3_333);
    shop.run_jobs().await;
    // The last went back by nobody, the one before it by staff; the first stays.
    let last_two = cancelled(&shop, order, 1, 2, 3_334);
    assert_eq!(shop.hear_units_due(last_two).await, Outcome::Done);
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 5_000]);
    let said = shop.last_said(order).await;
    assert_eq!(
        (&said["amount"]["amount"], &said["lines"][0]["quantity"], &said["shipping"]),
        (&json!(1_667), &json!(1), &json!(false)),
        "{said:#}"
    );

    let shipping = json!({ "order": order, "shipping": true, "reason": "x" });
    assert_eq!(shop.refund("2", &shipping).await.0, StatusCode::CREATED);
    let first = cancelled(&shop, order, 0, 1, 1_666 + 500);
    assert_eq!(shop.hear_units_due(first).await, Outcome::Done);
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 5_500], "all of it had gone back");
}

/// Staff read the order before the units were cancelled, and ask for them after.
#[tokio::test]
async fn a_unit_that_was_cancelled_is_not_refunded_by_who_has_not_heard_of_it() {
    let shop = Shop::open().await;
    let order = shop.captured("tok_ok").await;
    shop.hear_units_due(cancelled(&shop, order, 0, 1, 1_666 + 500)).await;
    shop.hear_units_due(cancelled(&shop, order, 1, 2, 3_334)).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 5_500], "heard in any order");
    assert_eq!(shop.refund("1", &units(&shop, order, 1)).await.1["code"], "payments.already_refunded");
    let shipping = json!({ "order": order, "shipping": true, "reason": "x" });
    assert_eq!(shop.refund("2", &shipping).await.1["code"], "payments.already_refunded");
    let asked = RefundedUnits { orders: vec![order] };
    let facts = calls::refunded_units(shop.ctx.clone(), asked).await.expect("facts");
    assert_eq!(facts.iter().map(|fact| (fact.quantity, fact.amount)).collect::<Vec<_>>(), [(3, 5_000)]);
}

/// A capture that the gateway refused may be retried weeks later: then what is owed goes back by itself.
#[tokio::test]
async fn what_is_owed_of_a_refused_capture_goes_back_once_it_is_captured() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_capture_refused").await;
    shop.hear_capture(order, shop.ctx.ids.uuid(), 10_000, true).await;
    shop.run_jobs().await;
    assert_eq!(shop.hear_units_due(cancelled(&shop, order, 1, 2, 3_334)).await, Outcome::Done);
    shop.run_jobs().await;
    assert_eq!((shop.states_of_refunds(order).await, shop.sums(order).await[3]), (vec!["waiting".to_owned()], 0));
    let payment = shop.shown(shop.payment_ids(order).await[0]).await;
    let operation = payment["operations"][0]["id"].as_str().expect("an id");
    let retry = format!("/v1/admin/payments/operations/{operation}/retry");
    shop.post(&retry, &[("authorization", "Bearer staff")], &json!({})).await;
    shop.run_jobs().await;
    assert_eq!((shop.states_of_refunds(order).await, shop.sums(order).await[3]), (vec!["done".to_owned()], 3_334));
}

#[tokio::test]
async fn what_is_owed_of_an_order_that_is_cancelled_goes_back_with_the_rest() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_ok").await;
    shop.hear_capture(order, shop.ctx.ids.uuid(), 10_000, true).await;
    shop.hear_units_due(cancelled(&shop, order, 1, 2, 3_334)).await;
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 10_000]);
    assert_eq!(shop.states_of_refunds(order).await, ["done", "withdrawn"]);
}

#[tokio::test]
async fn an_amount_beyond_all_money_is_refused_like_any_other() {
    let shop = Shop::open().await;
    let order = shop.captured("tok_ok").await;
    shop.refunds(order, 1).await;
    let (status, problem) = shop.refund("1", &back(order, i64::MAX)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("payments.refund_exceeds_captured")));
    assert_eq!(problem["context"]["left"], json!(eur(9_999)));
}

#[tokio::test]
async fn a_cancellation_gives_back_what_no_refund_did() {
    let shop = Shop::open().await;
    let order = shop.captured("tok_ok").await;
    shop.refunds(order, 2_500).await;
    shop.hear_cancelled(order).await;
    assert_eq!(shop.hear_refund_due(order, shop.ctx.ids.uuid(), 3_000).await, Outcome::Done, "all of it goes back");
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 10_000]);
    let (_, page) = shop.get(&format!("/v1/admin/refunds?order={order}&limit=1")).await;
    assert_eq!(
        (&page["items"][0]["cause"], &page["items"][0]["amount"]["amount"]),
        (&json!("order_cancelled"), &json!(7_500))
    );
}

/// The refund of staff was refused when the order had been cancelled: what it let go is the buyer's as well.
#[tokio::test]
async fn a_refused_refund_of_a_cancelled_order_is_made_again() {
    let shop = Shop::open().await;
    let order = shop.captured("tok_refund_refused").await;
    shop.refunds(order, 2_500).await;
    shop.hear_cancelled(order).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 10_000]);
}
