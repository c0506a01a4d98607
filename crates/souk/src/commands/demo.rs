//! `souk demo`: opens a sample shop, buys from it over HTTP as anyone would, and leaves it running.

mod api;

use std::path::Path;

use contracts::customers::Role;
use platform::{Clock, Config, Ids};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::api::Api;
use super::{say, told_to_stop};
use crate::wire::{Running, Shop};

const PRODUCTS: &str = include_str!("../../../../examples/sample/products.ndjson");
const STOCK: &str = include_str!("../../../../examples/sample/stock.csv");
const SETTINGS: &str = include_str!("../../../../examples/sample/shop.toml");
/// Not a shop's own name for it: what lies there is replaced.
const DATABASE: &str = "souk-demo.db";
const BUYER: &str = "ada@example.com";

/// What the shop needs before it can sell; each is the body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    tax_zone: Value,
    location: Value,
    shipping_zone: Value,
}

/// A line of stock.csv.
#[derive(Debug, Deserialize)]
struct Count {
    sku: String,
    on_hand: i64,
}

/// Runs the sample shop from `folder`, replacing an earlier one; with `once`, stops after the purchase.
pub(crate) async fn run(mut config: Config, folder: &Path, once: bool) -> Result<(), String> {
    prepare(&mut config, folder)?;
    let (listener, address) = listen(&config.server.listen).await?;
    config.server.public_url = format!("http://{address}");
    let shop = Shop::open(config, Clock::System, Ids::Random).await?;
    shop.migrate().await?;
    let staff = shop.ctx("customers").clone();
    let running = shop.serve(listener).await?;
    say(&format!("A shop with nine services is open on http://{address}, its data in {}/.\n", folder.display()));
    let staff =
        customers::add_staff(&staff, "staff@example.com", Role::Owner).await.map_err(|error| error.to_string())?;
    let api = Api::new(format!("http://{address}"), staff.key.clone());
    set_up(&api).await?;
    let order = buy(&api).await?;
    ship(&api, &order).await?;
    timeline(&api, &order).await?;
    stay(running, &address.to_string(), &staff.key, folder, once).await
}

/// A fresh folder for the sample shop's database and mails.
fn prepare(config: &mut Config, folder: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    let lock = std::fs::File::create(folder.join(format!("{DATABASE}.lock"))).map_err(failed)?;
    if lock.try_lock().is_err() {
        return Err(format!(
            "a sample shop is open in {}/ already: stop it, or give another --folder",
            folder.display()
        ));
    }
    for name in [DATABASE.to_owned(), format!("{DATABASE}-wal"), format!("{DATABASE}-shm")] {
        match std::fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    config.database.url = format!("sqlite:{}", folder.join(DATABASE).display());
    config.database.services.clear();
    config.server.secrets_file = folder.join("souk.key").display().to_string();
    config.notifications.folder = folder.join("mails").display().to_string();
    Ok(())
}

/// The usual address, or a free port where it is taken.
async fn listen(usual: &str) -> Result<(TcpListener, std::net::SocketAddr), String> {
    let listener = match TcpListener::bind(usual).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?,
    };
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Ok((listener, address))
}

/// As staff: tax, a location, shipping, products and what is in stock of them.
async fn set_up(api: &Api) -> Result<(), String> {
    let settings: Settings = toml::from_str(SETTINGS).map_err(|error| format!("examples/sample/shop.toml: {error}"))?;
    api.staff("/v1/admin/tax/zones", &settings.tax_zone).await?;
    let location = api.staff("/v1/admin/locations", &settings.location).await?;
    api.staff("/v1/admin/shipping/zones", &settings.shipping_zone).await?;
    let mut variants = std::collections::HashMap::new();
    for line in PRODUCTS.lines().filter(|line| !line.trim().is_empty()) {
        let product: Value =
            serde_json::from_str(line).map_err(|error| format!("examples/sample/products.ndjson: {error}"))?;
        let made = api.staff("/v1/admin/products", &product).await?;
        for variant in made["variants"].as_array().into_iter().flatten() {
            variants.insert(text(variant, "sku")?, variant["id"].clone());
        }
    }
    let products = PRODUCTS.lines().filter(|line| !line.trim().is_empty()).count();
    for count in csv::Reader::from_reader(STOCK.as_bytes()).deserialize::<Count>() {
        let count = count.map_err(|error| format!("examples/sample/stock.csv: {error}"))?;
        let variant = variants
            .get(&count.sku)
            .ok_or_else(|| format!("examples/sample/stock.csv: no variant has the SKU {}", count.sku))?;
        let body = json!({ "variant": variant, "location": location["id"], "quantity": count.on_hand, "reason": "opening stock" });
        api.staff("/v1/admin/stock/adjustments", &body).await?;
    }
    say(&format!(
        "Staff set it up: tax, a location, two ways to ship, {products} products with {} variants, all in stock.\n",
        variants.len()
    ));
    Ok(())
}

/// As a guest: from the list to a confirmed order. Returns the order.
async fn buy(api: &Api) -> Result<Value, String> {
    say("A guest buys:");
    let product = first_available(api).await?;
    let variant = &product["variants"][0];
    say(&format!("  GET  /v1/products                      finds {}, {}", product["title"], money(&variant["price"])));
    let cart = api.post("/v1/carts", &json!({ "email": BUYER })).await?;
    let (id, token) = (text(&cart, "id")?, text(&cart, "token")?);
    say(&format!("  POST /v1/carts                         {id}"));
    let buyer = api.with_cart(&token);
    buyer.post(&format!("/v1/carts/{id}/lines"), &json!({ "variant": variant["id"], "quantity": 2 })).await?;
    say("  POST /v1/carts/{cart}/lines            two of them");
    let address =
        json!({ "name": "Ada Lovelace", "line1": "Ringstraße 1", "city": "Wien", "postcode": "1010", "country": "AT" });
    buyer.patch(&format!("/v1/carts/{id}"), &json!({ "shipping_address": address })).await?;
    let options = buyer.get(&format!("/v1/carts/{id}/shipping-options")).await?;
    let option = &options["items"][0];
    let cart = buyer.patch(&format!("/v1/carts/{id}"), &json!({ "shipping_method": option["method"] })).await?;
    say(&format!("  PATCH /v1/carts/{{cart}}                 to Wien by {}", option["name"]));
    say("  GET  /v1/carts/{cart}                  what it costs, and why:");
    for step in cart["quote"]["trace"].as_array().into_iter().flatten() {
        say(&format!("         {:<52} {:>12}", step["text"].as_str().unwrap_or_default(), money(&step["amount"])));
    }
    let body = json!({ "cart": id, "payment": { "method": "card", "token": "tok_ok" }, "expected_total": cart["quote"]["total"] });
    let order = buyer.order(&body).await?;
    say(&format!(
        "  POST /v1/orders  Prefer: wait=10       {} {}, {}",
        text(&order, "number")?,
        order["status"],
        order["payment_state"]
    ));
    if order["status"] != "confirmed" {
        return Err(format!("the order is {}, not confirmed: {order:#}", order["status"]));
    }
    Ok(json!({ "id": order["id"], "token": token }))
}

/// The first product of the list that is in stock, as its own page shows it.
async fn first_available(api: &Api) -> Result<Value, String> {
    // What staff just counted into stock reaches the catalogue by an event, a moment later.
    for _ in 0..100 {
        let list = api.get("/v1/products?limit=100").await?;
        let found = list["items"].as_array().into_iter().flatten().find(|product| product["availability"] != "out");
        if let Some(product) = found {
            return api.get(&format!("/v1/products/{}", text(product, "slug")?)).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    Err("no product came into stock within 5 seconds".to_owned())
}

/// As staff: dispatches the order's shipment, and says that it arrived.
async fn ship(api: &Api, order: &Value) -> Result<(), String> {
    let list = format!("/v1/admin/shipments?order={}", text(order, "id")?);
    let shipment = api.until(&list, "the shipment exists", |list| list["items"][0]["id"].is_string()).await?;
    let shipment = text(&shipment["items"][0], "id")?;
    say("\nStaff ship it:");
    api.staff(
        &format!("/v1/admin/shipments/{shipment}/dispatch"),
        &json!({ "carrier": "Post", "tracking_number": "AT-0001" }),
    )
    .await?;
    say(&format!("  POST /v1/admin/shipments/{shipment}/dispatch   the money is captured now"));
    api.staff(&format!("/v1/admin/shipments/{shipment}/deliver"), &json!({})).await?;
    say("  POST /v1/admin/shipments/{shipment}/deliver");
    Ok(())
}

/// The order's life across the services, as its own history tells it.
async fn timeline(api: &Api, order: &Value) -> Result<(), String> {
    let buyer = api.with_cart(&text(order, "token")?);
    let path = format!("/v1/orders/{}", text(order, "id")?);
    let order = buyer.until(&path, "the order is completed", |order| order["status"] == "completed").await?;
    say(&format!("\nThe order's life, across the services ({path}):"));
    for entry in order["history"].as_array().into_iter().flatten() {
        let field = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        say(&format!("  {}  {:<14} {:<24} {}", field("at"), field("source"), field("event"), field("status")));
    }
    Ok(())
}

async fn stay(running: Running, address: &str, key: &str, folder: &Path, once: bool) -> Result<(), String> {
    say(&format!(
        "\nThe shop stays open (ctrl-c closes it):\n  http://{address}/                 what runs here\n  \
         http://{address}/api-docs         the API, to read and to try\n  http://{address}/v1/products      the catalogue\n  \
         http://{address}/metrics          its figures\n  {}/mails/            what it wrote to the buyer\n  \
         staff key: {key}",
        folder.display()
    ));
    if !once {
        told_to_stop().await;
    }
    running.stop().await.then_some(()).ok_or_else(|| "some work did not end in time".to_owned())
}

fn text(value: &Value, field: &str) -> Result<String, String> {
    value[field].as_str().map(str::to_owned).ok_or_else(|| format!("an answer has no text `{field}`: {value:#}"))
}

fn money(value: &Value) -> String {
    serde_json::from_value::<contracts::Money>(value.clone())
        .map_or_else(|_| value.to_string(), |money| money.to_string())
}
