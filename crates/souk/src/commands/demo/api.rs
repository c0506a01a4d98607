//! A client of the public API, as small as a shop's own would be.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// Speaks to one shop, as nobody or as the holder of a cart.
#[derive(Clone)]
pub(super) struct Api {
    http: reqwest::Client,
    base: String,
    staff_key: String,
    cart_token: Option<String>,
}

impl Api {
    pub(super) fn new(base: String, staff_key: String) -> Self {
        Self { http: reqwest::Client::new(), base, staff_key, cart_token: None }
    }

    pub(super) fn with_cart(&self, token: &str) -> Self {
        Self { cart_token: Some(token.to_owned()), ..self.clone() }
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, String> {
        // Staff may read what everybody may, and their lists besides.
        self.send(path, self.request(Method::GET, path).bearer_auth(&self.staff_key)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.send(path, self.request(Method::POST, path).json(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.send(path, self.request(Method::PATCH, path).json(body)).await
    }

    /// Orders, and waits until it is known what becomes of it.
    pub(super) async fn order(&self, body: &Value) -> Result<Value, String> {
        let request = self.request(Method::POST, "/v1/orders").json(body).header("prefer", "wait=10");
        self.send("/v1/orders", request.header("idempotency-key", "demo-1")).await
    }

    pub(super) async fn staff(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.send(path, self.request(Method::POST, path).bearer_auth(&self.staff_key).json(body)).await
    }

    /// Reads until `done`, ten seconds at most: what an event changes is changed a moment later.
    pub(super) async fn until(&self, path: &str, what: &str, done: impl Fn(&Value) -> bool) -> Result<Value, String> {
        for _ in 0..200 {
            let value = self.get(path).await?;
            if done(&value) {
                return Ok(value);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("10 seconds passed before {what}"))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.cart_token {
            Some(token) => request.header("cart-token", token),
            None => request,
        }
    }

    async fn send(&self, path: &str, request: RequestBuilder) -> Result<Value, String> {
        let response = request.send().await.map_err(|error| format!("{path}: {error}"))?;
        let status = response.status();
        let body = response.text().await.map_err(|error| format!("{path}: {error}"))?;
        if status.is_success() {
            serde_json::from_str(&body).map_err(|error| format!("{path} answered no JSON: {error}"))
        } else {
            Err(format!("{path} answered {status}: {body}"))
        }
    }
}
