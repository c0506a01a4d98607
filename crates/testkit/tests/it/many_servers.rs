//! A shop of many servers: two copies of a service, a service that is down, a program in another language.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use engines::RabbitMq;
use serde_json::{Value, json};
use testkit::{Buyer, Client, Product, Shop, ShopOptions, Staff, TOKEN_OK, Topology};

const SECOND: Duration = Duration::from_secs(1);
/// As long as settling may take: the machine may be busy with other tests.
const PATIENCE: Duration = Duration::from_secs(90);

async fn open(twice: &'static [&'static str]) -> (Shop, Staff) {
    Shop::open_with(Topology::Distributed, ShopOptions { twice, ..Default::default() }).await
}

/// Asks until the answer is as wanted, for so long.
pub async fn until(within: Duration, what: &str, mut look: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !look().await {
        assert!(begun.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    begun.elapsed()
}

async fn price(copy: &Client, product: &Product) -> Value {
    copy.get(format!("/v1/products/{}", product.id)).await.must(200)["variants"][0]["price"]["amount"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_change_shows_on_both_copies_within_a_second() {
    let (shop, owner) = open(&["catalog"]).await;
    let copies = shop.copies("catalog");
    assert_eq!(copies.len(), 2);
    let teapot = owner.product(1999, 5).await;
    for (change, amount) in [(0, 2099), (1, 2199), (0, 2299)] {
        for copy in &copies {
            // Kept from now on: without a word from the other copy it would be shown for 30 s.
            price(copy, &teapot).await;
        }
        owner.at(&copies[change]).set_price(&teapot, amount).await;
        for copy in &copies {
            until(SECOND, "the new price", async || price(copy, &teapot).await == json!(amount)).await;
        }
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_answered_by_the_copy_that_did_not_apply_the_event() {
    let (shop, owner) = open(&["orders"]).await;
    let teapot = owner.product(1999, 50).await;
    let copies = shop.copies("orders");
    // Which copy applies an event is the broker's to say: of so many, both do.
    for round in 0..8 {
        let buyer = shop.buyer().await;
        buyer.cart_with(&teapot, 1).await;
        let here = buyer.at(&copies[round % 2]);
        let begun = Instant::now();
        let order = here.order(TOKEN_OK).header("Prefer", "wait=20").await.must(201);
        assert_eq!(order["status"], "confirmed", "{order:#}");
        assert!(begun.elapsed() < Duration::from_secs(10), "after {:?}", begun.elapsed());
        let there = buyer.at(&copies[(round + 1) % 2]);
        let order = order["id"].as_str().expect("an id").to_owned();
        assert_eq!(there.see(&order).await["status"], "confirmed", "both read the same tables");
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_on_one_copy_tells_what_the_other_did() {
    let (shop, owner) = open(&["orders"]).await;
    let teapot = owner.product(1999, 50).await;
    let copies = shop.copies("orders");
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 1).await;
    let order = buyer.at(&copies[0]).place(TOKEN_OK).await;
    let living = async {
        shop.settle().await;
        let shipment = owner.shipments(&order).await[0]["id"].as_str().expect("an id").to_owned();
        owner.post(format!("/v1/admin/shipments/{shipment}/dispatch"), json!({})).await.must(200);
        shop.settle().await;
        owner.post(format!("/v1/admin/shipments/{shipment}/deliver"), json!({})).await.must(200);
        shop.settle().await;
    };
    let path = format!("/v1/orders/{order}/events");
    let streams = copies.iter().map(|copy| {
        let there = buyer.at(copy);
        let path = path.clone();
        async move { there.client.get(path).await }
    });
    let (streams, ()) = futures::join!(futures::future::join_all(streams), living);
    let told: Vec<usize> = streams.iter().map(|stream| stream.text.matches("event: order.completed").count()).collect();
    assert_eq!(told, [1, 1], "{}", streams[0].shown());
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_orders_buyers_browse_and_fill_carts() {
    let (mut shop, owner) = open(&[]).await;
    let teapot = owner.product(1999, 5).await;
    shop.settle().await;
    shop.take_down("orders").await;
    shop.get(format!("/v1/products/{}", teapot.id)).await.must(200);
    shop.get("/v1/products").await.must(200);
    let buyer = shop.buyer().await;
    let cart = buyer.cart_with(&teapot, 1).await;
    assert_eq!(cart["prices"], "current", "{cart:#}");
    let refused = buyer.order_under("once", TOKEN_OK).await;
    refused.refused(503, "unavailable");
    shop.bring_back("orders").await;
    until(PATIENCE, "orders are taken again", async || buyer.order_under("once", TOKEN_OK).await.status == 201).await;
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_payments_orders_are_taken_and_complete_when_it_is_back() {
    let (mut shop, owner) = open(&[]).await;
    let teapot = owner.product(1999, 5).await;
    shop.settle().await;
    shop.take_down("payments").await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 1).await;
    let order = buyer.place(TOKEN_OK).await;
    until(PATIENCE, "it is payable", async || buyer.see(&order).await["status"] == "payable").await;
    shop.bring_back("payments").await;
    until(PATIENCE, "it is confirmed", async || buyer.see(&order).await["status"] == "confirmed").await;
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_stock_and_mails_orders_are_taken_and_go_on_later() {
    let (mut shop, owner) = open(&[]).await;
    let teapot = owner.product(1999, 5).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 1).await;
    shop.settle().await;
    for service in ["inventory", "notifications"] {
        shop.take_down(service).await;
    }
    let order = buyer.place(TOKEN_OK).await;
    assert_eq!(buyer.see(&order).await["status"], "placed");
    for service in ["inventory", "notifications"] {
        shop.bring_back(service).await;
    }
    until(PATIENCE, "it is confirmed", async || buyer.see(&order).await["status"] == "confirmed").await;
    shop.settle().await;
    assert_eq!(owner.shipments(&order).await.len(), 1);
    assert_eq!(shop.mails().len(), 1, "its confirmation");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_broker_a_shop_takes_orders_and_completes_them_when_it_is_back() {
    let mut broker = RabbitMq::start().expect("a broker");
    let options = ShopOptions { broker: Some(broker.url()), ..Default::default() };
    let (shop, owner) = Shop::open_with(Topology::Distributed, options).await;
    let teapot = owner.product(1999, 50).await;
    shop.settle().await;
    broker.kill();
    shop.get(format!("/v1/products/{}", teapot.id)).await.must(200);
    let mut placed = Vec::new();
    for _ in 0..5 {
        let buyer = shop.buyer().await;
        buyer.cart_with(&teapot, 1).await;
        let order = buyer.place(TOKEN_OK).await;
        assert_eq!(buyer.see(&order).await["status"], "placed");
        placed.push((buyer, order));
    }
    broker.restart().expect("it starts again");
    for (buyer, order) in &placed {
        until(PATIENCE, "it is confirmed", async || buyer.see(order).await["status"] == "confirmed").await;
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_catalogue_a_cart_shows_the_last_known_prices_and_says_so() {
    let (mut shop, owner) = open(&[]).await;
    let teapot = owner.product(1999, 5).await;
    let buyer = shop.buyer().await;
    let before = buyer.cart_with(&teapot, 1).await;
    shop.settle().await;
    shop.take_down("catalog").await;
    let cart = buyer.see_cart().await;
    assert_eq!((&cart["prices"], &cart["quote"]), (&json!("last_known"), &before["quote"]), "{cart:#}");
    buyer.order(TOKEN_OK).await.refused(503, "unavailable");
    shop.bring_back("catalog").await;
    let is_current = async || {
        shop.advance(SECOND);
        buyer.see_cart().await["prices"] == "current"
    };
    until(PATIENCE, "current prices", is_current).await;
    buyer.place(TOKEN_OK).await;
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_customers_who_is_logged_in_stays_in() {
    let (mut shop, owner) = open(&[]).await;
    owner.product(1999, 5).await;
    // Staff were seen by these processes a moment ago.
    for path in ["/v1/admin/orders", "/v1/admin/payments", "/v1/admin/shipments"] {
        owner.get(path).await.must(200);
    }
    shop.settle().await;
    shop.take_down("customers").await;
    for path in ["/v1/admin/orders", "/v1/admin/payments", "/v1/admin/shipments"] {
        owner.get(path).await.must(200);
    }
    shop.bring_back("customers").await;
    until(PATIENCE, "the door is open again", async || shop.get("/.well-known/jwks.json").await.status == 200).await;
    shop.finish().await;
}

/// `examples/polyglot/warehouse.py` while it runs. Killed when dropped.
struct Warehouse(Child);

impl Warehouse {
    fn open(shop: &Shop, owner: &Staff) -> Self {
        let (url, prefix) = shop.bus();
        let key = owner.client.header("Authorization").expect("staff have a key");
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig=KILL", "/usr/bin/python3"])
            .arg(testkit::repository().join("examples/polyglot/warehouse.py"))
            .env("SOUK_BUS_URL", url)
            .env("SOUK_BUS_PREFIX", prefix)
            .env("SOUK_URL", &shop.client.base)
            .env("SOUK_STAFF_KEY", key.trim_start_matches("Bearer "))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("setpriv is there");
        let mut said = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        assert_eq!(line.trim(), "the warehouse is open", "is python3-pika installed? `cargo xtask test --install`");
        Self(child)
    }
}

impl Drop for Warehouse {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn is_shipped(buyer: &Buyer, order: &str) -> bool {
    buyer.see(order).await["fulfilment_state"] == "shipped"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_in_another_language_takes_part() {
    let (shop, owner) = open(&[]).await;
    let teapot = owner.product(1999, 5).await;
    let mut buyers = Vec::new();
    let warehouse = Warehouse::open(&shop, &owner);
    for _ in 0..2 {
        let buyer = shop.buyer().await;
        buyer.cart_with(&teapot, 1).await;
        let order = buyer.place(TOKEN_OK).await;
        buyers.push((buyer, order));
    }
    for (buyer, order) in &buyers {
        until(PATIENCE, "the warehouse sent it", async || is_shipped(buyer, order).await).await;
    }
    drop(warehouse);
    // Said while it is away: its queue keeps it.
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 1).await;
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    assert!(!is_shipped(&buyer, &order).await);
    let warehouse = Warehouse::open(&shop, &owner);
    until(PATIENCE, "the warehouse sent it when it came back", async || is_shipped(&buyer, &order).await).await;
    drop(warehouse);
    shop.finish().await;
}
