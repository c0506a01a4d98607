//! Links by mail: what is told, to whom, how often and for how long.

use contracts::orders::{GetOrderContact, GetOrderLink, OrderLinkId};

use super::*;

impl Shop {
    async fn ask(&self, number: &str, email: &str) -> Answer {
        self.send("POST", "/v1/order-links", &[], json!({ "number": number, "email": email })).await
    }

    async fn token(&self, said: &Value) -> Option<String> {
        let link: OrderLinkId = said["link"].as_str().expect("a link").parse().expect("a link's id");
        let link = calls::order_link(self.ctx.clone(), GetOrderLink { link }).await.expect("an answer");
        link.map(|link| link.token)
    }

    async fn number(&self, order: OrderId) -> String {
        let read = self.as_staff("GET", &format!("/v1/admin/orders/{order}"), json!({})).await;
        read.body["number"].as_str().expect("a number").to_owned()
    }
}

#[tokio::test]
async fn a_guest_opens_an_order_by_a_link_for_a_day() {
    let shop = Shop::open().await;
    let order = shop.confirm("k1", cart()).await;
    let other = shop.place("k2", samples::id(9)).await;
    let number = shop.number(order).await.to_lowercase();
    assert_eq!(shop.ask(&number, " ada@EXAMPLE.org ").await.status, 202);
    let said = shop.said("order.link_requested").await;
    assert_eq!((said.len(), &said[0]["order"]), (1, &json!(order)));
    let token = shop.token(&said[0]).await.expect("a link");

    let link = [("order-token", token.as_str())];
    let read = shop.send("GET", &format!("/v1/orders/{order}"), &link, json!({})).await;
    assert_eq!((read.status, &read.body["id"]), (200, &json!(order)), "{}", read.body);
    let asked = shop.send("POST", &format!("/v1/orders/{order}/cancel"), &link, json!({})).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    let stranger = shop.send("GET", &format!("/v1/orders/{other}"), &link, json!({})).await;
    assert_eq!((stranger.status, stranger.code()), (404, "orders.not_found"));
    assert_eq!(shop.send("GET", "/v1/orders", &link, json!({})).await.status, 401, "a link is no account");

    shop.ctx.clock.advance(Duration::from_secs(24 * 3_600));
    let late = shop.send("GET", &format!("/v1/orders/{order}"), &link, json!({})).await;
    assert_eq!((late.status, late.code()), (401, "orders.link_ended"));
    assert_eq!(shop.token(&said[0]).await, None);
    let forged = [("order-token", "souk_ot_AAAA")];
    assert_eq!(shop.send("GET", &format!("/v1/orders/{order}"), &forged, json!({})).await.status, 401);
}

#[tokio::test]
async fn the_answer_is_the_same_whether_there_is_such_an_order_or_not() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    let number = shop.number(order).await;
    for (number, email) in [(number.as_str(), "eve@example.org"), ("S-NONE", "ada@example.org"), ("x", "y")] {
        let answer = shop.ask(number, email).await;
        assert_eq!((answer.status, &answer.body), (202, &Value::Null));
    }
    assert_eq!(shop.said("order.link_requested").await.len(), 0);
    let empty = shop.ask("", "").await;
    assert_eq!((empty.status, empty.body["errors"].as_array().map(Vec::len)), (400, Some(2)));
}

#[tokio::test]
async fn links_for_one_number_or_address_are_few_an_hour() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    let number = shop.number(order).await;
    for _ in 0..7 {
        assert_eq!(shop.ask(&number, "ada@example.org").await.status, 202);
    }
    assert_eq!(shop.said("order.link_requested").await.len(), 5, "orders.link_asks_per_hour_max");
    let other = shop.place("k2", samples::id(9)).await;
    let other = shop.number(other).await;
    shop.ask(&other, "ada@example.org").await;
    assert_eq!(shop.said("order.link_requested").await.len(), 5, "the address is counted, too");
    shop.ctx.clock.advance(Duration::from_secs(3_600));
    shop.ask(&other, "ada@example.org").await;
    assert_eq!(shop.said("order.link_requested").await.len(), 6);
}

#[tokio::test]
async fn a_link_pays_its_order_and_no_other() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    let other = shop.place("k2", samples::id(9)).await;
    let link = crate::link::make(&shop.ctx.secrets, order, crate::link::end(shop.ctx.clock.now()));
    let ask = async |order| {
        let call = contracts::orders::GetPaymentInstructionByLink { order, token: link.token.clone() };
        calls::payment_instruction_by_link(shop.ctx.clone(), call).await
    };
    assert_eq!(ask(order).await.expect("an instruction").total.amount, 3_499);
    assert_eq!(ask(other).await.expect_err("another order").status, 404);
    shop.ctx.clock.advance(Duration::from_secs(24 * 3_600));
    assert_eq!(ask(order).await.expect_err("it has ended").code, "orders.link_ended");
}

#[tokio::test]
async fn a_guests_mail_carries_a_link_and_a_customers_does_not() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    let contact = calls::contact(shop.ctx.clone(), GetOrderContact { order }).await.expect("a contact");
    let token = contact.link.expect("a link").token;
    let read = shop.send("GET", &format!("/v1/orders/{order}"), &[("order-token", &token)], json!({})).await;
    assert_eq!(read.status, 200);
    let theirs = shop.as_customer(samples::id(8), "POST", "/v1/orders", wish(samples::id(9))).await.order();
    let contact = calls::contact(shop.ctx.clone(), GetOrderContact { order: theirs }).await.expect("a contact");
    assert!(contact.link.is_none() && contact.customer == Some(samples::id(8)));
}
