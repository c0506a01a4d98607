//! A buyer without an account: a cart, its token, and what one does with them.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Ask;
use crate::{Client, Product};

/// What the test gateway does with these is in `docs/api.md`.
pub const TOKEN_OK: &str = "tok_ok";
pub const TOKEN_DECLINED: &str = "tok_declined";
pub const TOKEN_NEEDS_ACTION: &str = "tok_action";
pub const TOKEN_SLOW: &str = "tok_slow";
pub const TOKEN_SILENT: &str = "tok_silent";

/// A buyer; asks with their own token.
#[derive(Debug, Clone)]
pub struct Buyer {
    pub client: Client,
    /// The cart's id.
    pub cart: String,
}

impl Buyer {
    /// With a new, empty cart.
    pub async fn new(client: &Client) -> Self {
        let cart = client.post("/v1/carts", json!({})).await.must(201);
        let token = cart["token"].as_str().expect("a new cart shows its token");
        let id = cart["id"].as_str().expect("a cart has an id").to_owned();
        Self { client: client.with("Cart-Token", token), cart: id }
    }

    /// The same buyer, before another address.
    pub fn at(&self, client: &Client) -> Self {
        Self { client: self.client.at(&client.base), cart: self.cart.clone() }
    }

    pub fn add(&self, product: &Product, quantity: i64) -> Ask {
        let line = json!({ "variant": product.variant, "quantity": quantity });
        self.client.post(format!("/v1/carts/{}/lines", self.cart), line)
    }

    /// Says where the goods go, and takes the cheapest way there; returns the cart.
    pub async fn check_in(&self) -> Value {
        let path = format!("/v1/carts/{}", self.cart);
        let place = json!({ "email": "ada@example.com", "shipping_address": address("AT") });
        self.client.patch(&path, place).await.must(200);
        let options = self.client.get(format!("{path}/shipping-options")).await.must(200);
        let method = &options["items"][0]["method"];
        self.client.patch(&path, json!({ "shipping_method": method })).await.must(200)
    }

    /// A cart that can be ordered: this much of the product, and all that is asked for.
    pub async fn cart_with(&self, product: &Product, quantity: i64) -> Value {
        self.add(product, quantity).await.must(201);
        self.check_in().await
    }

    /// Orders the cart under a key of its own.
    pub fn order(&self, token: &str) -> Ask {
        self.order_under(&Uuid::now_v7().to_string(), token)
    }

    pub fn order_under(&self, key: &str, token: &str) -> Ask {
        let body = json!({ "cart": self.cart, "payment": { "method": "card", "token": token } });
        self.client.post("/v1/orders", body).key(key)
    }

    /// Orders the cart, which must be accepted; returns the order's id.
    pub async fn place(&self, token: &str) -> String {
        let order = self.order(token).await.must(201);
        order["id"].as_str().expect("an order has an id").to_owned()
    }

    /// The order as the buyer sees it.
    pub async fn see(&self, order: &str) -> Value {
        self.client.get(format!("/v1/orders/{order}")).await.must(200)
    }

    pub async fn see_cart(&self) -> Value {
        self.client.get(format!("/v1/carts/{}", self.cart)).await.must(200)
    }

    /// Pays an order that is payable, with another card.
    pub fn pay(&self, order: &str, token: &str) -> Ask {
        let body = json!({ "order": order, "method": "card", "token": token });
        self.client.post("/v1/payments", body).key(Uuid::now_v7().to_string())
    }

    pub fn cancel(&self, order: &str) -> Ask {
        self.client.post(format!("/v1/orders/{order}/cancel"), json!({}))
    }
}

/// Somebody's address in this country.
pub fn address(country: &str) -> Value {
    json!({ "name": "Ada Lovelace", "line1": "Hauptstraße 1", "city": "Wien", "postcode": "1010", "country": country })
}
