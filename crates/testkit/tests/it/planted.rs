//! Each check of the audit catches the bug that was planted for it, by name, and says nothing without it.

use serde_json::{Value, json};
use testkit::{Buyer, Database, Process, Setting, Staff, TOKEN_DECLINED, TOKEN_OK, TOKEN_SILENT};

use crate::binary::{Ready, see_until};

/// What happens in the shop before it is audited.
#[derive(Debug, Clone, Copy)]
enum Story {
    Bought,
    BoughtFromASilentGateway,
    Dispatched,
    BoughtAndCancelled,
    /// Staff refund a unit, and then its buyer cancels it.
    RefundedAndCancelled,
    /// Staff give a part back.
    Refunded,
    /// Somebody else tries to order the cart first.
    Coveted,
    Unpaid,
}

const IMPATIENT: Setting<'static> = ("SOUK_PAYMENTS__CARD__GATEWAY_SECONDS_MAX", "1");
const TAKEN_AT_ONCE: Setting<'static> = ("SOUK_PAYMENTS__CARD__CAPTURE", "confirmation");
/// An order's timer is over as soon as it is placed.
const NO_TIME_TO_PAY: Setting<'static> = ("SOUK_PAYMENTS__CARD__UNPAID_MINUTES_MAX", "0");

impl Story {
    fn token(self) -> &'static str {
        match self {
            Self::BoughtFromASilentGateway => TOKEN_SILENT,
            Self::Unpaid => TOKEN_DECLINED,
            _ => TOKEN_OK,
        }
    }

    fn settings(self) -> Vec<Setting<'static>> {
        match self {
            Self::Unpaid => vec![NO_TIME_TO_PAY],
            Self::RefundedAndCancelled | Self::Refunded => vec![IMPATIENT, TAKEN_AT_ONCE],
            _ => vec![IMPATIENT],
        }
    }

    /// How the order ends where nothing is wrong.
    fn end(self) -> &'static str {
        match self {
            Self::BoughtAndCancelled | Self::Unpaid => "cancelled",
            _ => "confirmed",
        }
    }

    /// Returns the buyer and their order, which may still be on its way.
    async fn is_told(self, shop: &Ready, process: &Process) -> (Buyer, String) {
        let owner = shop.owner.at(&process.client);
        let buyer = Buyer::new(&process.client).await;
        let quantity = if matches!(self, Self::RefundedAndCancelled) { 2 } else { 1 };
        buyer.cart_with(&shop.teapot, quantity).await;
        if matches!(self, Self::Coveted)
            && let Some(taken) = is_taken(&buyer, process).await
        {
            return taken;
        }
        let order = buyer.place(self.token()).await;
        match self {
            Self::Bought | Self::BoughtFromASilentGateway | Self::Coveted | Self::Unpaid => {}
            Self::Refunded => refund(&owner, &buyer, &order).await,
            Self::Dispatched => dispatch(&owner, &buyer, &order).await,
            Self::BoughtAndCancelled => {
                see_until(&buyer, &order, |order| order["status"] == "confirmed").await;
                buyer.cancel(&order).await.must(202);
            }
            Self::RefundedAndCancelled => refund_and_cancel(&owner, &buyer, &order).await,
        }
        (buyer, order)
    }
}

async fn dispatch(owner: &Staff, buyer: &Buyer, order: &str) {
    see_until(buyer, order, |order| has(order, "shipment.created")).await;
    let shipments = owner.shipments(order).await;
    let shipment = shipments[0]["id"].as_str().expect("an id");
    owner.post(format!("/v1/admin/shipments/{shipment}/dispatch"), json!({})).await.must(200);
    see_until(buyer, order, |order| has(order, "payment.captured")).await;
}

/// Both units go back by staff before the parcel leaves, and one of them is not to be sent then.
async fn refund_and_cancel(owner: &Staff, buyer: &Buyer, order: &str) {
    let seen = see_until(buyer, order, |order| has(order, "payment.captured")).await;
    let both = json!([{ "line": seen["lines"][0]["id"], "quantity": 2 }]);
    let refund = json!({ "order": order, "lines": both, "reason": "out of order" });
    owner.post("/v1/admin/refunds", refund).key(order).await.must(201);
    see_until(buyer, order, |order| order["refunded"]["amount"] == 2 * 1999).await;
    let body = json!({ "lines": [{ "line": seen["lines"][0]["id"], "quantity": 1 }] });
    buyer.client.post(format!("/v1/orders/{order}/cancel"), body).await.must(202);
    see_until(buyer, order, |order| order["lines"][0]["cancelled"] == 1).await;
}

/// What the shop answers is for the audit to judge.
async fn refund(owner: &Staff, buyer: &Buyer, order: &str) {
    see_until(buyer, order, |order| has(order, "payment.captured")).await;
    let part = json!({ "order": order, "amount": { "amount": 100, "currency": "EUR" }, "reason": "a scratch" });
    let _ = owner.post("/v1/admin/refunds", part).key(order).sent().await;
}

/// Orders the cart of another; with the order that came of it.
async fn is_taken(buyer: &Buyer, process: &Process) -> Option<(Buyer, String)> {
    let other = Buyer { cart: buyer.cart.clone(), ..Buyer::new(&process.client).await };
    let order = other.order(TOKEN_OK).sent().await.ok()?;
    let id = order.json()["id"].as_str()?.to_owned();
    Some((other, id))
}

fn has(order: &Value, event: &str) -> bool {
    order["history"].as_array().is_some_and(|history| history.iter().any(|entry| entry["event"] == event))
}

/// The same story twice: without the bug the audit is clean, with it the audit finds exactly `invariants`.
async fn is_caught(bug: &str, invariants: &[&str], story: Story) {
    let shop = Ready::on(Database::sqlite()).await;
    let settings = story.settings();
    let sound = shop.serve(&settings).await;
    let (buyer, order) = story.is_told(&shop, &sound).await;
    see_until(&buyer, &order, |order| order["status"] == story.end()).await;
    shop.audit_until(&settings, &[]).await;
    sound.stop().await;

    let failpoints = format!("{bug}=return");
    let mut with_bug = settings.clone();
    with_bug.push(("FAILPOINTS", &failpoints));
    let unsound = shop.serve(&with_bug).await;
    story.is_told(&shop, &unsound).await;
    shop.audit_until(&settings, invariants).await;
    drop(unsound);
    shop.database.remove().await;
}

macro_rules! bugs {
    ($($name:ident: $bug:literal is $($invariant:literal)+ in $story:ident;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            is_caught($bug, &[$($invariant),+], Story::$story).await;
        }
    )+};
}

bugs! {
    an_oversell_is_found: "bug.inventory.oversells" is "I1" in Bought;
    a_hold_that_ends_twice_is_found: "bug.inventory.releases_twice" is "I2" in BoughtAndCancelled;
    a_double_charge_is_found: "bug.payments.new_key_each_try" is "I3" in BoughtFromASilentGateway;
    money_that_does_not_add_up_is_found: "bug.payments.books_twice" is "I4" in Dispatched;
    a_unit_that_goes_back_twice_is_found: "bug.payments.refunds_units_twice" is "I13" "I4" in RefundedAndCancelled;
    money_kept_of_a_cancelled_order_is_found: "bug.payments.keeps_money_of_cancelled" is "I5" in BoughtAndCancelled;
    what_was_acknowledged_and_is_not_there_is_found: "bug.payments.acknowledges_no_refund" is "I6" in Refunded;
    a_key_that_is_not_kept_is_found: "bug.idempotency.forgets" is "I9" in Bought;
    a_line_that_vanishes_is_found: "bug.carts.loses_lines" is "I10" in Bought;
    an_order_of_anothers_cart_is_found: "bug.carts.asks_no_owner" is "I11" in Coveted;
    an_address_in_a_job_is_found: "bug.notifications.names_the_buyer" is "I12" in Bought;
    a_lost_event_is_found: "bug.relay.loses" is "I7" in Bought;
    an_illegal_history_is_found: "bug.orders.jumps" is "I8" in Bought;
    an_order_that_is_stuck_is_found: "bug.orders.no_timer" is "I13" in Unpaid;
}

/// An audit that finds nothing says how much it looked at: nothing found where nothing was checked is no proof.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_invariant_is_checked_by_something() {
    let shop = Ready::on(Database::sqlite()).await;
    let story = Story::Refunded;
    let process = shop.serve(&story.settings()).await;
    story.is_told(&shop, &process).await;
    shop.audit_until(&story.settings(), &[]).await;
    let (_, ended) = testkit::audit(&shop.database, &story.settings());
    let report: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let checked = report["checked"].as_object().expect("counts");
    assert_eq!(checked.len(), 13, "{report:#}");
    let unchecked: Vec<_> = checked.iter().filter(|(_, count)| count.as_u64() == Some(0)).collect();
    assert!(unchecked.is_empty(), "{unchecked:?} in {report:#}");
    process.stop().await;
    shop.database.remove().await;
}
