//! Captures.

use platform::Outcome;

use super::Shop;

#[tokio::test]
async fn a_capture_waits_for_its_authorisation() {
    let shop = Shop::open().await;
    let (order, shipment) = (shop.order("tok_ok"), shop.ctx.ids.uuid());
    assert!(matches!(shop.hear_capture_due(order, shipment, 4_000).await, Outcome::Later(_)));
    shop.hear_payable(order, 10_000).await;
    assert!(matches!(shop.hear_capture_due(order, shipment, 4_000).await, Outcome::Later(_)));
    shop.run_jobs().await;
    assert_eq!(shop.hear_capture_due(order, shipment, 4_000).await, Outcome::Done);
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 4_000, 0, 0]);
    let said = shop.last_said(order).await;
    assert_eq!(
        (&said["capture"], &said["amount"]["amount"]),
        (&serde_json::json!(shipment), &serde_json::json!(4_000))
    );
}

#[tokio::test]
async fn a_shipment_is_captured_once() {
    let shop = Shop::open().await;
    let (order, shipment) = (shop.tried("tok_ok").await, shop.ctx.ids.uuid());
    for _ in 0..3 {
        shop.hear_capture_due(order, shipment, 4_000).await;
        shop.run_jobs().await;
    }
    shop.hear_capture_due(order, shop.ctx.ids.uuid(), 6_000).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 10_000, 0, 0]);
    assert_eq!(shop.said(order).await, ["payment.authorized", "payment.captured", "payment.captured"]);
}

#[tokio::test]
async fn more_than_was_authorised_is_refused() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_ok").await;
    shop.hear_capture_due(order, shop.ctx.ids.uuid(), 6_000).await;
    shop.hear_capture_due(order, shop.ctx.ids.uuid(), 4_001).await;
    assert_eq!(shop.said(order).await, ["payment.authorized", "payment.failed"]);
    assert_eq!(shop.last_said(order).await["reason"], "more_than_authorized");
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 6_000, 0, 0]);
}

#[tokio::test]
async fn a_cancelled_order_is_not_captured() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_ok").await;
    shop.hear_cancelled(order).await;
    assert_eq!(shop.hear_capture_due(order, shop.ctx.ids.uuid(), 4_000).await, Outcome::Done);
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 0, 10_000, 0]);
}

/// The bank voided the authorisation by itself: our books and its word differ, and a person must look.
#[tokio::test]
async fn what_the_bank_refuses_is_said_and_lets_go_of_the_amount() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_ok").await;
    shop.bank_voids_all(order).await;
    shop.hear_capture_due(order, shop.ctx.ids.uuid(), 4_000).await;
    shop.run_jobs().await;
    assert_eq!(shop.said(order).await, ["payment.authorized", "payment.failed"]);
    assert_eq!(shop.last_said(order).await["operation"], "capture");
    let fact = shop.fact(order).await.expect("a payment");
    assert_eq!((fact.captured, fact.open), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn captures_that_race_take_no_more_than_there_is() {
    let shop = Shop::open().await;
    let order = shop.tried("tok_ok").await;
    let shipments: Vec<_> = (0..6).map(|_| shop.ctx.ids.uuid()).collect();
    let due = shipments.iter().map(|shipment| shop.hear_capture_due(order, *shipment, 4_000));
    futures::future::join_all(due).await;
    shop.run_jobs().await;
    assert_eq!(shop.sums(order).await, [10_000, 8_000, 0, 0]);
    let said = shop.said(order).await;
    let count = |name: &str| said.iter().filter(|said| *said == name).count();
    assert_eq!((count("payment.captured"), count("payment.failed")), (2, 4));
}
