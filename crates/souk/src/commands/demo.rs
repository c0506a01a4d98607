//! `souk demo`: opens a sample shop, buys from it over HTTP as anyone would, and leaves it running.

mod api;
mod sample;

use std::path::Path;

use contracts::customers::Role;
use platform::config::Server;
use platform::{Clock, Config, Ids};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::api::Api;
use super::{say, told_to_stop};
use crate::wire::{Running, Shop};

/// Not a shop's own name for it: what lies there is replaced.
const DATABASE: &str = "souk-demo.db";
const BUYER: &str = "ada@example.com";

/// Runs the sample shop from `folder`, replacing an earlier one; with `once`, stops after the purchase.
pub(crate) async fn run(config: Config, folder: &Path, once: bool) -> Result<(), String> {
    let sample = sample::Sample::read()?;
    let mut config = of_its_own(config);
    prepare(&mut config, folder)?;
    sample.settle_into(&mut config, folder)?;
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
    sample.set_up(&api).await?;
    let order = buy(&api).await?;
    ship(&api, &order).await?;
    timeline(&api, &order).await?;
    stay(running, &address.to_string(), &staff.key, folder, once).await
}

/// The settings of another shop that lie where it is started are not its own: it writes to nobody of theirs, and takes
/// what it needs. Where it listens and what it logs is for who starts it to say.
fn of_its_own(config: Config) -> Config {
    let Config { server: Server { listen, .. }, log, .. } = config;
    let usual = Config::defaults();
    Config { server: Server { listen, ..usual.server }, log, ..usual }
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

/// As a guest: from the list to a confirmed order. Returns the order.
async fn buy(api: &Api) -> Result<Value, String> {
    say("A guest buys:");
    // What staff just counted into stock reaches the catalogue by an event, a moment later.
    let list = "/v1/products?category=green-tea&in_stock=true&sort=price_asc";
    let found = api.until(list, "green tea is in stock", |list| list["items"][0]["slug"].is_string()).await?;
    let tea = api.get(&format!("/v1/products/{}", text(&found["items"][0], "slug")?)).await?;
    say(&format!("  GET  {list}\n         finds {} from {}", tea["title"], money(&found["items"][0]["price_min"])));
    let is_in = |pot: &Value| pot["variants"][0]["availability"] != "out";
    let pot = api.until("/v1/products/stoneware-teapot", "the teapot is in stock", is_in).await?;
    say(&format!("  GET  /v1/products/stoneware-teapot     {}", pot["title"]));
    let line =
        |product: &Value, quantity: i64| json!({ "variant": product["variants"][0]["id"], "quantity": quantity });
    let address =
        json!({ "name": "Ada Lovelace", "line1": "Ringstraße 1", "city": "Wien", "postcode": "1010", "country": "AT" });
    let new = json!({ "email": BUYER, "shipping_address": address, "lines": [line(&tea, 2), line(&pot, 1)] });
    let cart = api.post("/v1/carts", &new).await?;
    let (id, token) = (text(&cart, "id")?, text(&cart, "token")?);
    say(&format!("  POST /v1/carts                         {id}, two of the tea and a pot, to Wien"));
    let buyer = api.with_cart(&token);
    let options = buyer.get(&format!("/v1/carts/{id}/shipping-options")).await?;
    for option in options["items"].as_array().into_iter().flatten() {
        say(&format!("         {:>12}  {}", money(&option["price"]), option["name"].as_str().unwrap_or_default()));
    }
    let option = &options["items"][0];
    let cart = buyer.patch(&format!("/v1/carts/{id}"), &json!({ "shipping_method": option["method"] })).await?;
    say(&format!("  PATCH /v1/carts/{{cart}}                 {}", option["name"]));
    say("  GET  /v1/carts/{cart}                  what it costs, and why:");
    for step in cart["quote"]["trace"].as_array().into_iter().flatten() {
        say(&format!("         {:>12}  {}", money(&step["amount"]), step["text"].as_str().unwrap_or_default()));
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

/// As staff: dispatches the order's shipment, and says that it arrived.
async fn ship(api: &Api, order: &Value) -> Result<(), String> {
    let list = format!("/v1/admin/shipments?order={}", text(order, "id")?);
    let shipment = api.until(&list, "the shipment exists", |list| list["items"][0]["id"].is_string()).await?;
    let shipment = text(&shipment["items"][0], "id")?;
    say("\nStaff ship it:");
    api.staff(
        &format!("/v1/admin/shipments/{shipment}/dispatch"),
        &json!({ "parcels": [{ "carrier": "post", "tracking_number": "1000000000000001" }] }),
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn it_takes_no_settings_of_another_shop() {
        let set = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
        let environment: HashMap<String, String> = [
            ("SOUK_SERVER__LISTEN", "127.0.0.1:9999"),
            ("SOUK_LOG__FILTER", "debug"),
            ("SOUK_NOTIFICATIONS__SMTP__URL", "smtp://127.0.0.1:25"),
            ("SOUK_PAYMENTS__CARD__ENABLED", "false"),
            ("SOUK_SERVER__SECRETS_FILE", "theirs.key"),
        ]
        .iter()
        .map(set)
        .collect();
        let config = of_its_own(Config::load(None, &environment).expect("settings"));
        assert_eq!((config.server.listen.as_str(), config.log.filter.as_str()), ("127.0.0.1:9999", "debug"));
        let mut usual = Config::defaults();
        usual.server.listen = "127.0.0.1:9999".to_owned();
        "debug".clone_into(&mut usual.log.filter);
        assert_eq!(config.shown(), usual.shown());
    }
}
