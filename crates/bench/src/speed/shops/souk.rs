//! Souk, as a storefront asks it.

use hyper::Method;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::speed::buyer::{Bought, Buyer};
use crate::speed::catalogue;
use crate::speed::http::{Http, Reply};

/// Ranges of prices that lists are filtered by, in cents.
const PRICES: [(i64, i64); 5] = [(490, 5_000), (2_000, 9_000), (5_000, 12_000), (8_000, 16_000), (10_000, 20_000)];
/// Products whose variants buyers know from pages that they looked at.
const VARIANTS_MAX: usize = 20_000;
const ADDRESS: &str =
    r#"{"name":"Ada Lovelace","line1":"Hauptstraße 1","city":"Wien","postcode":"1010","country":"AT"}"#;

/// What is known of the shop before the load begins.
#[derive(Debug)]
pub struct Souk {
    products: usize,
    /// The first is the hot one.
    variants: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Product {
    variants: Vec<Variant>,
}

#[derive(Debug, Deserialize)]
struct Variant {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Cart {
    id: String,
    token: String,
}

#[derive(Debug, Deserialize)]
struct Options {
    items: Vec<ShippingOption>,
}

#[derive(Debug, Deserialize)]
struct ShippingOption {
    method: String,
}

#[derive(Debug, Deserialize)]
struct Order {
    id: String,
    status: String,
    cancel_reason: Option<String>,
}

impl Souk {
    /// Looks up what a storefront's pages would have shown. In a large catalogue variants are taken evenly from all of it.
    pub async fn look(http: &mut Http, products: usize) -> Result<Self, String> {
        let step = products.div_ceil(VARIANTS_MAX).max(1);
        let mut variants = Vec::with_capacity(products / step + 1);
        for number in (0..products).step_by(step) {
            let reply = http.get(&product_path(number), &[]).await?;
            reply.must_be(200)?;
            let product: Product = parsed(&reply)?;
            variants.push(product.variants.into_iter().next().ok_or("a product has a variant")?.id);
        }
        Ok(Self { products, variants })
    }

    /// The variant that all want.
    pub fn hot(&self) -> &str {
        &self.variants[0]
    }

    /// The addresses of all pages that buyers of these scenarios may look at.
    pub fn pages(&self) -> Vec<String> {
        let products = (0..self.products).map(product_path);
        let lists =
            catalogue::CATEGORIES.iter().flat_map(|category| PRICES.iter().map(|range| list_path(category, *range)));
        products.chain(lists).collect()
    }

    pub async fn product(&self, buyer: &mut Buyer) -> Result<(), String> {
        let path = product_path(buyer.popular(self.products));
        let reply = buyer.http.get(&path, &[]).await?;
        reply.must_be(200)?;
        if reply.body.len() < 500 { Err(format!("a product of {} bytes", reply.body.len())) } else { Ok(()) }
    }

    pub async fn listing(&self, buyer: &mut Buyer) -> Result<(), String> {
        let category = catalogue::CATEGORIES[buyer.any(catalogue::CATEGORIES.len())];
        let path = list_path(category, PRICES[buyer.any(PRICES.len())]);
        let reply = buyer.http.get(&path, &[]).await?;
        reply.must_be(200)?;
        if reply.body.len() < 1_000 { Err(format!("a list of {} bytes", reply.body.len())) } else { Ok(()) }
    }

    pub async fn cart(&self, buyer: &mut Buyer) -> Result<(), String> {
        let variant = &self.variants[buyer.any(self.variants.len())];
        let body = format!(r#"{{"lines":[{{"variant":"{variant}","quantity":1}}]}}"#);
        buyer.http.post("/v1/carts", &[], body).await?.must_be(201)
    }

    pub async fn log_in(&self, buyer: &mut Buyer) -> Result<(), String> {
        let body = credentials(&buyer.email);
        buyer.http.post("/v1/sessions", &[], body).await?.must_be(201)
    }

    pub async fn purchase(&self, buyer: &mut Buyer) -> Result<(), String> {
        // Any but the hot one.
        let variant = 1 + buyer.any(self.variants.len() - 1);
        match self.buy(buyer, &self.variants[variant]).await? {
            Bought::Ordered => Ok(()),
            Bought::SoldOut => Err("sold out".to_owned()),
        }
    }

    pub async fn buy_hot(&self, buyer: &mut Buyer) -> Result<Bought, String> {
        self.buy(buyer, &self.variants[0]).await
    }

    /// A cart with a line and an address; how it can be sent; that way chosen; ordered and paid; looked at again.
    async fn buy(&self, buyer: &mut Buyer, variant: &str) -> Result<Bought, String> {
        let (http, email) = (&mut buyer.http, buyer.email.as_str());
        let body = format!(
            r#"{{"lines":[{{"variant":"{variant}","quantity":1}}],"email":"{email}","shipping_address":{ADDRESS}}}"#
        );
        let reply = http.post("/v1/carts", &[], body).await?;
        reply.must_be(201)?;
        let cart: Cart = parsed(&reply)?;
        let token = [("Cart-Token", cart.token.as_str())];
        let path = format!("/v1/carts/{}", cart.id);
        let reply = http.get(&format!("{path}/shipping-options"), &token).await?;
        reply.must_be(200)?;
        let options: Options = parsed(&reply)?;
        let method = &options.items.first().ok_or("no way to send it")?.method;
        let body = json!({ "shipping_method": method }).to_string();
        http.send(Method::PATCH, &path, &token, body.into()).await?.must_be(200)?;
        let body = json!({ "cart": cart.id, "payment": { "method": "card", "token": "tok_ok" } }).to_string();
        let key = Uuid::now_v7().to_string();
        let headers = [("Cart-Token", cart.token.as_str()), ("Idempotency-Key", &key), ("Prefer", "wait=30")];
        let reply = http.post("/v1/orders", &headers, body).await?;
        reply.must_be(201)?;
        let order: Order = parsed(&reply)?;
        let reply = http.get(&format!("/v1/orders/{}", order.id), &token).await?;
        reply.must_be(200)?;
        let seen: Order = parsed(&reply)?;
        match (seen.status.as_str(), seen.cancel_reason.as_deref()) {
            ("confirmed", _) => Ok(Bought::Ordered),
            ("cancelled", Some("out_of_stock")) => Ok(Bought::SoldOut),
            (status, reason) => Err(format!("an order is {status} {}", reason.unwrap_or_default())),
        }
    }
}

/// What a customer registers and logs in with.
pub fn credentials(email: &str) -> String {
    json!({ "email": email, "password": "a long passphrase of a buyer" }).to_string()
}

fn product_path(number: usize) -> String {
    format!("/v1/products/{}", catalogue::slug(number))
}

fn list_path(category: &str, (from, to): (i64, i64)) -> String {
    format!("/v1/products?category={category}&price_min={from}&price_max={to}&limit=20")
}

fn parsed<'a, T: Deserialize<'a>>(reply: &'a Reply) -> Result<T, String> {
    serde_json::from_slice(&reply.body).map_err(|why| format!("an answer that is not what was meant: {why}"))
}
