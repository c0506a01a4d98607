//! Mails to buyers, through a real mail server.

use std::time::Duration;

use contracts::customers::Role;
use serde_json::{Value, json};
use testkit::{Buyer, Shop, ShopOptions, Smtp, Staff, TOKEN_DECLINED, TOKEN_OK, Topology};
use uuid::Uuid;

const ADA: &str = "ada@example.com";

async fn open(topology: Topology, smtp: &Smtp) -> (Shop, Staff) {
    let url = smtp.url();
    let edit: Box<dyn FnOnce(&mut platform::Config) + Send> = Box::new(move |config| {
        config.notifications.smtp.url = url;
        config.notifications.from = "Teehaus <tee@example.com>".to_owned();
        config.notifications.order_page = "https://shop.example/orders/{order}?token={token}".to_owned();
    });
    Shop::open_with(topology, ShopOptions { edit, ..Default::default() }).await
}

/// An order of two teapots by whoever has this address and language.
async fn bought_by(shop: &Shop, owner: &Staff, email: &str, locale: &str, token: &str) -> (Buyer, String) {
    let teapot = owner.product(1999, 3).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 2).await;
    let who = json!({ "email": email, "locale": locale });
    buyer.client.patch(format!("/v1/carts/{}", buyer.cart), who).await.must(200);
    let order = buyer.place(token).await;
    shop.settle().await;
    (buyer, order)
}

async fn messages(owner: &Staff, order: &str) -> Vec<Value> {
    let list = owner.get(format!("/v1/admin/messages?order={order}&limit=100")).await.must(200);
    list["items"].as_array().expect("a list").clone()
}

fn subjects(mails: &[Value]) -> Vec<&str> {
    mails.iter().map(|mail| mail["headers"]["subject"].as_str().expect("a subject")).collect()
}

fn text(mail: &Value) -> &str {
    mail["text"].as_str().expect("a text")
}

pub async fn a_buyer_is_written_to_in_their_language_at_each_step(topology: Topology) {
    let smtp = Smtp::start().await;
    let (shop, owner) = open(topology, &smtp).await;
    let (_, order) = bought_by(&shop, &owner, ADA, "de-AT", TOKEN_OK).await;
    let number =
        owner.get(format!("/v1/admin/orders/{order}")).await.must(200)["number"].as_str().expect("a number").to_owned();
    let shipment = owner.shipments(&order).await[0]["id"].as_str().expect("an id").to_owned();
    let parcels = json!({ "parcels": [{ "carrier": "dhl", "tracking_number": "JD0146" }, { "carrier": "ups", "tracking_number": "1Z999" }] });
    owner.post(format!("/v1/admin/shipments/{shipment}/dispatch"), parcels).await.must(200);
    shop.settle().await;
    let refund = json!({ "order": order, "amount": { "amount": 500, "currency": "EUR" }, "reason": "a scratch" });
    owner.post("/v1/admin/refunds", refund).key(Uuid::now_v7().to_string()).await.must(201);
    shop.settle().await;

    let mails = smtp.mails_to(ADA);
    let expected = [
        format!("Ihre Bestellung {number} ist bestätigt"),
        format!("Ihre Bestellung {number} ist unterwegs"),
        format!("€\u{a0}5,00 Ihrer Bestellung {number} kommen zurück"),
    ];
    assert_eq!(subjects(&mails), expected, "each once, whatever the deliveries");
    for mail in &mails {
        assert_eq!(mail["defects"], json!([]), "{mail:#}");
        assert_eq!(mail["envelope_from"], "tee@example.com");
        assert_eq!(mail["headers"]["from"], "Teehaus <tee@example.com>");
        assert_eq!(mail["headers"]["auto-submitted"], "auto-generated");
    }
    assert!(
        text(&mails[0]).contains("€\u{a0}44,88") && text(&mails[0]).contains("https://shop.example/orders/ord_"),
        "{}",
        text(&mails[0])
    );
    assert!(
        text(&mails[1]).contains("tracking-id=JD0146")
            && mails[1]["html"].as_str().is_some_and(|html| html.contains("tracknum=1Z999"))
    );
    let listed = messages(&owner, &order).await;
    let ids: Vec<String> = listed
        .iter()
        .rev()
        .map(|message| format!("<{}@example.com>", message["id"].as_str().expect("an id")))
        .collect();
    let message_ids: Vec<&str> =
        mails.iter().map(|mail| mail["headers"]["message-id"].as_str().expect("an id")).collect();
    let mut sorted = (ids.clone(), message_ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1, "a mail is named by its message");
    assert!(shop.mails().is_empty(), "no files where there is a mail server");
    shop.finish().await;
}

pub async fn a_mail_server_that_is_down_gets_the_mail_once_when_it_is_back(topology: Topology) {
    let mut smtp = Smtp::asleep();
    let (shop, owner) = open(topology, &smtp).await;
    let (_, order) = bought_by(&shop, &owner, ADA, "en", TOKEN_OK).await;
    assert_eq!(messages(&owner, &order).await[0]["state"], "pending");
    let message = messages(&owner, &order).await[0]["id"].as_str().expect("an id").to_owned();
    owner
        .post(format!("/v1/admin/messages/{message}/resend"), json!({}))
        .await
        .refused(409, "notifications.message_pending");
    smtp.wake().await;
    for _ in 0..5 {
        shop.advance(Duration::from_secs(600));
        shop.settle().await;
    }
    assert_eq!(messages(&owner, &order).await[0]["state"], "sent");
    assert_eq!(smtp.mails_to(ADA).len(), 1);
    shop.finish().await;
}

pub async fn what_a_mail_server_puts_off_comes_later_and_what_it_refuses_has_failed(topology: Topology) {
    let smtp = Smtp::start().await;
    let (shop, owner) = open(topology, &smtp).await;
    let (_, refused) = bought_by(&shop, &owner, "refused@example.com", "en", TOKEN_OK).await;
    let (_, later) = bought_by(&shop, &owner, "later@example.com", "en", TOKEN_OK).await;
    let failed = messages(&owner, &refused).await[0].clone();
    assert_eq!(
        (&failed["state"], &failed["reason"]),
        (&json!("failed"), &json!("the mail server refused it: 550 5.1.1"))
    );
    assert_eq!(owner.get("/v1/admin/messages?state=failed").await.must(200)["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(messages(&owner, &later).await[0]["state"], "pending");
    assert!(smtp.mails().is_empty());

    smtp.open_to_all();
    shop.advance(Duration::from_secs(600));
    shop.settle().await;
    assert_eq!(messages(&owner, &later).await[0]["state"], "sent");
    let message = failed["id"].as_str().expect("an id");
    let again = owner.post(format!("/v1/admin/messages/{message}/resend"), json!({})).await.must(202);
    assert_eq!((&again["state"], &again["sending"]), (&json!("pending"), &json!(2)));
    shop.settle().await;
    let mails = smtp.mails_to("refused@example.com");
    assert_eq!((mails.len(), &mails[0]["headers"]["message-id"]), (1, &json!(format!("<{message}.2@example.com>"))));
    shop.finish().await;
}

pub async fn who_has_to_transfer_is_told_how(topology: Topology) {
    let smtp = Smtp::start().await;
    let (shop, owner) = open(topology, &smtp).await;
    let teapot = owner.product(1999, 3).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 1).await;
    let body = json!({ "cart": buyer.cart, "payment": { "method": "transfer" } });
    let order = buyer.client.post("/v1/orders", body).key(Uuid::now_v7().to_string()).await.must(201);
    shop.settle().await;
    let seen = buyer.see(order["id"].as_str().expect("an id")).await;
    let reference = seen["next_action"]["reference"].as_str().expect("a reference");
    let mails = smtp.mails_to(ADA);
    assert_eq!(mails.len(), 1, "{mails:#?}");
    let text = text(&mails[0]);
    assert!(text.contains("€24.89") && text.contains(reference) && text.contains("IBAN"), "{text}");
    shop.finish().await;
}

pub async fn who_was_declined_is_reminded_once_and_not_while_they_try(topology: Topology) {
    let smtp = Smtp::start().await;
    let (shop, owner) = open(topology, &smtp).await;
    let (buyer, order) = bought_by(&shop, &owner, ADA, "en", TOKEN_DECLINED).await;
    buyer.pay(&order, TOKEN_DECLINED).await.must(201);
    shop.settle().await;
    let (paid, _) = bought_by(&shop, &owner, "grete@example.com", "en", TOKEN_DECLINED).await;
    paid.pay(&messages_order(&owner, "grete").await, TOKEN_OK).await.must(201);
    shop.settle().await;
    assert!(smtp.mails_to(ADA).is_empty(), "they may be at it");
    shop.advance(Duration::from_secs(11 * 60));
    shop.settle().await;
    let mails = smtp.mails_to(ADA);
    assert_eq!(mails.len(), 1, "{mails:#?}");
    assert!(text(&mails[0]).contains("did not go through"), "{}", text(&mails[0]));
    let of_grete = smtp.mails_to("grete@example.com");
    assert_eq!(of_grete.len(), 1, "the confirmation alone: {of_grete:#?}");
    assert!(subjects(&of_grete)[0].contains("is confirmed"));
    shop.finish().await;
}

/// The newest order of a buyer, as staff find it.
async fn messages_order(owner: &Staff, name: &str) -> String {
    let found = owner.get(format!("/v1/admin/orders?email={name}@example.com")).await.must(200);
    found["items"][0]["id"].as_str().expect("an order").to_owned()
}

pub async fn a_guest_asks_for_a_link_and_a_customer_is_welcomed(topology: Topology) {
    let smtp = Smtp::start().await;
    let (shop, owner) = open(topology, &smtp).await;
    let (_, order) = bought_by(&shop, &owner, ADA, "en", TOKEN_OK).await;
    let number = owner.get(format!("/v1/admin/orders/{order}")).await.must(200)["number"].clone();
    let asked = shop.post("/v1/order-links", json!({ "number": number, "email": ADA })).await;
    assert_eq!(asked.status, 202, "{}", asked.shown());
    let account =
        json!({ "email": "grete@example.com", "password": "correct horse battery", "name": "Grete", "locale": "de" });
    shop.post("/v1/customers", account).await;
    shop.settle().await;
    let mails = smtp.mails_to(ADA);
    let link = mails
        .iter()
        .find(|mail| text(mail).contains("You need do nothing") || text(mail).contains("do not pass it on"));
    let link = text(link.unwrap_or_else(|| panic!("a link is mailed: {mails:#?}")));
    let token =
        link.split("?token=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a token in the link");
    let seen = shop.get(format!("/v1/orders/{order}")).header("Order-Token", token).await.must(200);
    assert_eq!(seen["number"], number);
    let welcome = smtp.mails_to("grete@example.com");
    assert_eq!(subjects(&welcome), ["Willkommen bei Teehaus"], "{welcome:#?}");
    shop.finish().await;
}

pub async fn who_may_read_an_order_gets_no_link_that_changes_it(topology: Topology) {
    let smtp = Smtp::start().await;
    let (shop, owner) = open(topology, &smtp).await;
    let (_, order) = bought_by(&shop, &owner, ADA, "en", TOKEN_OK).await;
    let auditor = shop.staff(Role::Auditor).await;
    let body = json!({ "locale": "en", "order": order });
    let mut links = 0;
    for template in auditor.get("/v1/admin/templates").await.must(200)["items"].as_array().expect("a list") {
        let path = format!("/v1/admin/templates/{}/preview", template["name"].as_str().expect("a name"));
        let shown = auditor.post(&path, body.clone()).await.must(200);
        let text = shown["text"].as_str().expect("a text");
        for token in text.split("?token=").skip(1).filter_map(|rest| rest.split_whitespace().next()) {
            let guest = shop.with("Order-Token", token);
            assert_ne!(guest.get(format!("/v1/orders/{order}")).await.status, 200, "{path} {token}");
            assert_ne!(guest.post(format!("/v1/orders/{order}/cancel"), json!({})).await.status, 200, "{path}");
            links += 1;
        }
    }
    assert!(links > 0, "a preview shows where the link would be");
    owner.post("/v1/admin/templates/order_confirmed/preview", body).await.must(200);
    shop.finish().await;
}

pub async fn staff_look_at_mails_before_buyers_do(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (_, order) = bought_by(&shop, &owner, ADA, "en", TOKEN_OK).await;
    let templates = owner.get("/v1/admin/templates").await.must(200);
    for template in templates["items"].as_array().expect("a list") {
        let path = format!("/v1/admin/templates/{}/preview", template["name"].as_str().expect("a name"));
        let sample = owner.post(&path, json!({ "locale": "de-AT" })).await.must(200);
        let real = owner.post(&path, json!({ "locale": "en", "order": order })).await.must(200);
        for shown in [&sample, &real] {
            assert!(shown["html"].as_str().is_some_and(|html| html.contains("</html>")), "{shown:#}");
            assert!(!shown["subject"].as_str().expect("a subject").is_empty());
        }
        let knows_order = template["name"] != "welcome";
        assert_eq!(
            real["html"].as_str().is_some_and(|html| html.contains("Ada Lovelace")),
            knows_order || real["text"].as_str().is_some_and(|text| text.contains("Ada"))
        );
    }
    let unknown = json!({ "locale": "en", "order": "ord_01jd5zs2xce3nbq7tpv5f8k9wm" });
    owner.post("/v1/admin/templates/welcome/preview", unknown).await.refused(422, "request.invalid");
    shop.get("/v1/admin/templates").await.refused(401, "request.unauthenticated");
    shop.finish().await;
}
