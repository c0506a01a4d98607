//! Medusa, as a storefront asks its store API: REST, the fewest requests that it takes, and of each answer only what is used.

use std::path::Path;

use hyper::Method;
use rand::Rng as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::process::Child;

use super::node;
use crate::speed::buyer::{Bought, Buyer};
use crate::speed::http::{Http, Reply};

/// From the folder of the shop, and from the folder that its build makes in it.
const CLI: &str = "node_modules/@medusajs/cli/cli.js";
const CLI_OF_BUILT: &str = "../../node_modules/@medusajs/cli/cli.js";
const BUILT: &str = ".medusa/server";
/// What a page shows of a product, and what of one in a list.
const PRODUCT_FIELDS: &str = "id,title,handle,description,*variants.calculated_price";
const ITEM_FIELDS: &str = "id,title,handle,thumbnail,*variants.calculated_price";

/// What the seed left for the load. The first slug and variant are the hot ones.
#[derive(Debug, Deserialize)]
pub struct Medusa {
    key: String,
    region: String,
    slugs: Vec<String>,
    variants: Vec<String>,
    hot_variant: String,
    categories: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Products {
    products: Vec<Product>,
}

#[derive(Debug, Deserialize)]
struct Product {
    variants: Vec<Variant>,
}

#[derive(Debug, Deserialize)]
struct Variant {
    calculated_price: Price,
}

#[derive(Debug, Deserialize)]
struct Price {
    calculated_amount: f64,
}

#[derive(Debug, Deserialize)]
struct Id {
    id: String,
}

#[derive(Debug, Deserialize)]
struct OfCart {
    cart: Id,
}

#[derive(Debug, Deserialize)]
struct Options {
    shipping_options: Vec<Id>,
}

#[derive(Debug, Deserialize)]
struct OfPayment {
    payment_collection: Id,
}

/// A completed cart is answered as an order, or as the cart with what is wrong.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Completed {
    Order { order: Id },
    Cart { error: Refusal },
}

#[derive(Debug, Deserialize)]
struct OfOrder {
    order: Order,
}

#[derive(Debug, Deserialize)]
struct Order {
    payment_status: String,
}

#[derive(Debug, Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: String,
}

/// Why a step of a purchase was not taken.
enum Stop {
    SoldOut,
    Failed(String),
}

/// Installs it and builds it, unless this very one is there.
pub async fn install(source: &Path, into: &Path) -> Result<(), String> {
    // Its packages ask for peers of versions that exclude each other. `npm ci` refuses a lock without the binaries of all
    // other systems, which not every registry has; `install` takes what the lock names all the same.
    let is_new = node::install(source, into, &["install", "--no-save", "--legacy-peer-deps"]).await?;
    if !is_new && into.join(BUILT).join("medusa-config.js").exists() {
        return Ok(());
    }
    let log = into.join("install.log");
    node::run(node::command("node", into, &log)?.args([CLI, "build"]), &log).await
}

/// Makes the tables of an empty database, fills them, and writes what [`Medusa::read`] reads.
pub async fn seed(folder: &Path, database_url: &str, catalogue: &Path, out: &Path, log: &Path) -> Result<(), String> {
    let mut migrate = node::command("node", folder, log)?;
    migrate.args([CLI, "db:migrate", "--execute-all-links"]).env("DATABASE_URL", database_url);
    node::run(&mut migrate, log).await?;
    let mut seed = node::command("node", folder, log)?;
    seed.args([CLI, "exec", "./src/scripts/seed.ts"]).env("DATABASE_URL", database_url);
    seed.env("CATALOGUE", catalogue).env("OUT", out).env("HOT_STOCK", node::HOT_STOCK.to_string());
    node::run(&mut seed, log).await
}

/// Starts it: one process for requests and for work. Without the key that its seed made nobody sees the catalogue, so
/// what is awaited is its word that it is healthy, which it gives once all its routes are there.
pub async fn start(folder: &Path, database_url: &str, port: u16, log: &Path) -> Result<Child, String> {
    let mut server = node::command("node", &folder.join(BUILT), log)?;
    server.args([CLI_OF_BUILT, "start", "--host", "127.0.0.1", "--port", &port.to_string()]);
    let look = async |http: &mut Http| http.get("/health", &[]).await?.must_be(200);
    node::start(server.env("DATABASE_URL", database_url), port, log, look).await
}

impl Medusa {
    pub fn read(seeded: &Path) -> Result<Self, String> {
        node::seeded(seeded)
    }

    /// A storefront knows the slug, so this is a list of one; Medusa answers by id a little faster.
    pub async fn product(&self, buyer: &mut Buyer) -> Result<(), String> {
        let slug = &self.slugs[buyer.popular(self.slugs.len())];
        self.priced(buyer, &format!("handle={slug}&limit=1&fields={PRODUCT_FIELDS}")).await
    }

    /// By category only: Medusa's list does not filter by price.
    pub async fn listing(&self, buyer: &mut Buyer) -> Result<(), String> {
        let category = &self.categories[buyer.any(self.categories.len())];
        self.priced(buyer, &format!("category_id%5B%5D={category}&limit=20&fields={ITEM_FIELDS}")).await
    }

    pub async fn cart(&self, buyer: &mut Buyer) -> Result<(), String> {
        let items = json!([{ "variant_id": self.variants[buyer.any(self.variants.len())], "quantity": 1 }]);
        let body = json!({ "region_id": self.region, "items": items });
        let made = self.ask::<OfCart>(&mut buyer.http, Method::POST, "/store/carts?fields=id,*items", Some(body)).await;
        made.map(drop).map_err(Stop::text)
    }

    pub async fn purchase(&self, buyer: &mut Buyer) -> Result<(), String> {
        // Any but the hot one.
        let variant = 1 + buyer.any(self.variants.len() - 1);
        self.buy(buyer, &self.variants[variant]).await.map_err(Stop::text)
    }

    pub async fn buy_hot(&self, buyer: &mut Buyer) -> Result<Bought, String> {
        match self.buy(buyer, &self.hot_variant).await {
            Ok(()) => Ok(Bought::Ordered),
            Err(Stop::SoldOut) => Ok(Bought::SoldOut),
            Err(Stop::Failed(why)) => Err(why),
        }
    }

    /// A cart with a line, an e-mail and an address; how it can be sent; that way chosen; how it is paid; ordered; looked
    /// at again.
    async fn buy(&self, buyer: &mut Buyer, variant: &str) -> Result<(), Stop> {
        // Two carts of one new e-mail at a time are refused: both make the customer.
        let email = format!("{:08x}-{}", buyer.random.random::<u32>(), buyer.email);
        let http = &mut buyer.http;
        let address = json!({
            "first_name": "Ada", "last_name": "Lovelace", "address_1": "Hauptstraße 1", "city": "Wien", "postal_code": "1010",
            "country_code": "at",
        });
        let cart = json!({
            "region_id": self.region, "items": [{ "variant_id": variant, "quantity": 1 }], "email": email,
            "shipping_address": address, "billing_address": address,
        });
        let made: OfCart = self.ask(http, Method::POST, "/store/carts?fields=id", Some(cart)).await?;
        let cart = made.cart.id;
        let path = format!("/store/shipping-options?cart_id={cart}&fields=id,amount");
        let options: Options = self.ask(http, Method::GET, &path, None).await?;
        let option = options.shipping_options.first().ok_or_else(|| Stop::Failed("no way to send it".to_owned()))?;
        let path = format!("/store/carts/{cart}/shipping-methods?fields=id");
        let _: OfCart = self.ask(http, Method::POST, &path, Some(json!({ "option_id": option.id }))).await?;
        let body = json!({ "cart_id": cart });
        let made: OfPayment = self.ask(http, Method::POST, "/store/payment-collections?fields=id", Some(body)).await?;
        let path = format!("/store/payment-collections/{}/payment-sessions?fields=id", made.payment_collection.id);
        let _: OfPayment =
            self.ask(http, Method::POST, &path, Some(json!({ "provider_id": "pp_system_default" }))).await?;
        let path = format!("/store/carts/{cart}/complete?fields=id");
        let order = match self.ask(http, Method::POST, &path, Some(json!({}))).await? {
            Completed::Order { order } => order.id,
            Completed::Cart { error } => return Err(error.stop(200)),
        };
        let path = format!("/store/orders/{order}?fields=id,status,payment_status,total");
        let seen: OfOrder = self.ask(http, Method::GET, &path, None).await?;
        match seen.order.payment_status.as_str() {
            // Its own test gateway is never asked for the money itself, which staff would do.
            "authorized" | "captured" => Ok(()),
            status => Err(Stop::Failed(format!("an order is {status}"))),
        }
    }

    async fn priced(&self, buyer: &mut Buyer, query: &str) -> Result<(), String> {
        let path = format!("/store/products?region_id={}&{query}", self.region);
        let found: Products = self.ask(&mut buyer.http, Method::GET, &path, None).await.map_err(Stop::text)?;
        let is_priced = |variant: &Variant| variant.calculated_price.calculated_amount > 0.0;
        let are_priced = |product: &Product| !product.variants.is_empty() && product.variants.iter().all(is_priced);
        let is_good = !found.products.is_empty() && found.products.iter().all(are_priced);
        if is_good { Ok(()) } else { Err(format!("{query}: {} products, or without prices", found.products.len())) }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        http: &mut Http,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, Stop> {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let headers = [("x-publishable-api-key", self.key.as_str())];
        let reply = http.send(method, path, &headers, body.into()).await.map_err(Stop::Failed)?;
        match reply.status.as_u16() {
            200 => node::parsed(&reply, 200).map_err(Stop::Failed),
            _ => Err(refusal(&reply)),
        }
    }
}

fn refusal(reply: &Reply) -> Stop {
    let refusal: Refusal = serde_json::from_slice(&reply.body).unwrap_or_default();
    refusal.stop(reply.status.as_u16())
}

impl Refusal {
    fn stop(self, status: u16) -> Stop {
        let Self { code, message } = self;
        let code = code.unwrap_or_default();
        // A cart is refused in the first words, an order in the second.
        match code == "insufficient_inventory" || message.contains("Not enough stock") {
            true => Stop::SoldOut,
            false => Stop::Failed(format!("{status} {code} {}", message.chars().take(200).collect::<String>())),
        }
    }
}

impl Stop {
    fn text(self) -> String {
        match self {
            Self::SoldOut => "sold out".to_owned(),
            Self::Failed(why) => why,
        }
    }
}
