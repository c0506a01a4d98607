//! Buyers, one after the other in each lane: they buy, change their minds, are declined, and race.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use outside::{Client, Product};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use uuid::Uuid;

use super::history::Operation;
use super::market::{Market, Told, Wish};

const VISA: &str = "pm_card_visa";
const DECLINED: &str = "pm_card_chargeDeclined";
/// So many try to get each scarce unit.
const RACERS: usize = 5;
/// What staff give back of an order, in cents.
const GIVEN_BACK: i64 = 500;
/// Staff look so often for what they have to send.
const LOOKS_MAX: u32 = 60;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a buyer has in mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mind {
    Buys,
    CancelsAtOnce,
    IsDeclinedFirst,
    CancelsWhenConfirmed,
    GetsRefund,
    Races,
}

/// A buyer with an order.
struct Shopping<'a> {
    market: &'a Market,
    client: Client,
    lane: usize,
    order: String,
}

/// Shops until the market closes. The same seed and lane have the same minds in the same order.
pub async fn shop(market: Arc<Market>, seed: u64, lane: usize) {
    let mut random = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(lane as u64));
    while !market.is_closing() {
        let mind = mind(&mut random);
        let product = match mind {
            Mind::Races => scarce(&market),
            _ => &market.products[random.random_range(0..market.products.len())],
        };
        let quantity = if mind == Mind::Races { 1 } else { random.random_range(1..=3) };
        let Some((client, cart)) = fill_a_cart(&market, product, quantity).await else {
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        };
        market.in_flight.fetch_add(1, Ordering::SeqCst);
        if let Some(order) = place(&market, &client, lane, &cart, mind).await {
            let shopping = Shopping { market: &market, client, lane, order };
            // Whoever gives up leaves the order as it is: it is judged in the end all the same.
            shopping.goes_on(mind).await;
        }
        market.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

fn mind(random: &mut StdRng) -> Mind {
    match random.random_range(0..100) {
        0..35 => Mind::Buys,
        35..48 => Mind::CancelsAtOnce,
        48..60 => Mind::IsDeclinedFirst,
        60..72 => Mind::CancelsWhenConfirmed,
        72..86 => Mind::GetsRefund,
        _ => Mind::Races,
    }
}

fn scarce(market: &Market) -> &Product {
    let race = market.races.fetch_add(1, Ordering::SeqCst) / RACERS;
    &market.scarce[race % market.scarce.len()]
}

async fn fill_a_cart(market: &Market, product: &Product, quantity: i64) -> Option<(Client, String)> {
    let address = json!({ "name": "Ada Lovelace", "line1": "Hauptstraße 1", "city": "Wien", "postcode": "1010", "country": "AT" });
    let body = json!({
        "lines": [{ "variant": product.variant, "quantity": quantity }],
        "email": "ada@example.com",
        "shipping_address": address,
        "shipping_method": market.method,
    });
    let cart = market.read(|| market.client.post("/v1/carts", body.clone())).await?;
    let client = market.client.with("Cart-Token", cart["token"].as_str()?);
    Some((client, cart["id"].as_str()?.to_owned()))
}

async fn place(market: &Market, client: &Client, lane: usize, cart: &str, mind: Mind) -> Option<String> {
    let token = if mind == Mind::IsDeclinedFirst { DECLINED } else { VISA };
    let body = json!({ "cart": cart, "payment": { "method": "card", "token": token } });
    let key = new_key();
    let wish = Wish { buyer: lane, operation: Operation::Place, key: &key };
    let ask = || client.post("/v1/orders", body.clone()).key(&key);
    let what = |order: &Value| Some((id(order)?, order["total"]["amount"].as_i64()?));
    match market.insist(wish, ask, what).await {
        Told::Yes(order) => id(&order),
        Told::No | Told::Never => None,
    }
}

impl Shopping<'_> {
    /// `None`: somebody gave up on the way.
    async fn goes_on(&self, mind: Mind) -> Option<()> {
        match mind {
            Mind::Buys | Mind::Races => {
                self.ends().await?;
            }
            Mind::CancelsAtOnce => self.cancels().await?,
            Mind::IsDeclinedFirst => {
                let declined = |order: &Value| order["payment_outcome"] == "declined" || has_ended(order);
                let seen = self.market.watch(&self.client, &self.order, declined).await?;
                if !has_ended(&seen) {
                    self.pays().await?;
                }
                self.ends().await?;
            }
            Mind::CancelsWhenConfirmed => {
                self.ends().await?;
                self.cancels().await?;
            }
            Mind::GetsRefund => {
                if self.ends().await?["status"] == "confirmed" {
                    self.is_sent().await?;
                    self.is_refunded().await?;
                }
            }
        }
        Some(())
    }

    /// Confirmed, or cancelled.
    async fn ends(&self) -> Option<Value> {
        self.market.watch(&self.client, &self.order, has_ended).await
    }

    async fn pays(&self) -> Option<()> {
        let body = json!({ "order": self.order, "method": "card", "token": VISA });
        let key = new_key();
        let ask = || self.client.post("/v1/payments", body.clone()).key(&key);
        self.wants(Operation::Pay, &key, ask, |_| Some((self.order.clone(), 0))).await
    }

    async fn cancels(&self) -> Option<()> {
        let ask =
            || self.client.post(format!("/v1/orders/{}/cancel", self.order), json!({})).header("Prefer", "wait=5");
        // 202 promises only that it is decided.
        let done = |order: &Value| (order["status"] == "cancelled").then(|| (self.order.clone(), 0));
        self.wants(Operation::Cancel, &self.order, ask, done).await?;
        let decided = |order: &Value| order["cancel_request"]["state"] != "requested";
        self.market.watch(&self.client, &self.order, decided).await.map(drop)
    }

    /// Staff send all of it, and it is captured.
    async fn is_sent(&self) -> Option<()> {
        let staff = &self.market.staff;
        let list = format!("/v1/admin/shipments?order={}", self.order);
        let mut shipment = None;
        for _ in 0..LOOKS_MAX {
            let shipments = self.market.read(|| staff.get(&list)).await?;
            shipment = shipments["items"].as_array().and_then(|all| id(all.first()?));
            if shipment.is_some() {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let shipment = shipment?;
        for (step, operation) in [("dispatch", Operation::Dispatch), ("deliver", Operation::Deliver)] {
            let ask = || staff.post(format!("/v1/admin/shipments/{shipment}/{step}"), json!({}));
            self.wants(operation, &shipment, ask, |_| Some((self.order.clone(), 0))).await?;
        }
        let captured = |order: &Value| order["captured"] == order["due"];
        self.market.watch(&self.client, &self.order, captured).await.map(drop)
    }

    async fn is_refunded(&self) -> Option<()> {
        let amount = json!({ "amount": GIVEN_BACK, "currency": "EUR" });
        let body = json!({ "order": self.order, "amount": amount, "reason": "it came broken" });
        let key = new_key();
        let ask = || self.market.staff.post("/v1/admin/refunds", body.clone()).key(&key);
        self.wants(Operation::Refund, &key, ask, |_| Some((self.order.clone(), GIVEN_BACK))).await?;
        let refunded = |order: &Value| order["refunded"]["amount"].as_i64().is_some_and(|given| given >= GIVEN_BACK);
        self.market.watch(&self.client, &self.order, refunded).await.map(drop)
    }

    async fn wants(
        &self,
        operation: Operation,
        key: &str,
        ask: impl Fn() -> outside::Ask,
        what: impl Fn(&Value) -> Option<(String, i64)>,
    ) -> Option<()> {
        let wish = Wish { buyer: self.lane, operation, key };
        match self.market.insist(wish, ask, what).await {
            Told::Yes(_) => Some(()),
            Told::No | Told::Never => None,
        }
    }
}

fn has_ended(order: &Value) -> bool {
    matches!(order["status"].as_str(), Some("confirmed" | "completed" | "cancelled"))
}

fn id(thing: &Value) -> Option<String> {
    thing["id"].as_str().map(str::to_owned)
}

fn new_key() -> String {
    Uuid::now_v7().to_string()
}
