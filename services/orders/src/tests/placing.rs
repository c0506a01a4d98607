//! Placing an order, and what becomes of it unpaid.

use ::store::work;
use contracts::carts::Missing;
use contracts::orders::{GetOrderContact, GetPaymentInstruction, GetRefundable, GetShipTo, OrderStatus};
use contracts::shipping::PickupPoint;

use super::*;

#[tokio::test]
async fn an_order_is_placed_with_its_event_and_its_timer() {
    let shop = Shop::open().await;
    let cost = Arc::default();
    let answer = work::scope("place", None, Arc::clone(&cost), shop.post_order("k1", wish(cart()))).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let order = answer.order();
    assert_eq!(answer.headers["location"], format!("/v1/orders/{order}"));
    assert_eq!((&answer.body["status"], &answer.body["payment_state"]), (&json!("placed"), &json!("none")));
    assert_eq!(answer.body["total"], json!({ "amount": 3_499, "currency": "EUR" }));
    let number = answer.body["number"].as_str().expect("a number");
    assert!(number.starts_with("S-") && number.len() == 8, "{number}");

    let said = shop.said("order.placed").await;
    assert_eq!(
        (said.len(), &said[0]["cart_version"], said[0]["lines"].as_array().map(Vec::len)),
        (1, &json!(4), Some(2))
    );
    assert_eq!(shop.timers().await, 1);
    assert!(cost.statements() <= 8, "placing an order took {} statements", cost.statements());

    let read = shop.get(&format!("/v1/orders/{order}")).await;
    assert_eq!(read.body, answer.body, "what was answered is what is read");
}

#[tokio::test]
async fn the_same_key_makes_one_order() {
    let shop = Shop::open().await;
    let first = shop.post_order("k1", wish(cart())).await;
    let second = shop.post_order("k1", wish(cart())).await;
    assert_eq!((second.status, &second.body), (201, &first.body));
    assert_eq!(second.headers["idempotent-replayed"], "true");
    let other = shop.post_order("k1", json!({ "cart": cart(), "payment": { "method": "card" } })).await;
    assert_eq!((other.status, other.code()), (409, "request.key_reused"));
    assert_eq!(shop.said("order.placed").await.len(), 1);
}

#[tokio::test]
async fn twenty_requests_race_with_one_key_and_twenty_with_keys_of_their_own() {
    let shop = Shop::open().await;
    let with_one = futures::future::join_all((0..20).map(|_| shop.post_order("k1", wish(cart())))).await;
    assert!(with_one.iter().all(|answer| answer.status == 201), "{}", with_one[1].body);
    assert!(with_one.iter().all(|answer| answer.order() == with_one[0].order()));
    let keys: Vec<String> = (2..22).map(|number| format!("k{number}")).collect();
    let other: CartId = samples::id(9);
    let with_many = futures::future::join_all(keys.iter().map(|key| shop.post_order(key, wish(other)))).await;
    let placed: Vec<OrderId> = with_many.iter().filter(|answer| answer.status == 201).map(Answer::order).collect();
    assert_eq!(placed.len(), 1);
    for lost in with_many.iter().filter(|answer| answer.status != 201) {
        assert_eq!((lost.status, lost.code()), (409, "orders.cart_already_ordered"));
        assert_eq!(lost.body["context"]["order"], json!(placed[0]));
    }
    assert_eq!(shop.said("order.placed").await.len(), 2);
}

#[tokio::test]
async fn a_total_the_buyer_has_not_seen_is_refused_with_the_new_one() {
    let shop = Shop::open().await;
    let mut body = wish(cart());
    body["expected_total"] = json!({ "amount": 3_000, "currency": "EUR" });
    let answer = shop.post_order("k1", body.clone()).await;
    assert_eq!((answer.status, answer.code()), (409, "orders.price_changed"));
    assert_eq!(answer.body["context"]["total"]["amount"], 3_499);
    body["expected_total"]["amount"] = json!(3_499);
    assert_eq!(shop.post_order("k2", body).await.status, 201);
}

#[tokio::test]
async fn what_can_not_be_ordered_is_refused_by_name() {
    let shop = Shop::open().await;
    let method = shop.post_order("k1", json!({ "cart": cart(), "payment": { "method": "shells" } })).await;
    assert_eq!((method.status, &method.body["errors"][0]["pointer"]), (422, &json!("/payment/method")));
    let unknown = shop.post_order("k1", json!({ "cart": cart(), "payment": { "method": "card" }, "gift": true })).await;
    assert_eq!(unknown.status, 400);
    shop.change_basket(|basket| basket.missing = vec![Missing::ShippingAddress]);
    let incomplete = shop.post_order("k1", wish(cart())).await;
    assert_eq!((incomplete.status, incomplete.code()), (409, "orders.cart_incomplete"));
    assert_eq!(incomplete.body["context"]["missing"], json!(["shipping_address"]));
    let no_key = shop.send("POST", "/v1/orders", &[("cart-token", TOKEN)], wish(cart())).await;
    assert_eq!((no_key.status, no_key.code()), (428, "request.key_required"));
}

#[tokio::test]
async fn what_is_not_paid_in_time_is_cancelled_and_what_is_paid_is_not() {
    let shop = Shop::open().await;
    let unpaid = shop.place("k1", cart()).await;
    let early = shop.due_timers().await;
    assert!(early.is_empty(), "a card has 30 minutes");
    shop.ctx.clock.advance(Duration::from_secs(30 * 60));
    let due = shop.due_timers().await;
    let [timer] = due.as_slice() else { panic!("one timer, not {}", due.len()) };
    let run = JobRun { id: timer.id, attempts: 1, created_at: timer.created_at };
    let job: jobs::Expire = serde_json::from_str(&timer.payload).expect("our own job");
    let ended = jobs::expire(shop.ctx.clone(), run.clone(), job.clone()).await;
    assert!(ended.is_ok());
    let read = shop.get(&format!("/v1/orders/{unpaid}")).await;
    assert_eq!((&read.body["status"], &read.body["cancel_reason"]), (&json!("cancelled"), &json!("unpaid")));
    assert!(jobs::expire(shop.ctx.clone(), run, job).await.is_err(), "its row is gone");
    assert_eq!(shop.said("order.cancelled").await.len(), 1);

    let paid = shop.place("k2", samples::id(9)).await;
    for event in [samples::reserved(paid), samples::authorized(paid, 1)] {
        shop.hear(event).await;
    }
    assert_eq!(shop.timers().await, 0);
}

/// The card is declined, and the buyer goes on by a transfer, which takes days.
#[tokio::test]
async fn the_timer_goes_by_the_way_that_the_buyer_goes_on_with() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    shop.ctx.clock.advance(Duration::from_secs(20 * 60));
    for event in [
        samples::reserved(order),
        samples::declined(order, 1),
        samples::action_required_by("transfer", order, 2),
        samples::action_required(order, 1),
    ] {
        shop.hear(event).await;
    }
    let status = || async { shop.get(&format!("/v1/orders/{order}")).await.body["status"].clone() };
    shop.ctx.clock.advance(Duration::from_secs(10 * 60));
    shop.run_timer().await;
    assert_eq!((status().await, shop.timers().await), (json!("payable"), 1), "it runs on");
    let days = shop.facts().await[0].unpaid_until.duration_since(Timestamp::UNIX_EPOCH);
    assert_eq!(days, jiff::SignedDuration::from_mins(7 * 24 * 60 + 20));
    shop.ctx.clock.advance(Duration::from_secs(7 * 24 * 3_600 - 20 * 60));
    assert!(shop.due_timers().await.is_empty(), "nothing is looked at before");
    shop.ctx.clock.advance(Duration::from_secs(10 * 60));
    shop.run_timer().await;
    assert_eq!(status().await, "cancelled");
}

#[tokio::test]
async fn money_is_taken_at_once_only_where_all_of_it_came_in_ways_that_do() {
    let early = |config: &mut Config| {
        config.payments.get_mut("transfer").expect("a method").capture = platform::config::Capture::Confirmation;
    };
    for (key, ways, captures) in [("k1", ["transfer", "transfer"], 1), ("k2", ["card", "transfer"], 0)] {
        let shop = Shop::open_with(early).await;
        let order = shop.place(key, cart()).await;
        shop.hear(samples::reserved(order)).await;
        shop.hear(samples::authorized_by(ways[0], order, 1, 3_000)).await;
        shop.hear(samples::authorized_by(ways[1], order, 2, 499)).await;
        assert_eq!(shop.said("order.capture_due").await.len(), captures, "{ways:?}");
        let mut paid_by = ways.to_vec();
        paid_by.dedup();
        let read = shop.get(&format!("/v1/orders/{order}")).await.body;
        assert_eq!((&read["paid_by"], &read["payment_method"]), (&json!(paid_by), &json!("card")));
    }
}

#[tokio::test]
async fn a_card_without_its_token_is_no_way_to_pay() {
    let shop = Shop::open().await;
    let body = json!({ "cart": cart(), "payment": { "method": "card" } });
    let refused = shop.post_order("k1", body.clone()).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (422, &json!("/payment/token")));
    let by_transfer = json!({ "cart": cart(), "payment": { "method": "transfer" } });
    assert_eq!(shop.post_order("k2", by_transfer).await.status, 201);
    shop.change_basket(|basket| basket.quote.total.amount = 0);
    let free = json!({ "cart": samples::id::<CartId>(9), "payment": { "method": "card" } });
    assert_eq!(shop.post_order("k3", free).await.status, 201, "no card is asked for nothing");
}

/// Carts have not heard yet that the cart was ordered when its new owner orders it.
#[tokio::test]
async fn a_cart_that_was_claimed_and_ordered_before_is_not_ordered_again() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    let again = shop.post_order("k2", wish(cart())).await;
    assert_eq!((again.status, again.code()), (409, "orders.cart_already_ordered"));
    assert_eq!(again.body["context"]["order"], json!(order));
    let claimed = shop.as_customer(samples::id(8), "POST", "/v1/orders", wish(cart())).await;
    assert_eq!((claimed.status, claimed.code()), (409, "orders.cart_already_ordered"), "{}", claimed.body);
    assert_eq!(claimed.body["context"], Value::Null, "somebody else's order is not named");
}

#[tokio::test]
async fn the_next_action_is_shown_while_the_order_is_payable_and_changes_the_etag() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    let path = format!("/v1/orders/{order}");
    assert_eq!(shop.get(&path).await.headers["etag"], "\"1.0\"");
    for event in [samples::reserved(order), samples::action_required(order, 1)] {
        shop.hear(event).await;
    }
    let read = shop.get(&path).await;
    assert_eq!(
        (&read.body["payment_outcome"], &read.body["next_action"]["type"]),
        (&json!("action_required"), &json!("redirect"))
    );
    let tag = read.headers["etag"].to_str().expect("a tag");
    let headers = [("cart-token", TOKEN), ("if-none-match", tag)];
    assert_eq!(shop.send("GET", &path, &headers, json!({})).await.status, 304);
    let rest = |amount| {
        let amount = contracts::Money::new(amount, contracts::Currency::EUR);
        NextAction::Transfer { reference: "S-7".to_owned(), instructions: String::new(), amount }
    };
    *shop.next_action.lock().expect("the next action") = rest(3_499);
    let read = shop.send("GET", &path, &headers, json!({})).await;
    assert_eq!((read.status, &read.body["next_action"]["amount"]["amount"]), (200, &json!(3_499)));
    // A part of it came in: the order's own version stays as it is.
    *shop.next_action.lock().expect("the next action") = rest(499);
    let tag = read.headers["etag"].to_str().expect("a tag");
    let read = shop.send("GET", &path, &[("cart-token", TOKEN), ("if-none-match", tag)], json!({})).await;
    assert_eq!((read.status, &read.body["next_action"]["amount"]["amount"]), (200, &json!(499)));
}

#[tokio::test]
async fn a_buyer_who_waits_is_answered_when_the_order_ends() {
    let shop = Shop::open().await;
    let headers = [("cart-token", TOKEN), ("idempotency-key", "k1"), ("prefer", "wait=20")];
    let waiting = shop.send("POST", "/v1/orders", &headers, wish(cart()));
    let rejecting = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let order = shop.facts().await[0].order;
        shop.hear(samples::rejected(order)).await;
    };
    let (answer, ()) = tokio::join!(waiting, rejecting);
    assert_eq!((answer.status, &answer.body["status"]), (201, &json!("cancelled")));
    assert_eq!(answer.body["cancel_reason"], "out_of_stock");
}

#[tokio::test]
async fn a_first_payment_may_be_a_part_of_the_total() {
    let shop = Shop::open().await;
    let wish = |amount: i64, currency: &str| {
        let amount = json!({ "amount": amount, "currency": currency });
        json!({ "cart": cart(), "payment": { "method": "card", "token": "tok_ok", "amount": amount } })
    };
    for (amount, currency) in [(0, "EUR"), (3_500, "EUR"), (100, "USD")] {
        let refused = shop.post_order("k1", wish(amount, currency)).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (422, &json!("/payment/amount")));
    }
    let order = shop.post_order("k1", wish(3_000, "EUR")).await.order();
    let call = GetPaymentInstruction { order, buyer: None };
    let instruction = calls::payment_instruction(shop.ctx.clone(), call).await.expect("an instruction");
    assert_eq!((instruction.amount.map(|amount| amount.amount), instruction.total.amount), (Some(3_000), 3_499));
    for event in [samples::reserved(order), samples::authorized_part(order, 1, 3_000)] {
        shop.hear(event).await;
    }
    let path = format!("/v1/orders/{order}");
    let read = shop.get(&path).await.body;
    assert_eq!((&read["status"], &read["payment_state"]), (&json!("payable"), &json!("partially_authorized")));
    shop.hear(samples::authorized_part(order, 2, 499)).await;
    assert_eq!(shop.get(&path).await.body["status"], "confirmed");
}

#[tokio::test]
async fn an_order_that_is_fetched_or_does_not_ship_needs_no_address() {
    let shop = Shop::open().await;
    let point = PickupPoint { name: "The shop".to_owned(), address: samples::address() };
    shop.change_basket(|basket| {
        basket.shipping_address = None;
        basket.pickup = Some(point.clone());
        basket.billing_address = Some(contracts::Address { tax_id: Some("ATU1".to_owned()), ..samples::address() });
        basket.quote.reverse_charge = true;
    });
    let fetched = shop.place("k1", samples::id(1)).await;
    let read = shop.get(&format!("/v1/orders/{fetched}")).await.body;
    assert_eq!((&read["pickup"]["name"], &read["shipping_address"]), (&json!("The shop"), &Value::Null));
    assert_eq!((&read["billing_address"]["tax_id"], &read["reverse_charge"]), (&json!("ATU1"), &json!(true)));
    shop.change_basket(|basket| {
        basket.pickup = None;
        basket.lines.iter_mut().for_each(|line| line.variant.requires_shipping = false);
    });
    let nothing = shop.place("k2", samples::id(2)).await;
    let orders = vec![fetched, nothing];
    let ship_to = calls::ship_to(shop.ctx.clone(), GetShipTo { orders }).await.expect("addresses");
    assert_eq!(ship_to.len(), 1);
    assert_eq!((ship_to[0].pickup.as_ref(), ship_to[0].address.is_none()), (Some(&point), true));
    let contact = calls::contact(shop.ctx.clone(), GetOrderContact { order: nothing }).await.expect("a contact");
    assert_eq!(contact.name, "Ada Lovelace", "of the invoice address");
}

#[tokio::test]
async fn a_way_to_pay_that_is_switched_off_is_none() {
    let shop = Shop::open_with(|config| config.payments.get_mut("card").expect("a method").enabled = false).await;
    let refused = shop.post_order("k1", wish(cart())).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (422, &json!("/payment/method")));
}

#[tokio::test]
async fn others_are_told_what_they_ask_and_no_more() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    let contact = calls::contact(shop.ctx.clone(), GetOrderContact { order }).await.expect("a contact");
    assert_eq!((contact.email.as_str(), contact.name.as_str()), ("Ada@Example.org", "Ada Lovelace"));
    assert_eq!((contact.lines[0].title.as_str(), contact.amounts.len()), ("Teapot, Blue", 3));
    let unknown = OrderId::from_uuid(Uuid::from_u128(99));
    let ship_to =
        calls::ship_to(shop.ctx.clone(), GetShipTo { orders: vec![order, unknown] }).await.expect("addresses");
    let address = ship_to[0].address.as_ref().expect("an address");
    assert_eq!((ship_to.len(), address.city.as_str(), ship_to[0].status), (1, "Wien", OrderStatus::Placed));
    assert_eq!((ship_to[0].lines.len(), ship_to[0].lines[1].sku.as_str()), (2, "TEA-2"));
    let refundable = calls::refundable(shop.ctx.clone(), GetRefundable { order }).await.expect("an answer");
    let lines: i64 = refundable.lines.iter().map(|line| line.total.amount).sum();
    assert_eq!(lines + refundable.shipping_total.amount, refundable.total.amount);
    let facts = shop.facts().await.remove(0);
    assert_eq!((facts.status, facts.to_ship, facts.ordered, facts.history_whole), (OrderStatus::Placed, 3, 3, true));
    shop.send("POST", "/v1/order-links", &[], json!({ "number": contact.number, "email": "ada@example.org" })).await;
    for event in outbox::page(&shop.ctx.db, Uuid::nil(), 100).await.expect("the outbox") {
        for personal in ["ada@", "Ada@", "Lovelace", "tok_ok", "Hauptstra", TOKEN, "souk_ot_"] {
            assert!(!event.data.contains(personal), "{} carries {personal}", event.name);
        }
    }
}
