//! The gateway `stripe` of the real binary, on another fake of Stripe than ours: localstripe of PyPI, which nobody of
//! this house wrote. A check of the wire alone: it ignores idempotency keys and gives back more than was taken.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Buyer, Database, Receiver, Staff, audit};
use uuid::Uuid;

use crate::binary::{Ready, see_until};

const SECRET: &str = "whsec_of_localstripe";
/// Machine time for it to listen, and to tell.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Its own command listens on every interface, and keeps its state in one file of the machine.
const RUNNER: &str = "
import builtins, sys
folder, port = sys.argv[1], int(sys.argv[2])
opened = builtins.open
def inside(path, *more, **named):
    return opened(folder + '/state' if path == '/tmp/localstripe.pickle' else path, *more, **named)
builtins.open = inside
from aiohttp import web
from localstripe.server import app
web.run_app(app, host='127.0.0.1', port=port, print=None)
";

struct LocalStripe {
    url: String,
    child: Child,
    _folder: TempDir,
}

impl LocalStripe {
    async fn start() -> Self {
        let port = engines::free_port().expect("a free port");
        let folder = tempfile::tempdir().expect("a folder");
        let child = Command::new("setpriv")
            .arg("--pdeathsig=KILL")
            .arg(crate::psp::python())
            .args(["-c", RUNNER])
            .arg(folder.path())
            .arg(port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("setpriv is there");
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "localstripe does not listen: `cargo xtask test --install`");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Self { url: format!("http://127.0.0.1:{port}"), child, _folder: folder }
    }

    /// Whom it tells.
    async fn tell(&self, receiver: &Receiver) {
        let url = format!("{}/_config/webhooks/shop", self.url);
        let body = json!({ "url": receiver.url, "secret": SECRET });
        testkit::Client::new("").post(url, body).await.must(200);
    }
}

impl Drop for LocalStripe {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn dispatch(owner: &Staff, order: &str, lines: Value) {
    let shipment = owner.shipments(order).await[0]["id"].as_str().expect("an id").to_owned();
    owner.post(format!("/v1/admin/shipments/{shipment}/dispatch"), lines).await.must(200);
}

/// An order of two teapots that was placed with this card.
async fn placed(ready: &Ready, client: &testkit::Client, card: &str) -> (Buyer, String) {
    let buyer = Buyer::new(client).await;
    buyer.cart_with(&ready.teapot, 2).await;
    let order = buyer.place(card).await;
    (buyer, order)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_stripe_speaks_with_localstripe() {
    let (stripe, receiver) = (LocalStripe::start().await, Receiver::listen(200).await);
    stripe.tell(&receiver).await;
    let ready = Ready::on(Database::sqlite()).await;
    let settings = [
        ("SOUK_PAYMENTS__CARD__GATEWAY", "stripe"),
        ("SOUK_PAYMENTS__CARD__API_KEY", "sk_test_of_localstripe"),
        ("SOUK_PAYMENTS__CARD__API_URL", stripe.url.as_str()),
        ("SOUK_PAYMENTS__CARD__WEBHOOK_SECRET", SECRET),
    ];
    let process = ready.serve(&settings).await;
    let owner = ready.owner.at(&process.client);

    // One parcel leaves, the other half is cancelled, and something goes back.
    let (buyer, order) = placed(&ready, &process.client, "pm_card_visa").await;
    let seen = see_until(&buyer, &order, |seen| seen["status"] == "confirmed").await;
    let one = json!({ "lines": [{ "line": seen["lines"][0]["id"], "quantity": 1 }] });
    dispatch(&owner, &order, one.clone()).await;
    see_until(&buyer, &order, |seen| seen["fulfilment_state"] == "partially_shipped").await;
    owner.post(format!("/v1/admin/orders/{order}/cancel"), one).await.must(202);
    see_until(&buyer, &order, |seen| seen["payment_state"] == "captured").await;
    let body = json!({ "order": order, "amount": { "amount": 500, "currency": "EUR" }, "reason": "a scratch" });
    owner.post("/v1/admin/refunds", body).key(Uuid::now_v7().to_string()).await.must(201);
    see_until(&buyer, &order, |seen| seen["payment_state"] == "partially_refunded").await;

    // A decline, another card, and the end before anything left.
    let (buyer, order) = placed(&ready, &process.client, "pm_card_chargeCustomerFail").await;
    let payment = loop {
        let payment = owner.get(format!("/v1/admin/payments?order={order}")).await.must(200)["items"][0].clone();
        if payment["status"] == "declined" {
            break payment;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    assert_eq!(payment["attempts"][0]["reason"], "card_declined", "{payment:#}");
    buyer.pay(&order, "pm_card_visa").await.must(201);
    see_until(&buyer, &order, |seen| seen["status"] == "confirmed").await;
    buyer.cancel(&order).await.must(202);
    see_until(&buyer, &order, |seen| seen["payment_state"] == "voided").await;

    // What it tells is signed as the shop reads it.
    let begun = Instant::now();
    while receiver.told().is_empty() {
        assert!(begun.elapsed() < PATIENCE, "localstripe tells of a capture");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let told = receiver.told().remove(0);
    let tell = |body: String| {
        let ask = process.client.ask_with("POST", "/v1/gateway-events/card");
        ask.header("Stripe-Signature", told.header("stripe-signature")).text("application/json", body)
    };
    let body = String::from_utf8(told.body.to_vec()).expect("text");
    tell(body.clone()).await.must(204);
    tell(body.replace("succeeded", "failed")).await.refused(401, "payments.bad_signature");

    let log = process.stderr();
    assert!(!log.contains("sk_test_of_localstripe") && !log.contains("pm_card"), "a secret in the log: {log}");
    process.stop().await;
    ready.audit_until(&settings, &[]).await;
    let (broken, _) = audit(&ready.database, &settings);
    assert!(broken.is_empty(), "{broken:?}");
    ready.database.remove().await;
}
