//! A shop whose cards are Stripe's, on fakepsp: whatever goes wrong there, its ledger and ours tell the same.

use std::collections::BTreeMap;
use std::time::Duration;

use platform::config;
use serde_json::{Value, json};
use testkit::psp::{Charge, Fault, FaultKind};
use testkit::{Buyer, FakePsp, Shop, ShopOptions, Staff, Topology};
use uuid::Uuid;

use crate::refunds::send;

const SECRET: &str = "whsec_of_a_fake_psp";
const VISA: &str = "pm_card_visa";
const DECLINED: &str = "pm_card_chargeDeclined";
const ASKS_ITS_OWNER: &str = "pm_card_authenticationRequired";
const TOTAL: i64 = 2 * 1999 + 490;

fn eur(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

/// A shop, its owner, and its gateway, which answers within a second or is asked later.
async fn open(topology: Topology) -> (Shop, Staff, FakePsp) {
    let psp = FakePsp::start().await;
    let api_url = psp.url.clone();
    let edit = move |config: &mut platform::Config| {
        let card = config.payments.get_mut("card").expect("a way to pay");
        card.gateway = config::Gateway::Stripe;
        (card.api_url, card.api_key) = (api_url, "sk_test_of_a_story".to_owned());
        (card.webhook_secret, card.gateway_seconds_max) = (SECRET.to_owned(), 1);
        card.return_url = "https://shop.example/orders/{number}".to_owned();
    };
    let options = ShopOptions { edit: Box::new(edit), ..ShopOptions::default() };
    let (shop, owner) = Shop::open_with(topology, options).await;
    psp.set_clock(shop.clock.clone());
    psp.tell(format!("{}/v1/gateway-events/card", shop.base), SECRET);
    (shop, owner, psp)
}

/// A cart of two teapots.
async fn cart(shop: &Shop, owner: &Staff) -> Buyer {
    let teapot = owner.product(1999, 5).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 2).await;
    buyer
}

/// An order of two teapots that was placed with this card.
async fn placed(shop: &Shop, owner: &Staff, card: &str) -> (Buyer, String) {
    let buyer = cart(shop, owner).await;
    let order = buyer.place(card).await;
    (buyer, order)
}

/// Neither the shop nor the gateway has anything in hand.
async fn calm(shop: &Shop, psp: &FakePsp) {
    for _ in 0..3 {
        shop.settle().await;
        psp.quiet().await;
    }
    shop.settle().await;
}

fn amount(payment: &Value, sum: &str) -> i64 {
    payment[sum]["amount"].as_i64().unwrap_or_else(|| panic!("{sum}: {payment:#}"))
}

/// The charges that kept money for an order's payments: by the gateway's ledger alone.
async fn kept(owner: &Staff, psp: &FakePsp, order: &str) -> Vec<Charge> {
    let list = owner.get(format!("/v1/admin/payments?order={order}")).await.must(200);
    let ids: Vec<Value> = list["items"].as_array().expect("payments").iter().map(|one| one["id"].clone()).collect();
    let is_theirs = |charge: &Charge| ids.iter().any(|id| *id == charge.metadata["souk_payment"]);
    let keeps = |charge: &Charge| charge.authorized > charge.voided + charge.refunded;
    psp.charges().into_iter().filter(|charge| is_theirs(charge) && keeps(charge)).collect()
}

/// Each payment's sums are those of its charges, of which at most one kept money.
async fn must_agree(owner: &Staff, psp: &FakePsp) {
    let mut theirs: BTreeMap<String, Vec<Charge>> = BTreeMap::new();
    for charge in psp.charges() {
        theirs.entry(charge.metadata["souk_payment"].clone()).or_default().push(charge);
    }
    let list = owner.get("/v1/admin/payments?limit=100").await.must(200);
    let payments = list["items"].as_array().expect("payments");
    assert!(theirs.len() <= payments.len() && !payments.is_empty(), "a charge that nobody knows: {theirs:?}");
    for payment in payments {
        let charges = theirs.remove(payment["id"].as_str().expect("an id")).unwrap_or_default();
        let keeping = charges.iter().filter(|charge| charge.authorized > charge.voided + charge.refunded).count();
        assert!(keeping <= 1, "charged twice: {charges:?}");
        let sum = |of: fn(&Charge) -> i64| charges.iter().map(of).sum::<i64>();
        let gateway = [sum(|one| one.authorized - one.voided), sum(|one| one.captured), sum(|one| one.refunded)];
        let ours = [
            amount(payment, "authorized") - amount(payment, "voided"),
            amount(payment, "captured"),
            amount(payment, "refunded"),
        ];
        assert_eq!(ours, gateway, "held, captured, refunded: {payment:#} {charges:#?}");
    }
    assert!(theirs.is_empty(), "charges of no payment: {theirs:?}");
}

async fn end(shop: Shop, owner: &Staff, psp: &FakePsp) {
    calm(&shop, psp).await;
    psp.disarm();
    must_agree(owner, psp).await;
    shop.finish().await;
}

async fn refund(owner: &Staff, order: &str, amount: i64) {
    let body = json!({ "order": order, "amount": eur(amount), "reason": "it came broken" });
    owner.post("/v1/admin/refunds", body).key(Uuid::now_v7().to_string()).await.must(201);
}

pub async fn a_card_at_stripe_is_charged_taken_and_given_back(topology: Topology) {
    let (shop, owner, psp) = open(topology).await;
    let (buyer, order) = placed(&shop, &owner, VISA).await;
    calm(&shop, &psp).await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");
    let charges = kept(&owner, &psp, &order).await;
    assert_eq!((charges.len(), charges[0].authorized, charges[0].captured), (1, TOTAL, 0), "{charges:?}");
    assert_eq!(charges[0].metadata["souk_order"], buyer.see(&order).await["number"], "staff find it there");

    send(&shop, &owner, &order).await;
    calm(&shop, &psp).await;
    assert_eq!(kept(&owner, &psp, &order).await[0].captured, TOTAL);
    refund(&owner, &order, 1_000).await;
    calm(&shop, &psp).await;
    assert_eq!(buyer.see(&order).await["payment_state"], "partially_refunded");
    refund(&owner, &order, TOTAL - 1_000).await;
    calm(&shop, &psp).await;
    assert_eq!(buyer.see(&order).await["payment_state"], "refunded");
    assert_eq!(kept(&owner, &psp, &order).await, []);
    end(shop, &owner, &psp).await;
}

pub async fn a_card_that_stripe_declines_is_followed_by_a_good_one(topology: Topology) {
    let (shop, owner, psp) = open(topology).await;
    let (buyer, order) = placed(&shop, &owner, DECLINED).await;
    calm(&shop, &psp).await;
    assert_eq!(buyer.see(&order).await["status"], "payable");
    let attempt = owner.payment(&order).await["attempts"][0].clone();
    assert_eq!(attempt["reason"], "card_declined", "{attempt:#}");
    // A card that Stripe does not know, and one without money, are declined alike.
    for (token, reason) in
        [("tok_ok", "resource_missing"), ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds")]
    {
        buyer.pay(&order, token).await.must(201);
        calm(&shop, &psp).await;
        let payment = owner.payment(&order).await;
        let last = payment["attempts"].as_array().and_then(|all| all.last()).cloned();
        assert_eq!(last.expect("an attempt")["reason"], reason, "{payment:#}");
    }
    buyer.pay(&order, VISA).await.must(201);
    calm(&shop, &psp).await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");
    assert_eq!(kept(&owner, &psp, &order).await.len(), 1);
    end(shop, &owner, &psp).await;
}

/// An order whose buyer is sent to their bank; the page there.
async fn sent_to_the_bank(shop: &Shop, owner: &Staff, psp: &FakePsp) -> (Buyer, String, String) {
    let (buyer, order) = placed(shop, owner, ASKS_ITS_OWNER).await;
    calm(shop, psp).await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["next_action"]["type"]), (&json!("payable"), &json!("redirect")), "{seen:#}");
    (buyer, order, crate::paying::bank_page(&seen))
}

pub async fn a_buyer_confirms_at_their_bank_for_stripe(topology: Topology) {
    let (shop, owner, psp) = open(topology).await;
    let (buyer, order, page) = sent_to_the_bank(&shop, &owner, &psp).await;
    psp.authenticate(&page, true).await;
    calm(&shop, &psp).await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");

    // What Stripe tells of it is lost: it is asked again after a while.
    let (buyer, order, page) = sent_to_the_bank(&shop, &owner, &psp).await;
    psp.arm(Fault::once("authenticate", FaultKind::WebhookLost));
    psp.authenticate(&page, true).await;
    calm(&shop, &psp).await;
    assert_eq!(buyer.see(&order).await["status"], "payable", "nobody told it");
    shop.advance(Duration::from_secs(61));
    calm(&shop, &psp).await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");

    // The buyer says no, and takes another card.
    let (buyer, order, page) = sent_to_the_bank(&shop, &owner, &psp).await;
    psp.authenticate(&page, false).await;
    calm(&shop, &psp).await;
    let payment = owner.payment(&order).await;
    assert_eq!(payment["attempts"][0]["reason"], "payment_intent_authentication_failure", "{payment:#}");
    buyer.pay(&order, VISA).await.must(201);
    calm(&shop, &psp).await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");
    end(shop, &owner, &psp).await;
}

pub async fn an_order_that_ends_takes_its_charge_at_stripe_along(topology: Topology) {
    let (shop, owner, psp) = open(topology).await;
    // While its buyer is at their bank, and confirms there at once or too late.
    for is_faster in [true, false] {
        let (buyer, order, page) = sent_to_the_bank(&shop, &owner, &psp).await;
        if is_faster {
            psp.arm(Fault::once("authenticate", FaultKind::WebhookLost));
            psp.authenticate(&page, true).await;
        }
        buyer.cancel(&order).await.must(200);
        calm(&shop, &psp).await;
        assert_eq!(kept(&owner, &psp, &order).await, [], "{}", owner.payment(&order).await);
    }
    // While Stripe is silent: whether it has the question already, or not yet, or answers nonsense.
    for (kind, seconds) in
        [(FaultKind::Slow, 1.5), (FaultKind::DropAfterCommit, 0.0), (FaultKind::ErrorAfterCommit, 0.0)]
    {
        psp.arm(Fault::once("create", kind).of_seconds(seconds));
        // Else what it tells would mend what is not looked for.
        psp.arm(Fault::once("create", FaultKind::WebhookLost));
        let (buyer, order) = placed(&shop, &owner, VISA).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let cancelled = buyer.cancel(&order).await;
        assert!(matches!(cancelled.status, 200 | 202), "{}", cancelled.shown());
        calm(&shop, &psp).await;
        assert_eq!(buyer.see(&order).await["status"], "cancelled", "{kind:?}");
        assert_eq!(kept(&owner, &psp, &order).await, [], "{kind:?}: {}", owner.payment(&order).await);
    }
    // After it was authorised.
    let (buyer, order) = placed(&shop, &owner, VISA).await;
    calm(&shop, &psp).await;
    buyer.cancel(&order).await.must(202);
    calm(&shop, &psp).await;
    let payment = owner.payment(&order).await;
    assert_eq!((amount(&payment, "authorized"), amount(&payment, "voided")), (TOTAL, TOTAL), "{payment:#}");
    end(shop, &owner, &psp).await;
}

pub async fn whatever_stripe_does_wrong_money_moves_once(topology: Topology) {
    let (shop, owner, psp) = open(topology).await;
    for kind in [FaultKind::DropAfterCommit, FaultKind::ErrorAfterCommit, FaultKind::Slow, FaultKind::RateLimited] {
        let arm = |operation: &str| psp.arm(Fault::once(operation, kind).of_seconds(1.5));
        arm("create");
        if kind != FaultKind::RateLimited {
            // Else what it tells would mend what is not looked for.
            psp.arm(Fault::once("create", FaultKind::WebhookLost));
        }
        let (buyer, order) = placed(&shop, &owner, VISA).await;
        calm(&shop, &psp).await;
        assert_eq!(buyer.see(&order).await["status"], "confirmed", "{kind:?}");
        let charges = kept(&owner, &psp, &order).await;
        assert_eq!((charges.len(), charges[0].authorized), (1, TOTAL), "{kind:?}: {charges:?}");

        arm("capture");
        send(&shop, &owner, &order).await;
        calm(&shop, &psp).await;
        assert_eq!(kept(&owner, &psp, &order).await[0].captured, TOTAL, "{kind:?}");

        arm("refund");
        refund(&owner, &order, 1_500).await;
        calm(&shop, &psp).await;
        assert_eq!(kept(&owner, &psp, &order).await[0].refunded, 1_500, "{kind:?}");

        let (buyer, order) = placed(&shop, &owner, VISA).await;
        calm(&shop, &psp).await;
        arm("cancel");
        buyer.cancel(&order).await.must(202);
        calm(&shop, &psp).await;
        assert_eq!(kept(&owner, &psp, &order).await, [], "{kind:?}");
        must_agree(&owner, &psp).await;
        psp.disarm();
    }
    end(shop, &owner, &psp).await;
}

pub async fn what_stripe_tells_comes_lost_doubled_early_late_and_in_any_order(topology: Topology) {
    let (shop, owner, psp) = open(topology).await;
    for kind in [
        FaultKind::WebhookLost,
        FaultKind::WebhookDoubled,
        FaultKind::WebhookEarly,
        FaultKind::WebhookLate,
        FaultKind::WebhookReordered,
    ] {
        let is_for_ever = |operation: &str| Fault { times: None, ..Fault::once(operation, kind).of_seconds(0.2) };
        psp.arm(is_for_ever("*"));
        let (buyer, order) = placed(&shop, &owner, DECLINED).await;
        calm(&shop, &psp).await;
        buyer.pay(&order, VISA).await.must(201);
        calm(&shop, &psp).await;
        let seen = buyer.see(&order).await;
        assert_eq!(seen["status"], "confirmed", "{kind:?}: {seen:#}");
        send(&shop, &owner, &order).await;
        refund(&owner, &order, 500).await;
        calm(&shop, &psp).await;
        let history = owner.get(format!("/v1/admin/orders/{order}")).await.must(200);
        let said = |event: &str| {
            let entries = history["history"].as_array().expect("a history").iter();
            entries.filter(|entry| entry["event"] == event).count()
        };
        let said = ["payment.declined", "payment.authorized", "payment.captured", "payment.refunded"].map(said);
        assert_eq!(said, [1; 4], "{kind:?}: {history:#}");
        must_agree(&owner, &psp).await;
        psp.disarm();
    }
    end(shop, &owner, &psp).await;
}

pub async fn an_event_that_stripe_did_not_sign_is_not_heard(topology: Topology) {
    let (shop, owner, psp) = open(topology).await;
    let (_, order) = placed(&shop, &owner, DECLINED).await;
    calm(&shop, &psp).await;
    let intent = json!({ "id": "pi_1", "object": "payment_intent", "status": "succeeded" });
    let event = json!({ "id": "evt_1", "type": "payment_intent.succeeded", "data": { "object": intent } });
    let now = shop.clock.now().as_second();
    let signed = |secret: &str, at: i64| testkit::psp::signature(secret, &event.to_string(), at);
    let tell = |signature: String| {
        shop.post("/v1/gateway-events/card", event.clone()).header("Stripe-Signature", signature).into_future()
    };
    for bad in ["t=1,v1=00".to_owned(), signed("whsec_of_somebody_else", now), signed(SECRET, now - 301)] {
        tell(bad).await.refused(401, "payments.bad_signature");
    }
    // Heard, and not believed: Stripe knows no such charge.
    tell(signed(SECRET, now)).await.must(204);
    let old_secret = format!("{},{}", signed("whsec_of_yesterday", now), signed(SECRET, now).replace("t=", "s="));
    tell(old_secret).await.must(204);
    calm(&shop, &psp).await;
    assert_eq!(owner.payment(&order).await["authorized"], eur(0));
    end(shop, &owner, &psp).await;
}

async fn dispatch(owner: &Staff, order: &str, units: i64, line: &Value) {
    let waiting = owner.shipments(order).await.into_iter().find(|shipment| shipment["state"] == "pending");
    let shipment = waiting.expect("a shipment that waits")["id"].as_str().expect("an id").to_owned();
    let part = json!({ "lines": [{ "line": line, "quantity": units }] });
    owner.post(format!("/v1/admin/shipments/{shipment}/dispatch"), part).await.must(200);
}

pub async fn the_parcels_of_an_order_are_taken_at_once_from_stripe(topology: Topology) {
    let (shop, owner, psp) = open(topology).await;
    // Both parcels leave: the first waits for the second.
    let (buyer, order) = placed(&shop, &owner, VISA).await;
    calm(&shop, &psp).await;
    let line = buyer.see(&order).await["lines"][0]["id"].clone();
    dispatch(&owner, &order, 1, &line).await;
    calm(&shop, &psp).await;
    assert_eq!(kept(&owner, &psp, &order).await[0].captured, 0, "taking a part would let go of the rest");
    dispatch(&owner, &order, 1, &line).await;
    calm(&shop, &psp).await;
    let charge = kept(&owner, &psp, &order).await.remove(0);
    assert_eq!((charge.captured, charge.voided), (TOTAL, 0));
    assert_eq!(buyer.see(&order).await["payment_state"], "captured");

    // One parcel leaves, and the other is cancelled: its money is let go.
    let (buyer, order) = placed(&shop, &owner, VISA).await;
    calm(&shop, &psp).await;
    let line = buyer.see(&order).await["lines"][0]["id"].clone();
    dispatch(&owner, &order, 1, &line).await;
    calm(&shop, &psp).await;
    let part = json!({ "lines": [{ "line": line, "quantity": 1 }] });
    owner.post(format!("/v1/admin/orders/{order}/cancel"), part).await.must(202);
    calm(&shop, &psp).await;
    let charge = kept(&owner, &psp, &order).await.remove(0);
    assert!((1999..TOTAL - 1000).contains(&charge.captured), "one teapot and its way: {charge:?}");
    assert_eq!(charge.voided, TOTAL - charge.captured, "{charge:?}");

    // Of one the first parcel has left: that its money waits for the second is nothing that the audit would find.
    let (buyer, order) = placed(&shop, &owner, VISA).await;
    calm(&shop, &psp).await;
    let line = buyer.see(&order).await["lines"][0]["id"].clone();
    dispatch(&owner, &order, 1, &line).await;
    end(shop, &owner, &psp).await;
}
