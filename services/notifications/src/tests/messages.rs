//! From an event to a mail.

use contracts::carts::CartId;
use contracts::customers::{CustomerContact, CustomerId, CustomerRegistered, Permission};
use contracts::inventory::LocationId;
use contracts::orders::{
    CancelReason, OrderCancelled, OrderConfirmed, OrderLink, OrderLinkId, OrderLinkRequested, OrderStatus,
};
use contracts::payments::{
    AttemptId, NextAction, PaymentActionRequired, PaymentDeclined, PaymentId, PaymentRefunded, RefundId,
};
use contracts::shipping::{ShipmentContact, ShipmentDispatched, ShipmentId};
use contracts::{Currency, Id, Money};
use serde_json::{Value, json};
use uuid::Uuid;

use super::shop::{Shop, order};
use crate::message::MessageState::{Failed, Pending, Sent, Skipped};
use crate::message::Template;
use crate::sample;

fn id<I: Id>(number: u128) -> I {
    I::from_uuid(Uuid::from_u128(number))
}

fn confirmed() -> OrderConfirmed {
    let market = "default".parse().expect("a market");
    let total = Money::new(9_560, Currency::EUR);
    OrderConfirmed { order: order(), market, holds: Vec::new(), shipping_method: None, lines: Vec::new(), total }
}

fn cancelled() -> OrderCancelled {
    let cart: CartId = id(0);
    OrderCancelled { order: order(), cart, cart_version: 1, reason: CancelReason::Unpaid, reopens_cart: true }
}

fn dispatched(shipment: u128) -> ShipmentDispatched {
    let location: LocationId = id(0);
    ShipmentDispatched { shipment: id(shipment), order: order(), location, lines: Vec::new() }
}

fn refunded(refund: u128, amount: i64) -> PaymentRefunded {
    let refund: RefundId = id(refund);
    PaymentRefunded {
        order: order(),
        refund,
        amount: Money::new(amount, Currency::EUR),
        lines: Vec::new(),
        shipping: false,
    }
}

fn action_required(attempt: u128) -> PaymentActionRequired {
    let (payment, attempt): (PaymentId, AttemptId) = (id(1), id(attempt));
    PaymentActionRequired { order: order(), payment, attempt, method: "card".to_owned() }
}

fn declined(attempt: u128, tries_left: i64) -> PaymentDeclined {
    let (payment, attempt): (PaymentId, AttemptId) = (id(1), id(attempt));
    PaymentDeclined { order: order(), payment, attempt, reason: "card_declined".to_owned(), tries_left }
}

async fn shop_with_shipment() -> Shop {
    let shop = Shop::open().await;
    shop.world_is(|world| {
        let letter = sample::letter(
            &platform::Config::defaults(),
            crate::message::Template::ShipmentDispatched,
            world.contact.clone(),
            jiff::Timestamp::UNIX_EPOCH,
        );
        let shipment = letter.expect("a letter").content.shipment.expect("a shipment");
        world.shipment = Some(ShipmentContact { shipment: id::<ShipmentId>(1), ..shipment.contact });
    });
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_makes_one_mail_whatever_the_deliveries() {
    let shop = shop_with_shipment().await;
    shop.say(&confirmed(), 3).await;
    shop.say(&dispatched(1), 2).await;
    shop.say(&dispatched(2), 2).await;
    shop.say(&refunded(1, 490), 2).await;
    shop.settle().await;
    let messages = shop.messages().await;
    assert_eq!(shop.states().await, [Sent; 4]);
    let mut named: Vec<String> = messages.iter().map(|message| format!("{}.eml", message.id)).collect();
    named.sort();
    assert_eq!(shop.files(), named);
    let confirmation = messages.iter().find(|message| message.template.as_str() == "order_confirmed").expect("one");
    let mail = shop.mail(confirmation);
    let message_id = format!("Message-ID: <{}@localhost>", confirmation.id);
    for part in [
        "From: Souk <shop@localhost>",
        "To: \"Ada Lovelace\" <ada@example.com>",
        "Subject: Your order S1001 is confirmed",
        "Date: Thu, 01 Jan 2026 12:00:00 +0000",
        "Auto-Submitted: auto-generated",
        "multipart/alternative",
        "text/plain; charset=utf-8",
        "text/html; charset=utf-8",
        &message_id,
    ] {
        assert!(mail.contains(part), "{part} is not in {mail}");
    }
    let refund = messages.iter().find(|message| message.template.as_str() == "order_refunded").expect("one");
    assert_eq!(refund.amount, Some(Money::new(490, Currency::EUR)));
    assert!(shop.mail(refund).contains("=E2=82=AC4.90"), "{}", shop.mail(refund));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_that_comes_after_the_cancellation_is_not_sent() {
    let shop = Shop::open().await;
    shop.world_is(|world| world.contact.cancel_reason = Some(CancelReason::Unpaid));
    shop.say(&cancelled(), 1).await;
    shop.settle().await;
    shop.say(&confirmed(), 1).await;
    shop.settle().await;
    let messages = shop.messages().await;
    assert_eq!(shop.states().await, [Sent, Skipped]);
    assert!(messages[1].reason.as_deref().is_some_and(|reason| reason.contains("cancelled")));
    assert!(shop.mail(&messages[0]).contains("it was not paid in time"));
    assert_eq!(shop.files().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_no_mailbox_fails_for_good_and_is_said() {
    let shop = Shop::open().await;
    shop.world_is(|world| world.contact.email = "nobody at nowhere".to_owned());
    shop.say(&confirmed(), 2).await;
    shop.settle().await;
    let message = &shop.messages().await[0];
    assert_eq!(message.state, Failed);
    let said = ::store::outbox::page(&shop.ctx.db, Uuid::nil(), 10).await.expect("a page");
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].name.as_str(), said[0].subject), ("notification.failed", message.id.uuid()));
    assert!(!said[0].data.contains("nobody"), "{}", said[0].data);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_sent_is_tried_for_a_day_and_then_has_failed() {
    let shop = Shop::open().await;
    shop.world_is(|world| world.answers = false);
    shop.say(&confirmed(), 1).await;
    shop.settle().await;
    for _ in 0..12 {
        assert_eq!(shop.states().await, [Pending]);
        shop.advance(2 * 3_600 + 1);
        shop.settle().await;
    }
    let message = &shop.messages().await[0];
    assert_eq!(message.state, Failed);
    assert_eq!(message.reason.as_deref(), Some("given up after 24 hours: orders is down"));
    assert!(
        ::store::job::dead(&shop.ctx.db, 10).await.expect("a list").is_empty(),
        "no dead letter: the message says it"
    );

    shop.world_is(|world| world.answers = true);
    let (status, again) = shop.ask("POST", &format!("/v1/admin/messages/{}/resend", message.id), None).await;
    assert_eq!((status, &again["state"], &again["sending"]), (202, &json!("pending"), &json!(2)));
    shop.settle().await;
    let message = &shop.messages().await[0];
    assert_eq!(message.state, Sent);
    assert_eq!(shop.files(), [format!("{}.2.eml", message.id)], "another sending is another mail");
    assert!(shop.mail(message).contains(&format!("Message-ID: <{}.2@localhost>", message.id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_to_is_tried_again() {
    let shop = Shop::open().await;
    std::fs::write(shop.mails(), "a file where the folder should be").expect("a file");
    shop.say(&confirmed(), 1).await;
    shop.settle().await;
    assert_eq!(shop.states().await, [Pending]);
    std::fs::remove_file(shop.mails()).expect("no file");
    shop.advance(600);
    shop.settle().await;
    assert_eq!(shop.states().await, [Sent]);
    assert_eq!(shop.files().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_to_transfer_is_said_at_once() {
    let shop = Shop::open().await;
    let amount = Money::new(9_560, Currency::EUR);
    shop.world_is(|world| {
        world.status = OrderStatus::Payable;
        let (reference, instructions) = ("S1001".to_owned(), "IBAN AT61 1904 3002 3457 3201".to_owned());
        world.next = Some(NextAction::Transfer { reference, instructions, amount });
    });
    shop.say(&action_required(1), 2).await;
    shop.settle().await;
    let messages = shop.messages().await;
    assert_eq!(shop.states().await, [Sent]);
    assert!(shop.mail(&messages[0]).contains("IBAN AT61 1904 3002 3457 3201"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_be_paying_now_is_left_alone_and_reminded_once() {
    let shop = Shop::open().await;
    shop.world_is(|world| world.status = OrderStatus::Payable);
    shop.say(&declined(1, 4), 1).await;
    shop.settle().await;
    shop.say(&declined(2, 3), 1).await;
    shop.settle().await;
    shop.say(&declined(3, 0), 1).await;
    shop.settle().await;
    assert_eq!(shop.states().await, [Pending, Pending], "the last try leaves nothing to do");
    shop.advance(9 * 60);
    shop.settle().await;
    assert_eq!(shop.states().await, [Pending, Pending]);
    shop.advance(60);
    shop.settle().await;
    let messages = shop.messages().await;
    assert_eq!(shop.states().await, [Skipped, Sent], "{messages:?}");
    assert!(shop.mail(&messages[1]).contains("did not go through"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_paid_meanwhile_is_not_reminded() {
    let shop = Shop::open().await;
    shop.world_is(|world| {
        world.status = OrderStatus::Payable;
        world.next = Some(NextAction::Redirect { url: "https://bank.example/".to_owned() });
    });
    shop.say(&action_required(1), 1).await;
    shop.settle().await;
    assert_eq!(shop.states().await, [Pending]);
    shop.world_is(|world| (world.status, world.next) = (OrderStatus::Confirmed, None));
    shop.advance(600);
    shop.settle().await;
    assert_eq!(shop.states().await, [Skipped]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_sent_while_it_lasts() {
    let shop = Shop::open().await;
    let asked = |link: u128| OrderLinkRequested { order: order(), link: id::<OrderLinkId>(link) };
    shop.say(&asked(1), 1).await;
    shop.settle().await;
    let expires_at = "2026-01-02T12:00:00Z".parse().expect("a time");
    shop.world_is(|world| {
        world.link = Some(OrderLink { order: order(), token: "souk_ot_secret".to_owned(), expires_at })
    });
    shop.say(&asked(2), 2).await;
    shop.settle().await;
    let messages = shop.messages().await;
    assert_eq!(shop.states().await, [Skipped, Sent]);
    assert!(shop.mail(&messages[1]).contains("Your code: souk_ot_secret"), "{}", shop.mail(&messages[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_customer_is_welcomed_in_their_language() {
    let shop = Shop::open().await;
    let customer: CustomerId = id(5);
    shop.world_is(|world| {
        let (email, name) = ("grete@example.com".to_owned(), Some("Grete".to_owned()));
        world.customer = Some(CustomerContact { customer, email, name, locale: "de-AT".parse().expect("a locale") });
    });
    shop.say(&CustomerRegistered { customer }, 2).await;
    shop.say(&CustomerRegistered { customer: id(6) }, 1).await;
    shop.world_is(|_| {});
    shop.settle().await;
    let messages = shop.messages().await;
    assert_eq!(messages.len(), 2);
    assert!(shop.mail(&messages[0]).contains("Subject: Willkommen bei Souk"), "{}", shop.mail(&messages[0]));
    assert_eq!((messages[0].order, messages[0].customer), (None, Some(customer)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_is_not_written_of() {
    let shop = Shop::open().await;
    shop.say(&CustomerRegistered { customer: id(5) }, 1).await;
    shop.settle().await;
    assert_eq!(shop.states().await, [Skipped]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_personal_data_stays_in_the_database() {
    let shop = shop_with_shipment().await;
    shop.say(&confirmed(), 1).await;
    shop.say(&cancelled(), 1).await;
    shop.say(&dispatched(1), 1).await;
    shop.settle().await;
    assert_eq!(shop.states().await, [Sent; 3]);
    for entry in std::fs::read_dir(shop.folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("a file");
            for person in [&b"ada@example.com"[..], b"Lovelace", b"Hauptstra"] {
                assert!(!bytes.windows(person.len()).any(|window| window == person), "{}", path.display());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_list_messages_by_order_and_state() {
    let shop = Shop::open().await;
    shop.say(&confirmed(), 1).await;
    shop.settle().await;
    shop.world_is(|world| world.contact.email = "nobody".to_owned());
    shop.say(&refunded(1, 100), 1).await;
    shop.settle().await;
    let list = async |query: &str| {
        let (status, list) = shop.ask("GET", &format!("/v1/admin/messages{query}"), None).await;
        assert_eq!(status, 200, "{list}");
        let items = list["items"].as_array().expect("items").clone();
        items.iter().map(|item| item["template"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list("").await, ["order_refunded", "order_confirmed"]);
    assert_eq!(list("?state=failed").await, ["order_refunded"]);
    assert_eq!(list(&format!("?order={}", order())).await.len(), 2);
    assert_eq!(list(&format!("?order={}&state=sent", order())).await, ["order_confirmed"]);
    assert!(list(&format!("?order={}", id::<contracts::orders::OrderId>(78))).await.is_empty());
    assert_eq!(list("?limit=1").await, ["order_refunded"]);
    for bad in ["?order=7", "?state=lost", "?limit=0", "?page=2", "?cursor=x"] {
        let (status, _) = shop.ask("GET", &format!("/v1/admin/messages{bad}"), None).await;
        assert!(status == 400 || status == 422, "{bad}: {status}");
    }
    let (status, problem) = shop.ask("POST", "/v1/admin/messages/msg_01jd5zs2xce3nbq7tpv5f8k9wm/resend", None).await;
    assert_eq!((status, &problem["code"]), (404, &json!("notifications.message_not_found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_on_its_way_is_not_sent_again() {
    let shop = Shop::open().await;
    shop.world_is(|world| world.answers = false);
    shop.say(&confirmed(), 1).await;
    shop.settle().await;
    let message = &shop.messages().await[0];
    let (status, problem) = shop.ask("POST", &format!("/v1/admin/messages/{}/resend", message.id), None).await;
    assert_eq!((status, &problem["code"]), (409, &json!("notifications.message_pending")));
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_look_at_templates_before_anyone_gets_them() {
    let shop = Shop::open().await;
    let (status, list) = shop.ask("GET", "/v1/admin/templates", None).await;
    assert_eq!((status, list["items"].as_array().map(Vec::len)), (200, Some(7)), "{list}");
    assert_eq!(list["items"][0], json!({ "name": "order_confirmed", "locales": ["de", "en"] }));
    let preview = async |template: &str, body: Value| {
        shop.ask("POST", &format!("/v1/admin/templates/{template}/preview"), Some(body)).await
    };
    let (status, sample) = preview("order_confirmed", json!({ "locale": "de" })).await;
    assert_eq!((status, &sample["subject"]), (200, &json!("Ihre Bestellung S1042 ist bestätigt")), "{sample}");
    let (status, real) = preview("order_cancelled", json!({ "locale": "en", "order": order() })).await;
    assert_eq!((status, &real["subject"]), (200, &json!("Your order S1001 is cancelled")), "{real}");
    assert!(real["html"].as_str().is_some_and(|html| html.starts_with("<!doctype html>")));
    let unknown = id::<contracts::orders::OrderId>(78);
    let (status, problem) = preview("welcome", json!({ "locale": "en", "order": unknown })).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/order")));
    assert_eq!(preview("no_such", json!({ "locale": "en" })).await.0, 404);
    assert_eq!(preview("welcome", json!({ "locale": "../../etc" })).await.0, 400);
    assert!(shop.files().is_empty() && shop.messages().await.is_empty(), "nothing is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_at_a_guests_message_gets_no_link_that_works() {
    let names = std::sync::Arc::new(crate::outgoing::SystemNames);
    let shop = Shop::open_with(names, |config| {
        config.notifications.order_page = "https://shop.example/orders/{order}?token={token}".to_owned();
    });
    let shop = shop.await;
    let link = OrderLink { order: order(), token: "souk_ot_real".to_owned(), expires_at: shop.ctx.clock.now() };
    shop.world_is(|world| world.contact.link = Some(link));
    let body = Some(json!({ "locale": "en", "order": order() }));
    let mut with_link = 0;
    for template in Template::ALL {
        let path = format!("/v1/admin/templates/{}/preview", template.as_str());
        let (status, shown) = shop.ask("POST", &path, body.clone()).await;
        assert_eq!(status, 200, "{shown}");
        let shown = shown.to_string();
        assert!(!shown.contains("souk_ot_real"), "{template:?} {shown}");
        with_link += usize::from(shown.contains("token=souk_ot_sample"));
    }
    assert!(with_link > 2, "they show where the link would be");
    let shop = Shop::open().await;
    shop.world_is(|world| world.permissions = vec![Permission::NotificationsRead]);
    let path = "/v1/admin/templates/order_confirmed/preview";
    let (status, problem) = shop.ask("POST", path, body).await;
    assert_eq!((status, &problem["code"]), (403, &json!("request.forbidden")), "{problem}");
    assert_eq!(shop.ask("POST", path, Some(json!({ "locale": "en" }))).await.0, 200);
}
