//! A member of staff, and what they do to run a shop.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::Client;

/// A product with one variant, as buyers find it.
#[derive(Debug, Clone)]
pub struct Product {
    pub id: String,
    pub variant: String,
    pub sku: String,
}

/// Asks with a staff key.
#[derive(Debug, Clone)]
pub struct Staff {
    pub client: Client,
    /// Where the stock lies, once the shop is open.
    pub location: String,
}

impl std::ops::Deref for Staff {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Staff {
    pub fn new(client: &Client, key: &str) -> Self {
        Self { client: client.with("Authorization", format!("Bearer {key}")), location: String::new() }
    }

    /// The same member of staff, before another address.
    pub fn at(&self, client: &Client) -> Self {
        Self { client: self.client.at(&client.base), location: self.location.clone() }
    }

    /// Austrian tax (20 %, 10 % reduced), a location, and two ways to ship at 4.90 and 9.90 EUR.
    pub async fn open_for_business(&mut self) {
        let rates = json!([
            { "tax_class": "standard", "rate": "0.2", "name": "VAT 20 %" },
            { "tax_class": "reduced", "rate": "0.1", "name": "VAT 10 %" },
        ]);
        let zone = json!({ "country": "AT", "name": "Austria", "rates": rates });
        self.post("/v1/admin/tax/zones", zone).await.must(201);
        let location = self.post("/v1/admin/locations", json!({ "name": "main" })).await.must(201);
        self.location = location["id"].as_str().expect("a location has an id").to_owned();
        let method = |name: &str, amount: i64| json!({ "name": name, "rates": [{ "market": "default", "amount": amount }], "tax_class": "standard" });
        let methods = json!([method("Standard", 490), method("Express", 990)]);
        let zone = json!({ "name": "Near", "countries": ["AT", "DE"], "methods": methods });
        self.post("/v1/admin/shipping/zones", zone).await.must(201);
    }

    /// An active product at this price in cents, with this many in stock.
    pub async fn product(&self, price: i64, stock: i64) -> Product {
        let sku = format!("TEA-{}", Uuid::now_v7().simple());
        let body = new_product(&sku, price);
        let made = self.post("/v1/admin/products", body).await.must(201);
        let text = |value: &Value| value.as_str().expect("an id").to_owned();
        let product = Product { id: text(&made["id"]), variant: text(&made["variants"][0]["id"]), sku };
        if stock > 0 {
            self.receive(&product, stock).await;
        }
        product
    }

    /// Books goods in, or out where the quantity is negative.
    pub async fn receive(&self, product: &Product, quantity: i64) -> Value {
        let reason = if quantity > 0 { "received" } else { "lost" };
        let body =
            json!({ "variant": product.variant, "location": self.location, "quantity": quantity, "reason": reason });
        self.post("/v1/admin/stock/adjustments", body).await.must(201)
    }

    /// Changes what a product costs from now on.
    pub async fn set_price(&self, product: &Product, price: i64) {
        let path = format!("/v1/admin/variants/{}/prices/default", product.variant);
        self.put(path, json!({ "amount": price })).await.must(200);
    }

    /// The one stock level of a product.
    pub async fn level(&self, product: &Product) -> Value {
        let levels = self.get(format!("/v1/admin/stock/levels?variant={}", product.variant)).await.must(200);
        levels["items"][0].clone()
    }

    /// The shipments of an order.
    pub async fn shipments(&self, order: &str) -> Vec<Value> {
        let list = self.get(format!("/v1/admin/shipments?order={order}")).await.must(200);
        list["items"].as_array().expect("a list").clone()
    }

    /// The one payment of an order, with its attempts and sums.
    pub async fn payment(&self, order: &str) -> Value {
        let list = self.get(format!("/v1/admin/payments?order={order}")).await.must(200);
        assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "an order has one payment: {list:#}");
        list["items"][0].clone()
    }
}

/// The body of a product with one variant at this price.
pub fn new_product(sku: &str, price: i64) -> Value {
    json!({
        "title": format!("Teapot {sku}"),
        "description": "Holds a litre.",
        "brand": "Kettle & Co",
        "status": "active",
        "variants": [{
            "sku": sku,
            "tax_class": "standard",
            "weight_g": 900,
            "prices": [{ "market": "default", "amount": price }],
        }],
    })
}
