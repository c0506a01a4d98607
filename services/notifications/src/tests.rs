//! From an event to a mail, with orders and customers played by a fake.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::store::{Clock, Db, Ids, Options, Tx, outbox};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use contracts::carts::CartId;
use contracts::customers::{ApiKeyId, AuthenticateKey, Role, StaffId, StaffPrincipal};
use contracts::inventory::LocationId;
use contracts::orders::{
    CancelReason, ContactLine, GetOrderContact, OrderCancelled, OrderConfirmed, OrderContact, OrderId,
};
use contracts::shipping::{ShipmentDispatched, ShipmentId};
use contracts::{Currency, Event, Id, Money};
use platform::calls::Peers;
use platform::{Config, Ctx, Process, Service, auth};
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

use crate::message::{MessageState, MessageView};
use crate::store;

struct Shop {
    ctx: Ctx,
    router: Router,
    folder: tempfile::TempDir,
    contact: Arc<Mutex<OrderContact>>,
}

fn order() -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(77))
}

fn confirmed() -> OrderConfirmed {
    OrderConfirmed {
        order: order(),
        market: "default".parse().expect("a market"),
        location: LocationId::from_uuid(Uuid::nil()),
        shipping_method: None,
        lines: Vec::new(),
        total: Money::new(4_760, Currency::EUR),
    }
}

fn cancelled() -> OrderCancelled {
    let cart = CartId::from_uuid(Uuid::nil());
    OrderCancelled { order: order(), cart, cart_version: 1, reason: CancelReason::Unpaid, reopens_cart: true }
}

fn dispatched(shipment: u128) -> ShipmentDispatched {
    let shipment = ShipmentId::from_uuid(Uuid::from_u128(shipment));
    ShipmentDispatched { shipment, order: order(), location: LocationId::from_uuid(Uuid::nil()), lines: Vec::new() }
}

fn contact() -> OrderContact {
    let total = Money::new(4_760, Currency::EUR);
    OrderContact {
        order: order(),
        number: "S1001".to_owned(),
        email: "ada@example.com".to_owned(),
        locale: "en".parse().expect("a locale"),
        name: "Ada Lovelace".to_owned(),
        lines: vec![ContactLine { title: "Sencha".to_owned(), quantity: 1, total }],
        total,
        cancel_reason: None,
    }
}

/// Answers what orders and customers would.
fn peers_of_ours(ctx: &Ctx, contact: &Arc<Mutex<OrderContact>>) -> Service {
    let contact = Arc::clone(contact);
    let principal = StaffPrincipal {
        staff: StaffId::from_uuid(Uuid::nil()),
        key: ApiKeyId::from_uuid(Uuid::nil()),
        permissions: Role::Fulfilment.permissions().to_vec(),
    };
    Service::new("fakes", ctx)
        .answers::<GetOrderContact, _, _>(move |_, _| {
            let contact = contact.lock().expect("a contact").clone();
            async { Ok(contact) }
        })
        .answers::<AuthenticateKey, _, _>(move |_, _| {
            let principal = principal.clone();
            async { Ok(Some(principal)) }
        })
}

async fn say_in<E: Event>(tx: &mut Tx, event: &E) -> Result<(), ::store::Error> {
    tx.say(event);
    Ok(())
}

impl Shop {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options::new(format!("sqlite:{}", folder.path().join("souk.db").display()));
        let clock = Clock::fixed("2026-01-01T12:00:00Z".parse().expect("a time"));
        let db = Db::open(&options, clock.clone(), Ids::counted()).await.expect("a database");
        ::store::migrate::migrate(&db, &[("notifications", crate::MIGRATIONS)]).await.expect("a schema");
        let mut config = Config::defaults();
        config.notifications.folder = folder.path().join("mails").display().to_string();
        let config = Arc::new(config);
        let peers = Peers::new(&config.peers, None, clock).expect("peers");
        let ctx = Ctx::new(db.of("notifications"), peers.clone(), Arc::clone(&config), auth::KeyCache::default());
        let contact = Arc::new(Mutex::new(contact()));
        let services = vec![crate::service(&ctx), peers_of_ours(&ctx, &contact)];
        let router = Process::new(config, peers).start(services).await.expect("a process");
        Self { ctx, router, folder, contact }
    }

    fn order_is(&self, change: impl FnOnce(&mut OrderContact)) {
        change(&mut self.contact.lock().expect("a contact"));
    }

    /// Says the event as many times as the bus might deliver it, each time with an id of its own.
    async fn say<E: Event>(&self, event: &E, times: usize) {
        let fakes = self.ctx.db.of("fakes");
        for _ in 0..times {
            let said = fakes.write(event.clone(), |tx, event| Box::pin(say_in(tx, event))).await;
            said.expect("an event");
        }
    }

    /// The messages, oldest first, as soon as there are `count` and `is_settled` holds of each.
    async fn messages_when(&self, count: usize, is_settled: fn(&MessageView) -> bool) -> Vec<MessageView> {
        let mut messages = Vec::new();
        for _ in 0..500 {
            messages = store::messages_before(&self.ctx.db, None, Some(order()), 100).await.expect("a list");
            messages.reverse();
            let waits = outbox::undone(&self.ctx.db, &["fakes"]).await.expect("a count").0;
            if waits == 0 && messages.len() >= count && messages.iter().all(is_settled) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(messages.len(), count, "{messages:?}");
        messages
    }

    async fn ended(&self, count: usize) -> Vec<MessageView> {
        self.messages_when(count, |message| message.state != MessageState::Pending).await
    }

    fn mails(&self) -> PathBuf {
        self.folder.path().join("mails")
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.mails()).into_iter().flatten();
        let mut files: Vec<String> =
            entries.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned()).collect();
        files.sort();
        files
    }

    fn mail(&self, message: &MessageView) -> String {
        std::fs::read_to_string(self.mails().join(format!("{}.eml", message.id))).expect("a mail")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_makes_one_mail_whatever_the_deliveries() {
    let shop = Shop::open().await;
    shop.say(&confirmed(), 3).await;
    shop.say(&dispatched(1), 2).await;
    shop.say(&dispatched(2), 2).await;
    let messages = shop.ended(3).await;
    assert!(messages.iter().all(|message| message.state == MessageState::Sent && message.sent_at.is_some()));
    let named: Vec<String> = messages.iter().map(|message| format!("{}.eml", message.id)).collect();
    assert_eq!(shop.files(), named);
    let mail = shop.mail(&messages[0]);
    for part in [
        "From: Souk <shop@localhost>",
        "To: \"Ada Lovelace\" <ada@example.com>",
        "Subject: Your order S1001 is confirmed",
        "Date: Thu, 01 Jan 2026 12:00:00 +0000",
        "multipart/alternative",
        "text/plain; charset=utf-8",
        "text/html; charset=utf-8",
        "47.60 EUR",
    ] {
        assert!(mail.contains(part), "{part} is not in {mail}");
    }
    assert!(shop.mail(&messages[2]).contains("Subject: Your order S1001 is on its way"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_that_comes_after_the_cancellation_is_not_sent() {
    let shop = Shop::open().await;
    shop.order_is(|order| order.cancel_reason = Some(CancelReason::Unpaid));
    shop.say(&cancelled(), 1).await;
    shop.ended(1).await;
    shop.say(&confirmed(), 1).await;
    let messages = shop.ended(2).await;
    assert_eq!([messages[0].state, messages[1].state], [MessageState::Sent, MessageState::Skipped]);
    assert!(messages[1].reason.as_deref().is_some_and(|reason| reason.contains("cancelled")));
    assert!(shop.mail(&messages[0]).contains("it was not paid in time"));
    assert_eq!(shop.files().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_no_mailbox_fails_for_good_and_is_said() {
    let shop = Shop::open().await;
    shop.order_is(|order| order.email = "nobody at nowhere".to_owned());
    shop.say(&confirmed(), 2).await;
    let messages = shop.ended(1).await;
    assert_eq!(messages[0].state, MessageState::Failed);
    let said = outbox::page(&shop.ctx.db, Uuid::nil(), 10).await.expect("a page");
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].name.as_str(), said[0].subject), ("notification.failed", messages[0].id.uuid()));
    assert!(!said[0].data.contains("nobody"), "{}", said[0].data);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_to_is_tried_again() {
    let shop = Shop::open().await;
    std::fs::write(shop.mails(), "a file where the folder should be").expect("a file");
    shop.say(&confirmed(), 1).await;
    shop.messages_when(1, |_| true).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(shop.messages_when(1, |_| true).await[0].state, MessageState::Pending);
    std::fs::remove_file(shop.mails()).expect("no file");
    shop.ctx.clock.advance(Duration::from_secs(600));
    assert_eq!(shop.ended(1).await[0].state, MessageState::Sent);
    assert_eq!(shop.files().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_personal_data_stays_in_the_database() {
    let shop = Shop::open().await;
    shop.say(&confirmed(), 1).await;
    shop.say(&cancelled(), 1).await;
    shop.ended(2).await;
    for entry in std::fs::read_dir(shop.folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("a file");
            for person in [&b"ada@example.com"[..], b"Lovelace"] {
                assert!(!bytes.windows(person.len()).any(|window| window == person), "{}", path.display());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_list_the_messages_of_an_order() {
    let shop = Shop::open().await;
    shop.say(&confirmed(), 1).await;
    shop.ended(1).await;
    let ask = async |path: &str| {
        let request = Request::builder().uri(path).header("authorization", "Bearer souk_sk_any");
        let request = request.body(Body::empty()).expect("a request");
        let response = shop.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        (status, serde_json::from_slice::<Value>(&body).expect("JSON"))
    };
    let (status, list) = ask(&format!("/v1/admin/messages?order={}", order())).await;
    assert_eq!((status, list["items"].as_array().map(Vec::len)), (200, Some(1)), "{list}");
    assert_eq!(
        (&list["items"][0]["template"], &list["items"][0]["state"]),
        (&"order_confirmed".into(), &"sent".into())
    );
    let other = OrderId::from_uuid(Uuid::from_u128(78));
    assert_eq!(ask(&format!("/v1/admin/messages?order={other}")).await.1["items"], Value::Array(Vec::new()));
    assert_eq!(ask("/v1/admin/messages?limit=1").await.1["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(ask("/v1/admin/messages?order=7").await.0, 422);
}
