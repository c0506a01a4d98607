//! Cancelling: who may, when, and what is asked of shipping.

use contracts::customers::Buyer;
use contracts::orders::{CancelRequestId, GetPaymentInstruction};

use super::*;

const AS_ADA: [(&str, &str); 1] = [("cart-token", TOKEN)];

impl Shop {
    async fn cancel(&self, order: OrderId, body: Value) -> Answer {
        self.send("POST", &format!("/v1/orders/{order}/cancel"), &AS_ADA, body).await
    }
}

fn request_of(answer: &Answer) -> CancelRequestId {
    answer.body["cancel_request"]["id"].as_str().expect("a request").parse().expect("its id")
}

#[tokio::test]
async fn an_order_is_its_buyers_alone() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    let stranger = [("cart-token", "souk_ct_eve")];
    for (method, path) in [
        ("GET", format!("/v1/orders/{order}")),
        ("GET", format!("/v1/orders/{order}/events")),
        ("POST", format!("/v1/orders/{order}/cancel")),
    ] {
        let answer = shop.send(method, &path, &stranger, json!({})).await;
        assert_eq!((answer.status, answer.code()), (404, "orders.not_found"), "{path}");
        let answer = shop.as_customer(samples::id(8), method, &path, json!({})).await;
        assert_eq!((answer.status, answer.code()), (404, "orders.not_found"), "{path}");
    }
    let ask =
        |buyer: Option<Buyer>| calls::payment_instruction(shop.ctx.clone(), GetPaymentInstruction { order, buyer });
    let eve = Buyer::Guest { token_sha256: "eve".to_owned() };
    assert_eq!(ask(Some(eve)).await.expect_err("not hers").status, 404);
    let somebody = Buyer::Customer { customer: samples::id(8) };
    assert_eq!(ask(Some(somebody)).await.expect_err("not theirs").status, 404);
    assert_eq!(ask(None).await.expect("an instruction").token.as_deref(), Some("tok_ok"));
}

#[tokio::test]
async fn a_customers_order_is_theirs_and_no_guests() {
    let shop = Shop::open().await;
    let ada = samples::id(8);
    let order = shop.as_customer(ada, "POST", "/v1/orders", wish(cart())).await;
    assert_eq!((order.status, &order.body["customer"]), (201, &json!(ada)), "{}", order.body);
    let path = format!("/v1/orders/{}", order.order());
    assert_eq!(shop.as_customer(ada, "GET", &path, json!({})).await.status, 200);
    assert_eq!(shop.as_customer(samples::id(9), "GET", &path, json!({})).await.status, 404);
    assert_eq!(shop.get(&path).await.status, 404, "the cart's token opens it no more");
}

#[tokio::test]
async fn a_buyer_cancels_and_may_order_the_cart_again() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    shop.hear(samples::reserved(order)).await;
    let answer = shop.cancel(order, json!({ "reason": "found it cheaper" })).await;
    assert_eq!((answer.status, &answer.body["cancel_reason"]), (200, &json!("buyer")));
    assert_eq!(answer.body["history"][2]["detail"], "found it cheaper");
    assert_eq!(answer.body["due"]["amount"], 0);
    assert_eq!(shop.said("order.cancelled").await[0]["reopens_cart"], json!(true));
    assert_eq!(shop.timers().await, 0);
    let again = shop.cancel(order, json!({})).await;
    assert_eq!((again.status, &again.body), (200, &answer.body), "a repeat changes nothing");

    shop.hear(samples::authorized(order, 1)).await;
    shop.hear(samples::voided(order, 3_499)).await;
    let read = shop.get(&format!("/v1/orders/{order}")).await;
    assert_eq!((&read.body["status"], &read.body["payment_state"]), (&json!("cancelled"), &json!("voided")));
    assert_ne!(shop.place("k2", cart()).await, order);
}

#[tokio::test]
async fn a_body_may_be_left_out_and_lines_wait_for_the_payment() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    let lines = json!({ "lines": [{ "line": shop.line(order, 0).await, "quantity": 1 }] });
    let answer = shop.cancel(order, lines).await;
    assert_eq!((answer.status, answer.code()), (409, "orders.not_by_line"));
    let stranger = json!({ "lines": [{ "line": samples::id::<contracts::carts::LineId>(77), "quantity": 1 }] });
    let answer = shop.cancel(order, stranger).await;
    assert_eq!((answer.status, &answer.body["errors"][0]["pointer"]), (422, &json!("/lines/0/line")));
    let path = format!("/v1/orders/{order}/cancel");
    let answer = shop.send_bytes("POST", &path, &AS_ADA, Vec::new()).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("cancelled")), "{}", answer.body);
}

#[tokio::test]
async fn a_confirmed_order_is_asked_of_shipping_which_grants_it() {
    let shop = Shop::open().await;
    let order = shop.confirm("k1", cart()).await;
    let asked = shop.cancel(order, json!({})).await;
    assert_eq!((asked.status, &asked.body["status"]), (202, &json!("confirmed")), "{}", asked.body);
    assert_eq!(asked.body["cancel_request"]["state"], "requested");
    let again = shop.cancel(order, json!({})).await;
    assert_eq!((again.status, &again.body), (202, &asked.body), "it was asked before");
    let said = shop.said("order.cancel_requested").await;
    assert_eq!((said.len(), said[0]["lines"].as_array().map(Vec::len)), (1, Some(2)));

    shop.hear(samples::held_back(order, request_of(&asked), &[(1, 2), (2, 1)])).await;
    let read = shop.get(&format!("/v1/orders/{order}")).await;
    assert_eq!((&read.body["status"], &read.body["cancel_reason"]), (&json!("cancelled"), &json!("buyer")));
    assert_eq!((&read.body["cancel_request"], &read.body["due"]["amount"]), (&Value::Null, &json!(0)));
    assert_eq!(shop.said("order.cancelled").await[0]["reopens_cart"], json!(false));
    assert_eq!(shop.cancel(order, json!({})).await.status, 200);
}

#[tokio::test]
async fn a_line_is_cancelled_and_the_order_goes_on_without_it() {
    let shop = Shop::open().await;
    let order = shop.confirm("k1", cart()).await;
    let line = shop.line(order, 0).await;
    let one = json!({ "lines": [{ "line": line, "quantity": 1 }], "reason": "one is enough" });
    let path = format!("/v1/admin/orders/{order}/cancel");
    let asked = shop.as_staff("POST", &path, one).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    let again = json!({ "lines": [{ "line": line, "quantity": 1 }] });
    assert_eq!(shop.as_staff("POST", &path, again).await.status, 202, "the same wish, which changes nothing");
    let other = shop.as_staff("POST", &path, json!({})).await;
    assert_eq!((other.status, other.code()), (409, "orders.cancel_pending"));
    shop.hear(samples::held_back(order, request_of(&asked), &[(1, 1)])).await;
    let read = shop.as_staff("GET", &format!("/v1/admin/orders/{order}"), json!({})).await.body;
    assert_eq!((&read["status"], &read["due"]["amount"]), (&json!("confirmed"), &json!(2_499)));
    assert_eq!((&read["lines"][0]["cancelled"], &read["lines"][0]["quantity"]), (&json!(1), &json!(2)));
    let entry = &read["history"][3];
    assert_eq!((&entry["event"], &entry["staff"]), (&json!("order.cancel_requested"), &json!(staff())));
    assert_eq!(entry["detail"], "one is enough");
    let said = shop.said("order.lines_cancelled").await;
    assert_eq!((&said[0]["amount"]["amount"], &said[0]["parts"][0]["quantity"]), (&json!(1_000), &json!(1)));
    assert!(said[0]["parts"][0]["location"].is_string());
    let facts = shop.facts().await.remove(0);
    assert_eq!((facts.due, facts.cancelled, facts.ordered, facts.parts_total), (2_499, 1, 3, 3_499));

    let two = json!({ "lines": [{ "line": line, "quantity": 2 }] });
    let gone = shop.cancel(order, two).await;
    assert_eq!((gone.status, gone.code()), (409, "orders.units_gone"));
    assert_eq!(gone.body["context"]["left"][0], json!({ "line": line, "left": 1 }));
    let seen = shop.get(&format!("/v1/orders/{order}")).await.body;
    assert_eq!((&seen["history"][3]["source"], &seen["history"][3]["staff"]), (&json!("staff"), &Value::Null));
    let recorded = shop.said("audit.recorded").await;
    assert_eq!((recorded.len(), &recorded[0]["action"]), (1, &json!("orders.cancel_order")));
}

#[tokio::test]
async fn who_waits_for_a_cancellation_is_told_what_shipping_decided() {
    let shop = Shop::open().await;
    for (key, cart_number, is_granted) in [("k1", 1, true), ("k2", 9, false)] {
        let order = shop.confirm(key, samples::id(cart_number)).await;
        let headers = [("cart-token", TOKEN), ("prefer", "wait=20")];
        let path = format!("/v1/orders/{order}/cancel");
        let waiting = shop.send("POST", &path, &headers, json!({}));
        let deciding = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let request = request_of(&shop.get(&format!("/v1/orders/{order}")).await);
            shop.hear(match is_granted {
                true => samples::held_back(order, request, &[(1, 2), (2, 1)]),
                false => samples::not_held_back(order, request),
            })
            .await;
        };
        let (answer, ()) = tokio::join!(waiting, deciding);
        if is_granted {
            assert_eq!((answer.status, &answer.body["status"]), (200, &json!("cancelled")), "{}", answer.body);
        } else {
            assert_eq!((answer.status, answer.code()), (409, "orders.cancel_refused"));
            let read = shop.get(&format!("/v1/orders/{order}")).await;
            assert_eq!(read.body["cancel_request"]["state"], "refused");
        }
    }
}

#[tokio::test]
async fn who_is_tired_of_waiting_is_told_what_is_known() {
    let shop = Shop::open().await;
    let order = shop.confirm("k1", cart()).await;
    let headers = [("cart-token", TOKEN), ("prefer", "wait=1")];
    let answer = shop.send("POST", &format!("/v1/orders/{order}/cancel"), &headers, json!({})).await;
    assert_eq!((answer.status, &answer.body["cancel_request"]["state"]), (202, &json!("requested")));
}

#[tokio::test]
async fn a_shipped_order_can_not_be_cancelled() {
    let shop = Shop::open().await;
    let order = shop.confirm("k1", cart()).await;
    shop.hear(samples::dispatched(order, 1, &[(1, 1)])).await;
    assert_eq!(shop.said("order.capture_due").await[0]["amount"]["amount"], 1_167);
    let read = shop.get(&format!("/v1/orders/{order}")).await;
    assert_eq!(read.body["fulfilment_state"], "partially_shipped");
    shop.hear(samples::dispatched(order, 2, &[(1, 1), (2, 1)])).await;
    let answer = shop.cancel(order, json!({})).await;
    assert_eq!((answer.status, answer.code()), (409, "orders.not_cancellable"));
}
