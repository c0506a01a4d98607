//! Money that no gateway brings: transfers, invoices, cash on delivery.

use axum::http::StatusCode;
use contracts::orders::OrderId;
use contracts::payments::NextAction;
use platform::Outcome;
use serde_json::json;

use super::{BUYER, Shop, eur};

async fn ordered(shop: &Shop, method: &'static str) -> OrderId {
    let order = shop.order_by(method, None);
    shop.hear_payable(order, 10_000).await;
    shop.run_jobs().await;
    order
}

#[tokio::test]
async fn a_transfer_is_awaited_and_then_captured_when_it_is_due() {
    let shop = Shop::open().await;
    let order = ordered(&shop, "transfer").await;
    assert_eq!(shop.said(order).await, ["payment.action_required"]);
    let Some(NextAction::Transfer { reference, instructions, amount }) = shop.next_action(order).await else {
        panic!("the buyer is told what to do");
    };
    assert_eq!((reference.as_str(), amount), ("S-7K3M9Q", eur(10_000)));
    assert!(instructions.contains("IBAN"), "{instructions}");
    let (_, page) = shop.get("/v1/admin/payments?reference=S-7K3M9Q").await;
    assert_eq!(page["items"][0]["order"], json!(order), "staff find it by what is on the statement");

    let payment = shop.payment_ids(order).await[0];
    let (status, shown) = shop.receive(payment, "1", &json!({ "note": "statement 47" })).await;
    assert_eq!((status, &shown["status"]), (StatusCode::CREATED, &json!("authorized")), "{shown:#}");
    assert_eq!(shown["receipts"][0]["note"], "statement 47");
    assert_eq!(shop.next_action(order).await, None);
    shop.hear_capture(order, shop.ctx.ids.uuid(), 10_000, true).await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 0], "the money is there: no job is needed");
    assert_eq!(shop.run_due().await, 0);
    assert_eq!(shop.said(order).await, ["payment.action_required", "payment.authorized", "payment.captured"]);
    shop.refunds(order, 4_000).await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 4_000], "staff carry it out");
}

#[tokio::test]
async fn a_transfer_in_two_parts_is_authorised_with_the_second() {
    let shop = Shop::open().await;
    let order = ordered(&shop, "transfer").await;
    let payment = shop.payment_ids(order).await[0];
    let (_, shown) = shop.receive(payment, "1", &json!({ "amount": eur(6_000) })).await;
    assert_eq!(
        (&shown["status"], &shown["received"]["amount"]),
        (&json!("action_required"), &json!(6_000)),
        "{shown:#}"
    );
    let Some(NextAction::Transfer { amount, .. }) = shop.next_action(order).await else { panic!("a rest") };
    assert_eq!(amount, eur(4_000));
    let (status, again) = shop.receive(payment, "1", &json!({ "amount": eur(6_000) })).await;
    assert_eq!((status, &again["received"]["amount"]), (StatusCode::CREATED, &json!(6_000)), "the same key");
    let (status, problem) = shop.receive(payment, "2", &json!({ "amount": eur(4_001) })).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("payments.more_than_awaited")));
    assert_eq!(problem["context"]["awaited"], json!(eur(4_000)));
    shop.receive(payment, "3", &json!({})).await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
    assert_eq!(shop.receive(payment, "4", &json!({})).await.1["code"], "payments.nothing_awaited");
}

#[tokio::test]
async fn a_cancelled_order_awaits_no_transfer_and_what_came_in_goes_back() {
    let shop = Shop::open().await;
    let (nothing_came, some_came) = (ordered(&shop, "transfer").await, ordered(&shop, "transfer").await);
    shop.receive(shop.payment_ids(some_came).await[0], "1", &json!({ "amount": eur(6_000) })).await;
    shop.hear_cancelled(nothing_came).await;
    shop.hear_cancelled(some_came).await;
    shop.hear_cancelled(some_came).await;
    shop.run_jobs().await;
    assert_eq!((shop.sums(nothing_came).await, shop.attempts(nothing_came).await), ([0; 4], vec!["failed".to_owned()]));
    assert_eq!(shop.sums(some_came).await, [6_000, 0, 6_000, 0]);
    assert_eq!(shop.next_action(nothing_came).await, None);
    let late = shop.receive(shop.payment_ids(nothing_came).await[0], "2", &json!({})).await;
    assert_eq!(late.1["code"], "payments.nothing_awaited");
}

#[tokio::test]
async fn an_invoice_is_trusted_and_captured_when_its_money_comes() {
    let shop = Shop::open().await;
    let order = ordered(&shop, "invoice").await;
    assert_eq!(shop.said(order).await, ["payment.authorized"]);
    shop.hear_capture(order, shop.ctx.ids.uuid(), 4_000, false).await;
    shop.hear_capture(order, shop.ctx.ids.uuid(), 6_000, true).await;
    assert_eq!(shop.run_due().await, 0, "nobody is asked");
    assert_eq!(shop.facts(order).await[0].open, 2);
    let payment = shop.payment_ids(order).await[0];
    shop.receive(payment, "1", &json!({ "amount": eur(3_999) })).await;
    assert_eq!(shop.facts(order).await[0].captured, 0, "a cent is missing");
    let (_, shown) = shop.receive(payment, "2", &json!({ "amount": eur(5_000) })).await;
    assert_eq!(shown["captured"]["amount"], 4_000, "{shown:#}");
    shop.receive(payment, "3", &json!({})).await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 0]);
    assert_eq!(shop.receive(payment, "4", &json!({})).await.1["code"], "payments.nothing_awaited");
}

#[tokio::test]
async fn cash_that_comes_before_the_goods_are_booked_out_waits_for_the_capture() {
    let shop = Shop::open().await;
    let order = ordered(&shop, "cash_on_delivery").await;
    shop.receive(shop.payment_ids(order).await[0], "1", &json!({})).await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
    shop.hear_capture(order, shop.ctx.ids.uuid(), 10_000, true).await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 0]);
}

#[tokio::test]
async fn a_cancelled_order_waits_for_no_invoice_to_be_paid() {
    let shop = Shop::open().await;
    let order = ordered(&shop, "invoice").await;
    shop.hear_capture_due(order, shop.ctx.ids.uuid(), 4_000).await;
    shop.hear_cancelled(order).await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 10_000, 0]);
    let payment = shop.shown(shop.payment_ids(order).await[0]).await;
    assert_eq!(
        (&payment["status"], &payment["operations"][0]["state"]),
        (&json!("voided"), &json!("withdrawn")),
        "{payment:#}"
    );
}

/// An invoice may be paid in weeks: what was cancelled of it is not awaited any more, and what came of that goes back.
#[tokio::test]
async fn of_an_invoice_what_was_cancelled_need_not_be_paid() {
    let shop = Shop::open().await;
    let order = ordered(&shop, "invoice").await;
    shop.hear_capture(order, shop.ctx.ids.uuid(), 4_000, false).await;
    shop.hear_capture(order, shop.ctx.ids.uuid(), 6_000, true).await;
    assert_eq!(shop.hear_refund_due(order, shop.ctx.ids.uuid(), 1_000).await, Outcome::Done);
    assert_eq!(shop.facts(order).await[0].voided, 1_000);
    let payment = shop.payment_ids(order).await[0];
    let (_, problem) = shop.receive(payment, "1", &json!({ "amount": eur(9_001) })).await;
    assert_eq!(problem["context"]["awaited"], json!(eur(9_000)), "{problem:#}");
    shop.receive(payment, "2", &json!({ "amount": eur(8_000) })).await;
    assert_eq!(shop.facts(order).await[0].captured, 4_000, "50.00 wait for 10.00 more");

    assert_eq!(shop.hear_refund_due(order, shop.ctx.ids.uuid(), 3_000).await, Outcome::Done);
    assert_eq!(shop.sums(order).await, [10_000, 8_000, 2_000, 2_000], "10.00 need not come, and 20.00 go back");
    let (_, problem) = shop.receive(payment, "3", &json!({})).await;
    assert_eq!(problem["code"], "payments.nothing_awaited");
}

#[tokio::test]
async fn an_invoice_that_is_cancelled_but_for_a_cent_waits_for_the_cent() {
    let shop = Shop::open().await;
    let order = ordered(&shop, "invoice").await;
    shop.hear_capture(order, shop.ctx.ids.uuid(), 4_000, false).await;
    shop.hear_capture(order, shop.ctx.ids.uuid(), 6_000, true).await;
    shop.hear_refund_due(order, shop.ctx.ids.uuid(), 9_999).await;
    let payment = shop.payment_ids(order).await[0];
    let states: Vec<_> = shop.shown(payment).await["operations"]
        .as_array()
        .expect("operations")
        .iter()
        .map(|one| (one["kind"].clone(), one["state"].clone(), one["amount"]["amount"].clone()))
        .collect();
    let expected = [("capture", "pending", 1), ("capture", "withdrawn", 0), ("void", "done", 9_999)];
    assert_eq!(states, expected.map(|(kind, state, amount)| (json!(kind), json!(state), json!(amount))));
    shop.receive(payment, "1", &json!({})).await;
    assert_eq!(shop.sums(order).await, [10_000, 1, 9_999, 0]);
}

#[tokio::test]
async fn a_card_and_a_transfer_pay_one_order_and_the_card_takes_no_receipt() {
    let shop = Shop::open().await;
    let order = shop.order("tok_ok");
    shop.change(order, |order| order.amount = Some(2_500));
    shop.hear_payable(order, 10_000).await;
    shop.run_jobs().await;
    let body = json!({ "order": order, "method": "transfer" });
    let (status, made) = shop.post("/v1/payments", &[("idempotency-key", "1"), ("cart-token", BUYER)], &body).await;
    assert_eq!((status, &made["amount"]["amount"]), (StatusCode::CREATED, &json!(7_500)), "{made:#}");
    shop.run_jobs().await;
    let [card, transfer] = shop.payment_ids(order).await[..] else { panic!("two payments") };
    assert_eq!(shop.receive(card, "2", &json!({})).await.1["code"], "payments.nothing_awaited");
    shop.receive(transfer, "3", &json!({})).await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 0, 0]);
    shop.hear_capture(order, shop.ctx.ids.uuid(), 10_000, true).await;
    shop.run_jobs().await;
    shop.refunds(order, 10_000).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 10_000]);
}
