//! Captures at a gateway that takes money once from a charge.

use super::*;
use crate::attempt::Outcome as Came;
use crate::{gather, store};

/// A shop whose cards are Stripe's, where nobody answers.
async fn shop() -> Shop {
    let setting = |key: &str, value: &str| (format!("SOUK_PAYMENTS__CARD__{key}"), value.to_owned());
    let settings = [
        setting("GATEWAY", "stripe"),
        setting("API_KEY", "sk_test_of_a_test"),
        setting("API_URL", "http://127.0.0.1:9"),
        setting("WEBHOOK_SECRET", "whsec_0123456789abcdef"),
    ];
    Shop::with(HashMap::from(settings)).await
}

/// An order of 100.00 whose charge Stripe holds.
async fn held(shop: &Shop) -> OrderId {
    let order = shop.payable("pm_card_visa").await;
    let attempt = shop.attempt_ids(order).await[0];
    let attempt = store::attempt(&shop.ctx.db, attempt).await.expect("a row").expect("an attempt");
    let written = shop.ctx.db.write((shop.ctx.clone(), attempt), |tx, (ctx, attempt)| {
        let outcome = Came::Authorized { reference: Some("pi_1".to_owned()) };
        Box::pin(async move { settle::write(ctx, tx, attempt, &outcome, 5).await })
    });
    written.await.expect("an outcome");
    // The question that nobody answers is asked no more.
    shop.run_jobs().await;
    order
}

/// The order's captures that have no outcome.
async fn pending(shop: &Shop, order: OrderId) -> Vec<crate::operation::Operation> {
    let payment = shop.payment_ids(order).await[0];
    store::operations::pending_captures_of(&shop.ctx.db, payment).await.expect("rows")
}

#[tokio::test]
async fn a_part_is_not_asked_for_while_more_may_come() {
    let shop = shop().await;
    let order = held(&shop).await;
    shop.hear_capture(order, shop.ctx.ids.uuid(), 3_000, false).await;
    assert_eq!(shop.run_due().await, 1);
    assert_eq!(shop.run_due().await, 0, "the job has ended, and waits for nobody");
    let first = pending(&shop, order).await.remove(0);
    assert!(gather::gathered(&shop.ctx, &first).await.expect("an answer").is_empty());
    // The rest is due, and is asked for together with it.
    shop.hear_capture(order, shop.ctx.ids.uuid(), 7_000, true).await;
    let all = gather::gathered(&shop.ctx, &first).await.expect("an answer");
    let one = gather::as_one(&all, first.clone());
    assert_eq!((all.len(), one.amount, one.key), (2, eur(10_000), first.key));
}

#[tokio::test]
async fn the_rest_may_be_let_go_while_a_part_decides_to_wait() {
    let shop = shop().await;
    let order = held(&shop).await;
    shop.hear_capture(order, shop.ctx.ids.uuid(), 3_000, false).await;
    let started = shop.claim().await.remove(0);
    let run = JobRun { id: started.id, attempts: started.attempts, created_at: started.created_at };
    // It has looked, and found that more may come; before it ends, the rest is decided.
    let first = pending(&shop, order).await.remove(0);
    shop.hear_capture(order, shop.ctx.ids.uuid(), 7_000, true).await;
    drop(gather::wait(&shop.ctx, run, first.clone()).await.expect("a job"));
    let lost = shop.ctx.db.write(started.id, |tx, id| Box::pin(async move { job::retry(tx, *id, tx.now(), "").await }));
    lost.await.expect("a job that waits");
    let claimed = shop.claim().await;
    assert!(claimed.iter().any(|job| job.id == started.id), "it ended, and nobody asks for it any more");
}

#[tokio::test]
async fn the_end_of_an_order_has_what_was_gathered_asked_for() {
    let shop = shop().await;
    let order = held(&shop).await;
    shop.hear_capture(order, shop.ctx.ids.uuid(), 3_000, false).await;
    shop.run_jobs().await;
    shop.hear_cancelled(order).await;
    let claimed = shop.claim().await;
    assert!(claimed.iter().any(|job| job.kind == "operate"), "{claimed:?}");
    let first = pending(&shop, order).await.remove(0);
    let all = gather::gathered(&shop.ctx, &first).await.expect("an answer");
    assert_eq!(gather::as_one(&all, first).amount, eur(3_000));
}
